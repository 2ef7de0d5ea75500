"""Gridded weather and surface data in: readers, regridding, and the checked store that regional runs read.

`prepare` builds a store from a TOML file of choices, `open_forcing_store` opens it; `cell_area` measures grid cells.
Products are known by short names (`profiles`). Everything that is wrong with files or values comes as a `ForcingError`.
"""

from terraflux.drivers.grid.cell_area import cell_area
from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.configuration import BuildChoices, choices_from, read_choices
from terraflux.drivers.grid.prepare import prepare
from terraflux.drivers.grid.profiles import profiles
from terraflux.drivers.grid.store import ForcingStore, open_forcing_store
from terraflux.drivers.grid.store_layout import StoreLayout
from terraflux.drivers.grid.store_writer import StoreWriter

__all__ = ["BuildChoices", "Cells", "ForcingStore", "StoreLayout", "StoreWriter", "cell_area", "choices_from",
           "open_forcing_store", "prepare", "profiles", "read_choices"]
