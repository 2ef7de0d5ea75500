"""Daytime partitioning: synthetic truth, the published means of DE-Tha 1998, windows that fail."""

import numpy as np
import pytest

from terraflux.sites.processing.daytime_partitioning import DaytimeOptions, partition_daytime
from terraflux.sites.processing.light_response import light_response
from terraflux.sites.processing.lloyd_taylor import respiration

TRUTH = dict(k=0.05, beta=25.0, alpha=0.06, e0=200.0)


def half_hours(days=80, noise=0.3, seed=2):
    """A made growing season with light response and respiration of known parameters."""
    n = days * 48
    random = np.random.default_rng(seed)
    hour = (np.arange(n) % 48) / 2.0 + 0.25
    weather = np.repeat(random.normal(0.0, 3.0, days), 48)
    temperature = 14.0 + weather + 6.0 * np.sin((hour - 9.0) / 24.0 * 2 * np.pi) + random.normal(0.0, 0.3, n)
    light = (hour > 6.0) & (hour < 18.0)
    potential = np.where(light, 1000.0 * np.sin((hour - 6.0) / 12.0 * np.pi), 0.0)
    radiation = potential * random.uniform(0.2, 0.8, n)
    deficit = np.maximum(0.5, 8.0 + 1.2 * (temperature - 14.0) + random.normal(0.0, 2.0, n))
    reco = respiration(temperature, 3.0, TRUTH["e0"])
    gpp = light_response(radiation, deficit, TRUTH["k"], TRUTH["beta"], TRUTH["alpha"])
    series = dict(
        nee=reco - gpp + noise * random.normal(0.0, 1.0, n), nee_quality=np.zeros(n), nee_spread=np.full(n, max(noise, 0.1)),
        temperature=temperature, vapour_pressure_deficit=deficit, radiation=radiation, potential_radiation=potential,
    )
    return series, reco, gpp


def test_fluxes_without_noise_are_recovered_exactly():
    series, reco, gpp = half_hours(noise=0.0)
    result = partition_daytime(**series, options=DaytimeOptions(bootstraps=0))
    # the priors pull a little
    np.testing.assert_allclose(result.reco, reco, rtol=1e-5)
    np.testing.assert_allclose(result.gpp, gpp, rtol=1e-5, atol=1e-6)


def test_known_fluxes_and_parameters_are_recovered():
    series, reco, gpp = half_hours(noise=0.1)
    result = partition_daytime(**series)
    windows = result.windows
    assert (windows.reason[:-1] == 0).all()
    np.testing.assert_allclose(
        np.median(windows.parameters, axis=0), [TRUTH["k"], TRUTH["beta"], TRUTH["alpha"], 3.0], rtol=0.05
    )
    np.testing.assert_allclose(windows.sensitivity, TRUTH["e0"], rtol=0.1)
    assert np.corrcoef(result.reco, reco)[0, 1] > 0.99
    assert np.corrcoef(result.gpp, gpp)[0, 1] > 0.999
    assert result.gpp.mean() == pytest.approx(gpp.mean(), rel=0.02)
    assert result.reco.mean() == pytest.approx(reco.mean(), rel=0.02)


def test_stated_errors_are_of_the_size_of_the_errors():
    series, reco, gpp = half_hours(noise=1.0)
    result = partition_daytime(**series)
    bright = series["radiation"] > 100.0
    assert 0.2 < np.sqrt(np.mean((result.gpp - gpp)[bright] ** 2)) / np.median(result.gpp_error[bright]) < 3.0
    assert 0.2 < np.sqrt(np.mean((result.reco - reco) ** 2)) / np.median(result.reco_error) < 3.0


def test_photosynthesis_is_zero_in_the_dark():
    series, _, _ = half_hours(30)
    result = partition_daytime(**series)
    assert (result.gpp[series["radiation"] == 0.0] == 0.0).all()


def test_same_seed_gives_the_same_bits_and_draws_do_not_move_the_fluxes():
    series, _, _ = half_hours(40)
    first, again = partition_daytime(**series), partition_daytime(**series)
    np.testing.assert_array_equal(first.gpp_error, again.gpp_error)
    np.testing.assert_array_equal(first.gpp, again.gpp)
    other = partition_daytime(**series, options=DaytimeOptions(seed=9))
    np.testing.assert_array_equal(first.gpp, other.gpp)
    assert not np.array_equal(first.gpp_error, other.gpp_error)


def test_gap_leaves_out_its_windows_and_no_flux():
    series, reco, _ = half_hours()
    series["nee_quality"][30 * 48 : 45 * 48] = 1
    result = partition_daytime(**series)
    assert (result.windows.reason[15:21] == 1).all()
    assert np.isfinite(result.reco).all()
    assert np.corrcoef(result.reco, reco)[0, 1] > 0.98


def test_nonsense_in_one_window_aborts_nothing():
    series, _, _ = half_hours()
    series["nee"][20 * 48 : 24 * 48] = 40.0 * np.sin(np.arange(4 * 48))
    result = partition_daytime(**series)
    assert result.message == ""
    assert (result.windows.reason == 0).sum() > 30
    assert np.isfinite(result.gpp).all()


def test_windows_before_the_fit_share_linearly_by_distance():
    series, _, _ = half_hours(40)
    result = partition_daytime(**series, options=DaytimeOptions(bootstraps=0))
    windows = result.windows
    valid = np.flatnonzero(windows.reason == 0)
    before, after = valid[4], valid[5]
    record = int((windows.position[before] + windows.position[after]) // 2)
    share = (record - windows.position[before]) / (windows.position[after] - windows.position[before])
    t = series["temperature"][record]
    each = [respiration(t, windows.parameters[w, 3], windows.sensitivity[w]) for w in (before, after)]
    assert result.reco[record] == pytest.approx((1.0 - share) * each[0] + share * each[1], rel=1e-12)


def test_missing_humidity_is_predicted_without_its_effect():
    series, _, gpp = half_hours()
    series["vapour_pressure_deficit"][::7] = np.nan
    result = partition_daytime(**series)
    assert np.isfinite(result.gpp).all()
    dry = np.isnan(series["vapour_pressure_deficit"]) & (gpp > 5.0)
    # without humidity respiration takes some of its effect, so only the net flux is sure to be met
    assert (result.reco - result.gpp)[dry].mean() == pytest.approx(series["nee"][dry].mean(), rel=0.05)


def test_night_without_data_gives_a_message_unless_the_sensitivity_is_given():
    series, _, gpp = half_hours(20)
    series["nee_quality"] = np.where(series["radiation"] > 0.0, 0, 1)
    result = partition_daytime(**series)
    assert np.isnan(result.gpp).all()
    assert "no window could be fitted" in result.message
    assert set(result.windows.reason) == {6}
    given = partition_daytime(**series, options=DaytimeOptions(fixed_sensitivity=(TRUTH["e0"], 20.0)))
    assert given.message == ""
    assert given.gpp.mean() == pytest.approx(gpp.mean(), rel=0.03)


def test_missing_spread_is_replaced_not_dropped():
    series, _, gpp = half_hours(40)
    series["nee_spread"][::3] = np.nan
    result = partition_daytime(**series)
    assert (result.windows.reason[:-1] == 0).all()
    assert result.windows.records[0] == ((series["radiation"] > 4.0)[: 4 * 48]).sum()
    assert result.gpp.mean() == pytest.approx(gpp.mean(), rel=0.03)


def test_no_spread_weighs_all_records_the_same():
    series, _, gpp = half_hours(40)
    even = partition_daytime(**{**series, "nee_spread": np.ones(40 * 48)})
    np.testing.assert_array_equal(partition_daytime(**{**series, "nee_spread": None}).gpp, even.gpp)
    np.testing.assert_array_equal(partition_daytime(**{**series, "nee_spread": np.full(40 * 48, np.nan)}).gpp, even.gpp)
    assert even.gpp.mean() == pytest.approx(gpp.mean(), rel=0.02)


def test_hourly_records_are_partitioned_too():
    series, reco, _ = half_hours()
    hourly = {name: values.reshape(-1, 2).mean(axis=1) for name, values in series.items()}
    result = partition_daytime(**hourly, records_per_day=24)
    assert result.reco.mean() == pytest.approx(reco.mean(), rel=0.03)


def test_unequal_lengths_and_empty_series():
    series, _, _ = half_hours(10)
    with pytest.raises(ValueError, match="nee_spread"):
        partition_daytime(**{**series, "nee_spread": series["nee_spread"][1:]})
    empty = partition_daytime(**{name: np.empty(0) for name in series})
    assert empty.reco.size == 0
    assert empty.message


@pytest.mark.real_data
def test_published_means_of_tharandt_are_met(shared_data):
    import pandas as pd

    table = pd.read_csv(shared_data / "references" / "reddyproc" / "reddyproc_DETha98_mds_nt.csv.gz")
    result = partition_daytime(
        table.NEE_uStar_f, table.NEE_uStar_fqc, table.NEE_uStar_fsd, table.Tair_f, table.VPD_f, table.Rg_f, table.PotRad_uStar
    )
    # means over the year, towers.md 8
    assert result.reco.mean() == pytest.approx(3.136601, rel=0.03)
    assert result.gpp.mean() == pytest.approx(4.736297, rel=0.03)
    assert np.corrcoef(result.gpp, table.GPP_uStar_f)[0, 1] > 0.9
