"""Adaptive mixture importance sampling: a mixture of Student-t densities learns the posterior from weighted draws.

Every iteration draws from the mixture, runs the model on all draws in one call, weighs the draws of all iterations by the
posterior over the average of all mixtures used so far (the deterministic mixture weights of Cornuet et al. 2012, Scand J
Statist 39:798) and refits the mixture by weighted expectation maximisation (Cappé et al. 2008, Stat Comput 18:447). Weights
used for refitting are tempered until enough draws share them, so that no single draw captures the mixture.

It suits posteriors that a few ellipsoids cover. Whether the weights can be trusted is told by Pareto k (Vehtari et al. 2024)
and the effective number of draws.
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
    """Settings: `components` Student-t densities with `freedom` degrees of freedom, `draws` per iteration.

    Starting components lie at draws of the Laplace approximation, with its covariance times `start_inflation`.
    """

    components: int = 4
    draws: int = 800
    freedom: float = 5.0
    start_inflation: float = 1.3

    def __post_init__(self) -> None:
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


def sample_importance(log_density: LogDensity, mean: ArrayLike, covariance: ArrayLike, *, names: tuple[str, ...] | None = None,
                      seed: int = 0, settings: ImportanceSettings | None = None, minimum_effective_size: float = 1000.0,
                      maximum_runs: int = 20_000, checkpoint: Checkpoint | None = None,
                      progress: Progress | None = None) -> SamplingResult:
    """Weighted draws from a posterior, iterated until Pareto k < 0.7 and enough effective draws.

    `log_density`, `mean`, `covariance`, `names`, `checkpoint` and errors as `sample_ensembles`; several modes are allowed. The
    result carries `weights`; its `details` hold `pareto_k` and `effective_size`. At least two iterations are made.
    """
    settings = settings or ImportanceSettings()
    means, covariances = as_modes(mean, covariance)
    parameters = means.shape[1]
    names = tuple(names) if names is not None else tuple(f"u{i}" for i in range(parameters))
    if len(names) != parameters:
        raise ValueError(f"{len(names)} names for {parameters} parameters")
    if maximum_runs < 2 * settings.draws:
        raise ValueError(f"maximum_runs of {maximum_runs} leave no two iterations of {settings.draws} draws")
    tied = {"method": "importance", "seed": seed, "names": list(names), "start": array_hash(means, covariances),
            **asdict(settings)}
    generator = np.random.default_rng(seed)
    density = CountedDensity(log_density)
    mixtures = [first_mixture(means, covariances, settings, generator)]
    points, values, companions = np.zeros((0, parameters)), np.zeros(0), np.zeros((0, 0))
    saved = None if checkpoint is None else checkpoint.load(tied)
    if saved is not None:
        mixtures = _restored(saved, settings.freedom)
        generator.bit_generator.state = saved.state["generator"]
        density.runs, density.failed = saved.state["runs"], saved.state["failed"]
        points, values = saved.chain.reshape(-1, parameters), saved.log_density.reshape(-1)
        companions = saved.companions.reshape(values.size, -1)
    while True:
        if values.size:
            weights, shape, effective, log_weights = _weighed(points, values, mixtures[: values.size // settings.draws])
            enough = shape < LARGEST_SHAPE and effective >= minimum_effective_size and values.size >= 2 * settings.draws
            if progress is not None:
                progress(density.runs, maximum_runs, f"iteration {values.size // settings.draws}: Pareto k {shape:.2f}, "
                                                     f"effective draws {effective:.0f}")
            if enough or density.runs + settings.draws > maximum_runs:
                break
            mixtures.append(mixtures[-1].refitted(points, tempered(log_weights, 10.0 * parameters), covariances.mean(axis=0)))
        drawn = mixtures[-1].draw(settings.draws, generator)
        found, held = density(drawn)
        points, values = np.concatenate([points, drawn]), np.concatenate([values, found])
        companions = held if companions.shape[0] == 0 else np.concatenate([companions, held])
        if not np.isfinite(values).any():
            raise ValueError("no draw of the first mixture has a finite log posterior; check the optimum it was made at")
        if checkpoint is not None:
            checkpoint.save(_saved(points, values, companions, settings, mixtures, generator, density), tied)
    status = "converged" if enough else "not_converged"
    message = f"Pareto k {shape:.2f} (below {LARGEST_SHAPE} is good), {effective:.0f} effective of {values.size} draws"
    warnings = () if shape < LARGEST_SHAPE else ("importance weights have too heavy a tail: the mixture misses part of the "
                                                 "posterior; sample by 'ensemble'",)
    return SamplingResult("importance", status, message, names, points[np.newaxis], values[np.newaxis], np.zeros(1, np.int64),
                          density.runs, density.failed, values.size // settings.draws, np.array([effective / values.size]),
                          weights=weights[np.newaxis], companions=companions[np.newaxis], warnings=warnings,
                          details={"pareto_k": shape, "effective_size": effective})


def _weighed(points: Floats, values: Floats, mixtures: list[StudentMixture]) -> tuple[Floats, float, float, Floats]:
    """Smoothed weights (n,), Pareto k, effective draws and log weights (n,) over the average of the mixtures."""
    average = logsumexp(np.stack([mixture.log_density(points) for mixture in mixtures]), axis=0) - np.log(len(mixtures))
    log_weights = values - average
    weights, shape = smoothed_weights(log_weights)
    return weights, shape, float(1.0 / (weights**2).sum()), np.asarray(log_weights)


def _saved(points: Floats, values: Floats, companions: Floats, settings: ImportanceSettings, mixtures: list[StudentMixture],
           generator: np.random.Generator, density: CountedDensity) -> Saved:
    rounds = values.size // settings.draws
    state: dict[str, Any] = {"generator": generator.bit_generator.state, "runs": density.runs, "failed": density.failed}
    arrays = {"shares": np.stack([one.shares for one in mixtures]), "centres": np.stack([one.centres for one in mixtures]),
              "scales": np.stack([one.scales for one in mixtures])}
    return Saved(points.reshape(rounds, 1, settings.draws, -1), values.reshape(rounds, 1, settings.draws),
                 companions.reshape(rounds, 1, settings.draws, companions.shape[1]), state, arrays)


def _restored(saved: Saved, freedom: float) -> list[StudentMixture]:
    parts = saved.arrays
    return [StudentMixture(shares, centres, scales, freedom)
            for shares, centres, scales in zip(parts["shares"], parts["centres"], parts["scales"], strict=True)]
