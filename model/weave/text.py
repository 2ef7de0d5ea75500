"""Shaping generated Python text so that people can read it."""

import textwrap
from collections.abc import Sequence

WIDTH = 112


def indent(text: str) -> str:
    """One level deeper."""
    return textwrap.indent(text, "    ")


def brief_name(names: Sequence[str], width: int = 60) -> str:
    """Names joined by underscores; only the first and the last if that gets long."""
    joined = "_".join(names)
    return joined if len(joined) <= width or len(names) < 3 else f"{names[0]}_to_{names[-1]}"


def call_text(name: str, arguments: Sequence[str], results: Sequence[str], masked: Sequence[str] = ()) -> list[str]:
    """Lines of `results = name(arguments)`; masked results go through the names given and change only where `on`."""
    targets = [f"new_{result}" for result in masked] or list(results)
    left = ", ".join(targets)
    left = f"({left})" if len(targets) > 1 else left
    lines = fold(f"{left} = {name}({', '.join(arguments)})")
    return lines + [f"{result} = keep(on, {new}, {result})" for result, new in zip(results, targets) if masked]


def fold(line: str) -> list[str]:
    """A line broken after commas."""
    lines = [""]
    for piece in line.split(", "):
        piece = piece + ", "
        if lines[-1] and len(lines[-1]) + len(piece) > WIDTH:
            lines.append("    ")
        lines[-1] += piece
    lines[-1] = lines[-1][:-2]
    return [line.rstrip() for line in lines]
