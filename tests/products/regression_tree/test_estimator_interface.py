"""The improved regression tree behaves as scikit-learn expects of an estimator."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from terraflux.products.regression_tree import ImprovedRegressionTree

MODELS = [ImprovedRegressionTree(), ImprovedRegressionTree(committees=2, criterion="deviation", attributes="below"),
          ImprovedRegressionTree(committees=1, neighbours=5)]


@parametrize_with_checks(MODELS)
def test_scikit_learn_accepts_the_estimator(estimator, check):
    check(estimator)


def test_settings_out_of_range_are_refused():
    for name, value, words in [("criterion", "gini", "slope, deviation"), ("neighbours", 10, "0 to 9"),
                               ("committees", 0, "1 to 1000"), ("attributes", "some", "below, path, all")]:
        with pytest.raises(ValueError, match=words):
            ImprovedRegressionTree(**{name: value}).fit([[0.0], [1.0]], [0.0, 1.0])
    with pytest.raises(ValueError, match="above upper_bound"):
        ImprovedRegressionTree(lower_bound=1.0, upper_bound=0.0).fit([[0.0], [1.0]], [0.0, 1.0])
