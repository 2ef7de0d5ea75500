"""parameters.toml: calibrated parameters of a site, to be read by people, by `terraflux site` and by the maps.

    format = "terraflux parameters 1"
    site = "FR-Hes"
    [options]                                    # processes that the parameters were fitted with
    stomatal_conductance = "medlyn"
    [parameters.carboxylation_capacity]          # a row of the problem: name, or "name@PLANT"
    status = "free"                              # free, fixed, tied
    unit = "umol m-2 s-1"
    default = 60.0
    mode = 48.1                                  # of fixed and tied ones the value in force
    mean = 48.6
    sd = 3.2
    q05 = 43.2                                   # q05, q25, q50, q75, q95
    prior = { distribution = "lognormal", median = 60.0, spread = 0.3 }
    [noise."net_ecosystem_exchange.scale"]       # errors of streams: not of the model
    [season]                                     # where one was fitted: see `season_file`

    terraflux site tower.toml --parameters-file parameters.toml
    dataset = simulate(tower, **read_parameters("parameters.toml").run_arguments())
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.posterior_file import unit_of
from terraflux.assimilation.problem_file import toml_value
from terraflux.assimilation.season_file import CalibratedSeason, read_season, season_lines
from terraflux.assimilation.statistics_tables import STATISTICS, has_numbers, section, statistics
from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.safe_files import read_toml
from terraflux.drivers.safe_write import write_text
from terraflux.drivers.season import Season

FORMAT = "terraflux parameters 1"
KEYS = ("format", "site", "plant_types", "soil_class", "years", "synthetic", "status", "message", "problem_digest", "version",
        "options", "parameters", "noise", "season")


@dataclass(frozen=True)
class CalibratedParameters:
    """What a parameters.toml holds: `rows` {name or name@PLANT: its table}, `options` of the model, `site`, and the season, if
    it was fitted with one."""

    site: str
    rows: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]
    seasonal: CalibratedSeason | None = None

    def values(self, statistic: str = "mode") -> dict[str, float]:
        """{name or name@PLANT: value} by mode, mean, default or a quantile (q05, q25, q50, q75, q95).

        Rows that were not free give the value in force. Raises ProblemError for an unknown statistic.
        """
        if statistic not in STATISTICS:
            raise ProblemError(f"unknown statistic {statistic!r}; {nearest(statistic, STATISTICS)}")
        return {name: float(row.get(statistic, row["mode"])) for name, row in self.rows.items()}

    def season(self, statistic: str = "mode") -> Season | None:
        """The season by a statistic of its weights, None without one. Raises ProblemError for an unknown statistic."""
        return None if self.seasonal is None else self.seasonal.at(statistic)

    def run_arguments(self, statistic: str = "mode") -> dict[str, Any]:
        """`parameters`, `options` and `season` of `simulate`."""
        return {"parameters": self.values(statistic), "options": dict(self.options), "season": self.season(statistic)}


def parameters_text(fit: Fit, version: str = "") -> str:
    """The text of the file."""
    target, space = fit.target, fit.target.space
    site = target.columns.tower.site
    head: dict[str, Any] = {
        "format": FORMAT, "site": site.site_id, "plant_types": dict(target.columns.shares), "soil_class": site.soil_class,
        "years": list(map(int, target.years)), "synthetic": bool(target.columns.tower.synthetic), "status": fit.status,
        "message": fit.message, "problem_digest": target.problem.digest(), "version": version}
    lines = [f"# Parameters of {site.site_id}, calibrated on {', '.join(map(str, target.years))}"
             + (", with INVENTED observations" if target.columns.tower.synthetic else "") + ".",
             *(f"{key} = {toml_value(value)}" for key, value in head.items())]
    differing = target.columns.options.differences()
    if differing:
        lines += ["", "[options]", *(f"{key} = {toml_value(value)}" for key, value in differing.items())]
    rows, draws = space.parameters(fit.mode[None]), space.parameters(fit.draws)
    for one in space.rows:
        key = one.row.key
        table: dict[str, Any] = {"status": one.row.status, "unit": unit_of(key), "default": one.default,
                                 "mode": float(rows[key][0])}
        if one.row.seasonal != "constant":
            table["seasonal"] = one.row.seasonal
        if one.row.status != "fixed":
            table |= statistics(draws[key])
        if one.prior is not None:
            table["prior"] = one.prior.as_table()
        if one.row.tie:
            table |= {"tie": one.row.tie, "factor": one.row.factor}
        lines += section(key, table, "parameters")
    written = {one.row.key for one in space.rows}
    physical, best = space.physical(fit.draws), space.physical(fit.mode[None])[0]
    for k, name in enumerate(space.names):
        if name in written or name.startswith("seasonal_"):
            continue
        table = {"unit": unit_of(name), "default": float(space.default[k]), "mode": float(best[k]),
                 **statistics(physical[:, k]), "prior": space.priors[k].as_table()}
        lines += section(name, table, "noise")
    return "\n".join([*lines, *season_lines(fit)]) + "\n"


def write_parameters(path: str | os.PathLike[str], fit: Fit, version: str = "") -> Path:
    """Write the file, whole or not at all. Raises OSError."""
    return write_text(path, parameters_text(fit, version))


def read_parameters(path: str | os.PathLike[str]) -> CalibratedParameters:
    """Read a parameters.toml. Raises ProblemError naming the file, the place and the remedy."""
    try:
        contents = read_toml(path)
    except ForcingError as error:
        raise ProblemError(str(error)) from error
    if contents.get("format") != FORMAT:
        raise ProblemError(f"{path}: format is {contents.get('format')!r}, not {FORMAT!r}; give the parameters.toml that "
                           "`terraflux fit` wrote")
    for key in contents:
        if key not in KEYS:
            raise ProblemError(f"{path}: unknown key {key!r}; {nearest(key, KEYS)}")
    rows, options = contents.get("parameters", {}), contents.get("options", {})
    if not isinstance(rows, Mapping) or not rows or not isinstance(options, Mapping):
        raise ProblemError(f"{path}: no [parameters.NAME] is given")
    for name, row in rows.items():
        if not has_numbers(row):
            raise ProblemError(f"{path}: parameter {name} needs a finite number as mode"
                               " (and as default, mean and quantiles where given)")
    try:
        season = read_season(contents["season"]) if contents.get("season") else None
    except ProblemError as error:
        raise ProblemError(f"{path}: {error}") from error
    return CalibratedParameters(str(contents.get("site", "")), dict(rows), dict(options), season)
