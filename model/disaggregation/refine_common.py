"""What the refinements of daily forcing and of forcing every few hours share. The text below the line is copied into modules.

`held` [row, lane] keeps numbers between intervals, `fine` [step * forcing, lane] the forcing of all steps of one interval.
"""

from terraflux.model.disaggregation.refine_sun import HELD_SUN, SUN_ROWS, refine_copy
from terraflux.model.disaggregation.rows import FINE_AIR_TEMPERATURE, FINE_VAPOUR_PRESSURE, LANES, N_COARSE, N_FORCING
from terraflux.model.humidity import saturation_vapour_pressure
from terraflux.model.weave.time_loop import OWN, block_function

# ---- copied from here ------------------------------------------------------------------------------------------------

WORK_WARMTH, WORK_VAPOUR, WORK_ROOM, WORK_SHARE, WORK_LIMIT, WORK_FALLEN, WORK_PART = 0, 1, 2, 3, 4, 5, 6  # rows
WORK_LUCK, WORK_ROWS = 7, 12  # five levels of a cascade


@block_function
def refine_size(whole):
    """Rows that `held` needs."""
    return HELD_SUN + SUN_ROWS * (whole[0] * whole[1] + 1) + WORK_ROWS


@block_function
def refine_load(held, first, time, forcing, series, arrangement):
    """One time of coarse forcing into rows from `first`."""
    for row in range(N_COARSE):
        if arrangement == OWN:
            start = max(series[0], 0)  # so that the compiler need not look for counting from the end
            for lane in range(LANES):
                held[first + row, lane] = forcing[time, row, start + lane]
        else:
            for lane in range(LANES):
                held[first + row, lane] = forcing[time, row, series[lane]]


@block_function
def refine_constant(fine, held, values, count, row):
    """A variable that stays the same in all steps."""
    for number in range(count):
        refine_copy(fine, number * N_FORCING + row, held, values)


@block_function
def refine_vapour(fine, mean, held, work, count):
    """Vapour pressure: where `fine` is above saturation, what is too much goes to steps below it, in proportion to their room.

    A mean (a row of `held`) above the mean saturation pressure is kept: all steps are then supersaturated by the same factor.
    """
    for lane in range(LANES):
        held[work + WORK_VAPOUR, lane] = 0.0
        held[work + WORK_ROOM, lane] = 0.0
        held[work + WORK_LIMIT, lane] = 0.0
    for number in range(count):
        refine_saturation(fine, number * N_FORCING, held, work)
    for lane in range(LANES):
        held[work + WORK_SHARE, lane] = held[work + WORK_VAPOUR, lane] / max(held[work + WORK_ROOM, lane], 1e-300)
        held[work + WORK_LIMIT, lane] = held[mean, lane] * count / held[work + WORK_LIMIT, lane]
    for number in range(count):
        refine_moisture(fine, number * N_FORCING, held, work)


@block_function
def refine_saturation(fine, row, held, work):
    """Adds what is above saturation in one step, what is below it, and saturation pressure itself to their sums."""
    for lane in range(LANES):
        saturated = saturation_vapour_pressure(fine[row + FINE_AIR_TEMPERATURE, lane])
        above = fine[row + FINE_VAPOUR_PRESSURE, lane] - saturated
        held[work + WORK_VAPOUR, lane] += max(above, 0.0)
        held[work + WORK_ROOM, lane] += max(-above, 0.0)
        held[work + WORK_LIMIT, lane] += saturated


@block_function
def refine_moisture(fine, row, held, work):
    """Vapour pressure of one step, at saturation or below."""
    for lane in range(LANES):
        saturated = saturation_vapour_pressure(fine[row + FINE_AIR_TEMPERATURE, lane])
        now, share = fine[row + FINE_VAPOUR_PRESSURE, lane], held[work + WORK_SHARE, lane]
        limited = held[work + WORK_LIMIT, lane] * saturated
        shared = now + share * (saturated - now) if saturated > now else saturated
        fine[row + FINE_VAPOUR_PRESSURE, lane] = shared if share <= 1.0 else limited
