"""Report pages share one head, one style and one environment, and load nothing from elsewhere."""

import re

import pytest

BASE, STYLE, SHARED = "base.html", "style.html", "shared.html"
OWNED_BY_BASE = re.compile(r"<!doctype|</?(html|head|meta|title|link|body|main|header|footer|h1|script)\b", re.IGNORECASE)
LOADS = re.compile(r"https?://|//[a-z]+\.|url\(|@import|@font-face|<(link|script|iframe|object|embed|video|audio|base)\b",
                   re.IGNORECASE)


@pytest.fixture(scope="module")
def templates(repository):
    """{name: text} of all templates of reports."""
    folder = repository / "terraflux" / "report"
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.html"))}


def test_every_page_extends_the_base_and_holds_no_head_of_its_own(templates):
    pages = {name: text for name, text in templates.items() if name not in (BASE, STYLE, SHARED)}
    assert len(pages) >= 6
    assert [name for name, text in pages.items() if not text.startswith('{% extends "base.html" %}\n')] == []
    assert {name: found[0] for name, text in templates.items() if name != BASE and (found := OWNED_BY_BASE.search(text))} == {}


def test_style_stands_in_one_place(templates):
    assert [name for name, text in templates.items() if "<style" in text] == [STYLE]
    assert [name for name, text in templates.items() if "style=" in text] == []


def test_tables_and_figures_stand_in_one_place(templates):
    assert [name for name, text in templates.items() if "<table" in text] == [SHARED]
    assert [name for name, text in templates.items() if "<img" in text] == [SHARED]


def test_templates_load_nothing_from_elsewhere_and_trust_no_data(templates):
    assert {name: found[0] for name, text in templates.items() if (found := LOADS.search(text))} == {}
    assert [name for name, text in templates.items() if re.search(r"\|\s*safe\b|autoescape", text)] == []


def test_there_is_one_environment_and_no_page_in_python(repository):
    files = {path.relative_to(repository).as_posix(): path.read_text(encoding="utf-8")
             for path in (repository / "terraflux").rglob("*.py")}
    importing = [name for name, text in files.items() if re.search(r"(from|import) jinja2", text)]
    assert importing == ["terraflux/report/templates.py"]
    assert [name for name, text in files.items() if re.search(r"<(html|head|body|style)\b", text)] == []
