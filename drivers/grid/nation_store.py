"""The synthetic nation as a forcing store, so that an invented country runs just as a real one does."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.hilbert import hilbert_order
from terraflux.drivers.grid.store import ForcingStore, open_forcing_store
from terraflux.drivers.grid.store_layout import EXTREMES, StoreLayout
from terraflux.drivers.grid.store_writer import StoreWriter, exclusive
from terraflux.drivers.grid.zarr_chunks import json_bytes, sha256
from terraflux.drivers.synthetic_nation import LABEL, SyntheticNation, days_between
from terraflux.model.parameter_table import soil_classes

PIECE_BYTES = 150_000_000
RANGE = "air_temperature_range"
STORED = ("air_temperature", *EXTREMES, "vapour_pressure", "air_pressure", "wind_speed", "shortwave_down", "longwave_down",
          "precipitation", "carbon_dioxide", "prescribed_leaf_area_index")


def nation_store(nation: SyntheticNation, path: str | os.PathLike[str], first: str = "1979-01-01", last: str = "2012-12-31", *,
                 slab_days: int = 73, block_cells: int = 2048, tile_side: int = 16,
                 progress: Callable[[int, int, str], None] | None = None) -> ForcingStore:
    """Write the daily weather of a synthetic nation from `first` to `last` (both included) into a store, and open it.

    Extremes are the mean plus and minus half the range of the day; days are those of local solar time. Carbon dioxide and
    leaf area are stored day by day. An interrupted build goes on where it stopped. Raises ForcingError for days outside
    1979-2012 and for a folder that holds something else.
    """
    days = days_between(first, last)
    cells, order = cells_of_nation(nation, tile_side)
    layout = StoreLayout(days[0], days.size, STORED, cells.count, slab_days=slab_days, block_cells=block_cells,
                         day_offset_hours=np.nan, synthetic=True, title=f"synthetic nation: {LABEL}",
                         attributes={"source": "terraflux synthetic nation"})
    provenance = {"synthetic_nation": {"seed": nation.seed, "resolution_degrees": nation.resolution, "label": LABEL},
                  "made_from": {name: ["air_temperature", RANGE] if name in EXTREMES else [name] for name in STORED},
                  "sources": [], "cells": {}}
    # The first day stands for the generator itself: another one must not go on in the same folder.
    sample = sha256(np.ascontiguousarray(nation.daily(days[0], days[0])).tobytes())
    identity = sha256(json_bytes({"provenance": provenance, "sample": sample, "days": days.size, "first": str(days[0]),
                                  "slab_days": slab_days, "block_cells": block_cells, "tile_side": tile_side}))
    tell = progress or (lambda done, total, name: None)
    place = Path(path)
    with exclusive(place):
        writer = StoreWriter(place, layout, cells, identity)
        pending = writer.pending()
        at_once = max(1, PIECE_BYTES // (8 * len(nation.variables) * cells.count))
        for number, slab in enumerate(pending):
            begin, end = layout.days_of(slab)
            tell(number, len(pending), f"{days[begin]} to {days[end - 1]}")
            weather = {name: np.empty((end - begin, cells.count), dtype=np.float32) for name in STORED}
            for day in range(begin, end, at_once):
                after = min(day + at_once, end)
                found = nation.daily(days[day], days[after - 1])[:, :, order]
                of = {name: found[:, row] for row, name in enumerate(nation.variables)}
                half = 0.5 * of[RANGE]
                of |= {EXTREMES[0]: of["air_temperature"] - half, EXTREMES[1]: of["air_temperature"] + half}
                for name in STORED:
                    weather[name][day - begin:after - begin] = of[name]
            writer.write_slab(slab, weather)
        return open_forcing_store(writer.finish(provenance))


def cells_of_nation(nation: SyntheticNation, tile_side: int = 16) -> tuple[Cells, np.ndarray]:
    """Cells of a nation in stored order, and their places in `nation.cells`."""
    own, step = nation.cells, nation.resolution
    row = np.round((own.latitude.max() - own.latitude) / step).astype(np.int64)
    column = np.round((own.longitude - own.longitude.min()) / step).astype(np.int64)
    order, tile = hilbert_order(row, column, tile_side)
    names = list(soil_classes())
    soil = np.array([names.index(str(name)) for name in own.soil_class], dtype=np.int8)[order]
    cells = Cells(own.latitude[order], own.longitude[order], own.area[order], own.land_fraction[order], own.elevation[order],
                  row[order].astype(np.int32), column[order].astype(np.int32), tile, own.sand_fraction[order],
                  own.clay_fraction[order], np.full(order.size, np.nan), soil, own.plant_share[:, order],
                  own.latitude.max() - step * np.arange(row.max() + 1),
                  own.longitude.min() + step * np.arange(column.max() + 1),
                  tuple(nation.plant_types), tuple(names))
    return cells, order
