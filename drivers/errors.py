"""The one error of the drivers: what is wrong, where, and what to do about it."""

import difflib
from collections.abc import Iterable


class ForcingError(ValueError):
    """Forcing, observations or site facts that cannot be used as they are.

    `problem` says what is wrong; `file`, `variable`, `unit` and `time` say where, as far as that is known; `remedy`
    says what the user can do. All of them stand in the message.
    """

    def __init__(self, problem: str, *, file: object = "", variable: str = "", unit: str = "", time: object = "",
                 remedy: str = "") -> None:
        self.problem = problem
        self.file = str(file)
        self.variable = variable
        self.unit = unit
        self.time = "" if time is None else str(time)
        self.remedy = remedy
        where = [f"{label} {text}" for label, text in (("file", self.file), ("variable", variable), ("unit", unit),
                                                       ("time", self.time)) if text]
        message = problem if not where else f"{problem} ({', '.join(where)})"
        super().__init__(message + (f". Remedy: {remedy}" if remedy else ""))


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint naming the nearest of `known` names, or all of them when none is near."""
    names = sorted(known)
    found = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else f"known are {', '.join(names)}"


def refuse_unknown_keys(keys: Iterable[str], known: Iterable[str], *, file: object = "", place: str = "") -> None:
    """Raise a ForcingError for the first key that is not known, suggesting the nearest one that is."""
    names = list(known)
    for key in keys:
        if key not in names:
            where = f" in {place}" if place else ""
            raise ForcingError(f"unknown key {key!r}{where}", file=file, remedy=nearest(key, names))
