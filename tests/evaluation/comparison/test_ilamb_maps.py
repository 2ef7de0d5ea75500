"""Scores of maps equal those of ILAMB 2.7.3 on the same fields."""

import numpy as np
import pytest

from terraflux.evaluation.comparison.agreement import agreement_maps
from terraflux.evaluation.comparison.fields import fields_of
from terraflux.evaluation.comparison.ilamb_maps import ilamb_scores, node_weights, period_total
from terraflux.evaluation.ilamb_scores import overall_score

TIME = np.arange("2001-01", "2006-01", dtype="datetime64[M]")
# Printed by AnalysisMeanStateSpace of ILAMB 2.7.3 for the fields below (skip_iav=False), region global.
OF_ILAMB = {
    ("cycle", False): {"bias": 0.8403083436636473, "rmse": 0.4665285927619346, "phase": 0.8320504568334538,
                       "interannual": 0.5292558292549505, "spatial": 0.9794897616577467},
    ("cycle", True): {"bias": 0.8400880441061028, "rmse": 0.46671353112201175, "phase": 0.8323086282908551,
                      "interannual": 0.5292125774874646, "spatial": 0.9794897616577467},
    ("series", True): {"bias": 0.8400880441061028, "rmse": 0.45278422011165737, "phase": 0.8323086282908551,
                       "interannual": 0.5292125774874646, "spatial": 0.9794897616577467},
}


@pytest.fixture(scope="module")
def pair():
    """The fields that were given to ILAMB, seeded."""
    generator = np.random.default_rng(3)
    latitude, longitude = 30.25 + 0.5 * np.arange(10), 100.25 + 0.5 * np.arange(12)
    month = TIME.astype(int) % 12
    level = 3.0 + generator.random((10, 12))
    reference = level * (1.2 - np.cos(2 * np.pi * month / 12))[:, None, None] + 0.3 * generator.normal(size=(60, 10, 12))
    late = (generator.random((10, 12)) * 2).astype(int)[..., None]
    season = (1.2 - np.cos(2 * np.pi * (month - 1 - late) / 12)).transpose(2, 0, 1)
    simulated = 1.1 * level * season + 0.5 * generator.normal(size=(60, 10, 12))
    reference[:, generator.random((10, 12)) < 0.2] = np.nan
    # ILAMB was given times of a calendar without leap days.
    return tuple(fields_of(name, "gpp", values, TIME, latitude, longitude, calendar="noleap")
                 for name, values in (("ours", simulated), ("reference", reference)))


@pytest.mark.parametrize(("basis", "mass_weighting"), OF_ILAMB)
def test_scores_are_those_of_ilamb(pair, basis, mass_weighting):
    found = ilamb_scores(*pair, rmse_basis=basis, mass_weighting=mass_weighting).regions["all"]
    expected = OF_ILAMB[basis, mass_weighting]
    assert found["overall"] == pytest.approx(overall_score(expected), rel=1e-12)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-12)


def test_totals_are_those_of_ilamb(pair):
    # integrateInTime(mean=True).integrateInSpace() of ILAMB 2.7.3, converted to Pg yr-1.
    assert period_total(pair[1]) == pytest.approx(0.3707995422420236, rel=1e-10)
    with pytest.raises(ValueError, match="has no meaning"):
        period_total(fields_of("h", "hfls", np.ones((12, 2, 2)), TIME[:12], [1.0, 2.0], [1.0, 2.0]))


def test_blocks_of_rows_do_not_change_a_bit(pair, monkeypatch):
    whole = ilamb_scores(*pair), agreement_maps(*pair)
    monkeypatch.setattr("terraflux.evaluation.comparison.fields.BLOCK", 2000)
    parts = ilamb_scores(*pair), agreement_maps(*pair)
    assert all(np.array_equal(whole[0].maps[name], parts[0].maps[name], equal_nan=True) for name in whole[0].maps)
    assert whole[0].regions == parts[0].regions
    assert all(np.array_equal(getattr(whole[1], name), getattr(parts[1], name), equal_nan=True) for name in whole[1].names())


def test_a_constant_reference_has_its_maximum_in_january(pair):
    season = np.where(TIME.astype(int) % 12 == 6, 2.0, 1.0)[:, None, None] * np.ones((2, 2))
    both = [fields_of(name, "gpp", values, TIME, [1.0, 2.0], [1.0, 2.0]) for name, values in (("a", season), ("b", season**0))]
    assert ilamb_scores(*both, interannual=False).maps["phase"] == pytest.approx(0.5 * (1 + np.cos(2 * np.pi * 181.0 / 365.0)))


def test_the_worked_example_of_ilamb_gives_its_overall_score():
    scores = {"bias": 0.927446, "rmse": 0.877083, "phase": 0.953005, "interannual": 0.570871, "spatial": 0.999121}
    assert overall_score(scores) == pytest.approx(0.867435, abs=1e-6)


def test_a_perfect_simulation_scores_one_everywhere(pair):
    reference = pair[1]
    found = ilamb_scores(reference, reference)
    there = np.isfinite(reference.values[0])
    assert all(np.nanmin(one) == 1.0 and np.array_equal(np.isfinite(one), there) for one in found.maps.values())
    names = ("bias", "rmse", "phase", "interannual", "spatial", "overall")
    assert found.regions["all"] == pytest.approx(dict.fromkeys(names, 1.0))


def test_regions_hold_their_own_cells(pair):
    south = np.zeros((10, 12))
    south[:5] = 1.0
    found = ilamb_scores(*pair, {"south": south, "north": 1.0 - south, "nowhere": 0.0 * south})
    assert set(found.regions) == {"south", "north"}
    assert found.regions["south"]["bias"] == pytest.approx(np.nanmean(found.maps["bias"][:5]), rel=0.01)


def test_a_correlation_of_cells_that_are_there_is_offered(pair):
    plain = ilamb_scores(*pair, as_coded=False).regions["all"]["spatial"]
    assert 0.0 < plain < 1.0 and plain != pytest.approx(OF_ILAMB["cycle", False]["spatial"], abs=1e-4)


def test_leaving_out_interannual_variability_is_skip_iav(pair):
    assert "interannual" not in ilamb_scores(*pair, interannual=False).regions["all"]


def test_what_cannot_be_scored_is_refused(pair, make_fields):
    with pytest.raises(ValueError, match="months"):
        ilamb_scores(make_fields(monthly=False), make_fields(monthly=False))
    with pytest.raises(ValueError, match="bring them together"):
        ilamb_scores(pair[0], make_fields())
    with pytest.raises(ValueError, match="rmse_basis"):
        ilamb_scores(*pair, rmse_basis="daily")


def test_the_middle_of_a_leap_february_lies_half_a_day_later():
    time = np.arange("2004-01", "2004-05", dtype="datetime64[M]")
    place = time, [1.0, 2.0], [1.0, 2.0]
    weights = {calendar: node_weights(fields_of("a", "gpp", np.ones((4, 2, 2)), *place, calendar=calendar))
               for calendar in ("noleap", "standard")}
    # Middles on days 15.5, 45 (45.5 in a leap year), 74.5 and 105 of a year without leap days.
    assert weights["noleap"].tolist() == [29.5, 29.5, 30.0, 30.5]
    assert weights["standard"].tolist() == [30.0, 29.5, 29.75, 30.5]


def test_where_the_reference_never_varies_ilamb_scores_the_bias_alone():
    season = (np.arange(24) % 12 == 6)[:, None, None] * np.array([[1.0, 2.0], [1.0, 0.5]])
    reference = season * np.array([[1.0, 1.0], [1.0, 0.0]])
    time = np.arange("2001-01", "2003-01", dtype="datetime64[M]")
    both = [fields_of(name, "snw", values, time, [1.0, 2.0], [1.0, 2.0]) for name, values in (("a", season), ("b", reference))]
    maps = ilamb_scores(*both).maps
    mean = 0.5 * 31.0 / 365.0
    assert maps["bias"][1, 1] == pytest.approx(np.exp(-mean)) and np.isnan(maps["rmse"][1, 1])
    assert np.isnan(ilamb_scores(*both, as_coded=False).maps["bias"][1, 1])
    assert maps["bias"][0].tolist() == [1.0, 1.0]
