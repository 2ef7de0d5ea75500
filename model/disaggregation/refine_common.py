"""What the refinements of daily forcing and of forcing every few hours share. The text below the line is copied into modules.

`held` [row, lane] keeps numbers between intervals, `fine` [step * forcing, lane] the forcing of all steps of one interval.
"""

from terraflux.model.disaggregation.refine_sun import HELD_SUN, SUN_ROWS, refine_copy
from terraflux.model.disaggregation.rows import FINE_AIR_TEMPERATURE, FINE_VAPOUR_PRESSURE, LANES, N_COARSE, N_FORCING
from terraflux.model.humidity import saturation_vapour_pressure
from terraflux.model.weave.time_loop import OWN, block_function

# ---- copied from here ------------------------------------------------------------------------------------------------

WORK_WARMTH, WORK_VAPOUR, WORK_ROOM, WORK_SHARE, WORK_LIMIT, WORK_ROWS = 0, 1, 2, 3, 4, 5  # rows


@block_function
def refine_size(whole):
    """Rows that `held` needs."""
    return HELD_SUN + SUN_ROWS * (whole[0] * whole[1] + 1) + WORK_ROWS


@block_function
def refine_load(held, first, time, forcing, series, arrangement):
    """One time of coarse forcing into rows from `first`."""
    for row in range(N_COARSE):
        into = held[first + row]
        given = forcing[time, row]
        if arrangement == OWN:
            refine_copy(into, given[series[0] : series[0] + LANES])
        else:
            for lane in range(LANES):
                into[lane] = given[series[lane]]


@block_function
def refine_constant(fine, values, count, row):
    """A variable that stays the same in all steps."""
    for number in range(count):
        refine_copy(fine[number * N_FORCING + row], values)


@block_function
def refine_vapour(fine, mean, held, work, count):
    """Vapour pressure: where `fine` is above saturation, what is too much goes to steps below it, in proportion to their room.

    A mean above the mean saturation pressure is kept: all steps are then supersaturated by the same factor.
    """
    excess, room = held[work + WORK_VAPOUR], held[work + WORK_ROOM]
    share, limit = held[work + WORK_SHARE], held[work + WORK_LIMIT]
    for lane in range(LANES):
        excess[lane] = 0.0
        room[lane] = 0.0
        limit[lane] = 0.0
    for number in range(count):
        row = number * N_FORCING
        refine_saturation(fine[row + FINE_AIR_TEMPERATURE], fine[row + FINE_VAPOUR_PRESSURE], excess, room, limit)
    for lane in range(LANES):
        share[lane] = excess[lane] / max(room[lane], 1e-300)
        limit[lane] = mean[lane] * count / limit[lane]
    for number in range(count):
        row = number * N_FORCING
        refine_moisture(fine[row + FINE_AIR_TEMPERATURE], fine[row + FINE_VAPOUR_PRESSURE], share, limit)


@block_function
def refine_saturation(air, vapour, excess, room, limit):
    """Adds what is above saturation in one step, what is below it, and saturation pressure itself to their sums."""
    for lane in range(LANES):
        saturated = saturation_vapour_pressure(air[lane])
        excess[lane] += max(vapour[lane] - saturated, 0.0)
        room[lane] += max(saturated - vapour[lane], 0.0)
        limit[lane] += saturated


@block_function
def refine_moisture(air, vapour, share, limit):
    """Vapour pressure of one step, at saturation or below."""
    for lane in range(LANES):
        saturated = saturation_vapour_pressure(air[lane])
        shared = vapour[lane] + share[lane] * (saturated - vapour[lane]) if saturated > vapour[lane] else saturated
        vapour[lane] = shared if share[lane] <= 1.0 else limit[lane] * saturated
