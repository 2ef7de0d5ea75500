"""What gridded numbers must satisfy before they are averaged or stored, and the few repairs that are made, each counted."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.grid_units import GRID_QUANTITY_OF, canonical_grid_unit
from terraflux.drivers.ranges import LARGEST_DRIZZLE, LARGEST_NIGHT_OFFSET, SENTINELS, bounds_of
from terraflux.drivers.units import QUANTITIES, Conversion
from terraflux.model.solar import extraterrestrial_radiation

Floats = NDArray[np.float64]
LARGEST_PACKING_DRIZZLE = 3e-5  # kg m-2 s-1 below zero: rounding of running totals packed in 16 bits, 0.1 mm per hour
BRIGHTEST_NIGHT = 10.0  # W m-2
LARGEST_LIT_SHARE = 0.02
BRIGHTEST_STEP = 1.1, 10.0  # share of the light above the atmosphere, and W m-2 besides
BRIGHTEST_DAY = 0.95, 5.0
DIMMEST_CLEARNESS = 0.02
ACCUMULATED_SHARE = 0.99
FEWEST_WET_DAYS = 20
_BOUNDS_LIKE = {"air_temperature_minimum": "air_temperature", "air_temperature_maximum": "air_temperature",
                "rainfall": "precipitation", "snowfall": "precipitation"}


@dataclass(frozen=True)
class Origin:
    """Where values [step, cell] come from, for messages: the file and date of every step, the place of every cell."""

    variable: str
    unit: str
    conversion: Conversion
    step_seconds: int
    files: list[str]
    times: list[str]
    latitude: Floats
    longitude: Floats

    def at(self, wrong: NDArray[np.bool_]) -> dict[str, str]:
        """File, variable, unit, and time and place of the first wrong value."""
        step, cell = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
        place = f"{self.times[step]} at {self.latitude[cell]:.3f} N, {self.longitude[cell]:.3f} E"
        return {"file": self.files[step], "variable": self.variable, "unit": self.unit, "time": place}

    def raw(self, values: Floats) -> Floats:
        """Canonical values back in the unit of the file."""
        factor = self.conversion.factor / (self.step_seconds if self.conversion.per_step else 1.0)
        return values / factor - self.conversion.offset


def limits_of(variable: str) -> tuple[float, float]:
    """Bounds (canonical unit) of a gridded variable."""
    if variable in ("eastward_wind", "northward_wind"):
        return -120.0, 120.0
    return bounds_of(_BOUNDS_LIKE.get(variable, variable)) or (-np.inf, np.inf)


def checked(values: Floats, origin: Origin) -> tuple[Floats, dict[str, int]]:
    """Values [step, cell] in bounds, small negative light and water set to zero, and the counts of repairs.

    Raises ForcingError for infinities, undeclared fill values and values out of bounds, naming file, time and place and,
    where another unit would make them plausible, that unit. NaN passes.
    """
    counts: dict[str, int] = {}
    name = origin.variable
    infinite = np.isinf(values)
    if infinite.any():
        raise ForcingError(f"{int(infinite.sum())} values are infinite", remedy="mark them as missing", **origin.at(infinite))
    floor = {"shortwave_down": LARGEST_NIGHT_OFFSET, "precipitation": LARGEST_PACKING_DRIZZLE, "rainfall": LARGEST_DRIZZLE,
             "snowfall": LARGEST_DRIZZLE}.get(name)
    if floor is not None:
        small = (values < 0.0) & (values >= -floor)
        if small.any():
            counts["small_negative_set_to_zero"] = int(small.sum())
            values = np.where(small, 0.0, values)
    low, high = limits_of(name)
    outside = (values < low) | (values > high)
    if not outside.any():
        return values, counts
    raw = origin.raw(values)
    for sentinel in SENTINELS:
        found = outside & np.isclose(raw, sentinel, rtol=1e-5)
        if found.any():
            raise ForcingError(f"{int(found.sum())} values are {sentinel:g}, which looks like a fill value",
                               remedy=f"declare _FillValue = {sentinel:g} in the file", **origin.at(found))
    first = float(values[outside][0])
    fitting = _fitting_units(raw, origin)
    looks = f"; the numbers look like {' or '.join(fitting)}" if fitting else ""
    remedy = f"declare the unit {fitting[0]}" if fitting else "check the variable, its unit and its scale_factor"
    raise ForcingError(f"{int(outside.sum())} of {values.size} values lie outside {low:g}..{high:g} "
                       f"{canonical_grid_unit(name)}, the first is {first:.6g}{looks}", remedy=remedy, **origin.at(outside))


def _fitting_units(raw: Floats, origin: Origin) -> list[str]:
    """Units, by their first spelling, in which all numbers would lie within the bounds."""
    low, high = limits_of(origin.variable)
    finite = raw[np.isfinite(raw)]
    distinct: dict[Conversion, str] = {}
    for spelling, way in QUANTITIES[GRID_QUANTITY_OF[origin.variable]].items():
        distinct.setdefault(way, spelling)
    return [spelling for way, spelling in distinct.items() if way != origin.conversion
            and ((values := way.apply(finite, origin.step_seconds)) >= low).all() and (values <= high).all()]


def check_amounts(values: Floats, origin: Origin) -> None:
    """Refuse water whose mean over a large sample [step, cell] no climate has: a rate read as an amount, or the reverse."""
    if origin.variable not in ("precipitation", "rainfall") or values.size < 2880:
        return
    finite = values[np.isfinite(values)]
    if finite.size and 0.0 < finite.max() < 2e-8:
        fitting = [unit for unit in _fitting_units(origin.raw(values), origin)
                   if 1e-6 < QUANTITIES["water_flux"][unit].apply(origin.raw(finite), origin.step_seconds).mean() < 4e-4]
        raise ForcingError(f"the wettest of {finite.size} values is {finite.max():.2g} kg m-2 s-1"
                           + (f"; the numbers look like {' or '.join(fitting)}" if fitting else ""),
                           remedy=f"declare the unit {fitting[0]}" if fitting else "check the unit",
                           **origin.at(values == finite.max()))


def check_not_accumulated(values: Floats, steps_per_day: int, origin: Origin) -> None:
    """Refuse amounts per step that grow through every day [day x step, cell] as running totals do."""
    if steps_per_day < 4 or values.shape[0] < steps_per_day:
        return
    days = values[: values.shape[0] // steps_per_day * steps_per_day].reshape(-1, steps_per_day, values.shape[1])
    wet = np.nanmax(days, axis=1) > 0.0 if np.isfinite(days).any() else np.zeros((days.shape[0], days.shape[2]), dtype=bool)
    if wet.sum() < FEWEST_WET_DAYS:
        return
    growing = np.asarray((np.diff(days, axis=1) >= 0.0).all(axis=1))
    if growing[wet].mean() > ACCUMULATED_SHARE:
        raise ForcingError(f"{100 * growing[wet].mean():.0f} % of days grow from step to step: these are running totals, not "
                           "amounts per step", remedy='declare holds = "running_total" (profile era5_land)',
                           **origin.at(np.isfinite(values)))


def check_light(values: Floats, begins: NDArray[np.datetime64], origin: Origin) -> dict[str, int]:
    """Refuse shortwave [step, cell] that shines at night or outshines the sun; counts what little light there is at night.

    `begins` are the begins of the steps (UTC). It catches clocks, longitudes and latitudes that are wrong, and light in
    joules. Raises ForcingError where more than 2 % of dark values exceed 10 W m-2, more than 2 % of sunlit ones exceed
    1.1 (days: 0.95) times what arrives above the atmosphere by 10 (5) W m-2, or all are below 2 % of it.
    """
    outside = extraterrestrial_radiation(begins[:, None], origin.step_seconds, origin.latitude[None, :],
                                         origin.longitude[None, :], 0.0)
    known = np.isfinite(values)
    dark = known & (outside <= 0.0)
    lit = dark & (values > BRIGHTEST_NIGHT)
    if lit.sum() > LARGEST_LIT_SHARE * max(int(dark.sum()), 1) and lit.sum() > 1:
        raise ForcingError(f"{int(lit.sum())} of {int(dark.sum())} values without sun exceed {BRIGHTEST_NIGHT:g} W m-2, the "
                           f"largest is {values[lit].max():.0f}", **origin.at(lit),
                           remedy="check the clock (is it UTC, and does the stamp begin or end the step?), running totals, "
                           "longitudes and the order of latitudes")
    sunny = known & (outside > 0.0)
    # A step may end up brighter than the sun by scattering between clouds and by its clock; a whole day may not.
    brightest, spare = BRIGHTEST_DAY if origin.step_seconds == 86400 else BRIGHTEST_STEP
    glaring = sunny & (values > brightest * outside + spare)
    bright = known & (outside > 200.0)
    dim = bright.sum() > 20 and float(np.percentile(values[bright] / outside[bright], 99)) < DIMMEST_CLEARNESS
    if glaring.sum() > LARGEST_LIT_SHARE * sunny.sum():
        excess = float((values - outside)[glaring].max())
        raise ForcingError(f"{int(glaring.sum())} of {int(sunny.sum())} sunlit values exceed what arrives above the "
                           f"atmosphere, by up to {excess:.0f} W m-2", **origin.at(glaring),
                           remedy="check the unit, the clock (does the stamp begin or end the step?), the order of latitudes "
                           "and whether the values are real")
    if dim:
        raise ForcingError(f"hardly any value exceeds {DIMMEST_CLEARNESS:g} of what arrives above the atmosphere",
                           remedy="check the unit, the clock and the order of latitudes", **origin.at(bright))
    return {"light_without_sun": int(lit.sum())} if lit.any() else {}
