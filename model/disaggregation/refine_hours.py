"""From forcing every few hours to the forcing of every step. The text below the line is copied into woven modules that do so.

Sunlight follows the sun within each interval; precipitation is uniform; everything else is linear in the interval with the
slope of its neighbours, limited so that no new extremes arise (van Leer 1977), and air not supersaturated. Means of intervals
are kept. `held` [row, lane] holds the forcing of this interval, of the one before and of the one after, then the rows of
`refine_sun`, then working rows.
"""

from terraflux.model.disaggregation.refine_common import refine_constant, refine_load, refine_vapour
from terraflux.model.disaggregation.refine_sun import HELD_SUN, SUN_ROWS, refine_light, refine_places, refine_sun
from terraflux.model.disaggregation.rows import (
    CARRIED_COARSE,
    CARRIED_FINE,
    COARSE_AIR_TEMPERATURE,
    COARSE_LONGWAVE_DOWN,
    COARSE_PRECIPITATION,
    COARSE_SHORTWAVE_DOWN,
    COARSE_VAPOUR_PRESSURE,
    FINE_AIR_TEMPERATURE,
    FINE_LONGWAVE_DOWN,
    FINE_PRECIPITATION,
    FINE_VAPOUR_PRESSURE,
    LANES,
    N_COARSE,
    N_FORCING,
)
from terraflux.model.weave.time_loop import block_function

# ---- copied from here ------------------------------------------------------------------------------------------------

@block_function
def refine(fine, held, interval, forcing, series, arrangement, whole, calendar, turns, places):
    """The steps of one interval of the lanes of a block, into `fine`."""
    count, per_day = whole[0], whole[1]
    steps = count * per_day
    place = interval + whole[2]
    day = place // per_day
    of_day = place - day * per_day
    if interval == 0:
        refine_places(held, series, places)
    if interval == 0 or of_day == 0:
        refine_sun(held, day, steps, calendar, turns)
    now = interval + whole[3]
    refine_load(held, 0, now, forcing, series, arrangement)
    refine_load(held, N_COARSE, max(now - 1, 0), forcing, series, arrangement)
    refine_load(held, 2 * N_COARSE, min(now + 1, forcing.shape[0] - 1), forcing, series, arrangement)
    refine_light(fine, held, of_day * count, count, steps, COARSE_SHORTWAVE_DOWN)
    refine_line(fine, held, count, COARSE_AIR_TEMPERATURE, FINE_AIR_TEMPERATURE)
    refine_line(fine, held, count, COARSE_VAPOUR_PRESSURE, FINE_VAPOUR_PRESSURE)
    refine_vapour(fine, COARSE_VAPOUR_PRESSURE, held, HELD_SUN + SUN_ROWS * (steps + 1), count)
    refine_line(fine, held, count, COARSE_LONGWAVE_DOWN, FINE_LONGWAVE_DOWN)
    refine_constant(fine, held, COARSE_PRECIPITATION, count, FINE_PRECIPITATION)
    for k in range(len(CARRIED_COARSE)):
        refine_line(fine, held, count, CARRIED_COARSE[k], CARRIED_FINE[k])


@block_function
def refine_line(fine, held, count, coarse, row):
    """A variable that is linear within the interval."""
    for number in range(count):
        refine_slope(fine, number * N_FORCING + row, held, coarse, (number + 0.5) / count - 0.5)


@block_function
def refine_slope(fine, row, held, coarse, part):
    """Values of one step, `part` of the interval away from its middle."""
    for lane in range(LANES):
        now = held[coarse, lane]
        rise, fall = now - held[N_COARSE + coarse, lane], held[2 * N_COARSE + coarse, lane] - now
        size = min(min(2.0 * abs(rise), 2.0 * abs(fall)), 0.5 * abs(rise + fall))
        size = size if rise * fall > 0.0 else 0.0
        fine[row, lane] = now + part * (size if rise > 0.0 else -size)
