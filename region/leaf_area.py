"""Leaf area of the plant types of a cell: as the forcing tells it, else shared out from the leaf area of the cell.

The mean over a cell's plants, weighted by their shares, is the observed leaf area of the cell. Between the least and the most
that its plants have by the table of parameters, all are at one point of their seasons,

    L_p = min_p + s (max_p - min_p),   s = (L - sum w min) / (sum w max - sum w min),

so that in winter the evergreen keep their leaves and the others lose theirs; with less or more than that all are less or
more in proportion. What would make a type denser than 15 m2 m-2 goes to the others.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.leaf_area import LARGEST
from terraflux.model.parameter_table import parameter_entries
from terraflux.region.mosaic import Mosaic

Floats = NDArray[np.float64]
LEAF_AREA = "prescribed_leaf_area_index"
SMALLEST = 1e-9  # m2 m-2, so that a type without leaves can take some


def seasonal_limits(mosaic: Mosaic) -> tuple[Floats, Floats]:
    """Least and largest leaf area index (m2 m-2) of the plant type of every column, from the table of parameters."""
    entries = parameter_entries()
    least, most = (np.array([entries[f"{end}_leaf_area_index"].values[name] for name in mosaic.plant_types], float)
                   for end in ("minimum", "maximum"))
    return least[mosaic.plant], np.maximum(least, most)[mosaic.plant]


def shared_leaf_area(values: Floats, mosaic: Mosaic) -> Floats:
    """Leaf area index (m2 m-2) [time, column] from that of cells [time, cell], for a mosaic of one member.

    The weighted mean over the columns of a cell is its value, to rounding.
    """
    cell = mosaic.cell
    least, most = seasonal_limits(mosaic)
    low, high = (mosaic.to_cells(limit)[0][cell] for limit in (least, most))
    whole = values[:, cell]
    with np.errstate(divide="ignore", invalid="ignore"):
        season = np.clip(np.where(high > low, (whole - low) / (high - low), 1.0), 0.0, 1.0)
        shared = least + season * (most - least)
        shared = np.where(whole < low, least * (whole / low), shared)
        shared = np.where(whole > high, np.where(high > 0.0, most * (whole / high), whole), shared)
    for _ in range(int(np.bincount(cell).max(initial=0))):  # each round fills one type at least
        excess = mosaic.to_cells(np.maximum(shared - LARGEST, 0.0))[:, 0]
        if not excess.any():
            break
        shared = np.minimum(shared, LARGEST)
        room = np.where(shared < LARGEST, np.maximum(shared, SMALLEST), 0.0)
        total = mosaic.to_cells(room)[:, 0]
        shared = shared + room * np.where(total > 0.0, excess / np.where(total > 0.0, total, 1.0), 0.0)[:, cell]
    return np.asarray(np.minimum(shared, LARGEST))


def of_plants(leaves: NDArray[np.floating[Any]], plant_types: tuple[str, ...], mosaic: Mosaic) -> Floats:
    """Leaf area index (m2 m-2) [time, column] from that of plant types [time, plant type, cell]; columns of other types, which
    are bare ground, get none."""
    result = np.zeros((len(leaves), mosaic.columns))
    for number, name in enumerate(plant_types):
        if name in mosaic.plant_types:
            chosen = np.flatnonzero(mosaic.plant == mosaic.plant_types.index(name))
            result[:, chosen] = leaves[:, number, mosaic.cell[chosen]]
    return result


def weather_of_columns(weather: Floats, leaves: NDArray[np.floating[Any]] | None, plant_types: tuple[str, ...],
                       names: Sequence[str], mosaic: Mosaic) -> Floats:
    """Weather [interval, variable, column] from that of cells [interval, variable, cell], for a mosaic of one member.

    All columns of a cell share it but for leaf area, which follows `leaves` [interval, plant type, cell] or is shared.
    """
    result = np.ascontiguousarray(weather[:, :, mosaic.cell])
    row = list(names).index(LEAF_AREA)
    result[:, row] = (shared_leaf_area(weather[:, row], mosaic) if leaves is None else of_plants(leaves, plant_types, mosaic))
    return result
