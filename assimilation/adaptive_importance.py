"""Adaptive mixture importance sampling: a mixture of Student-t densities learns the posterior from weighted draws.

Every iteration draws from the mixture, runs the model on all draws in one call, weighs the draws of all iterations by the
posterior over the average of all mixtures used so far (the deterministic mixture weights of Cornuet et al. 2012, Scand J
Statist 39:798) and refits the mixture by weighted expectation maximisation (Cappé et al. 2008, Stat Comput 18:447). Weights
used for refitting are tempered until enough draws share them, so that no single draw captures the mixture. A share of the
draws searches beyond it, stretched along one principal direction of the posterior after the other: weights are silent about
tails that were never visited, and a mixture once drawn in would never see a long one.

It suits posteriors that a few ellipsoids cover. Whether the weights can be trusted is told by Pareto k (Vehtari et al. 2024),
the effective number of draws, and whether populations agree, which draw apart and are judged apart but learn together: what
one has found of a long tail the mixtures of all will cover, and until they do the populations disagree.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, logsumexp

from terraflux.assimilation.checkpoint import Checkpoint, Saved, array_hash
from terraflux.assimilation.counted_density import CountedDensity, LogDensity
from terraflux.assimilation.pareto_smoothing import LARGEST_SHAPE, smoothed_weights
from terraflux.assimilation.sampling_loop import Progress
from terraflux.assimilation.sampling_result import SamplingResult
from terraflux.assimilation.starting_points import as_modes

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ImportanceSettings:
    """Settings: `populations` draw independently, with `components` Student-t densities of `freedom` degrees of freedom and
    `draws` per iteration each. The populations' means and variances must agree to an R-hat below `maximum_rhat`.

    Starting components lie at draws of the Laplace approximation, with its covariance times `start_inflation`. Of the draws
    `search_share` search along principal directions, `search_stretch` times as far as the posterior is wide.
    """

    populations: int = 4
    components: int = 4
    draws: int = 400
    maximum_rhat: float = 1.01
    freedom: float = 5.0
    start_inflation: float = 1.3
    search_share: float = 0.25
    search_stretch: float = 3.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.search_share < 0.9 or self.search_stretch < 1.0:
            raise ValueError("search_share must be within 0 to 0.9 and search_stretch at least 1")
        if self.populations < 2:
            raise ValueError("at least 2 independent populations are needed to see whether they agree; 4 are usual")
        if self.components < 1 or self.draws < 50 or not self.freedom > 2.0 or not self.start_inflation > 0.0:
            raise ValueError("at least 1 component, 50 draws, more than 2 degrees of freedom and a positive start_inflation "
                             "are needed")


@dataclass(frozen=True)
class StudentMixture:
    """Mixture of Student-t densities: `shares` (m,), `centres` (m, p), `scales` (m, p, p) and degrees of `freedom`."""

    shares: Floats
    centres: Floats
    scales: Floats
    freedom: float

    def draw(self, count: int, generator: np.random.Generator) -> Floats:
        """Draws (count, p), components in fixed shares as far as whole numbers allow."""
        parameters = self.centres.shape[1]
        places = (np.arange(count) + generator.random()) / count
        which = np.minimum(np.searchsorted(np.cumsum(self.shares), places), self.shares.size - 1)
        noise = generator.standard_normal((count, parameters))
        noise *= np.sqrt(self.freedom / generator.chisquare(self.freedom, size=(count, 1)))
        roots = np.linalg.cholesky(self.scales)
        return np.asarray(self.centres[which] + np.einsum("nij,nj->ni", roots[which], noise))

    def component_log_density(self, points: Floats) -> tuple[Floats, Floats]:
        """Log of share times density (n, m) and squared distance (n, m) of points (n, p) under every component."""
        parameters, freedom = points.shape[1], self.freedom
        constant = gammaln((freedom + parameters) / 2) - gammaln(freedom / 2) - parameters / 2 * np.log(freedom * np.pi)
        columns, distances = [], []
        for share, centre, scale in zip(self.shares, self.centres, self.scales):
            root = np.linalg.cholesky(scale)
            square = (np.linalg.solve(root, (points - centre).T) ** 2).sum(axis=0)
            columns.append(np.log(share) + constant - np.log(np.diag(root)).sum()
                           - (freedom + parameters) / 2 * np.log1p(square / freedom))
            distances.append(square)
        return np.stack(columns, axis=1), np.stack(distances, axis=1)

    def log_density(self, points: Floats) -> Floats:
        """Log density (n,) at points (n, p)."""
        return np.asarray(logsumexp(self.component_log_density(points)[0], axis=1))

    def searching(self, centre: Floats, covariance: Floats, share: float, stretch: float) -> "StudentMixture":
        """This mixture with a `share` of components around `centre` (p,), each stretched along a direction of `covariance`."""
        if share == 0.0:
            return self
        values, vectors = np.linalg.eigh(covariance)
        longer = [covariance + (stretch**2 - 1.0) * value * np.outer(vector, vector)
                  for value, vector in zip(values, vectors.T)]
        return StudentMixture(np.concatenate([(1.0 - share) * self.shares, np.full(values.size, share / values.size)]),
                              np.concatenate([self.centres, np.tile(centre, (values.size, 1))]),
                              np.concatenate([self.scales, longer]), self.freedom)

    def refitted(self, points: Floats, weights: Floats, floor: Floats, sweeps: int = 5) -> "StudentMixture":
        """The mixture after sweeps of expectation maximisation on weighted points; `floor` (p, p) steadies the scales.

        A component that keeps less than a hundredth of the weight is laid over the whole sample.
        """
        mixture, parameters = self, points.shape[1]
        whole = np.cov(points, rowvar=False, aweights=weights, ddof=0).reshape(parameters, parameters) + 0.01 * floor
        for _ in range(sweeps):
            columns, square = mixture.component_log_density(points)
            belonging = np.exp(columns - logsumexp(columns, axis=1, keepdims=True)) * weights[:, np.newaxis]
            pull = belonging * (self.freedom + parameters) / (self.freedom + square)
            shares, centres, scales = belonging.sum(axis=0), [], []
            for number, share in enumerate(shares):
                if share < 0.01:
                    shares[number] = 0.01
                    centres.append(weights @ points)
                    scales.append(whole)
                    continue
                centre = pull[:, number] @ points / pull[:, number].sum()
                gap = points - centre
                found = (gap * pull[:, number, np.newaxis]).T @ gap / share
                held = 1.0 / (belonging[:, number] ** 2).sum() * share**2  # draws that really stand behind the component
                lean = 2.0 * parameters / (2.0 * parameters + held)
                centres.append(centre)
                scales.append((1.0 - lean) * found + lean * whole + 1e-6 * floor)
            mixture = StudentMixture(shares / shares.sum(), np.stack(centres), np.stack(scales), self.freedom)
        return mixture


def tempered(log_weights: Floats, wanted: float) -> Floats:
    """Normalised weights (n,) raised to the largest power up to 1 that leaves `wanted` effective draws."""
    def normalised(power: float) -> Floats:
        weights = np.exp(power * (log_weights - log_weights.max()))
        return np.asarray(weights / weights.sum())

    if 1.0 / (normalised(1.0) ** 2).sum() >= wanted:
        return normalised(1.0)
    low, high = 0.0, 1.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if 1.0 / (normalised(middle) ** 2).sum() >= wanted else (low, middle)
    return normalised(low)


def first_mixture(means: Floats, covariances: Floats, settings: ImportanceSettings,
                  generator: np.random.Generator) -> StudentMixture:
    """Components dealt to the Laplace approximations in turn, set a little apart; at least one for every mode."""
    count = max(settings.components, means.shape[0])
    mode = np.arange(count) % means.shape[0]
    apart = 0.5 * generator.standard_normal((count, means.shape[1]))
    apart[: means.shape[0]] = 0.0
    centres = means[mode] + np.einsum("nij,nj->ni", np.linalg.cholesky(covariances)[mode], apart)
    return StudentMixture(np.full(count, 1.0 / count), centres, settings.start_inflation * covariances[mode], settings.freedom)


@dataclass(frozen=True)
class FirstDraws:
    """Draws weighed before sampling began, to go on from: `points` (n, p), `values` (n,) of the log posterior there, the
    `companions` (n, k) and the `mixture` that they were drawn from."""

    points: Floats
    values: Floats
    companions: Floats
    mixture: StudentMixture


def student(mean: Floats, covariance: Floats, freedom: float) -> StudentMixture:
    """One Student-t density as a mixture; `covariance` (p, p) is its scale matrix."""
    return StudentMixture(np.ones(1), mean[np.newaxis], covariance[np.newaxis], freedom)


def sample_importance(log_density: LogDensity, mean: ArrayLike, covariance: ArrayLike, *, names: tuple[str, ...] | None = None,
                      seed: int = 0, settings: ImportanceSettings | None = None, minimum_effective_size: float = 1000.0,
                      maximum_runs: int = 20_000, checkpoint: Checkpoint | None = None,
                      progress: Progress | None = None, first: FirstDraws | None = None) -> SamplingResult:
    """Weighted draws from a posterior, iterated until Pareto k < 0.7, enough effective draws, and populations that agree.

    `log_density`, `mean`, `covariance`, `names`, `checkpoint` and errors as `sample_ensembles`; several modes are allowed. The
    result carries `weights`; its `details` hold `pareto_k`, `effective_size` and `rhat`. At least two iterations are made.
    `first` draws, at least `draws` for each population, are dealt to the populations as their first iteration, without new
    runs.
    """
    from threadpoolctl import threadpool_limits

    settings = settings or ImportanceSettings()
    means, covariances = as_modes(mean, covariance)
    parameters = means.shape[1]
    names = tuple(names) if names is not None else tuple(f"u{i}" for i in range(parameters))
    if len(names) != parameters:
        raise ValueError(f"{len(names)} names for {parameters} parameters")
    per_round = settings.populations * settings.draws
    if maximum_runs < per_round * (1 if first is not None else 2):
        raise ValueError(f"maximum_runs of {maximum_runs} leave no two iterations of {per_round} draws")
    tied = {"method": "importance", "seed": seed, "names": list(names), "start": array_hash(means, covariances),
            **asdict(settings)}
    if first is not None:
        if len(first.values) < per_round:
            raise ValueError(f"{len(first.values)} first draws are too few for {settings.populations} populations of "
                             f"{settings.draws} draws")
        tied["first"] = array_hash(first.points, first.values)
    density = CountedDensity(log_density)
    populations = [_Population(means, covariances, settings, np.random.default_rng(one))
                   for one in np.random.SeedSequence(seed).spawn(settings.populations)]
    saved = None if checkpoint is None else checkpoint.load(tied)
    if saved is not None:
        density.runs, density.failed = saved.state["runs"], saved.state["failed"]
        for number, one in enumerate(populations):
            one.restore(saved, number)
    elif first is not None:
        for number, one in enumerate(populations):
            there = slice(number, per_round, settings.populations)
            one.mixture = first.mixture
            one.add(first.points[there], first.values[there], first.companions[there])
    # The matrices are small: threads of the linear algebra would only wait for each other.
    with threadpool_limits(1, user_api="blas"):
        while True:
            rounds = len(populations[0].used)
            if rounds:
                pooled = pool(populations)
                enough = (pooled.shape < LARGEST_SHAPE and pooled.effective >= minimum_effective_size and rounds >= 2
                          and pooled.rhat.max() < settings.maximum_rhat)
                if progress is not None:
                    progress(density.runs, maximum_runs, f"iteration {rounds}: {pooled.summary()}")
                if enough or density.runs + per_round > maximum_runs:
                    break
                for one in populations:
                    one.refit(covariances.mean(axis=0), populations)
            drawn = [one.mixture.draw(settings.draws, one.generator) for one in populations]
            values, companions = density(np.concatenate(drawn))
            for number, one in enumerate(populations):
                there = slice(number * settings.draws, (number + 1) * settings.draws)
                one.add(drawn[number], values[there], companions[there])
                if not np.isfinite(one.values).any():
                    raise ValueError("no draw of a first mixture has a finite log posterior; check the optimum it was made at")
            if checkpoint is not None:
                checkpoint.save(_saved(populations, density), tied)
    return _concluded(populations, pooled, enough, settings, density, names)


@dataclass(frozen=True)
class Pooled:
    """Populations together: `weights` (populations, draws) of sum 1, the worst Pareto `shape`, `effective` draws in all, and
    `rhat` (2 parameters,) across populations of the parameters and of their squared distances from the mean."""

    weights: Floats
    shape: float
    effective: float
    rhat: Floats

    def summary(self) -> str:
        """One line for a progress display."""
        return (f"Pareto k {self.shape:.2f}, effective draws {self.effective:.0f}, R-hat across populations "
                f"{self.rhat.max():.3f}")


def pool(populations: "list[_Population]") -> Pooled:
    """Weigh every population by its effective number of draws and compare them."""
    found = [smoothed_weights(one.log_weights()) for one in populations]
    weights = np.stack([one for one, _ in found])
    sizes = 1.0 / (weights**2).sum(axis=1)
    total = weights * (sizes / sizes.sum())[:, np.newaxis]
    points = np.stack([one.points for one in populations])
    centre = np.einsum("kn,knp->p", total, points)
    parts = np.concatenate([points, (points - centre) ** 2], axis=2)
    # The fourth moment of a heavy tail would drown every difference of the second: fold at five standard deviations.
    width = np.einsum("kn,knp->p", total, (points - centre) ** 2)
    parts[:, :, points.shape[2]:] = np.minimum(parts[:, :, points.shape[2]:], 25.0 * width)
    means = np.einsum("kn,knp->kp", weights, parts)
    within = np.einsum("kn,knp->kp", weights, (parts - means[:, np.newaxis]) ** 2).mean(axis=0)
    rhat = np.sqrt(1.0 + means.var(axis=0, ddof=1) / within)
    return Pooled(total, max(shape for _, shape in found), float(1.0 / (total**2).sum()), np.asarray(rhat))


def _concluded(populations: "list[_Population]", pooled: Pooled, enough: bool, settings: ImportanceSettings,
               density: CountedDensity, names: tuple[str, ...]) -> SamplingResult:
    """The result of finished populations."""
    warnings = []
    if not pooled.shape < LARGEST_SHAPE:
        warnings.append("importance weights have too heavy a tail: the mixture misses part of the posterior; sample by "
                        "'ensemble'")
    rhat = pooled.rhat.reshape(2, -1).max(axis=0)
    if (apart := rhat >= settings.maximum_rhat).any():
        named = ", ".join(name for name, far in zip(names, apart, strict=True) if far)
        warnings.append(f"independent populations disagree on {named} (R-hat up to {rhat.max():.3f}): a long tail or a mode is "
                        "missed by some; sample by 'ensemble'")
    rounds, count = len(populations[0].used), len(populations)
    return SamplingResult("importance", "converged" if enough else "not_converged", pooled.summary(), names,
                          np.stack([one.points for one in populations]), np.stack([one.values for one in populations]),
                          np.arange(count), density.runs, density.failed, rounds,
                          np.full(count, pooled.effective / pooled.weights.size), weights=pooled.weights,
                          companions=np.stack([one.companions for one in populations]), warnings=tuple(warnings),
                          details={"pareto_k": pooled.shape, "effective_size": pooled.effective, "rhat": float(rhat.max())})


class _Population:
    """Draws so far, the summed density of all mixtures they could have come from, and the mixture to draw from next."""

    def __init__(self, means: Floats, covariances: Floats, settings: ImportanceSettings,
                 generator: np.random.Generator) -> None:
        self.generator, self.settings = generator, settings
        self.core = first_mixture(means, covariances, settings, generator)
        self.mixture = self.core.searching(means[0], covariances[0] * settings.start_inflation, settings.search_share,
                                           settings.search_stretch)
        self.used: list[StudentMixture] = []
        self.points, self.values, self.log_sum = np.zeros((0, means.shape[1])), np.zeros(0), np.zeros(0)
        self.companions = np.zeros((0, 0))

    def refit(self, floor: Floats, known: "list[_Population]") -> None:
        """Fit the mixture to all draws of the populations `known`; `floor` (p, p) is a covariance of the right order."""
        parameters = self.points.shape[1]
        points = np.concatenate([one.points for one in known])
        even = tempered(np.concatenate([one.log_weights() for one in known]), 10.0 * parameters)
        self.core = self.core.refitted(points, even, floor)
        around = np.cov(points, rowvar=False, aweights=even, ddof=0).reshape(parameters, parameters)
        self.mixture = self.core.searching(even @ points, around + 1e-6 * floor, self.settings.search_share,
                                           self.settings.search_stretch)

    def add(self, points: Floats, values: Floats, companions: Floats) -> None:
        """Join draws of the mixture to those before."""
        self.used.append(self.mixture)
        before = self.log_sum
        if self.values.size:
            before = np.logaddexp(before, self.mixture.log_density(self.points))
            companions = np.concatenate([self.companions, companions])
        here = logsumexp(np.stack([one.log_density(points) for one in self.used]), axis=0)
        self.companions, self.log_sum = companions, np.concatenate([before, here])
        self.points, self.values = np.concatenate([self.points, points]), np.concatenate([self.values, values])

    def log_weights(self) -> Floats:
        """Log of posterior over the average of the mixtures; shape (draws,)."""
        return np.asarray(self.values - self.log_sum + np.log(len(self.used)))

    def parts(self, number: int) -> dict[str, Floats]:
        """Arrays for a checkpoint, of population `number`."""
        found = {f"log_sum_{number}": self.log_sum}
        for part in ("shares", "centres", "scales", "freedom"):
            found |= {f"{part}_{number}_{place}": np.array(getattr(one, part)) for place, one in enumerate(self.used)}
            found[f"core_{part}_{number}"] = np.array(getattr(self.core, part))
        return found

    def restore(self, saved: Saved, number: int) -> None:
        """Become population `number` of a checkpoint."""
        def mixture(stem: str, end: str) -> StudentMixture:
            shares, centres, scales, freedom = (saved.arrays[f"{stem}{part}_{end}"]
                                                for part in ("shares", "centres", "scales", "freedom"))
            return StudentMixture(shares, centres, scales, float(freedom))

        self.core = mixture("core_", f"{number}")
        self.used = [mixture("", f"{number}_{place}") for place in range(saved.chain.shape[0])]
        self.mixture = self.used[-1]
        self.log_sum = saved.arrays[f"log_sum_{number}"]
        self.generator.bit_generator.state = saved.state["generators"][number]
        self.values = saved.log_density[:, number].reshape(-1)
        self.points = saved.chain[:, number].reshape(self.values.size, -1)
        self.companions = saved.companions[:, number].reshape(self.values.size, saved.companions.shape[-1])


def _saved(populations: list[_Population], density: CountedDensity) -> Saved:
    """All populations for a checkpoint, iterations as steps, populations as ensembles."""
    rounds, draws = len(populations[0].used), populations[0].settings.draws

    def stacked(parts: list[Floats]) -> Floats:
        return np.stack([part.reshape(rounds, draws, *part.shape[1:]) for part in parts], axis=1)

    state: dict[str, Any] = {"generators": [one.generator.bit_generator.state for one in populations], "runs": density.runs,
                             "failed": density.failed}
    arrays = {name: part for number, one in enumerate(populations) for name, part in one.parts(number).items()}
    return Saved(stacked([one.points for one in populations]), stacked([one.values for one in populations]),
                 stacked([one.companions for one in populations]), state, arrays)
