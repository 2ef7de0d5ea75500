"""Posteriors of plant types from the calibrated towers, for runs of regions.

    .venv/bin/python docs/results/make_plant_types.py

Reads `calibration.json` (quantiles of every tower's posterior), joins the towers of a plant type in a hierarchy, draws sites
not yet seen and writes `assimilation/plant_type_draws.json`, which the package carries. Run it again after
`make_calibration.py`. A tower enters as a normal distribution in control space with the median and the 5-95 % width of each
parameter, without the correlation of parameters, which the page does not hold.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from calibration_transfer import TRAITS

from terraflux.assimilation.hierarchy_by_quadrature import hierarchy_by_quadrature
from terraflux.assimilation.hierarchy_file import PlantTypeHierarchy
from terraflux.assimilation.parameter_maps import new_site_draws
from terraflux.assimilation.parameter_space import ParameterRow, ParameterSpace
from terraflux.assimilation.plant_type_draws import FILE, FORMAT
from terraflux.drivers.safe_write import write_text
from terraflux.model.parameters import parameters

HERE = Path(__file__).resolve().parent
MEMBERS, SEED = 32, 1
LEAST_TOWERS = 2
WIDTH = 2.0 * 1.6448536269514722
"""Of the 5-95 % range of a normal distribution, in standard deviations."""


def tower_posterior(space: ParameterSpace, given: dict[str, dict[str, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation (p,) in control space of one tower's posterior."""
    low, middle, high = (space.control(np.array([[given[name][key] for name in space.names]]))[0]
                         for key in ("q05", "q50", "q95"))
    return middle, np.maximum((high - low) / WIDTH, 1e-3)


def plant_type(code: str, sites: dict[str, dict[str, Any]]) -> PlantTypeHierarchy:
    """The hierarchy of a plant type over its towers."""
    first = next(iter(sites.values()))["parameters"]
    space = ParameterSpace([ParameterRow(name) for name in first if name in TRAITS], parameters(code))
    mean, deviation = (np.stack(one) for one in zip(*(tower_posterior(space, one["parameters"]) for one in sites.values()),
                                                    strict=True))
    found = hierarchy_by_quadrature(mean, deviation, space.log_prior_terms, space.names, tuple(sites), seed=SEED)
    return PlantTypeHierarchy(code, found, space, np.empty((0, space.size)))


def drawn() -> dict[str, dict[str, Any]]:
    """{plant type: towers, status of its hierarchy and members of every parameter} of the calibrations on the page."""
    outcomes = json.loads((HERE / "calibration.json").read_text(encoding="utf-8"))["sites"]
    groups: dict[str, dict[str, dict[str, Any]]] = {}
    for site, one in outcomes.items():
        groups.setdefault(one["plant_type"], {})[site] = one
    found = {code: plant_type(code, sites) for code, sites in sorted(groups.items()) if len(sites) >= LEAST_TOWERS}
    draws = new_site_draws(found, members=MEMBERS, seed=SEED)
    return {code: {"towers": sorted(groups[code]), "status": found[code].hierarchy.status,
                   "parameters": {name: [float(f"{value:.6g}") for value in values] for name, values in given.items()}}
            for code, given in draws.items()}


def main() -> None:
    """Write the draws and say what they rest on."""
    kept = drawn()
    content = {"format": FORMAT, "members": MEMBERS, "source": "docs/results/calibration.json", "plant_types": kept}
    write_text(HERE.parents[1] / "assimilation" / FILE, json.dumps(content, separators=(",", ":")) + "\n")
    for code, one in kept.items():
        capacity = np.array(one["parameters"]["carboxylation_capacity"])
        print(f"{code:12} {len(one['towers'])} towers, {one['status']}: carboxylation capacity {np.median(capacity):.0f} "
              f"({capacity.min():.0f} to {capacity.max():.0f})")


if __name__ == "__main__":
    main()
