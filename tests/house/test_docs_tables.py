"""The reference tables in docs/reference are current."""

import runpy

import pytest


@pytest.mark.parametrize("name", ["variables.md", "parameters.md"])
def test_reference_table_is_current(repository, name):
    page = runpy.run_path(str(repository / "docs" / "generate.py"))["PAGES"][name]()
    written = (repository / "docs" / "reference" / name).read_text(encoding="utf-8")
    assert written == page, "run `python docs/generate.py`"
