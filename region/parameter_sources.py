"""Parameters of columns: defaults of plant type and soil, then calibrated values, then maps, then what the choices say."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import nearest
from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.zarr_chunks import sha256
from terraflux.drivers.safe_files import existing, open_netcdf, read_toml
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import ParameterError, parameter_entries, plant_types
from terraflux.model.parameters import parameters
from terraflux.model.weave import Table
from terraflux.region.configuration import RegionChoices
from terraflux.region.errors import RegionError
from terraflux.region.mosaic import Mosaic

CALIBRATED = "terraflux parameters 1"
SOIL = "loam"  # where the soil of a cell is not known
AXES = {"member": "member", "plant_type": "plant_type", "cell": "cell", "latitude": "latitude", "lat": "latitude",
        "longitude": "longitude", "lon": "longitude"}


@dataclass(frozen=True, eq=False)
class ParameterMap:
    """Values of one parameter [member, plant type, row, column], with plant types and positions where it has these axes;
    NaN leaves the default."""

    values: NDArray[np.float64]
    plant_types: tuple[str, ...]
    latitude: NDArray[np.float64] | None
    longitude: NDArray[np.float64] | None

    def at(self, member: int, plant: str, latitude: float, longitude: float) -> float:
        """Value of a member for a plant type at a place, of the nearest cell of the map."""
        kind = 0
        if self.plant_types:
            if plant not in self.plant_types:
                return float("nan")
            kind = self.plant_types.index(plant)
        row = 0 if self.latitude is None else int(np.argmin(np.abs(self.latitude - latitude)))
        column = 0 if self.longitude is None else int(np.argmin(np.abs((self.longitude - longitude + 180.0) % 360.0 - 180.0)))
        return float(self.values[member % len(self.values), kind, row, column])


@dataclass
class ParameterSources:
    """Everything that changes parameters; `columns_of` makes those of a tile."""

    calibrated: Mapping[str, float] = field(default_factory=dict)  # name or name@PLANT
    maps: Mapping[str, ParameterMap] = field(default_factory=dict)
    given: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    _known: dict[Any, ParameterSet] = field(default_factory=dict)

    def set_of(self, plant: str, soil: str, changes: tuple[tuple[str, float], ...] = ()) -> ParameterSet:
        """Parameters of a plant type on a soil, with changes by name."""
        key = (plant, soil, changes)
        if key not in self._known:
            values: dict[str, Any] = {name: value for name, value in self.calibrated.items() if "@" not in name}
            values |= {name.partition("@")[0]: value for name, value in self.calibrated.items()
                       if name.partition("@")[2] == plant}
            values |= dict(changes) | dict(self.given.get(plant, {}))
            try:
                one = parameters(plant, soil, **values)
            except ParameterError as trouble:
                raise RegionError(f"parameters of {plant} on {soil}: {trouble}", variable="[parameters]",
                                  remedy="correct the file, the map or [parameters.plant]") from trouble
            if len(self._known) > 100_000:
                self._known.clear()
            self._known[key] = one
        return self._known[key]

    def columns_of(self, mosaic: Mosaic, cells: Cells, table: Table) -> tuple[list[ParameterSet], NDArray[np.float64]]:
        """Parameter set of every column, and their vectors [row, column]."""
        sets, vectors, seen = [], np.empty((len(table.rows_of("parameter")), mosaic.columns)), {}
        for column in range(mosaic.columns):
            cell, plant = int(mosaic.cell[column]), mosaic.plant_types[int(mosaic.plant[column])]
            changes = []
            if np.isfinite(cells.clumping_index[cell]):
                changes.append(("clumping_index", float(cells.clumping_index[cell])))
            for name, one in self.maps.items():
                value = one.at(int(mosaic.member[column]), plant, float(cells.latitude[cell]), float(cells.longitude[cell]))
                if np.isfinite(value):
                    changes.append((name, value))
            found = self.set_of(plant, cells.soil_of(cell) or SOIL, tuple(changes))
            if id(found) not in seen:
                seen[id(found)] = found.vector(table)
            sets.append(found)
            vectors[:, column] = seen[id(found)]
        return sets, vectors


def parameter_sources(choices: RegionChoices) -> tuple[ParameterSources, dict[str, str]]:
    """The sources that the choices name, and the SHA-256 of the files. Raises RegionError by name for what does not fit."""
    chosen, checksums = choices.parameters, {}
    for plant, values in chosen.plant.items():
        if plant not in plant_types():
            raise RegionError(f"unknown plant type {plant!r}", file=choices.file, variable="[parameters.plant]",
                              remedy=nearest(plant, plant_types()))
        _refuse_unknown(values, choices.file)
    calibrated: dict[str, float] = {}
    if chosen.file:
        path = choices.path(chosen.file)
        calibrated = _calibrated(path, chosen.statistic, choices)
        checksums["file"] = sha256(existing(path).read_bytes())
    maps: dict[str, ParameterMap] = {}
    if chosen.map:
        path = choices.path(chosen.map)
        maps = read_maps(path, chosen.members)
        checksums["map"] = sha256(existing(path).read_bytes())
    return ParameterSources(calibrated, maps, chosen.plant), checksums


def _refuse_unknown(names: Mapping[str, Any], file: object) -> None:
    for name in names:
        if name.partition("@")[0] not in parameter_entries():
            raise RegionError(f"unknown parameter {name!r}", file=file, variable="[parameters]",
                              remedy=nearest(name, parameter_entries()))


def _calibrated(path: Path, statistic: str, choices: RegionChoices) -> dict[str, float]:
    """{name or name@PLANT: value} of a parameters.toml."""
    content = read_toml(path)
    if content.get("format") != CALIBRATED or not isinstance(content.get("parameters"), dict):
        raise RegionError(f"format is {content.get('format')!r}, not {CALIBRATED!r}", file=path, variable="format",
                          remedy="give the parameters.toml that `terraflux fit` wrote")
    if content.get("season"):
        raise RegionError("the parameters were fitted with a season, which a regional run does not carry", file=path,
                          variable="season", remedy="fit them without a season")
    own = choices.options.differences()
    for name, value in dict(content.get("options", {})).items():
        if getattr(choices.options, name, None) != value:
            had = own.get(name, "the default")
            raise RegionError(f"the parameters were fitted with {name} = {value!r}, the run has {had!r}", file=path,
                              variable=name, remedy=f"put {name} = {value!r} into [model]")
    _refuse_unknown(content["parameters"], path)
    values = {}
    for name, row in content["parameters"].items():
        value = row.get(statistic, row.get("mode")) if isinstance(row, dict) else row
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
            raise RegionError(f"{name} has no finite {statistic}", file=path, variable=name, remedy="fit the parameters again")
        values[name] = float(value)
    return values


def read_maps(path: Path, members: int = 1) -> dict[str, ParameterMap]:
    """Maps of parameters from a netCDF: variables named as parameters, with any of the dimensions member, plant_type, latitude
    and longitude. Raises RegionError where it has none, or too few members."""
    maps = {}
    with open_netcdf(path) as dataset:
        for name in map(str, dataset.data_vars):
            if name not in parameter_entries():
                continue
            variable = dataset[name]
            unknown = [str(axis) for axis in variable.dims if AXES.get(str(axis)) in (None, "cell")]
            if unknown:
                raise RegionError(f"the dimension {unknown[0]!r} is not known", file=path, variable=name,
                                  remedy="give member, plant_type, latitude, longitude")
            variable = variable.rename({axis: AXES[str(axis)] for axis in variable.dims if str(axis) != AXES[str(axis)]})
            order = [axis for axis in ("member", "plant_type", "latitude", "longitude") if axis in variable.dims]
            values = variable.transpose(*order).values.astype(float)
            for place, axis in enumerate(("member", "plant_type", "latitude", "longitude")):
                if axis not in order:
                    values = np.expand_dims(values, place)
            if "member" in order and len(values) < members:
                raise RegionError(f"the map has {len(values)} members, {members} are asked for", file=path, variable=name,
                                  remedy="ask for fewer members")
            kinds = tuple(map(str, variable["plant_type"].values)) if "plant_type" in order else ()
            maps[name] = ParameterMap(values, kinds, *(variable[axis].values.astype(float) if axis in order else None
                                                       for axis in ("latitude", "longitude")))
    if not maps:
        raise RegionError("no variable of the file is named as a parameter", file=path, variable="[parameters]",
                          remedy="see terraflux parameters for their names")
    return maps
