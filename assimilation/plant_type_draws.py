"""Draws of plant types as `docs/results/make_plant_types.py` made them from the calibrated towers, carried with the package.

    draws = plant_type_draws(members=16)                       # {plant type: {parameter: (16,)}}

They stand for a site not yet seen (see `parameter_maps`) and are those of traits of plants and of the turnover of soil carbon;
leaf area, albedo and the closure of the energy balance belong to a place. Plant types with one tower have none.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.parameter_rows import ProblemError

FILE, FORMAT = "plant_type_draws.json", "terraflux draws of plant types 1"


@cache
def _content() -> Mapping[str, Any]:
    content = json.loads(files("terraflux.assimilation").joinpath(FILE).read_text(encoding="utf-8"))
    if content.get("format") != FORMAT:
        raise ProblemError(f"{FILE} is no {FORMAT!r}; install terraflux again")
    return dict(content)


def plant_type_draws(members: int = 16) -> dict[str, dict[str, NDArray[np.float64]]]:
    """{plant type: {parameter: (members,)}}, members of a plant type together. Raises ProblemError for too many or too few."""
    most = int(_content()["members"])
    if not 2 <= members <= most:
        raise ProblemError(f"{members} members are asked for; there are 2 to {most}")
    return {code: {name: np.array(values[:members], np.float64) for name, values in one["parameters"].items()}
            for code, one in _content()["plant_types"].items()}


def most_members() -> int:
    """Number of members that are carried."""
    return int(_content()["members"])


def towers_of_plant_types() -> dict[str, list[str]]:
    """{plant type: towers that its draws rest on}."""
    return {code: list(one["towers"]) for code, one in _content()["plant_types"].items()}
