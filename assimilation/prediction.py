"""What a calibrated model predicts, with bands: for the modelled mean and for what would be observed.

    found = fit(TowerProblem(problem, columns))
    predicted = predict_posterior(found, years=[2005])         # years left out
    predicted["net_ecosystem_exchange"].observation.quantiles  # (5, n) at QUANTILES
    coverage(predicted, 0.9)                                    # {stream: share of observations inside}
    coverage(predicted, 0.9, every="month")                     # of monthly means over the half hours measured

Every draw of the posterior gives a modelled series h; the parameter band is its spread over draws. The observation band adds
an error drawn with the noise of that draw, sigma_tot z, where sigma_tot^2 = (scale sigma)^2 + extra_sigma^2 and z follows
the AR(1) of the likelihood over the same gaps. Days and months are means of both over the half hours that were measured;
part of z is shared by the half hours of a day and remembered by the days after it, as far as the residuals of calibration
say so (`lasting_errors`), else bands of means would be too narrow.
"""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.lasting_errors import NONE, LastingError, lasting_errors, lasting_part
from terraflux.assimilation.likelihood import memory_of
from terraflux.assimilation.observed_streams import ObservedStream
from terraflux.assimilation.residuals import FREEDOM
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.model.weave.kernels import kernel

Floats = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
MOST_DRAWS = 200
DAY_SHARE = 0.5
"""Share of the steps of a day that must be observed for its mean to be judged."""
MONTH_SHARE = 0.1
"""The same of a month, of which towers measure less, and streams of day or night alone less still."""
WINDOWS = {"day": ("datetime64[D]", DAY_SHARE, 1.0), "month": ("datetime64[M]", MONTH_SHARE, 30.4)}
BATCH = 25
"""Draws per run of the model."""
IN_MEMORY = 2**28
"""Bytes of modelled observations kept in memory; more go to a temporary file."""
CHUNK = 8192
"""Observations whose bands are found at once."""


@dataclass(frozen=True, eq=False)
class Band:
    """Mean, standard deviation (n,) and quantiles (5, n) at QUANTILES over draws."""

    mean: Floats
    deviation: Floats
    quantiles: Floats


@dataclass(frozen=True, eq=False)
class StreamPrediction:
    """One stream: bands beside what was observed, all (n,) and in the unit of the observations.

    `parameter` is the band of the modelled mean, `observation` that of an observation. `rank` is the place of the observed
    value among predicted observations (0..1, uniform where the prediction is honest). `times` are starts of the intervals.
    """

    name: str
    unit: str
    times: NDArray[np.datetime64]
    observed: Floats
    parameter: Band
    observation: Band
    rank: Floats

    def inside(self, level: float = 0.9) -> NDArray[np.bool_]:
        """Whether each observation lies in the central band of a probability `level` (0..1); shape (n,)."""
        if not 0.0 < level < 1.0:
            raise ValueError(f"the level of a band lies between 0 and 1, not at {level}")
        return np.asarray(np.abs(self.rank - 0.5) <= 0.5 * level)

    def dataset(self) -> xr.Dataset:
        """Observed values and both bands with units, on a time axis; quantiles on the axis `quantile`."""
        variables: dict[str, Any] = {"observed": ("time", self.observed, {"long_name": f"observed {self.name}"})}
        for what, band in (("parameter", self.parameter), ("observation", self.observation)):
            meant = "modelled mean" if what == "parameter" else "predicted observation"
            variables[f"{what}_mean"] = ("time", band.mean, {"long_name": f"mean of the {meant}"})
            variables[f"{what}_sd"] = ("time", band.deviation, {"long_name": f"standard deviation of the {meant}"})
            variables[f"{what}_quantiles"] = (("quantile", "time"), band.quantiles, {"long_name": f"quantiles of the {meant}"})
        for entry in variables.values():
            entry[2]["units"] = self.unit
        variables["rank"] = ("time", self.rank, {"units": "1", "long_name": "place of the observed among predicted values"})
        return xr.Dataset(variables, {"time": ("time", self.times, {"standard_name": "time", "axis": "T"}),
                                      "quantile": ("quantile", np.array(QUANTILES), {"units": "1"})}, {"stream": self.name})


@dataclass(frozen=True, eq=False)
class Prediction:
    """Posterior predictions of the streams of a site, and of their daily and monthly means; `prediction[name]` is a stream.

    `draws` (R, p) are the control vectors used, `failed` of which the model could not run. `lasting` says what the errors of
    half hours were taken to share.
    """

    site_id: str
    years: tuple[int, ...]
    streams: Mapping[str, StreamPrediction]
    daily: Mapping[str, StreamPrediction]
    monthly: Mapping[str, StreamPrediction]
    draws: Floats
    failed: int
    lasting: Mapping[str, LastingError]

    def __getitem__(self, name: str) -> StreamPrediction:
        return self.streams[name]


def predict_posterior(target: Fit | TowerProblem, draws: ArrayLike | None = None, *, years: Sequence[int] | None = None,
                      count: int = MOST_DRAWS, seed: int = 0,
                      lasting: Mapping[str, LastingError] | None = None) -> Prediction:
    """Posterior predictions of the observations of some years, those of the problem unless given.

    `draws` (N, p) are equal-weight control vectors; those of a fit by default, evenly thinned to `count`. Modelled values
    are kept in single precision until their bands are made. `lasting` {stream: what half hours of a day have in common} is
    estimated from the residuals of the calibration where a fit is given, none otherwise. Raises ValueError where draws are
    missing or all fail, ProblemError where the years hold no observation.
    """
    problem = target.target if isinstance(target, Fit) else target
    if draws is None:
        if not isinstance(target, Fit):
            raise ValueError("a problem without a fit has no posterior: give draws (N, p) of control vectors")
        draws = target.draws
    if lasting is None:
        lasting = lasting_errors(target.target, target.mode) if isinstance(target, Fit) else {}
    chosen = thinned(np.atleast_2d(np.asarray(draws, np.float64)), count)
    if years is not None and tuple(years) != problem.years:
        problem = TowerProblem(problem.problem, problem.columns, years=years, observations=problem.observations,
                               threads=problem.threads)
    random = np.random.default_rng(seed)
    with _modelled(problem, chosen) as values:
        good = np.flatnonzero(np.isfinite(values).all(axis=0)) if values.shape[0] else np.arange(len(chosen))
        if good.size < 2:
            raise ValueError(f"{problem.columns.tower.site.site_id}: the model fails for {len(chosen) - good.size} of "
                             f"{len(chosen)} draws; nothing can be predicted from them")
        noise = problem.space.noise(chosen[good])
        made: dict[str, StreamPrediction] = {}
        means: dict[str, dict[str, StreamPrediction]] = {window: {} for window in WINDOWS}
        for one in problem.streams:
            found = _bands(one, values[problem.parts[one.name]], good, noise.get(one.name, {}), lasting.get(one.name, NONE),
                           problem.columns.time_step, random)
            made[one.name] = found.pop("step")
            for window, entry in found.items():
                means[window][one.name] = entry
    return Prediction(problem.columns.tower.site.site_id, problem.years, made, means["day"], means["month"], chosen,
                      len(chosen) - good.size, {one.name: lasting.get(one.name, NONE) for one in problem.streams})


def coverage(prediction: Prediction, level: float = 0.9, *, every: str = "step") -> dict[str, float]:
    """{stream: share of observations (with every = "day" or "month", of their means) inside the central band of a level}."""
    known = {"step": prediction.streams, "day": prediction.daily, "month": prediction.monthly}
    if every not in known:
        raise ValueError(f"every is {every!r}; coverage is known by {', '.join(known)}")
    return {name: float(one.inside(level).mean()) for name, one in known[every].items()}


def thinned(draws: Floats, count: int) -> Floats:
    """At most `count` rows of (N, p), evenly spread."""
    if count < 2:
        raise ValueError(f"a prediction needs 2 draws or more, not {count}")
    return draws if len(draws) <= count else draws[np.linspace(0, len(draws) - 1, count).round().astype(int)]


# ---------------------------------------------------------------------------------------------- inside


@contextmanager
def _modelled(problem: TowerProblem, draws: Floats) -> Iterator[NDArray[np.float32]]:
    """Modelled observations (n, R) of draws, run in batches; in a temporary file where they are many."""
    shape = (problem.observed.size, len(draws))
    with tempfile.TemporaryFile() as file:
        large = 4 * shape[0] * shape[1] > IN_MEMORY
        values: NDArray[np.float32] = (np.memmap(file, np.float32, "w+", shape=shape) if large
                                       else np.empty(shape, np.float32))
        for first in range(0, len(draws), BATCH):
            values[:, first:first + BATCH] = problem.predict(draws[first:first + BATCH]).T
        yield values


def _bands(stream: ObservedStream, values: NDArray[np.float32], good: NDArray[np.int64], noise: Mapping[str, Floats],
           lasting: LastingError, time_step: float, random: np.random.Generator) -> dict[str, StreamPrediction]:
    """Bands of a stream (n, draws) and of those of its means by day and month that are observed well enough."""
    count = good.size
    scale, correlation = (np.broadcast_to(np.asarray(noise.get(name, usual), np.float64), (count,))
                          for name, usual in (("scale", 1.0), ("correlation", 0.0)))
    rows = stream.observed.size
    days, day = np.unique(stream.when.astype("datetime64[D]"), return_inverse=True)
    in_common = lasting_part(days.astype(np.int64), lasting, count, random) if lasting.share > 0.0 else None
    windows = {name: _Means.of(stream, unit, count) for name, (unit, _, _) in WINDOWS.items()
               if stream.choice.average == "step"}
    pieces = []
    before = np.zeros(count)
    for first in range(0, rows, CHUNK):
        part = slice(first, min(first + CHUNK, rows))
        modelled = values[part][:, good].T.astype(np.float64)
        memory = memory_of(replace(stream, intervals=stream.intervals[part]), correlation)
        z = correlated(independent_errors(stream.choice.error_model, modelled.shape, random), memory, before)
        before = z[:, -1].copy()
        if in_common is not None:
            z = np.sqrt(1.0 - lasting.share) * z + np.sqrt(lasting.share) * in_common[:, day[part]]
        sigma = np.sqrt((scale[:, None] * stream.sigma[part]) ** 2 + stream.extra_sigma[part] ** 2)
        predicted = modelled + sigma * z
        pieces.append(_judged(modelled, predicted, stream.observed[part]))
        for one in windows.values():
            one.add(part, modelled, predicted)
    whole = _joined(stream, stream.when, stream.observed, pieces)
    found = {"step": whole}
    if stream.choice.average != "step":
        return found | {stream.choice.average: whole}
    for name, (_, least, length) in WINDOWS.items():
        enough = windows[name].size >= least * length * 86400.0 / time_step
        if enough.any():
            observed, modelled, predicted = windows[name].means(stream.observed, enough)
            times = windows[name].starts[enough].astype("datetime64[ns]")
            found[name] = _joined(stream, times, observed, [_judged(modelled, predicted, observed)])
    return found


@dataclass(frozen=True, eq=False)
class _Means:
    """Sums over the observations of each window: `starts` and `size` (windows,), `number` (n,) the window of each, `sums`
    (2, draws, windows) of modelled and of predicted values."""

    starts: NDArray[np.datetime64]
    number: NDArray[np.int64]
    size: NDArray[np.int64]
    sums: Floats

    @classmethod
    def of(cls, stream: ObservedStream, unit: str, count: int) -> "_Means":
        starts, number, size = np.unique(stream.when.astype(unit), return_inverse=True, return_counts=True)
        return cls(starts, number.astype(np.int64), size.astype(np.int64), np.zeros((2, count, size.size)))

    def add(self, part: slice, modelled: Floats, predicted: Floats) -> None:
        """Adds the values (draws, n) of a part of the observations."""
        inside = slice(self.number[part.start], self.number[part.stop - 1] + 1)
        starts = np.flatnonzero(np.diff(self.number[part], prepend=-1))
        self.sums[0][:, inside] += np.add.reduceat(modelled, starts, axis=1)
        self.sums[1][:, inside] += np.add.reduceat(predicted, starts, axis=1)

    def means(self, observed: Floats, which: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
        """Means observed (windows,), modelled and predicted (draws, windows) of some windows."""
        modelled, predicted = self.sums[:, :, which] / self.size[which]
        return (np.bincount(self.number, observed) / self.size)[which], modelled, predicted


def independent_errors(shape_of_errors: str, shape: tuple[int, ...], random: np.random.Generator) -> Floats:
    """Independent errors of unit variance: gaussian, laplace or student_t."""
    if shape_of_errors == "gaussian":
        return random.standard_normal(shape)
    if shape_of_errors == "laplace":
        return random.laplace(0.0, np.sqrt(0.5), shape)
    return np.asarray(random.standard_t(FREEDOM, shape) * np.sqrt((FREEDOM - 2.0) / FREEDOM))


@kernel
def correlated(innovation, memory, before):  # type: ignore[no-untyped-def]
    """Errors z_i = m_i z_(i-1) + (1 - m_i^2)^1/2 e_i of rows (R, n), going on from `before` (R,)."""
    made = np.empty_like(innovation)
    for row in range(innovation.shape[0]):
        last = before[row]
        for place in range(innovation.shape[1]):
            m = memory[row, place]
            last = m * last + np.sqrt(1.0 - m * m) * innovation[row, place]
            made[row, place] = last
    return made


def _judged(modelled: Floats, predicted: Floats, observed: Floats) -> tuple[Band, Band, Floats]:
    rank = ((predicted < observed).sum(axis=0) + 0.5) / (len(predicted) + 1.0)
    return _band(modelled), _band(predicted), rank


def _band(values: Floats) -> Band:
    return Band(values.mean(axis=0), values.std(axis=0, ddof=1), np.quantile(values, QUANTILES, axis=0))


def _joined(stream: ObservedStream, times: NDArray[np.datetime64], observed: Floats,
            pieces: Sequence[tuple[Band, Band, Floats]]) -> StreamPrediction:
    return StreamPrediction(stream.name, stream.unit, times, observed, _end_to_end([piece[0] for piece in pieces]),
                            _end_to_end([piece[1] for piece in pieces]), np.concatenate([piece[2] for piece in pieces]))


def _end_to_end(bands: Sequence[Band]) -> Band:
    return Band(np.concatenate([band.mean for band in bands]), np.concatenate([band.deviation for band in bands]),
                np.concatenate([band.quantiles for band in bands], axis=1))
