"""Forcing of the synthetic nation in which some factors vary as they do and others are held, for runs that explain trends.

    factor_store(SyntheticNation(2.0), "no_co2.zarr", 1979, 2012, varying=("climate", "lai"))

Held climate and leaf area repeat their first `base_years`, date by date; held carbon dioxide repeats its first year. With
all factors varying it is the weather of the nation itself.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.grid.nation_store import RANGE, STORED, cells_of_nation
from terraflux.drivers.grid.store import ForcingStore, open_forcing_store
from terraflux.drivers.grid.store_layout import EXTREMES, StoreLayout
from terraflux.drivers.grid.store_writer import StoreWriter, exclusive
from terraflux.drivers.grid.zarr_chunks import json_bytes, sha256
from terraflux.drivers.synthetic_nation import LABEL, SyntheticNation, days_between
from terraflux.region.errors import RegionError

FACTORS = ("co2", "climate", "lai")
BASE_YEARS = 10
FACTOR_OF = {"carbon_dioxide": "co2", "prescribed_leaf_area_index": "lai"}  # others belong to climate
Days = NDArray[np.datetime64]


def factor_store(nation: SyntheticNation, path: str | os.PathLike[str], first_year: int, last_year: int, *,
                 varying: Sequence[str], base_years: int = BASE_YEARS,
                 progress: Callable[[int, int, str], None] | None = None) -> ForcingStore:
    """Write whole years of the nation's daily weather in which only `varying` (of FACTORS) follow the years, and open it.

    An interrupted build goes on where it stopped. Raises RegionError for an unknown factor or base, ForcingError for years
    outside 1979-2012 and for a folder that holds something else.
    """
    unknown = [name for name in varying if name not in FACTORS]
    if unknown or not 1 <= base_years <= 100:
        raise RegionError(f"{unknown[0]!r} is no factor" if unknown else f"{base_years} years are no base", variable="varying",
                          remedy=f"choose among {', '.join(FACTORS)}; a base of 1 to 100 years")
    days = days_between(f"{first_year}-01-01", f"{last_year}-12-31")
    cells, order = cells_of_nation(nation)
    layout = StoreLayout(days[0], days.size, STORED, cells.count, day_offset_hours=np.nan, synthetic=True,
                         title=f"synthetic nation, varying: {', '.join(varying) or 'none'}: {LABEL}",
                         attributes={"source": "terraflux synthetic nation"})
    provenance = {"synthetic_nation": {"seed": nation.seed, "resolution_degrees": nation.resolution, "label": LABEL},
                  "varying": sorted(varying), "base_years": base_years, "made_from": {name: [name] for name in STORED},
                  "sources": [], "cells": {}}
    sample = sha256(np.ascontiguousarray(nation.daily(days[0], days[0])).tobytes())
    identity = sha256(json_bytes({"provenance": provenance, "sample": sample, "days": days.size, "first": str(days[0])}))
    source = {factor: days if factor in varying else same_date(days, 1 if factor == "co2" else base_years)
              for factor in FACTORS}
    tell = progress or (lambda done, total, name: None)
    place = Path(path)
    with exclusive(place):
        writer = StoreWriter(place, layout, cells, identity)
        pending = writer.pending()
        for number, slab in enumerate(pending):
            begin, end = layout.days_of(slab)
            tell(number, len(pending), f"{days[begin]} to {days[end - 1]}")
            writer.write_slab(slab, _slab(nation, {factor: one[begin:end] for factor, one in source.items()}, order))
        return open_forcing_store(writer.finish(provenance))


def same_date(days: Days, base_years: int) -> Days:
    """For each day the same date in the first `base_years` of them, repeated; 29 February is the 28th where there is none.

    >>> same_date(np.array(["1979-03-01", "1980-02-29"], dtype="datetime64[D]"), 1).tolist()
    [datetime.date(1979, 3, 1), datetime.date(1979, 2, 28)]
    """
    years = days.astype("datetime64[Y]").astype(np.int64)
    base = years[0] + (years - years[0]) % base_years
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    day = (days - days.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    moved = (base * 12 + month).astype("datetime64[M]")
    length = ((moved + 1).astype("datetime64[D]") - moved.astype("datetime64[D]")).astype(np.int64)
    return np.asarray(moved.astype("datetime64[D]") + np.minimum(day, length - 1))


def _slab(nation: SyntheticNation, source: dict[str, Days], order: NDArray[np.int64]) -> dict[str, NDArray[np.float32]]:
    """Weather of a slab, each variable from the days of its factor."""
    made: dict[bytes, NDArray[np.float64]] = {}
    weather: dict[str, NDArray[np.float32]] = {}
    for factor, days in source.items():
        if days.tobytes() not in made:
            made[days.tobytes()] = _daily(nation, days)[:, :, order]
        found = made[days.tobytes()]
        of = {name: found[:, row] for row, name in enumerate(nation.variables)}
        half = 0.5 * of[RANGE]
        of |= {EXTREMES[0]: of["air_temperature"] - half, EXTREMES[1]: of["air_temperature"] + half}
        weather |= {name: of[name].astype(np.float32) for name in STORED if FACTOR_OF.get(name, "climate") == factor}
    return weather


def _daily(nation: SyntheticNation, days: Days) -> NDArray[np.float64]:
    """Weather of any days: pieces that follow each other are made at once."""
    cuts = np.flatnonzero(np.diff(days) != np.timedelta64(1, "D")) + 1
    return np.concatenate([nation.daily(part[0], part[-1]) for part in np.split(days, cuts)])
