"""Templates of report pages: found beside this file, everything from data escaped.

A page extends base.html, which holds the head, the style, the notices on top and the foot of every page; tables, figures and
lists are macros of shared.html. A page refers to nothing outside itself but by links to files beside it: it opens offline.
"""

import base64
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from terraflux.evaluation.cf_attributes import version

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def environment() -> "Environment":
    """The one environment of all pages. A value that a template asks for and that is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    made = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
                       trim_blocks=True, lstrip_blocks=True)
    made.filters["data_uri"] = data_uri
    return made


def rendered(template: str, *, warnings: Sequence[str] = (), files: Sequence[str] = (), **values: Any) -> str:
    """The text of a page. `warnings` are told first, `files` name what lies beside the page; version and time of making are
    added."""
    return environment().get_template(template).render(
        warnings=list(warnings), files=list(files), version=version(), made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", **values)


def data_uri(png: bytes) -> str:
    """A PNG as the address of an image within the page."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
