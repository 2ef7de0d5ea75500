"""The ladder of a calibration: optimum, normal posterior, is that enough, and if not, sampling.

    found = fit(TowerProblem(problem, columns), seed=1)
    found.draws                                    # (1000, p) control vectors of equal weight

`auto` climbs only as far as it must: Gauss-Newton from several starts, a normal posterior around the best, shaped by the
log posterior over its own width (`normal_over_width`), weighted draws whose Pareto k and effective size say whether they
suffice; if not, a sampler started from that normal posterior. Any solver or sampler may be asked for by name. Noise that is
sampled (scales, correlations of errors) moves no modelled value: it is estimated from the residuals between Gauss-Newton
passes, without runs of the model, and has its own block in the normal posterior, for a mean and a scale are independent
there. Where weights of streams follow the memory of residuals, they are taken at the defaults, anew at the optimum, and the
search goes on from there. What footprints leave out of a likelihood is added last (`footprint_error`).
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from terraflux.assimilation.adaptive_importance import FirstDraws, ImportanceSettings, student
from terraflux.assimilation.checkpoint import Checkpoint
from terraflux.assimilation.gauss_newton import Optimum, positive
from terraflux.assimilation.laplace import LaplacePosterior, laplace_posterior
from terraflux.assimilation.likelihood import misfit
from terraflux.assimilation.normal_over_width import over_its_width
from terraflux.assimilation.pareto_smoothing import (
    FREEDOM,
    INFLATION,
    LARGEST_SHAPE,
    ImportanceCheck,
    importance_check,
)
from terraflux.assimilation.samplers import SAMPLERS, sampler
from terraflux.assimilation.sampling_result import SamplingResult
from terraflux.assimilation.solvers import ENSEMBLES, RANDOM_SEARCHES, SEARCHES, STARTS, solve, starting_controls
from terraflux.assimilation.stop_rule import StopRule
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.errors import nearest

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], object]
METHODS = ("auto", *SEARCHES, *ENSEMBLES, *SAMPLERS)
NOISE_PASSES = 4
NOISE_CHANGE = 0.02
"""Noise is settled when no element of it moves by more than this in control space."""
NOISE_STEP = 1e-3
WEIGHT_PASSES, WEIGHT_CHANGE = 3, 0.1
"""Weights of streams that follow residuals are settled when no logarithm moves by more than this."""
SEARCH = {"maximum_iterations": 15, "tolerance": 0.05}
"""Gauss-Newton in the ladder stops where a rise of the log posterior means nothing; the normal posterior moves the rest."""
DRAWS = 1000
CHECK_DRAWS = 1000
"""Draws weighed to see whether the normal posterior suffices; a sampler by weights goes on from them."""
LEAST_TO_GO_ON = 200
LEAST_TO_CORRECT = 100.0
"""Effective weighted draws from which a corrected mean is known to a tenth of a standard deviation."""
AUTO_SAMPLER = "importance"
MAXIMUM_RUNS = 20_000


@dataclass(frozen=True)
class Stage:
    """One rung of the ladder: its name, replicas run, seconds, and what it found in words."""

    name: str
    runs: int
    seconds: float
    message: str


@dataclass(frozen=True, eq=False)
class Fit:
    """What a calibration found.

    `draws` (N, p) control vectors of equal weight from the posterior; `mode` (p,) the best point, with `log_posterior`;
    `normal` the normal posterior, its mean beside the mode where the posterior is skew or rough, `corrected` the same at the
    mean of `check`, the weighted draws; `sampling` the sampler's result or None. `default_misfit` and `mode_misfit`
    (streams,) are negative log-likelihoods at the defaults and the mode. `status` is "converged", "approximate" (a
    variational method was asked for and nothing judged it) or "not_converged".
    """

    target: TowerProblem
    method: str
    status: str
    message: str
    mode: Floats
    log_posterior: float
    draws: Floats
    normal: LaplacePosterior | None
    optimum: Optimum | None
    check: ImportanceCheck | None
    sampling: SamplingResult | None
    default_misfit: Floats
    mode_misfit: Floats
    stages: tuple[Stage, ...]
    seed: int
    warnings: tuple[str, ...] = field(default=())

    @property
    def runs(self) -> int:
        """Replicas of the model evaluated."""
        return sum(stage.runs for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Wall-clock time (s)."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def corrected(self) -> LaplacePosterior | None:
        """The normal posterior with mean and covariance of the weighted draws, where their Pareto k lets them be trusted.

        A mode is beside the mean where the posterior is skew, by up to some tenths of a standard deviation; the draws that
        judge the normal posterior know by how much. Without them, or with a k of 0.7 or more, `normal` as it is.
        """
        check = self.check
        if self.normal is None or check is None or not check.shape < LARGEST_SHAPE or check.effective_size < LEAST_TO_CORRECT:
            return self.normal
        widened = self.target.problem.footprint.operator == "shared_error"  # by what the weighted draws do not hold
        covariance = self.normal.covariance if widened else check.covariance()
        return replace(self.normal, mean=check.mean(), covariance=covariance,
                       hessian=np.asarray(np.linalg.inv(covariance), np.float64))

    def physical(self) -> Floats:
        """The draws as physical values (N, p)."""
        return self.target.space.physical(self.draws)

    def summary(self) -> str:
        """A table of defaults, modes and posterior quantiles, under a line on the whole."""
        space = self.target.space
        best, values = space.physical(self.mode[None])[0], self.physical()
        lines = [f"{self.method}: {self.status} after {self.runs} runs in {self.seconds:.1f} s. {self.message}",
                 f"{'parameter':<40}{'default':>12}{'mode':>12}{'mean':>12}{'q05':>12}{'q95':>12}"]
        for k, name in enumerate(space.names):
            low, high = np.quantile(values[:, k], (0.05, 0.95))
            lines.append(f"{name:<40}" + "".join(f"{number:12.5g}" for number in (
                space.default[k], best[k], values[:, k].mean(), low, high)))
        return "\n".join(lines)


class _Ladder:
    """Keeps the books: runs and seconds of each rung."""

    def __init__(self, target: TowerProblem, progress: Progress | None) -> None:
        self.target, self.progress = target, progress
        self.stages: list[Stage] = []
        self._begin()

    def _begin(self) -> None:
        self._runs, self._clock = self.target.runs, time.monotonic()

    def done(self, name: str, message: str) -> None:
        self.stages.append(Stage(name, self.target.runs - self._runs, time.monotonic() - self._clock, message))
        self._begin()

    def tell(self, text: str) -> None:
        if self.progress is not None:
            self.progress(0, 0, text)


def fit(target: TowerProblem, method: str = "auto", *, seed: int = 0, starts: int = STARTS, draws: int = DRAWS,
        maximum_runs: int = MAXIMUM_RUNS, stop: StopRule | None = None, checkpoint: Checkpoint | None = None,
        settings: Any = None, check_draws: int = CHECK_DRAWS, progress: Progress | None = None, **options: Any) -> Fit:
    """Calibrates a tower problem; see the head of this file.

    method: auto, a solver or a sampler by name. starts: of Gauss-Newton, the prior median first. draws: kept from the
    posterior. maximum_runs: of a sampler, or of a random search. checkpoint: of a sampler, resumed if it holds a chain of
    the same problem. settings: those of the sampler; check_draws: weighed to judge the normal posterior; options: those of
    the solver. Raises ValueError for an unknown method, or where the model fails at every start.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; {nearest(method, METHODS)}")
    ladder = _Ladder(target, progress)
    default = target.space.default_control()
    target.weigh(default)  # an earlier fit may have left other weights
    default_misfit = target.misfit(default[None])[0]
    ladder.done("defaults", f"misfit {float(default_misfit @ target.stream_weight):.1f}")
    if method in ENSEMBLES and target.problem.footprint.operator == "shared_error":
        raise ValueError(f"the method {method!r} gives no normal posterior that the operator shared_error could widen; use "
                         "auto, gn or a sampler")
    if method in ENSEMBLES:
        return _ensemble(target, method, seed, draws, default, default_misfit, ladder, options)
    if method in RANDOM_SEARCHES:
        options = {"maximum_runs": maximum_runs, **options}
    solver = method if method in SEARCHES else "gn"
    optimum, mode, spread = _weighed_search(target, solver, default, starts, seed, ladder, options)
    normal = _normal(target, mode)
    ladder.done("normal posterior", normal.message)
    mode = normal.mean
    if method not in SEARCHES or method == "gn":
        normal = over_its_width(normal, target.log_density)
        ladder.done("normal posterior over its width", normal.message)
    found: dict[str, Any] = {"normal": normal, "optimum": optimum, "check": None, "sampling": None}
    if method in SEARCHES and method != "gn":
        made = normal.draws(draws, seed)
        status, message = "approximate", "normal posterior, not checked"
    else:
        ladder.tell("weighing draws")
        check, beside = _checked(target, normal, seed, check_draws)
        ladder.done("weighted draws", check.message)
        found["check"] = check
        made = _resampled(check.draws, check.weights, draws, seed)
        doubt = spread > 2.0
        good = check.sufficient and not doubt  # weights correct a centre that is a little beside the mode
        status, message = ("converged" if good else "not_converged"), check.message
        if doubt:
            message += f"; starts ended {spread:.1f} apart in log posterior: there may be several optima"
        if method in SAMPLERS or (method == "auto" and not good):
            chosen = method if method in SAMPLERS else AUTO_SAMPLER
            more = {} if settings is None else {"settings": settings}
            usable = int(np.isfinite(check.log_posterior).sum())
            if chosen == "importance" and settings is None and usable >= LEAST_TO_GO_ON and 2 * usable > len(check.draws):
                more = _going_on(check, beside, normal)
            sampled = sampler(chosen)(target.log_density_and_misfits, normal.mean, normal.covariance, names=target.names,
                                      seed=seed, maximum_runs=maximum_runs, checkpoint=checkpoint, progress=progress,
                                      **more, **({} if stop is None else _stop_of(chosen, stop)))
            ladder.done(chosen, sampled.message)
            found["sampling"] = sampled
            made = sampled.equal_draws(draws, seed)
            status, message = sampled.status, sampled.message
    from terraflux.assimilation.footprint_error import with_footprint_error

    return with_footprint_error(_finished(target, method, status, message, mode, made, found, default_misfit, ladder, seed),
                                progress=progress)


def _weighed_search(target: TowerProblem, method: str, default: Floats, starts: int, seed: int, ladder: _Ladder,
                    options: Mapping[str, Any]) -> tuple[Optimum, Floats, float]:
    """The optimum with the weights of streams that its own residuals ask for, and how far apart the first starts ended."""
    optimum, mode = _search(target, method, default, starts, seed, ladder, options)
    spread = optimum.spread
    for _ in range(WEIGHT_PASSES):
        before = target.stream_weight
        if not target.weigh(mode):
            break
        moved = float(np.abs(np.log(target.stream_weight / before)).max())
        ladder.done("weights of streams", f"from what the optimum leaves: up to {np.expm1(moved):.0%} other")
        if moved < WEIGHT_CHANGE:
            break
        optimum, mode = _search(target, method, mode, 1, seed, ladder, options)
    return optimum, mode, spread


def _search(target: TowerProblem, method: str, default: Floats, starts: int, seed: int, ladder: _Ladder,
            options: Mapping[str, Any]) -> tuple[Optimum, Floats]:
    """The optimum of all controls: passes of the solver in the mean columns, noise from residuals in between."""
    columns = target.mean_columns
    space = target.space
    points = starting_controls(columns.size, lambda p: np.stack([np.asarray(space.priors[k].transform.control(
        space.priors[k].quantile(p[:, i]))) for i, k in enumerate(columns)], axis=1), max(starts, 1), seed)
    points[0] = default[columns]
    control = estimated_noise(target, default)
    chosen = {**(SEARCH if method == "gn" else {}), **options}
    best: Optimum | None = None
    for number in range(NOISE_PASSES if target.noise_columns.size else 1):
        ladder.tell(f"searching the optimum, pass {number + 1}")
        best = solve(method, target.with_noise(control), points, seed, **chosen)  # type: ignore[assignment]
        assert isinstance(best, Optimum)
        if best.status == "failed":
            raise ValueError(f"{target.columns.tower.site.site_id}: {best.message}")
        before = control.copy()
        control[columns] = best.u
        control = estimated_noise(target, control)
        ladder.done(f"{method} pass {number + 1}", best.message)
        if np.abs(control - before)[target.noise_columns].max(initial=0.0) < NOISE_CHANGE:
            break
        points = best.u[None]
    assert best is not None
    return best, control


def estimated_noise(target: TowerProblem, control: Floats) -> Floats:
    """The control vector with its noise at the conditional mode, given residuals at its parameters; one run."""
    columns = target.noise_columns
    if not columns.size:
        return control
    predicted = target.predict(control[None])
    streams, weight = target.streams, target.stream_weight

    def cost(w: Floats) -> float:
        trial = control.copy()
        trial[columns] = w
        value = float(misfit(streams, predicted, target.space.noise(trial[None]))[0] @ weight
                      - target.log_prior(trial[None])[0])
        return value if np.isfinite(value) else 1e300

    made = control.copy()
    made[columns] = minimize(cost, control[columns], method="L-BFGS-B", bounds=[(-8.0, 8.0)] * columns.size).x
    return made


def _normal(target: TowerProblem, mode: Floats) -> LaplacePosterior:
    """Normal posterior of the whole control vector: a block of the mean columns, a block of the noise."""
    mean_columns, noise_columns = target.mean_columns, target.noise_columns
    block = laplace_posterior(target.with_noise(mode), mode[mean_columns])
    centre = mode.copy()
    centre[mean_columns] = block.mean
    hessian = np.zeros((mode.size, mode.size))
    hessian[np.ix_(mean_columns, mean_columns)] = block.hessian
    if noise_columns.size:
        centre = estimated_noise(target, centre)
        hessian[np.ix_(noise_columns, noise_columns)] = positive(_noise_curvature(target, centre))
    value = float(target.log_density(centre[None])[0])
    covariance = np.linalg.inv(hessian)
    return LaplacePosterior(centre, 0.5 * (covariance + covariance.T), hessian, value, block.runs, block.status, block.message)


def _noise_curvature(target: TowerProblem, centre: Floats) -> Floats:
    """Second derivatives of the negative log posterior in the noise columns, at fixed modelled values."""
    columns = target.noise_columns
    predicted = target.predict(centre[None])
    count = columns.size
    moves = np.eye(count) * NOISE_STEP
    points = [np.zeros(count)] + [a * moves[i] + b * moves[j] for i in range(count) for j in range(i, count)
                                  for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))]
    rows = np.repeat(centre[None], len(points), axis=0)
    rows[:, columns] += np.array(points)
    values = (misfit(target.streams, np.repeat(predicted, len(points), axis=0), target.space.noise(rows))
              @ target.stream_weight - target.log_prior(rows))
    made = np.zeros((count, count))
    place = 1
    for i in range(count):
        for j in range(i, count):
            both, first, second, neither = values[place:place + 4]
            made[i, j] = made[j, i] = (both - first - second + neither) / (4.0 * NOISE_STEP**2)
            place += 4
    return made


def _checked(target: TowerProblem, normal: LaplacePosterior, seed: int, draws: int
             ) -> tuple[ImportanceCheck, Floats]:
    """Weighted draws from the normal posterior, and the misfits of the streams at each (R, streams)."""
    beside: list[Floats] = []

    def weighed(u: Floats) -> Floats:
        value, each = target.log_density_and_misfits(u)
        beside.append(each)
        return value

    return importance_check(weighed, normal, draws, seed), np.concatenate(beside)


def _going_on(check: ImportanceCheck, beside: Floats, normal: LaplacePosterior) -> dict[str, Any]:
    """Settings that let adaptive importance sampling begin with the draws already weighed."""
    proposal = student(normal.mean, INFLATION * normal.covariance, FREEDOM)
    settings = ImportanceSettings(draws=len(check.draws) // ImportanceSettings.populations)
    return {"settings": settings, "first": FirstDraws(check.draws, check.log_posterior, beside, proposal)}


def _stop_of(name: str, stop: StopRule) -> dict[str, Any]:
    """The stop rule in the words of a sampler: weighted draws know no chains."""
    return {"minimum_effective_size": stop.minimum_effective_size} if name == "importance" else {"rule": stop}


def _resampled(draws: Floats, weights: Floats, count: int, seed: int) -> Floats:
    """Draws of equal weight by systematic resampling."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(draws))
    edges = np.cumsum(weights[order])
    points = (np.arange(count) + generator.random()) / count * edges[-1]
    return draws[order[np.minimum(np.searchsorted(edges, points, side="right"), len(draws) - 1)]]


def _ensemble(target: TowerProblem, method: str, seed: int, draws: int, default: Floats, default_misfit: Floats,
              ladder: _Ladder, options: Mapping[str, Any]) -> Fit:
    """An ensemble method: a rough posterior in the mean columns, noise at its defaults."""
    fixed = target.with_noise(default)
    generator = np.random.default_rng(seed)
    columns = target.mean_columns
    prior = target.space.draw(generator, int(options.get("members", 10 * columns.size)))[:, columns]
    mean, covariance = target.space.prior_moments()
    fixed.prior_mean, fixed.prior_covariance = mean[columns], covariance[np.ix_(columns, columns)]
    found = solve(method, fixed, prior, seed, **{key: value for key, value in options.items() if key != "members"})
    ladder.done(method, found.message)
    made = fixed.full(generator.multivariate_normal(found.mean, found.covariance, draws))  # type: ignore[union-attr]
    mode = fixed.full(found.mean)[0]  # type: ignore[union-attr]
    return _finished(target, method, "approximate", found.message, mode, made,
                     {"normal": None, "optimum": None, "check": None, "sampling": None}, default_misfit, ladder, seed)


def _finished(target: TowerProblem, method: str, status: str, message: str, mode: Floats, draws: Floats,
              found: Mapping[str, Any], default_misfit: Floats, ladder: _Ladder, seed: int) -> Fit:
    value, each = target.log_density_and_misfits(mode[None])
    ladder.done("best point", f"log posterior {float(value[0]):.2f}")
    warnings = tuple(found["sampling"].warnings) if found["sampling"] is not None else ()
    return Fit(target, method, status, message, mode, float(value[0]), draws, default_misfit=default_misfit,
               mode_misfit=each[0], stages=tuple(ladder.stages), seed=seed, warnings=warnings, **found)
