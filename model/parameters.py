"""Parameter sets: every parameter of one column, from a plant type, a soil class and what is known of the site.

>>> from terraflux.model.parameters import parameters
>>> forest = parameters("ENF", "sandy_loam", canopy_height=17.0)
>>> forest["carboxylation_capacity"]
62.5
>>> forest.replace(carboxylation_capacity=55.0)["carboxylation_capacity"]
55.0
"""

import tomllib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model import pedotransfer
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import (
    HYDRAULIC_SETS,
    ParameterEntry,
    ParameterError,
    Prior,
    grid,
    numbers_of,
    parameter_entries,
    plant_types,
    refuse_out_of_bounds,
    refuse_unknown,
    soil_class,
    soil_classes,
)
from terraflux.model.shallow_soil import SHALLOW_DEPTH

__all__ = [
    "ParameterEntry",
    "ParameterError",
    "ParameterSet",
    "Prior",
    "from_toml",
    "parameter_entries",
    "parameters",
    "plant_types",
    "soil_classes",
]

HYDRAULIC = (
    "porosity",
    "residual_moisture",
    "saturated_potential",
    "retention_exponent",
    "van_genuchten_alpha",
    "van_genuchten_n",
    "saturated_conductivity",
)
THERMAL = ("solid_conductivity", "dry_conductivity", "solid_heat_capacity")


def parameters(
    plant: str = "ENF",
    soil: str | Sequence[str] = "loam",
    *,
    canopy_height: float | None = None,
    measurement_height: float | None = None,
    layer_thickness: str | ArrayLike = "default10",
    deep_thickness: str | ArrayLike | None = None,
    hydraulics: str = "campbell",
    organic_fraction: ArrayLike = 0.0,
    **overrides: ArrayLike,
) -> ParameterSet:
    """Parameters of a column: defaults of a plant type and a soil class, with what is known of the site put in.

    `soil` is one class, or one per layer. `hydraulics` names the set of soil hydraulic parameters: "campbell" (Clapp &
    Hornberger 1978), "van_genuchten" (Carsel & Parrish 1988) or "cosby" (Cosby et al. 1984). `layer_thickness` (m) and
    `deep_thickness` (m; None ends the column with the soil) are a preset's name or an array. `organic_fraction` is the
    share of organic matter by volume, for all layers or each (Lawrence & Slater 2008). Every other parameter may be
    given by name, layered ones as a number or an array. Thermal properties follow from the texture and porosity given,
    unless given themselves. Without `measurement_height` (m): the larger of 1.5 canopy heights and canopy height + 2 m.

    Raises ParameterError for unknown names (with the nearest known one) and values out of bounds.
    """
    refuse_unknown(plant, plant_types(), "plant type")
    refuse_unknown(hydraulics, HYDRAULIC_SETS, "hydraulic set")
    for name in overrides:
        refuse_unknown(name, parameter_entries(), "parameter")
    given = {name: numbers_of(name, value) for name, value in overrides.items()}
    thickness = _thickness("soil", layer_thickness)
    classes = (soil,) * thickness.size if isinstance(soil, str) else tuple(soil)
    if len(classes) != thickness.size:
        raise ParameterError(f"{len(classes)} soil classes are given for {thickness.size} soil layers")

    values: dict[str, ArrayLike] = {}
    for name, entry in parameter_entries().items():
        if entry.group in ("site", "plant") and plant in entry.values:
            values[name] = entry.values[plant]
        elif entry.group == "soil" and entry.values:
            values[name] = entry.values.get(classes[0], np.nan)
    values |= {"layer_thickness": thickness}
    if deep_thickness is not None:
        values["deep_thickness"] = _thickness("deep", deep_thickness)
        for name in ("deep_conductivity", "deep_heat_capacity"):
            values[name] = parameter_entries()[name].values[classes[-1]]
    values |= _soil_profile(classes, thickness, hydraulics, organic_fraction, given)
    values |= given
    if canopy_height is not None:
        values["canopy_height"] = canopy_height
    height = float(np.asarray(values["canopy_height"]))
    default = max(1.5 * height, height + 2.0)
    values["measurement_height"] = default if measurement_height is None else measurement_height
    return ParameterSet(values, plant, classes)


def from_toml(text: str) -> ParameterSet:
    """Reads `plant`, `soil` (one class or a list) and the table `[parameters]`; what is absent takes its default.

    Raises ParameterError for text that is not TOML, unknown keys (with the nearest known one) and bad values.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ParameterError(f"parameters are not valid TOML: {error}") from error
    for key in document:
        refuse_unknown(key, ("plant", "soil", "parameters"), "key")
    plant, soil = document.get("plant", "ENF"), document.get("soil", "loam")
    if not all(isinstance(name, str) for name in [plant, *(soil if isinstance(soil, list) else [soil])]):
        raise ParameterError(f"plant = {plant!r} and soil = {soil!r} must be names")
    given = document.get("parameters", {})
    if not isinstance(given, dict):
        raise ParameterError("[parameters] must be a table of names and values")
    for name in given:
        refuse_unknown(name, parameter_entries(), "parameter")
    return parameters(plant, soil, **given)


def _thickness(axis: str, given: str | ArrayLike) -> NDArray[np.float64]:
    """Layer thickness (m) of a preset's name or an array."""
    name = "layer_thickness" if axis == "soil" else "deep_thickness"
    layers = numbers_of(name, grid(axis, given) if isinstance(given, str) else given)
    for thickness in layers.flat:
        refuse_out_of_bounds(parameter_entries()[name], thickness)
    if layers.ndim != 1:
        raise ParameterError(f"{axis} layers need a list of thicknesses (m), not {given!r}")
    return layers


def _soil_profile(
    classes: Sequence[str],
    thickness: NDArray[np.float64],
    hydraulics: str,
    organic_fraction: ArrayLike,
    overrides: Mapping[str, NDArray[np.float64]],
) -> dict[str, ArrayLike]:
    """Texture, hydraulic and thermal parameters of soil layers."""
    share = numbers_of("organic_fraction", organic_fraction)
    if share.ndim and share.shape != thickness.shape:
        raise ParameterError(f"organic_fraction needs one number or {thickness.size}, not {share.size}")
    organic = np.broadcast_to(share, thickness.shape)
    if not np.all((organic >= 0.0) & (organic <= 1.0)):
        raise ParameterError(f"organic_fraction {organic_fraction!r} is outside 0..1")
    shallow = np.clip(SHALLOW_DEPTH - (np.cumsum(thickness) - thickness), 0.0, thickness)
    profile: dict[str, ArrayLike] = {
        name: float(np.average([soil_class(soil)[name] for soil in classes], weights=shallow))
        for name in ("sand_fraction", "clay_fraction")
    }
    layers = []
    for layer, soil in enumerate(classes):
        given = {name: _in_layer(value, layer) for name, value in overrides.items()}
        layers.append(
            pedotransfer.mixed(
                _layer_properties(soil, hydraulics, given),
                _layer_properties("organic", hydraulics, {}),
                float(organic[layer]),
            )
        )
    return profile | {name: np.array([properties[name] for properties in layers]) for name in HYDRAULIC + THERMAL}


def _in_layer(numbers: NDArray[np.float64], layer: int) -> float:
    """Value of a layered override in one layer; a number serves every layer."""
    return float(numbers if numbers.ndim == 0 else numbers[min(layer, numbers.size - 1)])


def _layer_properties(soil: str, hydraulics: str, given: Mapping[str, float]) -> dict[str, float]:
    """Hydraulic and thermal parameters of one class; thermal ones follow texture and porosity if those are given."""
    known = soil_class(soil)
    properties = {**known["campbell"], **known["van_genuchten"], **known[hydraulics]}
    if "thermal" in known:
        return {**properties, **known["thermal"]}
    sand = given.get("sand_fraction", known["sand_fraction"])
    clay = given.get("clay_fraction", known["clay_fraction"])
    return {
        **properties,
        "solid_conductivity": pedotransfer.solid_conductivity(sand),
        "dry_conductivity": pedotransfer.dry_conductivity(given.get("porosity", properties["porosity"])),
        "solid_heat_capacity": pedotransfer.solid_heat_capacity(sand, clay),
    }
