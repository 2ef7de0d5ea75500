"""Half hours from tables and records; the long table of measures and its way back."""

import csv
import io
import json
from itertools import pairwise

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.raster_grid import Raster
from terraflux.sites.representativeness.assessment import assess
from terraflux.sites.representativeness.half_hours import from_direction, read_half_hours
from terraflux.sites.representativeness.ranking import rank_towers
from terraflux.sites.representativeness.table import COLUMNS, csv_text, json_text, long_rows, read_report

TABLE = "time,zm,z0,h,ol,sigmav,ustar,wind_dir,gpp\n201907010000,10,0.1,900,-80,0.5,0.4,200,3\n" \
        "201907010030,10,0.1,900,-9999,0.5,0.4,210,4\n201907010100,10,0.1,900,-80,,0.4,220,5\n"


def written(folder, text, name="hours.csv"):
    path = folder / name
    path.write_text(text)
    return path


def test_a_table_is_read_with_its_time_missing_values_and_weights(tmp_path):
    found = read_half_hours(written(tmp_path, TABLE))
    assert len(found) == 3 and found.step_seconds == 1800 and str(found.time[1]) == "2019-07-01T00:30:00"
    assert np.isnan(found.inputs["obukhov_length"][1]) and np.isnan(found.inputs["sigma_v"][2])
    assert found.flux("gpp").tolist() == [3.0, 4.0, 5.0] and found.provenance["sigma_v"] == "column sigmav"
    with pytest.raises(ForcingError, match="no nee to weigh"):
        found.flux("nee")


def test_capital_names_and_other_names_are_the_same_columns(tmp_path):
    other = TABLE.replace("ol,sigmav,ustar,wind_dir", "MO_LENGTH,V_SIGMA,USTAR,WD")
    first = read_half_hours(written(tmp_path, TABLE))
    second = read_half_hours(written(tmp_path, other, "b.csv"), format="table")
    for name, values in first.inputs.items():
        np.testing.assert_array_equal(values, second.inputs[name])


def test_heights_come_from_sensor_and_canopy_where_the_table_has_none(tmp_path):
    bare = TABLE.replace("zm,z0,", "").replace(",10,0.1,", ",")
    path = written(tmp_path, bare)
    found = read_half_hours(path, height=30.0, canopy=18.0)
    assert found.inputs["measurement_height"].tolist() == [18.0] * 3
    assert found.inputs["roughness_length"] == pytest.approx([1.8] * 3)
    assert read_half_hours(path, height=30.0, displacement=10.0, roughness=0.7).inputs["roughness_length"][0] == 0.7
    with pytest.raises(ForcingError, match="sensor height is not known"):
        read_half_hours(path)
    with pytest.raises(ForcingError, match="no higher than the displacement"):
        read_half_hours(path, height=10.0, canopy=18.0)


@pytest.mark.parametrize("text, told", [
    (TABLE.replace("201907010030", "201907010130"), "does not ascend"), (TABLE.replace("201907010030", "noon"), "not a time"),
    (TABLE.replace(",ustar", ",u"), "friction_velocity"), (TABLE.replace(",200,", ",west,"), "not a number")])
def test_mistakes_name_file_and_place(tmp_path, text, told):
    with pytest.raises(ForcingError, match=told) as trouble:
        read_half_hours(written(tmp_path, text))
    assert "hours.csv" in str(trouble.value)


def test_radians_are_refused_and_conventions_are_converted():
    turn = np.linspace(0.0, 2.0 * np.pi, 60)
    with pytest.raises(ForcingError, match="radians"):
        from_direction(turn, None)
    assert from_direction(turn, "from").max() < 7.0
    np.testing.assert_allclose(from_direction(turn, "from_radians"), np.degrees(turn) % 360.0)
    assert from_direction(np.array([0.0, 270.0]), "to").tolist() == [180.0, 90.0]
    north = np.linspace(0.1, 0.9, 60)
    assert from_direction(north, None).tolist() == north.tolist()


def test_a_record_brings_its_own_names_and_units(tmp_path):
    """FLUXNET has no Obukhov length and sigma_v: they stay missing, with what their estimates need in W m-2, K and Pa."""
    stamps = [str(np.datetime64("2019-07-01T00:00") + 30 * k).translate(str.maketrans("", "", "-:T")) for k in range(49)]
    lines = ["TIMESTAMP_START,TIMESTAMP_END,TA_F,PA_F,WS_F,WD,USTAR,H_F_MDS,NEE_VUT_REF"]
    lines += [f"{start},{end},20,98,3,200,0.4,120,-5" for start, end in pairwise(stamps)]
    path = written(tmp_path, "\n".join(lines) + "\n", "FLX_CN-Cha_FLUXNET2015_FULLSET_HH_2019-2019_1-4.csv")
    found = read_half_hours(path, height=40.0, canopy=24.0)
    assert found.inputs["measurement_height"][0] == pytest.approx(24.0) and found.inputs["mean_wind_speed"][0] == 3.0
    assert np.isnan(found.inputs["obukhov_length"]).all() and "no obukhov_length" in found.provenance["obukhov_length"]
    assert found.medium["sensible_heat_flux"][0] == 120.0
    assert found.medium["air_temperature"][0] == pytest.approx(293.15)
    assert found.medium["air_pressure"][0] == pytest.approx(98000.0)
    assert found.flux("nee")[0] == -5.0


@pytest.fixture
def reports(landscapes):
    """Three towers over a textured patchwork."""
    grid = landscapes.blank()
    ndvi = landscapes.textured(grid)
    cover = grid.with_values(np.where(grid.x[None, :] < 100, 4.0, 12.0) * np.ones(grid.shape), kind="classes", name="cover")
    index = Raster(ndvi.values, grid.x, grid.y, name="NDVI", units="m2 m-2")
    summer = landscapes.gaussian_footprint(grid)
    return [assess({"year": landscapes.gaussian_footprint(grid, east=east), "summer": summer}, {"NDVI": index, "cover": cover},
                   code=f"T{k}", legend="modis_igbp", target_class="DBF", radii=(250, 500, 3000), target_radius=500,
                   seasons=("year", "summer")) for k, east in enumerate((-200.0, 0.0, 300.0))]


def test_every_row_has_a_value_a_verdict_or_a_reason(reports):
    rows = long_rows(reports[0])
    for row in rows:
        assert np.isfinite(row["value"]) or row["verdict"] or row["reason"], row
    named = {row["metric"] for row in rows}
    assert {"captured_mass", "X80", "A80", "S80", "location_bias", "PTVT_80", "FTVT_80", "hellinger", "dispersion_variance",
            "O80_season", "land_cover_rating", "bray_curtis", "Roman_score", "characteristic_scale", "variogram_range"} <= named
    units = {row["metric"]: row["unit"] for row in rows if row["raster"] == "NDVI"}
    assert units["footprint_value"] == "m2 m-2" and units["dispersion_variance"] == "(m2 m-2)2"
    far = [row for row in rows if row["radius"] == 3000.0 and row["metric"] == "location_bias"]
    assert all(row["verdict"] == "undefined" and "does not reach" in row["reason"] for row in far)
    assert all("does not reach" in row["reason"] for row in rows if row["radius"] == 3000.0 and row["metric"] == "area_value")


def test_the_csv_gives_every_number_back(reports):
    rows = long_rows(reports[0])
    again = list(csv.DictReader(io.StringIO(csv_text(rows))))
    assert tuple(again[0]) == COLUMNS and len(again) == len(rows)
    for one, row in zip(again, rows):
        assert (one["value"] == "" and np.isnan(row["value"])) or float(one["value"]) == row["value"]


def test_reports_read_back_rank_as_before(reports, tmp_path):
    paths = [written(tmp_path, json_text(one, {"model": "ffp"}), f"{one.code}.json") for one in reports]
    assert rank_towers([read_report(path) for path in paths]) == rank_towers(reports)


@pytest.mark.parametrize("text, told", [("{", "no JSON"), ("[]", "no table"), ('{"format": "terraflux representativeness", '
                                        '"version": 9}', "version 9"),
                                        ('{"format": "terraflux representativeness", "version": 1}', "damaged")])
def test_other_files_are_refused(tmp_path, text, told):
    with pytest.raises(ForcingError, match=told):
        read_report(written(tmp_path, text, "t.json"))


def test_the_json_is_strict(reports):
    content = json.loads(json_text(reports[0], {"x": float("nan")}), parse_constant=lambda name: pytest.fail(name))
    assert content["x"] is None
