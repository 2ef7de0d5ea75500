"""From errors to one clear paragraph: what went wrong and what to do, no traceback unless asked for."""

import sys
import traceback
from collections.abc import Sequence
from typing import Any

DEBUG = "--debug"
USER_ERROR = 2
INTERRUPTED = 130
TOLD = (ValueError, OSError, ArithmeticError)
"""Errors of input and use: ForcingError, ParameterError, OptionError (ValueError), ColumnError (ArithmeticError)."""


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors that are not `TOLD` are raised.

    `--debug` anywhere among the arguments shows tracebacks.
    """
    import typer

    from terraflux.cli.verbs import application

    # typer carries click under different names from version to version; its own errors derive from it.
    usage_error: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
    debug = DEBUG in arguments
    words = [word for word in arguments if word != DEBUG]
    try:
        result = application()(words, prog_name="terraflux", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        print("terraflux: interrupted; files already written are whole.", file=sys.stderr)
        return INTERRUPTED
    except usage_error as error:
        error.show()
        return USER_ERROR
    except TOLD as error:
        if debug:
            traceback.print_exception(error)
        else:
            print(f"terraflux: {paragraph(error)}", file=sys.stderr)
        return USER_ERROR
    return result if isinstance(result, int) else 0


def paragraph(error: BaseException) -> str:
    """One paragraph: the message on one line, with notes and the hint how to see more.

    >>> paragraph(ValueError("the file holds no time"))
    'the file holds no time. (--debug shows where)'
    """
    words = " ".join(str(error).split()) or type(error).__name__
    for note in getattr(error, "__notes__", ()):
        words += " " + " ".join(note.split())
    return f"{words}{'' if words.endswith(('.', '?', '!')) else '.'} ({DEBUG} shows where)"
