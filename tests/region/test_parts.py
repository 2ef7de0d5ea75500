"""Mosaics, periods, choices, parameters and checkpoints, by themselves."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.grid.nation_store import cells_of_nation
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.model.variables import variable_table
from terraflux.region.checkpoint import SLOTS, Checkpoint, newest_checkpoint, write_checkpoint
from terraflux.region.configuration import choices_from, read_choices
from terraflux.region.errors import RegionError
from terraflux.region.mosaic import mosaic_of
from terraflux.region.parameter_sources import parameter_sources, read_maps
from terraflux.region.periods import Gatherer, periods


@pytest.fixture(scope="module")
def cells():
    return cells_of_nation(SyntheticNation(6.0))[0]


def test_fractions_of_a_mosaic_sum_to_one_and_keep_their_proportions(cells):
    mosaic = mosaic_of(cells, 0.1, members=2)
    assert np.allclose(mosaic.to_cells(np.ones(mosaic.columns)), 1.0, atol=1e-15)
    for cell in range(cells.count):
        own = (mosaic.cell == cell) & (mosaic.member == 1)
        share = cells.plant_fraction[mosaic.plant[own], cell]
        assert (share >= 0.1).all() and np.allclose(mosaic.weight[own], share / share.sum())
        assert mosaic.left_out[cell] == pytest.approx(1.0 - share.sum(), abs=1e-12)
    assert (np.diff(mosaic.member * cells.count + mosaic.cell) >= 0).all()


def test_the_largest_plant_stays_where_all_are_small_and_bare_ground_fills_the_rest(cells):
    few = cells.take(slice(0, 2))
    small = np.zeros_like(few.plant_fraction)
    small[3, 0] = 0.02
    mosaic = mosaic_of(replace(few, plant_fraction=small), 0.05)
    assert [mosaic.plant_types[kind] for kind in mosaic.plant] == [few.plant_types[3], "BSV"]
    assert np.array_equal(mosaic.weight, [1.0, 1.0])


def test_means_of_cells_are_those_of_their_columns(cells):
    mosaic = mosaic_of(cells, 0.05)
    values = np.random.default_rng(1).normal(size=(3, mosaic.columns))
    means = mosaic.to_cells(values)
    for cell in range(cells.count):
        own = mosaic.cell == cell
        assert np.allclose(means[:, 0, cell], (values[:, own] * mosaic.weight[own]).sum(axis=1), rtol=1e-13)


@pytest.mark.parametrize(("kind", "count"), [("monthly", 4), ("annual", 2), ("daily", 63)])
def test_periods_are_those_of_the_calendar(kind, count):
    spans = periods(kind, "1983-12-30", "1984-03-01")
    assert spans.count == count and spans.of_day.size == 63
    assert spans.edges[0] == np.datetime64("1983-12-30") and spans.edges[-1] == np.datetime64("1984-03-02")
    if kind == "monthly":
        assert list(np.diff(spans.edges).astype(int)) == [2, 31, 29, 1]


def test_gathered_means_are_those_of_the_days(cells):
    mosaic = mosaic_of(cells.take(slice(0, 3)), 0.05)
    daily = np.random.default_rng(2).normal(size=(63, 2, mosaic.columns))
    gatherer = Gatherer(periods("monthly", "1983-12-30", "1984-03-01"), np.array([1]), mosaic, "float64")
    chunks = [one for first in range(0, 63, 9) for one in gatherer.add(first, daily[first:first + 9])]
    (number, values), = chunks
    assert number == 0 and values.shape == (4, 1, 1, 3)
    edges = np.cumsum([0, 2, 31, 29, 1])
    for month in range(4):
        mean = daily[edges[month]:edges[month + 1], 1].mean(axis=0)
        assert np.allclose(values[month, 0], mosaic.to_cells(mean), rtol=1e-12, atol=1e-14)


RUN = {"first": "1984-01-01", "last": "1984-12-31"}


@pytest.mark.parametrize(("table", "words"), [
    ({"forcing": {"synthetic": 1.0}, "runs": RUN}, "did you mean 'run'"),
    ({"forcing": {"sinthetic": 1.0}, "run": RUN}, "did you mean 'synthetic'"),
    ({"forcing": {"synthetic": 1.0, "precipitation": "cascde"}, "run": RUN}, "choose uniform, triangular, cascade"),
    ({"forcing": {"synthetic": 1.0}, "run": RUN, "model": {"photosynthesis": "farquar"}}, "meant 'farquhar'"),
    ({"forcing": {"synthetic": 1.0, "store": "a"}, "run": RUN}, "either a store or the synthetic nation"),
    ({"forcing": {"synthetic": 1.0}, "run": {"first": "1984-01-01", "last": "1983-01-01"}}, "exchange first and last"),
    ({"forcing": {"synthetic": 1.0}, "run": {"first": "soon", "last": "1983-01-01"}}, "no date"),
    ({"forcing": {"synthetic": 1.0}, "run": RUN | {"every": 0}}, "every = 0"),
    ({"forcing": {"synthetic": 1.0}, "run": RUN | {"every": "2"}}, "must be like"),
    ({"forcing": {"synthetic": 1.0}, "run": RUN | {"box": [1, 2]}}, "west, east, south, north"),
    ({"forcing": {"synthetic": 1.0}, "run": RUN, "model": {"step": 1000}}, "does not divide the day"),
    ({"forcing": {"synthetic": 1.0}, "run": RUN, "parameters": {"members": 4}}, "there is no map"),
    ({"forcing": {"synthetic": 1.0}, "run": RUN, "output": {"monthly": [], "annual": []}}, "nothing is to be kept"),
])
def test_choices_that_make_no_sense_are_refused_by_name(tmp_path, table, words):
    with pytest.raises(ForcingError, match=words):
        choices_from(table, folder=tmp_path)


def test_choices_come_back_from_their_table(tmp_path):
    (tmp_path / "china.toml").write_text('[forcing]\nsynthetic = 2.0\n[run]\nfirst = 1984-01-01\nlast = "1984-12-31"\n'
                                         "[parameters.plant.GRA]\ncarboxylation_capacity = 44.0\n")
    one = read_choices(tmp_path / "china.toml")
    assert one.output == tmp_path / "china_run" and one.run.first == "1984-01-01"
    assert choices_from(one.as_table(), folder=tmp_path, file=one.file) == one


def test_parameters_come_from_file_map_and_choices_in_this_order(tmp_path, cells):
    import xarray as xr

    (tmp_path / "parameters.toml").write_text(
        'format = "terraflux parameters 1"\nsite = "XX"\n[parameters.carboxylation_capacity]\nmode = 41.0\nq95 = 61.0\n'
        '[parameters."stomatal_slope_medlyn@GRA"]\nmode = 3.3\n')
    north = cells.latitude > 36.0
    maps = np.where(np.array([30.0, 40.0])[None, :] > 36.0, np.array([[50.0], [51.0]]), np.nan)  # member, latitude
    xr.Dataset({"carboxylation_capacity": (("member", "lat"), maps), "unused": ("lat", [1.0, 2.0])},
               {"lat": [30.0, 40.0]}).to_netcdf(tmp_path / "maps.nc")
    chosen = choices_from({"forcing": {"synthetic": 6.0}, "run": RUN, "parameters": {
        "file": "parameters.toml", "map": "maps.nc", "members": 2, "plant": {"GRA": {"root_distribution": 0.95}}}},
        folder=tmp_path)
    sources, checksums = parameter_sources(chosen)
    assert set(checksums) == {"file", "map"}
    mosaic = mosaic_of(cells, 0.05, members=2)
    table = variable_table()
    sets, vectors = sources.columns_of(mosaic, cells, table)
    row = [variable.name for variable, _ in table.rows_of("parameter")].index("carboxylation_capacity")
    expected = np.where(np.abs(cells.latitude[mosaic.cell] - 40.0) < np.abs(cells.latitude[mosaic.cell] - 30.0),
                        50.0 + mosaic.member, 41.0)
    assert north.any() and np.array_equal(vectors[row], expected)
    grass = [k for k in range(mosaic.columns) if mosaic.plant_types[mosaic.plant[k]] == "GRA"]
    other = [k for k in range(mosaic.columns) if mosaic.plant_types[mosaic.plant[k]] == "ENF"]
    assert {sets[k]["stomatal_slope_medlyn"] for k in grass} == {3.3}
    assert {sets[k]["root_distribution"] for k in grass} == {0.95}
    assert other and 3.3 not in {sets[k]["stomatal_slope_medlyn"] for k in other}
    with pytest.raises(RegionError, match="has 2 members, 3 are asked for"):
        read_maps(tmp_path / "maps.nc", 3)


def test_parameters_fitted_with_other_processes_are_refused(tmp_path):
    (tmp_path / "parameters.toml").write_text('format = "terraflux parameters 1"\n[options]\nphotosynthesis = "two_leaf_lue"\n'
                                              "[parameters.carboxylation_capacity]\nmode = 41.0\n")
    chosen = choices_from({"forcing": {"synthetic": 6.0}, "run": RUN, "parameters": {"file": "parameters.toml"}},
                          folder=tmp_path)
    with pytest.raises(RegionError, match="were fitted with photosynthesis"):
        parameter_sources(chosen)


def test_checkpoints_alternate_and_hold_exact_numbers(tmp_path):
    values = np.random.default_rng(3).normal(size=(4, 5))
    for number in range(3):
        one = Checkpoint(number, 10 * number, 5, {"state": values + number, "months": np.float32([[np.nan, 1.5]])}, {"a": "b"})
        write_checkpoint(tmp_path, "run", one)
    found = newest_checkpoint(tmp_path, ["run"])
    assert (found.number, found.next_day, found.spun_up, found.chunks) == (2, 20, 5, {"a": "b"})
    assert np.array_equal(found.arrays["state"], values + 2) and found.arrays["months"].dtype == np.float32
    content = (tmp_path / SLOTS[0]).read_bytes()
    for place in np.random.default_rng(4).integers(0, len(content), 60):
        (tmp_path / SLOTS[0]).write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1:])
        assert newest_checkpoint(tmp_path, ["run"]).number == 1
    for length in (0, 10, 40, 200, len(content) - 1):
        (tmp_path / SLOTS[0]).write_bytes(content[:length])
        assert newest_checkpoint(tmp_path, ["run"]).number == 1
    with pytest.raises(RegionError, match="belongs to another run"):
        newest_checkpoint(tmp_path, ["other"])
