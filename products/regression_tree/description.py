"""Rules in words, for a reader."""

import numpy as np

from terraflux.products.regression_tree.predictors import Predictors
from terraflux.products.regression_tree.rules import RuleSet


def _condition(predictors: Predictors, column: int, lower: float, upper: float) -> str:
    name = predictors.names[column]
    if column in predictors.categories:
        inside = [key for key, number in predictors.categories[column].items() if lower < number <= upper]
        return f"{name} in {{{', '.join(inside)}}}"
    if np.isfinite(lower) and np.isfinite(upper):
        return f"{lower:.6g} < {name} <= {upper:.6g}"
    return f"{name} > {lower:.6g}" if np.isfinite(lower) else f"{name} <= {upper:.6g}"


def described(committees: list[RuleSet], predictors: Predictors, target: str) -> str:
    """All rules, one paragraph each: how many rows, their mean and error, conditions, model."""
    lines = []
    for member, rules in enumerate(committees, start=1):
        for k in range(len(rules)):
            lines.append(f"Rule {member}/{k + 1}: {rules.rows[k]:.6g} rows, mean {rules.mean[k]:.6g}, "
                         f"root mean square residual {rules.error[k]:.4g}, "
                         f"kept within {rules.lowest[k]:.6g} to {rules.highest[k]:.6g}")
            conditions = [_condition(predictors, j, rules.lower[k, j], rules.upper[k, j])
                          for j in range(len(predictors.names))
                          if np.isfinite(rules.lower[k, j]) or np.isfinite(rules.upper[k, j])]
            if conditions:
                lines.append("  if " + "\n     and ".join(conditions))
            terms = "".join(f" {'-' if value < 0.0 else '+'} {abs(value):.6g} {predictors.names[j]}"
                            + (" (mean of category)" if j in predictors.categories else "")
                            for j, value in enumerate(rules.coefficients[k]) if value != 0.0)
            lines.append(f"  {'then ' if conditions else ''}{target} = {rules.intercept[k]:.6g}{terms}")
            lines.append("")
    return "\n".join(lines)
