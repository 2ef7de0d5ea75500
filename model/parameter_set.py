"""A parameter set: every parameter of one column, checked against the table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.parameter_table import (
    ParameterEntry,
    ParameterError,
    numbers_of,
    parameter_entries,
    plant_types,
    refuse_out_of_bounds,
    refuse_unknown,
)
from terraflux.model.weave.table import Table

LOWEST_MEASUREMENT = 0.8  # of canopy height: the wind profile starts at displacement plus roughness, 0.77

Value = float | NDArray[np.float64]


class ParameterSet(Mapping[str, Value]):
    """Every parameter of one column by name: a float, or an array over layers.

    Sets do not change; `replace` makes a new one. Names, layer counts and bounds are checked on construction
    (ParameterError). `plant` and `soil` say where the defaults came from. Parameters of the deep axis are absent where
    the column ends with the soil, seasonal weights where it has no season.
    """

    def __init__(self, values: Mapping[str, ArrayLike], plant: str, soil: Sequence[str]) -> None:
        self.plant, self.soil = plant, tuple(soil)
        self._values: dict[str, Value] = {}
        entries = parameter_entries()
        for name in values:
            refuse_unknown(name, entries, "parameter")
        self._layers = {
            entry.dimension: _layer_count(values, f"{stem}_thickness")
            for stem, entry in (("layer", entries["layer_thickness"]), ("deep", entries["deep_thickness"]))
        } | {entries["seasonal_weight"].dimension: _layer_count(values, "seasonal_weight")}
        for name, entry in entries.items():
            if not (entry.dimension and not self._layers[entry.dimension]):
                if name not in values:
                    raise ParameterError(f"parameter {name} is missing")
                self._values[name] = self._checked(entry, values[name])
            elif name in values:
                raise ParameterError(
                    f"{name} is given, but without {entry.dimension}_thickness there are no such layers"
                )
        height, canopy = self["measurement_height"], self["canopy_height"]
        if height <= LOWEST_MEASUREMENT * canopy:
            lowest = f"{LOWEST_MEASUREMENT} of canopy_height = {canopy} m"
            raise ParameterError(f"measurement_height = {height} m must be above {lowest}")

    def _checked(self, entry: ParameterEntry, given: ArrayLike) -> Value:
        numbers = numbers_of(entry.name, given)
        for number in numbers.flat:
            refuse_out_of_bounds(entry, float(number))
        if not entry.dimension:
            if numbers.ndim:
                raise ParameterError(f"{entry.name} is one number, not {numbers.size}")
            return float(numbers)
        count = self._layers[entry.dimension]
        if numbers.ndim and numbers.shape != (count,):
            raise ParameterError(
                f"{entry.name} has the shape {numbers.shape}; there are {count} {entry.dimension} layers"
            )
        layers = np.full(count, numbers) if not numbers.ndim else numbers
        layers.setflags(write=False)
        return layers

    def __getitem__(self, name: str) -> Value:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ParameterSet):
            return NotImplemented
        return (self.plant, self.soil, self.keys()) == (other.plant, other.soil, other.keys()) and all(
            np.array_equal(value, other[name]) for name, value in self.items()
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<ParameterSet {self.plant} on {', '.join(dict.fromkeys(self.soil))}: {len(self)} parameters>"

    @property
    def soil_layers(self) -> int:
        """Number of soil layers."""
        return self._layers["soil"]

    @property
    def deep_layers(self) -> int:
        """Number of thermal layers below the soil, 0 for none."""
        return self._layers["deep"]

    def replace(self, **overrides: ArrayLike) -> "ParameterSet":
        """The same set with other values; a number for a layered parameter goes to every layer.

        Nothing else follows: thermal properties, for instance, stay when porosity changes. Raises ParameterError for an
        unknown name (and suggests the nearest) or a value outside its bounds.
        """
        for name in overrides:
            refuse_unknown(name, parameter_entries(), "parameter")
        return ParameterSet({**self._values, **overrides}, self.plant, self.soil)

    def vector(self, table: Table) -> NDArray[np.float64]:
        """Values in the order of `table.rows_of("parameter")`; a set without seasonal weights has them at 0.

        Raises ParameterError if the table's layers are not those of this set.
        """
        for dimension, count in self._layers.items():
            of_table = table.layers.get(dimension, 0)
            if of_table != count and not (dimension == "season" and count == 0):
                number = "seasonal_terms" if dimension == "season" else f"{dimension}_layers"
                remedy = f"build it with variable_table({number}={count})"
                raise ParameterError(f"the parameters have {count} {dimension} layers, the table {of_table}: {remedy}")
        return np.array([np.atleast_1d(self[variable.name])[layer] if variable.name in self else 0.0
                         for variable, layer in table.rows_of("parameter")])

    def describe(self) -> str:
        """One line per parameter: name, value, unit, meaning."""
        lines = [f"{self.plant} ({plant_types()[self.plant]}) on {', '.join(dict.fromkeys(self.soil))}"]
        for name, value in self.items():
            entry = parameter_entries()[name]
            numbers = " ".join(f"{number:.6g}" for number in np.atleast_1d(value))
            lines.append(f"{name:36} {numbers} {entry.unit}  {entry.long_name}")
        return "\n".join(lines)

    def to_toml(self) -> str:
        """TOML text from which `parameters.from_toml` makes an equal set."""
        soil = ", ".join(f'"{name}"' for name in self.soil)
        lines = [f'plant = "{self.plant}"', f"soil = [{soil}]", "", "[parameters]"]
        for name, value in self.items():
            numbers = ", ".join(repr(float(number)) for number in np.atleast_1d(value))
            lines.append(f"{name} = [{numbers}]" if isinstance(value, np.ndarray) else f"{name} = {numbers}")
        return "\n".join(lines) + "\n"


def _layer_count(values: Mapping[str, Any], thickness: str) -> int:
    return np.size(values[thickness]) if thickness in values else 0
