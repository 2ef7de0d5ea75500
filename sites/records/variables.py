"""Names and units of tower variables, and the way between units.

Names are those of the model's variable table and of `terraflux.drivers`; units are those of FLUXNET and AmeriFlux files
(hPa, %, umol m-2 s-1, totals per step), so that their values pass unchanged. `converted` leads to any other unit.
"""

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.units import QUANTITIES, QUANTITY_OF, Conversion


@dataclass(frozen=True)
class TowerVariable:
    """One variable of a record: its unit, quantity, meaning, CF standard name ("" where there is none)."""

    name: str
    unit: str
    quantity: str
    long_name: str
    standard_name: str = ""
    total: bool = False

    @property
    def cell_methods(self) -> str:
        """How a value stands for its interval: a mean, or a sum for totals."""
        return "time: sum" if self.total else "time: mean"


_EXTRA: dict[str, dict[str, Conversion]] = {
    "angle": {"degree": Conversion(), "deg": Conversion(), "degrees": Conversion(), "deg_from_north": Conversion(),
              "°": Conversion(), "rad": Conversion(180.0 / np.pi)},
    "photon_flux": {"umol m-2 s-1": Conversion(), "mol m-2 d-1": Conversion(1e6 / 86400.0),
                    "mmol m-2 s-1": Conversion(1e3)},
    "number": {"1": Conversion(), "-": Conversion(), "#": Conversion()},
}
KNOWN_UNITS: dict[str, dict[str, Conversion]] = {name: dict(known) for name, known in QUANTITIES.items()} | _EXTRA

_ROWS: tuple[tuple[str, str, str, str], ...] = (
    ("air_temperature", "degC", "air temperature", "air_temperature"),
    ("shortwave_down", "W m-2", "incoming shortwave radiation", "surface_downwelling_shortwave_flux_in_air"),
    ("potential_shortwave", "W m-2", "shortwave radiation above the atmosphere, on a horizontal plane",
     "toa_incoming_shortwave_flux"),
    ("diffuse_shortwave_down", "W m-2", "diffuse incoming shortwave radiation",
     "surface_diffuse_downwelling_shortwave_flux_in_air"),
    ("reflected_shortwave", "W m-2", "outgoing shortwave radiation", "surface_upwelling_shortwave_flux_in_air"),
    ("longwave_down", "W m-2", "incoming longwave radiation", "surface_downwelling_longwave_flux_in_air"),
    ("longwave_up", "W m-2", "outgoing longwave radiation", "surface_upwelling_longwave_flux_in_air"),
    ("net_radiation", "W m-2", "net radiation", "surface_net_downward_radiative_flux"),
    ("photosynthetic_photon_flux_density", "umol m-2 s-1", "incoming photosynthetic photon flux density",
     "surface_downwelling_photosynthetic_photon_flux_in_air"),
    ("vapour_pressure_deficit", "hPa", "vapour pressure deficit", "water_vapor_saturation_deficit_in_air"),
    ("vapour_pressure", "kPa", "vapour pressure", "water_vapor_partial_pressure_in_air"),
    ("relative_humidity", "%", "relative humidity", "relative_humidity"),
    ("specific_humidity", "kg kg-1", "specific humidity", "specific_humidity"),
    ("vapour_mole_fraction", "mmol mol-1", "mole fraction of water vapour", "mole_fraction_of_water_vapor_in_air"),
    ("air_pressure", "kPa", "air pressure", "air_pressure"),
    ("precipitation", "mm", "precipitation in the interval", "precipitation_amount"),
    ("wind_speed", "m s-1", "wind speed", "wind_speed"),
    ("wind_direction", "degree", "direction the wind comes from, clockwise from north", "wind_from_direction"),
    ("friction_velocity", "m s-1", "friction velocity", ""),
    ("obukhov_length", "m", "Obukhov length", ""),
    ("stability_parameter", "1", "(z - d) / L, height above displacement over Obukhov length", ""),
    ("sigma_v", "m s-1", "standard deviation of the crosswind component", ""),
    ("sigma_w", "m s-1", "standard deviation of the vertical wind component", ""),
    ("boundary_layer_height", "m", "height of the boundary layer", "atmosphere_boundary_layer_thickness"),
    ("carbon_dioxide", "umol mol-1", "mole fraction of carbon dioxide", "mole_fraction_of_carbon_dioxide_in_air"),
    ("carbon_dioxide_flux", "umol m-2 s-1", "turbulent flux of carbon dioxide, upward, without storage", ""),
    ("carbon_dioxide_storage_flux", "umol m-2 s-1", "storage flux of carbon dioxide below the sensor", ""),
    ("net_ecosystem_exchange", "umol m-2 s-1", "net ecosystem exchange of carbon dioxide, upward", ""),
    ("net_ecosystem_exchange_random_error", "umol m-2 s-1", "random error of net ecosystem exchange", ""),
    ("net_ecosystem_exchange_joint_error", "umol m-2 s-1", "random and threshold error of net ecosystem exchange", ""),
    ("gross_primary_production", "umol m-2 s-1", "gross primary production, night-time partitioning", ""),
    ("gross_primary_production_daytime", "umol m-2 s-1", "gross primary production, daytime partitioning", ""),
    ("ecosystem_respiration", "umol m-2 s-1", "ecosystem respiration, night-time partitioning", ""),
    ("ecosystem_respiration_daytime", "umol m-2 s-1", "ecosystem respiration, daytime partitioning", ""),
    ("latent_heat", "W m-2", "latent heat flux, upward", "surface_upward_latent_heat_flux"),
    ("latent_heat_corrected", "W m-2", "latent heat flux corrected for energy closure", ""),
    ("latent_heat_random_error", "W m-2", "random error of latent heat flux", ""),
    ("latent_heat_joint_error", "W m-2", "random and closure error of corrected latent heat flux", ""),
    ("sensible_heat", "W m-2", "sensible heat flux, upward", "surface_upward_sensible_heat_flux"),
    ("sensible_heat_corrected", "W m-2", "sensible heat flux corrected for energy closure", ""),
    ("sensible_heat_random_error", "W m-2", "random error of sensible heat flux", ""),
    ("sensible_heat_joint_error", "W m-2", "random and closure error of corrected sensible heat flux", ""),
    ("ground_heat_flux", "W m-2", "ground heat flux, downward", "downward_heat_flux_in_soil"),
    ("soil_temperature_observed", "degC", "soil temperature at the uppermost sensor", "soil_temperature"),
    ("soil_moisture_observed", "%", "volumetric soil water at the uppermost sensor", ""),
    ("snow_depth", "cm", "snow depth", "surface_snow_thickness"),
    ("night", "1", "night flag of the source, 1 at night", ""),
)
_QUANTITY = {
    "potential_shortwave": "energy_flux", "photosynthetic_photon_flux_density": "photon_flux",
    "wind_direction": "angle", "obukhov_length": "length", "stability_parameter": "number", "sigma_v": "speed",
    "sigma_w": "speed", "boundary_layer_height": "length", "night": "number",
}


def _quantity(name: str, unit: str) -> str:
    if name in _QUANTITY:
        return _QUANTITY[name]
    return QUANTITY_OF.get(name) or ("carbon_flux" if unit.startswith("umol") else "energy_flux")


TOWER_VARIABLES: dict[str, TowerVariable] = {
    name: TowerVariable(name, unit, _quantity(name, unit), long_name, standard_name, total=name == "precipitation")
    for name, unit, long_name, standard_name in _ROWS
}


def tower_variable(name: str, *, file: object = "") -> TowerVariable:
    """The entry of a variable. Raises ForcingError for an unknown name, with the nearest known one."""
    if name not in TOWER_VARIABLES:
        raise ForcingError(f"{name!r} is no variable of tower records", file=file, remedy=nearest(name, TOWER_VARIABLES))
    return TOWER_VARIABLES[name]


def unit_key(text: str) -> str:
    """A spelling of a unit that forgets how it was written: order, dots, slashes, brackets, and which gas was meant.

    >>> unit_key("[umol+1s-1m-2]") == unit_key("umolCO2 m-2 s-1") == unit_key("µmol·m⁻²·s⁻¹") == unit_key("umol/m2/s")
    True
    """
    plain = text.strip().strip("[]()（）").replace("µ", "u").replace("μ", "u").replace("℃", "degC").replace("°C", "degC")
    plain = plain.translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
    plain = re.sub(r"CO_?2|H_?2O|_[ad](?=-|$)|\^|\+1(?!\d)", lambda match: " " if match[0] == "+1" else "", plain)
    plain = re.sub(r"[·⋅*.]", " ", plain)
    top, *below = plain.split("/")
    powers: dict[str, int] = {}
    for sign, part in [(1, top)] + [(-1, one) for one in below]:
        for symbol, power in re.findall(r"([A-Za-z_%#°]+)\s*([+-]?\d+)?", part):
            powers[symbol] = powers.get(symbol, 0) + sign * int(power or 1)
    found = " ".join(f"{symbol}{powers[symbol]}" for symbol in sorted(powers) if powers[symbol])
    return found or plain.strip()


_BY_KEY = {quantity: {unit_key(spelling): way for spelling, way in reversed(known.items())}
           for quantity, known in KNOWN_UNITS.items()}


def unit_way(name: str, unit: str, *, file: object = "") -> Conversion:
    """Way from a unit to the canonical unit of the variable's quantity.

    Raises ForcingError for a unit that is not understood, with those that are.
    """
    quantity = tower_variable(name, file=file).quantity
    way = KNOWN_UNITS[quantity].get(unit) or _BY_KEY[quantity].get(unit_key(unit))
    if way is None:
        raise ForcingError(f"the unit {unit!r} is not understood for {name}", file=file, variable=name, unit=unit,
                           remedy=f"declare one of {', '.join(KNOWN_UNITS[quantity])}")
    return way


def converted(name: str, values: ArrayLike, unit: str, target: str | None = None, step_seconds: float = 1800.0, *,
              file: object = "") -> NDArray[np.float64]:
    """Values (float64) of a variable in the unit `target` (by default that of `TOWER_VARIABLES`).

    The same unit leaves every bit as it is. `step_seconds` is the length of the interval, for totals.
    """
    given = np.asarray(values, dtype=np.float64)
    wanted = target or tower_variable(name, file=file).unit
    source, aim = unit_way(name, unit, file=file), unit_way(name, wanted, file=file)
    if source == aim:
        return given
    canonical = source.apply(given, step_seconds)
    return canonical / (aim.factor / step_seconds if aim.per_step else aim.factor) - aim.offset
