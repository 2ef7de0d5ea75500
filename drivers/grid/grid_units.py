"""Units of gridded products on their way to the canonical units of the drivers; their many spellings are one."""

import re

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.units import CANONICAL, QUANTITIES, QUANTITY_OF, Conversion

# What gridded products have besides the inputs of towers.
GRID_QUANTITY_OF = {
    **QUANTITY_OF, "air_temperature_minimum": "temperature", "air_temperature_maximum": "temperature",
    "eastward_wind": "speed", "northward_wind": "speed", "rainfall": "water_flux", "snowfall": "water_flux",
}
_METRES_OF_WATER = {"m": Conversion(1000.0, per_step=True), "m of water equivalent": Conversion(1000.0, per_step=True),
                    "m s-1": Conversion(1000.0), "m d-1": Conversion(1000.0 / 86400.0), "m day-1": Conversion(1000.0 / 86400.0),
                    "kg m-2 d-1": Conversion(1.0 / 86400.0), "kg m-2 day-1": Conversion(1.0 / 86400.0),
                    "mm hr-1": Conversion(1.0 / 3600.0), "kg m-2 h-1": Conversion(1.0 / 3600.0)}
_KELVIN = {"degk": "K", "deg k": "K", "kelvin": "K", "degrees_c": "degC", "deg_c": "degC", "degc": "degC", "celsius": "degC",
           "degrees c": "degC", "degree_celsius": "degC", "degrees_celsius": "degC"}


def plain_unit(text: str) -> str:
    """One spelling for the many of a unit: `J m**-2`, `J/m^2`, `J m^-2` are `J m-2`.

    >>> [plain_unit(text) for text in ("kg m**-2 s**-1", "kg/m^2/s", "mm/hr", "W m^-2", "degK")]
    ['kg m-2 s-1', 'kg m-2 s-1', 'mm hr-1', 'W m-2', 'K']
    """
    found = " ".join(text.replace("**", "").replace("^", "").replace("·", " ").split())
    if found.lower() in _KELVIN:
        return _KELVIN[found.lower()]
    parts = found.split("/")
    for part in parts[1:]:
        match = re.fullmatch(r"\s*([A-Za-zµ]+)\s*(\d*)\s*", part)
        if match is None:
            return found
        parts[0] += f" {match[1]}-{match[2] or '1'}"
    return parts[0].strip()


def grid_conversion(variable: str, unit: str, *, file: object = "") -> Conversion:
    """Way from a unit to the canonical one of a variable; unknown units are refused with the ones understood."""
    quantity = GRID_QUANTITY_OF[variable]
    known = {**QUANTITIES[quantity], **(_METRES_OF_WATER if quantity == "water_flux" else {})}
    for spelling in (unit, plain_unit(unit)):
        if spelling in known:
            return known[spelling]
    raise ForcingError(f"the unit {unit!r} is not understood for {variable}", file=file, variable=variable, unit=unit,
                       remedy=f"declare one of {', '.join(known)} in [source.variables.{variable}]")


def canonical_grid_unit(variable: str) -> str:
    """Unit of the values of a variable after reading."""
    return CANONICAL[GRID_QUANTITY_OF[variable]]
