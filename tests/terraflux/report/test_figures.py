"""Figures show what the data hold and say what they cannot show."""

import subprocess
import sys

import numpy as np
import pytest

from terraflux.report import agreement, cycles, ground, weather
from terraflux.report.figures import FIGURE_NAMES, draw_figures
from terraflux.report.series import series_of
from terraflux.report.style import png


def lines(figure, label):
    return [line for axes in figure.axes for line in axes.get_lines() if line.get_label() == label]


def test_every_figure_is_drawn_where_the_data_allow(simulated, observed, forcing):
    drawn, left_out = draw_figures(simulated, observed, forcing)
    assert [one.name for one in drawn] == list(FIGURE_NAMES)
    assert left_out == []
    assert all(one.png.startswith(b"\x89PNG") for one in drawn)


def test_figures_without_data_are_left_out_with_a_reason(simulated):
    bare = simulated.drop_dims("soil").drop_vars(["snow_water_equivalent", "ground_heat_flux"])
    drawn, left_out = draw_figures(bare)
    assert [one.name for one in drawn] == ["seasonal_cycle", "diurnal_cycle", "running_sums"]
    assert any("energy closure is left out: the simulation lacks ground_heat_flux" in text for text in left_out)
    assert len(left_out) == 4


def test_seasonal_means_are_over_the_steps_that_were_observed(simulated, observed):
    observed["latent_heat"][:] = np.where(np.arange(observed.sizes["time"]) % 48 < 24, 100.0, np.nan)
    figure = cycles.seasonal_cycle(simulated, observed)
    panel = next(axes for axes in figure.axes if axes.get_title("left").startswith("Latent heat"))
    model, tower = (np.asarray(line.get_ydata(), dtype=float) for line in panel.get_lines())
    morning = float(simulated["latent_heat"].to_numpy().reshape(-1, 48)[:, :24].mean())
    assert np.nanmax(np.abs(model - morning)) < 1.0
    assert tower[np.isfinite(tower)] == pytest.approx(100.0)


def test_the_diurnal_cycle_peaks_at_noon_in_the_middle_of_its_step(simulated):
    figure = cycles.diurnal_cycle(simulated)
    winter = figure.axes[0].get_lines()[0]
    assert winter.get_xdata()[np.nanargmax(winter.get_ydata())] == pytest.approx(12.25)
    summer = np.asarray(figure.axes[2].get_lines()[0].get_ydata(), dtype=float)
    assert np.isnan(summer).all()


def test_the_scatter_gives_the_scores_of_the_daily_means(simulated, observed):
    figure = agreement.daily_scatter(simulated, observed)
    text = figure.axes[0].texts[0].get_text()
    assert "n = 40" in text
    assert "RMSE" in text


def test_model_energy_closes_with_slope_one_and_the_tower_with_its_own(simulated, observed):
    observed["sensible_heat"] = 0.8 * observed["sensible_heat"]
    observed["latent_heat"] = 0.8 * observed["latent_heat"]
    for name in ("sensible_heat", "latent_heat"):
        observed[name].attrs["units"] = "W m-2"
    texts = [axes.texts[0].get_text() for axes in agreement.energy_closure(simulated, observed).axes]
    assert "slope = 1.000\nclosure ratio = 1.000" in texts[0]
    assert "slope = 0.800\nclosure ratio = 0.800" in texts[1]


def test_soil_sections_run_downwards(simulated):
    for draw in (ground.soil_temperature_section, ground.soil_moisture_section):
        low, high = draw(simulated).axes[0].get_ylim()
        assert (low, high) == (0.7, 0.0)


def test_units_are_readable(simulated):
    production = series_of(simulated, None, ("gross_primary_production",))[0]
    assert production.unit == "gC m-2 d-1"
    assert production.simulated.max() == pytest.approx(8.64, rel=1e-3)
    assert not production.has_observed


def test_provenance_shares_name_the_flags(forcing):
    forcing["air_temperature_provenance"][: forcing.sizes["time"] // 4] = 7
    shares = weather.provenance_shares(forcing)
    assert shares["longwave_down"] == {"estimated": 1.0}
    assert shares["air_temperature"] == {"measured": 0.75, "interpolated": 0.25}


def test_observations_of_a_synthetic_tower_are_called_synthetic(simulated, observed):
    observed.attrs["synthetic"] = 1
    figure = cycles.seasonal_cycle(simulated, observed)
    assert lines(figure, "synthetic observation")
    assert not lines(figure, "observed")


def test_the_same_data_give_the_same_bytes(simulated, observed):
    assert png(agreement.daily_scatter(simulated, observed)) == png(agreement.daily_scatter(simulated, observed))


def test_drawing_libraries_load_only_when_a_figure_is_drawn():
    code = "import sys, terraflux.report.write; sys.exit('matplotlib' in sys.modules or 'jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
