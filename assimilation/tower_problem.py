"""A calibration problem at one tower, in numbers: what solvers and samplers work on.

    columns = tower_columns(tower, problem.options)
    fitted = TowerProblem(problem, columns)                       # the years of calibration
    fitted.predict(u)                                             # (R, n) modelled observations of control vectors
    fitted.log_density(u)                                         # (R,) log posterior, fused in the time loop
    fitted.with_noise(u0)                                         # a problem of least squares at fixed noise

The control vector holds parameters and sampled noise (`ParameterSpace`). For a single column the likelihood is fused in the
time loop; a mixture of columns is put together on the host.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.evaluator import ColumnEvaluator
from terraflux.assimilation.likelihood import daily_memory, misfit, neighbour_correlation, slices_of, standardised
from terraflux.assimilation.observed_streams import ObservedStream, observed_streams
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem import LEARNT_WEIGHTS, Problem, stream_weights
from terraflux.assimilation.residuals import Whitening
from terraflux.assimilation.tower_columns import TowerColumns, class_shares
from terraflux.model.weave.streams import Stream

Floats = NDArray[np.float64]
LEAST_PRECISION = 0.25


class TowerProblem:
    """See the head of this file.

    `years` are those of calibration unless given; `observations` is a dataset of `read_observations`. `threads` None takes
    all cores. `streams` are the observed streams, `observed`, `sigma` (n,) all of them in a row, `parts` {stream: slice}.
    `stream_weight` (streams,) follows the rule of the problem, at first with residuals of the defaults (`weigh`). `runs` and
    `failed` count replicas of the whole site; `watch`, where one is set, is told `runs` after every batch.
    """

    def __init__(self, problem: Problem, columns: TowerColumns, *, years: Sequence[int] | None = None,
                 observations: xr.Dataset | None = None, threads: int | None = None) -> None:
        self.problem, self.columns, self.threads = problem, columns, threads
        self.years = tuple(problem.calibration if years is None else years)
        self.observations = observations
        self.space = problem.space(columns.sets)
        self.names = self.space.names
        self.span = columns.span(self.years)
        times = columns.times[self.span]
        thickness = np.atleast_1d(next(iter(columns.sets.values()))["layer_thickness"])
        self.streams: list[ObservedStream] = observed_streams(problem, columns.tower, self.years, times, thickness,
                                                              observations)
        self.parts = slices_of(self.streams)
        self.observed = np.concatenate([one.observed for one in self.streams])
        self.sigma = np.concatenate([np.hypot(one.sigma, one.extra_sigma) for one in self.streams])
        self._members, self._mix = self._built()
        self._fused = self._fused_evaluator()
        self.prior_variance = np.diag(self.space.prior_moments()[1])
        self.runs = self.failed = 0
        self.watch: Callable[[int], object] | None = None
        self._weighed_at: Floats | None = None
        self.weigh(self.space.default_control())

    def _built(self) -> tuple[list[tuple[str, NDArray[np.int64]]], list[Floats]]:
        """Evaluators, one per plant type with its columns of the space; and the shares of plant types for each stream."""
        plants = list(self.columns.sets)
        streams = [Stream(one.row, one.index, name=one.name) for one in self.streams]
        members = []
        self._evaluators = []
        for plant in plants:
            names, columns = self.space.columns_of(plant)
            self._evaluators.append(self.columns.evaluator(plant, names, self.span, streams, self.threads))
            members.append((plant, columns))
        if len(plants) == 1:
            return members, []
        shares = np.array(list(self.columns.shares.values()))
        mix: list[Floats] = []
        for one in self.streams:
            if one.fractions is None or self.observations is None:
                mix.append(np.broadcast_to(shares, (one.observed.size, shares.size)))
                continue
            place = class_shares(self.observations, plants)
            phi = np.stack([one.fractions[:, place == k].sum(axis=1) for k in range(len(plants))], axis=1)
            mix.append(phi / phi.sum(axis=1, keepdims=True))
        return members, mix

    def _fused_evaluator(self) -> ColumnEvaluator | None:
        """For a single column: misfits in the time loop, without keeping modelled values."""
        if len(self._members) > 1:
            return None
        plant = self._members[0][0]
        names, _ = self.space.columns_of(plant)
        streams = []
        for one in self.streams:
            scale = 1.0 / one.per_model_unit
            streams.append(Stream(one.row, one.index, (one.observed * scale)[:, None], (one.sigma * scale)[:, None],
                                  one.choice.error_model, False, one.name, (one.extra_sigma * scale)[:, None],
                                  one.weight[:, None]))
        return self.columns.evaluator(plant, names, self.span, streams, self.threads)

    def weigh(self, control: Floats) -> bool:
        """Takes the weights of streams from residuals at a control vector (p,), by one run of the model.

        At the defaults they hold errors that parameters will mend, which last longer than those that stay: the search for
        the optimum weighs streams anew and goes on. False where the rule of the problem does not look at residuals, or
        every stream models the memory of its errors.
        """
        counts = np.array([one.observed.size for one in self.streams], np.float64)
        noise = self.space.noise(self.space.default_control()[None])
        modelled = np.array([float(noise.get(one.name, {}).get("correlation", np.zeros(1))[0]) for one in self.streams])
        rule = self.problem.weights
        found, days = np.zeros(counts.size), counts.copy()
        learnt = rule in LEARNT_WEIGHTS and bool((modelled == 0.0).any())
        if learnt and self._weighed_at is not None and np.array_equal(control, self._weighed_at):
            return True
        if learnt:
            self._weighed_at = control.copy()
            predicted = self.predict(control[None])[0]
            if np.isfinite(predicted).all():
                for k, one in enumerate(self.streams):
                    residual = standardised(one, predicted[None, self.parts[one.name]], np.ones(1))[0][0]
                    if rule == "neff":
                        found[k] = neighbour_correlation(one, residual)
                    else:
                        found[k], days[k] = daily_memory(one, residual)
        self.residual_correlation = found
        self.stream_weight = stream_weights(rule, counts, found, modelled, days)
        return learnt

    # ------------------------------------------------------------------------------------------ running the model

    def predict(self, control: ArrayLike) -> Floats:
        """Modelled observations (R, n) of control vectors (R, p), in the units of the observations; NaN for a failed one."""
        u = np.atleast_2d(np.asarray(control, np.float64))
        expanded = self.space.expand(u)
        self.runs += u.shape[0]
        parts = [evaluator.evaluate(expanded[:, columns]) for evaluator, (_, columns)
                 in zip(self._evaluators, self._members, strict=True)]
        bad = np.any([part.failed for part in parts], axis=0) | ~np.isfinite(expanded).all(axis=1)
        self.failed += int(bad.sum())
        self._tell()
        if len(parts) == 1:
            return self._scaled(parts[0].values, u)
        values = {}
        for one, phi in zip(self.streams, self._mix, strict=True):
            mixed = sum(part.values[one.name] * phi[:, k] for k, part in enumerate(parts))
            values[one.name] = np.where(bad[:, None], np.nan, mixed)
        return self._scaled(values, u)

    def _tell(self) -> None:
        if self.watch is not None:
            self.watch(self.runs)

    def _scaled(self, values: dict[str, Floats], u: Floats) -> Floats:
        noise = self.space.noise(u)
        made = []
        for one in self.streams:
            factor = noise.get(one.name, {}).get("factor", np.ones(u.shape[0]))
            made.append(values[one.name] * (one.per_model_unit * factor)[:, None])
        return np.concatenate(made, axis=1)

    def misfit(self, control: ArrayLike) -> Floats:
        """Negative log-likelihood of each stream (R, streams), in the units of the observations, without stream weights."""
        u = np.atleast_2d(np.asarray(control, np.float64))
        noise = self.space.noise(u)
        if self._fused is None:
            return misfit(self.streams, self.predict(u), noise)
        found = self._fused.evaluate(self.space.expand(u)[:, self._members[0][1]], noise)
        self.runs += u.shape[0]
        self.failed += int(found.failed.sum())
        self._tell()
        return found.misfit + np.array([float(one.weight.sum()) * np.log(one.per_model_unit) for one in self.streams])

    def log_density(self, control: ArrayLike) -> Floats:
        """Log posterior density (R,) in u-space; -inf outside the prior or for a failed replica. Outside, nothing is run."""
        return self.log_density_and_misfits(control)[0]

    def log_density_and_misfits(self, control: ArrayLike) -> tuple[Floats, Floats]:
        """Log posterior (R,) and the misfits of the streams (R, streams), which travel with a chain."""
        u = np.atleast_2d(np.asarray(control, np.float64))
        total = self.space.log_prior(u)
        inside = np.isfinite(total)
        each = np.full((u.shape[0], len(self.streams)), np.inf)
        if inside.any():
            each[inside] = self.misfit(u[inside])
            for k, weight in enumerate(self.stream_weight):  # one after another: the same bits for any number of replicas
                total[inside] -= weight * each[inside, k]
        return np.where(np.isfinite(total), total, -np.inf), each

    def log_prior(self, control: ArrayLike) -> Floats:
        """Log prior density (R,) in u-space."""
        return self.space.log_prior(control)

    # ------------------------------------------------------------------------------------------ least squares

    @property
    def mean_columns(self) -> NDArray[np.int64]:
        """Columns of the control vector that move modelled values: parameters and closure factors."""
        return np.array([k for k, name in enumerate(self.names) if not name.endswith((".scale", ".correlation"))])

    @property
    def noise_columns(self) -> NDArray[np.int64]:
        """Columns that say how errors behave: scales and correlations."""
        return np.setdiff1d(np.arange(len(self.names)), self.mean_columns)

    def with_noise(self, control: ArrayLike) -> "FixedNoise":
        """The problem of least squares in the mean columns, with scales and correlations held at a control vector (p,)."""
        return FixedNoise(self, np.array(control, np.float64))

    def describe(self) -> str:
        """One line per stream: observations, unit, what was left out, weight."""
        lines = []
        for one, weight in zip(self.streams, self.stream_weight, strict=True):
            out = ", ".join(f"{count} {reason}" for reason, count in one.left_out.items() if count)
            lines.append(f"{one.name:28} {one.observed.size:7d} observations, {one.unit}, weight {weight:.3g}"
                         + (f"; left out: {out}" if out else ""))
        return "\n".join(lines)


@dataclass
class FixedNoise:
    """A problem of least squares (see `residuals`): the mean columns of a tower problem at fixed noise."""

    tower: TowerProblem
    control: Floats
    names: tuple[str, ...] = field(init=False)
    prior_mean: Floats | None = field(default=None, init=False)
    prior_covariance: Floats | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        if self.control.shape != (len(self.tower.names),):
            raise ProblemError(f"a control vector of {len(self.tower.names)} numbers is needed, not {self.control.shape}")
        self.columns = self.tower.mean_columns
        self.names = tuple(self.tower.names[k] for k in self.columns)
        self._prior_variance = self.tower.prior_variance[self.columns]
        self.observed, self.streams = self.tower.observed, self.tower.parts
        noise = self.tower.space.noise(self.control[None])
        sigma, phi, steps, weight = [], [], [], []
        for one, share in zip(self.tower.streams, self.tower.stream_weight, strict=True):
            entry = {name: float(value[0]) for name, value in noise.get(one.name, {}).items()}
            sigma.append(np.hypot(entry.get("scale", 1.0) * one.sigma, one.extra_sigma))
            phi.append(np.full(one.observed.size, entry.get("correlation", 0.0)))
            steps.append(one.intervals)
            weight.append(one.weight * share)
        self.sigma, self.weight = np.concatenate(sigma), np.concatenate(weight)
        correlation = np.concatenate(phi)
        self.whiten = Whitening(correlation, np.concatenate(steps)) if correlation.any() else None
        self.error_model = {one.name: one.choice.error_model for one in self.tower.streams}

    def full(self, v: ArrayLike) -> Floats:
        """Whole control vectors (R, p) from mean columns (R, m)."""
        rows = np.atleast_2d(np.asarray(v, np.float64))
        made = np.repeat(self.control[None], rows.shape[0], axis=0)
        made[:, self.columns] = rows
        return made

    def predict(self, v: ArrayLike) -> Floats:
        """Modelled observations (R, n)."""
        return self.tower.predict(self.full(v))

    def log_prior(self, v: ArrayLike) -> Floats:
        """Log prior density (R,), noise included."""
        return self.tower.log_prior(self.full(v))

    def prior_gradient_hessian(self, v: ArrayLike) -> tuple[Floats, Floats]:
        """Gradient (R, m) and Hessian (R, m, m) of the log prior, the latter curved down at least a little everywhere.

        Near an end of its range a prior on logits is curved upwards: taken as it is, a parameter that the data push there
        would have no normal posterior at all. A quarter of the precision of its prior then stands for it; the weighted draws
        tell whether that will do.
        """
        gradient, hessian = self.tower.space.prior_gradient_hessian(self.full(v))
        hessian = hessian[:, self.columns[:, None], self.columns].copy()
        diagonal = np.arange(self.columns.size)
        hessian[:, diagonal, diagonal] = np.minimum(hessian[:, diagonal, diagonal], -LEAST_PRECISION / self._prior_variance)
        return gradient[:, self.columns], hessian
