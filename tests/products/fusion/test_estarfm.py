"""ESTARFM: its equations written out, what it gains over STARFM, gaps."""

import numpy as np
import pytest
from scipy import stats

from terraflux.products.fusion.estarfm import estarfm
from terraflux.products.fusion.fused import Reason
from terraflux.products.fusion.methods import fuse
from terraflux.products.fusion.starfm import starfm


def error(image, truth):
    """Root mean square error."""
    return float(np.sqrt(np.nanmean((image - truth) ** 2)))


def inputs(patchwork):
    """Two pairs around the target date."""
    fine, coarse = patchwork
    return [fine[0], fine[2]], [coarse[0], coarse[2]], coarse[1]


def test_equals_the_formula_written_out(patchwork):
    """Pixels by the docstring's sums, numpy's correlation and scipy's regression."""
    fine, coarse, target = ([one[:, :30, :30] for one in group] if isinstance(group, list) else group[:, :30, :30]
                            for group in inputs(patchwork))
    half, e, impact = 5, 1e-3, 120.0
    image = estarfm(fine, coarse, target, window=11, classes=3, spatial_impact=impact, offset=e)
    pad = ((0, 0), (half, half), (half, half))
    f, c = (np.pad(np.concatenate(two), pad, mode="reflect") for two in (fine, coarse))
    p = np.pad(target, pad, mode="reflect")
    limit = 2.0 / 3.0 * np.concatenate(fine).std(axis=(1, 2))
    offsets = np.arange(-half, half + 1)
    distance = 1.0 + np.hypot(offsets[:, None], offsets[None, :]) * 30.0 / impact
    slopes = []
    for row, column in [(0, 0), (3, 17), (12, 12), (15, 29), (22, 5), (29, 8), (29, 29)]:
        there = (slice(None), slice(row, row + 11), slice(column, column + 11))
        ff, cc, pp = f[there], c[there], p[there]
        similar = (np.abs(ff - ff[:, half, half][:, None, None]) <= limit[:, None, None]).all(axis=0)
        r = np.array([[np.corrcoef(ff[:, i, j], cc[:, i, j])[0, 1] for j in range(11)] for i in range(11)])
        weight = similar / ((1.0 - r + e) * distance)
        weight /= weight.sum()
        for band in range(2):
            x = np.concatenate([cc[band][similar], cc[2 + band][similar]])
            y = np.concatenate([ff[band][similar], ff[2 + band][similar]])
            line = stats.linregress(x, y)
            slope = line.slope if similar.sum() >= 6 and line.pvalue <= 0.05 and 0.0 <= line.slope <= 5.0 else 1.0
            slopes.append(slope)
            parts = [ff[band + 2 * k][half, half] + (weight * slope * (pp[band] - cc[band + 2 * k])).sum() for k in (0, 1)]
            moved = [1.0 / abs(cc[band + 2 * k].sum() - pp[band].sum()) for k in (0, 1)]
            expected = (moved[0] * parts[0] + moved[1] * parts[1]) / sum(moved)
            assert image[band, row, column] == pytest.approx(expected, rel=1e-9)
    assert 1.0 in slopes
    assert any(slope != 1.0 for slope in slopes)


def test_patchwork_finer_than_a_coarse_pixel_is_met_better_than_by_starfm(patchwork):
    truth = patchwork[0][1]
    ours = error(estarfm(*inputs(patchwork)), truth)
    assert ours < 0.9 * error(starfm(*inputs(patchwork)), truth)
    assert ours < 0.75 * error(patchwork[1][1], truth)
    assert ours < 0.75 * error(patchwork[0][0], truth)


def test_target_equal_to_a_date_returns_its_fine_image(patchwork):
    fine, coarse, _ = inputs(patchwork)
    for k in (0, 1):
        np.testing.assert_allclose(estarfm(fine, coarse, coarse[k]), fine[k], rtol=0, atol=1e-12)


def test_sensor_with_twice_the_gain_is_converted():
    """Coarse values that rise half as much as fine ones: V = 2 gives the fine image back; differences of STARFM do not."""
    random = np.random.default_rng(3)
    base = random.uniform(0.1, 0.3, (40, 40))
    dates = [base, base + 0.05, base + 0.1]
    fine, coarse = [dates[0], dates[2]], [0.5 * dates[0] + 0.02, 0.5 * dates[2] + 0.02]
    target = 0.5 * dates[1] + 0.02
    np.testing.assert_allclose(estarfm(fine, coarse, target), dates[1], rtol=0, atol=1e-10)
    assert error(starfm(fine[0], coarse[0], target), dates[1]) > 0.02


def test_constant_shift_moves_every_pixel_by_the_same(patchwork):
    fine = patchwork[0][0][0]
    image = estarfm([fine, fine + 0.2], [fine, fine + 0.2], fine + 0.05)
    np.testing.assert_allclose(image, fine + 0.05, rtol=0, atol=1e-12)


def test_images_that_never_change_return_the_fine_one():
    fine = np.full((20, 20), 0.2)
    np.testing.assert_allclose(estarfm([fine, fine], [fine, fine], fine), fine, rtol=0, atol=1e-15)


@pytest.mark.parametrize("which", range(5))
def test_no_data_stays_where_it_is(patchwork, which):
    fine, coarse, target = inputs(patchwork)
    images = [one.copy() for one in (*fine, *coarse, target)]
    images[which][0, 40:44, 50:60] = np.nan
    fusion = fuse("estarfm", images[:2], images[2:4], images[4])
    missing = np.zeros(fusion.image.shape, dtype=bool)
    missing[:, 40:44, 50:60] = True
    np.testing.assert_array_equal(np.isnan(fusion.image), missing)
    np.testing.assert_array_equal(fusion.reason == Reason.NO_DATA, missing)
    images[which][0, 40:44, 50:60] = -1.0
    np.testing.assert_array_equal(estarfm(images[:2], images[2:4], images[4], nodata=-1.0), fusion.image)


def test_scale_changes_nothing_but_the_unit(patchwork):
    plain = estarfm(*inputs(patchwork))
    fine, coarse, target = inputs(patchwork)
    numbers = estarfm([one * 16384 for one in fine], [one * 16384 for one in coarse], target * 16384, scale=16384)
    np.testing.assert_array_equal(numbers, plain * 16384)
