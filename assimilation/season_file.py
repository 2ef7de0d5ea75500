"""The season of a parameters.toml: exact weights for a run, values of the months for a reader, and a digest of both.

    [season]
    form = "spline"
    digest = "9a1c..."                           # SHA-256 of all that follows; a season that was edited is refused
    width = 0.21                                 # smoothing width that the weights were fitted with
    growing_season = [0.3, 0.5]                  # start and length, where its terms follow leaf area
    temperature = [9.3, 7.1]                     # mean and sd (degC) that standardise `acclimation`
    [season.weights.seasonal_weight_1]           # or "seasonal_weight_1@PLANT"; mode, mean, sd, quantiles, prior
    [season.monthly.carboxylation_capacity]      # month, default, and mode, q05, q95 of the parameter itself
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.seasonal import SeasonalColumns
from terraflux.assimilation.seasonal_course import seasonal_courses
from terraflux.assimilation.seasonal_space import WEIGHT, WIDTH, SeasonalSpace
from terraflux.assimilation.statistics_tables import STATISTICS, has_numbers, section, statistics
from terraflux.drivers.errors import nearest
from terraflux.drivers.season import Season
from terraflux.drivers.seasonal_terms import SeasonalBasis, SeasonError

KEYS = ("form", "digest", "width", "growing_season", "temperature", "weights", "monthly")
NAME = re.compile(WEIGHT + r"_([1-9]\d{0,2})(?:@(.+))?")


@dataclass(frozen=True)
class CalibratedSeason:
    """A season as its file holds it: `weights` {name or name@PLANT: its table}, in the order of terms, and `monthly` {name:
    its table}."""

    basis: SeasonalBasis
    weights: Mapping[str, Mapping[str, Any]]
    monthly: Mapping[str, Any]

    def at(self, statistic: str = "mode") -> Season:
        """The season of a statistic of each weight. Raises ProblemError for an unknown statistic."""
        if statistic not in STATISTICS:
            raise ProblemError(f"unknown statistic {statistic!r}; {nearest(statistic, STATISTICS)}")
        made: dict[str, list[float]] = {}
        for name, row in self.weights.items():
            made.setdefault(name.partition("@")[2], []).append(float(row.get(statistic, row["mode"])))
        return Season(self.basis, {plant: tuple(own) for plant, own in made.items()})


def season_lines(fit: Fit) -> list[str]:
    """Lines of the season of a calibration; none without one."""
    target = fit.target
    space, columns = target.space, target.columns
    if not (isinstance(space, SeasonalSpace) and isinstance(columns, SeasonalColumns)):
        return []
    basis = columns.basis
    width = space.width if space.width is not None else float(space.physical(fit.mode[None])[0, space.names.index(WIDTH)])
    head: dict[str, Any] = {"form": basis.form, "width": float(width)}
    for name, given in (("growing_season", basis.growing_season), ("temperature", basis.temperature)):
        if given is not None:
            head[name] = [float(one) for one in given]
    best = space.weights(fit.mode[None])[0].ravel()
    drawn = space.weights(fit.draws).reshape(len(fit.draws), -1)
    prior = {"distribution": "normal", "mean": 0.0, "sd": float(width)}
    weights = {name: {"unit": "1", "default": 0.0, "mode": float(best[k]), **statistics(drawn[:, k]), "prior": prior}
               for k, name in enumerate(space.weight_names)}
    monthly = {one.key: {"unit": one.unit, "default": one.default, "month": one.months.tolist(), **{
        name: [float(f"{value:.6g}") for value in one.monthly(values)]
        for name, values in (("mode", one.mode), ("q05", one.low), ("q95", one.high))}} for one in seasonal_courses(fit)}
    whole = head | {"weights": weights, "monthly": monthly}
    lines = section("season", {"form": basis.form, "digest": season_digest(whole)} | head)
    for part, tables in (("weights", weights), ("monthly", monthly)):
        for name, table in tables.items():
            lines += section(name, table, "season", part)
    return lines


def season_digest(season: Mapping[str, Any]) -> str:
    """SHA-256 of the table of a season, whatever the order of its keys and without its digest."""
    told = {name: value for name, value in season.items() if name != "digest"}
    return hashlib.sha256(json.dumps(told, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def read_season(season: object) -> CalibratedSeason:
    """The season of a file from its table. Raises ProblemError with the place and the remedy."""
    if not isinstance(season, Mapping) or "form" not in season:
        raise ProblemError("[season] names no form; fit the parameters again, so that their season can be run")
    for name in season:
        if name not in KEYS:
            raise ProblemError(f"unknown key {name!r} in [season]; {nearest(name, KEYS)}")
    if season.get("digest") != season_digest(season):
        raise ProblemError("[season] is not what its digest says: it was edited or cut short; take it anew from the "
                           "calibration, or fit the season that you want")
    weights, monthly = season.get("weights"), season.get("monthly", {})
    if not isinstance(weights, Mapping) or not weights or not isinstance(monthly, Mapping):
        raise ProblemError("[season] has no weights; fit the parameters again")
    try:
        basis = SeasonalBasis(str(season["form"]), *(_pair(season, name) for name in ("growing_season", "temperature")))
    except SeasonError as error:
        raise ProblemError(f"[season]: {error}") from error
    terms: dict[str, dict[int, str]] = {}
    for name, row in weights.items():
        found = NAME.fullmatch(name)
        if found is None or not has_numbers(row):
            raise ProblemError(f"[season.weights.{name}] is no weight with a finite number as mode; they are {WEIGHT}_1 to "
                               f"{WEIGHT}_{basis.size}, and may end with @PLANT")
        terms.setdefault(found[2] or "", {})[int(found[1])] = name
    for plant, own in terms.items():
        if sorted(own) != list(range(1, basis.size + 1)):
            raise ProblemError(f"the season by {basis.form} has {basis.size} weights{' of ' + plant if plant else ''}, not "
                               f"{', '.join(map(str, sorted(own)))}; fit the parameters again")
    return CalibratedSeason(basis, {own[k]: weights[own[k]] for own in terms.values() for k in sorted(own)}, monthly)


def _pair(season: Mapping[str, Any], name: str) -> tuple[float, float] | None:
    given = season.get(name)
    if given is None:
        return None
    if not isinstance(given, list) or len(given) != 2 or not all(isinstance(one, (int, float)) for one in given):
        raise SeasonError(f"{name} = {given!r} must be two numbers")
    return float(given[0]), float(given[1])
