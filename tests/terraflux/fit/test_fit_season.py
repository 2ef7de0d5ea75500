"""A calibration with a season: posed, written, read, and run by `terraflux site` as the fit itself predicts it."""

import tomllib

import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.fit_tower import fit_tower
from terraflux.assimilation.parameter_file import parameters_text, read_parameters
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem_file import problem_from_text
from terraflux.assimilation.season_file import season_digest
from terraflux.assimilation.seasonal_course import fitted_season, seasonal_courses
from terraflux.assimilation.seasonal_space import SeasonalSpace
from terraflux.assimilation.tower_columns import WARM_UP_DAYS
from terraflux.cli.errors import run
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.options import OptionError
from terraflux.region.configuration import choices_from
from terraflux.region.errors import RegionError
from terraflux.region.parameter_sources import parameter_sources
from terraflux.report.write_fit import write_fit
from terraflux.simulation import simulate

TEXT = """
[years]
calibration = [2021]
[parameters]
carboxylation_capacity = { seasonal = "FORM" }
[streams.GPP]
hours = "day"
correlation = 0.0
"""
FIRST = str(np.datetime64("2021-01-01") - WARM_UP_DAYS)
"""The warm-up of a calibration starts here; a tower that starts here too is run from the same first state."""


def season_fit(form):
    """A tower of half a year of warm-up and four months of calibration, and its fit, without spin-up."""
    tower = synthetic_tower(year=2020, years=2, step_seconds=3600).between(FIRST, "2021-04-30")
    return fit_tower(problem_from_text(TEXT.replace("FORM", form)), tower, "ienks", draws=200, spin_up_cycles=0, threads=1)


@pytest.fixture(scope="module")
def fitted():
    """A calibration with harmonics."""
    return season_fit("harmonic")


@pytest.fixture(scope="module")
def path(fitted, tmp_path_factory):
    """Its parameters.toml."""
    made = tmp_path_factory.mktemp("season") / "parameters.toml"
    made.write_text(parameters_text(fitted))
    return made


def own_production(fitted):
    """Gross primary production (g m-2 s-1) as the fit itself predicts it, at its observed times."""
    stream = fitted.target.streams[0]
    return stream.when, fitted.target.predict(fitted.mode[np.newaxis])[0] / stream.per_model_unit


def test_a_run_with_the_file_is_the_fits_own_prediction(fitted, path):
    when, expected = own_production(fitted)
    result = simulate(fitted.target.columns.tower, **read_parameters(path).run_arguments(), spin_up_cycles=0,
                      outputs=["gross_primary_production"], threads=1)
    made = result["gross_primary_production"].sel(time=when)
    assert expected.max() > 1e-5 and np.ptp(np.log(fitted_season(fitted.target, fitted.mode).factor(when))) > 1e-3
    np.testing.assert_allclose(made, expected, rtol=1e-10, atol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["spline", "monthly", "acclimation"])
def test_every_form_runs_as_it_was_fitted(form, tmp_path):
    fitted = season_fit(form)
    path = tmp_path / "parameters.toml"
    path.write_text(parameters_text(fitted))
    when, expected = own_production(fitted)
    result = simulate(fitted.target.columns.tower, **read_parameters(path).run_arguments(), spin_up_cycles=0,
                      outputs=["gross_primary_production"], threads=1)
    np.testing.assert_allclose(result["gross_primary_production"].sel(time=when), expected, rtol=1e-10, atol=1e-15)


def test_weights_and_months_are_written(fitted, path):
    assert isinstance(fitted.target.space, SeasonalSpace)
    with path.open("rb") as file:
        contents = tomllib.load(file)
    season = contents["season"]
    assert season["form"] == "harmonic" and season["digest"] == season_digest(season) and season["width"] > 0.0
    assert contents["parameters"]["carboxylation_capacity"]["seasonal"] == "harmonic"
    assert list(season["weights"]) == [f"seasonal_weight_{k}" for k in (1, 2, 3, 4)]
    months = season["monthly"]["carboxylation_capacity"]
    assert months["month"] == [1, 2, 3, 4]
    course = seasonal_courses(fitted)[0]
    level = contents["parameters"]["carboxylation_capacity"]["mode"]
    factor = fitted_season(fitted.target, fitted.mode).factor(course.days.astype("datetime64[h]") + 12)
    np.testing.assert_allclose(course.mode, level * factor, rtol=1e-9)
    np.testing.assert_allclose(months["mode"], course.monthly(course.mode), rtol=1e-5)
    assert all(low < middle < high for low, middle, high in zip(months["q05"], months["mode"], months["q95"], strict=True))


def test_the_season_is_read_back_by_statistic(fitted, path):
    read = read_parameters(path)
    np.testing.assert_array_equal(read.season().weights_of("MF"), fitted_season(fitted.target, fitted.mode).weights_of("MF"))
    assert (read.season("q95").weights_of("") > read.season("q05").weights_of("")).all()
    assert not read.season("default").weights_of("").any()
    with pytest.raises(ProblemError, match="unknown statistic"):
        read.season("q5")


@pytest.mark.parametrize(("change", "message"), [
    (lambda text: text.replace("[season.weights.seasonal_weight_2]\n", "[season.weights.seasonal_weight_2]\nedited = 1\n"),
     "not what its digest says"),
    (lambda text: text.replace("month = [1, 2, 3, 4]", "month = [1, 2, 3, 5]"), "not what its digest says"),
    (lambda text: text.replace('form = "harmonic"\ndigest', 'shape = "harmonic"\ndigest'), "names no form"),
    (lambda text: text.replace("[season]\n", "[season]\ncolour = 1\n"), "unknown key 'colour'"),
])
def test_a_season_that_was_edited_is_refused_with_the_name_of_the_file(path, tmp_path, change, message):
    spoilt = tmp_path / "parameters.toml"
    text = path.read_text()
    assert change(text) != text
    spoilt.write_text(change(text))
    with pytest.raises(ProblemError, match=message) as caught:
        read_parameters(spoilt)
    assert "parameters.toml" in str(caught.value)


def test_parameters_of_a_season_are_not_run_without_it(fitted, path):
    arguments = read_parameters(path).run_arguments() | {"season": None}
    with pytest.raises(OptionError, match="needs a season"):
        simulate(fitted.target.columns.tower, **arguments)


def test_terraflux_site_runs_the_season(fitted, path, tmp_path, monkeypatch):
    monkeypatch.setattr("terraflux.drivers.tower.open_tower", lambda *given, **more: fitted.target.columns.tower)
    when, expected = own_production(fitted)
    command = ["site", "x", "--parameters-file", str(path), "--spin-up-cycles", "0", "--precision", "float64", "--names",
               "terraflux", "--no-figures", "--out"]
    assert run([*command, str(tmp_path / "with")]) == 0
    with xr.open_dataset(tmp_path / "with" / "simulation.nc") as written:
        np.testing.assert_allclose(written["gross_primary_production"].sel(time=when), expected, rtol=1e-10, atol=1e-15)
    assert run([*command, str(tmp_path / "without"), "--option", "seasonality=none"]) == 0
    with xr.open_dataset(tmp_path / "without" / "simulation.nc") as written:
        assert np.abs(written["gross_primary_production"].sel(time=when).values - expected).max() > 1e-3 * expected.max()


def test_the_page_shows_the_season_before_and_after(fitted, tmp_path):
    written = write_fit(fitted, tmp_path / "fit", band_draws=10)
    assert (written.folder / "figures" / "season.png").is_file()
    assert read_parameters(written.folder / "parameters.toml").season() is not None
    page = written.page.read_text(encoding="utf-8")
    table = page[page.index('id="season_months"'):]
    table = table[:table.index("</table>")]
    assert table.count("<tr>") == 5 and "carboxylation capacity" in table and "January" in table and "umol m-2 s-1" in table


def test_a_regional_run_refuses_a_season_with_words(path):
    choices = choices_from({"forcing": {"synthetic": 6.0}, "run": {"first": "1984-02-20", "last": "1984-03-31"},
                            "output": {"monthly": ["gross_primary_production"]}, "parameters": {"file": path.name}},
                           folder=path.parent)
    with pytest.raises(RegionError, match="fitted with a season, which a regional run does not carry"):
        parameter_sources(choices)
