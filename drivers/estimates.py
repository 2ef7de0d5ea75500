"""What a tower did not measure, estimated: pressure, diffuse light, longwave, rain, wind, carbon dioxide, leaf area.

Each function returns one complete series with flags and leaves a sentence in the history of the record.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers import co2, disaggregation, leaf_area
from terraflux.drivers.completion_choices import Completion
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import DISAGGREGATED, ESTIMATED, INTERPOLATED, PRESCRIBED
from terraflux.drivers.read_subset import LEAST_GOOD
from terraflux.drivers.record import Record, Series
from terraflux.drivers.site import SiteDescription
from terraflux.model.constants import GAS_CONSTANT, GRAVITY
from terraflux.model.diffuse_fraction import clearness_index, diffuse_fraction
from terraflux.model.humidity import relative_humidity_of
from terraflux.model.sky_longwave import SKY_LONGWAVE, cloudiness_from_sunlight
from terraflux.model.solar import hour_angle, interval_sun, photoperiod

Floats = NDArray[np.float64]


@dataclass
class Sun:
    """Solar geometry of every step: mean cosine of zenith and sunlit share (0-1), radiation above the atmosphere
    (W m-2), day length (h) and true solar hour (0-24)."""

    cosine_zenith: Floats
    sunlit_share: Floats
    extraterrestrial: Floats
    photoperiod: Floats
    solar_hour: Floats

    @property
    def dark(self) -> NDArray[np.bool_]:
        """Steps without sun."""
        return self.sunlit_share <= 0.0


def sun_of(record: Record, site: SiteDescription) -> Sun:
    """Solar geometry of the steps of a record at a site."""
    axis = record.axis
    cosine, share, outside = interval_sun(axis.start, axis.step_seconds, site.latitude, site.longitude,
                                          site.utc_offset_hours)
    middle = axis.start + np.timedelta64(axis.step_seconds // 2, "s")
    hour = hour_angle(middle, site.longitude, site.utc_offset_hours, 0.0) * 12.0 / np.pi + 12.0
    return Sun(cosine, share, outside, photoperiod(axis.start, site.latitude, site.utc_offset_hours), hour)


def made(record: Record, values: Floats, flag: int) -> Series:
    """A series made here, with the same flag at every step."""
    flags = np.full(record.axis.start.shape, flag, dtype=np.int8)
    return Series(np.ascontiguousarray(values, dtype=np.float64), flags, "", values)


def monthly_target(record: Record, variable: str) -> Floats | None:
    """Monthly means of a variable (canonical unit) for the months of the record; None where the source has none.

    A month that is missing is refused: it would have to be invented.
    """
    if record.monthly is None or variable not in record.monthly:
        return None
    _, months = disaggregation.month_numbers(record.axis)
    values = record.monthly[variable].reindex(months.astype("datetime64[ns]")).to_numpy(dtype=float)
    if np.isnan(values).any():
        raise ForcingError("a monthly value is missing", file=record.files[-1], variable=variable,
                           time=months[int(np.argmax(np.isnan(values)))], remedy="choose a period with all months")
    return values


def never_measured(record: Record, variable: str) -> bool:
    """Whether the monthly file says that no month of a variable was measured; False where it says nothing."""
    share = f"{variable}_measured"
    return (record.monthly is not None and share in record.monthly
            and not bool((record.monthly[share] >= LEAST_GOOD).any()))


def air_pressure(record: Record, site: SiteDescription, choices: Completion) -> Series:
    """Air pressure (Pa): as read, from monthly means, a constant, or the standard atmosphere at the elevation."""
    if "air_pressure" in record.forcing:
        return record.forcing["air_pressure"]
    target = monthly_target(record, "air_pressure")
    if target is not None:
        record.history.append("air pressure interpolated from monthly means, which are kept")
        return made(record, disaggregation.smooth_from_monthly(target, record.axis), DISAGGREGATED)
    if choices.air_pressure is not None:
        record.history.append(f"air pressure prescribed as {choices.air_pressure:g} Pa")
        return made(record, np.full(record.axis.start.shape, float(choices.air_pressure)), PRESCRIBED)
    value = standard_pressure(site.elevation)
    record.history.append(f"air pressure {value:.0f} Pa of the standard atmosphere at {site.elevation:g} m")
    return made(record, np.full(record.axis.start.shape, value), ESTIMATED)


def standard_pressure(elevation: float) -> float:
    """Air pressure (Pa) at an elevation (m) in the ICAO standard atmosphere, 15 degC and 6.5 K km-1."""
    return 101325.0 * (1.0 - 0.0065 * elevation / 288.15) ** (GRAVITY * 0.0289644 / (GAS_CONSTANT * 0.0065))


def diffuse_share(record: Record, sun: Sun) -> Series:
    """Measured diffuse light where there is any, else the Erbs correlation; 1 where the sun is down or grazes."""
    light = record.forcing["shortwave_down"].values
    share = diffuse_fraction(clearness_index(light, sun.extraterrestrial))
    share = np.where(np.isfinite(share), share, 1.0)
    flags = np.full(light.shape, ESTIMATED, dtype=np.int8)
    if "diffuse_shortwave_down" in record.forcing:
        measured = record.forcing["diffuse_shortwave_down"]
        known = np.isfinite(measured.values) & (light > 1.0)
        share = np.where(known, np.clip(measured.values / np.where(known, light, 1.0), 0.0, 1.0), share)
        flags = np.where(known, measured.flags, flags).astype(np.int8)
        record.history.append(f"diffuse fraction from measured diffuse light in {int(known.sum())} steps")
    else:
        record.history.append("diffuse fraction estimated from clearness (Erbs et al. 1982)")
    return Series(share, flags, "1", share)


def carried_cloudiness(record: Record, site: SiteDescription, sun: Sun) -> Floats:
    """Cloudiness (0-1) of every step: from sunlight by day, by night interpolated between the days' means.

    The mean of a day is weighted by sunlight above the atmosphere. A polar night is bridged by one long straight line;
    a record without any sun has cloudiness 0.5.
    """
    axis = record.axis
    now = cloudiness_from_sunlight(record.forcing["shortwave_down"].values, sun.extraterrestrial, site.elevation)
    known = np.isfinite(now)
    if not known.any():
        return np.full(now.shape, 0.5)
    days = axis.day_number
    weight = np.bincount(days, weights=np.where(known, sun.extraterrestrial, 0.0))
    total = np.bincount(days, weights=np.where(known, sun.extraterrestrial * np.nan_to_num(now), 0.0))
    bright = weight > 0.0
    noon = (np.flatnonzero(bright) + 0.5) * axis.steps_per_day - axis.step_of_day[0]
    carried = np.interp(np.arange(now.size), noon, total[bright] / weight[bright])
    return np.where(known, np.nan_to_num(now), carried)


def longwave(record: Record, site: SiteDescription, sun: Sun, done: dict[str, Series], choices: Completion
             ) -> Series:
    """Longwave from the sky (W m-2): as read, else a scheme's estimate, with monthly means kept where known.

    Monthly means of a tower that never measured it come from a reanalysis of a wide cell that nothing at the tower has
    corrected; the scheme knows the tower's own air and light, so that alone it is closer (docs/forcing.md).
    """
    measured = record.forcing.get("longwave_down")
    if measured is not None and np.isfinite(measured.values).all():
        return measured
    estimate = SKY_LONGWAVE[choices.longwave](done["air_temperature"].values, done["vapour_pressure"].values,
                                              carried_cloudiness(record, site, sun))
    if measured is not None:
        missing = np.isnan(measured.values)
        if choices.gaps == "refuse":
            raise ForcingError(f"{int(missing.sum())} of {missing.size} values are missing", file=measured.file,
                               variable="longwave_down", unit=measured.declared,
                               time=record.axis.start[int(np.argmax(missing))], remedy='read with gaps="fill"')
        record.history.append(f"longwave_down: {int(missing.sum())} missing values estimated ({choices.longwave})")
        flags = np.where(missing, ESTIMATED, measured.flags).astype(np.int8)
        values = np.where(missing, estimate, measured.values)
        return Series(values, flags, "W m-2", values, measured.file, measured.column)
    target = monthly_target(record, "longwave_down")
    if target is None:
        record.history.append(f"longwave from the sky estimated with the scheme {choices.longwave}")
        return made(record, estimate, ESTIMATED)
    shift = target - disaggregation.monthly_means(estimate, record.axis)
    if choices.unmeasured_longwave == "estimate" and never_measured(record, "longwave_down"):
        record.history.append(f"longwave from the sky was never measured: estimated with the scheme {choices.longwave}; "
                              f"the means of the source, left aside, are {shift.min():+.1f}..{shift.max():+.1f} W m-2 off")
        return made(record, estimate, ESTIMATED)
    values = estimate + disaggregation.smooth_from_monthly(shift, record.axis)
    values = disaggregation.conserve_monthly_means(values, target, record.axis, positive=False)
    record.history.append(f"longwave from the sky: course of the scheme {choices.longwave}, shifted by "
                          f"{shift.min():+.1f}..{shift.max():+.1f} W m-2 to keep the monthly means of the source")
    return made(record, values, DISAGGREGATED)


def precipitation(record: Record, sun: Sun, done: dict[str, Series], choices: Completion) -> Series:
    """Precipitation (kg m-2 s-1): as read, disaggregated from monthly totals, or a constant."""
    if "precipitation" in record.forcing:
        return record.forcing["precipitation"]
    target = monthly_target(record, "precipitation")
    if target is not None:
        clear = clearness_index(record.forcing["shortwave_down"].values, sun.extraterrestrial)
        relative = relative_humidity_of(done["vapour_pressure"].values, done["air_temperature"].values)
        wetness = relative + np.where(np.isfinite(clear), 0.5 * (1.0 - clear), 0.3)
        record.history.append(f"precipitation disaggregated from monthly totals, which are kept (seed {choices.seed})")
        values = disaggregation.precipitation_events(target, record.axis, wetness, seed=choices.seed)
        return made(record, values, DISAGGREGATED)
    return constant(record, "precipitation", choices.precipitation)


def wind_speed(record: Record, sun: Sun, choices: Completion) -> Series:
    """Wind speed (m s-1): as read, disaggregated from monthly means, or a constant."""
    if "wind_speed" in record.forcing:
        return record.forcing["wind_speed"]
    target = monthly_target(record, "wind_speed")
    if target is not None:
        record.history.append(f"wind speed disaggregated from monthly means, which are kept (seed {choices.seed})")
        values = disaggregation.gusty_wind(target, record.axis, sun.solar_hour, seed=choices.seed + 1)
        return made(record, values, DISAGGREGATED)
    return constant(record, "wind_speed", choices.wind_speed)


def constant(record: Record, variable: str, value: float | None) -> Series:
    """A constant that the user chose, flagged prescribed; None is refused."""
    if value is None:
        raise ForcingError(f"there is no {variable}", file=record.files[0] if record.files else "", variable=variable,
                           remedy=f"map a column, give monthly values, or choose a constant {variable}")
    record.history.append(f"{variable} prescribed as {value:g}")
    return made(record, np.full(record.axis.start.shape, float(value)), PRESCRIBED)


def carbon_dioxide(record: Record, choices: Completion) -> Series:
    """Carbon dioxide (umol mol-1): as read, a constant, a series, or the embedded polynomial."""
    if "carbon_dioxide" in record.forcing:
        return record.forcing["carbon_dioxide"]
    choice = choices.carbon_dioxide
    if isinstance(choice, (int, float)):
        return constant(record, "carbon_dioxide", float(choice))
    if choice == "polynomial":
        record.history.append("carbon dioxide from the embedded polynomial of the year, without a seasonal cycle")
        return made(record, co2.carbon_dioxide_polynomial(record.axis.start), ESTIMATED)
    record.history.append(f"carbon dioxide from the series {os.path.basename(choice)}")
    record.files.append(Path(choice))
    return made(record, co2.carbon_dioxide_series(record.axis, choice), INTERPOLATED)


def leaf_area_index(record: Record, choices: Completion) -> Series:
    """Leaf area index (m2 m-2) of every step by the choice `leaf_area`; zeros where the model's phenology makes it."""
    choice = choices.leaf_area
    own = record.forcing.get("prescribed_leaf_area_index")
    if choice == "record" and own is None:
        raise ForcingError("the source has no leaf area index", variable="prescribed_leaf_area_index",
                           file=record.files[0] if record.files else "",
                           remedy='choose leaf_area = "phenology", a number, or the path of a CSV')
    if own is not None and choice in ("record", "auto"):
        return own
    if choice in ("phenology", "auto"):
        values, flags, notes = leaf_area.absent_leaf_area(record.axis)
    elif isinstance(choice, (int, float)):
        values, flags, notes = leaf_area.constant_leaf_area(record.axis, float(choice))
    else:
        values, flags, notes = leaf_area.leaf_area_series(
            record.axis, choice, column=choices.leaf_area_column, smoothed=choices.leaf_area_smooth,
            composite_days=choices.leaf_area_composite_days)
        record.files.append(Path(choice))
    record.history += notes
    return Series(values, flags, "m2 m-2", values)
