"""Trends equal a plain reading of their formulas; their p values mean what they say."""

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import norm
from scipy.stats import t as student

from terraflux.evaluation.trends.kernel import COLUMNS, series_trends
from terraflux.evaluation.trends.serial_correlation import student_quantiles, variance_of_kendall
from terraflux.evaluation.trends.trend import interval_overlap, trend, trend_difference, trend_map

YEARS = np.arange(1979, 2013)


def simple(rho, t):
    """1 + (2/n) sum over pairs of rho^lag."""
    return 1.0 + 2.0 / len(t) * sum(rho ** (t[j] - t[i]) for j in range(len(t)) for i in range(j))


def exact(rho, n):
    """Variance of S, pair of years by pair of years."""
    i, j = np.triu_indices(n, 1)
    c = float(rho) ** np.arange(n)

    def lag(first, second):
        return c[np.abs(first[:, None] - second[None, :])]
    scale = np.sqrt(2.0 - 2.0 * c[j - i])
    r = (lag(j, j) - lag(j, i) - lag(i, j) + lag(i, i)) / np.outer(scale, scale)
    return 2.0 / np.pi * np.arcsin(np.clip(r, -1.0, 1.0)).sum()


def by_the_formulas(y, years, confidence=0.95):
    """Slow reading of the formulas on one series."""
    kept = np.isfinite(y)
    y, t = y[kept], years[kept].astype(float)
    n = y.size
    slopes, s = [], 0.0
    for i in range(n):
        for j in range(i + 1, n):
            slopes.append((y[j] - y[i]) / (t[j] - t[i]))
            s += np.sign(y[j] - y[i])
    slopes = np.sort(slopes)
    slope = np.median(slopes)
    _, ties = np.unique(y, return_counts=True)
    variance_plain = (n * (n - 1) * (2 * n + 5) - np.sum(ties * (ties - 1) * (2 * ties + 5))) / 18.0
    d = y - slope * t
    next_to = np.diff(t) == 1
    lag_one = np.corrcoef(d[:-1][next_to], d[1:][next_to])[0, 1]
    rho = np.clip((n * lag_one + 2) / (n - 4), -0.5, 0.95)
    inflation = simple(rho, t) * exact(rho, n) / (n * (n - 1) * (2 * n + 5) / 18.0) / simple(rho, np.arange(n))
    variance = variance_plain * inflation
    freedom = max(min(n, n / inflation) - 2.0, 3.0)
    answers = {"slope": slope, "kendall_s": s, "variance_plain": variance_plain, "variance": variance, "lag_one": lag_one,
               "rho": rho, "years": n, "intercept": np.median(y - slope * t)}
    count = slopes.size
    for ending, var, law in (("_plain", variance_plain, norm), ("", variance, student(freedom))):
        answers["p" + ending] = 2.0 * law.sf((abs(s) - 1) / np.sqrt(var)) if s else 1.0
        half = law.ppf(0.5 + confidence / 2) * np.sqrt(var)
        ranks = np.arange(1, count + 1)
        answers["lower" + ending] = np.interp((count - half) / 2, ranks, slopes)
        answers["upper" + ending] = np.interp((count + half) / 2 + 1, ranks, slopes)
    return answers


@pytest.mark.parametrize("seed", range(12))
def test_the_compiled_trend_equals_the_formulas(seed):
    generator = np.random.default_rng(seed)
    y = lfilter([1.0], [1.0, -0.5], generator.normal(size=YEARS.size)) + 0.05 * YEARS
    years = YEARS
    if seed % 3 == 1:
        y = np.round(y, 1)  # ties
    if seed % 3 == 2:
        y[generator.choice(YEARS.size, 7, replace=False)] = np.nan
    if seed % 2:
        y, years = y[:-1], years[:-1]
    found, expected = trend(y, years), by_the_formulas(y, years)
    for name in COLUMNS:  # variance and quantile are interpolated in tables
        rel = {"variance": 1e-5, "p": 1e-5, "lower": 1e-4, "upper": 1e-4}.get(name, 1e-9)
        assert getattr(found, name) == pytest.approx(expected[name], rel=rel, abs=1e-12), name


def test_intervals_of_many_series_equal_sorted_slopes():
    generator = np.random.default_rng(9)
    for length in (10, 13, 34):
        years = YEARS[:length].astype(float)
        series = lfilter([1.0], [1.0, -0.6], generator.normal(size=(300, length)), axis=1)
        found = series_trends(series, years, 5, 1.96, True)
        for y, row in zip(series, found):
            first, second = np.triu_indices(length, 1)
            slopes = np.sort((y[second] - y[first]) / (years[second] - years[first]))
            ranks = np.arange(slopes.size)
            freedom = max(min(length, length * row[6] / row[7]) - 2.0, 3.0)
            for low, high, variance, quantile in (("lower_plain", "upper_plain", "variance_plain", 1.96),
                                                  ("lower", "upper", "variance", student(freedom).ppf(norm.cdf(1.96)))):
                half = 0.5 * quantile * np.sqrt(row[COLUMNS.index(variance)])
                ends = np.interp([0.5 * slopes.size - half - 1.0, 0.5 * slopes.size + half], ranks, slopes)
                assert row[[COLUMNS.index(low), COLUMNS.index(high)]] == pytest.approx(ends, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("rho", [-0.5, -0.12, 0.0, 0.33, 0.7, 0.95])
def test_variance_of_kendall_is_the_sum_over_pairs_of_pairs(rho):
    for n in (5, 12, 21):
        assert variance_of_kendall(n, rho) == pytest.approx(exact(rho, n), rel=1e-7)
    assert variance_of_kendall(34, 0.0) == pytest.approx(34 * 33 * 73 / 18, rel=1e-7)


def test_variance_of_kendall_is_that_of_simulated_series():
    series = lfilter([1.0], [1.0, -0.7], np.random.default_rng(8).normal(size=(20000, 134)), axis=1)[:, 100:]
    found = series_trends(np.ascontiguousarray(series), YEARS.astype(float), 10, 1.96, False)
    assert np.var(found[:, COLUMNS.index("kendall_s")]) == pytest.approx(variance_of_kendall(34, 0.7), rel=0.03)


def test_variance_without_a_gap_is_that_of_kendall_at_the_estimated_correlation():
    for seed in range(20):
        y = lfilter([1.0], [1.0, -0.7], np.random.default_rng(seed).normal(size=34))
        found = trend(y, YEARS)
        assert found.variance == pytest.approx(variance_of_kendall(34, found.rho), rel=2e-5)
        assert found.variance_plain == pytest.approx(34 * 33 * 73 / 18)


def test_quantiles_are_those_of_student_and_reach_the_normal_one():
    from terraflux.evaluation.trends.kernel import _between

    table = student_quantiles(1.96)
    assert table[0] == 1.96
    for freedom in (3.0, 4.4, 9.1, 32.0, 1e6):
        found = _between(table, (table.size - 1) * 3.0 / freedom)
        assert found == pytest.approx(student(freedom).ppf(norm.cdf(1.96)), rel=1e-5)


def test_a_straight_line_has_its_slope_and_no_doubt():
    found = trend(2.5 + 0.7 * (YEARS - 1979), YEARS)
    assert found.slope == pytest.approx(0.7) and found.interval == pytest.approx((0.7, 0.7))
    assert found.intercept + found.slope * 1979 == pytest.approx(2.5)
    assert found.kendall_s == 34 * 33 / 2 and found.p_plain < 1e-10


def test_a_constant_series_has_no_trend_and_p_of_one():
    found = trend(np.full(34, 3.0), YEARS)
    assert (found.slope, found.kendall_s, found.variance_plain, found.p, found.p_plain) == (0.0, 0.0, 0.0, 1.0, 1.0)


def test_maps_hold_the_trends_of_their_cells_and_leave_short_ones_empty():
    field = np.random.default_rng(1).normal(size=(34, 3, 5)) + 0.1 * YEARS[:, None, None]
    field[5:, 1, 2] = np.nan
    found = trend_map(field, YEARS)
    assert found.slope.shape == (3, 5)
    assert np.isnan(found.slope[1, 2]) and np.isnan(found.p[1, 2]) and found.years[1, 2] == 5
    one = trend(field[:, 2, 4], YEARS)
    assert all(getattr(one, name) == getattr(found, name)[2, 4] for name in COLUMNS)


def test_threads_do_not_change_a_bit():
    field = np.random.default_rng(2).normal(size=(34, 101))
    one, three = trend_map(field, YEARS), trend_map(field, YEARS, threads=3)
    assert all(np.array_equal(getattr(one, name), getattr(three, name), equal_nan=True) for name in COLUMNS)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.5, 0.7])
def test_of_series_without_a_trend_about_one_in_twenty_is_significant(rho):
    generator = np.random.default_rng(1979)
    series = lfilter([1.0], [1.0, -rho], generator.normal(size=(20000, 134)), axis=1)[:, 100:]
    found = series_trends(np.ascontiguousarray(series), YEARS.astype(float), 10, 1.96, False)
    size = np.mean(found[:, COLUMNS.index("p")] < 0.05)
    plain = np.mean(found[:, COLUMNS.index("p_plain")] < 0.05)
    assert abs(size - 0.05) < 0.01  # asked: 1.5 %
    assert rho == 0.0 or plain > 2.0 * size
    assert np.mean(found[:, COLUMNS.index("rho")]) == pytest.approx(rho, abs=0.03)


def test_a_trend_is_found_where_the_years_can_tell():
    """Of series with a trend of 0.05 of their spread a year, which is all that the stricter test costs."""
    generator = np.random.default_rng(5)
    for rho, least in ((0.0, 0.65), (0.5, 0.24)):
        series = lfilter([1.0], [1.0, -rho], generator.normal(size=(20000, 134)), axis=1)[:, 100:] * np.sqrt(1.0 - rho**2)
        found = series_trends(np.ascontiguousarray(series + 0.05 * (YEARS - 1979)), YEARS.astype(float), 10, 1.96, False)
        assert np.mean(found[:, COLUMNS.index("p")] < 0.05) > least


def test_products_that_share_weather_differ_in_trend_where_intervals_overlap():
    generator = np.random.default_rng(4)
    weather = generator.normal(0.0, 10.0, 34)
    ours = weather + 0.5 * (YEARS - 1979) + generator.normal(0.0, 1.0, 34)
    theirs = weather + generator.normal(0.0, 1.0, 34)
    assert interval_overlap(trend(ours, YEARS), trend(theirs, YEARS)) > 0.0
    difference = trend_difference(ours, theirs, YEARS)
    assert difference.slope == pytest.approx(0.5, abs=0.1) and difference.p < 0.001


def test_overlap_is_one_within_and_nought_apart():
    first = trend(YEARS * 1.0 + np.random.default_rng(5).normal(size=34), YEARS)
    assert interval_overlap(first, first) == 1.0
    apart = trend(YEARS * 9.0 + np.random.default_rng(5).normal(size=34), YEARS)
    assert interval_overlap(first, apart) == 0.0


def test_slopes_relative_to_a_mean_are_per_cent():
    field = np.stack([100.0 + (YEARS - 1979), 0.0 * YEARS], axis=1)
    assert trend_map(field, YEARS).per_mean([200.0, 0.0]) == pytest.approx([0.5, np.nan], nan_ok=True)


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(ValueError, match="needs 10"):
        trend(np.r_[np.ones(5), np.full(29, np.nan)], YEARS)
    with pytest.raises(ValueError, match="whole numbers that increase"):
        trend(np.ones(34), YEARS + 0.5)
    with pytest.raises(ValueError, match="33 years and 34"):
        trend(np.ones(34), YEARS[1:])
    with pytest.raises(ValueError, match="at least 5"):
        trend_map(np.ones((34, 2)), YEARS, least_years=4)
    with pytest.raises(ValueError, match="one grid"):
        trend_difference(np.ones(34), np.ones(33), YEARS)
