"""Coarse forcing from arrays by name."""

import numpy as np
import pytest

from terraflux.model.disaggregation import DisaggregationError, coarse_forcing


@pytest.fixture
def named(make):
    """(disaggregation, forcing, {name: [interval, series]})."""
    one, forcing = make("2001-01-01", 4, latitude=[40.0, 41.0], longitude=[0.0, 1.0])
    return one, forcing, {name: forcing[:, row] for row, name in enumerate(one.variables())}


def test_arrays_by_name_come_into_order(named):
    one, forcing, values = named
    assert np.array_equal(coarse_forcing(dict(reversed(values.items())), one), forcing)


def test_extremes_stand_for_range_and_mean(named):
    one, forcing, values = named
    swing = values.pop("air_temperature_range")
    extremes = {"air_temperature_minimum": values["air_temperature"] - 0.5 * swing,
                "air_temperature_maximum": values["air_temperature"] + 0.5 * swing}
    assert np.allclose(coarse_forcing(values | extremes, one), forcing, atol=1e-12)
    mean = values.pop("air_temperature")
    shifted = {name: one_of + 1.0 for name, one_of in extremes.items()}
    assert np.allclose(coarse_forcing(values | shifted, one)[:, 2], mean + 1.0, atol=1e-12)


def test_numbers_and_series_stay_all_the_time(named):
    one, _, values = named
    made = coarse_forcing(values | {"carbon_dioxide": 370.0, "air_pressure": [9e4, 1e5]}, one)
    assert (made[:, 8] == 370.0).all() and (made[:, 5] == [9e4, 1e5]).all()


def test_what_is_missing_or_does_not_fit_is_named(named):
    one, _, values = named
    with pytest.raises(DisaggregationError, match="wind_speed"):
        coarse_forcing({name: each for name, each in values.items() if name != "wind_speed"}, one)
    with pytest.raises(DisaggregationError, match="air_temperature_minimum"):
        coarse_forcing({name: each for name, each in values.items() if name != "air_temperature_range"}, one)
    with pytest.raises(DisaggregationError, match="precipitation has the shape"):
        coarse_forcing(values | {"precipitation": np.zeros((3, 2))}, one)
