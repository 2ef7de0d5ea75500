"""How much of the precipitation of a day has fallen at the end of a step, by any course. The text below the line is copied into
woven modules that refine daily forcing.
"""

from terraflux.model.disaggregation.precipitation_course import uniform_fall as refine_fall
from terraflux.model.disaggregation.refine_common import WORK_FALLEN, WORK_SHARE
from terraflux.model.disaggregation.rows import LANES
from terraflux.model.weave.time_loop import block_function

# ---- copied from here ------------------------------------------------------------------------------------------------

@block_function
def refine_fallen(held, number, steps, work):
    """The share of the day's precipitation that has fallen at the end of a step, from the keys in WORK_SHARE."""
    passed = (number + 1.0) / steps
    for lane in range(LANES):
        held[work + WORK_FALLEN, lane] = refine_fall(passed, held[work + WORK_SHARE, lane])
