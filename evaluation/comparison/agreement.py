"""How two products on common ground agree: maps of measures, Taylor's statistics (Taylor 2001, J. Geophys. Res. 106:7183)."""

from dataclasses import dataclass
from dataclasses import fields as dataclass_fields

import numpy as np
from numpy.typing import NDArray

from terraflux.evaluation.comparison.fields import Fields, row_blocks

Floats = NDArray[np.float64]
DAYS_PER_YEAR = 365.0
MID_MONTHS = np.array([15.5, 45.0, 74.5, 105.0, 135.5, 166.0, 196.5, 227.5, 258.0, 288.5, 319.0, 349.5])
"""Day of year of the middle of each month without leap days, as ILAMB counts."""


@dataclass(frozen=True, eq=False)
class AgreementMaps:
    """Maps [latitude, longitude] of one product against another, in the unit of the fields; NaN where undefined.

    `bias` is simulated minus reference, `rmse` includes it, `centred_rmse` does not, `phase_shift` is the time of the
    annual maximum of the simulation minus that of the reference (days, -182.5 to 182.5; NaN for yearly products).
    """

    simulated_mean: Floats
    reference_mean: Floats
    bias: Floats
    rmse: Floats
    centred_rmse: Floats
    correlation: Floats
    deviation_ratio: Floats
    phase_shift: Floats

    def names(self) -> list[str]:
        """Names of the maps."""
        return [one.name for one in dataclass_fields(self)]


def agreement_maps(simulated: Fields, reference: Fields) -> AgreementMaps:
    """Measures cell by cell over the steps both have, each weighted by its days. Fields come from `bring_together`."""
    check_alike(simulated, reference)
    blocks = [_maps(ours, theirs) for ours, theirs in zip(row_blocks(simulated), row_blocks(reference))]
    return AgreementMaps(*(np.concatenate([getattr(one, name) for one in blocks]) for name in blocks[0].names()))


def _maps(simulated: Fields, reference: Fields) -> AgreementMaps:
    a, b = simulated.values.astype(float), reference.values.astype(float)
    both = np.isfinite(a) & np.isfinite(b)
    weight = both * reference.days[:, None, None]
    whole = weight.sum(axis=0)
    there = whole > 0.0
    scale = np.where(there, whole, 1.0)
    a, b = np.where(both, a, 0.0), np.where(both, b, 0.0)

    def mean(values: Floats) -> Floats:
        return np.where(there, (weight * values).sum(axis=0) / scale, np.nan)
    mean_a, mean_b = mean(a), mean(b)
    rest_a, rest_b = np.where(both, a - mean_a, 0.0), np.where(both, b - mean_b, 0.0)
    variance_a, variance_b, product = mean(rest_a**2), mean(rest_b**2), mean(rest_a * rest_b)
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(variance_a * variance_b)
        correlation = np.where(spread > 0.0, product / spread, np.nan)
        ratio = np.where(variance_b > 0.0, np.sqrt(variance_a / variance_b), np.nan)
    return AgreementMaps(mean_a, mean_b, mean_a - mean_b, np.sqrt(mean((a - b) ** 2)), np.sqrt(mean((rest_a - rest_b) ** 2)),
                         correlation, ratio, phase_shift(simulated, reference))


def check_alike(simulated: Fields, reference: Fields) -> None:
    """Raise ValueError unless two products have the same cells and times."""
    if (simulated.values.shape != reference.values.shape or not np.array_equal(simulated.time, reference.time)
            or not np.allclose(simulated.latitude_edges, reference.latitude_edges)
            or not np.allclose(simulated.longitude_edges, reference.longitude_edges)):
        raise ValueError(f"{simulated.name} and {reference.name} have not the same cells and times; bring them together first")


def phase_shift(simulated: Fields, reference: Fields) -> Floats:
    """Time of the annual maximum, simulated minus reference (days, -182.5 to 182.5) [latitude, longitude].

    The maximum is that of the mean year of all whole years, in the middle of its month. NaN for yearly products, without a
    whole year, and where the reference does not vary.
    """
    ours, theirs = annual_cycle(simulated), annual_cycle(reference)
    if ours is None or theirs is None:
        return np.full(simulated.values.shape[1:], np.nan)
    varies = np.ptp(np.where(np.isfinite(theirs), theirs, 0.0), axis=0) > 0.0
    return np.where(varies, shift_of_cycles(ours, theirs), np.nan)


def shift_of_cycles(simulated: Floats, reference: Floats) -> Floats:
    """Time of the maximum of mean years [12, ...], simulated minus reference, the short way round (days)."""
    there = np.isfinite(simulated).all(axis=0) & np.isfinite(reference).all(axis=0)
    peak = [MID_MONTHS[np.argmax(np.where(np.isfinite(one), one, -np.inf), axis=0)] for one in (simulated, reference)]
    shift = peak[0] - peak[1]
    shift = shift + DAYS_PER_YEAR * (shift < -0.5 * DAYS_PER_YEAR) - DAYS_PER_YEAR * (shift > 0.5 * DAYS_PER_YEAR)
    return np.where(there, shift, np.nan)


def in_whole_years(fields: Fields) -> NDArray[np.bool_]:
    """True for months of years that have all twelve; False for every step of yearly fields."""
    if not fields.monthly:
        return np.zeros(fields.time.size, dtype=bool)
    number = fields.time.astype("datetime64[Y]")
    years, counts = np.unique(number, return_counts=True)
    return np.isin(number, years[counts == 12])


def annual_cycle(fields: Fields) -> Floats | None:
    """Mean of each month over the whole years [12, latitude, longitude]; None where there are none."""
    inside = in_whole_years(fields)
    if not inside.any():
        return None
    part = fields.values[inside].astype(float).reshape(-1, 12, *fields.values.shape[1:])
    counts = np.isfinite(part).sum(axis=0)
    return np.where(counts > 0, np.nansum(part, axis=0) / np.maximum(counts, 1), np.nan)


@dataclass(frozen=True)
class Taylor:
    """Taylor's statistics of a pattern or a series: they obey centred_rmse^2 = 1 + ratio^2 - 2 ratio r, all over sd of the
    reference. `bias` is in the unit of the values."""

    deviation_ratio: float
    correlation: float
    centred_rmse: float
    bias: float


def taylor(simulated: Floats, reference: Floats, weights: Floats | None = None) -> Taylor:
    """Statistics of values of any one shape, weighted (area, days); pairs with a missing value or no weight are left out.

    NaN where fewer than two pairs are left or the reference is constant.

    >>> taylor(np.array([2.0, 4.0, 6.0]), np.array([1.0, 2.0, 3.0]))
    Taylor(deviation_ratio=2.0, correlation=1.0, centred_rmse=1.0, bias=2.0)
    """
    a, b = np.asarray(simulated, dtype=float).ravel(), np.asarray(reference, dtype=float).ravel()
    w = np.ones(a.size) if weights is None else np.asarray(weights, dtype=float).ravel()
    kept = np.isfinite(a) & np.isfinite(b) & (w > 0.0)
    a, b, w = a[kept], b[kept], w[kept]
    if a.size < 2:
        return Taylor(np.nan, np.nan, np.nan, np.nan)
    w = w / w.sum()
    mean_a, mean_b = float(w @ a), float(w @ b)
    a, b = a - mean_a, b - mean_b
    spread_a, spread_b = float(np.sqrt(w @ (a * a))), float(np.sqrt(w @ (b * b)))
    if spread_b == 0.0:
        return Taylor(np.nan, np.nan, np.nan, mean_a - mean_b)
    r = float(w @ (a * b)) / (spread_a * spread_b) if spread_a > 0.0 else np.nan
    return Taylor(spread_a / spread_b, r, float(np.sqrt(w @ ((a - b) ** 2))) / spread_b, mean_a - mean_b)


def pattern(maps: AgreementMaps, weights: Floats) -> Taylor:
    """Taylor's statistics of the pattern of time means, weighted by area."""
    return taylor(maps.simulated_mean, maps.reference_mean, weights)


def weighted_mean(values: Floats, weights: Floats) -> float:
    """Mean of a map over the weights of its valid cells, NaN where there are none."""
    there = np.isfinite(values) & (weights > 0.0)
    return float((values[there] * weights[there]).sum() / weights[there].sum()) if there.any() else np.nan
