"""Where samplers start: draws from one Laplace approximation, or from several that describe different modes."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.counted_density import CountedDensity

ATTEMPTS = 8


def as_modes(mean: ArrayLike, covariance: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means (modes, parameters) and covariances (modes, parameters, parameters) of one or several approximations.

    Raises ValueError for shapes that do not fit and covariances that are not positive definite, naming the mode.
    """
    means = np.atleast_2d(np.asarray(mean, dtype=np.float64))
    covariances = np.asarray(covariance, dtype=np.float64)
    covariances = covariances[np.newaxis] if covariances.ndim == 2 else covariances
    modes, parameters = means.shape
    if covariances.shape != (modes, parameters, parameters):
        raise ValueError(f"mean {means.shape} and covariance {covariances.shape} do not fit: expected (parameters,) and "
                         "(parameters, parameters), or both with a leading number of modes")
    for number, one in enumerate(covariances):
        if not np.isfinite(one).all() or not np.isfinite(means[number]).all() or np.linalg.eigvalsh(one)[0] <= 0.0:
            raise ValueError(f"the covariance of start {number} is not positive definite; fix unidentifiable parameters or "
                             "give them a narrower prior")
    return means, covariances


def spread_points(density: CountedDensity, means: NDArray[np.float64], covariances: NDArray[np.float64], scale: float,
                  count: int, generator: np.random.Generator
                  ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Points (count, parameters) around the modes in turn, all with a finite log posterior, their values and companions.

    Each is normal with the covariance of its mode times scale squared; a point without a finite posterior is drawn again
    with half the scale. Raises ValueError when that does not help either, even at the mode.
    """
    mode = np.arange(count) % means.shape[0]
    factors = np.linalg.cholesky(covariances)

    def draw(which: NDArray[np.int64], width: float) -> NDArray[np.float64]:
        noise = generator.standard_normal((which.size, means.shape[1]))
        return np.asarray(means[which] + width * np.einsum("nij,nj->ni", factors[which], noise))

    points = draw(mode, scale)
    values, companions = density(points)
    for attempt in range(1, ATTEMPTS):
        failing = np.flatnonzero(~np.isfinite(values))
        if failing.size == 0:
            return points, values, companions
        points[failing] = draw(mode[failing], scale * 0.5**attempt)
        values[failing], companions[failing] = density(points[failing])
    failing = np.flatnonzero(~np.isfinite(values))
    if failing.size:
        raise ValueError(f"{failing.size} of {count} starting points have no finite log posterior, even close to the mode; "
                         "check the optimum the approximation was made at")
    return points, values, companions
