"""Priors from words: a table of a problem file, or the parameter table of the model."""

from collections.abc import Callable, Mapping
from typing import Any

from terraflux.assimilation.priors import Beta, Normal, Prior, PriorError, Uniform, halfnormal, lognormal, normal
from terraflux.drivers.errors import nearest
from terraflux.model.parameter_table import ParameterEntry

MADE_BY: dict[str, tuple[Callable[..., Prior], tuple[str, ...], tuple[str, ...]]] = {
    "uniform": (Uniform, ("low", "high"), ()),
    "normal": (normal, ("mean", "sd"), ("low", "high")),
    "truncnormal": (normal, ("mean", "sd", "low", "high"), ()),
    "lognormal": (lognormal, ("median",), ("gsd", "spread", "low", "high")),
    "halfnormal": (halfnormal, ("sd",), ()),
    "beta": (Beta, ("a", "b"), ("low", "high")),
}
"""Priors by short name: what makes them, the numbers they need and those they may have."""


def prior_from(table: Mapping[str, Any]) -> Prior:
    """A prior from its table: `distribution` and the numbers it needs.

    >>> prior_from({"distribution": "lognormal", "median": 60.0, "gsd": 1.35}).name
    'lognormal'

    Raises PriorError for an unknown distribution or key (with the nearest known one), a missing or a bad number.
    """
    kind = table.get("distribution")
    if kind not in MADE_BY:
        raise PriorError(f"unknown prior distribution {kind!r}; {nearest(str(kind), MADE_BY)}")
    make, needed, optional = MADE_BY[str(kind)]
    for key, value in table.items():
        if key != "distribution" and key not in needed + optional:
            raise PriorError(f"{kind} has no {key!r}; {nearest(key, needed + optional)}")
        if key != "distribution" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            raise PriorError(f"{key} = {value!r} of the {kind} prior is not a number")
    missing = [key for key in needed if key not in table]
    if missing:
        raise PriorError(f"the {kind} prior lacks {', '.join(missing)}")
    return make(**{key: float(value) for key, value in table.items() if key != "distribution"})


def table_prior(entry: ParameterEntry, default: float) -> Prior | None:
    """The prior of the parameter table about a default, cut off at the parameter's bounds; None where it is held fixed."""
    low, high = entry.bounds
    kind, spread = entry.prior.distribution, entry.prior.spread
    if kind == "fixed":
        return None
    if kind == "uniform":
        return Uniform(low, high)
    if kind == "lognormal":
        return Normal(default, spread, low, high, logarithmic=True)
    return Normal(default, spread, low, high)
