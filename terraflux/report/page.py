"""One self-contained HTML page per run: figures, scores, closures, budgets, provenance, warnings."""

import json
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.evaluation.cf_attributes import versions
from terraflux.report.figures import Drawn
from terraflux.report.style import readable_name
from terraflux.report.summary import annual_budget, closures, is_synthetic, warnings
from terraflux.report.templates import rendered
from terraflux.report.weather import provenance_shares

TEMPLATE = "page.html"
SHOWN_METRICS = ("bias", "rmse", "r", "nse", "kge_2012", "nme", "probability_overlap")
SHOWN_SCALES = {"half_hourly": "Time step", "daily": "Daily means", "monthly": "Monthly means",
                "diurnal": "Mean diurnal cycle"}
SITE_FACTS = ("site_id", "site_name", "latitude", "longitude", "elevation", "utc_offset_hours", "plant_type",
              "plant_types", "soil_class", "igbp", "canopy_height", "measurement_height", "time_step_seconds")
LONG_ATTRIBUTES = ("parameters", "options", "spin_up", "history", "source_files", "input_checksums")


def page_html(simulated: xr.Dataset, observed: xr.Dataset | None = None, forcing: xr.Dataset | None = None,
              scores: pd.DataFrame | None = None, figures: Sequence[Drawn] = (), notes: Iterable[str] = (),
              files: Sequence[str] = ()) -> str:
    """The page as text. `scores` is a table of `score_table`; `notes` are further warnings; `files` names what lies
    beside the page. Everything that comes from data is escaped."""
    time = simulated.get_index("time")
    site = str(simulated.attrs.get("site_name") or simulated.attrs.get("site_id") or "column")
    return rendered(
        TEMPLATE,
        site=site,
        synthetic=is_synthetic(simulated),
        period=f"{pd.Timestamp(time[0]):%Y-%m-%d} to {pd.Timestamp(time[-1]):%Y-%m-%d}",
        warnings=[*warnings(simulated, forcing), *notes],
        closures=closures(simulated),
        facts=_described(simulated, SITE_FACTS),
        scores=score_blocks(scores) if scores is not None else [],
        metrics=SHOWN_METRICS,
        budget=_budget(annual_budget(simulated, forcing)),
        figures=figures,
        provenance=_provenance(forcing),
        completions=_lines(forcing.attrs.get("history")) if forcing is not None else [],
        documents=[*_described(simulated, LONG_ATTRIBUTES), ("versions", versions())],
        attributes=[(str(name), _text(value)) for name, value in simulated.attrs.items()
                    if name not in LONG_ATTRIBUTES and name not in SITE_FACTS],
        files=files,
    )


def score_blocks(scores: pd.DataFrame) -> list[tuple[str, list[list[str]]]]:
    """(title, rows) per scale with values; a row is variable, unit, n and the shown metrics as text."""
    blocks = []
    for scale, title in SHOWN_SCALES.items():
        rows = []
        part = scores[(scores["scale"] == scale) & (scores["n"] > 0)]
        for variable, group in part.groupby("variable", sort=False):
            values = dict(zip(group["metric"], group["value"], strict=True))
            unit = next((text for text in group["unit"] if text), "")
            rows.append([readable_name(str(variable)), unit, f"{int(group['n'].iloc[0])}",
                         *(_number(values.get(metric, float("nan"))) for metric in SHOWN_METRICS)])
        if rows:
            blocks.append((title, rows))
    return blocks


def _budget(table: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the annual budget as text."""
    if table.empty:
        return [], []
    rows = [[str(name), str(row.iloc[0]), *(f"{value:.4g}" if np.isfinite(value) else "–" for value in row.iloc[1:])]
            for name, row in table.iterrows()]
    return [str(column) for column in table.columns], rows


def _described(simulated: xr.Dataset, names: Sequence[str]) -> list[tuple[str, str]]:
    """Attributes that the run has and that say something."""
    return [(name.replace("_", " "), _text(simulated.attrs[name])) for name in names
            if simulated.attrs.get(name) not in (None, "")]


def _provenance(forcing: xr.Dataset | None) -> list[tuple[str, str]]:
    if forcing is None:
        return []
    return [(readable_name(name), ", ".join(f"{kind.replace('_', ' ')} {share:.1%}" for kind, share in shares.items()))
            for name, shares in provenance_shares(forcing).items()]


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"


def _lines(value: object) -> list[str]:
    if not value:
        return []
    if isinstance(value, (list, tuple)):
        return [str(line) for line in value]
    return [part for line in str(value).splitlines() for part in line.split("; ") if part]


def _text(value: object) -> str:
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, indent=1, default=str, ensure_ascii=False)
    return str(value)
