"""Sites left out, coverage of predictor space, and how the tree does on towers it has not seen."""

import importlib.util

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from terraflux.products.regression_tree.applicability import area_of_applicability
from terraflux.products.regression_tree.cross_validation import (
    left_out_predictions,
    left_out_scores,
    rmse_difference,
    site_blocks,
)


@pytest.fixture(scope="module")
def benchmark_module(repository):
    """The script as a module."""
    spec = importlib.util.spec_from_file_location("tree_benchmark", repository / "benchmarks" / "regression_tree.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_sites_close_together_are_one_block():
    latitude = [38.43, 38.41, 0.0, 0.0, 0.0, 61.8]
    longitude = [-120.97, -120.95, 179.7, -179.7, -179.0, 24.3]
    np.testing.assert_array_equal(site_blocks(latitude, longitude, 100.0), [0, 0, 1, 1, 1, 2])
    np.testing.assert_array_equal(site_blocks(latitude, longitude, 1.0), range(6))
    with pytest.raises(ValueError, match="latitude"):
        site_blocks([np.nan], [0.0])


def test_no_row_is_predicted_by_a_model_that_saw_its_block():
    x = np.arange(12.0)[:, None]
    block = np.repeat([0, 1, 2], 4)

    class Remembers(LinearRegression):
        def fit(self, x, y):
            self.seen = set(y)
            return super().fit(x, y)

        def predict(self, x):
            assert not self.seen & set(x[:, 0])
            return super().predict(x)

    np.testing.assert_allclose(left_out_predictions(Remembers(), x, x[:, 0], block), x[:, 0], atol=1e-12)
    with pytest.raises(ValueError, match="two blocks"):
        left_out_predictions(LinearRegression(), x, x[:, 0], np.zeros(12))


def test_scores_part_between_and_within_sites():
    site = np.repeat(["a", "b"], 50)
    within = np.tile(np.linspace(-1.0, 1.0, 50), 2)
    target = np.where(site == "a", 0.0, 4.0) + within
    scores = left_out_scores(target, np.where(site == "a", 0.0, 4.0), site)
    assert scores["between_sites_r2"] == pytest.approx(1.0) and scores["within_sites_r2"] == pytest.approx(0.0)
    scores = left_out_scores(target, 2.0 + within, site)
    assert scores["between_sites_r2"] == pytest.approx(0.0) and scores["within_sites_r2"] == pytest.approx(1.0)
    assert scores["rmse"] == pytest.approx(2.0) and scores["bias"] == pytest.approx(0.0, abs=1e-12)


def test_the_interval_of_a_difference_holds_it():
    rng = np.random.default_rng(0)
    target, site = rng.normal(size=400), np.repeat(np.arange(20), 20)
    worse, better = target + rng.normal(size=400), target + 0.5 * rng.normal(size=400)
    middle, low, high = rmse_difference(target, worse, better, site)
    assert 0.0 < low < middle < high
    assert rmse_difference(target, worse, worse, site) == (0.0, 0.0, 0.0)


def test_applicability_ends_where_training_rows_end():
    rng = np.random.default_rng(1)
    x = np.column_stack([rng.uniform(0.0, 1.0, 400), rng.uniform(0.0, 1000.0, 400)])
    area = area_of_applicability(x, np.arange(400) % 8)
    assert area.dissimilarity(x).max() == 0.0
    np.testing.assert_array_equal(area.inside([[0.5, 500.0], [3.0, 500.0], [0.5, np.nan]]), [True, False, False])
    first_only = area_of_applicability(x, np.arange(400) % 8, importance=[1.0, 0.0])
    assert first_only.inside([[0.5, 1e6]]).all()
    pairs = np.linalg.norm((x[:, None] - x[None]) / x.std(axis=0), axis=-1)
    assert area.mean_distance == pytest.approx(pairs.sum() / (400 * 399))
    for wrong in ([1.0], [-1.0, 1.0], [0.0, 0.0]):
        with pytest.raises(ValueError, match="importance"):
            area_of_applicability(x, np.arange(400) % 8, importance=wrong)


@pytest.mark.real_data
def test_unseen_towers_are_predicted_better_than_by_cart_and_as_well_as_by_a_forest(benchmark_module, shared_data):
    """Gross primary production of all good months; sites left out in eight groups of blocks."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.tree import DecisionTreeRegressor

    table = benchmark_module.tower_table(shared_data / "towers")
    rows = table[(table["NEE_VUT_REF_QC"] >= 0.5) & table["GPP_NT_VUT_REF"].notna()]
    x, y = rows[[name for name in rows if name.startswith("x_")]].to_numpy(), rows["GPP_NT_VUT_REF"].to_numpy()
    block = rows["block"].to_numpy()
    fold = block % 8
    ours, cart, forest = (left_out_predictions(model, x, y, fold) for model in (
        benchmark_module.ImprovedRegressionTree.for_sites(bags=10),
        DecisionTreeRegressor(min_samples_leaf=20, random_state=0),
        RandomForestRegressor(50, min_samples_leaf=5, max_features=1 / 3, random_state=0)))
    assert left_out_scores(y, ours, block)["rmse"] < left_out_scores(y, cart, block)["rmse"]
    _, low, high = rmse_difference(y, forest, ours, block)
    assert high > 0.0, "the forest is better beyond what the draw of sites explains"
    assert low < high
