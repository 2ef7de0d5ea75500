"""Semivariograms: exact against pairs and against two peers, along directions, with missing cells, and their models."""

import json
import time

import numpy as np
import pytest

from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.anisotropy import anisotropy, directional_variograms
from terraflux.sites.representativeness.lag_bins import even_bins, grid_bins, gstools_bins, scikit_gstat_bins
from terraflux.sites.representativeness.lag_map import lag_map
from terraflux.sites.representativeness.variogram import ESTIMATORS, grid_variogram, point_variogram
from terraflux.sites.representativeness.variogram_models import MODELS, VariogramModel, fit_variogram


def brute_force(values, cell_size, edges, keep=lambda east, north: True):
    """Matheron's semivariogram and counts by looking at every pair."""
    cells = [(i, j) for i, j in np.ndindex(values.shape) if np.isfinite(values[i, j])]
    sums, counts = np.zeros(len(edges) - 1), np.zeros(len(edges) - 1, dtype=int)
    for a in range(len(cells)):
        for b in range(a + 1, len(cells)):
            (i, j), (k, m) = cells[a], cells[b]
            east, north = (m - j) * cell_size[0], (k - i) * cell_size[1]
            bin_of = np.searchsorted(edges, np.sqrt(east**2 + north**2), side="right") - 1
            if 0 <= bin_of < len(sums) and keep(east, north):
                sums[bin_of] += (values[i, j] - values[k, m]) ** 2
                counts[bin_of] += 1
    return sums / (2 * np.maximum(counts, 1)), counts


@pytest.fixture
def holed():
    """A small field with holes on oblong cells."""
    values = np.random.default_rng(5).normal(100.0, 1.0, (11, 14)).cumsum(axis=1)
    values[2:5, 3:7] = np.nan
    values[10, 0] = np.nan
    return values


def test_transform_and_pairs_give_the_same_variogram_despite_missing_cells(holed):
    edges = np.arange(0.0, 90.0, 7.5)
    found = grid_variogram(holed, edges, cell_size=(10.0, 6.0))
    gamma, counts = brute_force(holed, (10.0, 6.0), edges)
    assert (found.count == counts).all()
    np.testing.assert_allclose(found.gamma[counts > 0], gamma[counts > 0], rtol=1e-10)
    assert np.isnan(found.gamma[counts == 0]).all()


@pytest.mark.parametrize("angle, keep", [(0, lambda e, n: n == 0), (90, lambda e, n: e == 0), (45, lambda e, n: e == n),
                                         (135, lambda e, n: e == -n)])
def test_a_tolerance_of_zero_keeps_the_lag_vectors_on_the_direction(angle, keep):
    values = np.random.default_rng(6).normal(size=(9, 12))
    values[3, 4:9] = np.nan
    edges = np.arange(0.5, 9.0)
    found = grid_variogram(values, edges, cell_size=1.0, angle=angle, tolerance=0)
    gamma, counts = brute_force(values, (1.0, 1.0), edges, keep)
    assert (found.count == counts).all() and counts.sum() > 0
    np.testing.assert_allclose(found.gamma[counts > 0], gamma[counts > 0], rtol=1e-10)


@pytest.mark.parametrize("angle", [0, 30, 45, 90, 135, 180])
def test_grid_and_points_agree_along_every_direction(holed, angle):
    rows, columns = np.mgrid[:11, :14]
    edges = even_bins(80, 8)
    grid = grid_variogram(holed, edges, cell_size=10.0, angle=angle, bandwidth=25.0)
    points = point_variogram(columns * 10.0, rows * 10.0, holed, edges, angle=angle, bandwidth=25.0)
    assert (grid.count == points.count).all()
    np.testing.assert_allclose(grid.gamma, points.gamma, rtol=1e-10)
    np.testing.assert_allclose(grid.mean_lag, points.mean_lag, rtol=1e-12)


def test_the_four_directions_share_all_pairs_once():
    values = np.random.default_rng(7).normal(size=(20, 20))
    edges = even_bins(9.5, 19)
    raster = Raster(values, np.arange(20.0), np.arange(20.0))
    every = grid_variogram(raster, edges)
    parts = directional_variograms(raster, edges)
    assert (sum(one.count for one in parts.values()) == every.count).all()


def test_a_large_mean_does_not_spoil_the_variogram(holed):
    edges = even_bins(80, 8)
    plain = grid_variogram(holed, edges, cell_size=10.0)
    lifted = grid_variogram(holed + 1e6, edges, cell_size=10.0)
    np.testing.assert_allclose(lifted.gamma, plain.gamma, rtol=1e-8)


def test_robust_estimators_resist_one_spike_and_agree_without_it():
    values = np.random.default_rng(8).normal(size=(30, 30))
    edges = even_bins(12, 6)
    clean = {name: grid_variogram(values, edges, cell_size=1.0, estimator=name).gamma for name in ESTIMATORS}
    for name in ("cressie", "dowd"):
        np.testing.assert_allclose(clean[name], clean["matheron"], rtol=0.15)
    values[15, 15] = 60.0
    spiked = {name: grid_variogram(values, edges, cell_size=1.0, estimator=name).gamma for name in ESTIMATORS}
    assert (spiked["matheron"] > 2 * clean["matheron"]).all()
    for name in ("cressie", "dowd"):
        assert (spiked[name] < 1.15 * clean[name]).all()


def test_too_many_pairs_are_sampled_with_a_seed_and_said_so():
    values = np.random.default_rng(9).normal(size=(40, 40))
    edges = even_bins(20, 5)
    first = grid_variogram(values, edges, cell_size=1.0, estimator="cressie", maximum_pairs=50_000)
    again = grid_variogram(values, edges, cell_size=1.0, estimator="cressie", maximum_pairs=50_000)
    whole = grid_variogram(values, edges, cell_size=1.0, estimator="cressie")
    assert first.sampled and not whole.sampled
    assert first.count.sum() <= 50_000
    np.testing.assert_array_equal(first.gamma, again.gamma)
    np.testing.assert_allclose(first.gamma, whole.gamma, rtol=0.1)


def test_white_noise_has_its_variance_at_every_lag_and_a_slope_its_square():
    noise = np.random.default_rng(10).normal(0, 2.0, (120, 120))
    np.testing.assert_allclose(grid_variogram(noise, cell_size=1.0).gamma, 4.0, rtol=0.04)
    slope = np.broadcast_to(np.arange(30.0) * 0.5, (30, 30))
    found = grid_variogram(slope, np.arange(0.5, 11), cell_size=1.0, angle=0, tolerance=0)
    np.testing.assert_allclose(found.gamma, 0.5 * (0.5 * np.arange(1, 11)) ** 2, rtol=1e-10)
    across = grid_variogram(slope, np.arange(0.5, 11), cell_size=1.0, angle=90, tolerance=0)
    np.testing.assert_allclose(across.gamma, 0.0, atol=1e-12)


def test_lags_of_the_map_count_each_pair_once():
    lags = lag_map(np.ones((7, 5)), (1.0, 1.0))
    assert lags.count.sum() == 35 * 34 / 2
    assert (lags.squares == 0).all()


@pytest.mark.parametrize("name", MODELS)
def test_a_fit_recovers_the_model_that_made_the_variogram(name):
    truth = VariogramModel(name, 300.0, 0.02, 0.005, 1.5)
    lags = np.arange(10.0, 900.0, 20.0)
    experimental = grid_variogram(np.random.default_rng(1).normal(size=(60, 60)), np.append(lags - 10, 890.0), cell_size=20.0)
    made = type(experimental)(experimental.edges, truth(lags), np.full(lags.size, 100), lags)
    for freedom in ({}, {"maximum_range": np.inf, "maximum_sill": np.inf}):
        found = fit_variogram(made, name, **freedom)
        assert found.range == pytest.approx(300.0, rel=1e-6)
        assert found.partial_sill == pytest.approx(0.02, rel=1e-6)
        assert found.nugget == pytest.approx(0.005, rel=1e-5)
    assert found.residual < 1e-8


@pytest.mark.parametrize("name", MODELS)
def test_models_rise_from_the_nugget_to_the_sill(name):
    model = VariogramModel(name, 200.0, 0.8, 0.2, 1.5)
    lags = np.linspace(1e-6, 2000, 500)
    values = model(lags)
    assert model(0.0) == 0.0
    assert values[0] == pytest.approx(0.2, abs=1e-3)
    assert values[-1] == pytest.approx(1.0, abs=1e-6)
    assert (np.diff(values) >= -1e-12).all()
    assert 0.9 < (model(200.0) - 0.2) / 0.8 <= 1.0


def test_matern_of_smoothness_one_half_is_an_exponential():
    lags = np.linspace(0, 3, 20)
    np.testing.assert_allclose(MODELS["matern"](lags, 0.5), 1 - np.exp(-2 * np.sqrt(2) * lags), atol=1e-13)


def test_stretched_fields_have_the_shorter_range_across(landscapes):
    grid = landscapes.blank(600.0, 20.0)
    fields = []
    for seed in range(6):
        noise = np.random.default_rng(seed).standard_normal(grid.shape)
        ky, kx = np.meshgrid(*(np.fft.fftfreq(61, 20.0),) * 2, indexing="ij")
        fields.append(np.fft.ifft2(np.fft.fft2(noise) * np.exp(-2 * np.pi**2 * ((90 * kx) ** 2 + (25 * ky) ** 2))).real)
    found = [anisotropy(grid.with_values(one)) for one in fields]
    assert {one.direction for one in found} == {0.0}
    assert np.mean([one.ratio for one in found]) < 0.6
    assert np.mean([one.models[90.0].range for one in found]) < np.mean([one.models[45.0].range for one in found])


def test_a_slope_has_ranges_beyond_the_lags_and_no_ratio(grid):
    hill = grid.with_values(grid.x[None, :] + 0.7 * grid.y[:, None])
    found = anisotropy(hill)
    assert np.isnan(found.ratio) and "beyond the lags" in found.note
    assert all("beyond the lags" in one.note for one in found.models.values())


def test_a_constant_field_has_no_sill(grid):
    fitted = fit_variogram(grid_variogram(grid.with_values(np.full(grid.shape, 0.4))))
    assert fitted.sill == 0.0 and fitted.note == "the field is constant"


def test_bad_requests_are_refused():
    values = np.random.default_rng(1).normal(size=(10, 10))
    with pytest.raises(RasterError, match="did you mean 'matheron'"):
        grid_variogram(values, cell_size=1.0, estimator="matheronn")
    with pytest.raises(RasterError, match="did you mean 'spherical'"):
        fit_variogram(grid_variogram(values, cell_size=1.0), "spheric")
    with pytest.raises(RasterError, match="at least two cells"):
        grid_variogram(np.full((10, 10), np.nan), cell_size=1.0)
    with pytest.raises(RasterError, match="not ascending"):
        grid_variogram(values, np.array([0.0, 5.0, 4.0]), cell_size=1.0)
    with pytest.raises(RasterError, match="a fit needs three"):
        fit_variogram(grid_variogram(values, np.array([0.0, 2.0, 4.0]), cell_size=1.0))
    with pytest.raises(RasterError, match="cell_size"):
        grid_variogram(values)


def test_bins_follow_the_rules_of_the_peers():
    x, y = np.array([0.0, 30.0, 0.0, 30.0]), np.array([0.0, 0.0, 40.0, 40.0])
    np.testing.assert_allclose(gstools_bins(x, y), np.linspace(0, 50 / 3, 6))
    distances = np.array([10.0, 20.0, 60.0])
    np.testing.assert_allclose(scikit_gstat_bins(distances, 4), [0, 15, 30, 45, 60])
    np.testing.assert_allclose(scikit_gstat_bins(distances, 2, "median"), [0, 10, 20])
    np.testing.assert_allclose(scikit_gstat_bins(distances, 2, 0.5), [0, 15, 30])
    np.testing.assert_allclose(grid_bins((30.0, 30.0), (9, 9)), [15, 45, 75, 105, 135])


def test_a_million_cells_take_less_than_four_seconds():
    values = np.random.default_rng(0).normal(size=(1000, 1000))
    values[::7, ::5] = np.nan
    start = time.process_time()
    found = grid_variogram(values, cell_size=30.0)
    assert time.process_time() - start < 4.0
    np.testing.assert_allclose(found.gamma, 1.0, rtol=0.01)


@pytest.fixture(scope="module")
def reference(request):
    """Variograms of gstools and scikit-gstat with their data."""
    folder = request.getfixturevalue("shared_data") / "references" / "variogram"
    values = json.loads((folder / "variogram_reference.json").read_text())
    return (values, np.loadtxt(folder / "gstools_field_50x50_30m.csv", delimiter=","),
            np.loadtxt(folder / "meuse_points.csv", delimiter=",", skiprows=1))


@pytest.mark.real_data
def test_the_field_of_gstools_has_its_variogram_and_counts(reference):
    values, field, _ = reference
    peer = values["gstools_field"]
    found = grid_variogram(field, even_bins(1020.0, 34), cell_size=30.0)
    np.testing.assert_array_equal(found.middle, peer["bins"])
    np.testing.assert_array_equal(found.count, peer["counts"])
    # the field is stored with 8 decimals, which moves gamma by 3e-11
    np.testing.assert_allclose(found.gamma[1:], peer["gamma"][1:], rtol=0, atol=1e-10)
    fitted = fit_variogram(found, "spherical", abscissa="middle", empty="zero", maximum_range=np.inf, maximum_sill=np.inf)
    assert fitted.range == pytest.approx(peer["fit"]["len_scale"], rel=1e-4)
    assert fitted.partial_sill == pytest.approx(peer["fit"]["var"], rel=1e-5)
    assert fitted.nugget == pytest.approx(peer["fit"]["nugget"], abs=1e-10)


@pytest.mark.real_data
def test_the_same_field_has_the_variogram_of_scikit_gstat(reference):
    values, field, _ = reference
    peer = values["skg_same_field"]
    found = grid_variogram(field, np.append(0.0, peer["bins"]), cell_size=30.0)
    np.testing.assert_allclose(found.gamma, peer["experimental"], rtol=0, atol=1e-10)
    fitted = fit_variogram(found, "spherical", abscissa="right")
    np.testing.assert_allclose((fitted.range, fitted.partial_sill, fitted.nugget), peer["params"], rtol=2e-4)


@pytest.mark.real_data
@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("model", ["spherical", "exponential"])
def test_meuse_lead_has_the_variograms_and_fits_of_scikit_gstat(reference, estimator, model):
    from scipy.spatial.distance import pdist

    values, _, points = reference
    peer = values[f"skg_meuse_{estimator}_{model}"]
    edges = scikit_gstat_bins(pdist(points[:, :2]), 15, "median")
    np.testing.assert_allclose(edges[1:], peer["bins"], rtol=1e-14)
    found = point_variogram(*points.T, edges, estimator=estimator)
    np.testing.assert_array_equal(found.count, peer["bin_count"])
    np.testing.assert_allclose(found.gamma, peer["experimental"], rtol=1e-12)
    fitted = fit_variogram(found, model, abscissa="right")
    assert fitted.residual <= peer["rmse"] * (1 + 1e-9)
    np.testing.assert_allclose((fitted.range, fitted.partial_sill), peer["range_sill_nugget"][:2], rtol=1e-4)
    assert fitted.nugget == pytest.approx(peer["range_sill_nugget"][2], abs=0.1)
