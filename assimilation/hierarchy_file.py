"""Parameters of plant types over several fitted towers, and hierarchy.nc: what a region run draws parameters from.

Groups are plant types. Each holds draws of mean and spread in control space, `new_site` control vectors of sites not yet
seen and their `physical` values, of the model's parameters alone: errors of streams belong to their towers.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.hierarchy import Hierarchy, hierarchy
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.posterior_file import long_name_of, unit_of
from terraflux.assimilation.problem import Problem
from terraflux.assimilation.sampling_result import write_groups

Floats = NDArray[np.float64]
FORMAT = "terraflux hierarchy 1"
NEW_SITES = 1000
SWEEPS = 3000


@dataclass(frozen=True, eq=False)
class PlantTypeHierarchy:
    """A plant type: its hierarchy in control space and the space that gives physical values."""

    plant_type: str
    hierarchy: Hierarchy
    space: ParameterSpace
    new_site: Floats

    def physical(self) -> Floats:
        """Physical values (draws, p) of sites not yet seen."""
        return self.space.physical(self.new_site)

    def table(self) -> dict[str, dict[str, float | str]]:
        """{parameter: default, quantiles of a new site in physical units, median spread between sites in u, unit}."""
        values = self.physical()
        made: dict[str, dict[str, float | str]] = {}
        for k, name in enumerate(self.hierarchy.names):
            low, middle, high = np.nanquantile(values[:, k], (0.05, 0.5, 0.95))
            made[name] = {"default": float(self.space.default[k]), "q05": float(low), "q50": float(middle), "q95": float(high),
                          "spread_q50": float(np.median(self.hierarchy.spread[:, k])), "unit": unit_of(name)}
        return made


def site_hierarchies(problem: Problem, fits: Mapping[str, Fit], *, seed: int = 0, sweeps: int = SWEEPS
                     ) -> tuple[dict[str, PlantTypeHierarchy], list[str]]:
    """{plant type: its hierarchy} over fits of the same problem, by the main plant type of each tower; and notes.

    A plant type with one tower, or whose towers had different priors, is left out with a note.
    """
    groups: dict[str, list[str]] = {}
    for site, fit in fits.items():
        shares = fit.target.columns.shares
        groups.setdefault(max(shares, key=lambda code: shares[code]), []).append(site)
    made, notes = {}, []
    for code, sites in groups.items():
        if len(sites) < 2:
            notes.append(f"{code}: one tower ({sites[0]}) makes no hierarchy; it needs two or more of a plant type")
            continue
        spaces = {site: ParameterSpace(problem.parameters, fits[site].target.columns.sets) for site in sites}
        first = spaces[sites[0]]
        unlike = [site for site in sites if spaces[site].names != first.names or any(
            a.as_table() != b.as_table() for a, b in zip(spaces[site].priors, first.priors, strict=True))]
        if unlike:
            notes.append(f"{code}: {', '.join(unlike)} and {sites[0]} had different priors (their defaults differ); give these "
                         "parameters a prior and a value in the problem file, the same for all towers")
            continue
        draws = {site: fits[site].draws[:, :first.size] for site in sites}
        log_prior = first.log_prior_terms if first.separable else first.log_prior
        try:
            found = hierarchy(draws, log_prior, first.names, seed=seed, sweeps=sweeps)
        except ValueError as trouble:
            notes.append(f"{code}: no hierarchy: {trouble}")
            continue
        made[code] = PlantTypeHierarchy(code, found, first, found.predictive(np.random.default_rng(seed), NEW_SITES))
    return made, notes


def write_hierarchy(path: str | os.PathLike[str], found: Mapping[str, PlantTypeHierarchy], *, version: str = "",
                    history: str = "") -> Path:
    """Write hierarchy.nc, whole or not at all. Raises OSError."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return write_groups(path, {code: _group(one) for code, one in found.items()}, {
        "Conventions": "CF-1.8", "title": "Parameters of plant types over several towers", "format": FORMAT,
        "source": f"terraflux {version}".strip(), "history": f"{now} {history or 'written'}",
        "plant_types": json.dumps(list(found))}, compressed=True)


def _group(one: PlantTypeHierarchy) -> xr.Dataset:
    names = np.array(one.hierarchy.names, dtype=str)
    about = {"units": "1", "long_name": "in control space"}
    made = xr.Dataset(
        {"mean": (("draw", "parameter"), one.hierarchy.mean, about),
         "spread": (("draw", "parameter"), one.hierarchy.spread, about),
         "new_site": (("member", "parameter"), one.new_site, about),
         "site": (("tower", "draw", "parameter"), np.stack(list(one.hierarchy.sites.values())), about),
         "rhat": ("quantity", one.hierarchy.rhat), "effective_size": ("quantity", one.hierarchy.effective_size)},
        {"parameter": names, "tower": np.array(list(one.hierarchy.sites), dtype=str)})
    for k, name in enumerate(one.hierarchy.names):
        made[name] = ("member", one.physical()[:, k], {
            "units": unit_of(name), "long_name": f"{long_name_of(name)} of sites not yet seen",
            "default": float(one.space.default[k]), "prior": json.dumps(one.space.priors[k].as_table())})
    return made.assign_attrs(plant_type=one.plant_type, status=one.hierarchy.status, message=one.hierarchy.message,
                             normal_sites=", ".join(one.hierarchy.normal_sites))
