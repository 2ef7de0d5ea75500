"""A fitted model as JSON text: nothing is executed when it is read, and numbers keep all their bits.

Infinite limits are written as null. The format carries a version; a file of another version is refused.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.products.regression_tree.neighbours import Neighbourhood, remembered
from terraflux.products.regression_tree.predictors import Predictors
from terraflux.products.regression_tree.rules import RuleSet

FORMAT = "terraflux improved regression tree"
VERSION = 1
RULE_FIELDS = ("lower", "upper", "intercept", "coefficients", "lowest", "highest", "least", "most", "rows", "mean", "error")


def _listed(values: Any) -> Any:
    numbers = np.asarray(values, float)
    listed: NDArray[Any] = numbers.astype(object)
    listed[~np.isfinite(numbers)] = None
    return listed.tolist()


def as_text(parameters: dict[str, Any], facts: dict[str, Any], predictors: Predictors, committees: list[RuleSet],
            near: Neighbourhood | None) -> str:
    """JSON text of a model's settings, facts (feature names, target range), predictors, rules and neighbourhood."""
    content = {
        "format": FORMAT,
        "version": VERSION,
        "parameters": parameters,
        "facts": facts,
        "predictors": {
            "names": list(predictors.names),
            "fill": predictors.fill.tolist(),
            "categories": {str(column): numbers for column, numbers in predictors.categories.items()},
            "centre": predictors.centre.tolist(),
            "deviation": predictors.deviation.tolist(),
        },
        "committees": [{name: _listed(getattr(rules, name)) for name in RULE_FIELDS} for rules in committees],
        "neighbourhood": None if near is None else {
            "places": near.places.tolist(), "residual": near.residual.tolist(), "weight": near.weight.tolist(),
            "scale": near.scale.tolist(), "reach": near.reach,
        },
    }
    return json.dumps(content, allow_nan=False)


def from_text(text: str, name: str) -> tuple[dict[str, Any], dict[str, Any], Predictors, list[RuleSet], Neighbourhood | None]:
    """What `as_text` was given; `name` of the source is for the errors."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise ValueError(f"{name}: no JSON at line {error.lineno}, column {error.colno}; save the model again") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{name}: not a saved regression tree; give a file that ImprovedRegressionTree.save wrote")
    if content.get("version") != VERSION:
        raise ValueError(f"{name}: format version {content.get('version')}, this terraflux reads {VERSION}; fit and save again")
    stored = content["predictors"]
    columns = len(stored["names"])
    predictors = Predictors(
        tuple(stored["names"]), np.array(stored["fill"], float),
        {int(column): numbers for column, numbers in stored["categories"].items()},
        np.array(stored["centre"], float), np.array(stored["deviation"], float))
    missing = {"lower": -np.inf, "upper": np.inf}
    committees = []
    for member in content["committees"]:
        parts = {}
        for field in RULE_FIELDS:
            values = np.array(member[field], dtype=float)
            if field in ("lower", "upper", "coefficients", "least", "most"):
                values = values.reshape(-1, columns)
            parts[field] = np.where(np.isnan(values), missing[field], values) if field in missing else values
        committees.append(RuleSet(**parts))
    near = content["neighbourhood"]
    if near is not None:
        near = remembered(np.array(near["places"], float).reshape(-1, columns), np.array(near["residual"], float),
                          np.array(near["weight"], float), np.array(near["scale"], float), float(near["reach"]))
    return content["parameters"], content["facts"], predictors, committees, near


def written(path: Path, text: str) -> None:
    """Writes the text whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)
