"""Sky longwave: published values, limits, and a year of measurements at a boreal tower."""

import gzip

import numpy as np
import pandas as pd
import pytest

from terraflux.model import sky_longwave as sky
from terraflux.model import solar
from terraflux.model.humidity import vapour_pressure_from_relative_humidity


def test_brutsaert_emissivity_of_a_standard_atmosphere():
    """Brutsaert (1975): 1.24 (e/T)**(1/7); at 15 degC and 10 hPa (10 / 288.15)**(1/7) is 0.6187."""
    assert sky.brutsaert_emissivity(15.0, 1.0) == pytest.approx(1.24 * 0.61868, rel=1e-4)


def test_prata_emissivity_of_dry_and_moist_air():
    """w = 0 leaves 1 - exp(-sqrt(1.2)) = 0.6656; w = 3 cm, typical of the humid tropics, gives 1 - 4 exp(-3.1937)."""
    assert sky.prata_emissivity(-40.0, 0.0) == pytest.approx(0.66558, abs=1e-4)
    vapour_pressure = 3.0 * 300.0 / 465.0
    assert sky.prata_emissivity(300.0 - 273.15, vapour_pressure) == pytest.approx(1.0 - 4.0 * np.exp(-np.sqrt(10.2)))


def test_clear_sky_schemes_agree_with_each_other_in_temperate_air():
    for temperature, vapour_pressure in ((0.0, 0.5), (10.0, 0.9), (20.0, 1.5), (28.0, 2.5)):
        first, second = (scheme(temperature, vapour_pressure, 0.0) for scheme in sky.SKY_LONGWAVE.values())
        assert first == pytest.approx(second, rel=0.06)


@pytest.mark.parametrize("name", sorted(sky.SKY_LONGWAVE))
def test_clouds_add_longwave_up_to_a_black_sky(name):
    scheme = sky.SKY_LONGWAVE[name]
    clouds = np.linspace(0.0, 1.0, 21)
    flux = scheme(10.0, 0.8, clouds)
    assert (np.diff(flux) >= 0.0).all()
    assert flux[-1] > 1.15 * flux[0]
    assert (flux <= sky.black_body(10.0) * (1.0 + 1e-12)).all()


@pytest.mark.parametrize("name", sorted(sky.SKY_LONGWAVE))
def test_moister_air_sends_more_longwave(name):
    flux = sky.SKY_LONGWAVE[name](15.0, np.linspace(0.05, 1.7, 30), 0.0)
    assert (np.diff(flux) > 0.0).all()


def test_overcast_prata_sky_is_black():
    assert sky.prata(12.0, 1.0, 1.0) == pytest.approx(float(sky.black_body(12.0)), rel=1e-14)


def test_cloudiness_is_lost_sunlight_and_unknown_at_night():
    found = sky.cloudiness_from_sunlight([0.0, 300.0, 600.0, 900.0, 1.0], [0.0, 800.0, 800.0, 800.0, 30.0])
    np.testing.assert_allclose(found, [np.nan, 0.5, 0.0, 0.0, np.nan], atol=1e-12)
    assert sky.cloudiness_from_sunlight(600.0, 800.0, 1000.0) == pytest.approx(1.0 - 0.75 / 0.77)


def test_cloud_cover_inverts_the_published_attenuation():
    cover = np.linspace(0.0, 1.0, 11)
    np.testing.assert_allclose(sky.cloud_cover(0.75 * cover**3.4), cover, atol=1e-12)
    assert sky.cloud_cover(1.0) == 1.0


@pytest.mark.real_data
@pytest.mark.parametrize("name", sorted(sky.SKY_LONGWAVE))
def test_schemes_follow_measured_longwave_of_a_boreal_year(name, shared_data):
    """Half-hourly errors of published all-sky schemes lie near 20..40 W m-2 (Flerchinger et al. 2009)."""
    with gzip.open(shared_data / "towers/SE-Svb/Svartberget_meteo_2019.csv.gz", "rt") as file:
        table = pd.read_csv(file, sep=";")
    times = np.datetime64("2018-12-31T23:30") + np.arange(len(table)) * np.timedelta64(30, "m")
    temperature = table["Tair"].to_numpy()
    vapour_pressure = vapour_pressure_from_relative_humidity(table["RH"].to_numpy() / 100.0, temperature)
    outside = solar.extraterrestrial_radiation(times, 1800.0, 64.26, 19.77, 1.0)
    cloudiness = pd.Series(sky.cloudiness_from_sunlight(table["Rg"].to_numpy(), outside, 270.0)).interpolate().bfill()
    error = sky.SKY_LONGWAVE[name](temperature, vapour_pressure, cloudiness.to_numpy()) - table["LWin"].to_numpy()
    estimate = error + table["LWin"].to_numpy()
    assert abs(np.nanmean(error)) < 20.0
    assert np.sqrt(np.nanmean(error**2)) < 40.0
    assert np.corrcoef(estimate, table["LWin"])[0, 1] > 0.8
