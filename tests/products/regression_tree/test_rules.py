"""What the rules of the improved regression tree know and do."""

import json

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, make_friedman1

from terraflux.products.regression_tree import ImprovedRegressionTree, counting_weights
from terraflux.products.regression_tree.growth import grown_tree, sorted_rows


def rmse(model, x, y, rows):
    """Root mean square error on what follows the training rows."""
    return np.sqrt(np.mean((model.fit(x[:rows], y[:rows]).predict(x[rows:]) - y[rows:]) ** 2))


@pytest.fixture(scope="module")
def bent():
    """|x0| + 0.5 x1 with an attribute of no use."""
    x = np.random.default_rng(3).uniform(-1.0, 1.0, (600, 3))
    return x, np.abs(x[:, 0]) + 0.5 * x[:, 1]


def test_a_linear_relation_is_one_exact_rule():
    x = np.random.default_rng(0).normal(size=(300, 4))
    y = 3.0 + 2.0 * x[:, 0] - 1e-3 * x[:, 2]
    model = ImprovedRegressionTree(committees=1).fit(x, y)
    rules = model.rule_sets_[0]
    assert len(rules) == 1
    np.testing.assert_allclose(rules.coefficients[0], [2.0, 0.0, -1e-3, 0.0], atol=1e-10)
    np.testing.assert_allclose(rules.intercept[0], 3.0, rtol=1e-10)


def test_a_bend_is_cut_at_the_bend(bent):
    x, y = bent
    model = ImprovedRegressionTree(committees=1, smoothing=0.0).fit(x, y)
    rules = model.rule_sets_[0]
    limits = np.concatenate([rules.lower[:, 0], rules.upper[:, 0]])
    assert np.isfinite(limits).any()
    assert np.abs(limits[np.isfinite(limits)]).min() < 0.05
    assert rmse(model, x, y, 500) < 0.02


def test_the_first_split_of_m5_has_the_largest_standard_deviation_reduction():
    rng = np.random.default_rng(8)
    x, weight = rng.normal(size=(60, 3)), rng.uniform(0.5, 2.0, 60)
    y = np.where(x[:, 1] > 0.3, 2.0, 0.0) + rng.normal(size=60)

    def spread(rows):
        mean = np.average(y[rows], weights=weight[rows])
        return weight[rows].sum() * np.sqrt(np.average((y[rows] - mean) ** 2, weights=weight[rows]))

    best = min((spread(x[:, j] <= v) + spread(x[:, j] > v), j, v) for j in range(3) for v in x[:, j]
               if weight[x[:, j] <= v].sum() >= 5.0 and weight[x[:, j] > v].sum() >= 5.0)
    tree = grown_tree(x, sorted_rows(x), y, weight, x.mean(axis=0), x.std(axis=0), criterion="deviation", minimum_leaf=5.0)
    assert tree.attribute[0] == best[1]
    assert best[2] <= tree.threshold[0] < x[x[:, best[1]] > best[2], best[1]].min()


def test_diabetes_is_predicted_as_well_as_cubist_does():
    x, y = load_diabetes(return_X_y=True)
    cubist = {(1, 0): 53.0434, (5, 0): 53.5480, (20, 0): 53.0448, (1, 5): 58.1417, (5, 5): 58.1528, (20, 5): 58.1233}
    for (committees, neighbours), reference in cubist.items():
        model = ImprovedRegressionTree(committees=committees, neighbours=neighbours)
        assert rmse(model, x, y, 350) < 1.03 * reference, (committees, neighbours)


def test_friedman_1_is_predicted_as_well_as_cubist_does():
    x, y = make_friedman1(n_samples=3000, noise=1.0, random_state=5)
    assert rmse(ImprovedRegressionTree(committees=1), x, y, 1000) < 1.549
    assert rmse(ImprovedRegressionTree(committees=10), x, y, 1000) < 1.256


def test_committees_lower_the_error_where_one_tree_is_coarse():
    x, y = make_friedman1(n_samples=3000, noise=1.0, random_state=1)
    one, ten = (rmse(ImprovedRegressionTree(committees=n, criterion="deviation"), x, y, 1000) for n in (1, 10))
    assert ten < 0.95 * one


def test_predictions_stay_within_the_widened_range(bent):
    x, y = bent
    model = ImprovedRegressionTree(extrapolation=0.05).fit(x, y)
    far = model.predict(1e6 * x)
    margin = 0.05 * np.ptp(y)
    assert far.min() >= y.min() - margin - 1e-12 and far.max() <= y.max() + margin + 1e-12
    bound = ImprovedRegressionTree(lower_bound=0.2, upper_bound=0.9).fit(x, y).predict(x)
    assert bound.min() == 0.2 and bound.max() == 0.9


def test_a_missing_predictor_counts_as_the_median(bent):
    x, y = bent
    model = ImprovedRegressionTree().fit(x, y)
    gaps = x.copy()
    gaps[:50, 1] = np.nan
    filled = np.where(np.isnan(gaps), np.median(x, axis=0), gaps)
    np.testing.assert_array_equal(model.predict(gaps), model.predict(filled))
    assert np.isfinite(ImprovedRegressionTree().fit(gaps, y).predict(gaps)).all()


def test_categories_split_and_shift(bent):
    import pandas as pd

    x, y = bent
    kinds = np.array(["forest", "grass", "crop", "wet"])[np.arange(len(y)) % 4]
    table = pd.DataFrame({"temperature": x[:, 0], "class": kinds})
    target = np.where(np.isin(kinds, ["forest", "wet"]), 4.0 * x[:, 0], 10.0 - x[:, 0])
    model = ImprovedRegressionTree(committees=1, categorical_features=["class"]).fit(table, target)
    assert np.sqrt(np.mean((model.predict(table) - target) ** 2)) < 0.1
    assert "class in {forest, wet}" in model.rules_text("GPP") and "GPP =" in model.rules_text("GPP")
    unknown = table.assign(**{"class": "moon"})
    assert np.isfinite(model.predict(unknown)).all()
    with pytest.raises(ValueError, match="categorical_features"):
        ImprovedRegressionTree(categorical_features=[0]).fit(table, target)
    with pytest.raises(ValueError, match="no column klass"):
        ImprovedRegressionTree(categorical_features=["klass"]).fit(table, target)


def test_a_saved_model_predicts_the_same_bits(bent, tmp_path):
    import pandas as pd

    x, y = bent
    table = pd.DataFrame(x, columns=["a", "b", "c"])
    table["kind"] = np.where(x[:, 2] > 0.0, 1.0, 2.0)
    for model in (ImprovedRegressionTree(neighbours=3, categorical_features=["kind"]),
                  ImprovedRegressionTree.for_sites(bags=3, attribute_share=0.6, lower_bound=0.0)):
        model.fit(table, y).save(tmp_path / "model.json")
        again = ImprovedRegressionTree.load(tmp_path / "model.json")
        np.testing.assert_array_equal(again.predict(table), model.predict(table))
        assert again.get_params() == model.get_params() and again.rules_text() == model.rules_text()


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "model.json"
    for content, words in [("{", "no JSON"), ("{}", "not a saved regression tree"),
                           (json.dumps({"format": "terraflux improved regression tree", "version": 99}), "version 99")]:
        path.write_text(content)
        with pytest.raises(ValueError, match=words):
            ImprovedRegressionTree.load(path)


def test_bags_are_drawn_by_the_seed(bent):
    x, y = bent
    first, same, other = (ImprovedRegressionTree(bags=3, attribute_share=0.7, random_state=seed).fit(x, y).predict(x)
                          for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, same)
    assert np.abs(first - other).max() > 0.0


def test_the_unit_of_weights_does_not_matter_once_they_count(bent):
    _, y = bent
    weight = np.linspace(0.1, 2.0, len(y))
    counted = counting_weights(weight)
    np.testing.assert_allclose(counted.sum(), weight.sum() ** 2 / (weight**2).sum())
    np.testing.assert_allclose(counting_weights(1e-6 * weight), counted)
    np.testing.assert_allclose(counting_weights(np.ones(7)), 1.0)
    with pytest.raises(ValueError, match="not negative"):
        counting_weights([-1.0, 2.0])


def test_rows_of_weight_zero_do_not_count(bent):
    x, y = bent
    wrong = np.where(np.arange(len(y)) < 100, 1e3, y)
    weight = np.where(np.arange(len(y)) < 100, 0.0, 1.0)
    np.testing.assert_array_equal(ImprovedRegressionTree().fit(x, wrong, weight).predict(x),
                                  ImprovedRegressionTree().fit(x[100:], y[100:]).predict(x))


def test_rules_are_no_more_than_allowed_and_importance_finds_the_attributes(bent):
    x, y = bent
    model = ImprovedRegressionTree(maximum_rules=3, committees=2).fit(x, y)
    assert max(len(rules) for rules in model.rule_sets_) <= 3
    assert model.feature_importances_.sum() == pytest.approx(1.0)
    assert model.feature_importances_[2] < model.feature_importances_[:2].min()
