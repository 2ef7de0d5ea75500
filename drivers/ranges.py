"""Range checks with the bounds of the variable table, and the few repairs that are made, each counted.

Repairs: small negative shortwave and precipitation become zero, and so does light without sun; humidity above saturation
becomes saturation. All else outside the bounds is refused, or turned into a gap where the caller chose
`out_of_range="gap"`.
"""

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import FILLED_POOR
from terraflux.drivers.record import Record, Series
from terraflux.drivers.units import canonical_unit
from terraflux.model.variables import variable_table

SENTINELS = (-9999.0, -99999.0, -6999.0, -999.0, 9999.0, 99999.0, 1e20, 9.969209968386869e36)
LARGEST_NIGHT_OFFSET = 20.0  # W m-2, thermal offset of pyranometers at night reaches -10 to -15
LARGEST_DAY_OFFSET = 5.0
BRIGHTEST_TWILIGHT = 10.0  # W m-2
GRAZING_SUN = 100.0  # W m-2 above the atmosphere
LARGEST_DRIZZLE = 1e-6  # kg m-2 s-1 below zero, rounding of packed files

# Bounds of what is read but not in the table, canonical units.
EXTRA_BOUNDS: dict[str, tuple[float, float]] = {
    "diffuse_shortwave_down": (-5.0, 1000.0), "vapour_pressure_deficit": (-0.5, 12.0), "relative_humidity": (0.0, 1.2),
    "specific_humidity": (0.0, 0.1), "dew_point_temperature": (-100.0, 45.0), "vapour_mole_fraction": (0.0, 0.12),
    "soil_temperature_observed": (-60.0, 80.0), "soil_moisture_observed": (0.0, 1.0),
    "friction_velocity": (0.0, 10.0), "net_radiation": (-400.0, 1300.0), "latent_heat": (-600.0, 1500.0),
    "sensible_heat": (-600.0, 1500.0), "ground_heat_flux": (-600.0, 800.0),
    "gross_primary_production": (-2e-3, 3e-3), "gross_primary_production_daytime": (-2e-3, 3e-3),
    "ecosystem_respiration": (-1e-3, 2e-3), "net_ecosystem_exchange": (-3e-3, 3e-3), "snow_depth": (-0.1, 30.0),
}


def bounds_of(variable: str) -> tuple[float, float] | None:
    """Bounds (canonical unit) of a variable that can be read; None where none are set."""
    if variable in EXTRA_BOUNDS:
        return EXTRA_BOUNDS[variable]
    declared = variable_table().get(variable)
    return declared.bounds if declared is not None else None


def repair_shortwave(one: Series, extraterrestrial: NDArray[np.float64]) -> list[str]:
    """Set impossible shortwave (W m-2) that can only be zero to zero, in place; returns notes.

    Small negative values: down to -20 where the sun is down or grazes (below 100 W m-2 above the atmosphere), down to
    -5 in daylight. Light above 10 in steps without any sun, more than twilight gives, is a fault of gap filling or of
    the sensor; it is flagged filled_poor.
    """
    dim = extraterrestrial < GRAZING_SUN
    night = (one.values < 0.0) & dim & (one.values >= -LARGEST_NIGHT_OFFSET)
    day = (one.values < 0.0) & ~dim & (one.values >= -LARGEST_DAY_OFFSET)
    lit = (extraterrestrial <= 0.0) & (one.values > BRIGHTEST_TWILIGHT)
    notes = [f"{int(found.sum())} small negative shortwave values {when} set to zero"
             for found, when in ((night, "at night or grazing sun"), (day, "by day")) if found.any()]
    if lit.any():
        notes.append(f"{int(lit.sum())} shortwave values of up to {one.values[lit].max():.0f} W m-2 without sun set to "
                     "zero")
    one.values = np.where(night | day | lit, 0.0, one.values)
    one.flags = np.where(lit, FILLED_POOR, one.flags).astype(np.int8)
    return notes


def repair_precipitation(one: Series) -> list[str]:
    """Set rounding below zero to zero, in place; returns a note of the count."""
    small = (one.values < 0.0) & (one.values >= -LARGEST_DRIZZLE)
    one.values = np.where(small, 0.0, one.values)
    return [f"{int(small.sum())} precipitation values just below zero set to zero"] if small.any() else []


def label(variable: str, one: Series) -> str:
    """Name of a variable with the column it came from, for messages."""
    return f"{variable} (column {one.column})" if one.column else variable


def check_fill_values(variable: str, one: Series, times: NDArray[np.datetime64]) -> None:
    """Refuse infinities and numbers such as -9999 or 1e20 that were not declared as missing (and are out of bounds)."""
    where = {"file": one.file, "unit": one.declared, "variable": label(variable, one)}
    infinite = np.isinf(one.values)
    if infinite.any():
        raise ForcingError(f"{int(infinite.sum())} values are infinite", time=times[int(np.argmax(infinite))],
                           remedy="mark them as missing", **where)
    limits = bounds_of(variable) or (-1e4, 1e4)
    outside = (one.values < limits[0]) | (one.values > limits[1])
    for sentinel in SENTINELS:
        found = outside & np.isclose(one.raw, sentinel, rtol=1e-6)
        if found.any():
            raise ForcingError(f"{int(found.sum())} values are {sentinel:g}, which looks like a fill value",
                               time=times[int(np.argmax(found))], remedy=f"declare {sentinel:g} as missing", **where)


def check_range(variable: str, one: Series, times: NDArray[np.datetime64], *, out_of_range: str = "refuse"
                ) -> list[str]:
    """Refuse values outside the bounds, or make gaps of them, in place.

    Returns notes of what became a gap. Raises ForcingError naming the first such value and its time.
    """
    if out_of_range not in ("refuse", "gap"):
        raise ForcingError(f"the rule out_of_range={out_of_range!r} is unknown", remedy="choose refuse or gap")
    limits = bounds_of(variable)
    if limits is None:
        return []
    outside = (one.values < limits[0]) | (one.values > limits[1])
    if not outside.any():
        return []
    first = int(np.argmax(outside))
    if out_of_range == "gap":
        one.values = np.where(outside, np.nan, one.values)
        return [f"{int(outside.sum())} values of {variable} outside {limits[0]:g}..{limits[1]:g} "
                f"{canonical_unit(variable)} became gaps"]
    raise ForcingError(f"{int(outside.sum())} values lie outside {limits[0]:g}..{limits[1]:g} "
                       f"{canonical_unit(variable)}, the first is {one.values[first]:.6g}", time=times[first],
                       file=one.file, variable=label(variable, one), unit=one.declared,
                       remedy='correct them, or read with out_of_range="gap"')


def check_observations(record: Record) -> None:
    """Turn impossible observations into missing values, counted in the history of the record.

    Observations only score the model, so that one spike need not stop a run; infinities and fill values still do.
    """
    for name, one in record.observations.items():
        for note in check_range(name, one, record.axis.start, out_of_range="gap"):
            record.history.append(f"observations: {note}")
