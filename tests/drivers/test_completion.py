"""Completing a tower of half-hours and monthly means: what is kept exactly, and what is estimated how well."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from terraflux.drivers import open_tower, synthetic_tower
from terraflux.drivers.completion_choices import Completion
from terraflux.drivers.disaggregation import monthly_means
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.estimates import standard_pressure
from terraflux.drivers.time_axis import TimeAxis


@pytest.fixture(scope="module")
def whole_year():
    return synthetic_tower("forest", year=2020, seed=5)


@pytest.fixture
def subset(tmp_path, whole_year, facts):
    """A folder with half-hours of three variables and monthly means of the others, from the invented tower."""
    forcing = whole_year.forcing
    saturation = 0.6108 * np.exp(17.27 * forcing.air_temperature / (forcing.air_temperature + 237.3))
    dataset = xr.Dataset({
        "TA": forcing.air_temperature.assign_attrs(units="degree_Celsius"),
        "VPD": (10.0 * (saturation - forcing.vapour_pressure)).assign_attrs(units="hPa"),
        "SW_IN": forcing.shortwave_down.assign_attrs(units="W m-2"),
    }, attrs={"site_id": "XX-Tst", "utc_offset_hours": 1.0})
    dataset.to_netcdf(tmp_path / "XX-Tst_halfhourly.nc")
    monthly = forcing[["longwave_down", "air_pressure", "precipitation", "wind_speed"]].resample(time="MS").mean()
    table = pd.DataFrame({
        "TIMESTAMP": monthly.time.dt.strftime("%Y%m").values, "LW_IN_F": monthly.longwave_down.values,
        "PA_F": monthly.air_pressure.values / 1000.0, "P_F": monthly.precipitation.values * 86400.0,
        "WS_F": monthly.wind_speed.values})

    def write(change=None):
        (table if change is None else change(table.copy())).to_csv(tmp_path / "XX-Tst_monthly.csv", index=False)
        return tmp_path
    return write


def test_monthly_means_are_kept_exactly(subset, facts):
    tower = open_tower(subset(), site=facts)
    axis = TimeAxis(tower.forcing.time.values.astype("datetime64[s]"), 1800)
    for name in ("longwave_down", "air_pressure", "precipitation", "wind_speed"):
        found = monthly_means(tower.forcing[name].values, axis)
        np.testing.assert_allclose(found, tower.monthly[name].to_numpy(), rtol=1e-12, err_msg=name)
        assert (tower.forcing[f"{name}_provenance"] == 4).all(), name
    assert "monthly totals, which are kept (seed 1)" in tower.forcing.attrs["history"]


def test_longwave_with_monthly_means_is_near_the_truth(subset, facts, whole_year):
    # Truth and estimate share the scheme here: what is tested is the shift by months and the cloud bookkeeping.
    for scheme, largest in (("prata", 1.0), ("brutsaert", 25.0)):
        found = open_tower(subset(), site=facts, completion={"longwave": scheme}).forcing.longwave_down
        error = found - whole_year.forcing.longwave_down
        assert float((error**2).mean()) ** 0.5 < largest, scheme


def test_longwave_that_was_never_measured_is_estimated(subset, facts):
    """Monthly means without a measured month are left aside, and the history says by how much; one month measured, or
    "keep", and they are kept."""
    def quality(*measured):
        return lambda table: table.assign(LW_IN_F=table["LW_IN_F"] - 20.0, LW_IN_F_QC=[
            float(month in measured) for month in range(1, 13)])

    plain = open_tower(subset(quality()), site=facts)
    axis = TimeAxis(plain.forcing.time.values.astype("datetime64[s]"), 1800)
    assert (plain.forcing.longwave_down_provenance == 5).all()
    assert "never measured: estimated with the scheme prata" in plain.forcing.attrs["history"]
    difference = monthly_means(plain.forcing.longwave_down.values, axis) - plain.monthly["longwave_down"].to_numpy()
    assert difference.min() > 15.0
    for measured, choices in (((7,), {}), ((), {"unmeasured_longwave": "keep"})):
        kept = open_tower(subset(quality(*measured)), site=facts, completion=choices)
        assert (kept.forcing.longwave_down_provenance == 4).all()
        np.testing.assert_allclose(monthly_means(kept.forcing.longwave_down.values, axis), kept.monthly["longwave_down"],
                                   rtol=1e-12)


def test_seed_changes_rain_and_wind_only(subset, facts):
    one, two = (open_tower(subset(), site=facts, completion={"seed": seed}).forcing for seed in (1, 2))
    same = {name: bool(np.array_equal(one[name], two[name])) for name in one.data_vars if not name.endswith("bnds")}
    assert [name for name, equal in same.items() if not equal] == ["wind_speed", "precipitation"]


def test_rain_falls_when_it_is_humid_and_dim(subset, facts):
    forcing = open_tower(subset(), site=facts).forcing
    daily = forcing[["precipitation", "shortwave_down", "air_temperature", "vapour_pressure", "photoperiod"]].resample(
        time="D").mean()
    humidity = daily.vapour_pressure / (0.6108 * np.exp(17.27 * daily.air_temperature / (daily.air_temperature + 237.3)))
    wet = daily.precipitation > 0.0
    assert float(humidity.where(wet).mean()) > float(humidity.where(~wet).mean()) + 0.03
    summer = daily.time.dt.month.isin((5, 6, 7))
    assert float(daily.shortwave_down.where(wet & summer).mean()) < float(daily.shortwave_down.where(~wet & summer).mean())


def test_missing_month_is_refused(subset, facts):
    def holed(table):
        table.loc[4, "P_F"] = -9999
        return table
    with pytest.raises(ForcingError, match="monthly value is missing") as caught:
        open_tower(subset(holed), site=facts)
    assert caught.value.variable == "precipitation" and caught.value.time == "2020-05"
    with pytest.raises(ForcingError, match="monthly value is missing"):
        open_tower(subset(lambda table: table.iloc[:10]), site=facts)
    assert open_tower(subset(holed), site=facts, first="2020-06-01").forcing.sizes["time"] == 214 * 48


def test_longwave_gap_is_estimated_by_the_scheme(write_fluxnet, facts):
    def holed(table):
        table.loc[200:400, "LW_IN_F"] = np.nan
        return table
    path = write_fluxnet(holed)
    with pytest.raises(ForcingError, match="201 of 2928"):
        open_tower(path, site=facts)
    found = open_tower(path, site=facts, completion={"gaps": "fill"}).forcing
    assert (found.longwave_down_provenance[200:401] == 5).all()
    assert int((found.longwave_down_provenance == 5).sum()) == 201


def test_polar_night_and_midnight_sun_have_estimates(facts):
    from terraflux.drivers.estimates import carried_cloudiness, sun_of
    from terraflux.drivers.record import Record, series
    from terraflux.drivers.site import site_from_facts

    site = site_from_facts(facts | {"latitude": 78.9, "longitude": 11.9})
    start = np.arange(np.datetime64("2020-01-01", "s"), np.datetime64("2021-01-01", "s"), np.timedelta64(3600, "s"))
    record = Record(TimeAxis(start, 3600))
    sun = sun_of(record, site)
    assert sun.photoperiod.min() == 0.0 and sun.photoperiod.max() == 24.0
    record.forcing["shortwave_down"] = series("shortwave_down", 0.4 * sun.extraterrestrial, "W m-2", 3600)
    clouds = carried_cloudiness(record, site, sun)
    assert np.isfinite(clouds).all() and clouds.min() >= 0.0 and clouds.max() <= 1.0
    assert clouds[:24 * 30].std() < 0.05


def test_measured_diffuse_light_overrides_the_correlation(facts, table, tmp_path, mapping):
    path = tmp_path / "plain.csv"
    table.assign(DIF=0.3 * table["SW_IN_F"]).round(6).fillna(-9999).to_csv(path, index=False)
    forcing = mapping()["table"][0]["forcing"] | {"diffuse_shortwave_down": {"column": "DIF", "unit": "W m-2"}}
    found = open_tower(path, format="mapped_csv", site=facts, mapping=mapping(forcing=forcing)).forcing
    bright = found.shortwave_down.values > 1.0
    np.testing.assert_allclose(found.diffuse_fraction.values[bright], 0.3, atol=1e-5)
    assert (found.diffuse_fraction.values[~bright] >= 0.3).all()


def test_standard_atmosphere():
    assert standard_pressure(0.0) == 101325.0
    # ICAO standard atmosphere tables.
    assert standard_pressure(1000.0) == pytest.approx(89874.6, abs=3.0)
    assert standard_pressure(3000.0) == pytest.approx(70108.5, abs=5.0)


@pytest.mark.parametrize(("choice", "value"), [("maximum_missing_share", 2.0), ("wind_speed", -1.0), ("seed", "one"),
                                               ("air_pressure", 101.3), ("clock", "ignore"),
                                               ("unmeasured_longwave", "drop")])
def test_impossible_choices_are_refused(choice, value):
    with pytest.raises(ForcingError, match=choice):
        Completion(**{choice: value})
