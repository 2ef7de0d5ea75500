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
    [season.seasonal_weight_1]                   # weights of a season, where one was fitted

    terraflux site tower.toml --parameters-file parameters.toml
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.posterior_file import unit_of
from terraflux.assimilation.problem_file import toml_value
from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.safe_files import read_toml
from terraflux.drivers.safe_write import write_text

FORMAT = "terraflux parameters 1"
LEVELS = {"q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
STATISTICS = ("mode", "mean", *LEVELS, "default")
KEYS = ("format", "site", "plant_types", "soil_class", "years", "synthetic", "status", "message", "problem_digest", "version",
        "options", "parameters", "noise", "season")


@dataclass(frozen=True)
class CalibratedParameters:
    """What a parameters.toml holds: `rows` {name or name@PLANT: its table}, `options` of the model, `site`, and the names of
    `seasonal` weights, if it was fitted with a season."""

    site: str
    rows: Mapping[str, Mapping[str, Any]]
    options: Mapping[str, Any]
    seasonal: tuple[str, ...] = ()

    def values(self, statistic: str = "mode") -> dict[str, float]:
        """{name or name@PLANT: value} by mode, mean, default or a quantile (q05, q25, q50, q75, q95).

        Rows that were not free give the value in force. Raises ProblemError for an unknown statistic.
        """
        if statistic not in STATISTICS:
            raise ProblemError(f"unknown statistic {statistic!r}; {nearest(statistic, STATISTICS)}")
        return {name: float(row.get(statistic, row["mode"])) for name, row in self.rows.items()}

    def for_a_run(self, statistic: str = "mode") -> dict[str, float]:
        """`values` for `simulate`; ProblemError where the parameters had a season, which plain runs do not carry."""
        if self.seasonal:
            raise ProblemError(f"the parameters of {self.site} were fitted with a season ({', '.join(self.seasonal)}), which a "
                               "plain run does not carry; fit them without, or predict from posterior.nc")
        return self.values(statistic)


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
        if one.row.status != "fixed":
            table |= _statistics(draws[key])
        if one.prior is not None:
            table["prior"] = one.prior.as_table()
        if one.row.tie:
            table |= {"tie": one.row.tie, "factor": one.row.factor}
        lines += _section("parameters", key, table)
    written = {one.row.key for one in space.rows}
    physical, best = space.physical(fit.draws), space.physical(fit.mode[None])[0]
    for k, name in enumerate(space.names):
        if name in written:
            continue
        table = {"unit": unit_of(name), "default": float(space.default[k]), "mode": float(best[k]),
                 **_statistics(physical[:, k]), "prior": space.priors[k].as_table()}
        lines += _section("season" if name.startswith("seasonal_") else "noise", name, table)
    return "\n".join(lines) + "\n"


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
        numbers = [] if not isinstance(row, Mapping) else [row.get(key, row.get("mode")) for key in STATISTICS]
        if not numbers or not all(isinstance(one, (int, float)) and not isinstance(one, bool) and np.isfinite(one)
                                  for one in numbers):
            raise ProblemError(f"{path}: parameter {name} needs a finite number as mode"
                               " (and as default, mean and quantiles where given)")
    season = contents.get("season", {})
    return CalibratedParameters(str(contents.get("site", "")), dict(rows), dict(options),
                                tuple(season) if isinstance(season, Mapping) else ())


def _statistics(values: np.ndarray) -> dict[str, float]:
    return {"mean": float(values.mean()), "sd": float(values.std(ddof=1)) if values.size > 1 else 0.0,
            **{name: float(np.quantile(values, level)) for name, level in LEVELS.items()}}


def _section(table: str, name: str, entries: Mapping[str, Any]) -> list[str]:
    plain = name.replace("_", "").isalnum()
    return ["", f"[{table}.{name if plain else toml_value(name)}]",
            *(f"{key} = {toml_value(value)}" for key, value in entries.items())]
