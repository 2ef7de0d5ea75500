"""`terraflux observations` makes the input of assimilation from a raw or a processed file."""

import numpy as np
import pytest

from terraflux.cli.errors import run
from terraflux.sites.observations_file import read_observations
from terraflux.sites.synthetic_record import COVER_FILE, NDVI_FILE, RECORD_FILE, write_synthetic_tower

PLACE = ["--lat", "50.5", "--lon", "12", "--utc-offset", "1"]
HEIGHTS = ["--height", "32", "--canopy", "20"]
FAST = ["--half-width", "600", "--choice", "ustar_threshold=0.3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Ten invented days and the land around."""
    place = tmp_path_factory.mktemp("raw")
    write_synthetic_tower(place, days=10)
    return place


def command(folder, out, *words, choices=FAST):
    return run(["observations", str(folder / RECORD_FILE), *PLACE, *HEIGHTS, *choices, "--out", str(out), *words])


def test_a_raw_file_becomes_observations_and_the_words_say_what_was_estimated(folder, tmp_path, capsys):
    out = tmp_path / "observations.nc"
    assert command(folder, out, "--land-cover", str(folder / COVER_FILE), "--target", "MF", "--model", "ffp") == 0
    told = capsys.readouterr().out
    for word in ("effective sample size", "mixed forest", "boundary layer height: ", "with caution", str(out)):
        assert word in told
    made = read_observations(out)
    assert made.attrs["operator"] == "mixture" and made.attrs["target_class"] == 5
    assert float(made["latent_heat"].attrs["effective_sample_size"]) > 100


def test_a_processed_file_gives_the_same_as_the_raw_one(folder, tmp_path):
    made = tmp_path / "made"
    assert run(["process", str(folder / RECORD_FILE), *PLACE, "--ustar-threshold", "0.3", "--no-figures", "--out",
                str(made)]) == 0
    cover = ["--land-cover", str(folder / COVER_FILE), "--half-width", "600"]
    assert run(["observations", str(made / "processed.nc"), *HEIGHTS, *cover, "--out", str(tmp_path / "a.nc")]) == 0
    assert command(folder, tmp_path / "b.nc", *cover[:2]) == 0
    one, other = read_observations(tmp_path / "a.nc"), read_observations(tmp_path / "b.nc")
    for name in one.data_vars:
        if one[name].dtype.kind == "f":
            assert np.array_equal(one[name], other[name], equal_nan=True), name


def test_tempered_needs_and_takes_a_vegetation_raster(folder, tmp_path, capsys):
    cover = ["--land-cover", str(folder / COVER_FILE), "--operator", "tempered"]
    assert command(folder, tmp_path / "a.nc", *cover) == 2
    assert "needs a vegetation raster" in capsys.readouterr().err
    assert command(folder, tmp_path / "a.nc", *cover, "--vegetation", str(folder / NDVI_FILE), "--stream", "latent_heat") == 0
    weight = read_observations(tmp_path / "a.nc")["weight"].values
    assert ((weight > 0.0) & (weight < 1.0)).any()


def test_site_needs_neither_land_cover_nor_heights(folder, tmp_path):
    out = tmp_path / "site.nc"
    assert run(["observations", str(folder / RECORD_FILE), *PLACE, "--operator", "site", "--choice", "ustar_by=none",
                "--out", str(out)]) == 0
    assert "class_fraction" not in read_observations(out)


def test_safe_f_is_labelled_unverified(folder, tmp_path):
    assert command(folder, tmp_path / "a.nc", "--land-cover", str(folder / COVER_FILE), "--model", "safe_f") == 0
    attributes = read_observations(tmp_path / "a.nc").attrs
    assert attributes["footprint_model"] == 'safe_f(solution="powerlaw")' and "unverified" in attributes["footprint_model_note"]


@pytest.mark.parametrize("words, says", [
    (["--operator", "mixtur", "--land-cover", "{cover}"], "mixture"), (["--operator", "mixture"], "needs --land-cover"),
    (["--model", "fpp", "--land-cover", "{cover}"], "known are ffp"),
    (["--solution", "powerlaw", "--land-cover", "{cover}"], "belongs to --model safe_f"),
    (["--target", "EBF", "--land-cover", "{cover}"], "does not occur around the tower"),
    (["--legend", "clcd", "--land-cover", "{cover}"], "no class for the codes 10"),
    (["--threshold", "least_mass=0.5", "--land-cover", "{cover}"], "least_"),
    (["--land-cover", "{ndvi}"], "no class for the codes"), (["--land-cover", "absent.tif"], "absent.tif"),
    (["--half-width", "90000", "--land-cover", "{cover}", "--resolution", "1"], "more than the limit"),
])
def test_wrong_words_are_one_paragraph_and_leave_no_file(folder, tmp_path, capsys, words, says):
    filled = [word.format(cover=folder / COVER_FILE, ndvi=folder / NDVI_FILE) for word in words]
    choices = FAST[2:] if "--half-width" in words else FAST
    assert command(folder, tmp_path / "a.nc", *filled, choices=choices) == 2
    told = capsys.readouterr().err
    assert says in told and "Traceback" not in told
    assert not list(tmp_path.iterdir())


def test_unknown_heights_say_what_to_give(folder, tmp_path, capsys):
    assert run(["observations", str(folder / RECORD_FILE), *PLACE, *FAST, "--land-cover", str(folder / COVER_FILE), "--out",
                str(tmp_path / "a.nc")]) == 2
    assert "measurement height of XX-Syn is not known" in capsys.readouterr().err
