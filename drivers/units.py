"""Units are declared, never guessed: spellings that are understood, and their way to the unit of the variable table."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.model.constants import CARBON_MOLAR_MASS, KELVIN


@dataclass(frozen=True)
class Conversion:
    """Way from a declared unit: canonical = (value + offset) * factor; `per_step` totals are divided by the step."""

    factor: float = 1.0
    offset: float = 0.0
    per_step: bool = False

    def apply(self, values: ArrayLike, step_seconds: float) -> NDArray[np.float64]:
        """Values in the canonical unit, float64."""
        scale = self.factor / step_seconds if self.per_step else self.factor
        return (np.asarray(values, dtype=np.float64) + self.offset) * scale


def _spellings(text: str, conversion: Conversion) -> dict[str, Conversion]:
    return {spelling.strip(): conversion for spelling in text.split(",")}


# Carbon: 1 umol of CO2 holds 12.011e-6 g of carbon.
_CARBON = CARBON_MOLAR_MASS * 1e-6

_TEMPERATURE = {
    **_spellings("degC, degree_Celsius, Celsius, C, deg C, °C", Conversion()),
    **_spellings("K, kelvin", Conversion(offset=-KELVIN)),
    **_spellings("degF, Fahrenheit", Conversion(factor=5.0 / 9.0, offset=-32.0)),
}
_PRESSURE_PA = {
    **_spellings("Pa", Conversion()),
    **_spellings("hPa, mbar, mb", Conversion(100.0)),
    **_spellings("kPa", Conversion(1000.0)),
}
_PRESSURE_KPA = {
    **_spellings("kPa", Conversion()),
    **_spellings("hPa, mbar, mb", Conversion(0.1)),
    **_spellings("Pa", Conversion(1e-3)),
}
_FLUX = {
    **_spellings("W m-2, W/m2, W/m^2, W m^-2, Wm-2", Conversion()),
    **_spellings("MJ m-2, MJ m-2 step-1, MJ m-2 per step", Conversion(1e6, per_step=True)),
    **_spellings("J m-2, J m-2 per step", Conversion(1.0, per_step=True)),
    **_spellings("MJ m-2 d-1, MJ m-2 day-1", Conversion(1e6 / 86400.0)),
}
_WATER = {
    **_spellings("kg m-2 s-1, kg/m2/s, mm s-1, mm/s", Conversion()),
    **_spellings("mm, mm step-1, mm per step, kg m-2", Conversion(1.0, per_step=True)),
    **_spellings("mm h-1, mm/h, mm hour-1", Conversion(1.0 / 3600.0)),
    **_spellings("mm d-1, mm/d, mm day-1", Conversion(1.0 / 86400.0)),
}
_FRACTION = {
    **_spellings("1, -, fraction, m3 m-3, m3/m3", Conversion()),
    **_spellings("%, percent", Conversion(0.01)),
}
_CARBON_FLUX = {
    **_spellings("g m-2 s-1, gC m-2 s-1", Conversion()),
    **_spellings("umol m-2 s-1, umolCO2 m-2 s-1, umol/m2/s, umol CO2 m-2 s-1, µmol m-2 s-1", Conversion(_CARBON)),
    **_spellings("mg m-2 s-1, mgCO2 m-2 s-1", Conversion(1e-3 * CARBON_MOLAR_MASS / 44.0095)),
    **_spellings("gC m-2 d-1, g m-2 d-1", Conversion(1.0 / 86400.0)),
    **_spellings("gC m-2 per step", Conversion(1.0, per_step=True)),
}
_MOLE_FRACTION = {
    **_spellings("umol mol-1, ppm, ppmv, umolCO2 mol-1, µmol mol-1, umol/mol", Conversion()),
    **_spellings("mol mol-1, mol/mol", Conversion(1e6)),
}
_SPEED = {
    **_spellings("m s-1, m/s", Conversion()),
    **_spellings("km h-1, km/h", Conversion(1.0 / 3.6)),
}
_LENGTH = {
    **_spellings("m", Conversion()),
    **_spellings("cm", Conversion(0.01)),
    **_spellings("mm", Conversion(0.001)),
}

QUANTITIES: Mapping[str, Mapping[str, Conversion]] = {
    "temperature": _TEMPERATURE,
    "air_pressure": _PRESSURE_PA,
    "vapour_pressure": _PRESSURE_KPA,
    "energy_flux": _FLUX,
    "water_flux": _WATER,
    "fraction": _FRACTION,
    "relative_humidity": _FRACTION,
    "specific_humidity": {**_spellings("kg kg-1, kg/kg, 1", Conversion()),
                          **_spellings("g kg-1, g/kg", Conversion(1e-3))},
    "vapour_mole_fraction": {**_spellings("mol mol-1, mol/mol", Conversion()),
                             **_spellings("mmol mol-1, mmol/mol", Conversion(1e-3))},
    "carbon_flux": _CARBON_FLUX,
    "mole_fraction": _MOLE_FRACTION,
    "speed": _SPEED,
    "length": _LENGTH,
    "leaf_area": _spellings("m2 m-2, m2/m2, 1, -", Conversion()),
}

# Canonical units of quantities; equal to the units of the variable table for its variables.
CANONICAL: Mapping[str, str] = {
    "temperature": "degC", "air_pressure": "Pa", "vapour_pressure": "kPa", "energy_flux": "W m-2",
    "water_flux": "kg m-2 s-1", "fraction": "1", "relative_humidity": "1", "specific_humidity": "kg kg-1",
    "vapour_mole_fraction": "mol mol-1", "carbon_flux": "g m-2 s-1", "mole_fraction": "umol mol-1", "speed": "m s-1",
    "length": "m", "leaf_area": "m2 m-2",
}

# What a variable may be read as: forcing variables, the five forms of humidity, and observed diagnostics.
QUANTITY_OF: Mapping[str, str] = {
    "shortwave_down": "energy_flux", "diffuse_shortwave_down": "energy_flux", "longwave_down": "energy_flux",
    "air_temperature": "temperature", "air_pressure": "air_pressure", "wind_speed": "speed",
    "precipitation": "water_flux", "carbon_dioxide": "mole_fraction", "prescribed_leaf_area_index": "leaf_area",
    "vapour_pressure": "vapour_pressure", "vapour_pressure_deficit": "vapour_pressure",
    "relative_humidity": "relative_humidity", "specific_humidity": "specific_humidity",
    "dew_point_temperature": "temperature", "vapour_mole_fraction": "vapour_mole_fraction",
    "net_radiation": "energy_flux", "net_shortwave": "energy_flux", "net_longwave": "energy_flux",
    "reflected_shortwave": "energy_flux", "longwave_up": "energy_flux",
    "latent_heat": "energy_flux", "latent_heat_corrected": "energy_flux",
    "sensible_heat": "energy_flux", "sensible_heat_corrected": "energy_flux", "ground_heat_flux": "energy_flux",
    "gross_primary_production": "carbon_flux", "gross_primary_production_daytime": "carbon_flux",
    "ecosystem_respiration": "carbon_flux", "ecosystem_respiration_daytime": "carbon_flux",
    "net_ecosystem_exchange": "carbon_flux", "soil_respiration": "carbon_flux",
    "soil_temperature_observed": "temperature", "soil_moisture_observed": "fraction",
    "friction_velocity": "speed", "snow_depth": "length",
}

HUMIDITY_FORMS = ("vapour_pressure", "vapour_pressure_deficit", "relative_humidity", "specific_humidity",
                  "dew_point_temperature", "vapour_mole_fraction")
FORCING_INPUTS = ("shortwave_down", "diffuse_shortwave_down", "longwave_down", "air_temperature", "air_pressure",
                  "wind_speed", "precipitation", "carbon_dioxide", "prescribed_leaf_area_index", *HUMIDITY_FORMS)
OBSERVABLES = tuple(name for name in QUANTITY_OF if name not in FORCING_INPUTS)


def quantity_of(variable: str, *, file: object = "") -> str:
    """Quantity of a variable that can be read; an unknown name is refused with the nearest known one."""
    if variable not in QUANTITY_OF:
        raise ForcingError(f"{variable!r} is no variable that can be read", file=file,
                           remedy=nearest(variable, QUANTITY_OF))
    return QUANTITY_OF[variable]


def conversion(variable: str, unit: str, *, file: object = "") -> Conversion:
    """Way from `unit` to the canonical unit of `variable`; an unknown unit is refused with the units understood."""
    known = QUANTITIES[quantity_of(variable, file=file)]
    if unit not in known:
        raise ForcingError(f"the unit {unit!r} is not understood for {variable}", file=file, variable=variable,
                           unit=unit, remedy=f"declare one of {', '.join(known)}")
    return known[unit]


def canonical_unit(variable: str) -> str:
    """Unit that values of `variable` have after reading."""
    return CANONICAL[quantity_of(variable)]


def alternatives(variable: str, step_seconds: float) -> dict[str, Callable[[ArrayLike], NDArray[np.float64]]]:
    """One way per distinct unit of `variable`, by its first spelling, for the diagnosis of unit mistakes."""
    distinct: dict[Conversion, str] = {}
    for spelling, way in QUANTITIES[quantity_of(variable)].items():
        distinct.setdefault(way, spelling)
    return {spelling: partial(way.apply, step_seconds=step_seconds) for way, spelling in distinct.items()}
