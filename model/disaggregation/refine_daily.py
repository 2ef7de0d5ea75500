"""From daily forcing to the forcing of every step. The text below the line is copied into woven modules that do so.

Daily means and totals are kept. `held` [row, lane] holds first the forcing of the day (COARSE_ names are rows), then the rows
of `refine_sun`, then working rows; `fine` [step * forcing, lane] receives the forcing of the steps.
"""

from terraflux.model.constants import KELVIN
from terraflux.model.disaggregation.precipitation_course import uniform_fall as refine_fall
from terraflux.model.disaggregation.random_numbers import absorbed
from terraflux.model.disaggregation.refine_common import (
    WORK_SHARE,
    WORK_WARMTH,
    refine_constant,
    refine_load,
    refine_vapour,
)
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
    refine_constant(fine, held[COARSE_VAPOUR_PRESSURE], steps, FINE_VAPOUR_PRESSURE)
    refine_vapour(fine, held[COARSE_VAPOUR_PRESSURE], held, work, steps)
    refine_longwave(fine, held[COARSE_LONGWAVE_DOWN], held[work + WORK_WARMTH], steps)
    refine_precipitation(fine, held, steps, calendar[3, day + 2], work)
    for k in range(len(CARRIED_COARSE)):
        refine_constant(fine, held[CARRIED_COARSE[k]], steps, CARRIED_FINE[k])


@block_function
def refine_temperature(fine, held, steps, work):
    """Air temperature: the course of the day, shifted so that the mean is kept."""
    until, total = held[work + WORK_WARMTH], held[work + WORK_SHARE]
    start, length = held[HELD_DAY + DAY_START], held[HELD_DAY + DAY_LENGTH]
    for lane in range(LANES):
        total[lane] = 0.0
        until[lane] = refine_warmth(12.0 + start[lane] * (12.0 / SUN_PI), length[lane])
    for number in range(steps):
        air, passed = fine[number * N_FORCING + FINE_AIR_TEMPERATURE], 24.0 * (number + 1.0) / steps
        refine_warming(air, until, total, start, length, passed, steps / 24.0)
    mean, swing = held[COARSE_AIR_TEMPERATURE], held[COARSE_AIR_TEMPERATURE_RANGE]
    for number in range(steps):
        refine_level(fine[number * N_FORCING + FINE_AIR_TEMPERATURE], mean, swing, total, 1.0 / steps)


@block_function
def refine_warming(air, until, total, start, length, passed, per_step):
    """The course (0..1) of air temperature in one step, into `air`."""
    for lane in range(LANES):
        now = refine_warmth(12.0 + start[lane] * (12.0 / SUN_PI) + passed, length[lane])
        shape = (now - until[lane]) * per_step
        until[lane] = now
        total[lane] += shape
        air[lane] = shape


@block_function
def refine_level(air, mean, swing, total, per_steps):
    """Air temperature of one step from its course."""
    for lane in range(LANES):
        air[lane] = mean[lane] + max(swing[lane], 0.0) * (air[lane] - total[lane] * per_steps)


@block_function
def refine_longwave(fine, mean, total, steps):
    """Longwave from the sky: clear-sky emissivity of Brutsaert (1975) times a black body, scaled to the mean of the day."""
    for lane in range(LANES):
        total[lane] = 0.0
    for number in range(steps):
        row = number * N_FORCING
        refine_sky(fine[row + FINE_LONGWAVE_DOWN], fine[row + FINE_AIR_TEMPERATURE], fine[row + FINE_VAPOUR_PRESSURE], total)
    for lane in range(LANES):
        total[lane] = mean[lane] * steps / total[lane]
    for number in range(steps):
        refine_scale(fine[number * N_FORCING + FINE_LONGWAVE_DOWN], total)


@block_function
def refine_sky(sky, air, vapour, total):
    """Relative longwave of one step."""
    for lane in range(LANES):
        kelvin = air[lane] + KELVIN
        hundreds = 0.01 * kelvin
        emissivity = exp(log(max(vapour[lane], 1e-4) / kelvin) * (1.0 / 7.0))
        sky[lane] = emissivity * hundreds * hundreds * hundreds * hundreds
        total[lane] += sky[lane]


@block_function
def refine_scale(values, factor):
    """Multiplies a row by another."""
    for lane in range(LANES):
        values[lane] *= factor[lane]


@block_function
def refine_precipitation(fine, held, steps, date, work):
    """Precipitation: the course of the day that cell and date give; nothing to do where it is dry."""
    until, bits, total = held[work + WORK_WARMTH], held[work + WORK_SHARE], held[COARSE_PRECIPITATION]
    first, second = held[HELD_PLACE + PLACE_FIRST_KEY], held[HELD_PLACE + PLACE_SECOND_KEY]
    wet = 0
    for lane in range(LANES):
        wet |= 1 if total[lane] != 0.0 else 0
    if wet == 0:
        refine_constant(fine, total, steps, FINE_PRECIPITATION)
        return
    for lane in range(LANES):
        bits[lane] = absorbed(absorbed(first[lane], date), second[lane])
        until[lane] = 0.0
    for number in range(steps):
        refine_rain(fine[number * N_FORCING + FINE_PRECIPITATION], total, bits, until, (number + 1.0) / steps, 1.0 * steps)


@block_function
def refine_rain(rain, total, bits, until, passed, steps):
    """Precipitation of one step."""
    for lane in range(LANES):
        now = refine_fall(passed, bits[lane])
        rain[lane] = total[lane] * steps * max(now - until[lane], 0.0)
        until[lane] = now
