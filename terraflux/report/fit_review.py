"""What a calibration did, in numbers: before and after, on the years of calibration and of validation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.information import Information, information
from terraflux.assimilation.lasting_errors import lasting_errors
from terraflux.assimilation.likelihood import memory_of, standardised
from terraflux.assimilation.observed_streams import ObservedStream
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.prediction import Prediction, predict_posterior
from terraflux.assimilation.residuals import LeastSquares, sensitivity
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.evaluation.metrics import bias, correlation, root_mean_square_error

Floats = NDArray[np.float64]
SCALE_WORDS = {"step": "observations", "day": "daily means", "month": "monthly means"}
BAND_DRAWS = 100
LEVELS = (0.5, 0.9)
DAY_SHARE = 0.75
"""Share of a day's steps that must be observed for its mean to be scored."""
STEP = 2e-3
"""Step in u of the differences behind sensitivities."""


@dataclass(frozen=True)
class StreamScore:
    """Scores of one stream over one period at one scale ("step" or "day"); pairs are (before, after)."""

    stream: str
    unit: str
    period: str
    scale: str
    n: int
    rmse: tuple[float, float]
    bias: tuple[float, float]
    r: tuple[float, float]

    @property
    def reduction(self) -> float:
        """Share by which the root mean square error fell (negative: rose)."""
        return 1.0 - self.rmse[1] / self.rmse[0] if self.rmse[0] > 0.0 else np.nan


@dataclass(frozen=True, eq=False)
class Period:
    """Years of one kind ("calibration" or "validation"): observations, modelled with the defaults and at the mode, bands."""

    name: str
    target: TowerProblem
    before: Floats
    after: Floats
    prediction: Prediction | None

    def of(self, stream: ObservedStream) -> tuple[Floats, Floats]:
        """Modelled values of a stream before and after."""
        part = self.target.parts[stream.name]
        return self.before[part], self.after[part]


@dataclass(frozen=True, eq=False)
class Review:
    """A fit with everything that its page shows.

    `sensitivity` (streams, p): root mean square change of each stream's modelled values per prior standard deviation of each
    parameter, over their errors as the likelihood weighs them (correlation taken off, weight of the stream included).
    `information` is None where no normal posterior is known.
    """

    fit: Fit
    periods: tuple[Period, ...]
    scores: tuple[StreamScore, ...]
    sensitivity: Floats
    information: Information | None
    notes: tuple[str, ...] = field(default=())

    @property
    def names(self) -> tuple[str, ...]:
        """Elements of the control vector."""
        return self.fit.target.names

    def coverage(self, level: float = 0.9) -> Mapping[tuple[str, str, str], float]:
        """{(period, stream, scale): share of observed values inside the central band of `level`}."""
        found = {}
        for period in self.periods:
            if period.prediction is None:
                continue
            for scale, streams in (("step", period.prediction.streams), ("day", period.prediction.daily),
                                   ("month", period.prediction.monthly)):
                for name, one in streams.items():
                    if scale != "step" and one is period.prediction.streams[name]:
                        continue
                    found[period.name, name, scale] = float(one.inside(level).mean())
        return found


def review_fit(fit: Fit, *, draws: int = BAND_DRAWS, progress: Callable[[str], object] | None = None) -> Review:
    """Run the model for bands, scores and sensitivities of a fit; 2 + `draws` runs of each period and 2p more.

    A period of validation without observations, or bands that fail, become notes.
    """
    tell = progress or (lambda text: None)
    notes: list[str] = []
    periods = []
    lasting = lasting_errors(fit.target, fit.mode)
    for name, target in _targets(fit, notes):
        tell(f"{name}: before, after and bands")
        before, after = target.predict(np.stack([fit.target.space.default_control(), fit.mode]))
        prediction = None
        try:
            prediction = predict_posterior(target, fit.draws, count=max(min(draws, len(fit.draws)), 2), seed=fit.seed,
                                           lasting=lasting)
        except ValueError as trouble:
            notes.append(f"no bands for {name}: {trouble}")
        periods.append(Period(name, target, before, after, prediction))
    tell("sensitivities")
    return Review(fit, tuple(periods), tuple(score for period in periods for score in scores_of(period)),
                  _sensitivity(fit), _information(fit, notes), tuple(notes))


def _targets(fit: Fit, notes: list[str]) -> list[tuple[str, TowerProblem]]:
    target = fit.target
    made = [("calibration", target)]
    if target.problem.validation:
        try:
            made.append(("validation", TowerProblem(target.problem, target.columns, years=target.problem.validation,
                                                    observations=target.observations, threads=target.threads)))
        except ProblemError as trouble:
            notes.append(f"no validation: {trouble}")
    return made


def scores_of(period: Period) -> list[StreamScore]:
    """Scores of every stream of a period: of single observations and, where they are steps, of daily means."""
    made = []
    for stream in period.target.streams:
        before, after = period.of(stream)
        made.append(_score(stream, period.name, "step", before, after, stream.observed))
        if stream.choice.average == "step":
            day, count = daily_index(stream.when)
            if count.size and (enough := count >= DAY_SHARE * count.max()).any():
                means = [np.bincount(day, values)[enough] / count[enough] for values in (before, after, stream.observed)]
                made.append(_score(stream, period.name, "day", *means))
    return made


def _score(stream: ObservedStream, period: str, scale: str, before: Floats, after: Floats, observed: Floats) -> StreamScore:
    def both(measure: Callable[[Floats, Floats], float]) -> tuple[float, float]:
        return measure(before, observed), measure(after, observed)

    return StreamScore(stream.name, stream.unit, period, scale, observed.size, both(root_mean_square_error), both(bias),
                       both(correlation))


def daily_index(when: NDArray[np.datetime64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number of the observed day of each observation (n,), and how many each day has."""
    _, day, count = np.unique(when.astype("datetime64[D]"), return_inverse=True, return_counts=True)
    return day.astype(np.int64), count.astype(np.int64)


def residuals_at_mode(fit: Fit, period: Period, stream: ObservedStream) -> tuple[Floats, Floats]:
    """Standardised residuals (n,) at the mode, modelled less observed, and innovations: what is left of them once the
    likelihood's correlation with the observation before is taken off."""
    noise = fit.target.space.noise(fit.mode[None]).get(stream.name, {})
    one = np.ones(1)
    residual = standardised(stream, period.of(stream)[1][None], noise.get("scale", one))[0]
    memory = memory_of(stream, noise.get("correlation", 0.0 * one))
    fresh = residual.copy()
    fresh[:, 1:] -= memory[:, 1:] * residual[:, :-1]
    return residual[0], (fresh / np.sqrt(1.0 - memory**2))[0]


def autocorrelation(stream: ObservedStream, values: Floats, most: int) -> Floats:
    """Correlation of values (n,) one to `most` intervals apart, over pairs that lie so far apart; NaN with fewer than 10."""
    place = np.round(np.cumsum(stream.intervals)).astype(int)
    row = np.full(place[-1] + 1 if place.size else 1, np.nan)
    row[place] = values - values.mean()
    variance = float(np.nanmean(row**2)) if values.size else 0.0
    made = np.full(most, np.nan)
    for lag in range(1, min(most, row.size - 1) + 1):
        products = row[lag:] * row[:-lag]
        known = np.isfinite(products)
        if known.sum() >= 10 and variance > 0.0:
            made[lag - 1] = products[known].mean() / variance
    return made


def _sensitivity(fit: Fit) -> Floats:
    target = fit.target
    made = np.zeros((len(target.streams), len(target.names)))
    slopes = sensitivity(LeastSquares(target.with_noise(fit.mode)), fit.mode[target.mean_columns], STEP)
    spread = np.sqrt(np.diag(target.space.prior_moments()[1]))
    for row, stream in enumerate(target.streams):
        each = slopes[:, target.parts[stream.name]]
        made[row, target.mean_columns] = np.sqrt(np.mean(each**2, axis=1)) * spread[target.mean_columns]
    return made


def _information(fit: Fit, notes: list[str]) -> Information | None:
    """Information of the data in the parameters and closure factors, from the Hessian of the normal posterior."""
    if fit.normal is None:
        return None
    target, columns = fit.target, fit.target.mean_columns
    names = [target.names[k] for k in columns]
    block = np.ix_(columns, columns)
    gradient_free = -target.space.prior_gradient_hessian(fit.normal.mean[None])[1][0]
    troubles = []
    for prior in (gradient_free, np.linalg.inv(target.space.prior_moments()[1])):
        try:
            return information(fit.normal.hessian[block] - gradient_free[block], prior[block], names)
        except ValueError as trouble:
            troubles.append(str(trouble))
    notes.append(f"information of the data is not known: {troubles[-1]}")
    return None


def unidentified(review: Review) -> Sequence[str]:
    """Names of the directions that the prior knows better than the data."""
    return [] if review.information is None else [one.label for one in review.information.unidentified]
