"""Restart files keep every bit and refuse what is not a restart of this column."""

import numpy as np
import pytest
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.restart import read_restart, write_restart
from terraflux.model.variables import variable_table

TIME = np.datetime64("2021-03-04T05:30:00")


@pytest.fixture(scope="module")
def table():
    return variable_table(soil_layers=4)


@pytest.fixture(scope="module")
def state(table):
    """Random numbers within the bounds of every state, with all their bits in use."""
    random = np.random.default_rng(11)
    rows = [variable.bounds or (-1.0, 1.0) for variable, _ in table.rows_of("state")]
    return np.array([random.uniform(low, high, 3) for low, high in rows])


@pytest.fixture
def written(tmp_path, table, state):
    return write_restart(tmp_path / "restart.nc", table, state, TIME)


def changed(path, change):
    """The restart after a change of its dataset, as another file."""
    with xr.open_dataset(path, decode_cf=False) as dataset:
        other = change(dataset.load())
    target = path.with_name("changed.nc")
    other.to_netcdf(target)
    return target


def test_what_is_read_is_what_was_written_to_the_last_bit(written, table, state):
    back, time = read_restart(written, table)
    assert back.tobytes() == state.tobytes()
    assert back.flags.c_contiguous and back.dtype == np.float64
    assert time == TIME


def test_extreme_numbers_keep_their_bits(tmp_path, table, state):
    odd = state.copy()
    names = [variable.name for variable, _ in table.rows_of("state")]
    odd[names.index("soil_temperature")] = [-0.0, 5e-324, np.nextafter(1.0, 2.0)]
    back, _ = read_restart(write_restart(tmp_path / "odd.nc", table, odd, TIME), table)
    assert back.tobytes() == odd.tobytes()


def test_the_file_holds_every_state_of_the_table_with_its_unit(written, table):
    with xr.open_dataset(written, decode_cf=False) as dataset:
        assert set(dataset.data_vars) == {variable.name for variable in table.of_kind("state")}
        for variable in table.of_kind("state"):
            assert dataset[variable.name].attrs["units"] == variable.unit


def test_a_second_write_replaces_the_first_and_leaves_no_draft(written, table, state):
    write_restart(written, table, state * 0.999, TIME)
    back, _ = read_restart(written, table)
    assert np.array_equal(back, state * 0.999)
    assert [one.name for one in written.parent.iterdir()] == [written.name]


def test_a_write_that_fails_leaves_the_old_file(written, table, state, monkeypatch):
    def fails(*_, **__):
        raise OSError("no space left")

    monkeypatch.setattr(xr.Dataset, "to_netcdf", fails)
    with pytest.raises(OSError, match="no space"):
        write_restart(written, table, state * 0.5, TIME)
    monkeypatch.undo()
    assert np.array_equal(read_restart(written, table)[0], state)


def test_a_state_of_the_wrong_shape_or_a_missing_folder_is_refused(tmp_path, table, state):
    with pytest.raises(ValueError, match="shape"):
        write_restart(tmp_path / "short.nc", table, state[:-1], TIME)
    with pytest.raises(ForcingError, match="folder"):
        write_restart(tmp_path / "absent" / "restart.nc", table, state, TIME)


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.5, 0.999])
def test_a_truncated_file_is_refused(written, table, share):
    content = written.read_bytes()
    written.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ForcingError, match=r"restart\.nc"):
        read_restart(written, table)


def test_files_that_are_no_restart_are_refused(tmp_path, table):
    text = tmp_path / "notes.nc"
    text.write_text("not a restart")
    foreign = tmp_path / "foreign.nc"
    xr.Dataset({"t": ("x", [1.0])}).to_netcdf(foreign)
    for path, message in ((text, "cannot be opened"), (foreign, "no terraflux restart"),
                          (tmp_path / "none.nc", "does not exist"), (tmp_path, "regular file")):
        with pytest.raises(ForcingError, match=message):
            read_restart(path, table)


@pytest.mark.parametrize(("name", "values", "message"), [
    ("snow_age", ("column", [np.nan, 1.0, 1.0]), "nan lies outside"),
    ("snow_age", ("column", [-1.0, 1.0, 1.0]), "-1 lies outside 0"),
    ("snow_age", ("column", [np.inf, 1.0, 1.0]), "inf lies outside"),
    ("snow_age", ("column", ["a", "b", "c"]), "cannot be read"),
    ("snow_age", (("soil", "column"), np.zeros((4, 3))), "4 layers, this column 1"),
    ("soil_ice", (("column", "soil"), np.zeros((3, 4))), "3 layers, this column 4"),
    ("soil_liquid", (("soil", "column"), np.full((4, 3), 1.5)), "1.5 lies outside"),
    ("snow_age", ((), 0.0), "different numbers of columns"),
])
def test_states_that_cannot_be_are_refused_by_name(written, table, name, values, message):
    path = changed(written, lambda dataset: dataset.drop_vars(name).assign({name: values}))
    with pytest.raises(ForcingError, match=message):
        read_restart(path, table)


def test_a_missing_state_is_named(written, table):
    with pytest.raises(ForcingError, match="lacks a state") as caught:
        read_restart(changed(written, lambda dataset: dataset.drop_vars("growth_temperature")), table)
    assert caught.value.variable == "growth_temperature"


@pytest.mark.parametrize("stated", [None, "yesterday", "NaT"])
def test_a_restart_without_a_time_is_refused(written, table, stated):
    def change(dataset):
        kept = {name: value for name, value in dataset.attrs.items() if name != "valid_at"}
        dataset.attrs = kept if stated is None else {**kept, "valid_at": stated}
        return dataset

    with pytest.raises(ForcingError, match="when it is valid"):
        read_restart(changed(written, change), table)


def test_a_column_with_other_layers_is_refused(written):
    with pytest.raises(ForcingError, match="4 layers, this column 6"):
        read_restart(written, variable_table(soil_layers=6))
    with pytest.raises(ForcingError, match="deep_temperature"):
        read_restart(written, variable_table(soil_layers=4, deep_layers=2))
