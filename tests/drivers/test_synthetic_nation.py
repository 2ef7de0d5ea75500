"""The synthetic nation: reproducible anywhere, physically consistent, labelled."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.model.humidity import saturation_pressure_at
from terraflux.model.parameters import parameters
from terraflux.model.sky_longwave import black_body, brutsaert_emissivity
from terraflux.model.solar import extraterrestrial_radiation
from terraflux.model.variables import variable_table

DAY = 86400.0


@pytest.fixture(scope="module")
def nation():
    return SyntheticNation(2.0, seed=3)


@pytest.fixture(scope="module")
def weather(nation):
    """{variable: [day, cell]} of 1995 and 1996, a leap year."""
    values = nation.daily("1995-01-01", "1996-12-31")
    assert len(values) == 731
    return {name: values[:, row] for row, name in enumerate(nation.variables)}


def test_the_same_seed_gives_the_same_bits_and_another_another_world(nation):
    first = nation.daily("2001-06-01", "2001-06-10")
    assert np.array_equal(first, SyntheticNation(2.0, seed=3).daily("2001-06-01", "2001-06-10"))
    other = SyntheticNation(2.0, seed=4)
    assert not np.array_equal(other.cells.elevation[:20], nation.cells.elevation[:20])


def test_subsets_tiles_and_periods_have_the_bits_of_the_whole(nation):
    whole = nation.daily("2000-02-20", "2000-03-10")
    some = np.array([3, 77, 20])
    assert np.array_equal(nation.daily("2000-02-20", "2000-03-10", some), whole[:, :, some])
    assert np.array_equal(nation.daily("2000-02-29", "2000-03-01"), whole[9:11])
    tile = SyntheticNation(2.0, seed=3, bounds=(100.0, 112.0, 28.0, 38.0))
    places = [int(np.flatnonzero((nation.cells.longitude == x) & (nation.cells.latitude == y))[0])
              for x, y in zip(tile.cells.longitude, tile.cells.latitude, strict=True)]
    assert np.array_equal(tile.daily("2000-02-20", "2000-03-10"), whole[:, :, places])
    assert np.array_equal(tile.cells.plant_share, nation.cells.plant_share[:, places])


@pytest.fixture(scope="module")
def fine():
    return SyntheticNation(0.25, smallest_land=0.0)


def land_and_height(nation):
    """Land area (m2) and mean height of the land (m)."""
    land = nation.cells.area * nation.cells.land_fraction
    return land.sum(), np.average(nation.cells.elevation, weights=land)


@pytest.mark.parametrize("resolution", [0.25, 0.5, 1.0, 2.5, 5.0])
def test_every_resolution_has_the_same_nation(fine, resolution):
    """Cells are means of the same points, so land area and mean height are the same to rounding."""
    one = SyntheticNation(resolution, smallest_land=0.0)
    cells = one.cells
    assert np.allclose(land_and_height(one), land_and_height(fine), rtol=1e-12)
    days = one.daily("1990-07-01", "1990-07-02")
    assert np.isfinite(days).all() and days.shape[2] == cells.latitude.size


def test_a_quarter_degree_has_the_cells_of_a_nation_of_this_size():
    assert 15_000 < SyntheticNation(0.25).cells.latitude.size < 16_500


def test_coarse_and_fine_cells_read_the_same_season_and_climate():
    """A coarse cell has the weather of its centre: its months agree with the mean of the fine cells in it."""
    fine, coarse = (SyntheticNation(step, bounds=(110.0, 115.0, 25.0, 30.0)) for step in (0.5, 2.5))
    for name, limit in (("air_temperature", 1.0), ("shortwave_down", 10.0), ("air_temperature_range", 0.6)):
        row = fine.variables.index(name)
        means = [one.daily("1985-01-01", "1985-12-31")[:, row].reshape(365, -1).mean(axis=1) for one in (fine, coarse)]
        months = [[one[30 * k:30 * k + 30].mean() for k in range(12)] for one in means]
        assert np.abs(np.subtract(*months)).max() < limit, name


def test_variables_are_within_the_bounds_of_the_model(nation, weather):
    table = variable_table()
    for name, values in weather.items():
        if name in table:
            low, high = table[name].bounds
            assert np.isfinite(values).all() and values.min() >= low and values.max() <= high, name
    assert weather["air_temperature_range"].min() >= 1.0
    assert nation.units()["air_temperature_range"] == "K" and nation.units()["precipitation"] == "kg m-2 s-1"


def test_air_is_not_supersaturated(weather):
    assert (weather["vapour_pressure"] <= saturation_pressure_at(weather["air_temperature"])).all()
    coldest = weather["air_temperature"] - 0.5 * weather["air_temperature_range"]
    assert (weather["vapour_pressure"] <= saturation_pressure_at(coldest)).mean() > 0.98


def test_sunlight_stays_below_a_clear_sky(nation, weather):
    cells = nation.cells
    days = np.arange(np.datetime64("1995-01-01"), np.datetime64("1997-01-01"))[:, None]
    offset = cells.longitude / 15.0
    outside = extraterrestrial_radiation(days.astype("datetime64[ms]"), DAY, cells.latitude, cells.longitude, offset)
    share = weather["shortwave_down"] / outside
    assert (share <= (0.75 + 2e-5 * cells.elevation) * 1.005).all()
    assert share.min() > 0.05


def test_longwave_lies_between_clear_and_overcast_sky(weather):
    air, vapour = weather["air_temperature"], weather["vapour_pressure"]
    emissivity = weather["longwave_down"] / black_body(air)
    clear = brutsaert_emissivity(air, vapour)
    assert (emissivity >= np.minimum(clear, 1.0) * (1.0 - 1e-12)).all()
    assert (emissivity <= np.minimum(1.22 * clear, 1.0) * (1.0 + 1e-12)).all()


def test_rain_comes_with_clouds_and_small_diurnal_range(nation, weather):
    wet = weather["precipitation"] > 0.0
    assert 0.15 < wet.mean() < 0.45
    expected = nation.cells.climate.diurnal_range
    assert np.mean((weather["air_temperature_range"] / expected)[wet]) < 0.75 * np.mean(
        (weather["air_temperature_range"] / expected)[~wet])
    south = nation.cells.latitude < 35.0
    light = weather["shortwave_down"][:, south]
    assert light[wet[:, south]].mean() < 0.8 * light[~wet[:, south]].mean()


def test_rain_has_the_climate_it_is_made_for(nation):
    """34 years at every cell: within 20 % of the declared climate, 5 % over the nation."""
    total = nation.daily("1979-01-01", "2012-12-31")[:, nation.variables.index("precipitation")].sum(axis=0) * DAY / 34.0
    declared = nation.cells.climate.annual_precipitation
    assert np.abs(total / declared - 1.0).max() < 0.25
    assert np.isclose(total.sum(), declared.sum(), rtol=0.05)


def test_summer_is_wet_and_warm_and_heights_are_cold(nation, weather):
    july, january = slice(181, 212), slice(0, 31)
    east = nation.cells.longitude > 105.0
    rain = weather["precipitation"][:, east]
    assert rain[july].mean() > 3.0 * rain[january].mean()
    assert (weather["air_temperature"][july].mean(axis=0) > weather["air_temperature"][january].mean(axis=0)).all()
    band = (nation.cells.latitude > 30.0) & (nation.cells.latitude < 36.0)
    mean = weather["air_temperature"].mean(axis=0)[band]
    slope = np.polyfit(nation.cells.elevation[band], mean, 1)[0]
    assert -7e-3 < slope < -2.5e-3


def test_years_differ_and_the_air_warms(nation):
    row = nation.variables.index("air_temperature")
    years = np.array([nation.daily(f"{year}-01-01", f"{year}-12-31")[:, row].mean() for year in range(1979, 2013)])
    trend = np.polyfit(np.arange(years.size), years, 1)
    assert 0.01 < trend[0] < 0.06
    assert 0.05 < np.std(years - np.polyval(trend, np.arange(years.size))) < 0.8


def test_carbon_dioxide_rises_and_breathes(nation):
    row = nation.variables.index("carbon_dioxide")
    first, last = (nation.daily(f"{year}-01-01", f"{year}-12-31")[:, row] for year in (1979, 2012))
    assert np.isclose(first.mean(), 336.9, atol=2.0) and np.isclose(last.mean(), 392.5, atol=2.5)
    assert 5.0 < np.ptp(first, axis=0).max() < 12.0


def test_leaves_follow_the_season_and_the_plants(nation, weather):
    leaves = weather["prescribed_leaf_area_index"]
    wooded = nation.cells.plant_share[:5].sum(axis=0) > 0.6
    summer, winter = leaves[181:243].mean(axis=0), leaves[:31].mean(axis=0)
    assert (summer > winter)[nation.cells.latitude > 28.0].all() and summer[wooded].mean() > 2.5
    parts = sum(share * nation.leaf_area(plant, "1995-07-01", "1995-07-03")
                for plant, share in zip(nation.plant_types, nation.cells.plant_share, strict=True))
    assert np.allclose(parts, leaves[181:184], rtol=1e-12)
    some = nation.leaf_area("DBF", "1995-07-01", "1995-07-03", [2, 5])
    assert np.array_equal(some, nation.leaf_area("DBF", "1995-07-01", "1995-07-03")[:, [2, 5]])


def test_plants_and_soils_are_those_of_the_model(nation):
    cells = nation.cells
    assert np.allclose(cells.plant_share.sum(axis=0), 1.0, rtol=1e-14)
    assert ((cells.plant_share == 0.0) | (cells.plant_share >= 0.03)).all()
    area = np.average(cells.plant_share, axis=1, weights=cells.area)
    assert (area > 0.005).all() and area.max() < 0.4
    for plant, soil in zip(nation.plant_types, np.resize(np.unique(cells.soil_class), len(nation.plant_types)), strict=True):
        assert parameters(plant, str(soil)).plant == plant


def test_everything_is_labelled_synthetic(nation):
    for dataset in (nation.surface_dataset(), nation.forcing_dataset("1979-01-01", "1979-01-02", [0, 1])):
        assert dataset.attrs["synthetic"] == 1 and "synthetic" in dataset.attrs["title"]
        for name in dataset.data_vars:
            assert "synthetic" in dataset[name].attrs["comment"] and "units" in dataset[name].attrs


@pytest.mark.parametrize(("how", "words"), [
    (lambda: SyntheticNation(9.0), "degrees"), (lambda: SyntheticNation(seed=-1), "seed"),
    (lambda: SyntheticNation(1.0, bounds=(130.0, 134.0, 20.0, 24.0)), "no cell"),
    (lambda: SyntheticNation(5.0).daily("1978-12-31", "1979-01-02"), "1979-01-01"),
    (lambda: SyntheticNation(5.0).daily("1980-01-02", "1980-01-01"), "first before last"),
    (lambda: SyntheticNation(5.0).leaf_area("OAK", "1980-01-02", "1980-01-03"), "OAK"),
])
def test_what_cannot_be_made_is_refused(how, words):
    with pytest.raises(ForcingError, match=words):
        how()
