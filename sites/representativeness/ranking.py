"""Which towers of a network stand for their surroundings: the representative third, with reasons.

The rule, in this order, for the reference period and the target area of each report:

1. Hard fails. A tower is out where the grid captures less than `least_mass` of the flux, the target class holds less than
   `least_target` of the footprint, or |SLB| exceeds `greatest_bias` percent. A measure that was not made fails nobody, but is
   named in the reasons; an undefined SLB is not held against a tower either.
2. Score. The towers left are scored by the plain mean of the parts that are known, each from 0 (bad) to 1 (good):
       bias          1 - |SLB| / greatest_bias
       target        share of the target class in the 80 % source area, weighted by the footprint
       land cover    1 - Bray-Curtis distance of footprint and target area
       distribution  1 - Hellinger distance of the raster's values
       dispersion    1 / (1 + (sigma_rep / |area mean| / 0.1)^2)
       symmetry      min(1, S80 / 0.30)
       seasons       O80_season
       day and night O80_daynight
   A tower with fewer than `least_parts` known parts is out: too little is known of it.
3. Choice. The best `share` (a third, rounded to a whole number, at least one) of ALL towers is selected, fewer where fewer
   are left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from terraflux.sites.raster_grid import RasterError
from terraflux.sites.representativeness.footprint_shape import ASYMMETRIC_BELOW
from terraflux.sites.representativeness.report import RepresentativenessReport

DISPERSION_SCALE = 0.1  # relative representativeness error that halves the part


@dataclass(frozen=True)
class RankingRule:
    """Limits of the rule: `least_mass` and `least_target` 0..1, `greatest_bias` percent, `share` of towers to select."""

    least_mass: float = 0.7
    least_target: float = 0.5
    greatest_bias: float = 10.0
    least_parts: int = 2
    share: float = 1.0 / 3.0


@dataclass
class RankedTower:
    """`rank` from 1 (best; fails come last, in order of score), `score` 0..1 (NaN where nothing is known), its `parts`,
    `selected`, and `reasons` in words."""

    rank: int
    code: str
    score: float
    selected: bool
    failed: bool
    parts: dict[str, float] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def rank_towers(reports: Sequence[RepresentativenessReport], rule: RankingRule | None = None, *, raster: str | None = None,
                land_cover: str | None = None) -> list[RankedTower]:
    """All towers in order, the selected ones first.

    `raster` names the continuous raster that judges bias, distribution and dispersion (default: the first of each report),
    `land_cover` the class raster. Ties are broken by code. Raises RasterError for two reports of one code.
    """
    chosen_rule = rule or RankingRule()
    codes = [report.code for report in reports]
    twice = sorted({code for code in codes if codes.count(code) > 1})
    if twice:
        raise RasterError(f"there are two reports of {twice[0]!r}", variable="code", remedy="give each tower once")
    towers = [_judged(report, chosen_rule, raster, land_cover) for report in reports]
    towers.sort(key=lambda tower: (tower.failed, -tower.score if np.isfinite(tower.score) else np.inf, tower.code))
    places = max(1, int(chosen_rule.share * len(towers) + 0.5)) if towers else 0
    for rank, tower in enumerate(towers, start=1):
        tower.rank = rank
        tower.selected = rank <= places and not tower.failed
        if tower.selected:
            tower.reasons.insert(0, f"selected: rank {rank} of {len(towers)}, score {tower.score:.3f}")
        elif not tower.failed:
            tower.reasons.insert(0, f"not selected: rank {rank} lies beyond the best {places} of {len(towers)}")
    return towers


def ranking_table(towers: Sequence[RankedTower]) -> Any:
    """The ranking as a pandas DataFrame: rank, code, score, selected, failed, one column per part, reasons."""
    import pandas as pd

    names = list(dict.fromkeys(name for tower in towers for name in tower.parts))
    return pd.DataFrame([{"rank": tower.rank, "code": tower.code, "score": tower.score, "selected": tower.selected,
                          "failed": tower.failed, **{name: tower.parts.get(name, float("nan")) for name in names},
                          "reasons": "; ".join(tower.reasons)} for tower in towers],
                        columns=["rank", "code", "score", "selected", "failed", *names, "reasons"])


def _judged(report: RepresentativenessReport, rule: RankingRule, raster: str | None, land_cover: str | None) -> RankedTower:
    """Parts, fails and reasons of one tower; rank and choice come later."""
    period = report.periods[report.reference]
    image = raster or next(iter(period.bias), None)
    cover = land_cover or next(iter(period.target), None)
    fails, unknown = [], []
    parts: dict[str, float] = {}
    mass = period.shape.captured_mass
    if mass < rule.least_mass:
        fails.append(f"the grid captures {mass:.2f} of the flux, less than {rule.least_mass:g}")
    bias = report.bias_at_target(image) if image is not None else None
    if bias is not None and np.isfinite(bias.percent):
        parts["bias"] = max(0.0, 1.0 - abs(bias.percent) / rule.greatest_bias)
        if abs(bias.percent) > rule.greatest_bias:
            fails.append(f"sensor-location bias {bias.percent:+.1f} % of {image} at {bias.radius:g} m exceeds "
                         f"{rule.greatest_bias:g} %")
    else:
        unknown.append("bias" if bias is None else f"bias ({bias.reason})")
    alike = period.similarity.get(cover) if cover is not None else None
    if alike is not None:
        parts["land_cover"] = 1.0 - alike.bray_curtis
        if alike.footprint_share < rule.least_target:
            fails.append(f"the target class ({report.target_name}) holds {100 * alike.footprint_share:.0f} % of the footprint, "
                         f"less than {100 * rule.least_target:.0f} %")
    else:
        unknown.append("land cover")
    target = next((one for one in period.target.get(cover or "", []) if abs(one.share - 0.8) < 1e-9), None)
    if target is not None and np.isfinite(target.by_footprint):
        parts["target"] = target.by_footprint / 100.0
    both = period.distributions.get(image or "")
    if both is not None:
        parts["distribution"] = 1.0 - both.hellinger
    variance = period.dispersion_variance.get(image or "")
    if variance is not None and bias is not None and np.isfinite(bias.area_value) and bias.area_value != 0:
        parts["dispersion"] = 1.0 / (1.0 + variance / (DISPERSION_SCALE * bias.area_value) ** 2)
    if np.isfinite(period.shape.symmetry):
        parts["symmetry"] = min(1.0, period.shape.symmetry / ASYMMETRIC_BELOW)
    for name, overlap in (("seasons", report.season_overlap), ("day_and_night", report.day_night_overlap)):
        if overlap is not None:
            parts[name] = overlap
    if len(parts) < rule.least_parts:
        fails.append(f"only {len(parts)} of its measures are known")
    reasons = [f"failed: {fail}" for fail in fails]
    if parts and not fails:
        weakest = min(parts, key=lambda name: parts[name])
        reasons.append(f"weakest part: {weakest.replace('_', ' ')} {parts[weakest]:.2f}")
    if unknown:
        reasons.append(f"not judged: {', '.join(unknown)}")
    score = float(np.mean(list(parts.values()))) if parts else float("nan")
    return RankedTower(0, report.code, score, False, bool(fails), parts, reasons)
