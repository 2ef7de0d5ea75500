"""From a record to complete forcing: checks, repairs, gap rules, and estimates for what was never measured.

Every step that changes or makes values leaves a sentence in the history and a flag on the values.
"""

import numpy as np

from terraflux.drivers import estimates
from terraflux.drivers.completion_choices import Completion
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.estimates import Sun, made, sun_of
from terraflux.drivers.gaps import fill_gaps
from terraflux.drivers.humidity_forms import humidity_form, vapour_pressure
from terraflux.drivers.provenance import PRESCRIBED
from terraflux.drivers.ranges import (
    bounds_of,
    check_fill_values,
    check_observations,
    check_range,
    repair_precipitation,
    repair_shortwave,
)
from terraflux.drivers.record import Record, Series
from terraflux.drivers.site import SiteDescription
from terraflux.drivers.sun_clock import check_clock
from terraflux.drivers.unit_diagnosis import check_light, check_units

NEVER_ESTIMATED = ("shortwave_down", "air_temperature")


def complete(record: Record, site: SiteDescription, choices: Completion) -> dict[str, Series]:
    """Every forcing variable of the table, gap-free and flagged; notes go to the history of the record.

    Raises ForcingError for whatever the choices do not allow to repair.
    """
    _require(record)
    sun = sun_of(record, site)
    _check(record, site, sun, choices)
    for variable, one in record.forcing.items():
        if variable not in ("longwave_down", "diffuse_shortwave_down"):
            record.history += fill_gaps(variable, one, record.axis, rule=choices.gaps,
                                        maximum_missing_share=choices.maximum_missing_share, dark=sun.dark)
    done = {name: record.forcing[name] for name in NEVER_ESTIMATED}
    done["air_pressure"] = record.forcing["air_pressure"] = estimates.air_pressure(record, site, choices)
    done["vapour_pressure"], notes = vapour_pressure(record)
    record.history += notes
    done["diffuse_fraction"] = estimates.diffuse_share(record, sun)
    done["longwave_down"] = estimates.longwave(record, site, sun, done, choices)
    done["precipitation"] = estimates.precipitation(record, sun, done, choices)
    done["wind_speed"] = estimates.wind_speed(record, sun, choices)
    done["carbon_dioxide"] = estimates.carbon_dioxide(record, choices)
    done["prescribed_leaf_area_index"] = estimates.leaf_area_index(record, choices)
    done["cosine_zenith"] = made(record, sun.cosine_zenith, PRESCRIBED)
    done["photoperiod"] = made(record, sun.photoperiod, PRESCRIBED)
    for name, one in done.items():
        limits = bounds_of(name)
        if not np.isfinite(one.values).all():
            raise ForcingError("the completed forcing still has missing values", variable=name, file=one.file,
                               time=record.axis.start[int(np.argmax(~np.isfinite(one.values)))],
                               remedy='read with gaps="fill"')
        if limits is not None and (one.values.min() < limits[0] or one.values.max() > limits[1]):
            raise ForcingError(f"the completed forcing of {one.values.min():g}..{one.values.max():g} leaves the bounds "
                               f"{limits[0]:g}..{limits[1]:g}", variable=name, file=one.file,
                               remedy="check the site's elevation and the monthly values")
    return done


def _require(record: Record) -> None:
    file = record.files[0] if record.files else ""
    for variable in NEVER_ESTIMATED:
        if variable not in record.forcing:
            raise ForcingError(f"{variable} is not among the forcing read", file=file, variable=variable,
                               remedy=f"map a column of {variable}; it cannot be estimated")
    humidity_form(record)


def _check(record: Record, site: SiteDescription, sun: Sun, choices: Completion) -> None:
    """Units first (a wrong unit explains all else), then light and clock, repairs, and bounds."""
    step = record.axis.step_seconds
    for group in (record.forcing, record.observations):
        for variable, one in group.items():
            check_fill_values(variable, one, record.axis.start)
            if choices.units == "check":
                check_units(variable, one, step)
    light = record.forcing["shortwave_down"]
    # The clock comes before the brightness: a shifted clock makes sunlight look too bright, not the other way round.
    if choices.clock == "check":
        record.history += check_clock(light.values, record.axis, site.latitude, site.longitude, site.utc_offset_hours,
                                      file=light.file)
    else:
        record.history.append("clock not checked against the sun, by choice")
    if choices.units == "check":
        check_light(light, sun.extraterrestrial, step)
    else:
        record.history.append("units not checked for plausibility, by choice")
    record.history += repair_shortwave(light, sun.extraterrestrial)
    if "precipitation" in record.forcing:
        record.history += repair_precipitation(record.forcing["precipitation"])
    for variable, one in record.forcing.items():
        record.history += check_range(variable, one, record.axis.start, out_of_range=choices.out_of_range)
    check_observations(record)
