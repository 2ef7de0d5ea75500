"""A first state for a column that has no restart: thawed or frozen by its mean temperature, soil at field moisture."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.parameter_set import ParameterSet
from terraflux.model.weave import Table

FIRST_WETNESS = 0.7  # share of the pore space
FIRST_SUCTION = 3.3  # m, field capacity of agronomy (33 kPa)

FIRST_POOLS = {
    "labile_carbon": 0.0,
    "foliage_carbon": 150.0,
    "stem_carbon": 2000.0,
    "coarse_root_carbon": 500.0,
    "fine_root_carbon": 250.0,
    "coarse_wood_litter": 300.0,
    "surface_structural_litter": 150.0,
    "surface_metabolic_litter": 30.0,
    "root_structural_litter": 150.0,
    "root_metabolic_litter": 30.0,
    "surface_microbial_carbon": 30.0,
    "soil_microbial_carbon": 100.0,
    "slow_carbon": 2000.0,
    "passive_carbon": 3000.0,
}
"""Pools (g m-2) to start a spin-up from; results of a run are not to be read before the spin-up has replaced them."""


def initial_state(
    table: Table, parameters: ParameterSet, mean_temperature: float, **values: ArrayLike
) -> NDArray[np.float64]:
    """State vector [row] of one column in the order of the table.

    Ground and canopy are at `mean_temperature` (degC), the soil holds water at a suction of 3.3 m (at most 70 % of its
    pores), frozen if the mean is below 0 degC. `values` replace single states: a number, or an array over the layers.
    Raises ValueError for a name that is no state and for a value outside the state's bounds.
    """
    wetness = np.asarray(parameters["saturated_potential"]) / -FIRST_SUCTION
    wetness = np.minimum(wetness ** (1.0 / np.asarray(parameters["retention_exponent"])), FIRST_WETNESS)
    porosity = np.asarray(parameters["porosity"])
    residual = np.asarray(parameters["residual_moisture"])
    water = np.maximum(wetness * porosity, residual + 0.3 * (porosity - residual))
    frozen = 0.9 if mean_temperature < 0.0 else 0.0
    first: dict[str, ArrayLike] = {
        "soil_temperature": mean_temperature,
        "deep_temperature": mean_temperature,
        "surface_temperature": mean_temperature,
        "exchange_temperature": mean_temperature,
        "growth_temperature": mean_temperature,
        "recent_moisture_stress": 1.0,
        "day_minimum_temperature": 60.0,
        "soil_liquid": water * (1.0 - frozen),
        "soil_ice": water * frozen,
        **FIRST_POOLS,
    }
    return state_vector(table, {**first, **values})


def state_vector(table: Table, values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """State vector [row] from values by name (a number or an array over layers); states not named are 0.

    Raises ValueError for a name that is no state, a wrong number of layers, and a value outside the state's bounds.
    """
    states = {variable.name: variable for variable in table.of_kind("state")}
    unknown = [name for name in values if name not in states and name not in table.left_out]
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no state of the column; known are {', '.join(states)}")
    parts = []
    for name, variable in states.items():
        count = table.layers_of(variable)
        given = np.asarray(values.get(name, 0.0), float)
        if given.ndim and given.shape != (count,):
            raise ValueError(f"state {name} needs {count} layers, not {given.shape}")
        row = np.broadcast_to(given, (count,))
        if variable.bounds and not ((row >= variable.bounds[0]) & (row <= variable.bounds[1])).all():
            raise ValueError(f"state {name} is {row.min():g} to {row.max():g} {variable.unit}, outside {variable.bounds}")
        parts.append(row)
    return np.concatenate(parts)
