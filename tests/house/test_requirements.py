"""The lock pins what the project asks for, by hash, from no particular address."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@pytest.fixture(scope="module")
def asked(repository):
    """Requirements of pyproject.toml by name: to run, to develop and to build."""
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*project["project"]["dependencies"], *project["project"]["optional-dependencies"]["dev"],
             *project["build-system"]["requires"]]
    return {canonicalize_name(one.name): one for one in map(Requirement, lines)}


@pytest.fixture(scope="module")
def pinned(repository):
    """(name, version, number of hashes) of every entry of the lock."""
    text = (repository / "requirements.lock").read_text(encoding="utf-8").replace("\\\n", " ")
    entries = []
    for line in text.splitlines():
        found = re.match(r"([A-Za-z0-9._-]+)==([^\s;]+)", line)
        if found:
            entries.append((canonicalize_name(found[1]), found[2], line.count("--hash=sha256:")))
    return entries


def test_every_entry_of_the_lock_has_a_hash(repository, pinned):
    assert len(pinned) > 50
    assert not [name for name, _, hashes in pinned if not hashes]
    lines = (repository / "requirements.lock").read_text(encoding="utf-8").splitlines()
    starts = [line for line in lines if line and not line[0].isspace() and not line.startswith("#")]
    assert all("==" in line for line in starts), "an entry without an exact version"


def test_the_lock_names_no_host(repository):
    text = (repository / "requirements.lock").read_text(encoding="utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*--?(index|extra-index|find-links|trusted-host|i |f )", text, re.MULTILINE)


def test_the_lock_pins_what_the_project_asks_for(asked, pinned):
    versions = {}
    for name, version, _ in pinned:
        versions.setdefault(name, []).append(version)
    for name, requirement in asked.items():
        assert name in versions, f"{name} is not in requirements.lock"
        assert all(requirement.specifier.contains(version) for version in versions[name]), f"{name} {versions[name]}"


def test_the_list_the_lock_is_made_from_has_every_requirement(repository, asked):
    lines = (repository / "requirements.in").read_text(encoding="utf-8").split()
    listed = {canonicalize_name(Requirement(line).name) for line in lines if not line.startswith("#")}
    assert asked.keys() - listed == set()
