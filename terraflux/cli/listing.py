"""Tables and JSON on the terminal."""

import json
import shutil
import sys
from collections.abc import Sequence
from typing import Any

PLAIN_WIDTH = 200


def print_rows(head: Sequence[str], rows: Sequence[Sequence[str]], title: str = "", right: Sequence[int] = ()) -> None:
    """Print a table; `right` are the columns of numbers. In a pipe lines are long enough to be searched."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for index, name in enumerate(head):
        table.add_column(name, overflow="fold", justify="right" if index in right else "left")
    for row in rows:
        table.add_row(*(str(cell).replace("[", r"\[") for cell in row))
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else PLAIN_WIDTH
    Console(width=width, highlight=False).print(table)


def print_json(content: Any) -> None:
    """Print JSON with an indent of one; Infinity and NaN are refused (ValueError)."""
    print(json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False))
