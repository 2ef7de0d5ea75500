"""Steps of any length become means of months or years, one step after another, without holding them all."""

import numpy as np
from numpy.typing import NDArray

from terraflux.evaluation.comparison.flux_units import Rate
from terraflux.evaluation.comparison.product_time import Intervals, Periods, periods

Floats = NDArray[np.float64]


def as_rates(values: Floats, found: Rate, length: float, month_days: float, year_days: float) -> Floats:
    """Values of one step as mean daily rates: amounts are divided by the days they were gathered in."""
    days = {"second": 1.0, "step": length, "month": month_days, "year": year_days}[found.per]
    return values * (found.factor / days)


class PeriodMeans:
    """Means of periods from steps that come in order; a period is closed as soon as no step can touch it any more."""

    def __init__(self, steps: Intervals, shape: tuple[int, int], least_share: float = 0.5) -> None:
        if not 0.0 < least_share <= 1.0:
            raise ValueError(f"the least share of a period is {least_share}; it lies between 0 and 1")
        self.steps = steps
        self.periods: Periods = periods(steps)
        self.values = np.full((self.periods.time.size, *shape), np.nan, dtype=np.float32)
        self._share = least_share
        self._shape = shape
        self._open: dict[int, tuple[Floats, Floats]] = {}

    def overlaps(self, step: int) -> list[tuple[int, float]]:
        """(period, days in common) of a step."""
        rows = np.flatnonzero(self.periods.step == step)
        return [(int(self.periods.period[row]), float(self.periods.overlap[row])) for row in rows]

    def add(self, step: int, values: Floats, found: Rate) -> None:
        """Add the values of a step [latitude, longitude], NaN = missing; steps come in rising order."""
        touched = self.overlaps(step)
        for done in [one for one in self._open if one < touched[0][0]]:
            self._close(done)
        length = float(self.steps.end[step] - self.steps.start[step])
        valid = np.isfinite(values)
        for period, days in touched:
            total, weight = self._open.setdefault(period, (np.zeros(self._shape), np.zeros(self._shape)))
            whole = float(self.periods.days[period])
            yearly = self.steps.kind == "year"
            rates = as_rates(values, found, length, length / 12.0 if yearly else whole,
                             length if yearly else self._year_days(period))
            total += np.where(valid, rates * days, 0.0)
            weight += np.where(valid, days, 0.0)

    def _year_days(self, period: int) -> float:
        year = self.periods.time[period].astype("datetime64[Y]")
        fixed = {"noleap": 365.0, "all_leap": 366.0, "360_day": 360.0}.get(self.steps.calendar)
        if fixed is not None:
            return fixed
        return float(((year + 1).astype("datetime64[D]") - year.astype("datetime64[D]")).astype(float))

    def _close(self, period: int) -> None:
        total, weight = self._open.pop(period)
        enough = weight >= self._share * self.periods.days[period] * (1.0 - 1e-9)
        self.values[period] = np.where(enough, total / np.where(enough, weight, 1.0), np.nan)

    def finish(self) -> tuple[NDArray[np.float32], NDArray[np.datetime64], Floats]:
        """Means, times and days of the periods that hold any value."""
        for period in sorted(self._open):
            self._close(period)
        kept = np.isfinite(self.values).any(axis=(1, 2))
        return self.values[kept], self.periods.time[kept], self.periods.days[kept]
