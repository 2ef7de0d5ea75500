"""The kernel: mass, peak, fetch and the Gaussian across the wind agree with numerical integrals of the same curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from terraflux.sites.footprint.kernel import FootprintRows, concatenate, wind_coordinates


def rows(scale=80.0, offset=0.1, decay=1.5, exponent=1.2, saturating=True, **changes):
    one = {name: np.atleast_1d(np.asarray(value, float)) for name, value in {
        "scale": scale, "offset": offset, "decay": decay, "exponent": exponent,
        "log_normalisation": np.log(1.3 / np.asarray(scale)), "spread_coefficient": 25.0, "spread_exponent": 0.8,
        "wind_direction": 30.0}.items()}
    reason = np.zeros(1, np.uint32)
    return FootprintRows(**one, saturating=np.array([saturating]), reason=reason, model="test", **changes)


@settings(deadline=None, max_examples=40)
@given(st.floats(1.0, 500.0), st.floats(0.0, 0.3), st.floats(0.5, 5.0), st.floats(0.4, 2.5), st.floats(0.1, 50.0))
def test_cumulative_is_the_integral_of_the_curve(scale, offset, decay, exponent, along):
    one = rows(scale, offset, decay, exponent)
    end = scale * (offset + along)
    numerical = quad(lambda x: float(one.crosswind_integrated(x)[0]), scale * offset, end, epsrel=1e-10, limit=300)[0]
    assert float(one.cumulative(end)[0]) == pytest.approx(numerical, rel=1e-7, abs=1e-12)


@settings(deadline=None, max_examples=40)
@given(st.floats(1.0, 500.0), st.floats(0.0, 0.3), st.floats(0.5, 5.0), st.floats(0.4, 2.5))
def test_no_distance_exceeds_the_peak(scale, offset, decay, exponent):
    one = rows(scale, offset, decay, exponent)
    peak = one.peak_distance()[0]
    near = peak * np.linspace(0.5, 2.0, 301)
    assert one.crosswind_integrated(near).max() <= one.crosswind_integrated(peak)[0] * (1.0 + 1e-12)


@given(st.floats(0.01, 0.95))
@settings(deadline=None, max_examples=30)
def test_fetch_inverts_the_cumulative_curve(fraction):
    one = rows()
    wanted = fraction * one.total_mass()[0]
    distance = one.fetch(fraction, of="captured")[0]
    assert one.cumulative(distance)[0] == pytest.approx(wanted, rel=1e-11)


@pytest.mark.parametrize("saturating", [True, False])
def test_density_integrates_across_the_wind_to_the_curve(saturating):
    one = rows(saturating=saturating)
    spread = one.spread(150.0)[0]
    across = np.linspace(-10.0 * spread, 10.0 * spread, 2001)
    density = one.density(150.0, across)[0]
    assert np.sum(density) * (across[1] - across[0]) == pytest.approx(one.crosswind_integrated(150.0)[0], rel=1e-12)
    assert np.sum(density * across**2) / np.sum(density) == pytest.approx(spread**2, rel=1e-10)


def test_nothing_comes_from_downwind_or_from_below_the_offset():
    one = rows()
    assert np.all(one.crosswind_integrated([-100.0, 0.0, 0.1 * 80.0 * 0.999]) == 0.0)
    assert np.all(one.density([-100.0, 0.0], [0.0, 5.0]) == 0.0)


def test_tails_neither_overflow_nor_turn_negative():
    one = rows()
    with np.errstate(all="raise", under="ignore"):
        values = one.density([8.0000001, 1e-3, 1e9, 200.0], [0.0, 0.0, 0.0, 1e6])
    assert np.all(values >= 0.0) and np.all(np.isfinite(values))


def test_truncation_cuts_the_curve_and_its_mass():
    whole, cut = rows(), rows(truncation=5.0)
    assert cut.crosswind_integrated(5.01 * 80.0)[0] == 0.0
    assert cut.crosswind_integrated(4.99 * 80.0)[0] == whole.crosswind_integrated(4.99 * 80.0)[0]
    assert cut.captured_mass()[0] == pytest.approx(whole.cumulative(5.0 * 80.0)[0], rel=1e-13)
    assert cut.cumulative(1e6)[0] == cut.captured_mass()[0]
    assert np.isnan(cut.fetch(0.99 * whole.total_mass()[0])[0])


def test_invalid_rows_are_nan_and_leave_others_alone():
    good = rows()
    bad = FootprintRows(**{**{name: np.array([np.nan]) for name in (
        "scale", "offset", "decay", "exponent", "log_normalisation", "spread_coefficient", "spread_exponent",
        "wind_direction")},
        "saturating": np.array([True]), "reason": np.array([4], np.uint32), "model": "test"})
    both = concatenate([good, bad])
    density = both.density([100.0, -5.0], [0.0, 0.0])
    assert both.valid.tolist() == [True, False]
    assert np.isnan(density[1]).all() and np.isfinite(density[0]).all()
    assert np.isnan(both.fetch(0.5)[1]) and np.isnan(both.cumulative(50.0)[1]) and np.isnan(both.spread(50.0)[1])
    assert both.select(1).reason.tolist() == [4]


def test_rows_of_other_models_or_shapes_are_refused():
    with pytest.raises(ValueError, match="model and truncation"):
        concatenate([rows(), rows(truncation=30.0)])
    with pytest.raises(ValueError, match="must have shape"):
        rows(decay=[1.0, 2.0])
    with pytest.raises(ValueError, match='"unit" or "captured"'):
        rows().fetch(0.5, of="all")


@pytest.mark.parametrize(
    ("direction", "east", "north"), [(0.0, 0.0, 1.0), (90.0, 1.0, 0.0), (180.0, 0.0, -1.0), (270.0, -1.0, 0.0)])
def test_the_wind_comes_from_upwind(direction, east, north):
    upwind, crosswind = wind_coordinates(100.0 * east, 100.0 * north, direction)
    assert upwind == pytest.approx(100.0) and crosswind == pytest.approx(0.0, abs=1e-12)
