"""ILAMB's scores cell by cell and region by region (Collier et al. 2018, J. Adv. Model. Earth Syst. 10:2731).

They follow what ILAMB 2.7.3 does, also where that is a choice of its own:
- months have the lengths of a year without leap days;
- the mean of squares (variability of the reference, interannual variability) weights months by the distance between the
  middles of their neighbours rather than by their days;
- the error of the RMSE score is that of the mean year, not of the series, unless `rmse_score_basis` says otherwise;
- the annual cycle is the plain mean over whole years from January, its maximum lies in the middle of a month;
- cells whose reference does not vary have no scores of RMSE and interannual variability, and exp(-|bias|), in the unit of the
  fields, as score of bias (`as_coded=False`: none);
- the standard deviations of the spatial score are those of cells, not of area, and its correlation counts cells without
  values as nought (`as_coded=False`: leaves them out and weights by area);
- scores of regions are area means of the maps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.evaluation.comparison.agreement import (
    annual_cycle,
    check_alike,
    in_whole_years,
    shift_of_cycles,
    taylor,
    weighted_mean,
)
from terraflux.evaluation.comparison.fields import DAYS_OF_MONTH, Fields, noleap_days, row_blocks
from terraflux.evaluation.comparison.quantities import SQUARE_METRE_TOTALS
from terraflux.evaluation.ilamb_scores import DAYS_PER_YEAR, overall_score

Floats = NDArray[np.float64]
SMALLEST = 1e-16
LEAST_DEVIATION = 1e-12
TROPICAL_YEAR = 365.242198781
RMSE_BASES = ("cycle", "series")
LEAP_CALENDARS = ("standard", "gregorian", "proleptic_gregorian")


@dataclass(frozen=True, eq=False)
class IlambScores:
    """Maps [latitude, longitude] of the scores by name (bias, rmse, phase, interannual), and the scores of regions.

    `regions[name]` holds those too, with spatial and overall; scores that do not exist are left out.
    """

    maps: dict[str, Floats]
    regions: dict[str, dict[str, float]]


def ilamb_scores(simulated: Fields, reference: Fields, shares: Mapping[str, Floats] | None = None, *, rmse_basis: str = "cycle",
                 interannual: bool = True, mass_weighting: bool = False, as_coded: bool = True) -> IlambScores:
    """Scores of monthly fields on common ground (see `bring_together`), for the whole and for regions.

    A cell belongs to the regions that hold more than half of it. `rmse_basis` is "cycle" (mean years are compared, what
    ILAMB does unless told) or "series" (all months, the formula of the paper). `interannual` = False is ILAMB's `skip_iav`;
    `mass_weighting` weights regional means by the mean of the reference too. Raises ValueError for yearly fields, or
    where there is no whole year.
    """
    check_alike(simulated, reference)
    if rmse_basis not in RMSE_BASES:
        raise ValueError(f"unknown rmse_basis {rmse_basis!r}; known are {', '.join(RMSE_BASES)}")
    if not reference.monthly:
        raise ValueError("ILAMB's scores of the annual cycle need months; these fields are yearly")
    if not in_whole_years(reference).any():
        raise ValueError(f"{reference.time[0]} to {reference.time[-1]} holds no whole year")
    pairs = zip(row_blocks(simulated), row_blocks(reference))
    blocks = [_maps(ours, theirs, rmse_basis, interannual, as_coded) for ours, theirs in pairs]
    maps = {name: np.concatenate([one[name] for one in blocks]) for name in blocks[0]}
    mean_a, mean_b = maps.pop("simulated_mean"), maps.pop("reference_mean")
    there = np.isfinite(maps["phase"])
    if not there.any():
        raise ValueError(f"no cell has values of {simulated.name} and {reference.name}")
    area = reference.area()
    normaliser = area * np.where(there, mean_b, 0.0) if mass_weighting else area
    regions = {}
    for name, share in (shares or {"all": np.ones(area.shape)}).items():
        held = there & (share > 0.5)
        if not held.any():
            continue
        scores = {key: weighted_mean(one, np.where(held, normaliser, 0.0)) for key, one in maps.items()}
        scores["spatial"] = spatial_score(mean_a, mean_b, held, area, as_coded=as_coded)
        scores = {key: value for key, value in scores.items() if np.isfinite(value)}
        regions[name] = scores | ({"overall": overall_score(scores)} if scores else {})
    return IlambScores(maps, regions)


def _maps(simulated: Fields, reference: Fields, rmse_basis: str, interannual: bool, as_coded: bool) -> dict[str, Floats]:
    """Score maps of some rows, and the time means under `simulated_mean` and `reference_mean`."""
    a, b = simulated.values.astype(float), reference.values.astype(float)
    there = np.isfinite(a).any(axis=0) & np.isfinite(b).any(axis=0)
    days = noleap_days(reference.time)
    nodes, own_nodes = node_weights(reference), node_weights(simulated)
    mean_a, mean_b = time_mean(a, days), time_mean(b, days)
    variability = np.sqrt(time_mean((b - mean_b) ** 2, nodes))
    cycle_a, cycle_b = annual_cycle(simulated), annual_cycle(reference)
    assert cycle_a is not None and cycle_b is not None
    if rmse_basis == "cycle":
        error = time_mean(((cycle_a - cycle_a.mean(axis=0)) - (cycle_b - cycle_b.mean(axis=0))) ** 2, DAYS_OF_MONTH)
    else:
        error = time_mean(((a - mean_a) - (b - mean_b)) ** 2, days)
    shift = shift_of_cycles(cycle_a, cycle_b)
    maps = {"bias": _score_of_bias(mean_a - mean_b, variability, there, as_coded),
            "rmse": _score(np.sqrt(error), variability, there),
            "phase": np.where(there, 0.5 * (1.0 + np.cos(2.0 * np.pi * shift / DAYS_PER_YEAR)), np.nan)}
    if interannual:
        month = reference.time.astype(np.int64) % 12
        ours, theirs = (np.sqrt(time_mean((values - cycle[month]) ** 2, weights))
                        for values, cycle, weights in ((a, cycle_a, own_nodes), (b, cycle_b, nodes)))
        maps["interannual"] = _score(ours - theirs, theirs, there)
    return maps | {"simulated_mean": mean_a, "reference_mean": mean_b}


def period_total(fields: Fields, share: Floats | None = None) -> float:
    """Total of the period mean by ILAMB's conventions: Pg yr-1 of carbon, km3 yr-1 of water.

    Months have the days of a year without leap days, a year 365.242198781 days (the tropical year of UDUNITS), cells the
    area of the sphere of 6371.0 km. Against true months and leap years this moves totals by about 6e-4.
    """
    if fields.quantity.kind not in SQUARE_METRE_TOTALS:
        raise ValueError(f"a total of {fields.quantity.name} has no meaning")
    weight = fields.area() * (1.0 if share is None else share)
    mean = np.concatenate([time_mean(one.values.astype(float), noleap_days(one.time)) for one in row_blocks(fields)])
    total = float(np.where(np.isfinite(mean), weight * np.nan_to_num(mean), 0.0).sum())
    return total * TROPICAL_YEAR * SQUARE_METRE_TOTALS[fields.quantity.kind]


def bias_scores(simulated: Fields, reference: Fields) -> Floats:
    """Map of the scores of bias [latitude, longitude] as coded, of months or years; of one step, against its values."""
    days, nodes = noleap_days(reference.time), node_weights(reference)
    blocks = []
    for ours, theirs in zip(row_blocks(simulated), row_blocks(reference)):
        a, b = ours.values.astype(float), theirs.values.astype(float)
        mean_a, mean_b = time_mean(a, days), time_mean(b, days)
        scale = np.sqrt(time_mean((b - mean_b) ** 2, nodes)) if days.size > 1 else mean_b
        blocks.append(_score_of_bias(mean_a - mean_b, scale, np.isfinite(mean_a) & np.isfinite(mean_b), True))
    return np.concatenate(blocks)


def spatial_score(simulated_mean: Floats, reference_mean: Floats, held: NDArray[np.bool_], area: Floats, *,
                  as_coded: bool = True) -> float:
    """4 (1 + R) / ((s + 1/s)^2 (1 + R0)), R0 = 1, of maps of time means over the cells that are held (Taylor 2001)."""
    if not as_coded:
        found = taylor(simulated_mean, reference_mean, np.where(held, area, 0.0))
        ratio, r = found.deviation_ratio, found.correlation
    else:
        spread = [max(float(one[held].std()), LEAST_DEVIATION) for one in (simulated_mean, reference_mean)]
        ratio = spread[0] / spread[1]
        r = taylor(np.where(held, simulated_mean, 0.0), np.where(held, reference_mean, 0.0)).correlation
    if not (np.isfinite(r) and np.isfinite(ratio) and ratio > 0.0):
        return np.nan
    return float(4.0 * (1.0 + r) / ((ratio + 1.0 / ratio) ** 2 * 2.0))


def time_mean(values: Floats, weights: Floats) -> Floats:
    """Mean over time by weights, over the steps that have values; NaN where none has."""
    weight = np.isfinite(values) * weights[:, None, None]
    whole = weight.sum(axis=0)
    return np.where(whole > 0.0, np.nansum(weight * np.nan_to_num(values), axis=0) / np.where(whole > 0.0, whole, 1.0), np.nan)


def node_weights(fields: Fields) -> Floats:
    """Half the distance (days) between the middles of the steps before and after each.

    ILAMB takes the middle of a step in the calendar of the file and then puts it, date and hour, into a year without leap
    days: that of a February of 29 days falls half a day later than that of one of 28.
    """
    time = fields.time
    if time.size < 2:
        return np.ones(time.size)
    if fields.calendar in LEAP_CALENDARS:
        start, end = (edge.astype("datetime64[h]") for edge in (time, time + 1))
        middle = start + (end - start) // 2
        month, day = middle.astype("datetime64[M]"), middle.astype("datetime64[D]")
        within = (day - month).astype(float) + (middle - day).astype(float) / 24.0
        middle_day = _noleap_day(month) + within
    else:
        middle_day = 0.5 * (_noleap_day(time.astype("datetime64[M]")) + _noleap_day((time + 1).astype("datetime64[M]")))
    gaps = np.diff(middle_day)
    return 0.5 * (np.concatenate([gaps[:1], gaps]) + np.concatenate([gaps, gaps[-1:]]))


def _noleap_day(month: NDArray[np.datetime64]) -> Floats:
    """Day on which months begin, counted without leap days."""
    number = month.astype(np.int64)
    return DAYS_PER_YEAR * (number // 12) + np.concatenate([[0.0], np.cumsum(DAYS_OF_MONTH)])[number % 12]


def _score(error: Floats, scale: Floats, there: NDArray[np.bool_]) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", under="ignore"):
        found = np.exp(-np.abs(error / scale))
    return np.where(there & (scale != 0.0), np.where(found < SMALLEST, 0.0, found), np.nan)


def _score_of_bias(bias: Floats, scale: Floats, there: NDArray[np.bool_], as_coded: bool) -> Floats:
    found = _score(bias, scale, there)
    return np.where(there & (scale == 0.0), np.exp(-np.abs(bias)), found) if as_coded else found
