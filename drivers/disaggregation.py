"""Monthly totals and means of weather spread over the steps of the month, seeded, and conserved exactly.

Rain falls in events on the humid, cloudy days of the real record; wind has a diurnal cycle and gusty days; pressure and
other smooth quantities are interpolated so that every monthly mean is kept. What is made here is a plausible weather,
not the weather that was: every value is flagged `disaggregated`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import TimeAxis

Floats = NDArray[np.float64]


def month_numbers(axis: TimeAxis) -> tuple[NDArray[np.int64], NDArray[np.datetime64]]:
    """For every step the number of its month on the axis (from 0), and the months themselves (datetime64[M])."""
    months, numbers = np.unique(axis.months, return_inverse=True)
    return numbers.astype(np.int64), months


def monthly_means(values: Floats, axis: TimeAxis) -> Floats:
    """Mean of the steps of every month of the axis."""
    numbers, months = month_numbers(axis)
    return np.bincount(numbers, weights=values, minlength=months.size) / np.bincount(numbers, minlength=months.size)


def with_exact_mean(values: Floats, target: float, *, positive: bool) -> Floats:
    """Values whose mean is `target` to rounding: scaled where `positive`, else shifted; the largest takes the rest."""
    if positive:
        mean = math.fsum(values) / values.size
        exact = values * (target / mean) if mean > 0.0 else np.full_like(values, target)
    else:
        exact = values + (target - math.fsum(values) / values.size)
    largest = int(np.argmax(np.abs(exact)))
    exact[largest] += target * values.size - math.fsum(exact)
    return exact


def conserve_monthly_means(values: Floats, targets: Floats, axis: TimeAxis, *, positive: bool) -> Floats:
    """Values with the mean of every month made equal to `targets` (in order of the axis' months)."""
    numbers, months = month_numbers(axis)
    conserved = values.copy()
    for number in range(months.size):
        rows = np.flatnonzero(numbers == number)
        conserved[rows] = with_exact_mean(values[rows], float(targets[number]), positive=positive)
    return conserved


def smooth_from_monthly(targets: Floats, axis: TimeAxis) -> Floats:
    """A continuous course through the year whose monthly means are `targets`: straight lines between mid-months.

    The values at mid-months solve the linear system that makes every mean exact (after Rymes & Myers 2001, Solar Energy
    71, who iterate to it); before the first and after the last mid-month the course is level.
    """
    numbers, months = month_numbers(axis)
    if months.size == 1:
        return np.full(axis.start.size, float(targets[0]))
    steps = np.arange(axis.start.size, dtype=float)
    middle = np.bincount(numbers, weights=steps) / np.bincount(numbers)
    place = np.clip(np.interp(steps, middle, np.arange(months.size)), 0.0, months.size - 1.0)
    lower = np.minimum(place.astype(np.int64), months.size - 2)
    weight = place - lower
    matrix = np.zeros((months.size, months.size))
    np.add.at(matrix, (numbers, lower), 1.0 - weight)
    np.add.at(matrix, (numbers, lower + 1), weight)
    matrix /= np.bincount(numbers)[:, None]
    nodes = np.linalg.solve(matrix, np.asarray(targets, dtype=float))
    return conserve_monthly_means(nodes[lower] * (1.0 - weight) + nodes[lower + 1] * weight, targets, axis,
                                  positive=False)


def wet_days(total: float, days: int) -> int:
    """Number of wet days for a monthly total (mm): the rain of a wet day grows from 2 mm by 5 % of the total.

    10 mm fall on 4 days, 100 mm on 14, 300 mm on 18: the order of gauge records of dry and humid climates.
    """
    return 0 if total <= 0.0 else int(np.clip(round(total / (2.0 + 0.05 * total)), 1, days))


def precipitation_events(rates: Floats, axis: TimeAxis, wetness: Floats, *, seed: int) -> Floats:
    """Precipitation (kg m-2 s-1) of every step from mean rates of the months (kg m-2 s-1); monthly totals are exact.

    `wetness` (per step, any scale, larger is wetter: for instance relative humidity minus clearness) decides where rain
    falls: wet days are drawn without replacement with a probability that grows with the day's wetness, daily amounts
    are exponential and larger on wetter days, every wet day has one event of a few hours placed by wetness, with
    exponential intensities. The same seed gives the same weather. Rates must not be negative.
    """
    if (np.asarray(rates) < 0.0).any():
        raise ForcingError("a monthly precipitation total is negative", variable="precipitation",
                           remedy="correct the monthly file")
    generator = np.random.default_rng(seed)
    numbers, months = month_numbers(axis)
    day_numbers = axis.day_number
    rain = np.zeros(axis.start.size)
    score = (wetness - wetness.mean()) / max(float(wetness.std()), 1e-9)
    for number in range(months.size):
        rows = np.flatnonzero(numbers == number)
        first_day = day_numbers[rows[0]]
        days = int(day_numbers[rows[-1]] - first_day) + 1
        count = wet_days(float(rates[number]) * rows.size * axis.step_seconds, days)
        # Drawn for every month alike, so that one month's total does not move the weather of the next.
        luck, size = generator.gumbel(size=days), generator.exponential(size=days)
        length, spread = generator.exponential(size=days), generator.exponential(size=(days, axis.steps_per_day))
        if count == 0:
            continue
        of_day = day_numbers[rows] - first_day
        daily = np.bincount(of_day, weights=score[rows], minlength=days) / np.maximum(np.bincount(of_day), 1)
        shaped = np.zeros(rows.size)
        for day in np.argsort(-(2.5 * daily + luck), kind="stable")[:count]:
            inside = np.flatnonzero(of_day == day)
            steps = int(np.clip(round((1.0 + 4.0 * length[day]) * 3600.0 / axis.step_seconds), 1, inside.size))
            window = np.convolve(score[rows][inside], np.ones(steps), mode="valid")
            begin = int(np.argmax(window))
            wet = inside[begin:begin + steps]
            intensity = spread[day, :steps]
            shaped[wet] = intensity / intensity.sum() * (0.05 + size[day]) * math.exp(0.5 * min(daily[day], 2.0))
        rain[rows] = with_exact_mean(shaped, float(rates[number]), positive=True)
    return rain


def gusty_wind(means: Floats, axis: TimeAxis, solar_hour: Floats, *, seed: int) -> Floats:
    """Wind speed (m s-1) of every step from monthly means; the means are exact and every value is positive.

    A diurnal cycle of +-25 % with its maximum at 14 h solar time, as over land in summer (Dai & Deser 1999, J. Geophys.
    Res. 104), times a lognormal factor with a memory of 12 hours and a spread of 0.4.
    """
    if (np.asarray(means) <= 0.0).any():
        raise ForcingError("a monthly mean wind speed is not positive", variable="wind_speed",
                           remedy="correct the monthly file")
    generator = np.random.default_rng(seed)
    memory = math.exp(-axis.step_seconds / 43200.0)
    noise = generator.normal(size=axis.start.size) * math.sqrt(1.0 - memory**2)
    noise[0] = generator.normal()
    course = np.empty_like(noise)
    value = 0.0
    for step, shock in enumerate(noise.tolist()):
        value = memory * value + shock
        course[step] = value
    cycle = 1.0 + 0.25 * np.cos((solar_hour - 14.0) * np.pi / 12.0)
    base = smooth_from_monthly(means, axis)
    shape = np.maximum(base, 0.2 * float(np.min(means))) * cycle * np.exp(0.4 * course)
    return conserve_monthly_means(shape, means, axis, positive=True)
