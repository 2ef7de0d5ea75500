"""What a plant type's other towers say of a tower: the hierarchy without the site, judged on the years left out there.

Only traits of plants (and the turnover of soil carbon) travel from site to site; leaf area, albedo and the closure of
the energy balance belong to a place and keep their defaults. No model is run for the hierarchy itself.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from calibration_study import FREE_DROUGHT, FREE_SEASON, prepared, scored

from terraflux.assimilation.hierarchy import leave_one_site_out, normal_draws
from terraflux.assimilation.parameter_space import ParameterRow, ParameterSpace
from terraflux.drivers.safe_write import write_text
from terraflux.model.parameters import parameters

TRAITS = ("carboxylation_capacity", "electron_transport_ratio", "electron_quantum_yield", "stomatal_slope_medlyn",
          "dark_respiration_ratio", "growth_respiration_fraction", "stress_potential_half", "maximum_root_depth",
          "root_warming_rate", "respiration_q10", "fine_root_maintenance_rate", "stem_maintenance_rate", "decomposition_scale")
SEASON_TRAITS = (*FREE_SEASON, *FREE_DROUGHT)
"""When leaves come and go; towers with observed leaf area say nothing of it, nor do runs with leaf area from maps ask."""
LEAST_SITES = 3
DRAWS = 400


def groups(outcomes: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    """{plant type: its sites} of plant types with enough towers."""
    made: dict[str, list[str]] = {}
    for site, one in outcomes.items():
        made.setdefault(one["plant_type"], []).append(site)
    return {plant: sites for plant, sites in made.items() if len(sites) >= LEAST_SITES}


def transferred_controls(plant: str, sites: list[str], outcomes: dict[str, dict[str, Any]], work: Path
                         ) -> tuple[list[str], dict[str, np.ndarray]]:
    """Traits, and for every site the mean of what the hierarchy of the other sites predicts for them, in u."""
    names = [name for name in outcomes[sites[0]]["parameters"] if name in TRAITS + SEASON_TRAITS
             and all(name in outcomes[site]["parameters"] for site in sites)]
    draws = {}
    for site in sites:
        order = [list(outcomes[site]["parameters"]).index(name) for name in names]
        with np.load(work / f"{site}.npz", allow_pickle=False) as kept:
            mean, covariance = kept["mean"][order], kept["covariance"][np.ix_(order, order)]
        draws[site] = normal_draws(mean, covariance, DRAWS, np.random.default_rng(1))
    space = ParameterSpace([ParameterRow(name) for name in names], parameters(plant))
    found = leave_one_site_out(draws, space.log_prior_terms, names, seed=1)
    return names, {site: one.mean(axis=0) for site, one in found.items()}


def transfer_all(outcomes: dict[str, dict[str, Any]], data: Path, work: Path) -> dict[str, dict[str, Any]]:
    """{site: scores of default, fitted and transferred parameters}; finished sites are read from the work folder."""
    made: dict[str, dict[str, Any]] = {}
    for plant, sites in groups(outcomes).items():
        if any(not (work / f"{site}.transfer.json").is_file() for site in sites):
            names, controls = transferred_controls(plant, sites, outcomes, work)
        for site in sites:
            path = work / f"{site}.transfer.json"
            if not path.is_file():
                write_text(path, json.dumps(transfer(site, names, controls[site], data, work)) + "\n")
                print(f"{site}: judged with what {len(sites) - 1} other towers of {plant} say", flush=True)
            made[site] = {"plant_type": plant, **json.loads(path.read_text(encoding="utf-8"))}
    return made


def transfer(site: str, names: list[str], control: np.ndarray, data: Path, work: Path) -> dict[str, dict[str, float]]:
    """Scores of a site on what was left out, with its defaults, its own fit, and parameters of other sites."""
    _, judged, problem = prepared(site, data)
    space = problem.space(judged.sets)
    with np.load(work / f"{site}.npz", allow_pickle=False) as kept:
        mode = kept["mode"]
    moved = space.default_control()
    moved[[space.names.index(name) for name in names]] = control
    return scored(judged, problem, {"default": space.default_control(), "fitted": mode, "transferred": moved},
                  problem.validation or problem.calibration, 1)[0]
