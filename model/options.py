"""Which alternative of each process a column uses, by registered short name, and how many layers it has."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields

from terraflux.model.air import AIR
from terraflux.model.light_use_efficiency import PHOTOSYNTHESIS
from terraflux.model.phenology import PHENOLOGY
from terraflux.model.photosynthesis import ACCLIMATION, LIGHT_INHIBITION
from terraflux.model.precipitation_phase import PRECIPITATION_PHASE
from terraflux.model.seasonal_capacity import SEASONALITY
from terraflux.model.soil_freezing import FREEZING
from terraflux.model.soil_hydraulics import SOIL_HYDRAULICS
from terraflux.model.soil_moisture_stress import SOIL_MOISTURE_STRESS, STRESS_ON
from terraflux.model.soil_thermal import SOIL_CONDUCTIVITY
from terraflux.model.soil_water import WATER_BOTTOM
from terraflux.model.stomatal_conductance import STOMATAL_CONDUCTANCE
from terraflux.model.variables import SEASONAL_TERMS, SNOW_LAYERS, SOIL_LAYERS

ALTERNATIVES: dict[str, Mapping[str, object]] = {
    "air": AIR,
    "phenology": PHENOLOGY,
    "precipitation_phase": PRECIPITATION_PHASE,
    "photosynthesis": PHOTOSYNTHESIS,
    "acclimation": ACCLIMATION,
    "light_inhibition": LIGHT_INHIBITION,
    "seasonality": SEASONALITY,
    "stomatal_conductance": STOMATAL_CONDUCTANCE,
    "soil_moisture_stress": SOIL_MOISTURE_STRESS,
    "stress_on": STRESS_ON,
    "soil_hydraulics": SOIL_HYDRAULICS,
    "soil_bottom": WATER_BOTTOM,
    "soil_conductivity": SOIL_CONDUCTIVITY,
    "freezing": FREEZING,
}
"""Every choice of process and its registered alternatives."""


class OptionError(ValueError):
    """An option that does not exist, or a value it cannot take."""


@dataclass(frozen=True)
class Options:
    """The processes of a column. Each name is a key of `ALTERNATIVES`; the numbers say how fine and how often.

    `leaf_rounds` are iterations of leaf temperature, `heat_passes` linearisations of the surface balance and of phase
    change per step, `deep_layers` thermal layers below the soil (0 ends the column with the soil), `seasonal_terms` the
    terms of a season, where there is one.
    Raises OptionError for values that are not registered.
    """

    air: str = "tetens"
    phenology: str = "prescribed"
    precipitation_phase: str = "wet_bulb"
    photosynthesis: str = "farquhar"
    acclimation: str = "kattge_knorr"
    light_inhibition: str = "none"
    stomatal_conductance: str = "medlyn"
    soil_moisture_stress: str = "beps"
    stress_on: str = "both"
    soil_hydraulics: str = "campbell"
    soil_bottom: str = "free_drainage"
    soil_conductivity: str = "johansen"
    freezing: str = "supercooled"
    leaf_rounds: int = 5
    heat_passes: int = 2
    soil_layers: int = SOIL_LAYERS
    deep_layers: int = 0
    snow_layers: int = SNOW_LAYERS
    seasonality: str = "none"
    seasonal_terms: int = SEASONAL_TERMS

    def __post_init__(self) -> None:
        for name, registry in ALTERNATIVES.items():
            value = getattr(self, name)
            if value not in registry:
                close = difflib.get_close_matches(str(value), registry, 1)
                raise OptionError(f"option {name} is {value!r}; known are {', '.join(sorted(registry))}"
                                  + (f"; meant {close[0]!r}?" if close else ""))
        for name, low, high in (("leaf_rounds", 1, 20), ("heat_passes", 1, 10), ("soil_layers", 2, 400),
                                ("deep_layers", 0, 100), ("snow_layers", 3, 3), ("seasonal_terms", 1, 100)):
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise OptionError(f"option {name} is {value!r}; a whole number from {low} to {high}")
        if self.deep_layers == 1:
            raise OptionError("option deep_layers is 1; 0 or at least 2")

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> "Options":
        """Options from names and values, as from a TOML table or `--option name=value`; numbers may be text.

        Raises OptionError for unknown names (with the nearest known one) and for values that are not registered.
        """
        known = {field.name: field.type for field in fields(cls)}
        chosen: dict[str, object] = {}
        for name, value in values.items():
            if name not in known:
                close = difflib.get_close_matches(name, known, 1)
                raise OptionError(f"unknown option {name!r}" + (f"; meant {close[0]!r}?" if close else "")
                                  + f"; known are {', '.join(known)}")
            if name not in ALTERNATIVES and isinstance(value, str):
                try:
                    value = int(value)
                except ValueError:
                    raise OptionError(f"option {name} is {value!r}; a whole number is needed") from None
            chosen[name] = value
        return cls(**chosen)  # type: ignore[arg-type]

    def differences(self) -> dict[str, object]:
        """The options that are not the default."""
        return {field.name: getattr(self, field.name) for field in fields(self)
                if getattr(self, field.name) != field.default}
