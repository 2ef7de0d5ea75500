"""Profiles of gridded products: which variable is called what, and what its values stand for."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.grid.grid_file import GridFile, GridVariable
from terraflux.drivers.units import FORCING_INPUTS

HOLDS = ("instant", "mean_after", "mean_before", "mean_centred", "total_after", "total_before", "running_total")
INPUTS = (*(name for name in FORCING_INPUTS if name not in ("diffuse_shortwave_down", "carbon_dioxide",
                                                            "prescribed_leaf_area_index")),
          "air_temperature_minimum", "air_temperature_maximum", "eastward_wind", "northward_wind", "rainfall", "snowfall")
VARIABLE_KEYS = ("name", "names", "unit", "holds", "reset_hours", "standard_names")


@dataclass(frozen=True)
class ProfileVariable:
    """One variable of a product: its `names` in files, `unit` where files state none, and what a value `holds`.

    `reset_hours` is the distance of resets of running totals, counted from 00 UTC. `forced_unit` holds against the file's.
    """

    names: tuple[str, ...]
    unit: str = ""
    holds: str = ""
    reset_hours: int = 24
    standard_names: tuple[str, ...] = ()
    forced_unit: bool = False


@dataclass(frozen=True)
class Profile:
    """A gridded product by short name, with its variables by canonical name."""

    name: str
    title: str
    source: str
    variables: Mapping[str, ProfileVariable]

    def changed(self, changes: Mapping[str, Mapping[str, Any]], *, file: object = "") -> "Profile":
        """The profile with variables added or changed by a table such as {"precipitation": {"name": "rain", "unit": "mm"}}.

        A unit given here holds against the one in the file.
        """
        variables = dict(self.variables)
        refuse_unknown_keys(changes, INPUTS, file=file, place="source.variables")
        for name, facts in changes.items():
            refuse_unknown_keys(facts, VARIABLE_KEYS, file=file, place=f"source.variables.{name}")
            variables[name] = _variable(name, facts, variables.get(name, ProfileVariable((name,))), file, forced=True)
        return replace(self, variables=variables)

    def found_in(self, opened: GridFile) -> dict[str, GridVariable]:
        """The variables of the profile that a file holds, by canonical name."""
        found: dict[str, GridVariable] = {}
        for name, one in self.variables.items():
            by_name = [opened.variables[spelling] for spelling in one.names if spelling in opened.variables]
            by_standard = [candidate for candidate in opened.variables.values() if len(candidate.dims) >= 3
                           and candidate.attributes.get("standard_name") in one.standard_names and one.standard_names]
            candidates = by_name or by_standard
            if name == "air_temperature":
                candidates = [candidate for candidate in candidates if not _extreme(candidate)] or candidates
            if candidates:
                found[name] = candidates[0]
        extremes = [candidate for candidate in opened.variables.values()
                    if candidate.attributes.get("standard_name") == "air_temperature" and _extreme(candidate)]
        if "air_temperature_minimum" in self.variables and self.name == "cf":
            for candidate in extremes:
                found.setdefault(f"air_temperature_{_extreme(candidate)}", candidate)
        return found


def _extreme(variable: GridVariable) -> str:
    """"minimum" or "maximum" where the cell methods say so."""
    methods = str(variable.attributes.get("cell_methods", ""))
    return next((kind for kind in ("minimum", "maximum") if f"time: {kind}" in methods), "")


def _variable(name: str, facts: Mapping[str, Any], before: ProfileVariable, file: object, *, forced: bool) -> ProfileVariable:
    names = tuple(facts["names"]) if "names" in facts else (str(facts["name"]),) if "name" in facts else before.names
    holds = str(facts.get("holds", before.holds))
    if holds and holds not in HOLDS:
        raise ForcingError(f"holds = {holds!r} is unknown", file=file, variable=name, remedy=nearest(holds, HOLDS))
    reset = facts.get("reset_hours", before.reset_hours)
    if not isinstance(reset, int) or reset < 1 or 24 % reset:
        raise ForcingError(f"reset_hours = {reset!r} does not divide the day", file=file, variable=name,
                           remedy="give 6, 12 or 24")
    return ProfileVariable(names, str(facts.get("unit", before.unit)), holds, reset,
                           tuple(facts.get("standard_names", before.standard_names)), forced and "unit" in facts)


def profile_from(table: Mapping[str, Any], name: str, *, file: object = "") -> Profile:
    """A profile from a table with title, source and variables, as in profiles.toml. Unknown keys are refused."""
    refuse_unknown_keys(table, ("title", "source", "variables"), file=file)
    refuse_unknown_keys(table.get("variables", {}), INPUTS, file=file, place="variables")
    variables = {}
    for variable, facts in table.get("variables", {}).items():
        refuse_unknown_keys(facts, VARIABLE_KEYS, file=file, place=f"variables.{variable}")
        variables[variable] = _variable(variable, facts, ProfileVariable((variable,)), file, forced=False)
    if not variables:
        raise ForcingError("the profile has no variables", file=file, variable="variables",
                           remedy='write [variables] and, say, precipitation = { names = ["pr"], unit = "mm", '
                                  'holds = "total_before" }')
    return Profile(name, str(table.get("title", name)), str(table.get("source", "")), variables)


@cache
def profiles() -> Mapping[str, Profile]:
    """The built-in profiles by short name."""
    table = tomllib.loads(files("terraflux.drivers.grid").joinpath("profiles.toml").read_text(encoding="utf-8"))
    return {name: profile_from(entry, name, file="profiles.toml") for name, entry in table.items()}


def profile(name: str, *, file: object = "") -> Profile:
    """A built-in profile; an unknown name is refused with the nearest known one."""
    if name not in profiles():
        raise ForcingError(f"the profile {name!r} is unknown", file=file, variable="profile", remedy=nearest(name, profiles()))
    return profiles()[name]
