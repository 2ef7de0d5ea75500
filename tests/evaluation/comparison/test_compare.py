"""A whole comparison holds together: tables, maps and trends tell of the same common ground."""

import numpy as np
import pytest

from terraflux.evaluation.comparison.compare import compare
from terraflux.evaluation.comparison.fields import fields_of
from terraflux.evaluation.comparison.polygons import Shape
from terraflux.evaluation.comparison.published import published_bands

HALVES = [Shape("west", (np.array([[90.0, 20.0], [104.0, 20.0], [104.0, 50.0], [90.0, 50.0]]),)),
          Shape("east", (np.array([[104.0, 20.0], [120.0, 20.0], [120.0, 50.0], [104.0, 50.0]]),))]


@pytest.fixture(scope="module")
def found():
    """Three made-up products, one finer, one with a trend, one invented."""
    import runpy
    from pathlib import Path

    make = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["made_up_fields"]
    return compare([make("ours", years=(1990, 2004), seed=1, trend=0.03, rows=12, columns=16, cell=0.5, synthetic=True),
                    make("MODIS", years=(1992, 2006), seed=2), make("MTE", years=(1988, 2005), seed=3)], HALVES)


def rows_of(rows, **wanted):
    """Rows with some values."""
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


def test_every_product_is_told_on_its_own_and_on_common_ground(found):
    assert len(found.regional) == 2 * 3 * 3
    own = rows_of(found.regional, product="ours", ground="own", region="all")[0]
    shared = rows_of(found.regional, product="ours", ground="common", region="all")[0]
    assert (own["first_year"], own["last_year"]) == (1990, 2004) and (shared["first_year"], shared["years"]) == (1992, 13)
    assert own["coverage"] == 1.0 and own["area_km2"] == pytest.approx(shared["area_km2"], rel=1e-9)
    assert own["trend"] > 5.0 and own["p"] < 0.01 < rows_of(found.regional, product="MTE", ground="own", region="all")[0]["p"]


def test_regions_add_up_to_the_whole(found):
    for product in ("ours", "MODIS", "MTE"):
        parts = {row["region"]: row["total"] for row in rows_of(found.regional, product=product, ground="common")}
        assert parts["west"] + parts["east"] == pytest.approx(parts["all"], rel=1e-12)
    for product in ("ours", "MODIS", "MTE"):
        assert sum(row["share_of_variability"] for row in rows_of(found.contributions, product=product)) == pytest.approx(1.0)


def test_bias_of_tables_is_the_difference_of_their_means(found):
    for row in found.agreement:
        assert row["cell_bias"] == pytest.approx(row["mean"] - row["reference_mean"], rel=1e-9)
        assert row["series_correlation"] > 0.9 and 0.0 < row["ilamb_overall"] <= 1.0
    assert {row["product"] for row in found.agreement} == {"ours", "MODIS"} and found.reference == "MTE"


def test_the_product_with_a_trend_differs_from_the_reference_and_the_other_does_not(found):
    ours, modis = (rows_of(found.trend_pairs, product=name, region="all")[0] for name in ("ours", "MODIS"))
    assert ours["p"] < 0.01 < modis["p"] and ours["difference_lower"] > 0.0
    assert ours["difference"] == pytest.approx(ours["trend"] - ours["reference_trend"], abs=4.0)


def test_maps_lie_on_the_common_grid(found):
    assert found.common[0].values.shape[1:] == (6, 8)
    assert found.trends["ours"].slope.shape == (6, 8)
    assert found.significance["ours"].mean() > 0.5 > found.significance["MTE"].mean()
    assert set(found.maps) == set(found.scores) == {"ours", "MODIS"} and found.zonal["MTE"].shape == (6,)


def test_invented_products_are_named_first_and_not_set_beside_published_numbers(found):
    assert found.notes[0].startswith("SYNTHETIC: ours")
    assert all(row["published"] == "" for row in found.regional)


def test_a_boundary_cuts_cells_everywhere(make_fields):
    square = Shape("square", (np.array([[100.0, 30.0], [104.5, 30.0], [104.5, 36.0], [100.0, 36.0]]),))
    cut = compare([make_fields("a", years=(1990, 2001)), make_fields("b", years=(1990, 2001), seed=4)], [], square)
    assert np.isnan(cut.trends["a"].p[:, 5:]).all() and np.isfinite(cut.trends["a"].p[:, :5]).all()
    area = cut.common[0].area()
    expected = (area[:, :4].sum() + 0.5 * area[:, 4].sum()) * 1e-6
    assert rows_of(cut.regional, ground="common", product="a")[0]["area_km2"] == pytest.approx(expected)
    with pytest.raises(ValueError, match="holds no cell"):
        compare([make_fields("a")], [], Shape("far", (square.rings[0] + 60.0,)))


def test_one_product_alone_gets_its_tables(make_fields):
    alone = compare([make_fields(years=(1990, 2001))], HALVES)
    assert len(alone.regional) == 3 and not alone.agreement and not alone.trend_pairs
    assert np.isfinite(alone.regional[0]["trend"]) and alone.trends["ours"].slope.shape == (6, 8)


def test_too_few_years_leave_trends_empty_and_say_so(make_fields):
    short = compare([make_fields("a"), make_fields("b", seed=2)], HALVES)
    assert not short.trends and np.isnan(short.regional[0]["trend"]) and np.isfinite(short.regional[0]["mean"])
    assert any("Trends need 10 years" in note for note in short.notes)


def test_yearly_products_have_no_scores_of_the_annual_cycle(make_fields):
    both = compare([make_fields("a", years=(1990, 2001)), make_fields("b", monthly=False, years=(1991, 2002))])
    assert not both.scores and np.isnan(both.agreement[0]["ilamb_overall"]) and np.isfinite(both.agreement[0]["cell_bias"])


def test_regions_elsewhere_are_left_out(make_fields):
    far = Shape("far", (HALVES[0].rings[0] + np.array([60.0, 0.0]),))
    assert set(compare([make_fields()], [*HALVES, far]).shares) == {"all", "west", "east"}


def test_factorial_runs_tell_what_makes_the_trend(make_fields):
    base = make_fields("none", years=(1990, 2009))
    year = base.time.astype("datetime64[Y]").astype(float)[:, None, None] - 20.0

    def run(name, slope):
        return fields_of(name, "gpp", base.values + slope * year, base.time, base.latitude, base.longitude)
    runs = [run("co2+climate", 0.05), run("climate", 0.02), run("co2", 0.03), base]
    told = {row["factor"]: row for row in compare(runs, factorial=True).attribution if row["region"] == "all"}
    assert told["co2"]["effect"] == pytest.approx(0.03 * 365.25, rel=0.05)
    assert told["climate"]["effect"] == pytest.approx(0.02 * 365.25, rel=0.1)
    assert told["co2"]["shapley"] + told["climate"]["shapley"] == pytest.approx(0.05 * 365.25, rel=0.05)
    assert abs(told["closure"]["effect"]) < 0.5 and told["co2"]["p"] < 1e-4
    with pytest.raises(ValueError, match="missing runs: climate varying"):
        compare([runs[0], runs[2], base], factorial=True)


def test_a_nation_of_the_right_size_is_set_beside_published_ranges():
    time = np.arange("1990-01", "2001-01", dtype="datetime64[M]")
    latitude, longitude = np.arange(25.0, 52.0, 2.0), np.arange(81.0, 117.0, 2.0)  # 9.4 million km2
    nation = fields_of("made up", "et", np.full((time.size, latitude.size, longitude.size), 1.0), time, latitude, longitude)
    row = compare([nation]).regional[0]
    assert 9.0e6 < row["area_km2"] < 9.8e6
    assert row["published"] == "mean within 330-470 mm yr-1; trend within 0-1.2 mm yr-1 yr-1"
    assert all(band.low < band.high and band.source for band in published_bands())


def test_unknown_references_are_refused(make_fields):
    with pytest.raises(ValueError, match="'MTR' is none of a, b"):
        compare([make_fields("a"), make_fields("b")], reference="MTR")
    with pytest.raises(ValueError, match="no product"):
        compare([])
