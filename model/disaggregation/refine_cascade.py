"""`refine_course` for the random cascade, with the same bits: lanes share the path from the day down to a step, so that random
numbers are drawn once for each interval and not for each step in it. The text below the line is copied into woven modules.
"""

from terraflux.model.disaggregation.precipitation_course import LEVELS, cascade_share
from terraflux.model.disaggregation.refine_common import WORK_FALLEN, WORK_LUCK, WORK_PART, WORK_SHARE
from terraflux.model.disaggregation.rows import LANES
from terraflux.model.weave.time_loop import block_function

# ---- copied from here ------------------------------------------------------------------------------------------------

@block_function
def refine_fallen(held, number, steps, work):
    """The share of the day's precipitation that has fallen at the end of a step, from the keys in WORK_SHARE."""
    for lane in range(LANES):
        held[work + WORK_FALLEN, lane] = 0.0
        held[work + WORK_PART, lane] = 1.0
    place, before, branch = (number + 1.0) / steps, (0.0 + number) / steps, 1.0
    drawn = number > 0  # was the path of the step before the same so far?
    for level in range(LEVELS):
        if not drawn:
            refine_luck(held, work + WORK_LUCK + level, work + WORK_SHARE, branch)
        later = 1.0 if 2.0 * place >= 1.0 else 0.0
        later_before = 1.0 if 2.0 * before >= 1.0 else 0.0
        refine_half(held, work + WORK_LUCK + level, work, later)
        drawn = drawn and later == later_before
        branch, place, before = 2.0 * branch + later, 2.0 * place - later, 2.0 * before - later_before
    for lane in range(LANES):
        held[work + WORK_FALLEN, lane] += held[work + WORK_PART, lane] * place


@block_function
def refine_luck(held, row, keys, branch):
    """What the first half of an interval takes of its precipitation."""
    for lane in range(LANES):
        held[row, lane] = cascade_share(held[keys, lane], branch)


@block_function
def refine_half(held, row, work, later):
    """From an interval to its first or later half."""
    for lane in range(LANES):
        first, part, fallen = held[row, lane], held[work + WORK_PART, lane], held[work + WORK_FALLEN, lane]
        held[work + WORK_FALLEN, lane] = fallen + part * first if later > 0.0 else fallen
        held[work + WORK_PART, lane] = part * (1.0 - first) if later > 0.0 else part * first
