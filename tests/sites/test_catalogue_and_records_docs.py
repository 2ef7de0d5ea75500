"""What the pages on the catalogue and on records state is so; their commands run with those of all pages."""

import runpy
from pathlib import Path

from terraflux.sites.catalogue import catalogue
from terraflux.sites.records import FORMATS
from terraflux.sites.records.tower_record import SENSES

HOUSE = Path(__file__).resolve().parents[1] / "house"
blocks_of = runpy.run_path(str(HOUSE / "docs_blocks.py"))["blocks_of"]


def test_the_toml_of_the_page_is_a_valid_own_file(repository, tmp_path):
    text = (repository / "docs" / "towers" / "catalogue.md").read_text(encoding="utf-8")
    block = next(block for block in blocks_of(text) if block.language == "toml")
    path = tmp_path / "own.toml"
    path.write_text(block.text, encoding="utf-8")
    assert catalogue(path)["CN-New"].plant_type == "GRA"
    assert f"{len(catalogue())} flux towers" in text


def test_the_page_names_every_format_and_sense(repository):
    text = (repository / "docs" / "towers" / "records.md").read_text(encoding="utf-8")
    assert [name for name in FORMATS if f"| `{name}` |" not in text] == []
    assert [name for name in SENSES if f"| `{name}` |" not in text] == []
