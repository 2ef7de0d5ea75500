"""Templates of report pages: found beside this file, everything from data escaped."""

from pathlib import Path
from typing import Any


def rendered(template: str, **values: Any) -> str:
    """The text of a page. A value that the template asks for and that is not given is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
                              trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template).render(**values)
