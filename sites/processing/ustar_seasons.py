"""Seasons of the u* threshold: Mar-May, Jun-Aug, Sep-Nov, Dec-Feb, named year x 1000 + first month.

A winter is one season across the turn of the year, named after its December. January and February of the first year of a
record, whose December is missing, form a season of their own named after January (1998001). A season belongs to the year of
its middle row, so a whole winter counts for the year of its January.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Integers = NDArray[np.int64]


def calendar(middle_time: ArrayLike) -> tuple[Integers, Integers]:
    """Year and month (1..12) of datetime64 stamps at the MIDDLE of each interval."""
    months = np.asarray(middle_time, dtype="datetime64[M]").astype(np.int64)
    return months // 12 + 1970, months % 12 + 1


def seasons(middle_time: ArrayLike) -> Integers:
    """Name of the season of each row (year x 1000 + first month), shape of `middle_time` (ascending datetime64).

    >>> seasons(np.array(["1998-01-15", "1998-04-01", "1998-12-31", "1999-02-01"], dtype="datetime64[D]")).tolist()
    [1998001, 1998003, 1998012, 1998012]
    """
    year, month = calendar(middle_time)
    if year.size == 0:
        return np.zeros(0, dtype=np.int64)
    first_month = np.where(month == 12, 12, month // 3 * 3)
    early = month <= 2
    orphan = early & (year == year.min())
    first_month = np.where(early, np.where(orphan, 1, 12), first_month)
    start_year = np.where(early & ~orphan, year - 1, year)
    return np.asarray(start_year * 1000 + first_month, dtype=np.int64)


def season_years(names: Integers, middle_time: ArrayLike) -> dict[int, int]:
    """{season: year it counts for}, in ascending order; `names` from `seasons`, one per row."""
    year, _ = calendar(middle_time)
    result = {}
    for name in np.unique(names):
        rows = np.flatnonzero(names == name)
        result[int(name)] = int(year[rows[(rows.size - 1) // 2]])
    return result
