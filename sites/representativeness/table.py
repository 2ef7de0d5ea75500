"""The long table of a tower's representativeness: one row per measure with its verdict, written as CSV and JSON, read back.

| column | content |
|---|---|
| code | tower |
| period, raster, radius | what the row is about; radius in m; empty where it does not matter |
| metric | name of the measure |
| value, unit | number, empty where undefined |
| verdict | what the usual threshold makes of it: strict, accepted, biased, HIGH, MEDIUM, LOW, poor, ... |
| reason | why it is undefined, or what to beware of |
"""

import csv
import io
import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import MAXIMUM_TOML_BYTES, read_text
from terraflux.sites.representativeness.footprint_shape import ASYMMETRIC_BELOW, POOR_OVERLAP_BELOW, FootprintShape
from terraflux.sites.representativeness.frequency_distribution import Distributions
from terraflux.sites.representativeness.geostatistical_attributes import REPRESENTATIVE_ABOVE
from terraflux.sites.representativeness.land_cover_similarity import (
    HIGH_SHARE,
    MEDIUM_SHARE,
    SIGNIFICANCE,
    LandCoverSimilarity,
)
from terraflux.sites.representativeness.location_bias import LocationBias
from terraflux.sites.representativeness.ranking import RankingRule
from terraflux.sites.representativeness.report import PeriodAssessment, RepresentativenessReport
from terraflux.sites.representativeness.target_vegetation import TargetVegetation

FORMAT, VERSION = "terraflux representativeness", 1
COLUMNS = ("code", "period", "raster", "radius", "metric", "value", "unit", "verdict", "reason")
MAXIMUM_BYTES = 50 * MAXIMUM_TOML_BYTES
OF_RASTER = ("footprint_value", "area_value", "absolute_bias", "representativeness_sigma")
OF_RASTER_SQUARED = ("dispersion_variance", "variogram_partial_sill", "variogram_nugget")
UNDEFINED = "undefined"
RATED = ("location_bias", "land_cover_rating", "RMA_slope", "RMA_intercept", "RMA_R2")
"""Metrics whose note begins with their rating."""


def _share_rating(value: float) -> str:
    return "HIGH" if value >= 100.0 * HIGH_SHARE else "MEDIUM" if value >= 100.0 * MEDIUM_SHARE else "LOW"


VERDICTS: dict[str, Callable[[float], str]] = {
    "captured_mass": lambda value: "enough" if value >= RankingRule().least_mass else "too little",
    "S80": lambda value: "asymmetric" if value < ASYMMETRIC_BELOW else "symmetric",
    "O80_season": lambda value: "poor" if value < POOR_OVERLAP_BELOW else "good",
    "O80_daynight": lambda value: "poor" if value < POOR_OVERLAP_BELOW else "good",
    "chi_square_probability": lambda value: "alike" if value >= SIGNIFICANCE else "different",
    "Roman_score": lambda value: "representative" if value > REPRESENTATIVE_ABOVE else "not representative",
    "PTVT": _share_rating, "FTVT": _share_rating,
}
"""Metric, or what stands before its first underscore: verdict from its value."""


def long_rows(report: RepresentativenessReport) -> list[dict[str, Any]]:
    """Every measure of a report as a record of `COLUMNS`; NaN where undefined."""
    units = {name: surface.units for name, surface in report.surfaces.items()}
    rows = [_row(one, units) for one in report.rows()]
    # what a bias is made of is undefined for the reason that the bias is
    why = {_place(row): row["reason"] for row in rows if row["metric"] == "location_bias"}
    for row in rows:
        if row["reason"] == UNDEFINED:
            row["reason"] = why.get(_place(row)) or UNDEFINED
    return rows


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["period"], row["raster"], row["radius"]


def _row(one: Mapping[str, Any], units: Mapping[str, str]) -> dict[str, Any]:
    metric, value, note = str(one["measure"]), float(one["value"]), str(one["note"])
    unit = str(one["unit"])
    if metric in OF_RASTER:
        unit = units.get(one["raster"], "1")
    elif metric in OF_RASTER_SQUARED:
        own = units.get(one["raster"], "1")
        unit = "1" if own in ("", "1") else f"({own})2"
    verdict = ""
    if metric in RATED:
        verdict, _, note = note.partition(": ") if metric == "location_bias" else note.partition(" ")
    elif math.isfinite(value):
        judge = VERDICTS.get(metric) or VERDICTS.get(metric.partition("_")[0])
        verdict = judge(value) if judge is not None else ""
    elif metric == "flux_bias" and not note:
        note = "no sensitivity dF/dVI was given"
    elif not note and metric not in ("note", "land_cover_rating"):
        note = UNDEFINED
    return dict(zip(COLUMNS, (one["code"], one["period"], one["raster"], float(one["radius"]), metric, value, unit, verdict,
                              note), strict=True))


def csv_text(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV; numbers with every digit that matters (shortest text that gives the same float64), NaN as nothing."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(["" if isinstance(row[name], float) and not math.isfinite(row[name]) else row[name]
                         for name in COLUMNS])
    return stream.getvalue()


def json_text(report: RepresentativenessReport, facts: Mapping[str, Any]) -> str:
    """The table with what it is about, and `facts` (tower, model, counts), as JSON; NaN as null."""
    head = {"format": FORMAT, "version": VERSION, "code": report.code, "reference": report.reference,
            "target_radius": report.target_radius, "target_shape": report.target_shape,
            "target_codes": list(report.target_codes), "target_name": report.target_name}
    return json.dumps(_plain(head | dict(facts) | {"rows": long_rows(report)}), indent=1, ensure_ascii=False,
                      allow_nan=False) + "\n"


def _plain(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(name): _plain(one) for name, one in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(one) for one in content]
    if isinstance(content, float):
        return content if math.isfinite(content) else None
    return content


def read_report(path: str | os.PathLike[str]) -> RepresentativenessReport:
    """A report from the JSON of an earlier run: what ranking needs of it (no variograms, histograms or windows).

    Raises ForcingError for a file that is not such a table, or of a newer version.
    """
    try:
        content = json.loads(read_text(path, MAXIMUM_BYTES))
    except (json.JSONDecodeError, RecursionError) as trouble:
        raise ForcingError(f"the file is no JSON: {trouble}", file=path, remedy="run `terraflux represent` again") from trouble
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ForcingError("the file is no table of representativeness", file=path,
                           remedy=f"give a {Path(path).name} that `terraflux represent` wrote")
    if content.get("version") != VERSION:
        raise ForcingError(f"the table has version {content.get('version')}, this program reads {VERSION}", file=path,
                           remedy="run `terraflux represent` again")
    try:
        return _report(content)
    except (KeyError, TypeError, ValueError, AttributeError) as trouble:
        raise ForcingError(f"the table is damaged ({type(trouble).__name__}: {trouble})", file=path,
                           remedy="run `terraflux represent` again") from trouble


def _report(content: Mapping[str, Any]) -> RepresentativenessReport:
    periods: dict[str, dict[tuple[str, float, str], Mapping[str, Any]]] = {}
    overall: dict[str, float] = {}
    notes = []
    for row in content["rows"]:
        radius = float("nan") if row["radius"] is None else float(row["radius"])
        if row["metric"] == "note":
            notes.append(str(row["reason"]))
        elif row["period"]:
            # NaN is not equal to itself and would hide the row
            periods.setdefault(row["period"], {})[(row["raster"], -1.0 if math.isnan(radius) else radius, row["metric"])] = row
        elif row["metric"].startswith("O80"):
            overall[row["metric"]] = _number(row)
    codes = tuple(int(one) for one in content["target_codes"])
    return RepresentativenessReport(
        code=str(content["code"]), reference=str(content["reference"]), target_radius=float(content["target_radius"]),
        target_shape=str(content["target_shape"]), target_codes=codes, target_name=str(content["target_name"]),
        periods={name: _period(name, rows, codes) for name, rows in periods.items()}, surfaces={},
        season_overlap=overall.get("O80_season"), day_night_overlap=overall.get("O80_daynight"), notes=notes)


def _number(row: Mapping[str, Any] | None) -> float:
    return float("nan") if row is None or row["value"] is None else float(row["value"])


def _period(name: str, rows: Mapping[tuple[str, float, str], Mapping[str, Any]], codes: tuple[int, ...]) -> PeriodAssessment:
    import numpy as np

    def value(metric: str, raster: str = "", radius: float = -1.0) -> float:
        return _number(rows.get((raster, radius, metric)))

    shape_row = rows["", -1.0, "X80"]
    found = PeriodAssessment(name, FootprintShape(value("X80"), value("A80"), value("S80"), value("captured_mass"),
                                                  str(shape_row["reason"]) if shape_row["value"] is None else ""))
    nothing = np.zeros(0)
    for raster, radius, metric in rows:
        row = rows[raster, radius, metric]
        if metric == "location_bias":
            found.bias.setdefault(raster, []).append(LocationBias(
                radius, value("footprint_value", raster, radius), value("area_value", raster, radius), _number(row),
                value("absolute_bias", raster, radius), value("flux_bias", raster, radius),
                value("retained_weight", raster, radius), value("area_coverage", raster, radius), str(row["verdict"]),
                str(row["reason"])))
        elif metric == "hellinger":
            found.distributions[raster] = Distributions(nothing, nothing, nothing,
                                                        value("kolmogorov_smirnov", raster, radius), _number(row))
        elif metric == "dispersion_variance":
            found.dispersion_variance[raster] = _number(row)
        elif metric == "land_cover_rating":
            found.similarity[raster] = LandCoverSimilarity(
                {}, {}, codes, value("footprint_class_share", raster, radius), value("area_class_share", raster, radius),
                float("nan"), 0, value("chi_square_probability", raster, radius), value("bray_curtis", raster, radius),
                str(row["verdict"]))
        elif metric.startswith("class_share_"):
            found.class_shares.setdefault(raster, {})[int(metric.removeprefix("class_share_"))] = _number(row)
        elif metric.startswith("PTVT_"):
            share = metric.removeprefix("PTVT_")
            found.target.setdefault(raster, []).append(TargetVegetation(
                float(share) / 100.0, _number(row), value(f"FTVT_{share}", raster), float("nan"), str(row["reason"])))
    return found
