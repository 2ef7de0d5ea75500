"""Terms of a season: what the logarithm of photosynthetic capacity may be made of over the year.

    terms = seasonal_terms("spline", times)                        # (T, 5)
    terms = seasonal_terms("acclimation", times, temperature=air)  # (T, 1)

| form | terms | made of |
|---|---|---|
| `spline` | 5 | periodic cubic B-spline with six knots, coefficients of sum 0 |
| `monthly` | 11 | twelve steps of sum 0 |
| `harmonic` | 4 | two harmonics |
| `acclimation` | 1 | air temperature with a memory of ten days, standardised |

A penalty on second differences along the year, b ~ N(0, width^2 P^-), makes neighbours alike (Eilers and Marx 1996, Stat.
Sci. 11, 89). Terms are turned to the eigenvectors of P and divided by the roots of its eigenvalues, so that under the
penalty their weights are independent normal numbers of one standard deviation, the smoothing width. P counts differences
per sixth of a year, so the same width means about as much for every form: a first harmonic of about half of it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.drivers.errors import nearest

Floats = NDArray[np.float64]

SPLINE_KNOTS, MONTHS, HARMONICS = 6, 12, 2
KNOTS_PER_YEAR = 6.0
"""The unit of the penalty: second differences at distances of a sixth of a year."""
HARMONIC_SCALE = 0.5
MEMORY = 10.0 * 86400.0
"""Memory (s) of the acclimated temperature."""
LEAST_LEAF_CHANGE = 0.2
"""Leaf area that changes by less than this share of its maximum over the year gives no growing season."""
SEASON_EDGE = 0.2
"""The growing season lasts while leaf area is above this share of its yearly range."""
GROWING_PHASE = 2.0 / 3.0
"""Part of the phase that the growing season takes."""
SMOOTHING_DAYS = 15


def seasonal_terms(form: str, times: ArrayLike, *, temperature: ArrayLike | None = None, phase: ArrayLike | None = None
                   ) -> Floats:
    """Terms (T, K) of a form at `times` (T,) (interval starts).

    `temperature` (T,) is air temperature (degC), for acclimation alone. `phase` (T,) in 0..1 takes the place of the
    calendar (see `growing_season_phase`). Raises ProblemError for an unknown form or a missing temperature.
    """
    if form not in FORMS:
        raise ProblemError(f"unknown form of a season {form!r}; {nearest(form, FORMS)}")
    stamps = np.asarray(times)
    if form == "acclimation":
        if temperature is None:
            raise ProblemError("a season by acclimation needs the air temperature (degC) of every step")
        return acclimation_terms(temperature, _step_seconds(stamps))
    return PERIODIC[form](calendar_phase(stamps) if phase is None else np.asarray(phase, np.float64))


def calendar_phase(times: ArrayLike) -> Floats:
    """Part of the calendar year passed at each time, 0..1; shape as given."""
    stamps = np.asarray(times).astype("datetime64[s]")
    start = stamps.astype("datetime64[Y]")
    length = (start + 1).astype("datetime64[s]") - start.astype("datetime64[s]")
    return np.asarray((stamps - start.astype("datetime64[s]")) / length)


def growing_season_phase(times: ArrayLike, leaf_area: ArrayLike) -> Floats:
    """Phase 0..1 of the growing season at each time, by which sites of a plant type can share a season.

    The season of the mean year runs while leaf area (m2 m-2), smoothed over 15 days, is above its lowest value plus a
    fifth of its range; it takes phases 0 to 2/3, and the rest of the year 2/3 to 1. The calendar serves where leaf area
    changes by less than a fifth, or rises and falls more than once.
    """
    calendar = calendar_phase(times)
    stamps = np.asarray(times).astype("datetime64[D]")
    day = np.minimum((stamps - stamps.astype("datetime64[Y]")).astype(np.int64), 364)
    counts = np.bincount(day, minlength=365)
    mean = np.bincount(day, np.asarray(leaf_area, np.float64), 365) / np.maximum(counts, 1)
    if (counts == 0).any():
        raise ProblemError("leaf area must cover every day of a year to give a growing season")
    window = np.ones(SMOOTHING_DAYS) / SMOOTHING_DAYS
    wrapped = np.concatenate([mean[-(SMOOTHING_DAYS // 2):], mean, mean[:SMOOTHING_DAYS // 2]])
    smooth = np.convolve(wrapped, window, "valid")
    low, high = float(smooth.min()), float(smooth.max())
    growing = smooth > low + SEASON_EDGE * (high - low)
    starts = np.flatnonzero(growing & ~np.roll(growing, 1))
    if high - low < LEAST_LEAF_CHANGE * high or starts.size != 1:
        return calendar
    length = growing.sum() / 365.0
    since = np.mod(calendar - starts[0] / 365.0, 1.0)
    return np.where(since < length, since / length * GROWING_PHASE,
                    GROWING_PHASE + (since - length) / (1.0 - length) * (1.0 - GROWING_PHASE))


def spline_terms(phase: ArrayLike, knots: int = SPLINE_KNOTS) -> Floats:
    """Periodic cubic B-spline (T, knots - 1): uniform knots, the first at phase 0, coefficients of sum 0."""
    place = np.mod(np.asarray(phase, np.float64), 1.0) * knots
    whole = np.floor(place).astype(np.int64)
    x = place - whole
    pieces = ((1.0 - x) ** 3, 3.0 * x**3 - 6.0 * x**2 + 4.0, -3.0 * x**3 + 3.0 * x**2 + 3.0 * x + 1.0, x**3)
    made = np.zeros((place.size, knots))
    rows = np.arange(place.size)
    for shift, piece in zip((-1, 0, 1, 2), pieces, strict=True):
        made[rows, (whole + shift) % knots] += piece / 6.0
    return made @ penalty_roots(knots)


def monthly_terms(phase: ArrayLike) -> Floats:
    """Steps over twelfths of the year (T, 11), of sum 0."""
    month = np.minimum((np.mod(np.asarray(phase, np.float64), 1.0) * MONTHS).astype(np.int64), MONTHS - 1)
    return np.asarray(penalty_roots(MONTHS)[month])


def harmonic_terms(phase: ArrayLike, harmonics: int = HARMONICS) -> Floats:
    """Cosines and sines (T, 2 harmonics), the k-th divided by k^2, as a penalty on curvature does."""
    angle = 2.0 * np.pi * np.asarray(phase, np.float64)
    return np.stack([HARMONIC_SCALE / k**2 * wave(k * angle) for k in range(1, harmonics + 1) for wave in (np.cos, np.sin)],
                    axis=1)


def acclimation_terms(temperature: ArrayLike, step_seconds: float) -> Floats:
    """Air temperature (degC) with a memory of ten days, less its mean, over its standard deviation; (T, 1).

    It starts at the mean of the first ten days. Raises ProblemError for a gap or a temperature that never changes.
    """
    air = np.asarray(temperature, np.float64)
    if not np.isfinite(air).all():
        raise ProblemError(f"air temperature has {int((~np.isfinite(air)).sum())} gaps; complete it first")
    kept = float(np.exp(-step_seconds / MEMORY))
    lagged = np.empty_like(air)
    state = float(air[:max(int(MEMORY / step_seconds), 1)].mean())
    for number, value in enumerate(air.tolist()):
        state = value + (state - value) * kept
        lagged[number] = state
    spread = float(lagged.std())
    if spread == 0.0:
        raise ProblemError("air temperature never changes, so there is no season to acclimate to")
    return np.asarray((lagged - lagged.mean()) / spread)[:, np.newaxis]


def penalty_roots(count: int) -> Floats:
    """(count, count - 1): periodic coefficients of sum 0 from independent standard normal numbers, by the penalty P.

    The columns are eigenvectors of P divided by the roots of their eigenvalues: times its transpose this is P^-.
    """
    number = np.arange(count)
    spacing = KNOTS_PER_YEAR / count
    columns = []
    for k in range(1, count // 2 + 1):
        eigenvalue = (2.0 - 2.0 * np.cos(2.0 * np.pi * k / count)) ** 2 / spacing**3
        waves = (np.cos,) if 2 * k == count else (np.cos, np.sin)
        for wave in waves:
            vector = wave(2.0 * np.pi * k * number / count)
            columns.append(vector / np.linalg.norm(vector) / np.sqrt(eigenvalue))
    return np.stack(columns, axis=1)


PERIODIC: dict[str, Callable[[Floats], Floats]] = {
    "spline": spline_terms, "monthly": monthly_terms, "harmonic": harmonic_terms}
FORMS: dict[str, int] = {"spline": SPLINE_KNOTS - 1, "monthly": MONTHS - 1, "harmonic": 2 * HARMONICS, "acclimation": 1}
"""Forms of a season and their numbers of terms."""


def _step_seconds(times: NDArray[np.datetime64]) -> float:
    if times.size < 2:
        raise ProblemError("a season needs at least two times")
    return float((times[1] - times[0]) / np.timedelta64(1, "s"))
