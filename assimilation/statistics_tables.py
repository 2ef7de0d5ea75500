"""Numbers of a posterior as tables of a TOML file: the statistics of a parameter, and what a row may give."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.problem_file import toml_value

LEVELS = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
STATISTICS = ("mode", "mean", *LEVELS, "default")


def statistics(values: NDArray[np.float64]) -> dict[str, float]:
    """Mean, standard deviation and quantiles of draws (R,)."""
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if values.size > 1 else 0.0,
            **{name: float(np.quantile(values, level)) for name, level in LEVELS.items()}}


def section(name: str, entries: Mapping[str, Any], *above: str) -> list[str]:
    """Lines of the table [above.name]."""
    path = ".".join(one if one.replace("_", "").isalnum() and one.isascii() else toml_value(one) for one in (*above, name))
    return ["", f"[{path}]", *(f"{key} = {toml_value(value)}" for key, value in entries.items())]


def has_numbers(row: object) -> bool:
    """Whether a row of a file has a finite number as mode, and as every other statistic that it gives."""
    if not isinstance(row, Mapping):
        return False
    numbers = [row.get(key, row.get("mode")) for key in STATISTICS]
    return all(isinstance(one, (int, float)) and not isinstance(one, bool) and bool(np.isfinite(one)) for one in numbers)
