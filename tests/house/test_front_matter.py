"""README, licence, citation and changelog agree with the package."""

import re
import tomllib

import pytest

yaml = pytest.importorskip("yaml")


@pytest.fixture(scope="module")
def project(repository):
    """The [project] table of pyproject.toml."""
    return tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_versions_agree(repository, project):
    import terraflux
    from terraflux.evaluation.cf_attributes import version

    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    newest = re.search(r"^## (\S+)", (repository / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert {project["version"], terraflux.__version__, str(citation["version"]), newest[1]} == {project["version"]}
    assert version() == project["version"]


def test_citation_has_what_the_format_asks_for(repository, project):
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert str(citation["cff-version"]) == "1.2.0"
    assert {"message", "title", "authors", "version", "license"} <= set(citation)
    assert citation["type"] == "software"
    assert citation["license"] == project["license"] == "Apache-2.0"
    assert all({"name"} <= set(one) or {"family-names", "given-names"} <= set(one) for one in citation["authors"])


def test_licence_is_apache(repository):
    text = (repository / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text


def test_readme_names_every_room(repository):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    for room in ("model", "drivers", "sites", "assimilation", "region", "products", "evaluation", "terraflux", "docs",
                 "examples", "tests", "benchmarks"):
        assert f"`{room}/`" in readme, room


def test_readme_says_which_pythons(repository, project):
    readme = (repository / "README.md").read_text(encoding="utf-8")
    assert project["requires-python"] == ">=3.11,<3.14"
    for version in ("3.11", "3.12", "3.13"):
        assert version in readme


def test_changelog_names_the_verbs_of_the_command_line(repository):
    from terraflux.cli.verbs import application

    changelog = (repository / "CHANGELOG.md").read_text(encoding="utf-8")
    verbs = [command.callback.__name__ for command in application().registered_commands]
    assert len(verbs) >= 5
    assert not [verb for verb in verbs if f"`{verb}`" not in changelog]
