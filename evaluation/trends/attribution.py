"""What drives a trend or an anomalous year: factorial runs (TRENDY, Sitch et al. 2015, Biogeosciences 12:653).

Runs are named by the factors that vary in them: () has all fixed, ("co2",) varies CO2 only, ("climate", "co2", "lai") all.
Order does not matter. Series are yearly, of one unit; whole maps [year, ...] work as well.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import combinations
from math import factorial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.evaluation.trends.trend import Trend, trend, trend_map

Runs = Mapping[Any, ArrayLike]
"""Series by the factors that vary: keys are tuples or frozensets of names."""
Number = NDArray[np.float64] | float


@dataclass(frozen=True)
class Effect:
    """Effect of a factor: `trend` = slope(all) - slope(all without it), and the test of the series all - all without it.

    The two slopes differ a little, for the median of differences is not the difference of medians; p belongs to the
    second. `share` is the effect over the trend of the run with all factors.
    """

    factor: str
    trend: Number
    share: Number
    difference: Trend


@dataclass(frozen=True)
class Attribution:
    """Trend of the run with all factors and of that with none, the effects, and what they leave unexplained.

    `closure` = trend(all) - trend(none) - sum of effects: factors that act together. None where no run has all fixed.
    """

    total: Trend
    fixed: Trend | None
    effects: dict[str, Effect]
    closure: Number | None


def factorial_attribution(runs: Runs, years: ArrayLike, confidence: float = 0.95) -> Attribution:
    """Effect of each factor as trend(S_all) - trend(S_all without it), with the closure residual.

    `runs` must hold the run with all factors and, for each, the run without it; that with none closes the sum. Raises
    ValueError naming the run that is missing.
    """
    series = _by_factors(runs)
    everything = frozenset().union(*series)
    _require(series, [everything, *(everything - {factor} for factor in everything)])
    tested = _tester(series[everything], years, confidence)
    total = tested(series[everything])
    effects = {}
    for factor in sorted(everything):
        without = series[everything - {factor}]
        effect = np.asarray(total.slope) - tested(without).slope
        effects[factor] = Effect(factor, _plain(effect), _plain(_ratio(effect, total.slope)),
                                 tested(series[everything] - without))
    fixed = tested(series[frozenset()]) if frozenset() in series else None
    closure = None
    if fixed is not None:
        closure = _plain(np.asarray(total.slope) - fixed.slope - sum(np.asarray(one.trend) for one in effects.values()))
    return Attribution(total, fixed, effects, closure)


def sequential_attribution(steps: Mapping[str, ArrayLike], years: ArrayLike, confidence: float = 0.95) -> dict[str, Effect]:
    """Effects of factors that are switched on one after another: S1 - S0, S2 - S1, ...; they depend on the order.

    `steps` are runs in order, the first with all fixed, each named by what it adds: {"fixed": ..., "co2": ...,
    "climate": ...}. Needs at least two.
    """
    names = list(steps)
    if len(names) < 2:
        raise ValueError(f"a sequence needs at least two runs; there {'is' if names else 'are'} {len(names)}")
    series = [np.asarray(steps[name], dtype=float) for name in names]
    tested = _tester(series[0], years, confidence)
    slopes = [np.asarray(tested(one).slope) for one in series]
    return {name: Effect(name, _plain(slopes[place] - slopes[place - 1]), _plain(_ratio(slopes[place] - slopes[place - 1],
                                                                                     slopes[-1])),
                         tested(series[place] - series[place - 1]))
            for place, name in enumerate(names) if place}


def shapley_values(values: Runs) -> dict[str, Number]:
    """Shapley value of each factor over all 2^k runs (Shapley 1953): effects that do not depend on any order.

    `values` is what is attributed, such as the slope of each run: numbers or maps. The values sum exactly to that with all
    factors minus that with none. Raises ValueError naming runs that are missing.

    >>> shapley_values({(): 0.0, ("a",): 1.0, ("b",): 2.0, ("a", "b"): 5.0})
    {'a': 2.0, 'b': 3.0}
    """
    known = _by_factors(values)
    everything = frozenset().union(*known)
    count = len(everything)
    _require(known, [frozenset(chosen) for size in range(count + 1) for chosen in combinations(sorted(everything), size)])
    found: dict[str, Number] = {}
    for factor in sorted(everything):
        total = np.zeros(np.shape(known[everything]))
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for chosen in combinations(sorted(everything - {factor}), size):
                total = total + weight * (known[frozenset(chosen) | {factor}] - known[frozenset(chosen)])
        found[factor] = _plain(total)
    return found


def shapley_trends(runs: Runs, years: ArrayLike, confidence: float = 0.95) -> dict[str, Number]:
    """Shapley values of the slopes of 2^k runs (per year)."""
    series = _by_factors(runs)
    tested = _tester(next(iter(series.values())), years, confidence)
    return shapley_values({tuple(sorted(name)): tested(one).slope for name, one in series.items()})


def anomaly_attribution(reference: ArrayLike, single: Mapping[str, ArrayLike], together: ArrayLike, years: ArrayLike,
                        year: int) -> dict[str, Number]:
    """What made a year anomalous: yearly values of runs in which one driver varies, minus the run in which none does.

    `reference` has all drivers at their climatology, `together` lets all vary. Gives the anomaly, the part of each
    driver, and `residual`: what single drivers do not explain.
    """
    time = np.asarray(years).tolist()
    if year not in time:
        raise ValueError(f"year {year} is not among {time[0]} to {time[-1]}")
    place = time.index(year)
    base = np.asarray(reference, dtype=float)[place]
    anomaly = np.asarray(together, dtype=float)[place] - base
    parts = {name: np.asarray(values, dtype=float)[place] - base for name, values in single.items()}
    return ({"anomaly": _plain(anomaly)} | {name: _plain(part) for name, part in parts.items()}
            | {"residual": _plain(anomaly - sum(parts.values()))})


def _by_factors(runs: Runs) -> dict[frozenset[str], NDArray[np.float64]]:
    found: dict[frozenset[str], NDArray[np.float64]] = {}
    for name, values in runs.items():
        if isinstance(name, str):
            raise ValueError(f"the run {name!r} is named by a text; name it by its factors, such as ({name!r},)")
        key = frozenset(name)
        if key in found:
            raise ValueError(f"the run with {_named(key)} is given twice")
        found[key] = np.asarray(values, dtype=float)
    if not found or len({values.shape for values in found.values()}) != 1:
        raise ValueError("runs must be given, and all of one shape")
    return found


def _require(known: Mapping[frozenset[str], object], needed: list[frozenset[str]]) -> None:
    missing = [_named(key) for key in needed if key not in known]
    if missing:
        raise ValueError(f"missing runs: {'; '.join(missing)}")


def _named(key: frozenset[str]) -> str:
    return " + ".join(sorted(key)) + " varying" if key else "all fixed"


def _tester(like: NDArray[np.float64], years: ArrayLike, confidence: float) -> Callable[[NDArray[np.float64]], Trend]:
    tested = trend if like.ndim == 1 else trend_map
    return lambda values: tested(values, years, confidence)


def _ratio(part: Number, whole: Number) -> NDArray[np.float64]:
    total = np.asarray(whole, dtype=float)
    return np.divide(part, total, out=np.full(np.shape(total), np.nan), where=total != 0.0)


def _plain(values: Number) -> Number:
    """A float for one series, an array for maps."""
    return float(values) if np.ndim(values) == 0 else np.asarray(values, dtype=float)
