"""The store: what goes in comes out, any client opens it, and no kill, flip or full disk goes unseen."""

import hashlib
import json
import os
import shutil
import signal
import time
from collections import namedtuple

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid import StoreLayout, StoreWriter, open_forcing_store
from terraflux.drivers.grid.cells import Cells
from terraflux.drivers.grid.leaf_area_nodes import leaf_area_of_days
from terraflux.drivers.grid.store_writer import exclusive

COUNT, DAYS = 30, 70


def cells_for(count):
    """Invented cells on a 6-column grid."""
    zero = np.zeros(count)
    number = np.arange(count)
    return Cells(30.0 + number // 6, 100.0 + number % 6, zero + 1e10, zero + 0.5, zero + 100.0, (number // 6).astype("i4"),
                 (number % 6).astype("i4"), (number // 16).astype("i4"), zero + 0.4, zero + 0.2, zero + 0.7, zero.astype("i1"),
                 np.stack([zero + 0.6, zero + 0.4]), 30.0 + np.arange(-(-count // 6)), 100.0 + np.arange(6.0),
                 ("GRA", "CRO"), ("sand", "loam"))


@pytest.fixture
def layout():
    """Seventy days of two variables on thirty cells, in slabs of 30 days and blocks of 16 cells."""
    return StoreLayout(np.datetime64("2000-02-01"), DAYS, ("air_temperature", "precipitation"), COUNT, slab_days=30,
                       block_cells=16, title="invented", synthetic=True)


@pytest.fixture
def weather():
    """Weather [day, cell] of both variables, float32."""
    generator = np.random.default_rng(3)
    return {"air_temperature": generator.normal(5, 9, (DAYS, COUNT)).astype("f4"),
            "precipitation": generator.gamma(0.2, 1e-4, (DAYS, COUNT)).astype("f4")}


def writer(path, layout, identity="one"):
    """A writer with carbon dioxide and leaf area."""
    return StoreWriter(path, layout, cells_for(COUNT), identity, carbon_dioxide=np.linspace(370, 372, DAYS),
                       leaf_area=np.stack([np.zeros(COUNT), np.full(COUNT, 4.0)]).astype("f4"),
                       leaf_area_time=np.array([15.0, 195.0]))


def build(path, layout, weather, slabs=None):
    """Write the pending slabs (or some of them) and finish where all are there."""
    one = writer(path, layout)
    for slab in one.pending() if slabs is None else slabs:
        first, after = layout.days_of(slab)
        one.write_slab(slab, {name: values[first:after] for name, values in weather.items()}, {"precipitation": {"what": 2}})
    return one.finish({"from": "nowhere"}) if not one.pending() else None


def digest(folder):
    """Checksum of every file of a folder, by name."""
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*")) if path.is_file()}


def test_what_is_written_is_read_in_any_piece_and_order(tmp_path, layout, weather):
    store = open_forcing_store(build(tmp_path / "s.zarr", layout, weather))
    assert store.variables == ("air_temperature", "precipitation", "carbon_dioxide", "prescribed_leaf_area_index")
    for days, chosen in (((0, 69), None), ((25, 35), slice(10, 20)), ((29, 30), np.array([29, 0, 16, 15])),
                         ((69, 69), slice(3, 4))):
        cells = np.arange(COUNT) if chosen is None else np.arange(COUNT)[chosen]
        found = store.slab(*days, chosen)
        for place, name in enumerate(("air_temperature", "precipitation")):
            assert np.array_equal(found[:, place], weather[name][days[0]:days[1] + 1][:, cells]), (days, name)
    assert np.array_equal(store.slab("2000-02-26", "2000-03-07"), store.slab(25, 35))
    assert store.times(28, 29).tolist() == np.array(["2000-02-29", "2000-03-01"], dtype="datetime64[s]").tolist()
    assert store.slab(0, 69, variables=("carbon_dioxide",), dtype="f8")[:, 0, 0] == pytest.approx(np.linspace(370, 372, DAYS))


def test_cells_come_back_and_unpack_to_the_grid(tmp_path, layout, weather):
    store = open_forcing_store(build(tmp_path / "s.zarr", layout, weather))
    given = cells_for(COUNT)
    for name in ("latitude", "area", "plant_fraction", "soil_class", "tile"):
        assert np.array_equal(getattr(store.cells, name), getattr(given, name)), name
    assert store.cells.plant_types == ("GRA", "CRO")
    assert store.cells.soil_of(3) == "sand"
    assert store.cells.land_area.sum() == 15e10
    chart = store.cells.on_grid(np.arange(COUNT, dtype=float))
    assert chart.shape == (5, 6)
    assert chart[2, 3] == 15
    assert store.cells.nearest(32.1, 103.2) == 15
    with pytest.raises(ForcingError, match="no land cell"):
        store.cells.nearest(-40.0, 10.0)


def test_other_clients_read_the_same_numbers_and_units(tmp_path, layout, weather):
    path = build(tmp_path / "s.zarr", layout, weather)
    with xr.open_zarr(path) as seen:
        assert np.array_equal(seen.air_temperature.values, weather["air_temperature"])
        assert seen.air_temperature.units == "degC"
        assert seen.precipitation.standard_name == "precipitation_flux"
        assert seen.time.values[29] == np.datetime64("2000-03-01")
        assert seen.attrs["synthetic"] == 1


def test_leaf_area_of_a_climatology_repeats_and_of_a_series_does_not():
    values = np.array([[0.0], [4.0]], dtype="f4")
    days = np.array(["2000-01-15", "2001-01-15", "2000-07-14", "2000-04-15", "2000-12-31"], dtype="datetime64[D]")
    found = leaf_area_of_days(values, np.array([15.0, 195.0]), days)[:, 0]
    assert found == pytest.approx([0.0, 0.0, 4.0, 2.0, 0.32], abs=0.05)
    days = np.datetime64("1970-01-01") + np.array([10990, 11004, 11020])
    series = leaf_area_of_days(values, np.array([11000.0, 11010.0]), days)
    assert series[:, 0] == pytest.approx([0.0, 1.8, 4.0])


def test_an_unfinished_store_says_what_is_missing_and_is_not_opened(tmp_path, layout, weather):
    build(tmp_path / "s.zarr", layout, weather, slabs=[0, 2])
    with pytest.raises(ForcingError, match="not finished: 8 of 12 chunks") as caught:
        open_forcing_store(tmp_path / "s.zarr")
    assert caught.value.time == "2000-03-02"
    one = writer(tmp_path / "s.zarr", layout)
    assert one.pending() == [1]
    with pytest.raises(ForcingError, match="1 of 3 slabs") as caught:
        one.finish()
    assert caught.value.time == "2000-03-02"
    build(tmp_path / "s.zarr", layout, weather)
    build(tmp_path / "whole.zarr", layout, weather)
    assert digest(tmp_path / "s.zarr") == digest(tmp_path / "whole.zarr")


def test_every_changed_byte_is_seen_and_only_the_damage_is_made_again(tmp_path, layout, weather):
    path = build(tmp_path / "s.zarr", layout, weather)
    sound = digest(path)
    chunk = path / "precipitation" / "c" / "1" / "1"
    content = bytearray(chunk.read_bytes())
    for place in range(0, len(content), max(len(content) // 40, 1)):
        content[place] ^= 4
        chunk.write_bytes(bytes(content))
        with pytest.raises(ForcingError, match="checksum") as caught:
            open_forcing_store(path).slab(0, 69)
        assert str(chunk) == caught.value.file
        content[place] ^= 4
    chunk.write_bytes(bytes(content[:-3]))
    assert len(open_forcing_store(path).verify()) == 1
    assert writer(path, layout).pending() == [1]
    build(path, layout, weather)
    assert digest(path) == sound
    chunk.unlink()
    with pytest.raises(ForcingError, match="cannot be read"):
        open_forcing_store(path).slab(40, 41)
    (path / "latitude" / "c" / "0").write_bytes(b"none")
    with pytest.raises(ForcingError, match="checksum"):
        open_forcing_store(path)
    build(path, layout, weather)
    assert digest(path) == sound


def test_impossible_values_never_reach_the_store(tmp_path, layout, weather):
    one = writer(tmp_path / "s.zarr", layout)
    for value in (np.nan, np.inf, -300.0):
        broken = {name: values[:30].copy() for name, values in weather.items()}
        broken["air_temperature"][28, 4] = value
        with pytest.raises(ForcingError, match="cell 4") as caught:
            one.write_slab(0, broken)
        assert caught.value.time == "2000-02-29T00:00:00"
    assert one.pending() == [0, 1, 2]


def test_another_build_in_the_same_folder_is_refused(tmp_path, layout, weather):
    build(tmp_path / "s.zarr", layout, weather, slabs=[0])
    with pytest.raises(ForcingError, match="other data or choices"):
        writer(tmp_path / "s.zarr", layout, identity="two")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.txt").write_text("mine")
    with pytest.raises(ForcingError, match="taken"):
        writer(tmp_path / "taken", layout)
    assert (tmp_path / "taken" / "thesis.txt").read_text() == "mine"
    with exclusive(tmp_path / "s.zarr"), pytest.raises(ForcingError, match="another process"), exclusive(tmp_path / "s.zarr"):
        pass


def test_a_disk_that_is_too_full_is_refused_before_the_start(tmp_path, layout, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 1000, 1000))
    with pytest.raises(ForcingError, match="needs about"):
        writer(tmp_path / "s.zarr", layout)


def test_a_write_that_fails_leaves_no_half_chunk(tmp_path, layout, weather, monkeypatch):
    one = writer(tmp_path / "s.zarr", layout)
    real = os.fsync
    calls = []

    def full(handle):
        calls.append(handle)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        real(handle)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        one.write_slab(0, {name: values[:30] for name, values in weather.items()})
    monkeypatch.undo()
    assert not list((tmp_path / "s.zarr").rglob("*.partial"))
    build(tmp_path / "s.zarr", layout, weather)
    build(tmp_path / "whole.zarr", layout, weather)
    assert digest(tmp_path / "s.zarr") == digest(tmp_path / "whole.zarr")


def test_a_manifest_that_is_damaged_ends_in_an_error(tmp_path, layout, weather):
    path = build(tmp_path / "s.zarr", layout, weather)
    manifest = path / "manifest.json"
    sound = manifest.read_text()
    for text in ("", "[1]", sound[:200], json.dumps({"chunks": 3})):
        manifest.write_text(text)
        with pytest.raises(ForcingError, match="damaged"):
            open_forcing_store(path)


def test_a_build_killed_at_its_first_write_goes_on(tmp_path, layout, weather):
    folder = tmp_path / "killed.zarr"
    folder.mkdir()
    (folder / ".zarr.json.partial").write_bytes(b'{"zarr_')
    build(folder, layout, weather)
    build(tmp_path / "whole.zarr", layout, weather)
    assert digest(folder) == digest(tmp_path / "whole.zarr")
    (tmp_path / "taken.zarr").mkdir()
    (tmp_path / "taken.zarr" / "mine.txt").write_text("kept", encoding="utf-8")
    with pytest.raises(ForcingError, match="taken by something else"):
        build(tmp_path / "taken.zarr", layout, weather)


def test_random_kills_give_the_store_of_an_undisturbed_build(tmp_path, weather):
    small = StoreLayout(np.datetime64("2000-02-01"), DAYS, ("air_temperature", "precipitation"), COUNT, slab_days=5,
                        block_cells=7, title="invented", synthetic=True)
    begun = time.perf_counter()
    build(tmp_path / "whole.zarr", small, weather)
    span = time.perf_counter() - begun
    generator = np.random.default_rng(11)
    killed = 0
    for _ in range(20):
        child = os.fork()
        if child == 0:
            build(tmp_path / "killed.zarr", small, weather)
            os._exit(0)
        time.sleep(float(generator.uniform(0.01, 0.12)) * span)
        os.kill(child, signal.SIGKILL)
        killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
    build(tmp_path / "killed.zarr", small, weather)
    assert killed >= 5
    assert digest(tmp_path / "killed.zarr") == digest(tmp_path / "whole.zarr")
    assert open_forcing_store(tmp_path / "killed.zarr").verify() == []
