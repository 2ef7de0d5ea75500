"""Files from outside: damaged, oversized and hostile ones are refused by name."""

import gzip

import netCDF4
import numpy as np
import pytest

from terraflux.drivers import open_tower
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import contained, open_netcdf, read_table, read_text, read_toml


def test_paths_stay_in_their_folder(tmp_path):
    (tmp_path / "data").mkdir()
    assert contained(tmp_path / "data", "a/b.csv") == tmp_path.resolve() / "data/a/b.csv"
    (tmp_path / "data/link").symlink_to(tmp_path)
    for evil in ("../secret.csv", "a/../../secret.csv", "/etc/passwd", "link/secret.csv", "a\0.csv", "\\\\host\\x", ""):
        with pytest.raises(ForcingError):
            contained(tmp_path / "data", evil)


def test_missing_and_empty_files_and_folders_are_refused(tmp_path):
    with pytest.raises(ForcingError, match="does not exist"):
        read_text(tmp_path / "absent.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(ForcingError, match="empty"):
        read_text(tmp_path / "empty.csv")
    with pytest.raises(ForcingError, match="not a regular file"):
        read_text(tmp_path)


def test_small_archive_that_unpacks_to_much_is_refused(tmp_path):
    path = tmp_path / "bomb.csv.gz"
    path.write_bytes(gzip.compress(b"0" * 5_000_000))
    with pytest.raises(ForcingError, match="unpacks"):
        read_text(path, maximum_bytes=1_000_000)
    truncated = tmp_path / "cut.csv.gz"
    truncated.write_bytes(gzip.compress(b"a,b\n1,2\n" * 1000)[:-20])
    with pytest.raises(ForcingError, match="cannot be read"):
        read_text(truncated)


def test_netcdf_that_declares_terabytes_is_refused_before_reading(tmp_path):
    path = tmp_path / "bomb.nc"
    with netCDF4.Dataset(path, "w") as dataset:
        dataset.createDimension("time", 10**12)
        dataset.createVariable("Tair", "f8", ("time",), chunksizes=(1000,))
    assert path.stat().st_size < 100_000
    with pytest.raises(ForcingError, match="declares"):
        open_netcdf(path)


def test_artificial_calendars_are_refused(tmp_path):
    path = tmp_path / "calendar.nc"
    with netCDF4.Dataset(path, "w") as dataset:
        dataset.createDimension("time", 4)
        time = dataset.createVariable("time", "f8", ("time",))
        time.units, time.calendar = "days since 2000-01-01", "360_day"
    with pytest.raises(ForcingError, match="360_day"):
        open_netcdf(path)


def test_damaged_netcdf_never_gives_another_error(tmp_path, write_plumber, facts):
    good = write_plumber().read_bytes()
    generator = np.random.default_rng(7)
    outcomes = []
    for number in range(40):
        mutant = bytearray(good)
        if number % 2:
            mutant = mutant[:int(generator.integers(1, len(good)))]
        else:
            for place in generator.integers(0, len(good), size=20):
                mutant[place] = int(generator.integers(0, 256))
        path = tmp_path / "mutant_Met.nc"
        path.write_bytes(bytes(mutant))
        try:
            tower = open_tower(path, format="plumber", site=facts)
        except ForcingError:
            outcomes.append("refused")
        else:
            assert np.isfinite(tower.forcing.air_temperature.values).all()
            outcomes.append("read")
    assert outcomes.count("refused") >= 20


def test_table_errors_name_cell_column_and_line(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n3,oops\n")
    with pytest.raises(ForcingError, match="'oops' in data line 2") as caught:
        read_table(path)
    assert caught.value.variable == "b" and str(path) in str(caught.value)
    path.write_text("a,a\n1,2\n")
    with pytest.raises(ForcingError, match="twice"):
        read_table(path)
    for line in ("3,4,5,6", "3"):
        path.write_text(f"a,b\n1,2\n{line}\n")
        with pytest.raises(ForcingError, match=r"data line 2 has \d cells, the header 2"):
            read_table(path)
    path.write_bytes(b"a,b\n1,\0\n")
    with pytest.raises(ForcingError, match="NUL"):
        read_table(path)
    path.write_text("a,b\n")
    with pytest.raises(ForcingError, match="no data"):
        read_table(path)


def test_toml_errors_are_named(tmp_path):
    path = tmp_path / "tower.toml"
    path.write_text("a = [1,\n")
    with pytest.raises(ForcingError, match="malformed"):
        read_toml(path)
    path.write_text("x = " + "[" * 20000)
    with pytest.raises(ForcingError):
        read_toml(path)
