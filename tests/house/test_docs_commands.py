"""Every command and snippet of README and docs runs, in order, from the top of its page."""

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
docs_blocks = runpy.run_path(str(HERE / "docs_blocks.py"))
blocks_of = docs_blocks["blocks_of"]
REPOSITORY = HERE.parents[1]
GENERATED = {"processes", "reference", "results"}
PAGES = ["README.md", *sorted(path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "docs").rglob("*.md")
                              if path.relative_to(REPOSITORY).parts[1] not in GENERATED)]
TEXTS = {page: (REPOSITORY / page).read_text(encoding="utf-8") for page in PAGES}
SHARED_DATA = Path(os.environ.get("TERRAFLUX_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
"""Blocks marked `real_data` on their fence, and those after them, read real towers here; without it they are left out."""
KINDS = {"bash", "python", "toml", "text"}
MAKE = ("make demo", "make test")
"""Not run as they stand: a second environment takes minutes, and tests do not run themselves. The demo is run without make."""
COMPILES = ("simulate(", "terraflux site my", "model.run(")


def pages_with_commands():
    """Pages with blocks to run; those that compile the model are marked slow."""
    for page, text in TEXTS.items():
        blocks = [block.text for block in blocks_of(text) if block.language in ("bash", "python")]
        if blocks:
            slow = any(word in block for block in blocks for word in COMPILES)
            yield pytest.param(page, marks=[pytest.mark.slow] if slow else [])


@pytest.fixture
def place(repository, tmp_path, monkeypatch):
    """An empty folder that looks like the repository, as working folder, and the environment of its commands."""
    environment = docs_blocks["workplace"](repository, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TERRAFLUX_SHARED_DATA", raising=False)
    return tmp_path, environment


@pytest.mark.parametrize("page", list(pages_with_commands()))
@pytest.mark.xdist_group("docs")
def test_blocks_of_a_page_run_from_top_to_bottom(page, place, monkeypatch):
    from terraflux.model.stomatal_conductance import STOMATAL_CONDUCTANCE

    folder, environment = place
    kept = dict(STOMATAL_CONDUCTANCE)
    names = {"__name__": "docs_page"}
    try:
        for block in blocks_of(TEXTS[page]):
            if block.mark == "real_data":
                if not SHARED_DATA.is_dir():
                    print(f"{page} line {block.line} is left out: the real data folder {SHARED_DATA} is absent")
                    continue
                environment["TERRAFLUX_SHARED_DATA"] = str(SHARED_DATA)
                monkeypatch.setenv("TERRAFLUX_SHARED_DATA", str(SHARED_DATA))
            if block.language == "python":
                docs_blocks["run_python"](block, folder, names)
            elif block.language == "bash" and not block.text.startswith(MAKE):
                docs_blocks["run_bash"](block, folder, environment)
    finally:
        STOMATAL_CONDUCTANCE.clear()
        STOMATAL_CONDUCTANCE.update(kept)


@pytest.mark.slow
@pytest.mark.xdist_group("docs")
def test_the_demo_writes_the_page_that_the_readme_promises(place):
    folder, environment = place
    run = subprocess.run([sys.executable, "-c", "from terraflux.cli import main; main(['demo'])"], env=environment,
                         capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert (folder / "terraflux_demo" / "report.html").is_file()
    assert "SYNTHETIC" in run.stdout
    assert "NO" not in re.findall(r"\b(yes|NO)\b", run.stdout)


def test_readme_shows_the_two_commands_of_the_makefile(repository):
    makefile = (repository / "Makefile").read_text(encoding="utf-8")
    commands = [line.partition("#")[0].strip() for block in blocks_of(TEXTS["README.md"])
                for line in block.text.splitlines() if line.startswith("make ")]
    assert commands == list(MAKE)
    assert re.search(r"^demo: .*\n\t\$\(BIN\)/terraflux demo$", makefile, re.MULTILINE)
    assert re.search(r"^test: .*\n\t\$\(BIN\)/python -m pytest", makefile, re.MULTILINE)
    ci = (repository / ".ci" / "run").read_text(encoding="utf-8").split("\n")
    assert [line for line in ci if line.startswith("make ")] == ["make lint", "make test", "make test-slow"]


@pytest.mark.parametrize("page", PAGES)
def test_every_block_says_what_it_is(page):
    unmarked = [block.line for block in blocks_of(TEXTS[page]) if block.language not in KINDS]
    assert not unmarked, f"fences at lines {unmarked} need one of {', '.join(sorted(KINDS))}"
    assert TEXTS[page].count("\n```") % 2 == 0


def test_toml_blocks_are_valid_and_their_sites_are_described_rightly():
    from terraflux.drivers.completion_choices import completion_from
    from terraflux.drivers.site import site_from_facts
    from terraflux.drivers.tower_file import FORMATS, KEYS

    seen = 0
    for page, text in TEXTS.items():
        for block in blocks_of(text):
            if block.language != "toml":
                continue
            contents = tomllib.loads(block.text)
            if "site" in contents:
                assert site_from_facts(contents["site"]).site_id, page
                seen += 1
            if block.mark == "tower":
                assert set(contents) <= set(KEYS)
                assert contents["format"] in FORMATS
                assert completion_from(contents["completion"])
    assert seen >= 2


def test_the_new_plant_type_of_the_page_works_as_it_says(repository, tmp_path, monkeypatch):
    from terraflux.model import parameter_table
    from terraflux.model.parameters import parameters

    line = next(block.text for block in blocks_of(TEXTS["docs/adding-a-plant-type.md"]) if block.mark == "plant-type")
    table = (repository / "model" / "parameters.toml").read_text(encoding="utf-8")
    code = line.partition(" =")[0]
    assert code not in parameter_table.plant_types()
    (tmp_path / "parameters.toml").write_text(table.replace("[plant_types]\n", f"[plant_types]\n{line}", 1), encoding="utf-8")
    monkeypatch.setattr(parameter_table, "__file__", str(tmp_path / "parameter_table.py"))
    parameter_table._read.cache_clear()
    try:
        new, like = parameters(code), parameters("EBF_tropical")
        assert {name: new[name] for name in new if parameter_table.parameter_entries()[name].group == "plant"} == {
            name: like[name] for name in like if parameter_table.parameter_entries()[name].group == "plant"}
    finally:
        monkeypatch.undo()
        parameter_table._read.cache_clear()
    assert code not in parameter_table.plant_types()


@pytest.mark.parametrize("page", ["README.md", "VISION.md", "CHANGELOG.md", *(
    path.relative_to(REPOSITORY).as_posix() for path in sorted((REPOSITORY / "docs").rglob("*.md")))])
def test_links_lead_somewhere(repository, page):
    text = (repository / page).read_text(encoding="utf-8")
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
        if "://" not in target:
            assert ((repository / page).parent / target).exists(), f"{page}: {target}"
