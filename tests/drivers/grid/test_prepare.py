"""From files of products to a store: the same weather from every product, whatever its conventions."""

import numpy as np
import pytest

from terraflux.drivers.grid.prepare import prepare

ROUNDING = {"air_temperature": 1e-6, "air_temperature_minimum": 1e-6, "air_temperature_maximum": 1e-6, "precipitation": 1e-12}
"""Rounding of kelvin and of running totals on the way through the files, and of float32."""


def on_days(daily_truth, store, name):
    """Truth [day, cell] in the order of the store."""
    days = store.layout.days
    return daily_truth[name][:days, store.cells.row, store.cells.column]


@pytest.mark.parametrize("product", ["era5", "era5_land", "wfde5"])
def test_products_with_different_conventions_give_the_same_daily_weather(product, products, daily_truth, write, choices):
    write(products[product])
    store = prepare(choices(product))
    weather = store.slab("2001-02-27", "2001-03-01", dtype=np.float64)
    assert store.cells.count == 20
    for place, name in enumerate(store.layout.variables):
        expected = on_days(daily_truth, store, name)
        assert weather[:, place] == pytest.approx(expected, rel=5e-7, abs=ROUNDING.get(name, 0.0)), name
    assert store.verify() == []
