"""The verbs of gridded forcing."""

import json

import pytest

from terraflux.cli.errors import run


@pytest.fixture
def store(tmp_path):
    """A small store of the synthetic nation, built by the verb."""
    path = tmp_path / "nation.zarr"
    words = ["--resolution", "5", "--first", "1990-01-01", "--last", "1990-01-20"]
    assert run(["drivers", "nation", "--out", str(path), *words]) == 0
    return path


def test_a_store_is_built_shown_and_checked(store, capsys):
    assert run(["drivers", "show", str(store)]) == 0
    out = capsys.readouterr().out
    assert "SYNTHETIC" in out
    assert "1990-01-01 to 1990-01-20" in out
    assert run(["drivers", "show", str(store), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["synthetic"] is True
    assert "air_temperature" in facts["variables"]
    assert run(["drivers", "check", str(store)]) == 0


def test_a_damaged_store_leaves_check_with_one(store, capsys):
    chunk = next(store.glob("wind_speed/c/*/*"))
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert run(["drivers", "check", str(store)]) == 1
    assert "checksum" in capsys.readouterr().out


def test_errors_are_one_paragraph_with_a_remedy(tmp_path, capsys):
    (tmp_path / "build.toml").write_text('first = "2001-01-01"\nlast = "2001-01-02"\n[[source]]\nprofile = "era6"\n'
                                         'files = ["a.nc"]\n')
    assert run(["drivers", "build", str(tmp_path / "build.toml")]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'era5'?" in error
    assert "Traceback" not in error
    assert run(["drivers", "show", str(tmp_path)]) == 2
    assert "terraflux drivers build" in capsys.readouterr().err


def test_profiles_are_listed(capsys):
    assert run(["drivers", "profiles", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["era5_land"]["variables"]["precipitation"]["holds"] == "running_total"
