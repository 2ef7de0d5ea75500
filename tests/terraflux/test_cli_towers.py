"""`terraflux towers` lists, shows and maps the catalogue."""

import json

from terraflux.cli.errors import run


def test_list_filters_by_class_and_country(capsys):
    assert run(["towers", "list", "--country", "CN", "--igbp", "ENF"]) == 0
    text = capsys.readouterr().out
    assert "CN-Qia" in text and "CN-Cha" not in text and "FI-Hyy" not in text


def test_list_as_json_holds_every_fact(capsys):
    assert run(["towers", "list", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) >= 90
    assert next(row for row in rows if row["code"] == "DE-Tha")["measurement_height"] == 42.0


def test_show_tells_facts_source_and_note(capsys):
    assert run(["towers", "show", "CBS"]) == 0
    text = capsys.readouterr().out
    assert "42.4025" in text and "FluxnetLSM" in text and "too far south" in text and "mixed forest" in text


def test_own_file_lies_on_top(tmp_path, capsys):
    own = tmp_path / "own.csv"
    own.write_text("code,latitude,longitude,igbp\nCN-New,30,100,GRA\n")
    assert run(["towers", "show", "CN-New", "--file", str(own)]) == 0
    assert "grassland" in capsys.readouterr().out


def test_unknown_tower_is_one_paragraph_with_the_nearest_code(capsys):
    assert run(["towers", "show", "CN-Cah"]) == 2
    assert "did you mean 'CN-Cha'?" in capsys.readouterr().err
    assert run(["towers", "list", "--igbp", "ENF", "--network", "USCCC"]) == 2
    assert "loosen" in capsys.readouterr().err


def test_map_is_written_where_it_is_asked_for(tmp_path, capsys):
    out = tmp_path / "maps" / "towers.png"
    assert run(["towers", "map", "--out", str(out), "--country", "CN"]) == 0
    assert out.read_bytes()[:4] == b"\x89PNG"
    assert "79 towers" in capsys.readouterr().out
