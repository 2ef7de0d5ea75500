"""`terraflux process` writes a record, a table, a summary and figures, and says what it did."""

import json

import numpy as np
import pytest

from terraflux.cli.errors import run
from terraflux.cli.process import default_place
from terraflux.sites.records import read_record
from terraflux.sites.synthetic_record import RECORD_FILE, write_synthetic_tower

PLACE = ["--lat", "50.5", "--lon", "12", "--utc-offset", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An invented raw file of thirty days."""
    place = tmp_path_factory.mktemp("raw")
    write_synthetic_tower(place, days=30)
    return place


def test_everything_is_written_and_told(folder, tmp_path, capsys):
    out = tmp_path / "out"
    assert run(["process", str(folder / RECORD_FILE), *PLACE, "--ustar-threshold", "0.3", "--out", str(out)]) == 0
    told = capsys.readouterr()
    for word in ("u* filter", "gap filling nee", "energy closure", "measured nee", "files in"):
        assert word in told.out
    assert "processing" in told.err
    names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert names == {"processed.nc", "XX-Syn_processed_HH.csv", "processing.json", "figures/ustar_threshold.png",
                     "figures/nee_fingerprint.png", "figures/le_fingerprint.png"}
    assert (out / "figures/nee_fingerprint.png").read_bytes()[:4] == b"\x89PNG"
    own = read_record(out / "processed.nc")
    table = read_record(out / "XX-Syn_processed_HH.csv", site_id="XX-Syn")
    assert table.format == "fluxnet"
    for name in ("net_ecosystem_exchange", "gross_primary_production", "latent_heat_corrected",
                 "net_ecosystem_exchange_random_error"):
        assert np.array_equal(table.values(name), own.values(name), equal_nan=True), name
    assert np.array_equal(table.quality("net_ecosystem_exchange"), own.quality("net_ecosystem_exchange"), equal_nan=True)
    steps = {one["step"]: one for one in json.loads((out / "processing.json").read_text())["steps"]}
    assert steps["u* threshold"]["given m s-1"] == 0.3 and steps["gap filling nee"]["open"] == 0


def test_a_step_that_fails_is_told_and_the_rest_is_written(folder, tmp_path, capsys):
    out = tmp_path / "out"
    lines = (folder / RECORD_FILE).read_text().splitlines()
    lines[2] = lines[2].replace("NETRAD", "OTHER")
    (tmp_path / RECORD_FILE).write_text("\n".join(lines))
    assert run(["process", str(tmp_path / RECORD_FILE), *PLACE, "--ustar-by", "none", "--no-figures", "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "left out, the record has no net_radiation" in told and "NO" in told
    assert (out / "processed.nc").is_file() and not (out / "figures").exists()


@pytest.mark.parametrize("words, says", [
    (["--ustar-by", "yaer"], "did you mean 'year'"), (["--choice", "closur=none"], "did you mean 'closure'"),
    (["--choice", "ustar_by=year", "--ustar-by", "year"], "given twice"), (["--choice", "seed=1.5"], "not a whole number"),
    (["--choice", "spike_z=strong"], "not a number"), (["--read", "gaps=fil"], "gaps"), (["--format", "fluxnt"], "fluxnet"),
])
def test_wrong_words_are_one_paragraph_and_write_nothing(folder, tmp_path, capsys, words, says):
    out = tmp_path / "out"
    assert run(["process", str(folder / RECORD_FILE), *PLACE, "--out", str(out), *words]) == 2
    assert says in capsys.readouterr().err
    assert not (out / "processed.nc").exists()


def test_a_file_of_something_else_is_refused(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("nothing to see\n")
    assert run(["process", str(tmp_path / "notes.txt")]) == 2
    assert "format is not recognised" in capsys.readouterr().err


def test_help_lists_the_choices(capsys):
    assert run(["process", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "ustar_levels=40" in text and "partitionings=nighttime,daytime" in text


def test_a_name_from_a_file_cannot_lead_out_of_the_folder():
    assert str(default_place("../../etc")) == "processed_etc"


@pytest.mark.real_data
def test_tharandt_from_the_command_line_has_the_published_threshold(shared_data, tmp_path, capsys):
    file = shared_data / "towers/DE-Tha/Example_DETha98.txt"
    assert run(["process", str(file), "--site", "DE-Tha", "--no-figures", "--choice", "partitionings=nighttime", "--out",
                str(tmp_path)]) == 0
    assert "single m s-1 0.41625" in capsys.readouterr().out
    summary = json.loads((tmp_path / "processing.json").read_text())
    assert summary["years"]["1998"]["gpp_nighttime"] == pytest.approx(1919.18, rel=1e-3)
