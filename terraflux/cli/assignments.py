"""`name=value` words of the command line."""

from collections.abc import Iterable


def assignments(words: Iterable[str], flag: str) -> dict[str, str]:
    """{name: value} of words such as `stomatal_conductance=medlyn`.

    Raises ValueError for a word without `=`, an empty name, or a name given twice.

    >>> assignments(["seed=3"], "--completion")
    {'seed': '3'}
    """
    found: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        name, value = name.strip().replace("-", "_"), value.strip()
        if not equals or not name or not value:
            raise ValueError(f"{flag} {word!r} is not of the form NAME=VALUE")
        if name in found:
            raise ValueError(f"{flag} {name} is given twice: {found[name]!r} and {value!r}")
        found[name] = value
    return found


def numbers(words: Iterable[str], flag: str) -> dict[str, float]:
    """{name: number} of words such as `carboxylation_capacity=55`. Raises ValueError for what is no number."""
    found = {}
    for name, value in assignments(words, flag).items():
        try:
            found[name] = float(value)
        except ValueError:
            raise ValueError(f"{flag} {name}={value!r}: {value!r} is not a number") from None
    return found


def guessed(value: str) -> str | float | bool:
    """A value as the number or truth it looks like, else as text.

    >>> guessed("0.5"), guessed("true"), guessed("prata")
    (0.5, True, 'prata')
    """
    if value.lower() in ("true", "false"):
        return value.lower() == "true"
    try:
        return int(value)
    except ValueError:
        pass
    try:
        return float(value)
    except ValueError:
        return value


def year_range(text: str) -> tuple[int, int]:
    """First and last year of "2005" or "2003-2007". Raises ValueError for anything else.

    >>> year_range("2003-2007")
    (2003, 2007)
    """
    first, dash, last = text.partition("-")
    try:
        years = int(first), int(last if dash else first)
    except ValueError:
        raise ValueError(f"--years {text!r} is neither a year nor FIRST-LAST") from None
    if years[1] < years[0]:
        raise ValueError(f"--years {text!r} ends before it begins")
    return years
