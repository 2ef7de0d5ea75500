"""Terms of a season: what the logarithm of photosynthetic capacity may be made of over the year.

    terms = seasonal_terms("spline", times)                        # (T, 5)
    terms = seasonal_terms("acclimation", times, temperature=air)  # (T, 1)
    basis = seasonal_basis("acclimation", times, temperature=air)  # the recipe, to make the same terms at other times
    terms = basis.terms(later, warmer)

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
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

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


class SeasonError(ValueError):
    """A season that cannot be made as it is described: what is wrong and what to do."""


@dataclass(frozen=True)
class SeasonalBasis:
    """How the terms of a season are made, at any times.

    `form` is a key of FORMS. `growing_season` (start, length), parts of the calendar year, is where phases 0 to 2/3 of a
    periodic form lie; None for the calendar. `temperature` (mean, standard deviation; degC) standardises the acclimated
    temperature of `acclimation`. Raises SeasonError for what does not belong together.
    """

    form: str
    growing_season: tuple[float, float] | None = None
    temperature: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise SeasonError(f"unknown form of a season {self.form!r}; {nearest(self.form, FORMS)}")
        if (self.temperature is not None) != (self.form == "acclimation"):
            raise SeasonError(f"a season by {self.form} " + ("has no standard temperature; leave temperature away"
                              if self.temperature else "needs temperature = [mean, standard deviation] (degC)"))
        if self.temperature is not None and not (np.isfinite(self.temperature).all() and self.temperature[1] > 0.0):
            raise SeasonError(f"temperature = {self.temperature} of a season; it is a mean and a standard deviation above 0 "
                              "(degC)")
        if self.growing_season is None:
            return
        start, length = self.growing_season
        if self.form == "acclimation" or not (0.0 <= start < 1.0 and 0.0 < length < 1.0):
            raise SeasonError(f"growing_season = {self.growing_season} of a season by {self.form}; it is start and length of a "
                              "periodic form, parts of the calendar year")

    @property
    def size(self) -> int:
        """Number of terms."""
        return FORMS[self.form]

    def terms(self, times: ArrayLike, temperature: ArrayLike | None = None) -> Floats:
        """Terms (T, K) at `times` (T,) (interval starts); `temperature` (T,) is air temperature (degC), for acclimation alone.

        Raises SeasonError where it is missing or has gaps.
        """
        stamps = np.asarray(times)
        if self.temperature is None:
            return PERIODIC[self.form](phase_of(stamps, self.growing_season))
        if temperature is None:
            raise SeasonError("a season by acclimation needs the air temperature (degC) of every step")
        mean, spread = self.temperature
        return np.asarray((acclimated(temperature, _step_seconds(stamps)) - mean) / spread)[:, np.newaxis]


def seasonal_basis(form: str, times: ArrayLike, *, temperature: ArrayLike | None = None, leaf_area: ArrayLike | None = None
                   ) -> SeasonalBasis:
    """The recipe of a form at a site, from the years that `times` (T,) cover.

    `temperature` (T,) (degC) standardises acclimation. With `leaf_area` (T,) (m2 m-2) periodic forms follow the growing
    season, where there is one (see `growing_season`). Raises SeasonError.
    """
    if form == "acclimation":
        if temperature is None:
            raise SeasonError("a season by acclimation needs the air temperature (degC) of every step")
        lagged = acclimated(temperature, _step_seconds(np.asarray(times)))
        spread = float(lagged.std())
        if spread == 0.0:
            raise SeasonError("air temperature never changes, so there is no season to acclimate to")
        return SeasonalBasis(form, temperature=(float(lagged.mean()), spread))
    return SeasonalBasis(form, None if leaf_area is None else growing_season(times, leaf_area))


def seasonal_terms(form: str, times: ArrayLike, *, temperature: ArrayLike | None = None, leaf_area: ArrayLike | None = None
                   ) -> Floats:
    """Terms (T, K) of a form at the times from which it is made; arguments as of `seasonal_basis`."""
    return seasonal_basis(form, times, temperature=temperature, leaf_area=leaf_area).terms(times, temperature)


def calendar_phase(times: ArrayLike) -> Floats:
    """Part of the calendar year passed at each time, 0..1; shape as given."""
    stamps = np.asarray(times).astype("datetime64[s]")
    start = stamps.astype("datetime64[Y]")
    length = (start + 1).astype("datetime64[s]") - start.astype("datetime64[s]")
    return np.asarray((stamps - start.astype("datetime64[s]")) / length)


def growing_season(times: ArrayLike, leaf_area: ArrayLike) -> tuple[float, float] | None:
    """Start and length of the growing season, parts of the calendar year, by which sites of a plant type can share a season.

    The season of the mean year runs while leaf area (m2 m-2), smoothed over 15 days, is above its lowest value plus a
    fifth of its range. None where leaf area changes by less than a fifth, or rises and falls more than once.
    """
    stamps = np.asarray(times).astype("datetime64[D]")
    day = np.minimum((stamps - stamps.astype("datetime64[Y]")).astype(np.int64), 364)
    counts = np.bincount(day, minlength=365)
    mean = np.bincount(day, np.asarray(leaf_area, np.float64), 365) / np.maximum(counts, 1)
    if (counts == 0).any():
        raise SeasonError("leaf area must cover every day of a year to give a growing season")
    window = np.ones(SMOOTHING_DAYS) / SMOOTHING_DAYS
    wrapped = np.concatenate([mean[-(SMOOTHING_DAYS // 2):], mean, mean[:SMOOTHING_DAYS // 2]])
    smooth = np.convolve(wrapped, window, "valid")
    low, high = float(smooth.min()), float(smooth.max())
    growing = smooth > low + SEASON_EDGE * (high - low)
    starts = np.flatnonzero(growing & ~np.roll(growing, 1))
    if high - low < LEAST_LEAF_CHANGE * high or starts.size != 1:
        return None
    return float(starts[0] / 365.0), float(growing.sum() / 365.0)


def phase_of(times: ArrayLike, season: tuple[float, float] | None = None) -> Floats:
    """Phase 0..1 at each time: of the calendar, or of a growing season (start, length), which takes phases 0 to 2/3 and
    leaves 2/3 to 1 to the rest of the year."""
    calendar = calendar_phase(times)
    if season is None:
        return calendar
    start, length = season
    since = np.mod(calendar - start, 1.0)
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


def acclimated(temperature: ArrayLike, step_seconds: float) -> Floats:
    """Air temperature (T,) (degC) with a memory of ten days. It starts at the mean of the first ten days.

    Raises SeasonError for a gap.
    """
    air = np.asarray(temperature, np.float64)
    if not np.isfinite(air).all():
        raise SeasonError(f"air temperature has {int((~np.isfinite(air)).sum())} gaps; complete it first")
    kept = float(np.exp(-step_seconds / MEMORY))
    lagged = np.empty_like(air)
    state = float(air[:max(int(MEMORY / step_seconds), 1)].mean())
    for number, value in enumerate(air.tolist()):
        state = value + (state - value) * kept
        lagged[number] = state
    return lagged


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
        raise SeasonError("a season needs at least two times")
    return float((times[1] - times[0]) / np.timedelta64(1, "s"))
