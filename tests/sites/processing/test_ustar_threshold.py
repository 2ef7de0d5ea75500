"""Thresholds of friction velocity: moving point, change point, seasons, bootstrap, filter."""

import numpy as np
import pytest

from terraflux.sites.processing.change_point import broken_line, change_point
from terraflux.sites.processing.moving_point import class_edges, moving_point, plateau_start
from terraflux.sites.processing.ustar_bootstrap import ustar_distribution
from terraflux.sites.processing.ustar_filter import Turbulence, weak_turbulence
from terraflux.sites.processing.ustar_seasons import season_years, seasons
from terraflux.sites.processing.ustar_threshold import USTAR_METHODS, temperature_class, ustar_threshold


def record(years=1, threshold=0.3, seed=0, start="2001-01-01T00:15"):
    """Half hours whose night flux grows with u* up to the threshold; columns of `ustar_threshold`."""
    generator = np.random.default_rng(seed)
    first = np.datetime64(start)
    time = first + np.arange(years * 365 * 48) * np.timedelta64(30, "m")
    hour = np.arange(time.size) % 48 / 2.0
    radiation = np.where((hour > 6.0) & (hour < 18.0), 300.0, 0.0)
    ustar = generator.uniform(0.02, 0.9, time.size)
    temperature = generator.normal(10.0, 5.0, time.size)
    flux = 4.0 * np.minimum(ustar / threshold, 1.0) + generator.normal(0.0, 0.3, time.size)
    nee = np.where(radiation > 0.0, -8.0, flux)
    return time, {"nee": nee, "ustar": ustar, "temperature": temperature, "radiation": radiation}


@pytest.mark.parametrize("method", sorted(USTAR_METHODS))
@pytest.mark.parametrize("threshold", [0.2, 0.35])
def test_a_planted_threshold_is_found(method, threshold):
    time, columns = record(threshold=threshold)
    found = ustar_threshold(time, **columns, method=method)
    assert found.single == pytest.approx(threshold, abs=0.06)
    assert found.year_status == {2001: "own"}


def test_the_first_class_on_the_plateau_is_the_threshold():
    flux = np.array([0.0, 0.5, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    assert plateau_start(flux) == 3
    assert plateau_start(np.array([0.0, 2.0, 0.5, 1.0, 1.0, 1.0, 1.0, 1.0])) == 3  # one lucky class is not enough
    assert plateau_start(np.arange(1.0, 20.0)) is None


def test_only_ten_classes_above_count():
    flux = np.concatenate((np.ones(12), np.full(8, 9.0)))
    assert plateau_start(flux) == 0


def test_a_class_that_starts_turbulent_is_left_out():
    ustar = np.linspace(0.3, 0.9, 400)
    assert moving_point(ustar, np.ones(400))[1] == "starts_turbulent"


def test_equal_values_share_a_class():
    edges = class_edges(np.array([1.0, 1.0, 1.0, 2.0, 2.0, 3.0, 4.0, 5.0]), 4)
    assert edges.tolist() == [0, 3, 5, 7, 8]
    belongs = temperature_class(np.array([1.0, 1.0, 1.0, 1.0, 2.0, 3.0]), 3)
    assert len(set(belongs[:4].tolist())) == 1


def test_the_break_of_a_clean_broken_line_is_exact():
    ustar = np.linspace(0.05, 1.0, 39)
    place, slope, ratio = broken_line(ustar, 1.0 + 5.0 * np.minimum(ustar, ustar[11]))
    assert place == ustar[11]
    assert slope == pytest.approx(5.0)
    assert ratio > 1e6


def test_noise_alone_has_a_change_point_in_about_one_of_twenty():
    generator = np.random.default_rng(4)
    ustar = np.linspace(0.02, 0.9, 250)
    reasons = [change_point(ustar, generator.normal(size=250))[1] for _ in range(2000)]
    significant = np.mean([reason != "not_significant" for reason in reasons])
    assert significant == pytest.approx(0.05, abs=0.02)


def test_a_flux_that_falls_with_turbulence_gives_no_threshold():
    ustar = np.linspace(0.02, 0.9, 250)
    assert change_point(ustar, -5.0 * np.minimum(ustar, 0.3))[1] == "falls_with_ustar"


def test_a_winter_is_one_season_of_the_year_of_its_january():
    days = np.arange("2001-03-01", "2003-06-01", dtype="datetime64[D]")
    names = seasons(days)
    assert set(names.tolist()) == {2001003, 2001006, 2001009, 2001012, 2002003, 2002006, 2002009, 2002012, 2003003}
    assert season_years(names, days)[2001012] == 2002
    lone = seasons(np.arange("1998-01-01", "1999-01-01", dtype="datetime64[D]"))
    assert sorted(set(lone.tolist())) == [1998001, 1998003, 1998006, 1998009, 1998012]


def test_rows_take_the_threshold_of_their_season_or_year():
    time, columns = record(years=2)
    found = ustar_threshold(time, **columns)
    by_season, by_year = found.of_rows("season"), found.of_rows("year")
    assert by_season[0] == found.season[2001001]
    assert by_year[0] == found.year[2001] and by_year[-1] == found.year[found.season_year[int(found.row_season[-1])]]
    assert (found.of_rows("single") == found.single).all()
    with pytest.raises(ValueError, match="choose year, season or single"):
        found.of_rows("month")


def test_the_year_is_the_highest_of_its_seasons():
    time, columns = record()
    found = ustar_threshold(time, **columns)
    assert found.year[2001] == max(found.season.values())


def test_a_season_without_rows_borrows_from_its_year():
    time, columns = record()
    summer = seasons(time) == 2001006
    columns["nee"] = np.where(summer, np.nan, columns["nee"])
    found = ustar_threshold(time, **columns)
    assert found.season_status[2001006] == "few_rows"
    assert found.season[2001006] == found.year[2001]


def test_a_thin_year_is_treated_as_one_season():
    time, columns = record()
    columns["nee"] = np.where(np.arange(time.size) % 4, np.nan, columns["nee"])
    found = ustar_threshold(time, **columns)
    assert found.year_status == {2001: "one_season"}
    assert found.single == pytest.approx(0.3, abs=0.06)
    assert set(found.season.values()) == {found.single}


def test_a_year_without_threshold_takes_the_single_one():
    time, columns = record(years=3, start="2001-03-01T00:15")
    middle = (time >= np.datetime64("2002-03-01")) & (time < np.datetime64("2003-01-01"))
    columns["ustar"] = np.where(middle, np.nan, columns["ustar"])
    late = (time >= np.datetime64("2001-12-01")) & (time < np.datetime64("2002-03-01"))
    columns["ustar"] = np.where(late, np.nan, columns["ustar"])
    found = ustar_threshold(time, **columns)
    assert found.year_status[2002] == "from_single" and found.year[2002] == found.single
    assert found.year_status[2001] == "own"


@pytest.mark.parametrize("column", ["nee", "ustar", "temperature", "radiation"])
def test_nothing_to_go_by_gives_a_status_not_an_error(column):
    time, columns = record()
    columns[column] = np.full(time.size, np.nan)
    found = ustar_threshold(time, **columns)
    assert np.isnan(found.single) and set(found.season_status.values()) == {"none"} and found.year_status == {2001: "none"}
    spread = ustar_distribution(time, **columns, draws=3)
    assert np.isnan(spread.quantiles()["single"]).all()


def test_an_empty_record_has_no_threshold():
    found = ustar_threshold(np.zeros(0, "datetime64[m]"), nee=[], ustar=[], temperature=[], radiation=[])
    assert np.isnan(found.single) and found.year == {} and found.of_rows().size == 0


def test_no_nights_give_no_threshold():
    time, columns = record()
    columns["radiation"] = np.full(time.size, 100.0)
    assert np.isnan(ustar_threshold(time, **columns).single)


def test_a_class_where_ustar_follows_temperature_is_left_out():
    time, columns = record()
    columns["temperature"] = 30.0 * columns["ustar"]
    reasons = {reason for season in ustar_threshold(time, **columns).classes.values() for reason in season}
    assert reasons == {"follows_temperature"}


def test_the_same_seed_gives_the_same_draws_and_another_seed_others():
    time, columns = record()
    one, same, other = (ustar_distribution(time, **columns, draws=8, seed=seed) for seed in (3, 3, 4))
    assert np.array_equal(one.single, same.single)
    assert not np.array_equal(one.single, other.single)
    low, middle, high = one.quantiles()["single"]
    assert low <= middle <= high and abs(middle - 0.3) < 0.06


def test_variable_thresholds_look_at_the_neighbouring_years_and_constant_ones_at_all():
    time, columns = record(years=4, start="2001-03-01T00:15")
    spread = ustar_distribution(time, **columns, draws=4)
    variable, pooled = spread.variable((0.5,)), np.concatenate([spread.year[year] for year in (2001, 2002, 2003)])
    assert variable[2002] == np.quantile(pooled, 0.5)
    assert spread.constant((0.5,)) == np.quantile(np.concatenate(list(spread.year.values())), 0.5)


def test_seasons_of_ones_own_are_kept():
    time, columns = record()
    own = np.where(time < np.datetime64("2001-07-20"), 1, 2)
    columns["nee"] = np.where((own == 2) & (columns["radiation"] == 0.0), columns["ustar"] * 9.0, columns["nee"])
    found = ustar_threshold(time, **columns, season=own)
    assert set(found.season) == {1, 2} and found.season[1] == pytest.approx(0.3, abs=0.06)
    assert ustar_distribution(time, **columns, season=own, draws=2).season[1].size == 2
    with pytest.raises(ValueError, match="season has shape"):
        ustar_threshold(time, **columns, season=[1, 2])


def test_unknown_methods_and_wrong_shapes_are_refused():
    time, columns = record()
    with pytest.raises(ValueError, match="choose one of change_point, moving_point"):
        ustar_threshold(time, **columns, method="eye")
    with pytest.raises(ValueError, match="ustar has shape"):
        ustar_threshold(time, **(columns | {"ustar": np.zeros(3)}))
    with pytest.raises(ValueError, match="at least one"):
        ustar_distribution(time, **columns, draws=0)


def test_each_row_gets_the_reason_it_is_left_out_for():
    ustar = np.array([0.1, 0.5, 0.1, np.nan, 0.3, 0.1])
    radiation = np.array([0.0, 0.0, 500.0, 0.0, 0.0, np.nan])
    codes = weak_turbulence(ustar, 0.3, radiation)
    assert codes.tolist() == [Turbulence.LOW_USTAR, 0, 0, Turbulence.NO_USTAR, 0, Turbulence.LOW_USTAR]
    assert weak_turbulence(ustar, 0.3, radiation, after_low=True)[1] == Turbulence.AFTER_LOW
    assert weak_turbulence(ustar, 0.3, radiation, by_day=True)[2] == Turbulence.LOW_USTAR
    assert weak_turbulence(ustar, np.nan, radiation).tolist() == [4, 4, 0, 3, 4, 4]


@pytest.mark.real_data
def test_tharandt_has_the_published_thresholds(shared_data):
    import pandas as pd

    from terraflux.sites.processing.quality import quality_flags

    folder = shared_data / "references/reddyproc"
    raw = pd.read_csv(folder / "DETha98_clean.csv.gz").replace(-9999.0, np.nan)
    middle = pd.to_datetime(raw["date"]).to_numpy() - np.timedelta64(15, "m")
    nee = raw["NEE"].to_numpy()
    nee = np.where(quality_flags(nee) == 0, nee, np.nan)
    found = ustar_threshold(middle, nee=nee, ustar=raw["Ustar"], temperature=raw["Tair"], radiation=raw["Rg"])
    published = pd.read_csv(folder / "reddyproc_ustar_DETha98.csv")
    season = published[published["aggregationMode"] == "season"]
    assert found.single == pytest.approx(0.41625, abs=1e-12)
    assert found.year == pytest.approx({1998: 0.41625}, abs=1e-12)
    expected = dict(zip(season["season"].astype(int), season["uStar"], strict=True))
    assert found.season == pytest.approx(expected, abs=1e-12)
    assert found.season_status[1998001] == "few_classes"
