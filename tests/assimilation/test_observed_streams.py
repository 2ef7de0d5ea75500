"""Streams from the records of a tower: what counts, with what error, in which row of the model."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from terraflux.assimilation.observed_streams import (
    layer_at,
    mean_inflation,
    observed_streams,
    seasonal_course,
    smoothed_flux,
    years_of,
)
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.problem import FootprintChoice, Problem, SigmaRule, StreamChoice
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.constants import CARBON_MOLAR_MASS

LINE = SigmaRule("line", offset=1.0, slope_positive=0.2, slope_negative=0.1)
LAYERS = np.array([0.05, 0.1, 0.2, 0.4, 1.0])


@pytest.fixture(scope="module")
def tower():
    return synthetic_tower("forest").between("2021-06-01", "2021-07-31")


def streams_of(tower, *choices, years=(2021,), observations=None, footprint=None):
    problem = Problem([ParameterRow("carboxylation_capacity")], choices, [2021], footprint=footprint or FootprintChoice())
    return observed_streams(problem, tower, years, tower.forcing["time"].values, LAYERS, observations)


def with_series(tower, name, values, quality=None):
    """The tower with other values of one observed variable."""
    observations = tower.observations.copy(deep=True)
    observations[name] = observations[name].copy(data=values)
    if quality is not None:
        observations[f"{name}_quality"] = observations[f"{name}_quality"].copy(data=quality)
    return replace(tower, observations=observations)


def test_carbon_fluxes_are_in_micromoles_and_heat_stays_in_watts(tower):
    carbon, heat = streams_of(tower, StreamChoice("NEE", sigma=LINE), StreamChoice("LE", sigma=LINE))
    raw = tower.observations["net_ecosystem_exchange"].values
    there = np.isfinite(raw)
    np.testing.assert_allclose(carbon.observed, raw[there] / (CARBON_MOLAR_MASS * 1e-6))
    assert carbon.per_model_unit == pytest.approx(1.0 / (CARBON_MOLAR_MASS * 1e-6))
    assert (carbon.unit, heat.unit, heat.per_model_unit) == ("umol m-2 s-1", "W m-2", 1.0)
    assert 5.0 < np.abs(carbon.observed).max() < 80.0
    np.testing.assert_array_equal(carbon.when, tower.forcing["time"].values[there])


def test_every_half_hour_counts_or_is_left_out_for_a_reason(tower):
    """Missing, filled, of the night and without error: the reasons and what counts add up to all steps."""
    values = tower.observations["latent_heat"].values.copy()
    quality = np.zeros(values.size, np.int8)
    quality[100:300] = 1
    values[::7] = np.nan
    (day,) = streams_of(with_series(tower, "latent_heat", values, quality), StreamChoice("LE", hours="day"))
    assert set(day.left_out) >= {"missing", "filled", "not by day"}
    assert sum(day.left_out.values()) + day.observed.size == values.size
    assert day.left_out["missing"] == int(np.isnan(values).sum())
    assert (day.index >= 0).sum() == day.observed.size


def test_day_and_night_part_the_half_hours(tower):
    whole, day, night = (streams_of(tower, StreamChoice("NEE", hours=hours, sigma=LINE))[0]
                         for hours in ("all", "day", "night"))
    assert day.observed.size + night.observed.size == whole.observed.size
    light = tower.forcing["shortwave_down"].values
    assert light[day.index >= 0].min() > 10.0 >= light[night.index >= 0].max()


def test_intervals_are_steps_since_the_observation_before(tower):
    values = tower.observations["latent_heat"].values.copy()
    values[:] = 50.0
    values[[3, 4, 5, 80]] = np.nan
    (one,) = streams_of(with_series(tower, "latent_heat", values), StreamChoice("LE", sigma=LINE))
    assert one.intervals[0] == 0.0
    assert list(one.intervals[1:5]) == [1.0, 1.0, 4.0, 1.0]
    assert one.intervals[1:].sum() == values.size - 1


def test_an_error_hardly_feels_the_observed_value_itself(tower):
    """Of a fifteenth of a sudden value the line takes its share, never of the value."""
    base = tower.observations["latent_heat"].values
    spike = int(np.flatnonzero(np.isfinite(base) & (tower.forcing["shortwave_down"].values > 300.0))[700])
    changed = base.copy()
    changed[spike] += 300.0
    plain, moved = (streams_of(one, StreamChoice("LE", sigma=LINE))[0]
                    for one in (tower, with_series(tower, "latent_heat", changed)))
    number = plain.index[spike]
    assert 0.0 < moved.sigma[number] - plain.sigma[number] < 0.2 * 300.0 / 10.0
    assert moved.observed[number] - plain.observed[number] == pytest.approx(300.0)


def test_a_smoothed_flux_keeps_the_time_of_day():
    times = np.datetime64("2021-06-01T00:00") + np.arange(40 * 48) * np.timedelta64(30, "m")
    course = np.sin(np.arange(times.size) * 2.0 * np.pi / 48.0)
    gaps = course.copy()
    gaps[np.random.default_rng(0).random(course.size) < 0.3] = np.nan
    np.testing.assert_allclose(smoothed_flux(gaps, times), course, atol=1e-12)
    lonely = np.full(times.size, np.nan)
    lonely[20 * 48 + 24] = 3.0
    found = smoothed_flux(lonely, times)
    assert np.isfinite(found).sum() == 15
    assert np.nanmax(np.abs(found - 3.0)) < 1e-12


def test_daily_means_take_days_that_are_measured_enough(tower):
    values = np.full(tower.observations.sizes["time"], 100.0) + np.tile(np.arange(48.0), 61)
    values[:13] = np.nan  # 35 of 48 are less than three quarters
    values[48:60] = np.nan  # 36 of 48 are enough
    (one,) = streams_of(with_series(tower, "latent_heat", values), StreamChoice(
        "LE", average="day", sigma=SigmaRule("constant", value=10.0)))
    assert one.observed.size == 60
    assert one.left_out["days measured too little"] == 1
    assert one.observed[0] == pytest.approx(100.0 + np.arange(12, 48).mean())
    assert one.observed[1] == pytest.approx(123.5)
    assert (one.index[:48] == -1).all()
    assert one.when[0] == np.datetime64("2021-06-02")
    np.testing.assert_allclose(one.sigma[1], 10.0 * np.sqrt(mean_inflation(0.5, np.array([48]))[0] / 48.0))


@pytest.mark.parametrize("phi", [0.0, 0.5, 0.99])
def test_the_error_of_a_mean_is_that_of_correlated_errors(phi):
    """Against the sum over the whole correlation matrix; never larger than one error."""
    for count in (1, 2, 36, 48):
        matrix = phi ** np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
        found = mean_inflation(phi, np.array([count]))[0] / count
        assert found == pytest.approx(matrix.sum() / count**2)
        assert found <= 1.0 + 1e-12


def test_soil_sensors_are_placed_in_layers_by_their_centres(tower):
    assert [layer_at(depth, LAYERS) for depth in (0.0, 0.05, 0.11, 0.3, 0.5, 3.0)] == [1, 1, 2, 3, 4, 5]
    (one,) = streams_of(tower, StreamChoice("SWC", depth=0.3))
    assert one.row == "soil_moisture_layer3"
    assert one.per_model_unit == pytest.approx(1.0 / (1000.0 * 0.2))  # kg m-2 of a layer of 0.2 m to m3 m-3
    assert (one.sigma == 0.03).all()


def test_monthly_means_count_whole_months_and_err_by_their_season(tower):
    months = pd.DataFrame({"latent_heat": [40.0, 80.0, 5.0]}, index=pd.to_datetime(["2021-06-01", "2021-07-01", "2021-08-01"]))
    longer = replace(synthetic_tower("forest").between("2021-06-01", "2021-08-20"), monthly=months)
    (one,) = streams_of(longer, StreamChoice("LE", average="month"))
    np.testing.assert_allclose(one.observed, [40.0, 80.0])
    assert one.left_out == {"months incomplete or missing": 1}
    np.testing.assert_allclose(one.sigma, [5.0 + 0.1 * 60.0, 5.0 + 0.1 * 125.0 / 3.0])
    assert one.index[-1] == -1
    np.testing.assert_array_equal(np.bincount(one.index[one.index >= 0]), [30 * 48, 31 * 48])


def test_the_season_of_monthly_values_joins_december_and_january():
    value = np.arange(1.0, 25.0)
    value[5] = np.nan
    found = seasonal_course(value, np.arange(24) % 12)
    assert found[0] == pytest.approx(np.mean([1, 13, 2, 14, 12, 24]))
    assert found[5] == pytest.approx(np.mean([18, 5, 17, 7, 19]))


def test_years_count_when_half_of_them_is_there(tower):
    assert years_of(synthetic_tower("grassland", years=2)) == [2021, 2022]
    assert years_of(tower) == []


def test_bad_wishes_are_refused_in_words(tower):
    with pytest.raises(ProblemError, match=r"no step in 2019.*from 2021 to 2021"):
        streams_of(tower, StreamChoice("LE"), years=(2019,))
    with pytest.raises(ProblemError, match=r"gross_primary_production.*offers .*latent_heat"):
        lacking = replace(tower, observations=tower.observations.drop_vars("gross_primary_production", errors="ignore"))
        streams_of(lacking, StreamChoice("GPP"))
    nothing = with_series(tower, "latent_heat", np.full(tower.observations.sizes["time"], np.nan))
    with pytest.raises(ProblemError, match=r"latent_heat is empty at SYN-For in 2021: of 2928 steps 2928 missing"):
        streams_of(nothing, StreamChoice("LE", sigma=LINE))
    with pytest.raises(ProblemError, match="no day is measured for 75%"):
        streams_of(nothing, StreamChoice("LE", sigma=LINE, average="day"))
    with pytest.raises(ProblemError, match="no monthly means of latent_heat"):
        streams_of(tower, StreamChoice("LE", average="month"))
    with pytest.raises(ProblemError, match="the tower supplies no errors of soil_moisture"):
        streams_of(tower, StreamChoice("SWC", depth=0.1, sigma=SigmaRule("supplied")))


def observations_of(tower, operator="site"):
    """A dataset as `read_observations` gives it, with two classes."""
    rows = tower.observations.sizes["time"]
    flux = np.full(rows, -4.0)
    flux[:10] = np.nan
    weight = np.ones(rows)
    weight[10:30] = 0.0
    share = np.tile([0.7, 0.3], (rows, 1))
    return xr.Dataset({
        "net_ecosystem_exchange": ("time", flux), "net_ecosystem_exchange_quality": ("time", np.zeros(rows)),
        "net_ecosystem_exchange_random_sigma": ("time", np.full(rows, 1.5)),
        "net_ecosystem_exchange_representativeness_sigma": ("time", np.full(rows, 0.5)),
        "net_ecosystem_exchange_weight": ("time", weight), "class_fraction": (("time", "land_cover_class"), share)},
        coords={"time": tower.observations["time"]}, attrs={"operator": operator, "site_id": "SYN-For", "maximum_quality": 0})


def test_observations_bring_errors_weights_and_fractions(tower):
    (one,) = streams_of(tower, StreamChoice("NEE"), observations=observations_of(tower, "mixture"),
                        footprint=FootprintChoice("mixture"))
    assert (one.sigma == 1.5).all()
    assert (one.extra_sigma == 0.5).all()
    assert one.left_out["no weight by its footprint"] == 20
    np.testing.assert_allclose(one.fractions, np.tile([0.7, 0.3], (one.observed.size, 1)))
    assert sum(one.left_out.values()) + one.observed.size == tower.observations.sizes["time"]


def test_footprint_operators_are_never_mixed(tower):
    with pytest.raises(ProblemError, match=r"made for the footprint operator 'mixture'.*never"):
        streams_of(tower, StreamChoice("NEE"), observations=observations_of(tower, "mixture"))
    with pytest.raises(ProblemError, match="'mixture' needs footprints"):
        streams_of(tower, StreamChoice("NEE"), footprint=FootprintChoice("mixture"))


def test_observations_of_other_times_are_refused(tower):
    shifted = observations_of(tower)
    shifted = shifted.assign_coords(time=shifted["time"] + np.timedelta64(7, "m"))
    with pytest.raises(ProblemError, match="do not fit the forcing"):
        streams_of(tower, StreamChoice("NEE"), observations=shifted)
