"""Marginal distribution sampling."""

import time

import numpy as np
import pytest

from terraflux.sites.processing.gap_filling import NOT_FILLED, fill_gaps, long_gaps, mds_plan, quality_of_fill
from terraflux.sites.processing.quality import quality_flags
from terraflux.sites.processing.ustar_filter import weak_turbulence


def weather(days, per_day=48, seed=0):
    generator = np.random.default_rng(seed)
    hours = np.arange(days * per_day) / per_day * 24.0
    sun = np.maximum(0.0, np.sin((hours % 24.0 - 6.0) / 12.0 * np.pi))
    radiation = 600.0 * sun * generator.uniform(0.3, 1.0, hours.size)
    temperature = 10.0 + 8.0 * sun + generator.normal(0.0, 1.5, hours.size)
    vpd = np.maximum(0.0, 0.6 * temperature + generator.normal(0.0, 1.0, hours.size))
    flux = 3.0 - 0.02 * radiation + generator.normal(0.0, 1.0, hours.size)
    return flux, radiation, temperature, vpd


def by_hand(row, flux, radiation, temperature, vpd, per_day):
    """(mean, sd, count, method, window) of a row by the rules, in plain numpy."""
    rows = np.arange(flux.size)
    present = np.isfinite(flux)
    tolerance = max(min(50.0, radiation[row]), 20.0) if np.isfinite(radiation[row]) else np.nan
    light = np.abs(radiation - radiation[row]) < tolerance
    like = light & (np.abs(temperature - temperature[row]) < 2.5) & (np.abs(vpd - vpd[row]) < 5.0)
    for method, days in mds_plan():
        if method == 3:
            pick = [k for day in range(-days, days + 1) for k in range(-(per_day // 24), per_day // 24 + 1)
                    for k in [row + day * per_day + k] if 0 <= k < flux.size and present[k]]
        else:
            pick = np.flatnonzero((np.abs(rows - row) <= days * per_day) & present & (like if method == 1 else light))
        if len(pick) >= 2:
            sample = flux[np.asarray(pick)]
            return sample.mean(), sample.std(ddof=1), sample.size, method, 2 * days + (method == 3)
    return np.nan, np.nan, 0, 0, 0


@pytest.mark.parametrize(("per_day", "step"), [(48, 30.0), (24, 60.0)])
def test_every_filled_row_follows_the_rules(per_day, step):
    flux, radiation, temperature, vpd = weather(60, per_day)
    generator = np.random.default_rng(1)
    flux[generator.random(flux.size) < 0.4] = np.nan
    flux[20 * per_day : 40 * per_day] = np.nan
    for series in (radiation, temperature, vpd):
        series[generator.random(series.size) < 0.1] = np.nan
    fill = fill_gaps(flux, radiation=radiation, temperature=temperature, vpd=vpd, step_minutes=step, all_rows=True)
    for row in generator.choice(flux.size, 150, replace=False):
        mean, sd, count, method, window = by_hand(row, flux, radiation, temperature, vpd, per_day)
        assert (fill.count[row], fill.method[row], fill.window[row]) == (count, method, window)
        assert fill.estimate[row] == pytest.approx(mean, abs=1e-10)
        assert fill.sd[row] == pytest.approx(sd, abs=1e-10)


def test_measured_values_are_never_changed():
    flux, radiation, temperature, vpd = weather(30)
    flux[100:300] = np.nan
    fill = fill_gaps(flux, radiation=radiation, temperature=temperature, vpd=vpd, all_rows=True)
    present = np.isfinite(flux)
    assert np.array_equal(fill.value[present], flux[present])
    assert (fill.quality[present] == 0).all() and (fill.quality[~present] > 0).all()
    assert np.array_equal(fill.filled, ~present)


def test_only_gaps_are_sampled_unless_all_rows_are_asked_for():
    flux, radiation, temperature, vpd = weather(30)
    flux[100:110] = np.nan
    few = fill_gaps(flux, radiation=radiation, temperature=temperature, vpd=vpd)
    many = fill_gaps(flux, radiation=radiation, temperature=temperature, vpd=vpd, all_rows=True)
    assert np.isfinite(few.estimate).sum() == 10 and np.isfinite(many.estimate).all()
    assert np.array_equal(few.value, many.value)


def test_quality_goes_by_method_and_full_window():
    assert [quality_of_fill(1, width) for width in (14, 28, 56, 70)] == [1, 2, 2, 3]
    assert [quality_of_fill(2, width) for width in (14, 28, 42)] == [1, 2, 3]
    assert [quality_of_fill(3, width) for width in (1, 3, 5, 15)] == [1, 2, 2, 3]


def test_without_weather_the_diurnal_course_serves():
    flux, *_ = weather(30)
    flux[500] = np.nan
    fill = fill_gaps(flux)
    assert fill.method[500] == 3 and fill.window[500] == 1
    assert fill.value[500] == pytest.approx(flux[[498, 499, 501, 502]].mean())


def test_a_gap_of_more_than_sixty_days_stays_a_gap_and_the_rest_is_filled():
    flux, radiation, temperature, vpd = weather(150)
    flux[20 * 48 : 80 * 48 + 1] = np.nan
    flux[100 * 48 : 110 * 48] = np.nan
    fill = fill_gaps(flux, radiation=radiation, temperature=temperature, vpd=vpd, all_rows=True)
    assert (fill.quality[20 * 48 : 80 * 48 + 1] == NOT_FILLED).all()
    assert (fill.quality[100 * 48 : 110 * 48] > 0).all()
    longer = fill_gaps(flux, radiation=radiation, temperature=temperature, vpd=vpd, longest_gap_days=100.0)
    assert not longer.unfilled.any()


def test_long_gaps_are_counted_in_consecutive_rows():
    assert long_gaps([1.0, np.nan, np.nan, 1.0, np.nan, np.nan, np.nan], 2).tolist() == [False] * 4 + [True] * 3


def test_a_series_of_nothing_stays_nothing():
    fill = fill_gaps(np.full(480, np.nan), radiation=np.zeros(480))
    assert np.isnan(fill.value).all() and (fill.quality == NOT_FILLED).all() and (fill.method == 0).all()
    assert fill_gaps(np.zeros(0)).value.size == 0


def test_balanced_sides_undo_a_skewed_distribution_of_light():
    generator = np.random.default_rng(5)
    rows = 48 * 14
    radiation = 400.0 + 45.0 * generator.beta(0.5, 3.0, rows) - 10.0  # many a little darker, few much brighter
    flux = -0.1 * radiation
    flux[rows // 2], radiation[rows // 2] = np.nan, 400.0
    company = {"radiation": radiation, "temperature": np.full(rows, 15.0), "vpd": np.full(rows, 5.0)}
    plain, balanced = fill_gaps(flux, **company), fill_gaps(flux, **company, radiation_balance=True)
    gap = rows // 2
    others = np.delete(np.arange(rows), gap)
    darker, brighter = others[radiation[others] < 400.0], others[radiation[others] > 400.0]
    assert plain.value[gap] == pytest.approx(flux[others].mean())
    assert balanced.value[gap] == pytest.approx(0.5 * (flux[darker].mean() + flux[brighter].mean()))


def test_balance_changes_nothing_in_the_dark():
    flux, radiation, *_ = weather(20)
    flux[3::7] = np.nan
    plain = fill_gaps(flux, radiation=np.zeros_like(radiation))
    balanced = fill_gaps(flux, radiation=np.zeros_like(radiation), radiation_balance=True)
    assert (plain.method[3::7] == 2).all()
    assert np.allclose(balanced.value, plain.value, rtol=0.0, atol=1e-12)


def test_columns_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="vpd has shape"):
        fill_gaps(np.zeros(10), vpd=np.zeros(9))
    with pytest.raises(ValueError, match="dimensions"):
        fill_gaps(np.zeros((2, 2)))


@pytest.fixture(scope="module")
def tharandt(shared_data):
    import pandas as pd

    folder = shared_data / "references/reddyproc"
    raw = pd.read_csv(folder / "DETha98_clean.csv.gz").replace(-9999.0, np.nan)
    return raw, pd.read_csv(folder / "reddyproc_DETha98_mds_nt.csv.gz")


def agreement(fill, table, name, all_rows):
    columns = {"f": fill.value, "fqc": fill.quality, "fnum": fill.count, "fsd": fill.sd}
    columns |= {"fmeth": fill.method, "fwin": fill.window}
    if all_rows:
        columns |= {"fall": fill.estimate, "fall_qc": fill.estimate_quality}
    shares = {}
    for column, ours in columns.items():
        theirs = table[f"{name}_{column}"].to_numpy(float)
        known = np.isfinite(theirs)
        shares[column] = np.mean(np.abs(ours.astype(float)[known] - theirs[known]) <= 1e-4) if known.any() else 1.0
    return shares


@pytest.mark.real_data
def test_raw_nee_becomes_the_published_series_row_by_row(tharandt):
    raw, table = tharandt
    nee, radiation = raw["NEE"].to_numpy(), raw["Rg"].to_numpy()
    fit = (quality_flags(nee) == 0) & (weak_turbulence(raw["Ustar"].to_numpy(), 0.41625, radiation) == 0)
    kept = np.where(fit, nee, np.nan)
    assert np.array_equal(kept, table["NEE_uStar_orig"].to_numpy(), equal_nan=True)
    company = {"radiation": radiation, "temperature": raw["Tair"].to_numpy(), "vpd": raw["VPD"].to_numpy()}
    fill = fill_gaps(kept, **company, all_rows=True)
    assert min(agreement(fill, table, "NEE_uStar", True).values()) >= 0.999
    assert fill.value.mean() == pytest.approx(-1.616926, abs=1e-6)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["LE", "H", "Tair", "VPD", "Rg"])
def test_other_columns_are_filled_as_published(tharandt, name):
    raw, table = tharandt
    company = {"radiation": raw["Rg"].to_numpy(), "temperature": raw["Tair"].to_numpy(), "vpd": raw["VPD"].to_numpy()}
    fill = fill_gaps(raw[name].to_numpy(), **company)
    assert min(agreement(fill, table, name, False).values()) >= 0.999


@pytest.mark.real_data
def test_a_year_is_filled_within_a_second(tharandt):
    raw, table = tharandt
    company = {"radiation": raw["Rg"].to_numpy(), "temperature": raw["Tair"].to_numpy(), "vpd": raw["VPD"].to_numpy()}
    series = table["NEE_uStar_orig"].to_numpy()
    fill_gaps(series[:480], **{name: column[:480] for name, column in company.items()}, all_rows=True)
    spent = []
    for _ in range(3):
        start = time.process_time()
        fill_gaps(series, **company, all_rows=True)
        spent.append(time.process_time() - start)
    assert min(spent) <= 1.0
