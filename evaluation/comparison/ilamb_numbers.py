"""The numbers of an ILAMB study: what ILAMB 2.7.3 found, and the same numbers made by terraflux from the same files.

    ours = ilamb_numbers(simulated, reference, shares)      # {("simulated", "Bias Score", "global"): 0.93, ...}
    theirs = read_ilamb("_build")                           # the same keys below (h1, h2, source, model)

Names are those of ILAMB. Every number follows its conventions (`ilamb_maps`): months without leap days, a year of
365.242198781 days, cells of the sphere of 6371.0 km. Means of the period on the grid of a model are weighted by its
areacella times sftlf, all else by the area of cells between their bounds.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.cell_area import cell_area
from terraflux.evaluation.comparison.agreement import annual_cycle, check_alike, shift_of_cycles, weighted_mean
from terraflux.evaluation.comparison.fields import DAYS_OF_MONTH, Fields, noleap_days, row_blocks
from terraflux.evaluation.comparison.ilamb_maps import TROPICAL_YEAR, bias_scores, ilamb_scores, spatial_score, time_mean
from terraflux.evaluation.comparison.quantities import SQUARE_METRE_TOTALS

Floats = NDArray[np.float64]
Key = tuple[str, str, str]
GLOBAL = "global"
SIMULATED, REFERENCE = "simulated", "reference"
PERIOD_MEAN = "Period Mean (original grids)"
SCORE_NAMES = {"bias": "Bias Score", "rmse": "RMSE Score", "phase": "Seasonal Cycle Score",
               "interannual": "Interannual Variability Score", "spatial": "Spatial Distribution Score"}
DAYS_OF_A_SHIFT_MONTH = 30.0
BENCHMARK = "Benchmark"


@dataclass(frozen=True)
class IlambResult:
    """Scalars of one confrontation: headings, source and model, and {(simulated or reference, name, region): value}."""

    heading: str
    variable: str
    source: str
    model: str
    numbers: dict[Key, float]


def ilamb_numbers(simulated: Fields, reference: Fields, shares: Mapping[str, Floats] | None = None, *, totals: bool = False,
                  interannual: bool = True) -> dict[Key, float]:
    """Scalars as ILAMB prints them, for the whole ("global") and for regions (cells of which a share above half lies in) where
    the reference has values.

    Fields are monthly, or yearly with the scores of bias and pattern only, on the same steps and on grids whose cells are the
    same where both reach, each with its own missing cells and land. Means are in the unit of the fields. With `totals`
    (`space_mean = False`) the means of the period are amounts: Pg yr-1 of carbon and of water (a Pg of water is a km3), Pg of
    stocks in kg m-2. Water is compared by mass: for lengths, such as mm d-1, ILAMB takes 998.2 kg m-3. Raises ValueError
    for other grids or steps, or totals of what has none.
    """
    simulated, reference = on_union(simulated, reference)
    check_alike(simulated, reference)
    scale = _total_scale(simulated) if totals else None
    plain = replace(reference, land=None, areas=None).area()
    days = noleap_days(reference.time)
    means = {who: np.concatenate([time_mean(one.values.astype(float), days) for one in row_blocks(fields)])
             for who, fields in ((SIMULATED, simulated), (REFERENCE, reference))}
    areas = {SIMULATED: simulated.area(), REFERENCE: reference.area()}
    both = np.isfinite(means[SIMULATED]) & np.isfinite(means[REFERENCE])
    held = {GLOBAL: np.ones(both.shape, dtype=bool)} | {name: share > 0.5 for name, share in (shares or {}).items()}
    held = {name: inside for name, inside in held.items() if (inside & np.isfinite(means[REFERENCE])).any()}
    found: dict[Key, float] = {}
    for region, inside in held.items():
        def put(who: str, name: str, values: Floats, area: Floats, factor: float | None = None, region: str = region,
                inside: NDArray[np.bool_] = inside) -> None:
            weight = np.where(inside & np.isfinite(values), area, 0.0)
            mean = weighted_mean(values, weight)
            found[who, name, region] = mean if factor is None else mean * float(weight.sum()) * factor
        for who in (SIMULATED, REFERENCE):
            put(who, PERIOD_MEAN, means[who], areas[who], scale)
        for who, name, cells in ((SIMULATED, "Model Period Mean (intersection)", both),
                                 (SIMULATED, "Model Period Mean (complement)", ~both),
                                 (REFERENCE, "Benchmark Period Mean (intersection)", both),
                                 (REFERENCE, "Benchmark Period Mean (complement)", ~both)):
            put(who, name, np.where(cells, means[who], np.nan), areas[who], scale)
        put(SIMULATED, "Bias", np.where(both, means[SIMULATED] - means[REFERENCE], np.nan), plain)
    if reference.monthly:
        found |= _of_cycles(simulated, reference, held, both, plain)
        scores = ilamb_scores(replace(simulated, land=None, areas=None), replace(reference, land=None, areas=None),
                              {name: one.astype(float) for name, one in held.items()}, interannual=interannual)
        found |= {(SIMULATED, SCORE_NAMES[name], region): value for region, one in scores.regions.items()
                  for name, value in one.items() if name in SCORE_NAMES}
    else:
        scores_of_bias = bias_scores(simulated, reference)
        for region, inside in held.items():
            there = both & inside
            found[SIMULATED, SCORE_NAMES["bias"], region] = weighted_mean(np.where(there, scores_of_bias, np.nan), plain)
            found[SIMULATED, SCORE_NAMES["spatial"], region] = spatial_score(means[SIMULATED], means[REFERENCE], there, plain)
    return {key: value for key, value in found.items() if np.isfinite(value)}


def on_union(first: Fields, second: Fields) -> tuple[Fields, Fields]:
    """Two fields on the cells of either, missing where a field does not reach. Raises ValueError where cells differ."""
    edges = {}
    for axis in ("latitude_edges", "longitude_edges"):
        both = np.sort(np.concatenate([getattr(first, axis), getattr(second, axis)]))
        least = min(float(np.diff(getattr(one, axis)).min()) for one in (first, second))
        edges[axis] = both[np.append(True, np.diff(both) > 1e-4 * least)]
        if np.diff(edges[axis]).min() < 0.99 * least:
            raise ValueError(f"the cells of {first.name} and {second.name} are not the same; bring them together first")
    return _embedded(first, edges), _embedded(second, edges)


def _embedded(fields: Fields, edges: Mapping[str, Floats]) -> Fields:
    rows, columns = (slice(start := int(np.argmin(np.abs(edges[axis] - getattr(fields, axis)[0]))),
                           start + getattr(fields, axis).size - 1) for axis in ("latitude_edges", "longitude_edges"))
    shape = edges["latitude_edges"].size - 1, edges["longitude_edges"].size - 1
    plain = cell_area(edges["latitude_edges"], edges["longitude_edges"])

    def placed(values: Floats, rest: Floats | float) -> Floats:
        made = np.empty((*values.shape[:-2], *shape), dtype=values.dtype)
        made[...] = rest
        made[..., rows, columns] = values
        return made
    return replace(fields, values=placed(fields.values, np.nan), latitude_edges=edges["latitude_edges"],
                   longitude_edges=edges["longitude_edges"], land=None if fields.land is None else placed(fields.land, 0.0),
                   areas=None if fields.areas is None else placed(fields.areas, plain))


def _of_cycles(simulated: Fields, reference: Fields, held: Mapping[str, NDArray[np.bool_]], both: NDArray[np.bool_],
               area: Floats) -> dict[Key, float]:
    """RMSE of mean years and the size of the shift of their maxima (months of 30 days), as regional means."""
    ours, theirs = annual_cycle(simulated), annual_cycle(reference)
    if ours is None or theirs is None:
        return {}
    error = np.sqrt(time_mean((ours - theirs) ** 2, DAYS_OF_MONTH))
    shift = np.abs(shift_of_cycles(ours, theirs)) / DAYS_OF_A_SHIFT_MONTH
    return {(SIMULATED, name, region): weighted_mean(np.where(both & inside, one, np.nan), area)
            for region, inside in held.items() for name, one in (("RMSE", error), ("Phase Shift", shift))}


def _total_scale(fields: Fields) -> float:
    """From a mean over time and area, times m2, to Pg yr-1 or Pg."""
    if fields.quantity.kind in SQUARE_METRE_TOTALS:
        return TROPICAL_YEAR * (1e-15 if fields.quantity.kind == "carbon" else 1e-12)
    if fields.unit == "kg m-2":
        return 1e-12
    raise ValueError(f"a total of {fields.quantity.name} ({fields.unit}) has no meaning")


def read_ilamb(build: str | os.PathLike[str]) -> list[IlambResult]:
    """All scalars of a study from the netCDF files of its build folder, which hold all digits (tables hold six).

    Raises ForcingError where there are none: the study failed, or ran elsewhere.
    """
    import netCDF4

    found = []
    home = Path(build)
    for path in sorted(home.rglob("*.nc")):
        place = path.relative_to(home).parts
        if len(place) != 4 or not path.stem.startswith(f"{place[2]}_") or path.stem.endswith(f"_{BENCHMARK}"):
            continue
        numbers: dict[Key, float] = {}
        for who, one in ((SIMULATED, path), (REFERENCE, path.with_name(f"{place[2]}_{BENCHMARK}.nc"))):
            with netCDF4.Dataset(one) as file:
                scalars = file.groups["MeanState"].groups.get("scalars") if "MeanState" in file.groups else None
                for name, variable in ({} if scalars is None else scalars.variables).items():
                    text, _, region = name.rpartition(" ")
                    value = np.ma.filled(variable[...].astype(float), np.nan)
                    if value.size == 1 and np.isfinite(value).all():
                        owner = REFERENCE if text.startswith(BENCHMARK) else who
                        numbers[owner, text, region] = float(value.ravel()[0])
        found.append(IlambResult(*place[:3], path.stem.removeprefix(f"{place[2]}_"), numbers))
    if not found:
        raise ForcingError("no results of ILAMB are here", file=home, remedy="look at its log in that folder; run it again")
    return found


def compared(ours: Mapping[Key, float], theirs: Mapping[Key, float]) -> list[tuple[Key, float, float, float]]:
    """Numbers that both have, (key, ours, theirs, relative difference), the largest difference first.

    Scores, shifts and biases near nought are held against one unit of the mean they belong to: the difference of a bias is
    relative to the mean of the reference, that of a score or shift absolute.
    """
    rows = []
    for key in ours.keys() & theirs.keys():
        _, name, region = key
        scale = abs(theirs[key])
        if name in ("Bias", "RMSE"):
            scale = max(scale, abs(theirs.get((REFERENCE, "Benchmark Period Mean (intersection)", region), 0.0)))
        elif name == "Phase Shift" or name.endswith("Score"):
            scale = 1.0
        difference = abs(ours[key] - theirs[key])
        rows.append((key, ours[key], theirs[key], difference / scale if scale > 0.0 else difference))
    return sorted(rows, key=lambda row: (-row[3], row[0]))
