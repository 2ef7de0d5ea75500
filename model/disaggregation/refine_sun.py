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
        brought = held[HELD_PLACE + row]
        for lane in range(LANES):
            brought[lane] = places[row, series[lane]]


@block_function
def refine_noon(held, day, calendar):
    """The sun at the local noon of a day; `calendar` holds noons of Greenwich from two days before the first day."""
    sines, cosines, shift = held[HELD_PLACE + PLACE_SINE], held[HELD_PLACE + PLACE_COSINE], held[HELD_PLACE + PLACE_SHIFT]
    lengths, starts = held[HELD_DAY + DAY_LENGTH], held[HELD_DAY + DAY_START]
    sunsets, top = held[HELD_DAY + DAY_SUNSET], held[HELD_DAY + DAY_TOP]
    straight, swinging, highest = held[HELD_DAY + DAY_ONE], held[HELD_DAY + DAY_TWO], held[HELD_DAY + DAY_THREE]
    first_sine, first_cosine = held[HELD_DAY + DAY_FOUR], held[HELD_DAY + DAY_FIVE]
    for lane in range(LANES):
        sine, equation, nearness = 0.0, 0.0, 0.0
        for near in range(5):
            weight = held[HELD_PLACE + PLACE_WEIGHT + near, lane]
            sine += weight * calendar[0, day + near]
            equation += weight * calendar[1, day + near]
            nearness += weight * calendar[2, day + near]
        straight[lane] = sines[lane] * sine
        swinging[lane] = cosines[lane] * sqrt(1.0 - sine * sine)
        top[lane] = SOLAR_CONSTANT * nearness
        cosine = min(max(-straight[lane] / swinging[lane], -1.0), 1.0)
        highest[lane] = sqrt(1.0 - cosine * cosine)
        sunset = math.acos(cosine)
        start = (shift[lane] + equation - 12.0) * (SUN_PI / 12.0)
        start = start - 2.0 * SUN_PI * math.floor((start + SUN_PI) * (0.5 / SUN_PI))
        sunsets[lane] = sunset
        lengths[lane] = sunset * (24.0 / SUN_PI)
        starts[lane] = start
        first_sine[lane] = math.sin(start)
        first_cosine[lane] = math.cos(start)


@block_function
def refine_sun(held, day, steps, calendar, turns):
    """Light and sunlit share of all steps of a day: exact integrals over the hour angle, from one edge to the next."""
    refine_noon(held, day, calendar)
    start, sunset = held[HELD_DAY + DAY_START], held[HELD_DAY + DAY_SUNSET]
    for edge in range(steps + 1):
        refine_edge(held[HELD_SUN + edge], held[HELD_SUN + steps + 1 + edge], start, sunset, held[HELD_DAY + DAY_ONE],
                    held[HELD_DAY + DAY_TWO], held[HELD_DAY + DAY_THREE], held[HELD_DAY + DAY_FOUR], held[HELD_DAY + DAY_FIVE],
                    turns[0, edge], turns[1, edge], 2.0 * SUN_PI * edge / steps)
    per_step = steps / (2.0 * SUN_PI)
    for number in range(steps):
        refine_difference(held[HELD_SUN + number], held[HELD_SUN + number + 1], per_step)
        refine_difference(held[HELD_SUN + steps + 1 + number], held[HELD_SUN + steps + 2 + number], per_step)


@block_function
def refine_edge(light, length, start, sunset, straight, swinging, highest, first_sine, first_cosine, along, across, passed):
    """Integrals of the cosine of the zenith angle and of sunlit time from the first midnight until an edge."""
    for lane in range(LANES):
        now = start[lane] + passed
        later = now - 2.0 * SUN_PI
        sine = first_sine[lane] * along + first_cosine[lane] * across
        one = sine if now < sunset[lane] else highest[lane]
        one = one if now > -sunset[lane] else -highest[lane]
        two = sine if later < sunset[lane] else highest[lane]
        two = two if later > -sunset[lane] else -highest[lane]
        lit = min(max(now, -sunset[lane]), sunset[lane]) + min(max(later, -sunset[lane]), sunset[lane])
        light[lane] = straight[lane] * lit + swinging[lane] * (one + two)
        length[lane] = lit


@block_function
def refine_difference(now, later, factor):
    """What lies between two edges."""
    for lane in range(LANES):
        now[lane] = max((later[lane] - now[lane]) * factor, 0.0)


@block_function
def refine_light(fine, held, first, count, steps, given):
    """Sunlight, geometry and diffuse share of `count` steps from `first` in the day; `given` is the row of their mean.

    Sunlight follows the cosine of the zenith angle, at most CLEAREST of sunlight above the atmosphere; the rest is spread over
    the sunlit time, or over all of it where the sun does not rise.
    """
    total, sunlit, factor = held[HELD_DAY + DAY_ONE], held[HELD_DAY + DAY_TWO], held[HELD_DAY + DAY_THREE]
    light, length = HELD_SUN + first, HELD_SUN + steps + 1 + first
    for lane in range(LANES):
        total[lane] = 0.0
        sunlit[lane] = 0.0
    for number in range(count):
        refine_add(total, held[light + number])
        refine_add(sunlit, held[length + number])
    refine_factors(total, sunlit, factor, held[HELD_DAY + DAY_TOP], held[given], 1.0 / count)
    for number in range(count):
        row = number * N_FORCING
        refine_shine(fine[row + FINE_SHORTWAVE_DOWN], fine[row + FINE_DIFFUSE_FRACTION], fine[row + FINE_COSINE_ZENITH],
                     held[light + number], held[length + number], held[HELD_DAY + DAY_TOP], total, sunlit, factor)
        refine_copy(fine[row + FINE_PHOTOPERIOD], held[HELD_DAY + DAY_LENGTH])


@block_function
def refine_add(sums, values):
    """Adds a row to another."""
    for lane in range(LANES):
        sums[lane] += values[lane]


@block_function
def refine_copy(into, values):
    """Copies a row to another."""
    for lane in range(LANES):
        into[lane] = values[lane]


@block_function
def refine_factors(total, sunlit, factor, top, given, per_count):
    """From sums of cosines and sunlit shares: what multiplies the cosine, the sunlit share, and what is added."""
    for lane in range(LANES):
        mean = total[lane] * per_count
        share = sunlit[lane] * per_count
        clear = min(given[lane] / max(mean, 1e-12), CLEAREST * top[lane])
        rest = given[lane] - clear * mean
        factor[lane] = clear
        total[lane] = rest / max(share, 1e-12) if share > 1e-9 else 0.0
        sunlit[lane] = 0.0 if share > 1e-9 else rest


@block_function
def refine_shine(shortwave, diffuse, zenith, light, length, top, total, sunlit, factor):
    """Sunlight, its diffuse share and the mean cosine of the zenith angle of one step."""
    for lane in range(LANES):
        above = top[lane] * light[lane]
        now = factor[lane] * light[lane] + total[lane] * length[lane] + sunlit[lane]
        share = erbs(now / max(above, DARKEST))
        mean = min(light[lane] / max(length[lane], 1e-9), 1.0)
        shortwave[lane] = now
        diffuse[lane] = share if above >= DARKEST else 1.0
        zenith[lane] = mean if length[lane] > 1e-9 else 0.0
