"""Forcing in which factors are held: what varies is the nation's own weather, what is held repeats its dates."""

import numpy as np
import pytest

from terraflux.drivers.grid.nation_store import nation_store
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.region.errors import RegionError
from terraflux.region.factor_store import factor_store, same_date

FIRST, LAST = 1979, 1981


@pytest.fixture(scope="module")
def nation():
    return SyntheticNation(6.0)


@pytest.fixture(scope="module")
def weather(nation, tmp_path_factory):
    """weather(varying) -> {variable: [day, cell]}."""
    folder = tmp_path_factory.mktemp("factors")

    def of(*varying):
        store = factor_store(nation, folder / ("_".join(varying) or "none"), FIRST, LAST, varying=varying, base_years=1)
        values = store.slab(f"{FIRST}-01-01", f"{LAST}-12-31")
        return {name: values[:, row] for row, name in enumerate(store.variables)}
    return of


def test_with_all_factors_it_is_the_nation(nation, weather, tmp_path):
    whole = nation_store(nation, tmp_path / "whole.zarr", f"{FIRST}-01-01", f"{LAST}-12-31")
    values = whole.slab(f"{FIRST}-01-01", f"{LAST}-12-31")
    for row, name in enumerate(whole.variables):
        assert np.array_equal(weather("co2", "climate", "lai")[name], values[:, row])


@pytest.mark.parametrize("factor, own", [("co2", {"carbon_dioxide"}), ("lai", {"prescribed_leaf_area_index"})])
def test_only_the_variables_of_a_held_factor_change(weather, factor, own):
    whole = weather("co2", "climate", "lai")
    held = weather(*(one for one in ("co2", "climate", "lai") if one != factor))
    assert {name for name in whole if not np.array_equal(whole[name], held[name])} == own
    (name,) = own
    year = np.arange(365)
    assert np.array_equal(held[name][:365], whole[name][:365])
    assert np.array_equal(held[name][365 + 366 + year], whole[name][year])


def test_with_nothing_varying_every_year_is_the_first(weather):
    for values in weather().values():
        assert np.array_equal(values[731:], values[:365])
        assert np.array_equal(values[365 + 59], values[58])  # 29 February repeats the 28th


def test_dates_repeat_the_base_and_keep_month_and_day():
    days = np.arange(np.datetime64("1979-01-01"), np.datetime64("2013-01-01"))
    moved = same_date(days, 10)
    assert moved.max() <= np.datetime64("1988-12-31") and np.array_equal(moved[:3653], days[:3653])
    assert np.array_equal(moved.astype("datetime64[M]").astype(int) % 12, days.astype("datetime64[M]").astype(int) % 12)


def test_unknown_factors_are_refused(nation, tmp_path):
    with pytest.raises(RegionError, match="'wind' is no factor"):
        factor_store(nation, tmp_path / "no", FIRST, LAST, varying=("wind",))
