"""Night-time partitioning: the published processing of DE-Tha 1998, synthetic truth, windows that fail."""

import numpy as np
import pytest

from terraflux.sites.processing.lloyd_taylor import (
    FITTED,
    TOO_FEW,
    fit_reference_respiration,
    fit_respiration,
    respiration,
)
from terraflux.sites.processing.nighttime_partitioning import NighttimeOptions, day_number, partition_nighttime
from terraflux.sites.processing.partitioning import PARTITIONINGS, partition


def half_hours(days, seed=1, noise=0.0, e0=220.0):
    """A made year: temperature with a daily and a yearly wave, light from 6 to 18 h, respiration of known parameters."""
    n = days * 48
    hour = (np.arange(n) % 48) / 2.0 + 0.25
    day = np.arange(n) / 48.0
    random = np.random.default_rng(seed)
    temperature = 10.0 - 9.0 * np.cos(2 * np.pi * day / 365.0) + 6.0 * np.sin((hour - 9.0) / 24.0 * 2 * np.pi)
    temperature += random.normal(0.0, 1.0, n)
    radiation = np.maximum(0.0, 700.0 * np.sin((hour - 6.0) / 12.0 * np.pi)) * random.uniform(0.3, 1.0, n)
    radiation[(hour < 6.0) | (hour > 18.0)] = 0.0
    reco = respiration(temperature, 3.0 + np.sin(2 * np.pi * day / 365.0), e0)
    gpp = 0.06 * 30.0 * radiation / (0.06 * radiation + 30.0)
    return dict(
        nee=reco - gpp + noise * random.normal(0.0, 1.0, n), nee_quality=np.zeros(n), temperature=temperature,
        temperature_quality=np.zeros(n), radiation=radiation, potential_radiation=radiation,
    ), reco, gpp


def test_respiration_is_the_reference_at_the_reference_temperature():
    assert respiration(15.0, 4.0, 300.0) == pytest.approx(4.0, rel=1e-14)
    assert respiration(10.0, 4.0, 300.0, 10.0) == pytest.approx(4.0, rel=1e-14)
    # exp(308.56 (1/56.02 - 1/46.02)): the law of Lloyd and Taylor (1994) from 10 to 0 degC
    assert respiration(0.0, 1.0, 308.56, 10.0) == pytest.approx(np.exp(308.56 * (1 / 56.02 - 1 / 46.02)), rel=1e-12)


def test_respiration_stops_at_its_lowest_temperature_and_keeps_gaps():
    values = respiration([-60.0, np.nan, 20.0], 2.0, 200.0)
    assert values[0] == 0.0
    assert np.isnan(values[1])
    assert values[2] > 2.0


def test_fit_finds_both_parameters_without_noise():
    temperature = np.linspace(-5.0, 20.0, 60)
    rref, e0, _, e0_error, status = fit_respiration(temperature, respiration(temperature, 2.5, 180.0), 15.0, 100.0)
    assert status == FITTED
    assert (rref, e0) == pytest.approx((2.5, 180.0), rel=1e-8)
    assert e0_error < 1e-4


def test_fit_error_is_that_of_the_spread_of_many_fits():
    random = np.random.default_rng(4)
    temperature = np.linspace(0.0, 20.0, 80)
    truth = respiration(temperature, 3.0, 200.0)
    fits = np.array([fit_respiration(temperature, truth + random.normal(0, 0.4, 80), 15.0, 100.0)[:4] for _ in range(300)])
    assert np.median(fits[:, 3]) == pytest.approx(fits[:, 1].std(), rel=0.15)


def test_fit_of_two_records_is_refused():
    assert fit_respiration(np.array([1.0, 2.0]), np.array([1.0, 2.0]), 15.0, 100.0)[4] == TOO_FEW
    assert np.isnan(fit_reference_respiration(np.empty(0), np.empty(0), 100.0, 15.0)[0])


def test_day_belongs_to_the_end_of_the_interval():
    assert day_number(50, 48).tolist()[45:50] == [0, 0, 1, 1, 1]


def test_known_respiration_is_recovered():
    series, reco, gpp = half_hours(365)
    result = partition_nighttime(**series)
    assert result.sensitivity == pytest.approx(220.0, rel=0.02)
    assert np.corrcoef(result.reco, reco)[0, 1] > 0.999
    assert result.gpp.mean() == pytest.approx(gpp.mean(), rel=0.01)


def test_gross_fluxes_add_up_to_the_net_flux():
    series, _, _ = half_hours(120, noise=1.0)
    result = partition_nighttime(**series)
    np.testing.assert_allclose(result.reco - result.gpp, series["nee"], atol=1e-12)


def test_failing_windows_carry_a_reason_and_abort_nothing():
    series, reco, _ = half_hours(200)
    series["nee_quality"][60 * 48 : 100 * 48] = 1
    result = partition_nighttime(**series)
    assert 1 in result.sensitivity_windows.reason
    assert 5 in result.reference_windows.reason
    assert np.isfinite(result.reco).all()
    assert np.corrcoef(result.reco, reco)[0, 1] > 0.98


def test_series_without_usable_window_gives_gaps_and_a_message():
    series, _, _ = half_hours(40)
    series["temperature"] = np.full(40 * 48, 10.0)
    result = partition_nighttime(**series)
    assert set(result.sensitivity_windows.reason) == {2}
    assert np.isnan(result.reco).all()
    assert "fixed_sensitivity" in result.message
    fixed = partition_nighttime(**series, options=NighttimeOptions(fixed_sensitivity=200.0))
    assert fixed.message == ""
    assert np.isfinite(fixed.reco).all()


def test_uptake_at_night_gives_the_smallest_reference_and_says_so():
    series, _, _ = half_hours(60)
    series["nee"] = np.full(60 * 48, -1.0)
    result = partition_nighttime(**series, options=NighttimeOptions(fixed_sensitivity=200.0))
    assert set(result.reference_windows.reason) == {6}
    assert (result.reco > 0.0).all()
    assert result.reco.max() < 1e-4


def test_unequal_lengths_are_named():
    series, _, _ = half_hours(10)
    series["radiation"] = series["radiation"][:-1]
    with pytest.raises(ValueError, match="radiation"):
        partition_nighttime(**series)


def test_empty_series_gives_an_empty_result():
    empty = np.empty(0)
    result = partition_nighttime(empty, empty, empty, empty, empty, empty)
    assert result.reco.size == 0
    assert result.message


def test_methods_are_found_by_name():
    series, _, _ = half_hours(60)
    assert set(PARTITIONINGS) == {"nighttime", "daytime"}
    by_name = partition("nighttime", **series, vapour_pressure_deficit=np.ones(60 * 48))
    np.testing.assert_array_equal(by_name.reco, partition_nighttime(**series).reco)
    with pytest.raises(ValueError, match="daytime, nighttime"):
        partition("noon", **series)
    with pytest.raises(ValueError, match="nee_spread"):
        partition("daytime", **series)
    with pytest.raises(ValueError, match="unknown series raditaion"):
        partition("nighttime", **series, raditaion=1)


@pytest.mark.real_data
def test_published_processing_of_tharandt_is_reproduced(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "references" / "reddyproc" / "reddyproc_DETha98_mds_nt.csv.gz")
    result = partition_nighttime(
        table.NEE_uStar_f, table.NEE_uStar_fqc, table.Tair_f, table.Tair_fqc, table.Rg_f, table.PotRad_uStar
    )
    assert result.sensitivity == 138.24
    np.testing.assert_allclose(result.reference_respiration, table.R_ref_uStar, atol=1e-10)
    np.testing.assert_allclose(result.reco, table.Reco_uStar, atol=1e-10)
    np.testing.assert_allclose(result.gpp, table.GPP_uStar_f, atol=1e-10)
    # gC m-2 yr-1, towers.md 8
    assert result.gpp.mean() * 12.011e-6 * 86400 * 365.25 == pytest.approx(1919.176, abs=0.001)
