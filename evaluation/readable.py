"""Units that people read: carbon in gC m-2 d-1, water in mm d-1; energy stays W m-2."""

SECONDS_PER_DAY = 86400.0
READABLE = {
    "g m-2 s-1": (SECONDS_PER_DAY, "gC m-2 d-1"),
    "kg m-2 s-1": (SECONDS_PER_DAY, "mm d-1"),
    "kg m-2": (1.0, "mm"),
    "g m-2": (1.0, "gC m-2"),
    "degC": (1.0, "°C"),
    "1": (1.0, ""),
}


def readable_unit(unit: str) -> tuple[float, str]:
    """(factor, unit) that turn values of a unit of the variable table into the unit shown to people.

    A unit without an entry is shown as it is.

    >>> readable_unit("kg m-2 s-1")
    (86400.0, 'mm d-1')
    >>> readable_unit("W m-2")
    (1.0, 'W m-2')
    """
    return READABLE.get(unit, (1.0, unit))
