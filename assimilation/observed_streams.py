"""Observations of a tower as streams of a likelihood: which steps count, with what error, in which row of the model.

Two sources serve. A `Tower` carries what its files hold, in the units of the model; its random errors are those of similar
weather (FLUXNET2015), or the line of Richardson et al. (2006) in a smoothed flux where too few rows are alike. A dataset of
`observations.nc` carries errors, footprint weights and class fractions of its own. Only measured half hours count. Every
value that does not is counted under its reason, so nothing disappears in silence.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem import STREAM_VARIABLES, Problem, StreamChoice
from terraflux.drivers.errors import nearest
from terraflux.drivers.tower import Tower
from terraflux.model.constants import CARBON_MOLAR_MASS, WATER_DENSITY
from terraflux.model.humidity import saturation_pressure_at
from terraflux.sites.processing.random_error import linear_error, random_error

Floats = NDArray[np.float64]
CARBON_PER_MICROMOLE = CARBON_MOLAR_MASS * 1e-6
DARK = 10.0
"""Shortwave radiation (W m-2) up to which a half hour belongs to the night."""
MEASURED_SHARE = 0.75
"""Share of a day that must be measured for its mean to count."""
SMOOTHING_DAYS = 15
PARTITIONING_SHARE = 0.1
"""Error of gross primary production beside that of net exchange: a tenth of its value."""
WOODY = ("ENF", "EBF", "DNF", "DBF", "MF", "WSA")
ERROR_KINDS = {"net_ecosystem_exchange": "nee", "gross_primary_production": "nee", "latent_heat": "le", "sensible_heat": "h"}
IN_TOWER = {"soil_temperature": "soil_temperature_observed", "soil_moisture": "soil_moisture_observed"}


@dataclass(frozen=True, eq=False)
class ObservedStream:
    """One stream of a likelihood over the steps of a run.

    `row` is the variable of the model, which times `per_model_unit` is in the unit of the observations. `index` (steps,)
    numbers the observation of each step, -1 for none; `observed`, `sigma`, `extra_sigma` and `weight` (n,) belong to
    them, `when` (n,) is their first step and `intervals` (n,) the distance from the one before in their own length (0 for
    the first). `fractions` (n, classes) are shares of the land-cover classes for a mixture. `left_out` counts, by reason,
    half hours (or means) of the chosen years that do not count.
    """

    choice: StreamChoice
    row: str
    per_model_unit: float
    index: NDArray[np.int64]
    observed: Floats
    sigma: Floats
    extra_sigma: Floats
    weight: Floats
    when: NDArray[np.datetime64]
    intervals: Floats
    fractions: Floats | None = None
    left_out: Mapping[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the stream in the problem."""
        return self.choice.name

    @property
    def unit(self) -> str:
        """Unit of the observations."""
        return STREAM_VARIABLES[self.choice.variable].unit


def observed_streams(problem: Problem, tower: Tower, years: Iterable[int], times: NDArray[np.datetime64],
                     layer_thickness: Floats, observations: xr.Dataset | None = None) -> list[ObservedStream]:
    """The streams of a problem at a tower in some years, on the steps `times` (interval starts) of a run.

    `layer_thickness` (m) places soil sensors in layers; `observations` is a dataset of `read_observations` and replaces
    the tower's own fluxes. Raises ProblemError naming stream, site and remedy where a stream has no observation.
    """
    wanted = set(years)
    in_years = np.isin(times.astype("datetime64[Y]").astype(int) + 1970, list(wanted))
    if not in_years.any():
        first, last = (str(times[k].astype("datetime64[Y]")) for k in (0, -1))
        raise ProblemError(f"{tower.site.site_id} has no step in {', '.join(map(str, sorted(wanted)))}; its forcing runs from "
                           f"{first} to {last}")
    if observations is not None:
        _check_operator(problem, observations)
    elif problem.footprint.operator != "site":
        raise ProblemError(f"the operator {problem.footprint.operator!r} needs footprints: give observations made by "
                           "`terraflux observations`, or use the operator 'site'")
    return [_stream(choice, tower, in_years, times, layer_thickness, observations) for choice in problem.streams]


def years_of(tower: Tower) -> list[int]:
    """Calendar years of which the forcing holds at least half, in order."""
    times = tower.forcing["time"].values
    years, counts = np.unique(times.astype("datetime64[Y]").astype(int) + 1970, return_counts=True)
    per_year = 365.25 * 86400.0 / float(tower.forcing.attrs["time_step_seconds"])
    return [int(year) for year, count in zip(years, counts, strict=True) if count >= 0.5 * per_year]


def row_of(choice: StreamChoice, layer_thickness: Floats) -> tuple[str, float]:
    """The row of the model that a stream observes, and what its values are multiplied by to be in the stream's unit."""
    factor = 1.0
    if choice.variable in ("net_ecosystem_exchange", "gross_primary_production"):
        factor = 1.0 / CARBON_PER_MICROMOLE
    if choice.depth is None:
        return choice.variable, factor
    layer = layer_at(choice.depth, layer_thickness)
    if choice.variable == "soil_moisture":  # the model gives the water of a layer (kg m-2), a sensor its share of the volume
        factor = 1.0 / (WATER_DENSITY * float(layer_thickness[layer - 1]))
    return f"{choice.variable}_layer{layer}", factor


# ---------------------------------------------------------------------------------------------- one stream


def _stream(choice: StreamChoice, tower: Tower, in_years: NDArray[np.bool_], times: NDArray[np.datetime64],
            layer_thickness: Floats, observations: xr.Dataset | None) -> ObservedStream:
    row, factor = row_of(choice, layer_thickness)
    if choice.average == "month":
        return _monthly(choice, tower, row, factor, in_years, times)
    left_out: dict[str, int] = {}
    fractions = None
    if observations is not None and choice.variable in ERROR_KINDS:
        value, sigma, extra, weight, fractions = _from_observations(choice, observations, times, in_years, left_out)
    else:
        value, sigma = _from_tower(choice, tower, times, in_years, left_out)
        extra, weight = np.zeros(times.size), np.ones(times.size)
    keep = np.isfinite(value) & in_years
    keep = _drop(keep, ~_in_hours(choice.hours, tower, times), f"not by {choice.hours}", left_out)
    keep = _drop(keep, ~(np.isfinite(sigma) & (sigma > 0.0)), "no error known", left_out)
    keep = _drop(keep, ~(weight > 0.0), "no weight by its footprint", left_out)
    if choice.average == "day":
        return _daily(choice, row, factor, keep, times, (value, sigma, extra, weight, fractions), left_out)
    used = np.flatnonzero(keep)
    if used.size == 0:
        _refuse_empty(choice, tower, in_years, times, left_out)
    index = np.full(times.size, -1)
    index[used] = np.arange(used.size)
    return ObservedStream(choice, row, factor, index, value[used], sigma[used], extra[used], weight[used], times[used],
                          np.diff(used, prepend=used[0]).astype(np.float64), None if fractions is None else fractions[used],
                          left_out)


def _daily(choice: StreamChoice, row: str, factor: float, keep: NDArray[np.bool_], times: NDArray[np.datetime64],
           columns: Sequence[Floats | None], left_out: dict[str, int]) -> ObservedStream:
    """Means of days measured for at least MEASURED_SHARE, over the measured half hours, observed and modelled alike."""
    day = times.astype("datetime64[D]").astype(np.int64)
    day -= day[0]
    counts = np.bincount(day[keep], minlength=day[-1] + 1)
    per_day = np.bincount(day).max()
    enough = counts >= MEASURED_SHARE * per_day
    left_out["days measured too little"] = int(((counts > 0) & ~enough).sum())
    used = np.flatnonzero(keep & enough[day])
    if used.size == 0:
        raise ProblemError(f"stream {choice.name}: no day is measured for {MEASURED_SHARE:.0%} of its steps; use average = "
                           "\"step\"")
    days, number, size = np.unique(day[used], return_inverse=True, return_counts=True)
    index = np.full(times.size, -1)
    index[used] = number
    value, sigma, extra, weight, fractions = columns
    phi = STREAM_VARIABLES[choice.variable].correlation
    assert value is not None and sigma is not None and extra is not None and weight is not None
    def mean(of: Floats) -> Floats:
        return np.bincount(number, of[used]) / size

    spread = np.sqrt(np.bincount(number, sigma[used] ** 2) * mean_inflation(phi, size)) / size
    closing = np.append(np.flatnonzero(np.diff(number)), used.size - 1)
    ends = used[closing]
    mixed = None if fractions is None else np.stack([mean(one) for one in fractions.T], axis=1)
    return ObservedStream(choice, row, factor, index, mean(value), spread, mean(extra), mean(weight),
                          times[0].astype("datetime64[D]") + days, np.diff(ends, prepend=ends[0]) / size, mixed, left_out)


def mean_inflation(phi: float, count: NDArray[np.int64]) -> Floats:
    """How much larger the variance of a mean of `count` (n,) errors is when neighbours correlate by `phi` than when none do.

    1 + 2 sum_k (1 - k/n) phi^k; for short memories (1 + phi)/(1 - phi), for long ones never more than n.
    """
    n = np.asarray(count, np.float64)
    return np.asarray((1.0 + phi) / (1.0 - phi) - 2.0 * phi * (1.0 - phi**n) / (n * (1.0 - phi) ** 2))


def _monthly(choice: StreamChoice, tower: Tower, row: str, factor: float, in_years: NDArray[np.bool_],
             times: NDArray[np.datetime64]) -> ObservedStream:
    """Monthly means that a source gives where its half hours are not public; whole months of the chosen years only."""
    name = choice.variable + ("_corrected" if choice.energy_balance == "corrected" else "")
    if tower.monthly is None or name not in tower.monthly:
        known = [] if tower.monthly is None else [str(one) for one in tower.monthly]
        raise ProblemError(f"stream {choice.name}: {tower.site.site_id} has no monthly means of {name}"
                           + (f"; {nearest(name, known)}" if known else "") + "; leave the stream out")
    months = times.astype("datetime64[M]")
    first, number, counts = np.unique(months, return_inverse=True, return_counts=True)
    step = (times[1] - times[0]) / np.timedelta64(1, "s")
    length = ((first + 1).astype("datetime64[s]") - first.astype("datetime64[s]")) / np.timedelta64(1, "s") / step
    value = tower.monthly[name].reindex(first.astype("datetime64[ns]")).to_numpy(dtype=float) * factor
    used = np.isfinite(value) & (counts >= length) & (np.bincount(number, in_years) >= length)
    left_out = {"months incomplete or missing": int((~used & (np.bincount(number, in_years) > 0)).sum())}
    if not used.any():
        raise ProblemError(f"stream {choice.name}: no whole month of {tower.site.site_id} in the chosen years has a mean")
    place = np.where(used, np.cumsum(used) - 1, -1)
    assert choice.sigma is not None
    course = seasonal_course(value, first.astype(np.int64) % 12)[used]
    sigma = choice.sigma.sigma(reference=course, supplied=course, rows=int(used.sum()))
    count = int(used.sum())
    return ObservedStream(choice, row, factor, place[number], value[used], sigma, np.zeros(count), np.ones(count),
                          first[used].astype("datetime64[ns]"), np.diff(np.flatnonzero(used), prepend=np.flatnonzero(used)[0])
                          .astype(np.float64), None, left_out)


def seasonal_course(value: Floats, month: NDArray[np.int64]) -> Floats:
    """Mean of all years over a calendar month (0..11) and its two neighbours, for each of some monthly values (n,).

    Errors scale with it, not with the one value observed, which would make low months look precise.
    """
    known = np.isfinite(value)
    total, count = np.bincount(month[known], value[known], 12), np.bincount(month[known], minlength=12).astype(np.float64)
    sums, counts = (part + np.roll(part, 1) + np.roll(part, -1) for part in (total, count))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((sums / counts)[month])


def _from_tower(choice: StreamChoice, tower: Tower, times: NDArray[np.datetime64], in_years: NDArray[np.bool_],
                left_out: dict[str, int]) -> tuple[Floats, Floats]:
    """Value and error (observation units) on the steps of a run from the datasets of a tower."""
    name = IN_TOWER.get(choice.variable, choice.variable)
    if choice.energy_balance == "corrected":
        name += "_corrected"
    if name not in tower.observations:
        streams = sorted(str(one) for one in tower.observations if not str(one).endswith(("_quality", "_bnds")))
        raise ProblemError(f"stream {choice.name}: {tower.site.site_id} has no {name}; it offers {', '.join(streams)}. Leave "
                           "the stream out" + (", or take its monthly means with average = \"month\""
                                               if tower.monthly is not None and name in tower.monthly else ""))
    factor = 1.0 / CARBON_PER_MICROMOLE if choice.variable in ("net_ecosystem_exchange", "gross_primary_production") else 1.0
    every = tower.observations["time"].values
    value = tower.observations[name].values * factor
    quality = tower.observations[f"{name}_quality"].values
    measured = np.isfinite(value) & (quality == 0)
    place = _places(every, times, tower.site.site_id)
    left_out["missing"] = int((~np.isfinite(value[place]) & in_years).sum())
    left_out["filled"] = int((np.isfinite(value[place]) & (quality[place] != 0) & in_years).sum())
    value = np.where(measured, value, np.nan)
    assert choice.sigma is not None
    smoothed = smoothed_flux(value, every)
    if choice.sigma.rule == "supplied":
        sigma = choice.sigma.sigma(supplied=_random_sigma(choice, tower, value, smoothed), rows=value.size)
    else:
        sigma = choice.sigma.sigma(reference=smoothed, rows=value.size)
    return value[place], sigma[place]


def _random_sigma(choice: StreamChoice, tower: Tower, value: Floats, smoothed: Floats) -> Floats:
    """Random error of measured fluxes; that of gross production is that of net exchange, widened for partitioning."""
    kind = ERROR_KINDS.get(choice.variable)
    if kind is None:
        raise ProblemError(f"stream {choice.name}: the tower supplies no errors of {choice.variable}; give the sigma rule "
                           "line or constant")
    forcing, net = tower.forcing, value
    if choice.variable == "gross_primary_production" and "net_ecosystem_exchange" in tower.observations:
        net = np.where(tower.observations["net_ecosystem_exchange_quality"].values == 0,
                       tower.observations["net_ecosystem_exchange"].values / CARBON_PER_MICROMOLE, np.nan)
    temperature = forcing["air_temperature"].values
    deficit = np.maximum(saturation_pressure_at(temperature) - forcing["vapour_pressure"].values, 0.0) * 10.0
    found = random_error(net, radiation=forcing["shortwave_down"].values, temperature=temperature, vpd=deficit, kind=kind,
                         step_minutes=float(forcing.attrs["time_step_seconds"]) / 60.0).sigma
    surface = "forest" if _main_plant(tower).startswith(WOODY) else "grass"
    sigma = np.where(np.isfinite(found), found, linear_error(smoothed, kind, surface))
    if choice.variable == "gross_primary_production":
        sigma = np.sqrt(sigma**2 + (PARTITIONING_SHARE * smoothed) ** 2)
    return np.asarray(sigma)


def smoothed_flux(value: Floats, times: NDArray[np.datetime64], days: int = SMOOTHING_DAYS) -> Floats:
    """Mean over `days` days at the same time of day (n,), NaN where nothing is measured near: the flux that errors scale with.

    An error that grew with the observed value itself would make low values look precise and bias the fit low.
    """
    step = int((times[1] - times[0]) / np.timedelta64(1, "s"))
    per_day = 86400 // step
    offset = int((times[0] - times[0].astype("datetime64[D]")) / np.timedelta64(1, "s")) // step
    padded = np.full(-(-(offset + value.size) // per_day) * per_day, np.nan)
    padded[offset:offset + value.size] = value
    table = padded.reshape(-1, per_day)
    there = np.isfinite(table).astype(np.float64)
    reach = min(days, table.shape[0])
    count = uniform_filter1d(there, reach, axis=0, mode="constant")
    total = uniform_filter1d(np.where(there > 0.0, table, 0.0), reach, axis=0, mode="constant")
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0.5 / reach, total / count, np.nan)
    return np.asarray(mean.ravel()[offset:offset + value.size])


def _from_observations(choice: StreamChoice, given: xr.Dataset, times: NDArray[np.datetime64], in_years: NDArray[np.bool_],
                       left_out: dict[str, int]) -> tuple[Floats, Floats, Floats, Floats, Floats | None]:
    """Value, error, representativeness error, weight and class fractions from a dataset of observations."""
    name, site = choice.variable, given.attrs.get("site_id", "the observations")
    if name not in given:
        raise ProblemError(f"stream {choice.name}: {site} holds {given.attrs.get('streams', '')}, not {name}; make the "
                           "observations with that stream, or leave it out")
    place = _places(given["time"].values, times, str(site), partly=True)
    inside = place >= 0
    def column(what: str, missing: float) -> Floats:
        return np.where(inside, given[what].values.astype(np.float64)[place], missing)

    value, quality = column(name, np.nan), column(f"{name}_quality", -1.0)
    left_out["missing"] = int((~np.isfinite(value) & in_years).sum())
    left_out["filled"] = int((np.isfinite(value) & (quality > given.attrs.get("maximum_quality", 0)) & in_years).sum())
    assert choice.sigma is not None
    if choice.sigma.rule == "supplied":
        sigma = choice.sigma.sigma(supplied=column(f"{name}_random_sigma", np.nan), rows=times.size)
    else:
        sigma = choice.sigma.sigma(reference=smoothed_flux(value, times), rows=times.size)
    extra = (column(f"{name}_representativeness_sigma", 0.0) if f"{name}_representativeness_sigma" in given
             else np.zeros(times.size))
    fractions = None
    if given.attrs.get("operator") == "mixture":
        shares = given["class_fraction"].transpose("time", "land_cover_class").values[place]
        fractions = np.where(inside[:, None], np.nan_to_num(shares), 0.0)
    return value, sigma, np.nan_to_num(extra), np.nan_to_num(column(f"{name}_weight", 0.0)), fractions


# ---------------------------------------------------------------------------------------------- small parts


def _drop(keep: NDArray[np.bool_], reject: NDArray[np.bool_], reason: str, left_out: dict[str, int]) -> NDArray[np.bool_]:
    count = int((keep & reject).sum())
    if count:
        left_out[reason] = count
    return keep & ~reject


def _in_hours(hours: str, tower: Tower, times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    if hours == "all":
        return np.ones(times.size, np.bool_)
    light = tower.forcing["shortwave_down"].values[_places(tower.forcing["time"].values, times, tower.site.site_id)]
    return np.asarray((light > DARK) if hours == "day" else (light <= DARK))


def _places(every: NDArray[np.datetime64], times: NDArray[np.datetime64], what: str, partly: bool = False
            ) -> NDArray[np.int64]:
    """Where each of `times` lies in `every`; -1 (or ProblemError) where it does not."""
    place = np.clip(np.searchsorted(every, times), 0, every.size - 1)
    found = every[place] == times
    if not found.any() or not (partly or found.all()):
        missing = times[np.flatnonzero(~found)[0]]
        raise ProblemError(f"the times of {what} do not fit the forcing: nothing begins at {missing}; both must be interval "
                           "starts in local standard time with the same step")
    return np.where(found, place, -1)


def layer_at(depth: float, thickness: Floats) -> int:
    """Number, from 1, of the soil layer whose centre is nearest to a depth (m)."""
    bottom = np.cumsum(thickness)
    return int(np.argmin(np.abs(bottom - 0.5 * thickness - depth))) + 1


def _main_plant(tower: Tower) -> str:
    return max(tower.site.mixture.items(), key=lambda item: item[1])[0]


def _check_operator(problem: Problem, observations: xr.Dataset) -> None:
    made_for = observations.attrs.get("operator", "site")
    if made_for != problem.footprint.operator:
        raise ProblemError(f"the observations of {observations.attrs.get('site_id', 'this site')} were made for the footprint "
                           f"operator {made_for!r}, the problem asks for {problem.footprint.operator!r}; operators are never "
                           "mixed: make the observations anew, or change [footprint] operator")


def _refuse_empty(choice: StreamChoice, tower: Tower, in_years: NDArray[np.bool_], times: NDArray[np.datetime64],
                  left_out: Mapping[str, int]) -> None:
    years = sorted({int(year) for year in times[in_years].astype("datetime64[Y]").astype(int) + 1970})
    reasons = ", ".join(f"{count} {reason}" for reason, count in left_out.items() if count) or "none present"
    raise ProblemError(f"stream {choice.name} is empty at {tower.site.site_id} in {', '.join(map(str, years))}: of "
                       f"{int(in_years.sum())} steps {reasons}; choose other years, or leave the stream out")
