"""From files of products to a store: the same weather from every product, whatever its conventions."""

import numpy as np
import pytest

from terraflux.drivers.grid.prepare import prepare


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
        assert weather[:, place] == pytest.approx(expected, rel=3e-7, abs=1e-6), name
    assert store.verify() == []
