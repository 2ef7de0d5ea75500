"""From files of products to a store: the same weather from every product, whatever its conventions."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid import weather
from terraflux.drivers.grid.prepare import prepare

ROUNDING = {"air_temperature": 1e-6, "air_temperature_minimum": 1e-6, "air_temperature_maximum": 1e-6, "precipitation": 1e-12}
"""Rounding of kelvin and of running totals on the way through the files, and of float32."""


def on_days(daily_truth, store, name):
    """Truth [day, cell] in the order of the store."""
    days = store.layout.days
    return daily_truth[name][:days, store.cells.row, store.cells.column]


@pytest.mark.parametrize("product", ["era5", "era5_land", "era_interim", "wfde5", "gldas", "princeton"])
def test_products_with_different_conventions_give_the_same_daily_weather(product, products, daily_truth, write, choices):
    write(products[product])
    store = prepare(choices(product))
    found = store.slab("2001-02-27", "2001-03-01", dtype=np.float64)
    assert store.cells.count == 20
    for place, name in enumerate(store.layout.variables):
        expected = on_days(daily_truth, store, name)
        assert found[:, place] == pytest.approx(expected, rel=5e-7, abs=ROUNDING.get(name, 0.0)), name
    assert store.verify() == []


def test_a_killed_build_goes_on_to_the_same_bytes(products, write, choices, tmp_path):
    write(products["era5_land"])

    def whole(name):
        return choices("era5_land", store=name, slab_days=1, last="2001-03-05")
    begun = time.perf_counter()
    prepare(whole("whole.zarr"))
    span = time.perf_counter() - begun
    generator = np.random.default_rng(2)
    for _ in range(4):
        child = os.fork()
        if child == 0:
            prepare(whole("killed.zarr"))
            os._exit(0)
        time.sleep(float(generator.uniform(0.2, 0.6)) * span)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    prepare(whole("killed.zarr"))
    files = [{path.relative_to(tmp_path / name).as_posix(): path.read_bytes() for path in (tmp_path / name).rglob("*")
              if path.is_file()} for name in ("whole.zarr", "killed.zarr")]
    assert files[0] == files[1]


def test_pieces_slabs_and_blocks_change_no_number(products, write, choices, monkeypatch):
    write(products["wfde5"])
    one = prepare(choices("wfde5", store="one.zarr", slab_days=3, block_cells=100))
    monkeypatch.setattr(weather, "PIECE_BYTES", 1)
    other = prepare(choices("wfde5", store="other.zarr", slab_days=2, block_cells=7))
    assert np.array_equal(one.slab(0, 2), other.slab(0, 2))


def test_threads_read_the_same_numbers(products, write, choices):
    write(products["wfde5"])
    store = prepare(choices("wfde5", slab_days=1, block_cells=4))
    expected = store.slab(0, 2)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda number: store.slab(0, 2), range(24)):
            assert np.array_equal(found, expected)


def test_progress_tells_every_slab(products, write, choices):
    write(products["wfde5"])
    told = []
    prepare(choices("wfde5", slab_days=1), progress=lambda *words: told.append(words))
    assert [words for words in told if words[1] == 3] == [
        (0, 3, "2001-02-27 to 2001-02-27"), (1, 3, "2001-02-28 to 2001-02-28"), (2, 3, "2001-03-01 to 2001-03-01"),
        (3, 3, "finished")]


def contents(path):
    """Bytes of every file of a store, by name."""
    return {one.relative_to(path).as_posix(): one.read_bytes() for one in path.rglob("*") if one.is_file()}


def test_a_corrected_file_costs_its_own_slabs_only(products, write, choices, tmp_path):
    whole = products["wfde5"]
    first, second = whole.sel(time=slice(None, "2001-02-28T23:00")), whole.sel(time=slice("2001-03-01", None))
    broken = second.copy(deep=True)
    broken["Tair"].values[30, 0, 0] = np.inf
    (tmp_path / "b").mkdir()
    write(first, "a.nc")
    write(broken, "b/a.nc")
    wanted = choices("wfde5", files=["a.nc", "b/*.nc"], slab_days=1, last="2001-03-04")
    with pytest.raises(ForcingError, match="infinite"):
        prepare(wanted)
    path = tmp_path / "forcing.zarr"
    kept = {place: (path / place).stat().st_mtime_ns for place in ("air_temperature/c/0/0", "air_temperature/c/1/0")}
    (tmp_path / "b" / "a.nc").unlink()
    write(second, "b/a.nc")
    store = prepare(wanted)
    assert {place: (path / place).stat().st_mtime_ns for place in kept} == kept
    sound = contents(path)
    undisturbed = prepare(choices("wfde5", files=["a.nc", "b/*.nc"], slab_days=1, last="2001-03-04", store="other.zarr"))
    assert contents(undisturbed.path) == sound
    # A finished store takes up a new version of a file as well.
    warmer = second.copy(deep=True)
    warmer["Tair"].values[:24] += 1.0
    (tmp_path / "b" / "a.nc").unlink()
    write(warmer, "b/a.nc")
    newer = prepare(wanted)
    assert {place: (path / place).stat().st_mtime_ns for place in kept} == kept
    difference = newer.slab(0, 5, variables=("air_temperature",)) - store_values(store, sound)
    assert difference[2] == pytest.approx(1.0, abs=1e-4)
    assert np.abs(difference[[0, 1, 3, 4, 5]]).max() == 0.0
    assert newer.verify() == []


def store_values(store, sound):
    """Temperature of a store from the bytes it had."""
    from terraflux.drivers.grid.zarr_chunks import decoded_chunk

    layout = store.layout
    parts = [np.concatenate([decoded_chunk(sound[f"air_temperature/c/{slab}/{block}"], "float32", layout.chunk_shape)
                             for block in range(layout.blocks)], axis=1)[:, :layout.cells] for slab in range(layout.slabs)]
    return np.concatenate(parts)[:, None, :]
