"""The synthetic nation comes out of its store as it goes in."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid import open_forcing_store
from terraflux.drivers.grid.nation_store import cells_of_nation, nation_store
from terraflux.drivers.synthetic_nation import SyntheticNation


@pytest.fixture(scope="module")
def nation():
    """A nation of few cells."""
    return SyntheticNation(resolution=4.0, seed=3)


def test_the_store_of_a_nation_holds_its_weather_and_cells(nation, tmp_path):
    store = nation_store(nation, tmp_path / "n.zarr", "1980-02-01", "1980-04-10", slab_days=30, block_cells=32)
    cells, order = cells_of_nation(nation)
    assert store.cells.land_area.sum() == pytest.approx((nation.cells.area * nation.cells.land_fraction).sum(), rel=1e-14)
    assert np.array_equal(store.cells.latitude, nation.cells.latitude[order])
    weather = nation.daily("1980-02-20", "1980-03-05")[:, :, order]
    found = store.slab("1980-02-20", "1980-03-05", variables=tuple(nation.variables), dtype="f8")
    for row, name in enumerate(nation.variables):
        expected = weather[:, row].astype("f4") if name != "air_temperature_range" else weather[:, row]
        assert found[:, row] == pytest.approx(expected, abs=2e-5 if name == "air_temperature_range" else 0.0), name
    assert store.layout.synthetic
    assert "invented" in store.layout.title
    assert [store.cells.soil_of(cell) for cell in range(cells.count)] == [str(name) for name in nation.cells.soil_class[order]]
    latitudes = store.cells.on_grid(store.cells.latitude)
    assert latitudes[store.cells.row, store.cells.column] == pytest.approx(store.cells.grid_latitude[store.cells.row])


def test_another_seed_does_not_go_on_in_the_same_store(nation, tmp_path):
    nation_store(nation, tmp_path / "n.zarr", "1980-02-01", "1980-02-10")
    assert open_forcing_store(nation_store(nation, tmp_path / "n.zarr", "1980-02-01", "1980-02-10").path).verify() == []
    with pytest.raises(ForcingError, match="other data or choices"):
        nation_store(SyntheticNation(resolution=4.0, seed=4), tmp_path / "n.zarr", "1980-02-01", "1980-02-10")
    with pytest.raises(ForcingError, match="1979-2012"):
        nation_store(nation, tmp_path / "m.zarr", "1970-02-01", "1980-02-10")
