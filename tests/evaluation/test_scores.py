"""The score table compares like with like."""

import numpy as np
import pytest

from terraflux.evaluation.scores import COLUMNS, pivot, score_table, step_length


@pytest.fixture
def simulated(make_simulation):
    return make_simulation()


@pytest.fixture
def observed(simulated):
    observed = simulated[["latent_heat", "gross_primary_production", "evapotranspiration"]].copy(deep=True)
    observed["latent_heat"] = observed["latent_heat"] - 10.0
    observed["latent_heat"].attrs["units"] = "W m-2"
    observed["latent_heat_quality"] = ("time", np.zeros(observed.sizes["time"], dtype="int8"))
    return observed


def value(table, variable, scale, metric):
    return table.query("variable == @variable and scale == @scale and metric == @metric")["value"].item()


def test_table_has_a_row_for_every_variable_scale_and_metric(simulated, observed):
    table = score_table(simulated, observed)
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 3 * 5 * 14
    assert not table.duplicated(["variable", "scale", "metric"]).any()


def test_a_constant_offset_is_the_bias_on_every_scale(simulated, observed):
    table = score_table(simulated, observed, ["latent_heat"])
    for scale in ("half_hourly", "daily", "monthly", "diurnal"):
        assert value(table, "latent_heat", scale, "bias") == pytest.approx(10.0)
        assert value(table, "latent_heat", scale, "r") == pytest.approx(1.0)
    annual = table.query("scale == 'annual'")
    assert (annual["n"] == 0).all()
    assert annual["value"].isna().all()


def test_carbon_and_water_are_scored_per_day(simulated, observed):
    observed["gross_primary_production"] = observed["gross_primary_production"] + 1.0 / 86400.0
    observed["gross_primary_production"].attrs["units"] = "g m-2 s-1"
    table = score_table(simulated, observed)
    assert value(table, "gross_primary_production", "daily", "bias") == pytest.approx(-1.0)
    units = table.query("metric == 'rmse'").groupby("variable")["unit"].first()
    assert units["gross_primary_production"] == "gC m-2 d-1"
    assert units["evapotranspiration"] == "mm d-1"


def test_only_measured_values_count_unless_asked(simulated, observed):
    observed["latent_heat"][:100] = 1e6
    observed["latent_heat_quality"][:100] = 1
    strict = score_table(simulated, observed, ["latent_heat"], ["half_hourly"], ["bias"])
    loose = score_table(simulated, observed, ["latent_heat"], ["half_hourly"], ["bias"], maximum_quality=1)
    assert strict["n"].item() == simulated.sizes["time"] - 100
    assert strict["value"].item() == pytest.approx(10.0)
    assert loose["n"].item() == simulated.sizes["time"]
    assert loose["value"].item() < -1e4


def test_production_inherits_the_quality_of_net_exchange(simulated, observed):
    flags = np.zeros(simulated.sizes["time"], dtype="int8")
    flags[::2] = 2
    observed["net_ecosystem_exchange_quality"] = ("time", flags)
    table = score_table(simulated, observed, ["gross_primary_production"], ["half_hourly"], ["r"])
    assert table["n"].item() == simulated.sizes["time"] // 2


def test_corrected_heat_is_compared_with_the_same_simulated_heat(simulated, observed):
    observed["latent_heat_corrected"] = observed["latent_heat"] + 10.0
    table = score_table(simulated, observed, scales=["daily"], metrics=["bias"])
    assert value(table, "latent_heat", "daily", "bias") == pytest.approx(10.0)
    assert value(table, "latent_heat_corrected", "daily", "bias") == pytest.approx(0.0, abs=1e-9)


def test_soil_sensors_are_compared_at_their_depth(simulated, observed):
    time = simulated["time"]
    layers = simulated["soil_temperature"].to_numpy()
    depth = simulated["soil_depth"].to_numpy()
    expected = np.array([np.interp(0.08, depth, row) for row in layers])
    observed["soil_temperature_observed"] = ("time", expected, {"units": "degC", "depth": 0.08})
    observed["soil_moisture_observed"] = ("time", np.full(time.size, 0.2), {"units": "m3 m-3", "depth": 3.0})
    sensors = ["soil_temperature_observed", "soil_moisture_observed"]
    table = score_table(simulated, observed, sensors, ["daily"], ["bias"])
    assert table["value"].to_numpy() == pytest.approx([0.0, 0.05], abs=1e-12)


def test_series_are_aligned_by_time_not_by_position(simulated, observed):
    table = score_table(simulated.isel(time=slice(480, None)), observed, ["latent_heat"], ["half_hourly"], ["bias"])
    assert table["n"].item() == simulated.sizes["time"] - 480
    assert table["value"].item() == pytest.approx(10.0)


def test_no_time_in_common_is_an_error(simulated, observed):
    moved = observed.assign_coords(time=observed["time"] + np.timedelta64(10000, "D"))
    with pytest.raises(ValueError, match="no time in common"):
        score_table(simulated, moved)


def test_unknown_variables_and_metrics_are_refused_with_the_choices(simulated, observed):
    with pytest.raises(ValueError, match="no comparison for snowfall; possible are latent_heat"):
        score_table(simulated, observed, ["snowfall"])
    with pytest.raises(ValueError, match="unknown metric 'mape'; known are bias"):
        score_table(simulated, observed, metrics=["mape"])


def test_pivot_shows_one_row_per_variable_in_order(simulated, observed):
    wide = pivot(score_table(simulated, observed), "daily")
    assert list(wide.index) == ["latent_heat", "gross_primary_production", "evapotranspiration"]
    assert list(wide.columns[:4]) == ["n", "bias", "rmse", "r"]
    assert (wide["n"] == 60).all()


def test_series_of_different_steps_are_not_compared(simulated, observed):
    daily = simulated.resample(time="1D").mean()
    daily["latent_heat"].attrs["units"] = "W m-2"
    with pytest.raises(ValueError, match="steps of 86400 s and the observations of 1800 s"):
        score_table(daily, observed, ["latent_heat"])


def test_step_length_comes_from_the_axis_and_for_one_time_from_the_attribute(simulated):
    simulated.attrs["time_step_seconds"] = 900
    assert step_length(simulated) == 1800.0
    assert step_length(simulated.isel(time=slice(0, 1))) == 900.0
    with pytest.raises(ValueError, match="time_step_seconds"):
        step_length(simulated.drop_attrs().isel(time=slice(0, 1)))
