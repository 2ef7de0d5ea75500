"""Factorial runs as products: which factor makes the trend of a region.

Runs are products whose names say what varies in them: `co2+climate+lai` lets all vary, `co2+lai` all but climate, and
`none` has everything fixed.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from terraflux.evaluation.comparison.totals import RegionSeries
from terraflux.evaluation.trends.attribution import factorial_attribution, shapley_trends

NONE = "none"


def factors_of(name: str) -> tuple[str, ...]:
    """Factors in the name of a run.

    >>> factors_of("co2+climate"), factors_of("none")
    (('co2', 'climate'), ())
    """
    return () if name.strip().lower() == NONE else tuple(part.strip() for part in name.split("+") if part.strip())


def factorial_rows(series: Mapping[str, Mapping[str, RegionSeries]], confidence: float = 0.95) -> list[dict[str, Any]]:
    """Lines of effects, by region and factor: trend(all) - trend(all without it), p of the difference, Shapley value.

    `series` are those of the runs on common ground. The line `closure` is what the effects leave of trend(all) -
    trend(none); Shapley values need all 2^k runs and are NaN otherwise. Raises ValueError naming runs that are missing.
    """
    runs = {factors_of(name): found for name, found in series.items()}
    rows = []
    for region in next(iter(series.values())):
        means = {factors: found[region].mean for factors, found in runs.items()}
        one = next(iter(runs.values()))[region]
        if not all(np.isfinite(values).all() for values in means.values()):
            continue
        found = factorial_attribution(means, one.years, confidence)
        shapley = shapley_trends(means, one.years, confidence) if len(runs) == 2 ** len(found.effects) else {}
        unit = f"{one.unit} yr-1"
        rows += [{"region": region, "factor": name, "effect": float(effect.trend), "share": float(effect.share), "unit": unit,
                  "p": float(effect.difference.p), "p_plain": float(effect.difference.p_plain),
                  "shapley": float(shapley.get(name, np.nan))} for name, effect in found.effects.items()]
        if found.closure is not None:
            share = float(found.closure) / float(found.total.slope) if found.total.slope else np.nan
            rows.append({"region": region, "factor": "closure", "effect": float(found.closure), "share": share, "unit": unit,
                         "p": np.nan, "p_plain": np.nan, "shapley": np.nan})
    return rows
