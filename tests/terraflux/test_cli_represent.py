"""`terraflux represent` and `terraflux towers rank`: what they write, and what they say of bad input."""

import csv
import gzip
import json

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.warp import transform

from terraflux.cli.errors import run

LATITUDE, LONGITUDE = 48.6636, 6.3427
HEADER = "time,zm,z0,umean,h,ol,sigmav,ustar,wind_dir,gpp"
PLACE = ["--lat", str(LATITUDE), "--lon", str(LONGITUDE), "--radii", "200,400", "--target-radius", "400", "--resolution", "20",
         "--cells", "point", "--period", "all"]


def half_hours(path, direction=270.0, count=192, change=None, header=HEADER):
    """A table of half hours; `change(row, k)` may spoil a row."""
    lines = [header]
    for k in range(count):
        time = np.datetime64("2019-07-01T00:00") + 30 * k
        row = {"time": str(time), "zm": 10, "z0": 0.1, "umean": 3.2, "h": 900, "ol": -80, "sigmav": 0.55, "ustar": 0.35,
               "wind_dir": round((direction + 40 * np.sin(k)) % 360, 3), "gpp": 5}
        if change is not None:
            change(row, k)
        lines.append(",".join(str(row[name]) for name in header.split(",")))
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def raster(path, values, crs="EPSG:32632", cell=20.0, nodata=None):
    """A GeoTIFF of `values` (north at the top) with the tower in its middle."""
    x, y = transform("EPSG:4326", crs, [LONGITUDE], [LATITUDE])
    lines, columns = values.shape
    placed = from_origin(x[0] - 0.5 * columns * cell, y[0] + 0.5 * lines * cell, cell, cell)
    with rasterio.open(path, "w", driver="GTiff", height=lines, width=columns, count=1, dtype=values.dtype, crs=crs,
                       transform=placed, nodata=nodata) as file:
        file.write(values, 1)
    return str(path)


def patches(west, east, kind="float32", size=80):
    """One value west of the tower, another east of it."""
    return np.where(np.arange(size)[None, :] < size // 2, west, east).astype(kind) * np.ones((size, 1), kind)


@pytest.fixture
def ndvi(tmp_path):
    return raster(tmp_path / "ndvi.tif", patches(0.8, 0.4))


@pytest.fixture
def cover(tmp_path):
    return raster(tmp_path / "cover.tif", patches(4, 12, "uint8"))


def table_of(folder):
    with open(folder / "representativeness.csv", newline="") as stream:
        return list(csv.DictReader(stream))


def the(rows, metric, **where):
    """The one row of a metric."""
    found = [row for row in rows if row["metric"] == metric and all(row[name] == value for name, value in where.items())]
    assert len(found) == 1, (metric, where, found)
    return found[0]


def test_one_command_writes_table_maps_figures_and_page(tmp_path, ndvi, cover, capsys):
    out = tmp_path / "out"
    code = run(["represent", half_hours(tmp_path / "hours.csv"), "--raster", f"NDVI={ndvi}", "--land-cover", cover, "--target",
                "DBF", "--out", str(out), "--sensitivity", "NDVI=20", *PLACE])
    text = capsys.readouterr().out
    assert code == 0 and "192 of 192 half hours" in text and "biased" in text

    rows = table_of(out)
    bias = the(rows, "location_bias", period="all", raster="NDVI", radius="400.0")
    assert float(bias["value"]) > 20 and bias["unit"] == "%" and bias["verdict"] == "biased"
    assert float(the(rows, "flux_bias", radius="400.0")["value"]) == pytest.approx(
        20 * float(the(rows, "absolute_bias", radius="400.0")["value"]))
    assert the(rows, "land_cover_rating")["verdict"] == "MEDIUM"
    for row in rows:
        assert row["value"] or row["verdict"] or row["reason"], row

    content = json.loads((out / "representativeness.json").read_text())
    assert content["version"] == 1 and content["half_hours_used"] == 192 and content["footprint_model"] == "ffp"
    assert len(content["rows"]) == len(rows)

    areas = json.loads((out / "source_areas.geojson").read_text())
    eighty = next(one for one in areas["features"] if one["properties"].get("fraction") == 0.8)
    ring = np.array(eighty["geometry"]["coordinates"][0][0])
    assert ring[:, 0].mean() < LONGITUDE and abs(ring[:, 1] - LATITUDE).max() < 0.01

    with rasterio.open(out / "climatology.tif") as file:
        density = file.read(1)
        assert file.descriptions == ("all",)
        line, column = np.unravel_index(density.argmax(), density.shape)
        assert file.xy(line, column)[0] < 0.0  # upwind, west
        area = abs(file.transform.a * file.transform.e)
        mass = float(the(rows, "captured_mass", period="all")["value"])
        assert density.sum(dtype=float) * area == pytest.approx(mass, rel=1e-5)

    page = (out / "representativeness.html").read_text()
    assert page.count("data:image/png;base64,") == len(list((out / "figures").glob("*.png"))) >= 6
    assert "src=\"http" not in page and "<link" not in page


def test_the_page_of_safe_f_says_that_it_is_unverified(tmp_path, ndvi, capsys):
    out = tmp_path / "out"
    assert run(["represent", half_hours(tmp_path / "hours.csv", count=48), "--raster", f"NDVI={ndvi}", "--model", "safe_f",
                "--solution", "powerlaw", "--out", str(out), *PLACE]) == 0
    text = capsys.readouterr().out
    page = (out / "representativeness.html").read_text()
    content = json.loads((out / "representativeness.json").read_text())
    label = 'safe_f(solution="powerlaw")'
    assert label in text and "unverified" in text and "unverified" in page
    assert content["footprint_model"] == label and "unverified" in content["footprint_model_note"]
    areas = json.loads((out / "source_areas.geojson").read_text())
    assert all("unverified" in one["properties"]["footprint_model_note"] for one in areas["features"])
    with rasterio.open(out / "climatology.tif") as file:
        assert "unverified" in file.tags()["footprint_model_note"]


def test_a_second_run_replaces_its_files_and_touches_no_other(tmp_path, ndvi, cover):
    out = tmp_path / "out"
    hours = half_hours(tmp_path / "hours.csv", count=48)
    assert run(["represent", hours, "--raster", f"NDVI={ndvi}", "--land-cover", cover, "--out", str(out), *PLACE]) == 0
    (out / "mine.txt").write_text("keep")
    assert run(["represent", hours, "--raster", f"NDVI={ndvi}", "--out", str(out), *PLACE]) == 0
    assert (out / "mine.txt").read_text() == "keep"
    assert not (out / "figures" / "footprint_land_cover.png").exists()
    assert "land cover" not in (out / "representativeness.csv").read_text()


def test_nothing_is_written_when_the_input_is_bad(tmp_path, ndvi):
    out = tmp_path / "out"
    assert run(["represent", half_hours(tmp_path / "hours.csv", header=HEADER.replace(",sigmav", "")), "--raster",
                f"NDVI={ndvi}", "--no-estimate", "--out", str(out), *PLACE]) == 2
    assert not out.exists()


def refused(capsys, *words):
    """The message of a command that must be refused."""
    assert run(["represent", *words]) == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("terraflux: ") and "Traceback" not in message
    return message


@pytest.mark.parametrize("column, name", [("ol", "MISSING_OBUKHOV_LENGTH"), ("sigmav", "MISSING_SIGMA_V"),
                                          ("h", "MISSING_BOUNDARY_LAYER_HEIGHT")])
def test_a_missing_column_is_told_by_name_where_it_shall_not_be_estimated(tmp_path, ndvi, capsys, column, name):
    header = ",".join(one for one in HEADER.split(",") if one != column)
    hours = half_hours(tmp_path / "hours.csv", header=header)
    message = refused(capsys, hours, "--raster", f"NDVI={ndvi}", "--no-estimate", *PLACE)
    assert f"192 {name}" in message and "hours.csv" in message


def test_a_table_without_friction_velocity_is_refused(tmp_path, ndvi, capsys):
    hours = half_hours(tmp_path / "hours.csv", header=HEADER.replace(",ustar", ""))
    message = refused(capsys, hours, "--raster", f"NDVI={ndvi}", *PLACE)
    assert "no column of friction_velocity" in message and "ustar" in message


def test_bad_rows_get_reasons_in_every_output(tmp_path, ndvi, capsys):
    def spoil(row, k):
        if k < 5:
            row["h"] = 9.5
        elif k < 8:
            row["z0"], row["umean"] = "", 0.0
        elif k < 12:
            row["ustar"] = -9999
        elif k == 12:
            row["wind_dir"] = 361
        elif k == 13:
            row["zm"] = -1

    out = tmp_path / "out"
    assert run(["represent", half_hours(tmp_path / "hours.csv", change=spoil), "--raster", f"NDVI={ndvi}", "--out", str(out),
                *PLACE]) == 0
    reasons = json.loads((out / "representativeness.json").read_text())["reasons"]
    assert reasons["ABOVE_BOUNDARY_LAYER"] == 5 and reasons["CALM"] == 3 and reasons["MISSING_FRICTION_VELOCITY"] == 4
    assert reasons["WIND_DIRECTION_OUTSIDE_CIRCLE"] == 1 and reasons["MEASUREMENT_HEIGHT_NOT_POSITIVE"] == 1
    assert "5 half hours, ABOVE_BOUNDARY_LAYER" in capsys.readouterr().out
    assert "wind direction outside 0..360" in (out / "representativeness.html").read_text()
    assert json.loads((out / "representativeness.json").read_text())["half_hours_used"] == 192 - 14


def test_directions_in_radians_are_refused_until_named(tmp_path, ndvi, capsys):
    def radians(row, k):
        row["wind_dir"] = np.radians(row["wind_dir"])

    hours = half_hours(tmp_path / "hours.csv", change=radians)
    assert "look like radians" in refused(capsys, hours, "--raster", f"NDVI={ndvi}", *PLACE)
    out = tmp_path / "out"
    assert run(["represent", hours, "--raster", f"NDVI={ndvi}", "--wind", "from_radians", "--out", str(out), *PLACE]) == 0
    assert float(the(table_of(out), "location_bias", radius="400.0")["value"]) > 20


def test_the_direction_the_wind_blows_to_is_turned_when_named(tmp_path, ndvi):
    hours = half_hours(tmp_path / "hours.csv")
    found = {}
    for wind in ("from", "to"):
        assert run(["represent", hours, "--raster", f"NDVI={ndvi}", "--wind", wind, "--out", str(tmp_path / wind), *PLACE]) == 0
        found[wind] = float(the(table_of(tmp_path / wind), "location_bias", radius="400.0")["value"])
    assert found["from"] > 20 and found["to"] < -20


def test_rasters_of_other_projections_are_brought_to_the_tower(tmp_path, ndvi):
    hours = half_hours(tmp_path / "hours.csv", count=48)
    degrees = patches(0.8, 0.4, size=240)
    geographic = raster(tmp_path / "degrees.tif", degrees, crs="EPSG:4326", cell=0.0001)
    found = []
    for name, path in (("utm", ndvi), ("degrees", geographic)):
        assert run(["represent", hours, "--raster", f"NDVI={path}", "--out", str(tmp_path / name), *PLACE]) == 0
        found.append(float(the(table_of(tmp_path / name), "footprint_value", radius="400.0")["value"]))
    assert found[0] == pytest.approx(found[1], abs=0.01)


def test_unusable_rasters_are_told_apart(tmp_path, ndvi, capsys):
    hours = half_hours(tmp_path / "hours.csv", count=48)

    placed = tmp_path / "plain.tif"
    with rasterio.open(placed, "w", driver="GTiff", height=4, width=4, count=1, dtype="uint8") as file:
        file.write(np.ones((4, 4), "uint8"), 1)
    message = refused(capsys, hours, "--raster", f"NDVI={placed}", *PLACE)
    assert "plain.tif" in message and ("georeference" in message or "coordinate reference system" in message)

    empty = raster(tmp_path / "empty.tif", np.full((80, 80), -1, "int16"), nodata=-1)
    assert "has no value" in refused(capsys, hours, "--raster", f"NDVI={empty}", *PLACE)

    classes = raster(tmp_path / "classes.tif", patches(4, 77, "uint8"))
    message = refused(capsys, hours, "--land-cover", classes, *PLACE)
    assert "77" in message and "modis_igbp" in message

    elsewhere = ["--lat", "10", "--lon", "10", *PLACE[4:]]
    assert "outside the raster" in refused(capsys, hours, "--raster", f"NDVI={ndvi}", *elsewhere)
    assert "tree.tif" in refused(capsys, hours, "--raster", f"NDVI={tmp_path / 'tree.tif'}", *PLACE)


@pytest.mark.parametrize("words, told", [
    ([], "--raster NAME=FILE"), (["--raster", "NDVI={ndvi}", "--radii", "near"], "no list of numbers"),
    (["--raster", "NDVI={ndvi}", "--period", "week"], "week"), (["--raster", "NDVI={ndvi}", "--weights", "gold"], "gold"),
    (["--raster", "NDVI={ndvi}", "--weights", "nee"], "no nee"), (["--raster", "NDVI={ndvi}", "--model", "fpp"], 'mean "ffp"'),
    (["--raster", "NDVI={ndvi}", "--solution", "powerlaw"], "belongs to --model safe_f"),
    (["--raster", "NDVI={ndvi}", "--raster", "NDVI={ndvi}"], "given twice"),
    (["--raster", "NDVI={ndvi}", "--raster-option", "scael=2"], "did you mean 'scale'"),
    (["--raster", "NDVI={ndvi}", "--wind", "towards"], "towards"), (["--raster", "NDVI={ndvi}", "--legend", "igbp"], "igbp")])
def test_wrong_words_are_one_clear_line(tmp_path, ndvi, capsys, words, told):
    hours = half_hours(tmp_path / "hours.csv", count=48)
    given = PLACE[:-2] if "--period" in words else PLACE
    given = given if "--radii" not in words else ["--lat", "48", "--lon", "6"]
    assert told in refused(capsys, hours, *given, *[word.format(ndvi=ndvi) for word in words])


def test_an_own_legend_names_the_classes(tmp_path, capsys):
    legend = tmp_path / "legend.toml"
    legend.write_text('missing = [0]\n[classes]\n4 = ["beech", "DBF"]\n12 = "maize"\n')
    cover = raster(tmp_path / "cover.tif", patches(4, 12, "uint8"))
    out = tmp_path / "out"
    hours = half_hours(tmp_path / "hours.csv", count=48)
    words = [hours, "--land-cover", cover, "--legend", str(legend), *PLACE]
    assert run(["represent", *words, "--target", "beech", "--out", str(out)]) == 0
    assert json.loads((out / "representativeness.json").read_text())["target_name"] == "beech"
    legend.write_text("[classes]\n")
    assert "has no [classes]" in refused(capsys, *words)


@pytest.fixture
def network(tmp_path, ndvi, cover):
    """Three towers: wind along the border of the patches, aslant, and from one side only."""
    for name, direction in (("CN-Aaa", 0.0), ("CN-Bbb", 20.0), ("CN-Ccc", 270.0)):
        hours = half_hours(tmp_path / f"{name}.csv", direction)
        out = tmp_path / "net" / name
        assert run(["represent", hours, "--raster", f"NDVI={ndvi}", "--land-cover", cover, "--out", str(out), "--no-figures",
                    *PLACE]) == 0
    return tmp_path / "net"


def test_rank_selects_a_third_with_reasons(network, tmp_path, capsys):
    out = tmp_path / "ranking.csv"
    capsys.readouterr()
    assert run(["towers", "rank", str(network), "--share", "0.333", "--out", str(out)]) == 0
    text = capsys.readouterr().out
    with open(out, newline="") as stream:
        ranked = list(csv.DictReader(stream))
    assert [one["code"] for one in ranked] == ["CN-Aaa", "CN-Bbb", "CN-Ccc"]
    assert [one["selected"] for one in ranked] == ["True", "False", "False"]
    assert ranked[2]["failed"] == "True" and "sensor-location bias" in ranked[2]["reasons"]
    assert all(one["reasons"] for one in ranked)
    page = out.with_suffix(".html").read_text()
    assert "1 of 3 towers" in page and "CN-Bbb" in page and "1 of 3 towers selected" in text


def test_rank_reads_a_list_with_its_rule_and_leaves_out_what_is_damaged(network, tmp_path, capsys):
    (network / "CN-Bbb" / "representativeness.json").write_text("{}")
    listed = tmp_path / "list.toml"
    listed.write_text('towers = ["net/CN-Aaa", "net/CN-Bbb", "net/CN-Ccc"]\n[rule]\nshare = 1.0\ngreatest_bias = 80.0\n')
    capsys.readouterr()
    assert run(["towers", "rank", str(listed), "--out", str(tmp_path / "r.csv"), "--json"]) == 0
    ranked = json.loads(capsys.readouterr().out)
    assert [one["selected"] for one in ranked] == [True, True]
    assert "no table of representativeness" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize("text, told", [("towers = []", "names no towers"), ("tower = ['a']", "tower"),
                                        ("towers = ['a']\n[rule]\nshare = 'x'", "no number"),
                                        ("towers = ['a']", "no tower can be ranked")])
def test_bad_lists_are_refused(tmp_path, capsys, text, told):
    listed = tmp_path / "list.toml"
    listed.write_text(text)
    assert run(["towers", "rank", str(listed), "--out", str(tmp_path / "r.csv")]) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "r.csv").exists()


def test_an_empty_folder_and_an_absent_one_are_told(tmp_path, capsys):
    assert run(["towers", "rank", str(tmp_path)]) == 2 and run(["towers", "rank", str(tmp_path / "none")]) == 2
    text = capsys.readouterr().err
    assert "holds no representativeness.json" in text and "no such folder" in text


@pytest.mark.real_data
def test_real_drivers_over_real_terrain(tmp_path, shared_data, capsys):
    grids = shared_data / "grids" / "mhm_moselle"
    for name, kind in (("dem", "float32"), ("lc_1981", "int16")):
        with gzip.open(grids / f"{name}.asc.gz", "rt") as stream:
            head = dict(next(stream).split() for _ in range(6))
            values = np.loadtxt(stream).astype(kind)
        cell, south = float(head["cellsize"]), float(head["yllcorner"])
        lines, columns = values.shape
        placed = from_origin(float(head["xllcorner"]), south + cell * lines, cell, cell)
        with rasterio.open(tmp_path / f"{name}.tif", "w", driver="GTiff", height=lines, width=columns, count=1, dtype=kind,
                           crs="EPSG:3035", nodata=-9999, transform=placed) as file:
            file.write(values, 1)
    legend = tmp_path / "mhm.toml"
    legend.write_text('[classes]\n1 = ["forest", "MF"]\n2 = "impervious"\n3 = ["pervious", "GRA"]\n')
    out = tmp_path / "out"
    assert run(["represent", str(shared_data / "references" / "ffp" / "year_drivers.csv.gz"), "--lat", str(LATITUDE), "--lon",
                str(LONGITUDE), "--raster", f"elevation={tmp_path / 'dem.tif'}", "--raster-option", "units=m", "--land-cover",
                str(tmp_path / "lc_1981.tif"), "--legend", str(legend), "--target", "GRA", "--first-time", "2019-01-01T00:00",
                "--resolution", "50", "--radii", "500,1000,2000", "--cells", "point", "--out", str(out)]) == 0
    rows = table_of(out)
    seen = float(the(rows, "footprint_value", period="all", radius="1000.0")["value"])
    assert 186.0 < seen < 1284.0 and the(rows, "footprint_value", period="all", radius="1000.0")["unit"] == "m"
    assert 0.9 < float(the(rows, "captured_mass", period="all")["value"]) < 1.0
    assert float(the(rows, "O80_season")["value"]) > 0.8

    scene = shared_data / "references" / "starfm" / "Test_1" / "sim_Landsat_t1.tif"
    assert run(["represent", str(shared_data / "references" / "ffp" / "year_drivers.csv.gz"), "--raster", f"red={scene}",
                *PLACE]) == 2
    assert "sim_Landsat_t1.tif" in capsys.readouterr().err
