"""Tower files: one TOML that describes a tower; what it may say and where its paths may lead."""

import pytest

from terraflux.drivers import open_tower
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.tower_file import read_tower_file

TOWER = """
format = "mapped_csv"
data = "site"
first = "2021-05-03"
last = "2021-06-20"

[site]
site_id = "XX-Tst"
latitude = 50.5
longitude = 12.0
elevation = 350.0
utc_offset_hours = 1
plant_type = "MF"
parameters = { maximum_leaf_area_index = 4.5 }

[completion]
leaf_area = "lai.csv"
leaf_area_smooth = false

[[table]]
files = ["plain.csv"]
time = { stamp = "TIMESTAMP_START", marks = "start" }

[table.forcing]
air_temperature = { column = "TA_F", unit = "degC" }
shortwave_down = { column = "SW_IN_F", unit = "W m-2" }
vapour_pressure_deficit = { column = "VPD_F", unit = "hPa" }
precipitation = { column = "P_F", unit = "mm" }
wind_speed = { column = "WS_F", unit = "m s-1" }
"""


@pytest.fixture
def folder(tmp_path, table):
    """A data root with one site, and the tower file beside it."""
    (tmp_path / "root/site").mkdir(parents=True)
    table.round(6).fillna(-9999).to_csv(tmp_path / "root/site/plain.csv", index=False)
    (tmp_path / "root/lai.csv").write_text("date,value\n2021-04-20,1.0\n2021-06-30,5.0\n")
    (tmp_path / "tower.toml").write_text(TOWER)
    return tmp_path


def rewritten(folder, old, new):
    path = folder / "tower.toml"
    assert old in TOWER
    path.write_text(TOWER.replace(old, new))
    return path


def test_tower_file_opens_a_tower(folder):
    tower = open_tower(folder / "tower.toml", data_folder=folder / "root")
    assert str(tower.forcing.time.values[0])[:16] == "2021-05-03T00:00"
    assert str(tower.forcing.time.values[-1])[:16] == "2021-06-20T23:30"
    assert tower.site.parameters == {"maximum_leaf_area_index": 4.5}
    assert tower.forcing.prescribed_leaf_area_index.values.min() > 1.0
    assert tower.forcing.attrs["source_files"] == "plain.csv, lai.csv"
    assert open_tower(folder, data_folder=folder / "root").site == tower.site


def test_data_root_comes_from_the_environment_or_the_folder(folder, monkeypatch):
    monkeypatch.setenv("TERRAFLUX_SHARED_DATA", str(folder / "root"))
    assert read_tower_file(folder / "tower.toml").folder == (folder / "root/site").resolve()
    monkeypatch.delenv("TERRAFLUX_SHARED_DATA")
    (folder / "root/tower.toml").write_text(TOWER)
    assert read_tower_file(folder / "root/tower.toml").folder == (folder / "root/site").resolve()
    with pytest.raises(ForcingError, match=r"absent.*TERRAFLUX_SHARED_DATA"):
        read_tower_file(folder / "tower.toml")


def test_choices_of_the_caller_win(folder):
    tower = open_tower(folder / "tower.toml", data_folder=folder / "root", first="2021-06-01",
                       completion={"leaf_area": 2.0}, site={"elevation": 900.0})
    assert (tower.forcing.prescribed_leaf_area_index == 2.0).all()
    assert str(tower.forcing.time.values[0])[:10] == "2021-06-01" and tower.site.elevation == 900.0
    assert tower.forcing.air_pressure.values[0] == pytest.approx(90971.0, abs=5.0)  # ICAO tables, 900 m


@pytest.mark.parametrize(("old", "new", "message"), [
    ('format = "mapped_csv"', 'format = "mapped_cvs"', "did you mean 'mapped_csv'"),
    ("elevation =", "elevaton =", "did you mean 'elevation'"),
    ("first =", "frist =", "did you mean 'first'"),
    ("leaf_area_smooth", "leaf_area_smoth", "did you mean 'leaf_area_smooth'"),
    ('leaf_area = "lai.csv"', 'leaf_area = "../tower.toml"', "leads out of the folder"),
    ('leaf_area = "lai.csv"', 'leaf_area = "/etc/hostname"', "not a relative path"),
    ('data = "site"', 'data = ".."', "leads out of the folder"),
    ('data = "site"', 'data = "nowhere"', "data folder .* is absent"),
    ('data = "site"', 'data = "site"\nfile = "plain.csv"', "takes no file"),
    ('"2021-05-03"', '"2031-05-03"', "no step lies between"),
    ('files = ["plain.csv"]', 'files = ["plane.csv"]', "does not exist"),
    ('plant_type = "MF"', "", "neither plant_type nor igbp"),
    ('wind_speed = { column = "WS_F", unit = "m s-1" }', "", "there is no wind_speed"),
    ('air_temperature = { column = "TA_F", unit = "degC" }', "", "cannot be estimated"),
])
def test_mistakes_are_named(folder, old, new, message):
    with pytest.raises(ForcingError, match=message):
        open_tower(rewritten(folder, old, new), data_folder=folder / "root")


def test_constant_wind_is_a_choice(folder):
    path = rewritten(folder, 'wind_speed = { column = "WS_F", unit = "m s-1" }', "")
    tower = open_tower(path, data_folder=folder / "root", completion={"wind_speed": 2.5})
    assert (tower.forcing.wind_speed == 2.5).all() and (tower.forcing.wind_speed_provenance == 6).all()


def test_a_tower_file_beside_its_data_is_understood_whatever_the_data_root(folder, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("TERRAFLUX_SHARED_DATA", str(tmp_path_factory.mktemp("elsewhere")))
    (folder / "root/tower.toml").write_text(TOWER.replace('data = "site"\n', "").replace('"plain.csv"', '"site/plain.csv"'))
    assert read_tower_file(folder / "root/tower.toml").folder == folder / "root"
    assert open_tower(folder / "root/tower.toml").forcing.sizes["time"] > 0
