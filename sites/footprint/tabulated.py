"""Footprints that have no closed form, as tables over the logarithm of the distance upwind.

`TabulatedRows` answers the same questions as `kernel.FootprintRows` (crosswind_integrated, spread, density, cumulative,
fetch, peak_distance, masses, select) from per-row tables of ln fy and ln s at equal steps of ln x, read by four-point
Lagrange interpolation; the error of a table is of the order of its step to the fourth power where the curve is smooth.
Nearer to the tower than the first node the footprint is 0, and so it is beyond the last; both ends are set where about 1e-3
of the mass is left at most.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import cumulative_simpson

from terraflux.sites.footprint.kernel import LOG_ROOT_TWO_PI, FootprintRows
from terraflux.sites.footprint.lateral_spread import Spread

Floats = NDArray[np.float64]

_ARRAYS = (
    "log_start", "log_step", "log_fy", "log_sigma", "wind_direction", "reason", "caution",
)  # fmt: skip


@dataclass(frozen=True)
class TabulatedRows:
    """Tables of many half hours: node i of row j lies at x = exp(log_start[j] + i log_step[j]) metres upwind.

    `log_fy` ln of the crosswind-integrated footprint (m-1) and `log_sigma` ln of the spread (m) have shape (rows, nodes);
    `log_start`, `log_step`, `wind_direction`, `reason` and `caution` (as in `FootprintRows`) shape (rows,). Invalid
    rows are NaN.
    """

    log_start: Floats
    log_step: Floats
    log_fy: Floats
    log_sigma: Floats
    wind_direction: Floats
    reason: NDArray[np.uint32]
    model: str
    caution: NDArray[np.uint32]
    _mass: list[Floats] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        count = len(self.log_start)
        for name in _ARRAYS:
            if len(getattr(self, name)) != count:
                raise ValueError(f"TabulatedRows.{name} has {len(getattr(self, name))} rows; all must have {count}")

    def __len__(self) -> int:
        return len(self.log_start)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """True for the rows with a footprint."""
        return np.asarray(self.reason == 0)

    def select(self, index: Any) -> "TabulatedRows":
        """The rows of a slice, a mask or an array of indices."""
        one_row = np.ndim(index) == 0 and not isinstance(index, slice)
        chosen = np.asarray([index]) if one_row else index
        columns: dict[str, Any] = {name: getattr(self, name)[chosen] for name in _ARRAYS}
        return replace(self, **columns, _mass=[])

    def crosswind_integrated(self, upwind: ArrayLike) -> Floats:
        """fy (m-1) of every row at distances upwind (m); shape (rows, *distances), NaN for an invalid row."""
        with np.errstate(all="ignore"):
            return np.exp(self._read(self.log_fy, upwind, -np.inf))

    def spread(self, upwind: ArrayLike) -> Floats:
        """Lateral standard deviation s (m) of every row at distances upwind (m); 0 outside the table."""
        with np.errstate(all="ignore"):
            return np.exp(self._read(self.log_sigma, upwind, -np.inf))

    def density(self, upwind: ArrayLike, crosswind: ArrayLike) -> Floats:
        """f (m-2) of every row at points upwind and across the wind (m), which broadcast; shape (rows, *points)."""
        ahead, across = np.broadcast_arrays(np.asarray(upwind, float), np.asarray(crosswind, float))
        with np.errstate(all="ignore"):
            log_fy = self._read(self.log_fy, ahead, -np.inf)
            log_sigma = self._read(self.log_sigma, ahead, 0.0)
            ratio = across[np.newaxis] * np.exp(-log_sigma)
            return np.exp(log_fy - 0.5 * ratio * ratio - log_sigma - LOG_ROOT_TWO_PI)

    def peak_distance(self) -> Floats:
        """Distance upwind of the largest fy (m): the parabola through the three highest nodes; shape (rows,)."""
        nodes = self.log_fy.shape[1]
        values = np.where(np.isnan(self.log_fy), -np.inf, self.log_fy)
        top = np.clip(np.argmax(values, axis=1), 1, nodes - 2)
        left, middle, right = (np.take_along_axis(self.log_fy, (top + move)[:, None], 1)[:, 0] for move in (-1, 0, 1))
        with np.errstate(all="ignore"):
            shift = 0.5 * (left - right) / (left - 2.0 * middle + right)
        return np.asarray(np.exp(self.log_start + (top + shift) * self.log_step))

    def cumulative(self, upwind: ArrayLike) -> Floats:
        """Integral of fy from the tower to distances upwind (m); shape (rows, *distances)."""
        with np.errstate(all="ignore"):
            inside = self._read(self._cumulative_mass(), upwind, 0.0)
        beyond = _per_row(upwind, len(self)) > self._last_distance().reshape(_shape(upwind, len(self)))
        return np.where(beyond, self.captured_mass().reshape(_shape(upwind, len(self))), inside)

    def total_mass(self) -> Floats:
        """Integral of fy over the table (-); shape (rows,)."""
        return np.asarray(self._cumulative_mass()[:, -1])

    def captured_mass(self) -> Floats:
        """The same as `total_mass`: nothing lies outside the table."""
        return self.total_mass()

    def fetch(self, fraction: ArrayLike, of: str = "unit") -> Floats:
        """Distance (m) within which a fraction of the flux arises; shape (rows, *fractions); NaN where never reached.

        `of` = "unit": fraction of a mass of one; "captured": of the mass of the row.
        """
        if of not in ("unit", "captured"):
            raise ValueError(f'a fetch is a fraction of "unit" or "captured" mass, not of "{of}"')
        shares = np.atleast_1d(np.asarray(fraction, float)).ravel()
        mass = self._cumulative_mass()
        found = np.full((len(self), len(shares)), np.nan)
        for row in np.flatnonzero(self.valid):
            curve = mass[row]
            wanted = shares * (curve[-1] if of == "captured" else 1.0)
            where = np.interp(wanted, curve, np.arange(len(curve)), left=np.nan, right=np.nan)
            found[row] = self._refined(int(row), np.exp(self.log_start[row] + where * self.log_step[row]), wanted)
        return found.reshape((len(self), *np.shape(fraction)))

    def _refined(self, row: int, distance: Floats, wanted: Floats) -> Floats:
        """Distances where the cumulative curve of a row takes the wanted values, by Newton steps within one table step."""
        one = self.select([row])
        bound = float(self.log_step[row])
        start = distance
        for _ in range(4):
            move = (wanted - one.cumulative(distance)[0]) / (one.crosswind_integrated(distance)[0] * distance)
            moved = np.clip(np.log(distance / start) + np.where(np.isfinite(move), move, 0.0), -bound, bound)
            distance = start * np.exp(moved)
        return np.asarray(distance)

    def _cumulative_mass(self) -> Floats:
        if not self._mass:
            steps = np.arange(self.log_fy.shape[1]) * self.log_step[:, None]
            per_log_distance = np.exp(self.log_fy + self.log_start[:, None] + steps)
            curve = cumulative_simpson(per_log_distance, dx=1.0, axis=1, initial=0.0) * self.log_step[:, None]
            self._mass.append(np.maximum.accumulate(curve, axis=1))
        return self._mass[0]

    def _last_distance(self) -> Floats:
        return np.asarray(np.exp(self.log_start + (self.log_fy.shape[1] - 1) * self.log_step))

    def _read(self, table: Floats, upwind: ArrayLike, outside: float) -> Floats:
        """Four-point Lagrange interpolation of a table at distances upwind; `outside` where the table does not reach."""
        distance = _per_row(upwind, len(self))
        shape = _shape(upwind, len(self))
        place = (np.log(distance) - self.log_start.reshape(shape)) / self.log_step.reshape(shape)
        last = table.shape[1] - 1
        inside = (place >= 0.0) & (place <= last)
        first = np.clip(np.where(inside, np.floor(place), 1.0).astype(int) - 1, 0, last - 3)
        t = place - first
        flat = first.reshape(len(self), -1)
        a, b, c, d = (np.take_along_axis(table, flat + move, axis=1).reshape(distance.shape) for move in range(4))
        value = (
            -a * (t - 1.0) * (t - 2.0) * (t - 3.0) / 6.0
            + b * t * (t - 2.0) * (t - 3.0) / 2.0
            - c * t * (t - 1.0) * (t - 3.0) / 2.0
            + d * t * (t - 1.0) * (t - 2.0) / 6.0
        )
        return np.where(inside, value, np.where(np.isnan(self.log_start.reshape(shape)), np.nan, outside))


def tabulated(
    rows: FootprintRows, spread: Spread, sigma_v: Floats, wind_speed: Floats, plume_speed_at: Any, nodes: int = 256
) -> TabulatedRows:
    """Rows in closed form with a spread that has none, as tables over 99.9 % of the mass.

    `sigma_v` and `wind_speed` (m s-1) per row, `plume_speed_at(distance)` (m s-1) at distances of shape (rows, nodes).
    """
    with np.errstate(all="ignore"):
        # exp(-q/u) is below 1e-130 nearer than this
        near = np.log(rows.scale * (rows.offset + rows.decay / 300.0))
        far = np.log(np.minimum(rows.fetch(0.999, of="captured"), 1e12))
        step = (far - near) / (nodes - 1)
        distance = np.exp(near[:, None] + np.arange(nodes) * step[:, None])
        u = distance / rows.scale[:, None] - rows.offset[:, None]
        log_fy = rows.log_normalisation[:, None] - (1.0 + rows.exponent[:, None]) * np.log(u) - rows.decay[:, None] / u
        sigma = spread(distance, sigma_v[:, None], wind_speed[:, None], plume_speed_at(distance))
        log_sigma = np.where(rows.valid[:, None], np.log(sigma), np.nan)
    return TabulatedRows(near, step, log_fy, log_sigma, rows.wind_direction, rows.reason, rows.model, rows.caution)


def _shape(points: ArrayLike, count: int) -> tuple[int, ...]:
    return (count,) + (1,) * np.ndim(np.asarray(points))


def _per_row(points: ArrayLike, count: int) -> Floats:
    values = np.asarray(points, float)
    return np.broadcast_to(values, (count, *values.shape))
