"""From daily forcing to the forcing of every step. The text below the line is copied into woven modules that do so.

Daily means and totals are kept. `held` [row, lane] holds first the forcing of the day (COARSE_ names are rows), then the rows
of `refine_sun`, then working rows; `fine` [step * forcing, lane] receives the forcing of the steps.
"""

from terraflux.model.constants import KELVIN
from terraflux.model.disaggregation.random_numbers import absorbed
from terraflux.model.disaggregation.refine_common import (
    WORK_FALLEN,
    WORK_SHARE,
    WORK_WARMTH,
    refine_constant,
    refine_load,
    refine_vapour,
)
from terraflux.model.disaggregation.refine_course import refine_fallen
from terraflux.model.disaggregation.refine_sun import (
    DAY_LENGTH,
    DAY_START,
    HELD_DAY,
    HELD_SUN,
    PLACE_FIRST_KEY,
    PLACE_SECOND_KEY,
    SUN_PI,
    SUN_ROWS,
    refine_light,
    refine_places,
    refine_sun,
)
from terraflux.model.disaggregation.rows import (
    CARRIED_COARSE,
    CARRIED_FINE,
    COARSE_AIR_TEMPERATURE,
    COARSE_AIR_TEMPERATURE_RANGE,
    COARSE_LONGWAVE_DOWN,
    COARSE_PRECIPITATION,
    COARSE_SHORTWAVE_DOWN,
    COARSE_VAPOUR_PRESSURE,
    FINE_AIR_TEMPERATURE,
    FINE_LONGWAVE_DOWN,
    FINE_PRECIPITATION,
    FINE_VAPOUR_PRESSURE,
    HELD_PLACE,
    LANES,
    N_FORCING,
)
from terraflux.model.disaggregation.temperature_course import daylight_course as refine_warmth
from terraflux.model.weave.lane_math import exp, log
from terraflux.model.weave.time_loop import block_function

# ---- copied from here ------------------------------------------------------------------------------------------------

@block_function
def refine(fine, held, interval, forcing, series, arrangement, whole, calendar, turns, places):
    """The steps of one day of the lanes of a block, into `fine`."""
    steps = whole[0]
    day = interval + whole[2]
    if interval == 0:
        refine_places(held, series, places)
    refine_sun(held, day, steps, calendar, turns)
    refine_load(held, 0, interval + whole[3], forcing, series, arrangement)
    refine_light(fine, held, 0, steps, steps, COARSE_SHORTWAVE_DOWN)
    work = HELD_SUN + SUN_ROWS * (steps + 1)
    refine_temperature(fine, held, steps, work)
    refine_constant(fine, held, COARSE_VAPOUR_PRESSURE, steps, FINE_VAPOUR_PRESSURE)
    refine_vapour(fine, COARSE_VAPOUR_PRESSURE, held, work, steps)
    refine_longwave(fine, held, work + WORK_WARMTH, steps)
    refine_precipitation(fine, held, steps, calendar[3, day + 2], work)
    for k in range(len(CARRIED_COARSE)):
        refine_constant(fine, held, CARRIED_COARSE[k], steps, CARRIED_FINE[k])


@block_function
def refine_temperature(fine, held, steps, work):
    """Air temperature: the course of the day, shifted so that the mean is kept."""
    for lane in range(LANES):
        hour = 12.0 + held[HELD_DAY + DAY_START, lane] * (12.0 / SUN_PI)
        held[work + WORK_SHARE, lane] = 0.0
        held[work + WORK_WARMTH, lane] = refine_warmth(hour, held[HELD_DAY + DAY_LENGTH, lane])
    for number in range(steps):
        refine_warming(fine, number * N_FORCING + FINE_AIR_TEMPERATURE, held, work, 24.0 * (number + 1.0) / steps, steps / 24.0)
    for number in range(steps):
        refine_level(fine, number * N_FORCING + FINE_AIR_TEMPERATURE, held, work, 1.0 / steps)


@block_function
def refine_warming(fine, row, held, work, passed, per_step):
    """The course (0..1) of air temperature in one step, into a row of `fine`."""
    for lane in range(LANES):
        hour = 12.0 + held[HELD_DAY + DAY_START, lane] * (12.0 / SUN_PI) + passed
        now = refine_warmth(hour, held[HELD_DAY + DAY_LENGTH, lane])
        shape = (now - held[work + WORK_WARMTH, lane]) * per_step
        held[work + WORK_WARMTH, lane] = now
        held[work + WORK_SHARE, lane] += shape
        fine[row, lane] = shape


@block_function
def refine_level(fine, row, held, work, per_steps):
    """Air temperature of one step from its course."""
    for lane in range(LANES):
        swing = held[COARSE_AIR_TEMPERATURE_RANGE, lane]
        above = fine[row, lane] - held[work + WORK_SHARE, lane] * per_steps
        fine[row, lane] = held[COARSE_AIR_TEMPERATURE, lane] + max(swing, 0.0) * above


@block_function
def refine_longwave(fine, held, total, steps):
    """Longwave from the sky: clear-sky emissivity of Brutsaert (1975) times a black body, scaled to the mean of the day."""
    for lane in range(LANES):
        held[total, lane] = 0.0
    for number in range(steps):
        refine_sky(fine, number * N_FORCING, held, total)
    for lane in range(LANES):
        held[total, lane] = held[COARSE_LONGWAVE_DOWN, lane] * steps / held[total, lane]
    for number in range(steps):
        for lane in range(LANES):
            fine[number * N_FORCING + FINE_LONGWAVE_DOWN, lane] *= held[total, lane]


@block_function
def refine_sky(fine, row, held, total):
    """Relative longwave of one step."""
    for lane in range(LANES):
        kelvin = fine[row + FINE_AIR_TEMPERATURE, lane] + KELVIN
        vapour = fine[row + FINE_VAPOUR_PRESSURE, lane]
        hundreds = 0.01 * kelvin
        emissivity = exp(log(max(vapour, 1e-4) / kelvin) * (1.0 / 7.0))
        sky = emissivity * hundreds * hundreds * hundreds * hundreds
        fine[row + FINE_LONGWAVE_DOWN, lane] = sky
        held[total, lane] += sky


@block_function
def refine_precipitation(fine, held, steps, date, work):
    """Precipitation: the course of the day that cell and date give; nothing to do where it is dry."""
    wet = 0
    for lane in range(LANES):
        wet |= 1 if held[COARSE_PRECIPITATION, lane] != 0.0 else 0
    if wet == 0:
        refine_constant(fine, held, COARSE_PRECIPITATION, steps, FINE_PRECIPITATION)
        return
    for lane in range(LANES):
        first = absorbed(held[HELD_PLACE + PLACE_FIRST_KEY, lane], date)
        held[work + WORK_SHARE, lane] = absorbed(first, held[HELD_PLACE + PLACE_SECOND_KEY, lane])
        held[work + WORK_WARMTH, lane] = 0.0
    for number in range(steps):
        refine_fallen(held, number, steps, work)
        refine_rain(fine, number * N_FORCING + FINE_PRECIPITATION, held, work, 1.0 * steps)


@block_function
def refine_rain(fine, row, held, work, steps):
    """Precipitation of one step."""
    for lane in range(LANES):
        now = held[work + WORK_FALLEN, lane]
        share = max(now - held[work + WORK_WARMTH, lane], 0.0)
        fine[row, lane] = held[COARSE_PRECIPITATION, lane] * steps * share
        held[work + WORK_WARMTH, lane] = now
