"""terraflux: land carbon, water and energy fluxes from the flux tower to the nation.

>>> import terraflux as tf
>>> tower = tf.synthetic_tower()
>>> result = tf.simulate(tower, tf.parameters("DBF", "loam"))  # doctest: +SKIP

The names below load what they need when they are first used.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_DOORS = {
    "open_tower": "terraflux.drivers.tower",
    "Tower": "terraflux.drivers.tower",
    "SiteDescription": "terraflux.drivers.site",
    "ForcingError": "terraflux.drivers.errors",
    "synthetic_tower": "terraflux.drivers.synthetic_tower",
    "parameters": "terraflux.model.parameters",
    "ParameterSet": "terraflux.model.parameter_set",
    "Options": "terraflux.model.options",
    "ColumnError": "terraflux.model.weave",
    "simulate": "terraflux.simulation",
    "write_netcdf": "terraflux.evaluation.cf",
    "score_table": "terraflux.evaluation.scores",
    "catalogue": "terraflux.sites.catalogue",
    "tower_facts": "terraflux.sites.catalogue",
    "read_record": "terraflux.sites.records",
    "write_record": "terraflux.sites.records",
    "process_tower": "terraflux.sites.tower_processing",
    "footprint": "terraflux.sites.footprint.single",
    "footprint_rows": "terraflux.sites.footprint.models",
    "climatology": "terraflux.sites.footprint.climatology",
    "class_fractions": "terraflux.sites.footprint.class_fractions",
    "tower_footprints": "terraflux.sites.tower_footprints",
    "read_raster": "terraflux.sites.rasters",
    "assess": "terraflux.sites.representativeness.assessment",
    "rank_towers": "terraflux.sites.representativeness.ranking",
    "tower_observations": "terraflux.sites.tower_observations",
    "read_observations": "terraflux.sites.observations_file",
    "write_observations": "terraflux.sites.observations_file",
    "read_problem": "terraflux.assimilation.problem_file",
    "Problem": "terraflux.assimilation.problem",
    "StreamChoice": "terraflux.assimilation.problem",
    "ParameterRow": "terraflux.assimilation.parameter_rows",
    "tower_columns": "terraflux.assimilation.tower_columns",
    "TowerProblem": "terraflux.assimilation.tower_problem",
    "fit": "terraflux.assimilation.fit",
    "fit_tower": "terraflux.assimilation.fit_tower",
    "predict_posterior": "terraflux.assimilation.prediction",
    "write_fit": "terraflux.report.write_fit",
    "read_posterior": "terraflux.assimilation.posterior_file",
    "read_parameters": "terraflux.assimilation.parameter_file",
    "ImprovedRegressionTree": "terraflux.products.regression_tree",
    "starfm": "terraflux.products.fusion.starfm",
    "estarfm": "terraflux.products.fusion.estarfm",
}

__all__ = ["__version__", *sorted(_DOORS)]


def __getattr__(name: str) -> Any:
    if name not in _DOORS:
        raise AttributeError(f"terraflux has no attribute {name!r}; it offers {', '.join(sorted(_DOORS))}")
    return getattr(import_module(_DOORS[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
