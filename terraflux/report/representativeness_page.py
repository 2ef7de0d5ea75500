"""One self-contained HTML page per tower: what it sees, how well it stands for its surroundings, and every measure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from terraflux.report.figures import Drawn
from terraflux.report.templates import rendered
from terraflux.sites.footprint.safe_f import UNVERIFIED
from terraflux.sites.footprint.validity import CAUTION_TEXT, REASON_TEXT, Caution, Reason
from terraflux.sites.raster_grid import Raster
from terraflux.sites.representativeness.ranking import RankedTower, RankingRule
from terraflux.sites.representativeness.table import long_rows
from terraflux.sites.representativeness.tower import TowerRepresentativeness

TEMPLATE, RANKING_TEMPLATE = "representativeness.html", "ranking.html"
OTHER_REASONS = {"WEIGHT_ZERO": "weight is zero, which changes no mean", "WEIGHT_MISSING": "weight is missing",
                 "PARAMETERS_MISSING": "the model gave no parameters"}
"""Reasons of a climatology beside those of the rows."""
LEAST_ROWS = 480
"""Half hours of a climatology (ten days) below which the page says that there are few."""


def representativeness_html(tower: TowerRepresentativeness, figures: Sequence[Drawn] = (), notes: Sequence[str] = (),
                            files: Sequence[str] = ()) -> str:
    """The page as text; `notes` are further warnings, `files` names what lies beside it. All data are escaped."""
    rows = long_rows(tower.report)
    return rendered(
        TEMPLATE,
        tower=tower.code or "tower", model=tower.model, period=_period(tower),
        warnings=warnings(tower) + [str(note) for note in notes], summary=summary(tower),
        figures=figures,
        used=tower.used, rows=len(tower.rows), weights=tower.weights,
        reasons=[(REASON_TEXT[Reason[name]], number, name) for name, number in tower.reasons.items()]
        + [(OTHER_REASONS.get(name, name), number, name) for name, number in tower.dropped.items()
           if name not in Reason.__members__],
        cautions=[(CAUTION_TEXT[Caution[name]], number, name) for name, number in tower.cautions.items()],
        facts=facts(tower), blocks=_blocks(rows, tower), files=files)


def warnings(tower: TowerRepresentativeness) -> list[str]:
    """What a reader must know before the numbers."""
    found = []
    if tower.model.startswith("safe_f"):
        found.append(f"{tower.model}: {tower.model_note or UNVERIFIED}.")
    mass = tower.reference.captured_mass
    if mass < RankingRule().least_mass:
        found.append(f"The grid captures only {mass:.0%} of the flux: the rest comes from beyond it. Widen the grid.")
    share = float(tower.rows.valid.mean()) if len(tower.rows) else 0.0
    if share < 0.5:
        found.append(f"Only {share:.0%} of the half hours have a footprint; see the reasons below.")
    if tower.used < LEAST_ROWS:
        found.append(f"The climatology rests on {tower.used} half hours.")
    surfaces = tower.report.surfaces.items()
    return [*found, *tower.notes, *tower.report.notes,
            *(f"{name}: {note}" for name, surface in surfaces for note in surface.notes)]


def summary(tower: TowerRepresentativeness) -> list[tuple[str, str, str]]:
    """(question, answer, verdict) of what decides, in the reference period at the target area."""
    report = tower.report
    period = report.periods[report.reference]
    shape = period.shape
    lines = [("How much of the flux does the grid hold?", f"{shape.captured_mass:.3f} of 1",
              "enough" if shape.captured_mass >= RankingRule().least_mass else "too little")]
    if np.isfinite(shape.farthest):
        lines.append(("How far does the 80 % source area reach?",
                      f"{shape.farthest:.0f} m, over {shape.area / 1e4:.1f} ha", f"symmetry {shape.symmetry:.2f}"))
    for name in period.bias:
        bias = report.bias_at_target(name)
        if bias is not None:
            answer = (f"{bias.percent:+.1f} % ({bias.footprint_value:.3g} seen, {bias.area_value:.3g} around)"
                      if np.isfinite(bias.percent) else bias.reason)
            lines.append((f"Does it see the {name} of its surroundings ({_area(tower)})?", answer, bias.rating))
    for name, variance in period.dispersion_variance.items():
        unit = report.surfaces[name].units
        error = f"{np.sqrt(variance):.3g} {'' if unit == '1' else unit}"
        lines.append((f"Representativeness error of {name}", error.strip(), ""))
    for name, alike in period.similarity.items():
        lines.append((f"How much of footprint and surroundings is {report.target_name or 'the target class'} ({name})?",
                      f"{alike.footprint_share:.0%} and {alike.area_share:.0%}", alike.rating))
    for question, value in (("Do the seasons see the same land?", report.season_overlap),
                            ("Do day and night see the same land?", report.day_night_overlap)):
        if value is not None:
            lines.append((question, f"overlap {value:.2f}", "good" if value >= 0.8 else "poor"))
    return lines


def facts(tower: TowerRepresentativeness) -> list[tuple[str, str]]:
    """Where the tower is, which grid, and where every input comes from."""
    grid = tower.reference.grid
    own = tower.half_hours
    lines = [("position", f"{tower.latitude:g} N, {tower.longitude:g} E"), ("half hours", own.file), ("model", tower.model),
             ("grid", f"{grid.shape[0]} x {grid.shape[1]} cells of {grid.step[0]:g} m, "
                      f"{tower.reference.sampling.cells} values"),
             ("target area", _area(tower)),
             ("periods", ", ".join(tower.climatologies))]
    lines += [(name.replace("_", " "), text) for name, text in own.provenance.items()]
    for name, scenes in tower.rasters.items():
        every = [scenes] if isinstance(scenes, Raster) else list(scenes.values())
        lines.append((name, ", ".join(dict.fromkeys(one.source or "array" for one in every))))
    return lines


def ranking_html(towers: Sequence[RankedTower], rule: RankingRule, notes: Sequence[str] = ()) -> str:
    """The ranking of a network as a page of its own."""
    parts = list(dict.fromkeys(name for tower in towers for name in tower.parts))
    shown = [{"rank": one.rank, "code": one.code, "score": _number(one.score), "selected": one.selected, "failed": one.failed,
              "parts": [_number(one.parts.get(name, float("nan"))) for name in parts], "reasons": "; ".join(one.reasons)}
             for one in towers]
    return rendered(
        RANKING_TEMPLATE,
        towers=shown, parts=parts, selected=sum(one.selected for one in towers), rule=rule_text(rule),
        warnings=notes)


def rule_text(rule: RankingRule) -> str:
    """The rule of `rank_towers` in one paragraph."""
    return (f"A tower fails where the grid captures less than {rule.least_mass:g} of the flux, the target class holds less "
            f"than {rule.least_target:.0%} of the footprint, the sensor-location bias exceeds {rule.greatest_bias:g} %, or "
            f"fewer than {rule.least_parts} measures are known. The others are scored by the mean of the measures that are "
            f"known, each from 0 to 1, and the best {rule.share:.1%} of all towers are selected.")


def _area(tower: TowerRepresentativeness) -> str:
    radius = tower.report.target_radius
    return f"square of {2 * radius:g} m side" if tower.report.target_shape == "square" else f"circle of {radius:g} m radius"


def _blocks(rows: Sequence[dict[str, Any]], tower: TowerRepresentativeness) -> list[tuple[str, list[list[str]]]]:
    """Rows as text (metric, raster, radius, value, unit, verdict, reason), by period."""
    blocks: dict[str, list[list[str]]] = {tower.report.reference: []}
    for row in rows:
        shown = [str(row["metric"]), str(row["raster"]), f"{row['radius']:g}" if np.isfinite(row["radius"]) else "",
                 _number(row["value"]), *(str(row[name]) for name in ("unit", "verdict", "reason"))]
        blocks.setdefault(row["period"] or "rasters and overlaps", []).append(shown)
    return [(title, block) for title, block in blocks.items() if block]


def _period(tower: TowerRepresentativeness) -> str:
    time = tower.half_hours.time
    if time is None or not len(time):
        return f"{len(tower.rows)} half hours without dates"
    return f"{str(time[0])[:10]} to {str(time[-1])[:10]}"


def _number(value: float) -> str:
    return f"{value:.4g}" if np.isfinite(value) else "–"
