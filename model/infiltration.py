"""Infiltration into a deep uniform soil under a pond, as a reference for the column's own infiltration.

Green and Ampt (1911, J. Agric. Sci. 4, 1-24): behind a sharp front the soil is saturated and conducts at K; ahead of it
the soil draws with a constant suction. Cumulative infiltration F solves F - S ln(1 + F / S) = K t, with S = suction times
moisture deficit. Any consistent units of length and time will do; SI is meant.
"""

import math

MOST_ITERATIONS = 60
PRECISION = 1e-14


def cumulative_infiltration(time: float, conductivity: float, suction: float, moisture_deficit: float) -> float:
    """Water infiltrated (m) `time` (s) after ponding began.

    `conductivity` (m s-1) is that of the wetted soil, `suction` (m, positive) acts at the wetting front,
    `moisture_deficit` (m3 m-3) is the pore space the front fills. Raises ValueError for negative arguments and a
    conductivity of 0.
    """
    _refuse_negative(time=time, suction=suction, moisture_deficit=moisture_deficit)
    if not conductivity > 0.0:
        raise ValueError(f"conductivity is {conductivity}; it must be above 0")
    sorptive = suction * moisture_deficit
    target = conductivity * time
    if sorptive == 0.0 or target == 0.0:
        return target
    # the left side is convex, so that after one step Newton comes down onto the root from above
    infiltrated = target + math.sqrt(2.0 * sorptive * target)
    for _ in range(MOST_ITERATIONS):
        ratio = infiltrated / sorptive
        step = (infiltrated - sorptive * math.log1p(ratio) - target) * (1.0 + ratio) / ratio
        infiltrated -= step
        if abs(step) <= PRECISION * infiltrated:
            break
    return infiltrated


def infiltration_rate(infiltrated: float, conductivity: float, suction: float, moisture_deficit: float) -> float:
    """Infiltration capacity (m s-1) once `infiltrated` (m) has entered: K (1 + S / F); infinite at the first moment.

    Arguments as for `cumulative_infiltration`. Raises ValueError for negative arguments.
    """
    _refuse_negative(infiltrated=infiltrated, conductivity=conductivity, suction=suction, moisture_deficit=moisture_deficit)
    sorptive = suction * moisture_deficit
    if infiltrated == 0.0:
        return math.inf if sorptive > 0.0 else conductivity
    return conductivity * (1.0 + sorptive / infiltrated)


def _refuse_negative(**values: float) -> None:
    for name, value in values.items():
        if not value >= 0.0:
            raise ValueError(f"{name} is {value}; it must not be negative")
