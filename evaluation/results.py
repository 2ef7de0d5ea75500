"""Results of many towers, for people (Markdown) and for programs (JSON).

The results are plain nested mappings: site -> variable -> metric -> number. Writing is deterministic, so that a
committed file changes only when a number does.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from terraflux.drivers.safe_write import write_text
from terraflux.evaluation.metrics import METRICS

Results = Mapping[str, Mapping[str, Mapping[str, float]]]
SHOWN = ("n", "bias", "rmse", "r", "nse")
SIGNIFICANT = 6


def tower_results(table: pd.DataFrame, scale: str = "daily") -> dict[str, dict[str, float]]:
    """One scale of a score table as {variable: {metric: value}}, `n` included. Variables without pairs are left out."""
    results: dict[str, dict[str, float]] = {}
    part = table[(table["scale"] == scale) & (table["n"] > 0)]
    for variable, rows in part.groupby("variable", sort=False):
        results[str(variable)] = {"n": float(rows["n"].iloc[0])}
        results[str(variable)].update({str(metric): float(value) for metric, value in
                                       zip(rows["metric"], rows["value"], strict=True)})
    return results


def write_results(results: Results, folder: str | Path, scale: str = "daily", notes: str = "",
                  units: Mapping[str, str] | None = None) -> tuple[Path, Path]:
    """Write towers.md and towers.json into a folder (docs/results) and return both paths.

    Numbers are rounded to six significant digits, undefined ones become null in JSON and a dash in the table. `notes`
    is Markdown put before the tables (settings, versions, what was calibrated); `units` maps a variable to the unit of
    its bias and RMSE. Raises ValueError for metrics that do not exist.
    """
    for variables in results.values():
        for metrics in variables.values():
            unknown = set(metrics) - set(METRICS) - {"n"}
            if unknown:
                raise ValueError(f"unknown metrics {', '.join(sorted(unknown))}; known are n, {', '.join(METRICS)}")
    plain = {site: {variable: {metric: _rounded(value) for metric, value in metrics.items()}
                    for variable, metrics in variables.items()} for site, variables in sorted(results.items())}
    folder = Path(folder)
    machine = write_text(folder / "towers.json", json.dumps(plain, indent=1, allow_nan=False) + "\n")
    return write_text(folder / "towers.md", _markdown(plain, scale, notes, units or {})), machine


def read_results(path: str | Path) -> dict[str, dict[str, dict[str, float]]]:
    """Results from a towers.json; null becomes NaN."""
    raw = json.loads(Path(path).read_text(encoding="utf-8"))
    return {site: {variable: {metric: math.nan if value is None else float(value) for metric, value in metrics.items()}
                   for variable, metrics in variables.items()} for site, variables in raw.items()}


def _rounded(value: float) -> float | None:
    return float(f"{value:.{SIGNIFICANT}g}") if math.isfinite(value) else None


def _markdown(results: dict[str, dict[str, dict[str, float | None]]], scale: str, notes: str,
              units: Mapping[str, str]) -> str:
    lines = ["# Towers", "", f"Scores on the {scale.replace('_', '-')} scale, simulated against measured values; "
             "bias and RMSE in the unit given.", ""]
    if notes:
        lines += [notes.strip(), ""]
    variables = list(dict.fromkeys(variable for site in results.values() for variable in site))
    for variable in variables:
        unit = f" ({units[variable]})" if units.get(variable) else ""
        lines += [f"## {variable.replace('_', ' ').capitalize()}{unit}", "",
                  "| site | " + " | ".join(SHOWN) + " |", "|---|" + "---:|" * len(SHOWN)]
        for site, found in results.items():
            if variable in found:
                cells = [_cell(metric, found[variable].get(metric)) for metric in SHOWN]
                lines.append(f"| {site} | " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(metric: str, value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:.0f}" if metric == "n" else f"{value:.2f}"
