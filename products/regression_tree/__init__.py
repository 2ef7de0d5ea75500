"""Rule-based regression with linear models: the improved regression tree that upscales tower fluxes.

    from terraflux.products.regression_tree import ImprovedRegressionTree
    model = ImprovedRegressionTree(committees=5, lower_bound=0.0).fit(predictors, flux)
    model.predict(maps); print(model.rules_text()); model.save("gpp.json")
"""

from terraflux.products.regression_tree.estimator import ImprovedRegressionTree, counting_weights

__all__ = ["ImprovedRegressionTree", "counting_weights"]
