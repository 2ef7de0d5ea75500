"""Models of a semivariogram and their fit.

With c0 the nugget, c the partial sill, a the EFFECTIVE range (m) at which the model reaches its sill (spherical) or about 95 %
of it (the others), and gamma(0) = 0:

    spherical     c0 + c (1.5 h/a - 0.5 (h/a)^3), c0 + c beyond a
    exponential   c0 + c (1 - exp(-3 h/a))
    gaussian      c0 + c (1 - exp(-4 (h/a)^2))
    matern        c0 + c (1 - 2/Gamma(s) (h sqrt(s)/b)^s K_s(2 h sqrt(s)/b)),  b = a/2

These are the range conventions of scikit-gstat; gstools' length scale is a for its spherical, a/3 for its exponential and
a sqrt(pi)/4 for its gaussian model. (Chiles & Delfiner 2012, Geostatistics, ch. 2; Minasny & McBratney 2005, Geoderma 128:192.)
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from terraflux.drivers.errors import nearest
from terraflux.sites.raster_grid import RasterError
from terraflux.sites.representativeness.variogram import Variogram

RANGE_AT_BOUND = "the range is at its bound: the field varies on scales beyond the lags"
LEAST_SMOOTHNESS, MOST_SMOOTHNESS = 0.2, 10.0
NEGLIGIBLE = 1e-9  # sills and nuggets below this share of the largest semivariance are rounding, and become 0
MOST_FREEDOM = 1000.0  # upper bounds of a fit left free, as multiples of the largest lag and semivariance


def spherical(ratio: np.ndarray, smoothness: float = 0.5) -> np.ndarray:
    """Share of the partial sill at h/a."""
    inner = np.minimum(ratio, 1.0)
    return inner * (1.5 - 0.5 * inner * inner)


def exponential(ratio: np.ndarray, smoothness: float = 0.5) -> np.ndarray:
    """Share of the partial sill at h/a."""
    return -np.expm1(-3.0 * ratio)


def gaussian(ratio: np.ndarray, smoothness: float = 0.5) -> np.ndarray:
    """Share of the partial sill at h/a."""
    return -np.expm1(-4.0 * ratio * ratio)


def matern(ratio: np.ndarray, smoothness: float = 0.5) -> np.ndarray:
    """Share of the partial sill at h/a, for a smoothness s > 0."""
    from scipy.special import gammaln, kv

    scaled = 2.0 * ratio * np.sqrt(smoothness)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        logarithm = np.log(2.0) - gammaln(smoothness) + smoothness * np.log(scaled) + np.log(kv(smoothness, 2.0 * scaled))
    return np.where(scaled > 0, 1.0 - np.exp(np.minimum(np.nan_to_num(logarithm, nan=0.0, neginf=-np.inf), 0.0)), 0.0)


MODELS: dict[str, Callable[..., np.ndarray]] = {
    "spherical": spherical, "exponential": exponential, "gaussian": gaussian, "matern": matern}


@dataclass(frozen=True)
class VariogramModel:
    """A fitted or assumed model: call it with lags (m) to get semivariances.

    `range` is the effective range (m), `partial_sill` and `nugget` in squared units of the values, `smoothness` of matern.
    `residual` is the root mean square misfit of the fit (NaN where none was made); `note` says what is doubtful, such as a
    range at its bound ("the field varies on scales beyond the window").
    """

    name: str
    range: float
    partial_sill: float
    nugget: float = 0.0
    smoothness: float = 0.5
    residual: float = float("nan")
    note: str = ""

    @property
    def sill(self) -> float:
        """Nugget plus partial sill."""
        return self.nugget + self.partial_sill

    def __call__(self, lag: np.ndarray | float) -> np.ndarray:
        """Semivariance at `lag` (m); 0 at lag 0."""
        distance = np.asarray(lag, dtype=np.float64)
        shape = known_model(self.name)
        return np.where(distance > 0, self.nugget + self.partial_sill * shape(distance / self.range, self.smoothness), 0.0)


def known_model(name: str) -> Callable[..., np.ndarray]:
    """The function of a model by short name."""
    if name not in MODELS:
        raise RasterError(f"the variogram model {name!r} is unknown", variable="model", remedy=nearest(name, MODELS))
    return MODELS[name]


def fit_variogram(variogram: Variogram, model: str = "spherical", *, abscissa: str = "mean", empty: str = "drop",
                  weights: str = "even", nugget: bool = True, maximum_range: float | None = None,
                  maximum_sill: float | None = None) -> VariogramModel:
    """Least-squares fit of a model to an experimental variogram.

    `abscissa`: where a bin stands, its "mean" lag (default), "middle" (gstools) or "right" edge (scikit-gstat). `empty` bins
    are dropped, or count as gamma = 0 with "zero" (what gstools fits). `weights` "even" or "count" (pairs per bin).
    Without `nugget` it is held at 0. The range is kept within `maximum_range` (m; default: the last abscissa), the partial
    sill within `maximum_sill` (default: the largest gamma), as scikit-gstat does; give np.inf to leave them free (within a
    thousand times the default), as gstools does. Several starts are tried and the best is kept, so that the answer does
    not hang on a first guess.

    A variogram that is 0 everywhere (a constant field) gives sill 0; fewer than three usable bins raise RasterError.
    """
    from scipy.optimize import least_squares

    shape = known_model(model)
    lag, gamma, weight = _points(variogram, abscissa, empty, weights)
    longest, top = float(lag.max()), float(gamma.max())
    if top <= 0:
        return VariogramModel(model, longest, 0.0, 0.0, residual=0.0, note="the field is constant")
    ends = [_share(maximum_range, longest), _share(maximum_sill, top), 1.0 if nugget else 1e-300]
    least = [1e-6, 0.0, 0.0]
    if model == "matern":
        ends, least = [*ends, MOST_SMOOTHNESS], [*least, LEAST_SMOOTHNESS]
    scaled_lag, scaled_gamma, root = lag / longest, gamma / top, np.sqrt(weight / weight.mean())

    def misfit(parameters: np.ndarray) -> np.ndarray:
        smoothness = float(parameters[3]) if model == "matern" else 0.5
        values = parameters[2] + parameters[1] * shape(scaled_lag / parameters[0], smoothness)
        return root * (values - scaled_gamma)

    best = None
    for part in (0.15, 0.35, 0.6, 0.9):
        for floor in (0.05, 0.4) if nugget else (0.0,):
            first = [part, 1.0 - floor, floor] + ([1.0] if model == "matern" else [])
            start = np.minimum(np.clip(first, np.asarray(least) + 1e-12, np.asarray(ends) * (1 - 1e-9)), ends)
            found = least_squares(misfit, start, bounds=(least, ends), xtol=1e-14, ftol=1e-14, gtol=1e-14,
                                  max_nfev=2000)
            if best is None or found.cost < best.cost * (1 - 1e-12):
                best = found
    assert best is not None
    chosen = best.x.copy()
    chosen[1:3] = np.where(chosen[1:3] < NEGLIGIBLE, 0.0, chosen[1:3])
    smoothness = float(chosen[3]) if model == "matern" else 0.5
    note = RANGE_AT_BOUND if chosen[0] > 0.999 * ends[0] else ""
    fitted = VariogramModel(model, float(chosen[0] * longest), float(chosen[1] * top),
                            float(chosen[2] * top) if nugget else 0.0, smoothness, note=note)
    residual = fitted.nugget + fitted.partial_sill * shape(lag / fitted.range, smoothness) - gamma
    return VariogramModel(model, fitted.range, fitted.partial_sill, fitted.nugget, smoothness,
                          float(np.sqrt(np.average(residual**2, weights=weight))), note)


def _share(maximum: float | None, scale: float) -> float:
    """An upper bound in units of its scale: 1 where none is given, at most 1000."""
    share = 1.0 if maximum is None else min(maximum / scale, MOST_FREEDOM)
    if not share > 1e-5:
        raise RasterError(f"an upper bound of {maximum} leaves no room for a fit", variable="maximum_range, maximum_sill",
                          remedy="give a bound near the largest lag (m) or semivariance, or np.inf")
    return share


def _points(variogram: Variogram, abscissa: str, empty: str, weights: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lags (m), semivariances and weights that a fit uses."""
    places = {"mean": variogram.mean_lag, "middle": variogram.middle, "right": variogram.right}
    if abscissa not in places or empty not in ("drop", "zero") or weights not in ("even", "count"):
        raise RasterError(f"abscissa {abscissa!r}, empty {empty!r}, weights {weights!r} are not all known",
                          remedy="abscissa 'mean', 'middle' or 'right'; empty 'drop' or 'zero'; weights 'even' or 'count'")
    lag, gamma = places[abscissa].copy(), variogram.gamma.copy()
    if empty == "zero":
        gamma[variogram.count == 0] = 0.0
        lag = np.where(np.isfinite(lag), lag, variogram.middle)
    usable = np.isfinite(gamma) & np.isfinite(lag) & (lag > 0)
    if usable.sum() < 3:
        raise RasterError(f"{int(usable.sum())} bins of the variogram hold pairs; a fit needs three", variable="variogram",
                          remedy="use more or wider bins, or a larger window")
    weight = np.maximum(variogram.count, 1).astype(np.float64) if weights == "count" else np.ones(gamma.size)
    return lag[usable], gamma[usable], weight[usable]
