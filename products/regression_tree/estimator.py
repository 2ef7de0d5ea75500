"""`ImprovedRegressionTree`: rule-based regression with linear models behind the interface of scikit-learn."""

from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from terraflux.products.regression_tree import storage
from terraflux.products.regression_tree.description import described
from terraflux.products.regression_tree.growth import CRITERIA, grown_tree, sorted_rows
from terraflux.products.regression_tree.model_tree import ATTRIBUTES, leaf_models
from terraflux.products.regression_tree.neighbours import neighbourhood
from terraflux.products.regression_tree.predictors import fitted_predictors
from terraflux.products.regression_tree.rules import RuleSet, rules_of, used_attributes, widened

Array = NDArray[np.float64]


class ImprovedRegressionTree(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Regression by rules with a linear model each (Quinlan 1992, 1993; Wang & Witten 1997; Xiao et al. 2008).

    A tree is grown, pruned and smoothed, its paths become rules that are simplified, and committees of rule sets follow each
    other: member m learns y_m = 2 y - yhat_(m-1), so that it makes up for the errors of the one before; their mean is
    the prediction. With one bag nothing is random: equal data give equal rules. For rows of few sites use `for_sites`.

    >>> import numpy as np
    >>> x = np.linspace(-1.0, 1.0, 200)[:, None]
    >>> model = ImprovedRegressionTree(committees=1).fit(x, np.abs(x[:, 0]))
    >>> bool(abs(model.predict([[0.5]])[0] - 0.5) < 0.02)
    True

    Parameters
    ----------
    committees
        Rule sets in a row (Xiao et al.: 5).
    bags
        Committees in parallel, whose mean is the prediction. More than one: each learns from rows drawn with replacement
        (Breiman 1996) and from the share `attribute_share` of the attributes, drawn too (Ho 1998).
    attribute_share
        Share of attributes a bag sees, above 0 to 1; without effect with one bag.
    random_state
        Seed of the drawing.
    neighbours
        0, or 1 to 9 training rows whose residuals correct a prediction. Choose by leave-site-out: where sites differ, 0.
    criterion
        `slope` splits where lines on either side explain the residuals of a linear model best, `deviation` is the standard
        deviation reduction of M5.
    attributes
        Attributes a linear model may use before terms are removed: `all`, `path` (tested above or below), `below` (M5).
    minimum_leaf
        Weight of rows (their number without weights) a leaf has at least; with few rows a tenth of them instead.
    maximum_rules
        Rules of one committee member at most.
    smoothing
        Rows k by which the models above a leaf count: p' = (n p + k q)/(n + k); 0 for none.
    split_cost
        Coefficients a split counts as when pruning; 3 as a knot in MARS (Friedman 1991), 0 as in M5.
    extrapolation
        Share of the range of all targets by which a rule may go beyond the targets it has seen.
    lower_bound, upper_bound
        Physical limits of the prediction in the unit of the target; None for none.
    categorical_features
        Columns (positions or names) that hold categories.

    Sample weights count as repeated rows: weight 2 is a row given twice, 0 leaves it out. Weights such as 1/sigma^2 are
    brought to that meaning by `counting_weights`. Missing predictors (NaN) take the median of training rows.

    Attributes
    ----------
    rule_sets_ : list of RuleSet, the members of the first bag first
    feature_importances_ : mean of the shares of rows in whose rules an attribute is tested and used, sum 1
    n_features_in_, feature_names_in_ : as in scikit-learn
    """

    def __init__(self, *, committees: int = 5, bags: int = 1, attribute_share: float = 1.0 / 3.0, random_state: int = 0,
                 neighbours: int = 0, criterion: str = "slope", attributes: str = "all",
                 minimum_leaf: float = 20.0, maximum_rules: int = 100, smoothing: float = 15.0, split_cost: float = 3.0,
                 extrapolation: float = 0.05, lower_bound: float | None = None, upper_bound: float | None = None,
                 categorical_features: Any = None) -> None:
        self.committees = committees
        self.bags = bags
        self.attribute_share = attribute_share
        self.random_state = random_state
        self.neighbours = neighbours
        self.criterion = criterion
        self.attributes = attributes
        self.minimum_leaf = minimum_leaf
        self.maximum_rules = maximum_rules
        self.smoothing = smoothing
        self.split_cost = split_cost
        self.extrapolation = extrapolation
        self.lower_bound = lower_bound
        self.upper_bound = upper_bound
        self.categorical_features = categorical_features

    @classmethod
    def for_sites(cls, **settings: Any) -> Self:
        """Settings for rows that come from a few tens of sites: 30 bags of 5 committees, a third of the attributes each.

        Site-level predictors (climate means, class) let one tree tell every site apart and learn the sites rather than the
        relation; bags that see other attributes do so differently, and their mean keeps what they share. Splits by
        `deviation` carried over to other sites better than by `slope`. Any setting may be given.
        """
        defaults: dict[str, Any] = {"bags": 30, "committees": 5, "attribute_share": 1.0 / 3.0, "criterion": "deviation"}
        return cls(**(defaults | settings))

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Learns rules from predictors `X` [row, column] and targets `y` [row]."""
        self._check_settings()
        kind = "numeric" if self.categorical_features is None else None
        X, y = validate_data(self, X, y, dtype=kind, ensure_all_finite="allow-nan", y_numeric=True)
        y = np.asarray(y, np.float64)
        weight = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        kept = weight > 0.0
        if not kept.any():
            raise ValueError("all sample weights are zero: at least one row must count")
        X, y, weight = X[kept], y[kept], weight[kept]
        self._predictors = fitted_predictors(X, y, weight, self._names(), self._categorical_columns())
        x = self._predictors.encoded(X)
        self._range = (float(y.min()), float(y.max()))
        self.rule_sets_ = self._committees(x, y, weight) if self.bags == 1 else self._bags(x, y, weight)
        self._near = None
        if self.neighbours:
            self._near = neighbourhood(x, y - self._from_rules(x), weight, self._predictors.deviation)
        return self

    def _bags(self, x: Array, y: Array, weight: Array) -> list[RuleSet]:
        draw = np.random.default_rng(self.random_state)
        columns = max(round(self.attribute_share * x.shape[1]), 1)
        members: list[RuleSet] = []
        for _ in range(self.bags):
            counts = draw.multinomial(len(y), np.full(len(y), 1.0 / len(y)))
            chosen = np.sort(draw.choice(x.shape[1], columns, replace=False))
            kept = counts > 0
            part = np.ascontiguousarray(x[np.ix_(kept, chosen)])
            members += [widened(rules, chosen, x.shape[1])
                        for rules in self._committees(part, y[kept], weight[kept] * counts[kept], chosen)]
        return members

    def _committees(self, x: Array, y: Array, weight: Array, chosen: Any = slice(None)) -> list[RuleSet]:
        centre, deviation = self._predictors.centre[chosen], self._predictors.deviation[chosen]
        order = sorted_rows(x)
        least = max(min(self.minimum_leaf, 0.1 * weight.sum()), 1.0)
        members: list[RuleSet] = []
        target = y
        for member in range(self.committees):
            tree = grown_tree(x, order, target, weight, centre, deviation, criterion=self.criterion, minimum_leaf=least)
            leaves = leaf_models(tree, x, target, weight, centre, deviation, attributes=self.attributes,
                                 smoothing=self.smoothing, maximum_leaves=int(min(self.maximum_rules, 1e9)),
                                 split_cost=self.split_cost)
            members.append(rules_of(tree, leaves, x, target, weight, self.extrapolation))
            if member + 1 < self.committees:
                target = 2.0 * y - members[-1].predict(x)
        return members

    def _from_rules(self, x: Array) -> Array:
        total = np.zeros(len(x))
        for rules in self.rule_sets_:
            total += rules.predict(x)
        return total / len(self.rule_sets_)

    def predict(self, X: Any) -> Array:
        """Prediction [row], in the unit of the target."""
        check_is_fitted(self)
        kind = None if self._predictors.categories else "numeric"
        X = validate_data(self, X, dtype=kind, ensure_all_finite="allow-nan", reset=False)
        x = self._predictors.encoded(X)
        prediction = self._from_rules(x)
        if self._near is not None:
            prediction += self._near.correction(x, self.neighbours)
        margin = self.extrapolation * (self._range[1] - self._range[0])
        prediction = np.clip(prediction, self._range[0] - margin, self._range[1] + margin)
        if self.lower_bound is not None or self.upper_bound is not None:
            prediction = np.clip(prediction, self.lower_bound, self.upper_bound)
        return prediction

    @property
    def feature_importances_(self) -> Array:
        """Share of each attribute in conditions and models, [column], sum 1 (0 throughout where nothing is used)."""
        check_is_fitted(self)
        use = sum((np.add(*used_attributes(rules)) for rules in self.rule_sets_), np.zeros(self.n_features_in_))
        return np.asarray(use / max(use.sum(), 1e-300))

    def rules_text(self, target: str = "y") -> str:
        """All rules in words."""
        check_is_fitted(self)
        return described(self.rule_sets_, self._predictors, target)

    def save(self, path: str | Path) -> None:
        """Writes the fitted model to a JSON file."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", None)
        facts = {"columns": int(self.n_features_in_), "feature_names": None if names is None else [str(name) for name in names],
                 "range": list(self._range)}
        parameters = {name: value.tolist() if hasattr(value, "tolist") else value for name, value in self.get_params().items()}
        storage.written(Path(path), storage.as_text(parameters, facts, self._predictors, self.rule_sets_, self._near))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Reads a model that `save` wrote."""
        text = Path(path).read_text(encoding="utf-8")
        parameters, facts, predictors, rule_sets, near = storage.from_text(text, str(path))
        model = cls(**parameters)
        model._predictors, model.rule_sets_, model._near = predictors, rule_sets, near
        model.n_features_in_ = facts["columns"]
        if facts["feature_names"] is not None:
            model.feature_names_in_ = np.array(facts["feature_names"], object)
        model._range = tuple(facts["range"])
        return model

    def _names(self) -> tuple[str, ...]:
        names = getattr(self, "feature_names_in_", None)
        return tuple(f"x{j}" for j in range(self.n_features_in_)) if names is None else tuple(str(name) for name in names)

    def _categorical_columns(self) -> tuple[int, ...]:
        if self.categorical_features is None:
            return ()
        names = self._names()
        found = []
        for column in self.categorical_features:
            if isinstance(column, str):
                if column not in names:
                    raise ValueError(f"categorical_features: no column {column}; columns are {', '.join(names)}")
                found.append(names.index(column))
            elif 0 <= int(column) < len(names):
                found.append(int(column))
            else:
                raise ValueError(f"categorical_features: no column {column}; there are {len(names)}, counted from 0")
        return tuple(found)

    def _check_settings(self) -> None:
        choices: dict[str, Any] = {"criterion": CRITERIA, "attributes": tuple(ATTRIBUTES)}
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name}={getattr(self, name)!r} is not one of {', '.join(known)}")
        limits = {"committees": (1, 1000), "bags": (1, 1000), "attribute_share": (1e-9, 1), "neighbours": (0, 9),
                  "minimum_leaf": (1, np.inf), "maximum_rules": (1, np.inf), "smoothing": (0, np.inf),
                  "split_cost": (0, np.inf), "extrapolation": (0, np.inf)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name}={getattr(self, name)!r} is outside {least} to {most}")
        if self.lower_bound is not None and self.upper_bound is not None and self.lower_bound > self.upper_bound:
            raise ValueError(f"lower_bound {self.lower_bound} is above upper_bound {self.upper_bound}")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags


def counting_weights(weight: Any) -> Array:
    """Weights such as rho/sigma^2 scaled to count rows: their sum is the effective sample size (sum w)^2 / sum w^2 (Kish 1965).

    Without this, weights in another unit of the target would change how strongly the tree is pruned.
    """
    values = np.asarray(weight, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all() or (values < 0.0).any() or not values.any():
        raise ValueError("weights must be finite, not negative, not all zero, one per row")
    return np.asarray(values * (values.sum() / (values**2).sum()))
