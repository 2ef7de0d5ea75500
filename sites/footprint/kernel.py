"""One kernel for every closed-form footprint: an inverse-gamma curve along the wind times a Gaussian across it.

With the distance upwind ``xr`` and across the wind ``yr`` (m) from the tower,

    u = xr / ell - s0,    fy = N u^(-1 - mu) exp(-q / u)    (0 where u <= 0),
    f = fy exp(-yr^2 / (2 s^2)) / (sqrt(2 pi) s),

    s = cx xr^p                            Kormann and Meixner (2001), Hsieh et al. (2000),
    s = cx xst / sqrt(1 + 20 xst)          Kljun et al. (2015), xst = xr / ell.

A `FootprintRows` holds ell, s0, q, mu, ln N and the spread of many half hours; the models (`flux_footprint_prediction`,
`kormann_meixner`, `hsieh`, `safe_f`) only fill it. Everything is evaluated in logarithms, so neither tail overflows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaincc, gammainccinv, gammaln

Floats = NDArray[np.float64]

SATURATION = 20.0
"""Constant cc of the saturating spread of Kljun et al. (2015), their Eq. 19 (-)."""
LOG_ROOT_TWO_PI = 0.5 * float(np.log(2.0 * np.pi))


@dataclass(frozen=True)
class FootprintRows:
    """Parameters of the kernel for many half hours; 1-D arrays of equal length, NaN where a row is invalid.

    `scale` ell (m), `offset` s0 (-), `decay` q (-), `exponent` mu (-), `log_normalisation` ln N with N per metre,
    `spread_coefficient` cx (m for the saturating form, else m^(1-p)), `spread_exponent` p (-), `saturating` chooses the
    form of the spread, `wind_direction` in degrees from north, clockwise, that the wind blows FROM, `reason` the bit set
    of `validity.Reason` (0 = valid), `caution` the bit set of `validity.Caution` (a valid row may carry some).
    `truncation` is the largest xr / ell with a footprint (NaN: none; the published single FFP stops at 30).
    """

    scale: Floats
    offset: Floats
    decay: Floats
    exponent: Floats
    log_normalisation: Floats
    spread_coefficient: Floats
    spread_exponent: Floats
    saturating: NDArray[np.bool_]
    wind_direction: Floats
    reason: NDArray[np.uint32]
    model: str
    truncation: float = float("nan")
    caution: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(0, np.uint32))

    def __post_init__(self) -> None:
        count = len(self.scale)
        if self.caution.size == 0 and count:
            object.__setattr__(self, "caution", np.zeros(count, np.uint32))
        for name in _ARRAYS:
            values = getattr(self, name)
            if values.shape != (count,):
                raise ValueError(f"FootprintRows.{name} has shape {values.shape}; every array must have shape ({count},)")

    def __len__(self) -> int:
        return len(self.scale)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """True for the rows with a footprint."""
        return np.asarray(self.reason == 0)

    def select(self, index: Any) -> "FootprintRows":
        """The rows of a slice, a mask or an array of indices."""
        chosen: dict[str, Any] = {name: np.atleast_1d(getattr(self, name)[index]) for name in _ARRAYS}
        return replace(self, **chosen)

    def truncated(self, truncation: float) -> "FootprintRows":
        """The same rows with no footprint beyond xr / ell = truncation (NaN: none)."""
        return replace(self, truncation=float(truncation))

    def crosswind_integrated(self, upwind: ArrayLike) -> Floats:
        """fy (m-1) of every row at distances upwind (m); shape (rows, *distances), NaN for an invalid row."""
        distance, rows = _against_rows(upwind, len(self))
        with np.errstate(all="ignore"):
            return np.exp(self._log_crosswind_integrated(distance, rows))

    def spread(self, upwind: ArrayLike) -> Floats:
        """Lateral standard deviation s (m) of every row at distances upwind (m); shape (rows, *distances)."""
        distance, rows = _against_rows(upwind, len(self))
        with np.errstate(all="ignore"):
            return np.where(distance > 0.0, np.exp(self._log_spread(distance, rows)), _nan_of(rows(self.scale), 0.0))

    def density(self, upwind: ArrayLike, crosswind: ArrayLike) -> Floats:
        """f (m-2) of every row at points upwind and across the wind (m), which broadcast; shape (rows, *points)."""
        ahead, across = np.broadcast_arrays(np.asarray(upwind, float), np.asarray(crosswind, float))
        distance, rows = _against_rows(ahead, len(self))
        with np.errstate(all="ignore"):
            log_spread = self._log_spread(distance, rows)
            ratio = across[np.newaxis] * np.exp(-log_spread)
            exponent = self._log_crosswind_integrated(distance, rows) - 0.5 * ratio * ratio - log_spread - LOG_ROOT_TWO_PI
            density = np.exp(exponent)
            return np.where(distance > 0.0, density, _nan_of(rows(self.scale), 0.0))

    def _log_crosswind_integrated(self, distance: Floats, rows: Any) -> Floats:
        along = distance / rows(self.scale)
        u = along - rows(self.offset)
        value = rows(self.log_normalisation) - (1.0 + rows(self.exponent)) * np.log(u) - rows(self.decay) / u
        inside = (u > 0.0) & (distance > 0.0) & ~(along > self.truncation)
        return np.where(inside, value, _nan_of(rows(self.scale), -np.inf))

    def _log_spread(self, distance: Floats, rows: Any) -> Floats:
        along = distance / rows(self.scale)
        saturating = np.log(along) - 0.5 * np.log1p(SATURATION * along)
        power = rows(self.spread_exponent) * np.log(distance)
        return np.asarray(np.log(rows(self.spread_coefficient)) + np.where(rows(self.saturating), saturating, power))

    def peak_distance(self) -> Floats:
        """Distance upwind of the largest fy (m), closed form: u = q / (1 + mu); shape (rows,)."""
        return np.asarray(self.scale * (self.offset + self.decay / (1.0 + self.exponent)))

    def total_mass(self) -> Floats:
        """Integral of fy over all distances (-): N ell q^-mu Gamma(mu); 1.0015691 for FFP, 1 for the others; shape (rows,)."""
        log_mass = self.log_normalisation + np.log(self.scale) - self.exponent * np.log(self.decay) + gammaln(self.exponent)
        return np.asarray(np.exp(log_mass))

    def cumulative(self, upwind: ArrayLike) -> Floats:
        """Integral of fy from the tower to distances upwind (m), closed form; shape (rows, *distances).

        ``P(x) = N ell q^-mu Gamma(mu, q / u)`` with the upper incomplete gamma function, stopping at the truncation.
        """
        distance, rows = _against_rows(upwind, len(self))
        with np.errstate(all="ignore"):
            along = distance / rows(self.scale)
            u = np.fmin(along, self.truncation) - rows(self.offset)
            part = gammaincc(rows(self.exponent), rows(self.decay) / np.where(u > 0.0, u, np.nan))
            inside = rows(self.total_mass()) * part
            return np.where((u > 0.0) & (distance > 0.0), inside, _nan_of(rows(self.scale), 0.0))

    def fetch(self, fraction: ArrayLike, of: str = "unit") -> Floats:
        """Distance (m) within which a fraction of the flux arises, closed form; shape (rows, *fractions).

        `of` = "unit": fraction of a mass of one; "captured": of the mass that the row has in all (truncation counted).
        NaN where the row never reaches the fraction.
        """
        share, rows = _against_rows(fraction, len(self))
        total = rows(self.total_mass())
        with np.errstate(all="ignore"):
            if of == "captured":
                reached = share * rows(self.captured_mass())
            elif of == "unit":
                reached = share * np.ones_like(total)
            else:
                raise ValueError(f'a fetch is a fraction of "unit" or "captured" mass, not of "{of}"')
            part = np.where((reached > 0.0) & (reached < total), reached / total, np.nan)
            u = rows(self.decay) / gammainccinv(rows(self.exponent), part)
            along = u + rows(self.offset)
            beyond = along > self.truncation * (1.0 + 1e-12)
            return np.where(beyond, np.nan, rows(self.scale) * along)

    def captured_mass(self) -> Floats:
        """Integral of fy out to the truncation (-), the total mass where there is none; shape (rows,)."""
        if np.isnan(self.truncation):
            return self.total_mass()
        u = self.truncation - self.offset
        return np.asarray(self.total_mass() * gammaincc(self.exponent, self.decay / u))


_ARRAYS = tuple(one.name for one in fields(FootprintRows) if one.name not in ("model", "truncation"))


def concatenate(parts: Sequence[FootprintRows]) -> FootprintRows:
    """Rows of the same model and truncation one after the other."""
    first = parts[0]
    for part in parts[1:]:
        if part.model != first.model or not np.array_equal(part.truncation, first.truncation, equal_nan=True):
            raise ValueError(f"cannot join rows of {first.model} and {part.model}: model and truncation must be the same")
    joined: dict[str, Any] = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _ARRAYS}
    return replace(first, **joined)


def wind_coordinates(east: ArrayLike, north: ArrayLike, wind_direction: ArrayLike) -> tuple[Floats, Floats]:
    """Distances upwind and across the wind (m) of points east and north of the tower (m).

    ``xr = x sin(WD) + y cos(WD)``, ``yr = x cos(WD) - y sin(WD)``, WD in degrees the wind comes FROM, clockwise from north.
    """
    x, y = np.asarray(east, float), np.asarray(north, float)
    angle = np.deg2rad(np.asarray(wind_direction, float))
    sine, cosine = np.sin(angle), np.cos(angle)
    return x * sine + y * cosine, x * cosine - y * sine


def _against_rows(values: ArrayLike, count: int) -> tuple[Floats, Any]:
    """Values with a leading axis for rows, and a function that lines a per-row array up with them."""
    points = np.asarray(values, float)
    shape = (count,) + (1,) * points.ndim

    def rows(array: NDArray[Any]) -> NDArray[Any]:
        return array.reshape(shape)

    return np.broadcast_to(points, (count, *points.shape)), rows


def _nan_of(per_row: Floats, value: float) -> Floats:
    """The value, or NaN where the row is invalid."""
    return np.where(np.isnan(per_row), np.nan, value)
