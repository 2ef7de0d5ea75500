"""Does the clock of a record agree with the sun? Shortwave radiation is compared with solar geometry."""

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import TimeAxis
from terraflux.model.solar import interval_sun

TOLERANCE_HOURS = 0.4  # half a half-hour record's start/end confusion is 0.5 h; good towers lie within 0.3 h
SHORTEST_RECORD_DAYS = 10
NIGHT_SHARE = 0.02


def clock_offset(shortwave: NDArray[np.float64], axis: TimeAxis, latitude: float, longitude: float,
                 utc_offset_hours: float) -> float:
    """Hours by which the record's clock runs ahead of the sun (positive: stamps too late); NaN where it cannot be told.

    The lag of best correlation between shortwave radiation (W m-2, NaN allowed) and extraterrestrial radiation, refined
    by a parabola through the best lag and its neighbours. At most the first two years are used.
    """
    steps = min(axis.start.size, 730 * axis.steps_per_day)
    light = np.asarray(shortwave[:steps], dtype=float)
    if steps < SHORTEST_RECORD_DAYS * axis.steps_per_day or np.isfinite(light).mean() < 0.5:
        return float("nan")
    outside = interval_sun(axis.start[:steps], axis.step_seconds, latitude, longitude, utc_offset_hours)[2]
    if outside.max() < 100.0:
        return float("nan")
    anomaly = np.where(np.isfinite(light), light - np.nanmean(light), 0.0)
    if not anomaly.any():
        return float("nan")
    centred = outside - outside.mean()
    half_day = axis.steps_per_day // 2
    lags = np.arange(-half_day, half_day + 1)
    score = np.array([np.dot(np.roll(centred, lag), anomaly) for lag in lags])
    best = int(np.argmax(score[1:-1])) + 1
    curvature = score[best - 1] - 2.0 * score[best] + score[best + 1]
    shift = 0.5 * (score[best - 1] - score[best + 1]) / curvature if curvature < 0.0 else 0.0
    return float((lags[best] + shift) * axis.step_seconds / 3600.0)


def night_light_share(shortwave: NDArray[np.float64], axis: TimeAxis, latitude: float, longitude: float,
                      utc_offset_hours: float) -> float:
    """Share of shortwave energy (0-1) that comes in steps without sun."""
    dark = interval_sun(axis.start, axis.step_seconds, latitude, longitude, utc_offset_hours)[1] <= 0.0
    light = np.nan_to_num(np.maximum(shortwave, 0.0))
    total = float(light.sum())
    return float(light[dark].sum()) / total if total > 0.0 else 0.0


def check_clock(shortwave: NDArray[np.float64], axis: TimeAxis, latitude: float, longitude: float,
                utc_offset_hours: float, *, file: object = "") -> list[str]:
    """Refuse a clock that is off; otherwise one sentence with the offset found, for the history.

    Raises ForcingError when the sun stands more than 0.4 h from where the clock says, or when more than 2 % of
    shortwave energy comes at night.
    """
    offset = clock_offset(shortwave, axis, latitude, longitude, utc_offset_hours)
    if np.isnan(offset):
        return ["clock not checked against the sun: the record is short or has no light"]
    if abs(offset) > TOLERANCE_HOURS:
        fitting = round(2.0 * (utc_offset_hours + offset)) / 2.0
        raise ForcingError(
            f"the clock is {abs(offset):.1f} h {'ahead of' if offset > 0 else 'behind'} the sun", file=file,
            variable="shortwave_down", time=axis.start[0],
            remedy=f"check utc_offset_hours (now {utc_offset_hours:+g}; {fitting:+g} would fit), "
                   "longitude (degrees east), and whether stamps are interval starts or ends")
    share = night_light_share(shortwave, axis, latitude, longitude, utc_offset_hours)
    if share > NIGHT_SHARE:
        raise ForcingError(f"{100 * share:.1f} % of shortwave energy comes while the sun is down", file=file,
                           variable="shortwave_down", unit="W m-2", time=axis.start[0],
                           remedy="check latitude, longitude, utc_offset_hours and time stamps")
    return [f"clock checked against the sun: {offset:+.2f} h off"]
