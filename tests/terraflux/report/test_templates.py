"""Every page has the whole head and well-formed markup, opens offline, prints, and escapes all that it is given."""

import re
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import pytest
from jinja2 import UndefinedError

import terraflux.report
from terraflux.report.figures import Drawn
from terraflux.report.templates import data_uri, environment, rendered

EVIL = "<script>x</script>\"'&"
PIECES = {"base.html", "shared.html", "style.html"}
FIGURE = Drawn("flows", EVIL, b"\x89PNG and more")
ROW, PAIR = [EVIL] * 12, (EVIL, EVIL)
CLOSURES = [SimpleNamespace(name=EVIL, limit=1e-9, unit=EVIL, value=value, closes=closes)
            for value, closes in ((1e-12, True), (1.0, False), (float("nan"), None))]
TOWERS = [{"rank": 1, "code": EVIL, "score": EVIL, "selected": chosen, "failed": not chosen, "parts": [EVIL], "reasons": EVIL}
          for chosen in (True, False)]
PAGES = {
    "page.html": {"site": EVIL, "synthetic": True, "period": EVIL, "closures": CLOSURES, "budget": ([EVIL], [ROW]),
                  "scores": [(EVIL, [ROW])], "metrics": ("kge_2012",), "figures": [FIGURE], "facts": [PAIR],
                  "provenance": [PAIR], "completions": [EVIL], "documents": [PAIR], "attributes": [PAIR]},
    "comparison.html": {"title": EVIL, "common": EVIL, "synthetic": EVIL, "products": [ROW[:6]],
                        "tables": [(EVIL, EVIL, [EVIL], [ROW])], "figures": [FIGURE], "method": [EVIL], "regions": [PAIR]},
    "nation.html": {"years": EVIL, "resolution": EVIL, "cells": EVIL, "tables": [(EVIL, EVIL, [EVIL], [ROW])],
                    "figures": [FIGURE], "method": [EVIL], "beside": [PAIR]},
    "ranking.html": {"selected": 1, "towers": TOWERS, "parts": ["sensor_bias"], "rule": EVIL},
    "representativeness.html": {"tower": EVIL, "model": EVIL, "period": EVIL, "summary": [ROW[:3]], "figures": [FIGURE],
                                "used": 1, "rows": 2, "weights": EVIL, "reasons": [ROW[:3]], "cautions": [ROW[:3]],
                                "facts": [PAIR], "blocks": [(EVIL, [ROW[:7]])]},
    "fit.html": {"site": EVIL, "title": EVIL, "synthetic": True, "years": EVIL, "validation": EVIL, "method": EVIL,
                 "converged": False, "status": EVIL, "message": EVIL, "runs": 1, "seconds": "1.0", "failed": 1, "scores": [ROW],
                 "parameters": [ROW[:10]], "months": [ROW[:7]], "degrees": "1.2", "size": 3, "unidentified": [EVIL],
                 "streams": [ROW[:11]], "footprint": [PAIR], "sectors": ([EVIL], [ROW[:1]]), "coverage": [ROW[:5]],
                 "figures": [FIGURE], "stages": [ROW[:4]], "diagnostics": [ROW[:5]], "provenance": [PAIR], "problem": EVIL},
}


class Markup(HTMLParser):
    """What a page consists of: tags with attributes, words by innermost tag, and tags that do not nest."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.words, self.open, self.crossed = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        if self.open and data.strip():
            self.words.append((self.open[-1], data))

    def attributes(self, tag):
        """Attributes of each of these tags in order."""
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(params=sorted(PAGES))
def page(request):
    """The text of each page with every part that it can have."""
    return rendered(request.param, warnings=[EVIL], files=[EVIL], **PAGES[request.param])


def test_every_template_of_a_page_is_tried_here():
    names = {path.name for path in Path(terraflux.report.__file__).parent.glob("*.html")}
    assert names - PIECES == set(PAGES)


def test_the_head_is_whole(page):
    markup = Markup(page)
    assert page.startswith("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")
    assert page.encode("utf-8").index(b"charset") < 1024
    metas = {attributes.get("name", attributes.get("http-equiv")): attributes.get("content")
             for attributes in markup.attributes("meta")}
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    assert metas["generator"].startswith("terraflux ")
    for tag in ("html", "head", "title", "style", "body", "main", "header", "h1", "footer"):
        assert len(markup.attributes(tag)) == 1, tag
    title = re.search("<title>(.*)</title>", page)[1]
    assert title.startswith("terraflux: ") and len(title) > len("terraflux: ")


def test_titles_tell_pages_apart():
    titles = [re.search("<title>(.*)</title>", rendered(name, **given))[1] for name, given in PAGES.items()]
    assert len(set(titles)) == len(PAGES)


def test_markup_nests_and_names_are_given_once(page):
    markup = Markup(page)
    assert markup.crossed == [] and markup.open == []
    names = [attributes["id"] for _, attributes in markup.tags if "id" in attributes]
    assert len(names) == len(set(names))


def test_nothing_is_loaded_and_the_browser_is_told_so(page):
    markup = Markup(page)
    policy = next(one["content"] for one in markup.attributes("meta") if one.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    assert {tag for tag, _ in markup.tags} & {"link", "script", "iframe", "object", "embed", "base", "form"} == set()
    assert all(one["src"].startswith("data:image/png;base64,") and one["alt"] for one in markup.attributes("img"))
    assert not re.search(r"url\(|@import|https?://", page)


def test_pages_print(page):
    style = page[page.index("<style>"):page.index("</style>")]
    rules = style[style.index("@media print"):]
    for rule in ("break-inside: avoid", "break-after: avoid", "table-header-group", "overflow: visible", "details-content"):
        assert rule in rules
    assert style.count("{") == style.count("}")


def test_everything_given_is_escaped(page):
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 5
    assert any(EVIL in words for _, words in Markup(page).words)


def test_warnings_come_before_and_files_after_the_content(page):
    places = [page.index(words) for words in ("</header>", '<ul class="warnings">', "Beside this page: ", "</main>")]
    assert places == sorted(places)
    heads = [place.start() for place in re.finditer("<h2>", page)]
    assert places[1] < heads[-1] < places[2]


def test_without_warnings_and_files_nothing_is_said_of_them():
    text = rendered("ranking.html", **PAGES["ranking.html"])
    assert "Read first" not in text and "Beside this page" not in text and "<footer" not in text


def test_a_value_that_is_not_given_is_an_error():
    with pytest.raises(UndefinedError, match="rule"):
        rendered("ranking.html", **{name: value for name, value in PAGES["ranking.html"].items() if name != "rule"})


def test_a_table_tells_words_from_numbers_and_numbers_from_nothing():
    table = environment().get_template("shared.html").module.table
    text = str(table([["a", 1, "b"]], ["x", "y", "z"], [3], "told"))
    assert '<table id="told">' in text and "<thead>" in text
    assert '<tr><td>a</td><td>1</td><td class="text">b</td></tr>' in text
    assert '<th>x</th><th>y</th><th class="text">z</th>' in text
    assert "<thead>" not in str(table([["a", "b"]]))


def test_an_image_travels_within_the_page():
    assert data_uri(b"\x89PNG") == "data:image/png;base64,iVBORw=="
    assert environment() is environment()
