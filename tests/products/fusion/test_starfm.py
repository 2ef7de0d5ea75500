"""STARFM: parity with starfm4py, the laws of upscaling.md 6, gaps, two pairs, threads."""

import json

import numpy as np
import pytest

from terraflux.products.fusion.fused import Reason
from terraflux.products.fusion.methods import fuse
from terraflux.products.fusion.starfm import starfm

PEER = {"window": 31, "spatial_impact": 150.0, "classes": 4, "fine_uncertainty": 0.03, "coarse_uncertainty": 0.03,
        "compat": "starfm4py"}
STORED = 5e-7
"""Half a unit of the last digit of the stored predictions."""


def error(image, truth):
    """Root mean square error."""
    return float(np.sqrt(np.nanmean((image - truth) ** 2)))


@pytest.mark.real_data
@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(("name", "target"), [("Test_1", "t2"), ("Test_2", "t4")])
def test_starfm4py_predictions_are_met_to_stored_precision(shared_data, name, target):
    import rasterio

    def read(kind, date):
        with rasterio.open(folder / name / f"sim_{kind}_{date}.tif") as source:
            return source.read(1)

    folder = shared_data / "references" / "starfm"
    expected = np.loadtxt(folder / f"starfm4py_{name}_pred.csv.gz", delimiter=",")
    scores = json.loads((folder / "starfm4py_reference.json").read_text(encoding="utf-8"))["results"][name]
    truth = read("Landsat", target).astype(float)
    image = starfm(read("Landsat", "t1"), read("MODIS", "t1"), read("MODIS", target), **PEER)
    assert np.abs(image - expected).max() <= STORED
    assert error(image, truth) == pytest.approx(scores["rmse"], abs=1e-6)
    assert np.abs(image - truth).mean() == pytest.approx(scores["mae"], abs=1e-6)
    assert error(read("Landsat", "t1").astype(float), truth) == pytest.approx(scores["rmse_no_change"])


@pytest.mark.parametrize(("name", "rmse", "mae", "no_change"), [
    ("change", 12.71496, 1.995038, 2421.570), ("growth", 712.0346, 338.0802, 2288.056), ("line", 161.7104, 13.74967, 2415.036)])
def test_published_scores_follow_from_scenes_built_anew(scene, name, rmse, mae, no_change):
    one = scene(name)
    image = starfm(*one.inputs, **PEER)
    assert error(one.fine, one.truth) == pytest.approx(no_change, rel=5e-7)
    assert error(image, one.truth) == pytest.approx(rmse, rel=5e-7)
    assert np.abs(image - one.truth).mean() == pytest.approx(mae, rel=5e-7)


@pytest.mark.parametrize(("name", "gain"), [("change", 50.0), ("line", 4.0), ("growth", 0.9999)])
def test_fusion_beats_no_change_and_the_coarse_image(scene, name, gain):
    """A disc that grew into coarse pixels of one fine value leaves nothing to gain over the coarse image itself."""
    one = scene(name)
    image = starfm(*one.inputs, scale=10000)
    assert error(image, one.truth) < 0.4 * error(one.fine, one.truth)
    assert error(image, one.truth) < error(one.coarse_target, one.truth) / gain


def test_fusion_beats_the_coarse_image_in_a_patchwork(patchwork):
    fine, coarse = patchwork
    image = starfm(fine[0], coarse[0], coarse[1])
    for rival in (fine[0], coarse[1], fine[0] + coarse[1] - coarse[0]):
        assert error(image, fine[1]) < 0.95 * error(rival, fine[1])


@pytest.mark.parametrize("settings", [{}, {"detail": "similar"}, {"log_weights": True}, {"temporal_filter": True},
                                      {"compat": "starfm4py"}])
def test_unchanged_coarse_image_returns_the_fine_one(patchwork, settings):
    fine, coarse = patchwork
    np.testing.assert_array_equal(starfm(fine[0], coarse[0], coarse[0], **settings), fine[0])


def test_constant_shift_moves_every_pixel_by_the_same(patchwork):
    fine, coarse = patchwork
    for settings in ({}, {"log_weights": True}):
        np.testing.assert_allclose(starfm(fine[0], coarse[0], coarse[0] + 0.1, **settings), fine[0] + 0.1, rtol=0, atol=1e-14)


def test_detail_of_similar_pixels_is_averaged_when_asked(patchwork):
    fine, coarse = patchwork
    shifted = starfm(fine[0], coarse[0], coarse[0] + 0.1, detail="similar") - 0.1
    assert 1e-3 < error(shifted, fine[0]) < 0.1


def test_equals_the_formula_written_out(patchwork):
    """Every pixel by the sums of the docstring, in plain numpy, with all rules on."""
    fine, coarse = (one[0][0][:20, :24] for one in patchwork)
    target = patchwork[1][1][0][:20, :24] + np.linspace(0.0, 0.02, 24)
    half, pixel, impact, e, s_f, s_c = 4, 30.0, 90.0, 2e-3, 0.01, 0.02
    image = starfm(fine, coarse, target, window=9, classes=3, spatial_impact=impact, pixel_size=pixel, fine_uncertainty=s_f,
                   coarse_uncertainty=s_c, offset=e, temporal_filter=True, detail="similar")
    f, c, t = (np.pad(one, half, mode="reflect") for one in (fine, coarse, target))
    offsets = np.arange(-half, half + 1)
    nearness = 1.0 + np.hypot(offsets[:, None], offsets[None, :]) * pixel / impact
    for row, column in np.ndindex(fine.shape):
        there = (slice(row, row + 9), slice(column, column + 9))
        spectral, change = np.abs(f - c)[there], (t - c)[there]
        taken = ((np.abs(f[there] - fine[row, column]) <= 2.0 / 3.0 * f[there].std())
                 & (spectral <= spectral[half, half] + np.hypot(s_f, s_c))
                 & (np.abs(change) <= np.abs(change[half, half]) + np.sqrt(2.0) * s_c))
        weight = taken / ((spectral + e) * (np.abs(change) + e) * nearness)
        expected = (weight * (f[there] + change)).sum() / weight.sum()
        if change[half, half] != 0.0:
            assert image[row, column] == pytest.approx(expected, rel=1e-12)


def test_bands_do_not_mix(patchwork):
    fine, coarse = patchwork
    both = starfm(fine[0], coarse[0], coarse[1])
    for band in range(2):
        np.testing.assert_array_equal(both[band], starfm(fine[0][band], coarse[0][band], coarse[1][band]))


def test_scale_changes_nothing_but_the_unit(patchwork):
    fine, coarse = patchwork
    plain = starfm(fine[0], coarse[0], coarse[1])
    numbers = starfm(fine[0] * 16384, coarse[0] * 16384, coarse[1] * 16384, scale=16384)
    np.testing.assert_array_equal(numbers, plain * 16384)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_no_data_stays_where_it_is(patchwork, which):
    fine, coarse = patchwork
    images = [fine[0][0].copy(), coarse[0][0].copy(), coarse[1][0].copy()]
    whole = starfm(*images)
    images[which][40:44, 50:60] = np.nan
    fusion = fuse("starfm", *images)
    missing = np.zeros(whole.shape, dtype=bool)
    missing[40:44, 50:60] = True
    np.testing.assert_array_equal(np.isnan(fusion.image), missing)
    np.testing.assert_array_equal(fusion.reason == Reason.NO_DATA, missing)
    far = np.ones(whole.shape, dtype=bool)
    far[40 - 15:44 + 15, 50 - 15:60 + 15] = False
    np.testing.assert_allclose(fusion.image[far], whole[far], rtol=1e-12)
    images[which][missing] = -9999.0
    np.testing.assert_array_equal(starfm(*images, nodata=-9999.0), fusion.image)
    images[which] = np.ma.masked_equal(images[which], -9999.0)
    np.testing.assert_array_equal(starfm(*images), fusion.image)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_gaps_are_filled_from_neighbours_when_asked(patchwork, which):
    fine, coarse = patchwork
    images = [fine[0][0].copy(), coarse[0][0].copy(), coarse[1][0].copy()]
    images[which][40:44, 50:60] = np.nan
    fusion = fuse("starfm", *images, fill=True)
    assert np.isfinite(fusion.image).all()
    assert (fusion.reason[40:44, 50:60] == Reason.FILLED).all()
    assert (fusion.reason == Reason.FILLED).sum() == 40
    neighbours = images[0][25:60, 35:75], fine[1][0][25:60, 35:75]
    assert fusion.image[40:44, 50:60].max() < 0.1 + max(np.nanmax(one) for one in neighbours)
    kept = fuse("starfm", *images)
    np.testing.assert_array_equal(kept.image[kept.reason == Reason.FUSED], fusion.image[kept.reason == Reason.FUSED])


def test_images_without_any_data_give_none(patchwork):
    empty = np.full((20, 20), np.nan)
    for method, count in (("starfm", 1), ("estarfm", 2)):
        fusion = fuse(method, [empty] * count, [empty] * count, empty)
        assert np.isnan(fusion.image).all()
        assert (fusion.reason == Reason.NO_DATA).all()


def test_second_pair_helps(patchwork):
    fine, coarse = patchwork
    one, other = (starfm(fine[k], coarse[k], coarse[1]) for k in (0, 2))
    both = starfm([fine[0], fine[2]], [coarse[0], coarse[2]], coarse[1])
    assert error(both, fine[1]) < min(error(one, fine[1]), error(other, fine[1]))


def test_pair_of_the_target_date_alone_counts(patchwork):
    fine, coarse = patchwork
    image = starfm([fine[0], fine[2]], [coarse[0], coarse[2]], coarse[1], days=[0, 16])
    np.testing.assert_allclose(image, starfm(fine[0], coarse[0], coarse[1]), rtol=1e-12)


def test_nearer_date_weighs_more(patchwork):
    fine, coarse = patchwork
    one, other = (starfm(fine[k], coarse[k], coarse[1]) for k in (0, 2))
    near, far = (starfm([fine[0], fine[2]], [coarse[0], coarse[2]], coarse[1], days=days) for days in ([-1, 15], [-15, 1]))
    assert error(near, one) < error(far, one)
    assert error(near, other) > error(far, other)


def test_pair_without_data_leaves_the_pixel_to_the_other(patchwork):
    fine, coarse = patchwork
    gap = fine[0].copy()
    gap[:, 40:44, 50:60] = np.nan
    image = starfm([gap, fine[2]], [coarse[0], coarse[2]], coarse[1])
    other = starfm(fine[2], coarse[2], coarse[1])
    np.testing.assert_allclose(image[:, 40:44, 50:60], other[:, 40:44, 50:60], rtol=1e-12)


def test_threads_and_strips_give_the_same_bits(patchwork, monkeypatch):
    from terraflux.products.fusion import window

    fine, coarse = patchwork
    for method in ("starfm", "estarfm"):
        inputs = [fine[0], fine[2]], [coarse[0], coarse[2]], coarse[1]
        one = fuse(method, *inputs, threads=1)
        for threads in (2, 5):
            np.testing.assert_array_equal(fuse(method, *inputs, threads=threads).image, one.image)
        with monkeypatch.context() as changed:
            changed.setattr(window, "STRIP", 37)
            np.testing.assert_allclose(fuse(method, *inputs).image, one.image, rtol=1e-10)


def test_strips_of_a_scene_with_zero_edges_join(scene, monkeypatch):
    from terraflux.products.fusion import window

    whole = starfm(*scene("line").inputs, **PEER)
    monkeypatch.setattr(window, "STRIP", 11)
    np.testing.assert_allclose(starfm(*scene("line").inputs, **PEER), whole, rtol=1e-13)


def test_window_wider_than_the_image_works(patchwork):
    fine, coarse = patchwork
    image = starfm(fine[0][:, :9, :7], coarse[0][:, :9, :7], coarse[1][:, :9, :7], window=31)
    assert np.isfinite(image).all()
