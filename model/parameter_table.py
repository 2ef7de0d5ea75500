"""The one table of parameters: `parameters.toml`, read together with the units and bounds of `variables.py`.

Every variable of kind "parameter" has an entry with its prior, its source and its values per plant type or soil class.
"""

import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.variables import DEEP_LAYERS, SEASONAL_TERMS, variable_table
from terraflux.model.weave.table import Variable

HYDRAULIC_SETS = ("campbell", "van_genuchten", "cosby")
_DISTRIBUTIONS = ("normal", "lognormal", "uniform", "fixed")
_VALUE_TABLES = ("value", "tree", "shrub", "herb")
_Lookup = Mapping[str, tuple[str, ...]]  # plant code or soil class -> names under which it may have a value


class ParameterError(ValueError):
    """A parameter, plant type, soil class or grid that is unknown, out of bounds or inconsistent."""


@dataclass(frozen=True)
class Prior:
    """What is believed of a parameter before any observation, centred at its value and cut off at its bounds.

    `distribution` is normal (`spread` is the standard deviation in the parameter's unit), lognormal (`spread` is the
    standard deviation of the logarithm of the magnitude, the value is the median), uniform (over the bounds) or fixed.
    """

    distribution: str
    spread: float = 0.0

    def __str__(self) -> str:
        return f"{self.distribution} {self.spread:g}" if self.spread else self.distribution


@dataclass(frozen=True)
class ParameterEntry:
    """Everything known of one parameter.

    `values` maps plant codes (group "site" and "plant") or soil classes (group "soil" and "deep") to the default; it is
    empty for what is derived from other choices, such as layer thickness. `dimension` is "" or the layer axis.
    """

    name: str
    unit: str
    bounds: tuple[float, float]
    long_name: str
    group: str
    dimension: str
    prior: Prior
    source: str
    values: Mapping[str, float]


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that names the most similar known name, or "" if none is similar."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" Did you mean {close[0]!r}?" if close else ""


def refuse_unknown(name: str, known: Iterable[str], what: str) -> None:
    """Raises ParameterError if `name` is not among the known names, and suggests the nearest."""
    names = list(known)
    if name not in names:
        raise ParameterError(f"unknown {what} {name!r}.{nearest(name, names) or ' Known: ' + ', '.join(names) + '.'}")


def numbers_of(name: str, given: ArrayLike) -> NDArray[np.float64]:
    """A number or a list of numbers as an array; raises ParameterError for anything else."""
    try:
        numbers = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ParameterError(f"{name} = {given!r} is not a number") from error
    if numbers.ndim > 1 or not numbers.size:
        raise ParameterError(f"{name} = {given!r} is neither a number nor a list of numbers")
    return numbers


def refuse_out_of_bounds(entry: ParameterEntry, value: float) -> None:
    """Raises ParameterError with name, value, bounds and unit if the value is not a number within the bounds."""
    low, high = entry.bounds
    if not (math.isfinite(value) and low <= value <= high):
        allowed = f"{low:g}..{high:g} {entry.unit}"
        raise ParameterError(f"{entry.name} = {float(value)!r} is outside {allowed} ({entry.long_name})")


def parameter_entries() -> Mapping[str, ParameterEntry]:
    """Entry of every parameter by name, in the order of the variable table."""
    return _read().entries


def plant_types() -> Mapping[str, str]:
    """Name of every plant type by its code."""
    return _read().plants


def soil_classes() -> tuple[str, ...]:
    """Soil classes: the twelve of USDA, and organic."""
    return tuple(_read().soils)


def soil_class(name: str) -> Mapping[str, Any]:
    """Sand and clay share of a soil class and its hydraulic sets; raises ParameterError for an unknown class."""
    soils = _read().soils
    refuse_unknown(name, soils, "soil class")
    return soils[name]


def grid(axis: str, name: str) -> tuple[float, ...]:
    """Layer thickness (m) of a preset: axis "soil" (default10, beps5) or "deep" (permafrost8)."""
    presets = _read().grids[axis]
    refuse_unknown(name, presets, f"{axis} grid")
    return tuple(map(float, presets[name]))


@dataclass(frozen=True)
class _Contents:
    entries: Mapping[str, ParameterEntry]
    plants: Mapping[str, str]
    soils: Mapping[str, Mapping[str, Any]]
    grids: Mapping[str, Mapping[str, list[float]]]


@cache
def _read() -> _Contents:
    """The file, checked: every parameter once, nothing unknown, every default within its bounds."""
    document = tomllib.loads(Path(__file__).with_name("parameters.toml").read_text(encoding="utf-8"))
    kinds = {code: (code, *plant["kinds"], "all") for code, plant in document["plant_types"].items()}
    soils = {name: (name, "all") for name in document["soil_classes"]}
    table = variable_table(deep_layers=DEEP_LAYERS, seasonal_terms=SEASONAL_TERMS)
    variables = {variable.name: variable for variable in table.of_kind("parameter")}
    found: dict[str, ParameterEntry] = {}
    for group, lookup in (("site", kinds), ("plant", kinds), ("soil", soils), ("deep", soils)):
        for name, text in document[group].items():
            refuse_unknown(name, variables, "parameter")
            for key in text:
                refuse_unknown(key, (*_VALUE_TABLES, "prior", "source"), f"key of {name}")
            found[name] = _entry(variables[name], group, text, lookup)
    missing = variables.keys() - found.keys()
    if missing:
        raise ParameterError(f"parameters.toml has no entry for {', '.join(sorted(missing))}")
    entries = MappingProxyType({name: found[name] for name in variables})
    plants = MappingProxyType({code: plant["name"] for code, plant in document["plant_types"].items()})
    return _Contents(entries, plants, document["soil_classes"], document["grids"])


def _entry(variable: Variable, group: str, text: Mapping[str, Any], lookup: _Lookup) -> ParameterEntry:
    """One entry of the file with unit and bounds of its variable."""
    prior = Prior(**text["prior"])
    refuse_unknown(prior.distribution, _DISTRIBUTIONS, f"prior of {variable.name}")
    if variable.bounds is None:
        raise ParameterError(f"{variable.name} has no bounds in the variable table")
    entry = ParameterEntry(
        name=variable.name,
        unit=variable.unit,
        bounds=variable.bounds,
        long_name=variable.long_name,
        group=group,
        dimension=variable.dimension,
        prior=prior,
        source=text["source"],
        values=MappingProxyType(_values(variable.name, text, lookup)),
    )
    for value in entry.values.values():
        refuse_out_of_bounds(entry, value)
    return entry


def _values(name: str, text: Mapping[str, Any], lookup: _Lookup) -> dict[str, float]:
    """Default per plant type or soil class, found by its code, else its kinds in order, else `all`."""
    given: dict[str, float] = {}
    for table in _VALUE_TABLES:
        given |= text.get(table, {})
    known = {kind for kinds in lookup.values() for kind in kinds}
    for key in given:
        refuse_unknown(key, known, f"plant type or soil class of {name}")
    if not given:
        return {}
    values = {}
    for code, kinds in lookup.items():
        matches = [kind for kind in kinds if kind in given]
        if not matches:
            raise ParameterError(f"{name} has no value for {code}")
        values[code] = float(given[matches[0]])
    return values
