"""Every command and snippet of the pages on the catalogue and on records runs, in order."""

import runpy
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
docs_blocks = runpy.run_path(str(REPOSITORY / "tests" / "house" / "docs_blocks.py"))


@pytest.mark.real_data
@pytest.mark.parametrize("page", ["docs/towers/catalogue.md", "docs/towers/records.md"])
def test_blocks_of_the_page_run(page, repository, tmp_path, shared_data, monkeypatch):
    environment = docs_blocks["workplace"](repository, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TERRAFLUX_SHARED_DATA", str(shared_data))
    names = {"__name__": "docs_page"}
    blocks = docs_blocks["blocks_of"]((repository / page).read_text(encoding="utf-8"))
    assert {block.language for block in blocks} <= {"bash", "python", "toml", "text"}
    for block in blocks:
        if block.language == "python":
            docs_blocks["run_python"](block, tmp_path, names)
        elif block.language == "bash":
            docs_blocks["run_bash"](block, tmp_path, environment)


def test_the_toml_of_the_page_is_a_valid_own_file(repository, tmp_path):
    from terraflux.sites.catalogue import catalogue

    text = (repository / "docs" / "towers" / "catalogue.md").read_text(encoding="utf-8")
    block = next(block for block in docs_blocks["blocks_of"](text) if block.language == "toml")
    path = tmp_path / "own.toml"
    path.write_text(block.text, encoding="utf-8")
    assert catalogue(path)["CN-New"].plant_type == "GRA"
    assert f"{len(catalogue())} flux towers" in text
