"""Soil moisture by an ensemble Kalman filter: the column runs as an ensemble under uncertain weather, corrected by sensors.

Parameters are fixed; the state is soil water of all layers. Between observation times each member runs under its own
perturbed weather; then the analysis changes liquid soil water and books what it added as `assim_increment` (mm), so that
stores, fluxes and increments close. With `window` > 1 several observation times are taken together and correct the
moisture of the whole window (an ensemble smoother); the model goes on from its last one.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.filter_diagnostics import innovation_chi_square, rank_histogram
from terraflux.assimilation.forcing_errors import ForcingErrors, ForcingPerturbation
from terraflux.assimilation.inflation import AdaptiveInflation
from terraflux.assimilation.localisation import Localisation, line_localisation
from terraflux.assimilation.soil_column import SoilColumn
from terraflux.assimilation.transform_filter import EnsembleFilter

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]
SENSOR_ERROR = 0.03  # m3 m-3


@dataclass(frozen=True)
class SoilObservations:
    """Soil moisture `values` (m3 m-3) [time, sensor] at `times` and `depths` (m); NaN where there is none.

    Times are those of the forcing and must increase; a sensor observes the layer its depth lies in. Errors are independent,
    of the standard deviations `error` and `representation` (m3 m-3, a number or one for each sensor) added in squares.
    """

    times: NDArray[np.datetime64]
    values: Floats
    depths: Floats
    error: ArrayLike = SENSOR_ERROR
    representation: ArrayLike = 0.0

    def __post_init__(self) -> None:
        if np.shape(self.values) != (len(self.times), len(self.depths)):
            raise ValueError(f"soil moisture has the shape {np.shape(self.values)}; expected ({len(self.times)} times, "
                             f"{len(self.depths)} depths)")
        if not (np.diff(self.times) > np.timedelta64(0)).all():
            raise ValueError("times of soil moisture observations must increase")
        outside = np.isfinite(self.values) & ((self.values < 0.0) | (self.values > 1.0))
        if outside.any():
            time, sensor = np.argwhere(outside)[0]
            raise ValueError(f"soil moisture of {self.times[time]} at {self.depths[sensor]:g} m is "
                             f"{self.values[time, sensor]:g}; m3 m-3 lie between 0 and 1 (percent?)")

    @property
    def variance(self) -> Floats:
        """Error variance of each sensor."""
        total = np.square(np.asarray(self.error, np.float64)) + np.square(np.asarray(self.representation, np.float64))
        return np.broadcast_to(total, (len(self.depths),)).copy()

    def layers(self, column: SoilColumn) -> NDArray[np.int64]:
        """Layer each sensor lies in. Raises ValueError for a depth outside the soil."""
        bottoms = np.cumsum(column.thickness)
        depths = np.asarray(self.depths, np.float64)
        if not ((depths >= 0.0) & (depths <= bottoms[-1] + 1e-9)).all():
            raise ValueError(f"sensors at {depths} m; the soil of the column reaches from 0 to {bottoms[-1]:g} m")
        return np.minimum(np.searchsorted(bottoms, depths - 1e-9, side="right"), len(bottoms) - 1).astype(np.int64)

    def steps(self, column: SoilColumn) -> NDArray[np.int64]:
        """Step at whose start each observation is used: the nearest. Raises ValueError for times outside the forcing."""
        first = column.times[0].astype("datetime64[s]")
        seconds = (self.times.astype("datetime64[s]") - first).astype(np.float64)
        places = np.rint(seconds / column.time_step).astype(np.int64)
        wrong = np.flatnonzero((places < 0) | (places > len(column.times)))
        if len(wrong):
            raise ValueError(f"soil moisture of {self.times[wrong[0]]} lies outside the forcing, {column.times[0]} to "
                             f"{column.times[-1]}: cut the observations to that period")
        return places


def daily_noons(column: SoilColumn, hour: float = 12.0) -> NDArray[np.datetime64]:
    """Every day's time at `hour` local standard time within the forcing, the usual time of analysis."""
    days = np.unique(column.times.astype("datetime64[D]")).astype("datetime64[s]")
    noons = days + np.timedelta64(int(3600 * hour), "s")
    return noons[(noons > column.times[0]) & (noons <= column.times[-1])]


@dataclass(frozen=True)
class SoilMoistureFilter:
    """What a filter run found, at T observation times for N members, L layers, m sensors.

    `forecast` and `analysis` are soil water (m3 m-3) [T, N, L]; `assim_increment` (mm) and `assim_heat_increment` (J m-2)
    [T, N] what analyses (and replaced members) added since the time before; `water_closure` (mm) [T, N] the rest that
    stores, fluxes and increments leave. `innovation` [T, m], `predicted` [T, N, m], `predicted_covariance` [T, m, m] and
    `error_variance` [T, m] serve the diagnostics. `inflation` [T, L] is the factor of the variance. `failures` says who
    failed when and why; failed members go on as copies of others. `rejected` counts observations in frozen ground.
    """

    column: SoilColumn
    observations: SoilObservations
    forecast: Floats
    analysis: Floats
    assim_increment: Floats
    assim_heat_increment: Floats
    water_closure: Floats
    innovation: Floats
    predicted: Floats
    predicted_covariance: Floats
    error_variance: Floats
    inflation: Floats
    final_state: Floats
    runs: int
    rejected: int
    status: str
    message: str
    failures: list[str] = field(default_factory=list)

    @property
    def mean(self) -> Floats:
        """Mean analysis (m3 m-3) [T, L]."""
        return np.asarray(self.analysis.mean(1))

    def diagnostics(self) -> dict[str, float]:
        """`innovation_chi_square` (0.8-1.2 is well), `rank_p_value` (ten bins), largest `water_closure` (mm) and the mean
        over members of all increments, `mean_increment` (mm per observation time)."""
        seen = self.innovation + self.predicted.mean(1)
        return {
            "innovation_chi_square": innovation_chi_square(self.innovation, self.predicted_covariance, self.error_variance),
            "rank_p_value": rank_histogram(self.predicted, seen, self.error_variance, bins=10).p_value,
            "water_closure": float(np.abs(self.water_closure).max()),
            "mean_increment": float(self.assim_increment.mean()),
        }

    def to_dataset(self) -> "xr.Dataset":
        """Everything by time, member, layer and sensor, with units."""
        import xarray as xr

        def one(values: Floats, dims: tuple[str, ...], unit: str, text: str) -> tuple[tuple[str, ...], Floats, dict[str, str]]:
            return dims, values, {"units": unit, "long_name": text}

        layered, members = ("time", "member", "soil"), ("time", "member")
        return xr.Dataset({
            "soil_moisture_forecast": one(self.forecast, layered, "m3 m-3", "soil water before the analysis"),
            "soil_moisture_analysis": one(self.analysis, layered, "m3 m-3", "soil water after the analysis"),
            "assim_increment": one(self.assim_increment, members, "kg m-2", "water added by the analysis"),
            "assim_heat_increment": one(self.assim_heat_increment, members, "J m-2", "heat added with that water"),
            "water_closure": one(self.water_closure, members, "kg m-2", "water that nothing explains"),
            "innovation": one(self.innovation, ("time", "sensor"), "m3 m-3", "observation less mean forecast"),
            "inflation": one(self.inflation, ("time", "soil"), "1", "inflation of the forecast variance"),
        }, {
            "time": ("time", self.observations.times.astype("datetime64[ns]")),
            "soil_depth": one(self.column.depths, ("soil",), "m", "depth of the middle of soil layers"),
            "sensor_depth": one(np.asarray(self.observations.depths, np.float64), ("sensor",), "m", "depth of sensors"),
        }, {"status": self.status, "message": self.message})


def filter_soil_moisture(
    column: SoilColumn,
    observations: SoilObservations,
    *,
    members: int = 64,
    errors: ForcingErrors = ForcingErrors(),  # noqa: B008  frozen, so sharing it is safe
    initial_spread: float = 0.03,
    initial_reach: float = 0.5,
    analysis: EnsembleFilter | None = None,
    reach: float | None = 1.0,
    window: int = 1,
    assimilate: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: Progress | None = None,
) -> SoilMoistureFilter:
    """Runs the ensemble to the last observation and returns what it found.

    Members start from the column's state with soil water shifted by errors of `initial_spread` (m3 m-3), correlated over
    `initial_reach` (m), and run under weather with `errors`. `analysis` is the transform filter with adaptive inflation
    from 1.05 unless given; `reach` (m) is the distance in depth at which an observation
    ceases to act, twice the length of Gaspari and Cohn (None for no limit). `window` observation
    times are taken together. `assimilate=False` runs the same ensemble without corrections, the open loop. The result
    depends on `seed`, not on `threads`.

    A member that fails goes on as a copy of another; if all fail, ArithmeticError says why.
    """
    if members < 2 or window < 1:
        raise ValueError(f"{members} members and a window of {window}; two members and a window of 1 at least")
    layers, steps, variance = observations.layers(column), observations.steps(column), observations.variance
    count, depth_count, sensors = len(steps), len(column.thickness), len(layers)
    seeds = [np.random.default_rng(one) for one in np.random.SeedSequence(seed).spawn(3)]
    if analysis is None:
        analysis = EnsembleFilter(inflation=AdaptiveInflation(), seed=seeds[2])
    near = None if reach is None else line_localisation(column.depths, column.depths[layers], reach)
    weather = ForcingPerturbation(column.model.table, errors, members, column.time_step, seeds[0])
    states = column.ensemble(members)
    first = first_errors(column, members, initial_spread, initial_reach, seeds[1])
    column.set_moisture(states, column.moisture(states) + first - first.mean(0))

    forecast, posterior = (np.full((count, members, depth_count), np.nan) for _ in range(2))
    water, heat, closure = (np.zeros((count, members)) for _ in range(3))
    used = np.where(assimilate, np.asarray(observations.values, np.float64), np.nan)
    innovation, predicted = np.full((count, sensors), np.nan), np.full((count, members, sensors), np.nan)
    covariance, inflation = np.zeros((count, sensors, sensors)), np.ones((count, depth_count))
    failures: list[str] = []
    rejected, runs, place = 0, 0, 0
    for time, step in enumerate(steps.tolist()):
        if progress is not None:
            progress(time, count, "soil moisture filter")
        before, jump = column.stored_water(states), np.zeros(members)
        rain, lost = np.zeros(members), np.zeros(members)
        if step > place:
            segment = column.run(states, place, step, weather.perturbed(column.forcing[place:step]), threads)
            rain, lost, runs, place = segment.rain.copy(), segment.lost.copy(), runs + members, step
            failures += segment.failed.values()
            well = [member for member in range(members) if member not in segment.failed]
            if not well:
                raise ArithmeticError(f"all {members} members failed before {observations.times[time]}: {failures[-1]}")
            for member in segment.failed:
                donor = int(seeds[1].choice(well))
                states[:, member] = states[:, donor]
                rain[member], lost[member] = rain[donor], lost[donor]
                jump[member] = before[donor] - before[member]
                weather.copy_member(donor, member)
        forecast[time] = posterior[time] = column.moisture(states)
        icy = column.frozen(states).mean(0)[layers] > 0.5
        rejected += int((np.isfinite(used[time]) & icy).sum())
        used[time, icy] = np.nan
        predicted[time] = forecast[time][:, layers]
        if (time + 1) % window == 0 or time == count - 1:
            held = slice(time - time % window, time + 1)
            if np.isfinite(used[held]).any():
                _correct(analysis, forecast, posterior, used, variance, layers, near, held, innovation, predicted, covariance)
                inflation[held] = _factors(analysis, held, depth_count)
            added, warmed = column.set_moisture(states, posterior[time])
            posterior[time] = column.moisture(states)
            water[time], heat[time] = jump + added, warmed
        else:
            water[time] = jump
        closure[time] = column.stored_water(states) - before - (rain - lost) - water[time]
    if progress is not None:
        progress(count, count, "done")
    message = f"{count} observation times, {int(np.isfinite(used).sum())} values used, {rejected} rejected in frozen ground, "
    return SoilMoistureFilter(
        column, observations, forecast, posterior, water, heat, closure, innovation, predicted, covariance,
        np.broadcast_to(variance, (count, sensors)).copy(), inflation, states, runs, rejected,
        "members_replaced" if failures else "completed", f"{message}{len(failures)} failed members", failures)


def first_errors(column: SoilColumn, members: int, spread: float, reach: float, random: np.random.Generator) -> Floats:
    """Errors of the first state [member, layer]: exponentially correlated over depth."""
    depths = column.depths
    covariance = spread**2 * np.exp(-np.abs(depths[:, None] - depths) / reach)
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(len(depths)))
    return np.asarray(random.standard_normal((members, len(depths))) @ root.T)


def _correct(analysis: EnsembleFilter, forecast: Floats, posterior: Floats, used: Floats, variance: Floats,
             layers: NDArray[np.int64], near: Localisation | None, held: slice, innovation: Floats, predicted: Floats,
             covariance: Floats) -> None:
    """One analysis of the moisture of all times held, written into posterior and diagnostics."""
    times, members, depth_count = forecast[held].shape
    sensors = len(layers)
    picked = (np.arange(times)[:, None] * depth_count + layers).ravel()
    joint = np.swapaxes(forecast[held], 0, 1).reshape(members, times * depth_count)
    local = None if near is None else Localisation(np.tile(near.state, (times, times)), np.tile(near.observed, (times, times)))
    done = analysis.analyse(joint, lambda ensemble: ensemble[..., picked], used[held].ravel(), np.tile(variance, times),
                            localisation=local)
    posterior[held] = np.swapaxes(done.ensemble.reshape(members, times, depth_count), 0, 1)
    innovation[held] = done.innovation.reshape(times, sensors)
    predicted[held] = np.swapaxes(done.predicted.reshape(members, times, sensors), 0, 1)
    blocks = done.predicted_covariance.reshape(times, sensors, times, sensors)
    covariance[held] = blocks[np.arange(times), :, np.arange(times), :]


def _factors(analysis: EnsembleFilter, held: slice, depth_count: int) -> Floats:
    times = held.stop - held.start
    return np.broadcast_to(analysis.inflation.factor, (times * depth_count,)).reshape(times, depth_count)
