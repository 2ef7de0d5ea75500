"""The catalogue holds the towers of the lists once each, tells doubtful facts, and takes a user's file on top."""

import csv

import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.model.parameters import plant_types
from terraflux.sites.catalogue import COLUMNS, IGBP_NAMES, TABLE, catalogue, select, tower_facts
from terraflux.sites.catalogue_map import COLOURS, labels_of, outline_lines, tower_map


def test_ninety_towers_and_more_with_chinese_towers_first():
    towers = list(catalogue().values())
    assert len(towers) >= 90
    chinese = [one.country == "CN" for one in towers]
    assert sum(chinese) >= 75
    assert chinese == sorted(chinese, reverse=True)


def test_table_has_the_columns_of_the_facts_and_no_code_twice():
    with open(TABLE, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert set(rows[0]) == set(COLUMNS)
    codes = [code for row in rows for code in (row["code"], *row["other_codes"].split())]
    assert len(codes) == len(set(codes))


def test_every_tower_says_where_its_facts_come_from():
    for one in catalogue().values():
        assert "position: " in one.source or "position, " in one.source, one.code
        for fact, word in (("igbp", "IGBP"), ("elevation", "elevation"), ("measurement_height", "heights"),
                           ("first_year", "period"), ("utc_offset_hours", "clock"), ("mean_annual_temperature", "MAT")):
            if getattr(one, fact) not in (None, ""):
                assert word in one.source, (one.code, fact)


def test_changbaishan_is_one_tower_at_its_right_latitude():
    facts = tower_facts("CBS")
    assert facts.code == "CN-Cha"
    assert facts.latitude == pytest.approx(42.4025)
    assert "one degree too far south" in facts.note


@pytest.mark.real_data
def test_every_listed_code_of_the_shared_lists_is_in_the_catalogue(shared_data):
    towers = catalogue()
    known = {code for one in towers.values() for code in (one.code, *one.other_codes)}
    with open(shared_data / "china_towers.csv", encoding="utf-8", newline="") as stream:
        listed = list(csv.DictReader(stream))
    with open(shared_data / "towers" / "sites.csv", encoding="utf-8", newline="") as stream:
        sites = {row["site_id"]: row for row in csv.DictReader(stream)}
    assert {row["site_code"] for row in listed} | set(sites) <= known
    for code, row in sites.items():
        assert towers[code].latitude == pytest.approx(float(row["lat"]), abs=1e-9), code
        for fact, column in (("measurement_height", "measurement_height_m"), ("canopy_height", "canopy_height_m")):
            if row[column]:
                assert getattr(towers[code], fact) == pytest.approx(float(row[column]), abs=1e-9), code


@pytest.mark.real_data
def test_merged_towers_stand_within_ten_kilometres_of_their_listed_places_unless_the_note_explains(shared_data):
    import numpy as np

    with open(shared_data / "china_towers.csv", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            one = tower_facts(row["site_code"])
            north = (float(row["lat"]) - one.latitude) * 111.2
            east = (float(row["lon"]) - one.longitude) * 111.2 * np.cos(np.deg2rad(one.latitude))
            if np.hypot(north, east) > 2.0:
                assert row["site_code"] in one.note, (row["site_code"], np.hypot(north, east))


def test_every_plant_type_is_one_of_the_model_and_water_has_none():
    for one in catalogue().values():
        assert one.igbp in IGBP_NAMES or one.igbp == ""
        assert one.plant_type in plant_types() or one.plant_type == ""
    assert tower_facts("CN-Lak1").plant_type == ""
    assert tower_facts("CN-Xsh").plant_type == "EBF_tropical"


def test_a_tower_gives_the_site_description_of_a_run():
    site = tower_facts("CN-Qia").site(soil_class="clay")
    assert (site.site_id, site.utc_offset_hours, site.measurement_height, site.soil_class) == ("CN-Qia", 8.0, 39.6, "clay")
    with pytest.raises(ForcingError, match="plant_type"):
        tower_facts("CN-Lak1").site(igbp=None)


def test_unknown_code_names_the_nearest():
    with pytest.raises(ForcingError, match="CN-Cha"):
        tower_facts("CN-Cah")
    with pytest.raises(ForcingError, match="CN-Cha"):
        tower_facts("cn-cha")


def test_filters_choose_and_refuse_what_no_tower_has():
    towers = catalogue().values()
    grass = select(towers, igbp="gra", country="cn")
    assert grass and all(one.igbp == "GRA" and one.country == "CN" for one in grass)
    assert {one.code for one in select(towers, network="chinaflux")} >= {"CN-Cha", "CN-Qia", "CN-Xsh"}
    with pytest.raises(ForcingError, match="known are"):
        select(towers, igbp="XXX")


def test_own_file_adds_and_replaces(tmp_path):
    path = tmp_path / "own.csv"
    path.write_text("code,latitude,longitude,measurement_height,name\nCN-New,30.5,100.5,4,Mine\nCBS,42.41,128.1,41.5,\n")
    towers = catalogue(path)
    assert towers["CN-New"].country == "CN" and towers["CN-New"].measurement_height == 4.0
    assert towers["CN-Cha"].measurement_height == 41.5 and towers["CN-Cha"].name == "Changbaishan"
    assert "CBS" not in towers


def test_own_file_may_be_toml(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[[tower]]\ncode = "CN-New"\nlatitude = 30.5\nlongitude = 100.5\nnetwork = ["Mine"]\nfirst_year = 2001\n')
    assert catalogue(path)["CN-New"].network == ("Mine",)
    assert catalogue(path)["CN-New"].first_year == 2001


@pytest.mark.parametrize(("text", "message"), [
    ("code,latitude,longitude\nA,1,2\nA,1,2\n", "given before"),
    ("code,latitude,longitude\nA,91,2\n", "latitude = 91"),
    ("code,latitude,longitude\nA,1,200\n", "east positive"),
    ("code,latitude,longitud\nA,1,2\n", "did you mean 'longitude'"),
    ("code,latitude\nA,1\n", "longitude is missing"),
    ("code,latitude,longitude,igbp\nA,1,2,GRS\n", "GRS"),
    ("code,latitude,longitude\nA,1,north\n", "no number"),
    ("code,latitude,longitude\n,1,2\n", "no code"),
    ("code,latitude,longitude\nA,1,2,3\n", "cells"),
    ("code,latitude,longitude,first_year,last_year\nA,1,2,2005,2003\n", "ends in 2003"),
])
def test_faults_of_an_own_file_are_named_with_file_and_line(tmp_path, text, message):
    path = tmp_path / "own.csv"
    path.write_text(text)
    with pytest.raises(ForcingError, match=message) as caught:
        catalogue(path)
    assert "own.csv" in str(caught.value)


def test_map_is_drawn_with_outline_and_refuses_other_files(tmp_path):
    outline = tmp_path / "outline.geojson"
    outline.write_text('{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, "geometry": '
                       '{"type": "MultiPolygon", "coordinates": [[[[100, 20], [110, 20], [110, 30], [100, 20]]]]}}]}')
    assert outline_lines(outline) == [[(100.0, 20.0), (110.0, 20.0), (110.0, 30.0), (100.0, 20.0)]]
    made = tower_map(select(catalogue().values(), country="CN"), tmp_path / "map.svg", outline=outline)
    text = made.read_text(encoding="utf-8")
    assert "CN-Cha" in text and "evergreen needleleaf forest" in text
    with pytest.raises(ForcingError, match="kind of figure"):
        tower_map(catalogue().values(), tmp_path / "map.bmp")
    with pytest.raises(ForcingError, match="no tower"):
        tower_map([], tmp_path / "map.png")
    outline.write_text("[1, 2")
    with pytest.raises(ForcingError, match="no JSON"):
        tower_map(catalogue().values(), tmp_path / "map.png", outline=outline)


def test_every_class_of_the_catalogue_has_a_colour_and_near_towers_share_a_label():
    assert {one.igbp for one in catalogue().values()} <= set(COLOURS)
    inner = [one for one in catalogue().values() if one.code.startswith("CN-In")]
    assert [text for text, *_ in labels_of(inner, 0.1)] == [f"CN-In1 and {len(inner) - 1} more"]
