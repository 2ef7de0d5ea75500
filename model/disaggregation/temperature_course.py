"""How air temperature goes from the minimum to the maximum of a day, by registered short name.

A course is a function of solar time: the integral, from some origin, of a curve that is 0 at the minimum and 1 at the
maximum of the day and has the mean 1/2 over every 24 hours. Steps take differences of it: exact means of the curve.
"""

from collections.abc import Callable

from terraflux.model.weave.lane_math import floor

WARMEST_SHARE = 0.6666666666666666  # of daylight, when air is warmest
SHORTEST_DAY, LONGEST_DAY = 6.0, 18.0  # h, limits of the day length that shapes the curve near the poles
WARMEST_HOUR = 14.5  # h, solar time
HALF_DAY_PER_TURN = 1.9098593171027440  # 12 h / 2 pi
FULL_TURN_ANGLE = 6.283185307179586
S3, S5, S7, S9 = -1.0 / 6.0, 1.0 / 120.0, -1.0 / 5040.0, 1.0 / 362880.0
S11, S13, S15 = -1.0 / 39916800.0, 1.0 / 6227020800.0, -1.0 / 1307674368000.0


def daylight_course(hour, day_length):
    """Warmth until a solar hour (0..48): a monotone cubic from sunrise to two thirds of daylight, and another one down.

    `day_length` (h) is held between 6 and 18. The result is in hours; 12 more every day.
    """
    length = min(max(day_length, SHORTEST_DAY), LONGEST_DAY)
    rising = WARMEST_SHARE * length
    falling = 24.0 - rising
    since = hour - (12.0 - 0.5 * length) + 24.0
    days = floor(since * (1.0 / 24.0))
    since = since - 24.0 * days
    up = min(since / rising, 1.0)
    down = max(since - rising, 0.0) / falling
    warmth = rising * up * up * up * (1.0 - 0.5 * up) + falling * down * (1.0 - down * down * (1.0 - 0.5 * down))
    return 12.0 * days + warmth


def sine_of_turns(turns):
    """Sine of an angle given in turns, within 2e-12."""
    part = turns - floor(turns + 0.5)
    size = abs(part)
    size = 0.5 - size if size > 0.25 else size
    x = FULL_TURN_ANGLE * size
    s = x * x
    sine = x * (1.0 + s * (S3 + s * (S5 + s * (S7 + s * (S9 + s * (S11 + s * (S13 + s * S15)))))))
    return sine if part >= 0.0 else -sine


def cosine_course(hour, day_length):
    """Warmth until a solar hour (0..48): a cosine with its maximum at 14.5 h, whatever the day length."""
    return 0.5 * hour + HALF_DAY_PER_TURN * sine_of_turns((hour - WARMEST_HOUR) * (1.0 / 24.0)) + 0.0 * day_length


TEMPERATURE_COURSE: dict[str, Callable[[float, float], float]] = {"daylight": daylight_course, "cosine": cosine_course}
