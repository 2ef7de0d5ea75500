"""Weather of a run, from a store or from the synthetic nation: the same few questions to both."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.nation_store import cells_of_nation
from terraflux.drivers.grid.store import ForcingStore, open_forcing_store
from terraflux.drivers.grid.zarr_chunks import json_bytes, sha256
from terraflux.drivers.synthetic_nation import LABEL, SyntheticNation
from terraflux.model.disaggregation import AIR_TEMPERATURE_RANGE
from terraflux.model.variables import variable_table
from terraflux.region.configuration import RegionChoices
from terraflux.region.errors import RegionError
from terraflux.region.leaf_area import LEAF_AREA

DAY = 86400
Days = NDArray[np.datetime64]


class Forcing(Protocol):
    """What a run asks of its weather; `identity` is a checksum of it, `synthetic` says whether it is invented."""

    cells: Cells
    first_day: np.datetime64
    last_day: np.datetime64
    interval_seconds: int
    identity: str
    synthetic: bool
    block_cells: int
    slab_days: int
    place: str

    def offsets(self, cells: Cells) -> NDArray[np.float64] | None:
        """Hours by which the days of the forcing are ahead of those of Greenwich; None for local mean solar time."""

    def read(self, first: np.datetime64, last: np.datetime64, cells: NDArray[np.int64], names: Sequence[str]) -> NDArray[Any]:
        """[interval, variable, cell] of the days from first to last, both included."""

    def leaf_area(self, first: np.datetime64, last: np.datetime64, cells: NDArray[np.int64]) -> NDArray[Any] | None:
        """Leaf area index (m2 m-2) [day, plant type, cell] by `cells.plant_types`, None where it is told for cells only."""


class StoreForcing:
    """A forcing store on disk."""

    def __init__(self, store: ForcingStore) -> None:
        self._store, layout = store, store.layout
        self.cells, self.first_day, self.last_day = store.cells, store.first_day, store.last_day
        self.interval_seconds, self.synthetic = layout.step_seconds, layout.synthetic
        self.block_cells, self.slab_days, self.place = layout.block_cells, layout.slab_days, str(store.path)
        self.identity = sha256(json_bytes(dict(store.checksums)))

    def offsets(self, cells: Cells) -> NDArray[np.float64] | None:
        """As stored; days of the synthetic nation are those of the sun."""
        hours = self._store.layout.day_offset_hours
        if not np.isnan(hours):
            return np.full(cells.count, hours)
        return None if "synthetic_nation" in self._store.provenance else np.round(cells.longitude / 15.0)

    def read(self, first: np.datetime64, last: np.datetime64, cells: NDArray[np.int64], names: Sequence[str]) -> NDArray[Any]:
        """Chunks are verified against their checksums; ForcingError for one that is absent or damaged."""
        return self._store.slab(str(first), str(last), cells, variables=tuple(names))

    def leaf_area(self, first: np.datetime64, last: np.datetime64, cells: NDArray[np.int64]) -> NDArray[Any] | None:
        """As stored."""
        return self._store.leaf_area_of_plants(str(first), str(last), cells)


class NationForcing:
    """The synthetic nation, made as it is read."""

    def __init__(self, resolution: float, seed: int) -> None:
        self._nation = SyntheticNation(resolution, seed=seed)
        self.cells, self._order = cells_of_nation(self._nation)
        self.first_day, self.last_day = np.datetime64("1979-01-01"), np.datetime64("2012-12-31")
        self.interval_seconds, self.synthetic, self.block_cells, self.slab_days = DAY, True, 2048, 73
        self.place = f"synthetic nation of {resolution:g} degrees, seed {seed}: {LABEL}"
        sample = sha256(np.ascontiguousarray(self._nation.daily("1979-01-01", "1979-01-01")).tobytes())
        self.identity = sha256(json_bytes({"resolution": resolution, "seed": seed, "sample": sample}))

    def offsets(self, cells: Cells) -> NDArray[np.float64] | None:
        """Days of the sun."""
        return None

    def read(self, first: np.datetime64, last: np.datetime64, cells: NDArray[np.int64], names: Sequence[str]) -> NDArray[Any]:
        """Rows in the order asked for."""
        made = self._nation.daily(first, last, self._order[cells])
        rows = [self._nation.variables.index(name) for name in names]
        return made if rows == list(range(made.shape[1])) else made[:, rows]

    def leaf_area(self, first: np.datetime64, last: np.datetime64, cells: NDArray[np.int64]) -> NDArray[Any] | None:
        """None: it is shared out as that of maps is."""
        return None


@lru_cache(maxsize=2)
def _nation(resolution: float, seed: int) -> NationForcing:
    return NationForcing(resolution, seed)


def open_forcing(choices: RegionChoices) -> Forcing:
    """The forcing that a run asks for. Raises ForcingError where it is no sound store or does not cover the days."""
    forcing: Forcing
    if choices.forcing.store:
        forcing = StoreForcing(open_forcing_store(os.fspath(choices.path(choices.forcing.store))))
    else:
        forcing = _nation(choices.forcing.synthetic, choices.forcing.seed)
    for name in (choices.run.first, choices.run.last):
        day = np.datetime64(name, "D")
        if not forcing.first_day <= day <= forcing.last_day:
            raise RegionError(f"the forcing covers {forcing.first_day} to {forcing.last_day}", file=forcing.place,
                              variable="time", time=name, remedy="run within these days, or build a longer store")
    if round(forcing.interval_seconds / choices.step) * choices.step != forcing.interval_seconds:
        raise RegionError(f"a step of {choices.step:g} s does not divide the forcing's {forcing.interval_seconds} s",
                          file=forcing.place, variable="step", unit="s", remedy="choose a shorter step")
    return forcing


@dataclass(frozen=True, eq=False)
class Slab:
    """Weather [interval, variable, cell] of the days `first_day` .. before `after`, counted from the first of the run, with
    `before` intervals in front of them, and the leaf area of plant types [day, plant type, cell] over the same time, if
    told."""

    first_day: int
    after: int
    before: int
    per_day: int
    weather: NDArray[Any]
    leaves: NDArray[Any] | None = None

    def piece(self, first: int, after: int) -> tuple[NDArray[np.float64], NDArray[Any] | None, tuple[int, int]]:
        """Weather of some of the days for the model, the leaf area of plant types [interval, plant type, cell] or None, and how
        many neighbours they hold on either side."""
        low = self.before + (first - self.first_day) * self.per_day
        high = self.before + (after - self.first_day) * self.per_day
        beside = (0, 0) if self.per_day == 1 else (min(low, 1), min(len(self.weather) - high, 1))
        chosen = slice(low - beside[0], high + beside[1])
        leaves = None if self.leaves is None else self.leaves[np.arange(chosen.start, chosen.stop) // self.per_day]
        return np.ascontiguousarray(self.weather[chosen], np.float64), leaves, beside


def read_slab(forcing: Forcing, start: np.datetime64, first: int, after: int, cells: NDArray[np.int64],
              names: Sequence[str]) -> Slab:
    """Read days `first` .. before `after` of a run that begins on `start`, and check every value.

    Forcing of hours comes with a day on either side, where there is one. Raises ForcingError naming variable, time and
    cell of the first value that is missing or out of bounds.
    """
    per_day = DAY // forcing.interval_seconds
    day, last = start + first, start + (after - 1)
    wide = per_day > 1
    low = max(day - 1, forcing.first_day) if wide else day
    high = min(last + 1, forcing.last_day) if wide else last
    weather = forcing.read(low, high, cells, names)
    _refuse_impossible(weather, names, low, forcing.interval_seconds, cells, forcing)
    leaves = forcing.leaf_area(low, high, cells) if LEAF_AREA in names else None
    return Slab(first, after, int((day - low).astype(int)) * per_day, per_day, weather, leaves)


def _refuse_impossible(weather: NDArray[Any], names: Sequence[str], start: np.datetime64, seconds: int,
                       cells: NDArray[np.int64], forcing: Forcing) -> None:
    table = variable_table()
    for row, name in enumerate(names):
        low, high = (0.0, 80.0) if name == AIR_TEMPERATURE_RANGE else table[name].bounds or (-np.inf, np.inf)
        values = weather[:, row]
        if low - 1e-6 <= values.min() and values.max() <= high:
            continue
        wrong = ~((values >= low - 1e-6) & (values <= high))
        time, cell = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        when = start.astype("datetime64[s]") + np.timedelta64(int(time) * seconds, "s")
        number = int(cells[cell])
        raise RegionError(f"{int(wrong.sum())} values are missing or outside {low:g}..{high:g}; the first is "
                          f"{values[time, cell]:.6g} in cell {number} at {forcing.cells.latitude[number]:.3f} N "
                          f"{forcing.cells.longitude[number]:.3f} E", file=forcing.place, variable=name,
                          unit="K" if name == AIR_TEMPERATURE_RANGE else table[name].unit, time=when,
                          remedy="build the store again from sound sources")
