"""Sunlight of the steps of a day. The text below the line is copied into woven modules that refine their forcing.

Exact integrals of the cosine of the zenith angle over every step, with the declination of the local noon for the whole day; see
`model/solar.py` for the geometry. `held` has rows of LANES numbers; HELD_ names are rows.
"""

import math

from terraflux.model.constants import SOLAR_CONSTANT
from terraflux.model.diffuse_fraction import erbs
from terraflux.model.disaggregation.rows import (
    CLEAREST,
    DARKEST,
    FINE_COSINE_ZENITH,
    FINE_DIFFUSE_FRACTION,
    FINE_PHOTOPERIOD,
    FINE_SHORTWAVE_DOWN,
    HELD_PLACE,
    LANES,
    N_FORCING,
)
from terraflux.model.weave.lane_math import sqrt
from terraflux.model.weave.time_loop import block_function

# ---- copied from here ------------------------------------------------------------------------------------------------

# Rows of what a series brings along: position, clock, keys, and the weights of five noons around its own.
PLACE_SINE, PLACE_COSINE, PLACE_SHIFT, PLACE_FIRST_KEY, PLACE_SECOND_KEY, PLACE_WEIGHT, PLACE_ROWS = 0, 1, 2, 3, 4, 5, 10
# Rows of a day: hours of daylight, hour angles of its beginning and of sunset, sunlight above the atmosphere, working numbers.
DAY_LENGTH, DAY_START, DAY_SUNSET, DAY_TOP = 0, 1, 2, 3
DAY_ONE, DAY_TWO, DAY_THREE, DAY_FOUR, DAY_FIVE, DAY_ROWS = 4, 5, 6, 7, 8, 9
HELD_DAY = HELD_PLACE + PLACE_ROWS
HELD_SUN = HELD_DAY + DAY_ROWS
SUN_ROWS = 2  # of every edge of a step, later of every step: mean cosine of the zenith angle, sunlit share
SUN_PI = 3.141592653589793


@block_function
def refine_places(held, series, places):
    """What the series of the lanes bring along."""
    for row in range(PLACE_ROWS):
        for lane in range(LANES):
            held[HELD_PLACE + row, lane] = places[row, series[lane]]


@block_function
def refine_noon(held, day, calendar):
    """The sun at the local noon of a day; `calendar` holds noons of Greenwich from two days before the first day."""
    for lane in range(LANES):
        sine, equation, nearness = 0.0, 0.0, 0.0
        for near in range(5):
            weight = held[HELD_PLACE + PLACE_WEIGHT + near, lane]
            sine += weight * calendar[0, day + near]
            equation += weight * calendar[1, day + near]
            nearness += weight * calendar[2, day + near]
        straight = held[HELD_PLACE + PLACE_SINE, lane] * sine
        swinging = held[HELD_PLACE + PLACE_COSINE, lane] * sqrt(1.0 - sine * sine)
        cosine = min(max(-straight / swinging, -1.0), 1.0)
        sunset = math.acos(cosine)
        start = (held[HELD_PLACE + PLACE_SHIFT, lane] + equation - 12.0) * (SUN_PI / 12.0)
        start = start - 2.0 * SUN_PI * math.floor((start + SUN_PI) * (0.5 / SUN_PI))
        held[HELD_DAY + DAY_LENGTH, lane] = sunset * (24.0 / SUN_PI)
        held[HELD_DAY + DAY_START, lane] = start
        held[HELD_DAY + DAY_SUNSET, lane] = sunset
        held[HELD_DAY + DAY_TOP, lane] = SOLAR_CONSTANT * nearness
        held[HELD_DAY + DAY_ONE, lane] = straight
        held[HELD_DAY + DAY_TWO, lane] = swinging
        held[HELD_DAY + DAY_THREE, lane] = sqrt(1.0 - cosine * cosine)
        held[HELD_DAY + DAY_FOUR, lane] = math.sin(start)
        held[HELD_DAY + DAY_FIVE, lane] = math.cos(start)


@block_function
def refine_sun(held, day, steps, calendar, turns):
    """Light and sunlit share of all steps of a day: exact integrals over the hour angle, from one edge to the next."""
    refine_noon(held, day, calendar)
    for edge in range(steps + 1):
        refine_edge(held, HELD_SUN + edge, HELD_SUN + steps + 1 + edge, turns[0, edge], turns[1, edge],
                    2.0 * SUN_PI * edge / steps)
    per_step = steps / (2.0 * SUN_PI)
    for number in range(steps):
        refine_difference(held, HELD_SUN + number, per_step)
        refine_difference(held, HELD_SUN + steps + 1 + number, per_step)


@block_function
def refine_edge(held, light, length, along, across, passed):
    """Integrals of the cosine of the zenith angle and of sunlit time from the first midnight until an edge."""
    for lane in range(LANES):  # numbers are taken out of rows before they are chosen among, else lanes go one by one
        sunset, highest = held[HELD_DAY + DAY_SUNSET, lane], held[HELD_DAY + DAY_THREE, lane]
        now = held[HELD_DAY + DAY_START, lane] + passed
        later = now - 2.0 * SUN_PI
        sine = held[HELD_DAY + DAY_FOUR, lane] * along + held[HELD_DAY + DAY_FIVE, lane] * across
        one = sine if now < sunset else highest
        one = one if now > -sunset else -highest
        two = sine if later < sunset else highest
        two = two if later > -sunset else -highest
        lit = min(max(now, -sunset), sunset) + min(max(later, -sunset), sunset)
        held[light, lane] = held[HELD_DAY + DAY_ONE, lane] * lit + held[HELD_DAY + DAY_TWO, lane] * (one + two)
        held[length, lane] = lit


@block_function
def refine_difference(held, row, factor):
    """What lies between two edges."""
    for lane in range(LANES):
        between = (held[row + 1, lane] - held[row, lane]) * factor
        held[row, lane] = max(between, 0.0)


@block_function
def refine_light(fine, held, first, count, steps, given):
    """Sunlight, geometry and diffuse share of `count` steps from `first` in the day; `given` is the row of their mean.

    Sunlight follows the cosine of the zenith angle, at most CLEAREST of sunlight above the atmosphere; the rest is spread over
    the sunlit time, or over all of it where the sun does not rise.
    """
    light, length = HELD_SUN + first, HELD_SUN + steps + 1 + first
    for lane in range(LANES):
        held[HELD_DAY + DAY_ONE, lane] = 0.0
        held[HELD_DAY + DAY_TWO, lane] = 0.0
    for number in range(count):
        for lane in range(LANES):
            held[HELD_DAY + DAY_ONE, lane] += held[light + number, lane]
            held[HELD_DAY + DAY_TWO, lane] += held[length + number, lane]
    refine_factors(held, given, 1.0 / count)
    for number in range(count):
        refine_shine(fine, number * N_FORCING, held, light + number, length + number)
        refine_copy(fine, number * N_FORCING + FINE_PHOTOPERIOD, held, HELD_DAY + DAY_LENGTH)


@block_function
def refine_copy(into, row, values, place):
    """Copies a row to another."""
    for lane in range(LANES):
        into[row, lane] = values[place, lane]


@block_function
def refine_factors(held, given, per_count):
    """From sums of cosines and sunlit shares: what multiplies the cosine, the sunlit share, and what is added."""
    for lane in range(LANES):
        amount, above = held[given, lane], held[HELD_DAY + DAY_TOP, lane]
        mean = held[HELD_DAY + DAY_ONE, lane] * per_count
        share = held[HELD_DAY + DAY_TWO, lane] * per_count
        clear = min(amount / max(mean, 1e-12), CLEAREST * above)
        rest = amount - clear * mean
        held[HELD_DAY + DAY_ONE, lane] = rest / max(share, 1e-12) if share > 1e-9 else 0.0
        held[HELD_DAY + DAY_TWO, lane] = 0.0 if share > 1e-9 else rest
        held[HELD_DAY + DAY_THREE, lane] = clear


@block_function
def refine_shine(fine, row, held, light, length):
    """Sunlight, its diffuse share and the mean cosine of the zenith angle of one step."""
    for lane in range(LANES):
        sun, lit = held[light, lane], held[length, lane]
        above = held[HELD_DAY + DAY_TOP, lane] * sun
        now = held[HELD_DAY + DAY_THREE, lane] * sun + held[HELD_DAY + DAY_ONE, lane] * lit + held[HELD_DAY + DAY_TWO, lane]
        share = erbs(now / max(above, DARKEST))
        mean = min(sun / max(lit, 1e-9), 1.0)
        fine[row + FINE_SHORTWAVE_DOWN, lane] = now
        fine[row + FINE_DIFFUSE_FRACTION, lane] = share if above >= DARKEST else 1.0
        fine[row + FINE_COSINE_ZENITH, lane] = mean if lit > 1e-9 else 0.0
