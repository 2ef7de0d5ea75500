"""The columns of a tower that a calibration varies: compiled model, parameter sets, and the state they all start from.

One column per plant type of the site, or per vegetated land-cover class where footprints mix them. Every replica starts
from the same state, spun up with the default parameters, and forgets it in a warm-up of half a year that ends where the
observed years begin: soil water and temperature then belong to its own parameters. A warm-up takes hourly steps, which
halves its cost, a third of a run over one half-hourly year; what is modelled afterwards moves by less than 0.02 of the errors
of observations (root mean square, twin of a forest). Slow carbon pools, which no few years of fluxes could move, keep what
decades gave them; `decomposition_scale` says how fast they turn over at this site.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.assimilation.evaluator import ColumnEvaluator
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.drivers.datasets import forcing_array
from terraflux.drivers.tower import Tower
from terraflux.drivers.tower_columns import tower_options, tower_parameters, whole_years
from terraflux.model.column import column_model
from terraflux.model.initial_state import initial_state
from terraflux.model.options import Options
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameters import parameters as parameter_set
from terraflux.model.spinup_run import spin_up
from terraflux.model.weave import Model
from terraflux.model.weave.streams import Stream

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]
SPIN_UP_CYCLES = 8
WARM_UP_DAYS = 183
WARM_UP_STEP = 3600.0
"""Longest step of a warm-up (s)."""
SPIN_UP_YEARS = 3
"""Years of the forcing that are cycled: more add little and cost much."""


@dataclass(frozen=True, eq=False)
class TowerColumns:
    """A tower made ready for many runs.

    `sets` {plant type: default parameters}, `shares` {plant type: part of the land} in the same order, `state` [row, plant
    type] spun up with them, `forcing` [time, row] of the whole record, `times` (interval starts), `time_step` (s).
    """

    tower: Tower
    model: Model
    options: Options
    sets: Mapping[str, ParameterSet]
    shares: Mapping[str, float]
    state: Floats
    forcing: Floats
    times: NDArray[np.datetime64]
    time_step: float

    def span(self, years: Sequence[int]) -> slice:
        """Steps from the first to the last of some years; ProblemError if the record holds none of them."""
        of = self.times.astype("datetime64[Y]").astype(int) + 1970
        inside = np.flatnonzero((of >= min(years)) & (of <= max(years)))
        if inside.size == 0:
            raise ProblemError(f"the forcing of {self.tower.site.site_id} runs from {of[0]} to {of[-1]} and holds nothing of "
                               f"{', '.join(map(str, years))}")
        return slice(int(inside[0]), int(inside[-1]) + 1)

    def warm_up(self, span: slice) -> slice:
        """Steps run before a span without being observed: those before it, or the same season of its first year."""
        length, year = (round(days * 86400.0 / self.time_step) for days in (WARM_UP_DAYS, 365))
        if span.start >= length:
            return slice(span.start - length, span.start)
        end = min(span.start + year, span.stop)
        return slice(max(end - length, span.start), end)

    def warm_up_forcing(self, span: slice) -> tuple[Floats, float]:
        """Forcing [time, row] of the warm-up of a span in means over its steps, and their length (s)."""
        given = self.forcing[self.warm_up(span)]
        each = max(int(WARM_UP_STEP // self.time_step), 1)
        whole = given[given.shape[0] % each:]
        return whole.reshape(-1, each, given.shape[1]).mean(axis=1), each * self.time_step

    def evaluator(self, plant_type: str, names: Sequence[str], span: slice, streams: Sequence[Stream],
                  threads: int | None = None) -> ColumnEvaluator:
        """Replicas of one plant type over the warm-up and the span; the indices of `streams` cover the span alone."""
        before, step = self.warm_up_forcing(span)
        column = list(self.sets).index(plant_type)
        return ColumnEvaluator(self.model, self.forcing[span], self.sets[plant_type], self.state[:, column], self.time_step,
                               tuple(names), streams, threads, before, step)


def tower_columns(tower: Tower, options: Options | Mapping[str, object] | None = None, *,
                  classes: xr.Dataset | None = None, spin_up_cycles: int = SPIN_UP_CYCLES,
                  progress: Progress | None = None) -> TowerColumns:
    """Compiles the model of a tower and spins its columns up with default parameters.

    `classes` is a dataset of observations for the operator `mixture`: its vegetated classes take the place of the site's
    own plant types. Raises what `open_tower`, `Options` and the spin-up raise.
    """
    chosen = tower_options(tower, options)
    model = column_model(chosen)
    mixture = tower_parameters(tower, chosen) if classes is None else _class_parameters(tower, classes)
    sets = {code: one for code, (_, one) in mixture.items()}
    shares = {code: share for code, (share, _) in mixture.items()}
    table = model.table
    forcing = forcing_array(tower.forcing, table)
    time_step = float(tower.forcing.attrs["time_step_seconds"])
    vectors = np.stack([one.vector(table) for one in sets.values()], axis=1)
    mean = float(tower.forcing["air_temperature"].mean())
    state = np.stack([initial_state(table, one, mean) for one in sets.values()], axis=1)
    if progress is not None:
        model.compile(len(sets), progress)
    if spin_up_cycles:
        cycle = whole_years(tower.forcing)
        longest = round(SPIN_UP_YEARS * 365.25 * 86400.0 / time_step)
        if cycle.stop is None or cycle.stop > longest + 48:
            cycle = slice(0, min(longest, forcing.shape[0]))
        physical = min(2, spin_up_cycles)
        spin_up(model, forcing[cycle], list(sets.values()), vectors, state, time_step, physical_cycles=physical,
                carbon_cycles=spin_up_cycles - physical, progress=progress)
    return TowerColumns(tower, model, chosen, sets, shares, state, forcing[:, :, 0], tower.forcing["time"].values, time_step)


def _class_parameters(tower: Tower, classes: xr.Dataset) -> dict[str, tuple[float, ParameterSet]]:
    """Share of all footprints and parameters of each vegetated class, classes of one plant type together.

    The site's own heights and parameters describe the land around the tower and go to its own plant types only.
    """
    plants = [str(code) for code in classes["class_plant_type"].values]
    mean = classes["class_fraction"].mean("time", skipna=True).values
    if not any(plants):
        raise ProblemError(f"no land-cover class around {tower.site.site_id} stands for a plant type; map the codes of the "
                           "legend to plant types")
    total = sum(float(part) for code, part in zip(plants, mean, strict=True) if code)
    made: dict[str, tuple[float, ParameterSet]] = {}
    own: dict[str, Any] = {"canopy_height": tower.site.canopy_height, **tower.site.parameters}
    for code in dict.fromkeys(code for code in plants if code):
        share = sum(float(part) for other, part in zip(plants, mean, strict=True) if other == code) / total
        facts = own if code in tower.site.mixture else {}
        made[code] = share, parameter_set(code, tower.site.soil_class, measurement_height=tower.site.measurement_height,
                                          **facts)
    return made


def class_shares(classes: xr.Dataset, plant_types: Sequence[str]) -> NDArray[np.int64]:
    """For each land-cover class the number of its plant type, -1 for what no column stands for."""
    return np.array([list(plant_types).index(str(code)) if str(code) in plant_types else -1
                     for code in classes["class_plant_type"].values])
