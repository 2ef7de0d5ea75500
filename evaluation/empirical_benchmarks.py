"""PLUMBER's empirical yardsticks: what forcing alone says about a flux, learned at other sites.

`1lin` regresses the flux on downwelling shortwave, `2lin` adds air temperature, `3km27` splits shortwave, air
temperature and relative humidity into 27 k-means clusters with a linear regression in each (Abramowitz 2012, Geosci.
Model Dev. 5:819; Best et al. 2015, J. Hydrometeorol. 16:1425). Instantaneous: no memory, no site information.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy.cluster.vq import vq

from terraflux.evaluation.matching import quality_of
from terraflux.evaluation.physical_benchmarks import saturation_pressure

Training = Sequence[tuple[xr.Dataset, xr.Dataset]]
ITERATIONS = 100
SMALL_MOVE = 1e-4


def predictors(forcing: xr.Dataset, names: Sequence[str]) -> np.ndarray:
    """Predictors of each step, shape (time, len(names)): forcing names or `relative_humidity` (%)."""
    columns = []
    for name in names:
        if name == "relative_humidity":
            saturation = saturation_pressure(forcing["air_temperature"].to_numpy())
            columns.append(np.clip(100.0 * forcing["vapour_pressure"].to_numpy() / saturation, 0.0, 100.0))
        else:
            columns.append(forcing[name].to_numpy())
    return np.column_stack(columns).astype(float)


def training_set(training: Training, names: Sequence[str], flux: str,
                 maximum_quality: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictors and flux of all training sites where both exist and the flux is measured.

    Sites without the flux are left out. Raises ValueError when nothing is left.
    """
    inputs, targets = [], []
    for forcing, observed in training:
        if flux not in observed:
            continue
        forcing, observed = xr.align(forcing, observed, join="inner")
        x, y = predictors(forcing, names), observed[flux].to_numpy().astype(float)
        quality = quality_of(flux, observed)
        good = np.isfinite(y) & np.isfinite(x).all(axis=1)
        if quality is not None:
            good &= (quality >= 0) & (quality <= maximum_quality)
        inputs.append(x[good])
        targets.append(y[good])
    if not sum(y.size for y in targets):
        raise ValueError(f"no training site has measured values of {flux!r}")
    return np.concatenate(inputs), np.concatenate(targets)


def _least_squares(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Intercept and slopes of the ordinary least-squares fit; the smallest solution where it is not unique."""
    return np.linalg.lstsq(np.column_stack([np.ones(len(x)), x]), y, rcond=None)[0]


@dataclass
class LinearBenchmark:
    """Ordinary linear regression of a flux on instantaneous forcing."""

    names: tuple[str, ...]
    coefficients_: np.ndarray | None = None
    flux_: str = ""

    def fit(self, training: Training, flux: str) -> "LinearBenchmark":
        """Fit to (forcing, observations) of the training sites, measured values only."""
        x, y = training_set(training, self.names, flux)
        self.coefficients_, self.flux_ = _least_squares(x, y), flux
        return self

    def predict(self, forcing: xr.Dataset) -> xr.DataArray:
        """Flux at each step of a site. Raises ValueError before `fit`."""
        if self.coefficients_ is None:
            raise ValueError("the benchmark has not been fitted")
        values = self.coefficients_[0] + predictors(forcing, self.names) @ self.coefficients_[1:]
        return xr.DataArray(values, dims="time", coords={"time": forcing["time"]}, name=self.flux_)


@dataclass
class ClusterBenchmark:
    """K-means clusters of standardised forcing with a linear regression in each.

    The best of `starts` seeded k-means++ starts (Arthur and Vassilvitskii 2007) is kept. A cluster with fewer values
    than coefficients predicts its mean.
    """

    names: tuple[str, ...]
    clusters: int = 27
    seed: int = 0
    starts: int = 10
    centre_: np.ndarray | None = None
    mean_: np.ndarray | None = None
    scale_: np.ndarray | None = None
    coefficients_: np.ndarray | None = None
    flux_: str = ""

    def fit(self, training: Training, flux: str) -> "ClusterBenchmark":
        """Fit to (forcing, observations) of the training sites, measured values only."""
        x, y = training_set(training, self.names, flux)
        self.mean_, spread = x.mean(axis=0), x.std(axis=0)
        self.scale_ = np.where(spread > 0.0, spread, 1.0)
        z = (x - self.mean_) / self.scale_
        self.centre_ = k_means(z, min(self.clusters, len(z)), self.seed, self.starts)
        member = nearest(z, self.centre_)[0]
        rows = []
        for cluster in range(len(self.centre_)):
            inside = member == cluster
            if inside.sum() > 1 + len(self.names):
                rows.append(_least_squares(z[inside], y[inside]))
            else:
                mean = y[inside].mean() if inside.any() else y.mean()
                rows.append(np.array([mean] + [0.0] * len(self.names)))
        self.coefficients_, self.flux_ = np.array(rows), flux
        return self

    def predict(self, forcing: xr.Dataset) -> xr.DataArray:
        """Flux at each step of a site. Raises ValueError before `fit`."""
        if self.coefficients_ is None or self.centre_ is None:
            raise ValueError("the benchmark has not been fitted")
        z = (predictors(forcing, self.names) - self.mean_) / self.scale_
        chosen = self.coefficients_[nearest(z, self.centre_)[0]]
        values = chosen[:, 0] + np.sum(chosen[:, 1:] * z, axis=1)
        return xr.DataArray(values, dims="time", coords={"time": forcing["time"]}, name=self.flux_)


def nearest(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Index of the nearest centre and the squared distance to it, for points (n, d) and centres (k, d)."""
    member, distance = vq(points, centres, check_finite=False)
    return member, distance**2


def k_means(points: np.ndarray, clusters: int, seed: int, starts: int = 10) -> np.ndarray:
    """Centres (clusters, d) of the tightest of several seeded k-means++ starts (Lloyd's iterations).

    A start ends when the squared moves of its centres sum to less than `SMALL_MOVE`, in units of standardised points.
    """
    generator = np.random.default_rng(seed)
    best, tightest = points[:clusters], np.inf
    for _ in range(starts):
        centres = _plus_plus(points, clusters, generator)
        for _ in range(ITERATIONS):
            member = nearest(points, centres)[0]
            counts = np.bincount(member, minlength=clusters)
            sums = np.column_stack([np.bincount(member, points[:, i], clusters) for i in range(points.shape[1])])
            moved = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], centres)
            still = np.sum((moved - centres) ** 2) < SMALL_MOVE
            centres = moved
            if still:
                break
        inertia = nearest(points, centres)[1].sum()
        if inertia < tightest:
            best, tightest = centres, inertia
    return best


def _plus_plus(points: np.ndarray, clusters: int, generator: np.random.Generator) -> np.ndarray:
    """First centres, each drawn in proportion to its squared distance from those before."""
    centres = [points[generator.integers(len(points))]]
    distance = np.sum((points - centres[0]) ** 2, axis=1)
    for _ in range(clusters - 1):
        total = distance.sum()
        pick = generator.choice(len(points), p=distance / total) if total > 0.0 else generator.integers(len(points))
        centres.append(points[pick])
        distance = np.minimum(distance, np.sum((points - points[pick]) ** 2, axis=1))
    return np.array(centres)


EMPIRICAL: dict[str, Callable[[], LinearBenchmark | ClusterBenchmark]] = {
    "1lin": lambda: LinearBenchmark(("shortwave_down",)),
    "2lin": lambda: LinearBenchmark(("shortwave_down", "air_temperature")),
    "3km27": lambda: ClusterBenchmark(("shortwave_down", "air_temperature", "relative_humidity")),
}
"""Makers of the empirical benchmarks by PLUMBER's names."""
