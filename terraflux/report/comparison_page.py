"""One self-contained HTML page of a comparison: products, tables of regions, agreement, trends, scores, figures, method."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from terraflux.evaluation.comparison.compare import COMMON, OWN, Comparison, grid_of_common
from terraflux.evaluation.comparison.fields import synthetic_note
from terraflux.evaluation.comparison.regions import WHOLE
from terraflux.report.figures import Drawn
from terraflux.report.style import readable_name
from terraflux.report.templates import rendered

TEMPLATE = "comparison.html"
Table = tuple[str, str, list[str], list[list[str]]]
REGIONAL = (("mean", "mean"), ("deviation", "sd of years"), ("total", "total"), ("trend", "trend"), ("trend_lower", "from"),
            ("trend_upper", "to"), ("trend_percent", "% yr-1"), ("p", "p"), ("p_plain", "p, plain"), ("rho", "rho"))
AGREEMENT = (("reference_mean", "mean of reference"), ("cell_bias", "bias"), ("cell_rmse", "RMSE"),
             ("cell_centred_rmse", "centred RMSE"), ("cell_correlation", "r of cells"),
             ("cell_phase_shift", "phase (days)"), ("series_correlation", "r of series"),
             ("pattern_correlation", "r of pattern"), ("pattern_deviation_ratio", "sd ratio of pattern"))
SCORES = (("ilamb_bias", "bias"), ("ilamb_rmse", "RMSE"), ("ilamb_phase", "phase"), ("ilamb_interannual", "interannual"),
          ("ilamb_spatial", "spatial"), ("ilamb_overall", "overall"))
PAIRS = (("trend", "trend"), ("reference_trend", "of reference"), ("interval_overlap", "overlap of intervals"),
         ("difference", "trend of difference"), ("difference_lower", "from"), ("difference_upper", "to"), ("p", "p"),
         ("p_plain", "p, plain"))


def comparison_html(found: Comparison, figures: Sequence[Drawn] = (), notes: Sequence[str] = (), files: Sequence[str] = (),
                    sources: Mapping[str, str] | None = None) -> str:
    """The page as text; `sources` says how regions are delimited. All data are escaped."""
    return rendered(TEMPLATE, title=readable_name(found.quantity.name), common=common_text(found),
                    synthetic=synthetic_note(found.products),
                    warnings=[note for note in (*found.notes, *notes) if not note.startswith("SYNTHETIC")],
                    products=[_product(one) for one in found.products], tables=tables(found),
                    figures=figures, method=method(found),
                    regions=[(one.name, (sources or {}).get(one.name, "given by the user")) for one in found.regions],
                    files=files)


def common_text(found: Comparison) -> str:
    """Common period and grid in words."""
    one = found.common[0]
    return f"{one.time[0]} to {one.time[-1]}, {grid_of_common(found)}"


def tables(found: Comparison) -> list[Table]:
    """(heading, lead, head, rows) of every table that has rows."""
    made: list[Table] = []
    for ground, heading in ((OWN, "Regions, each product on its own cells and years"), (COMMON, "Regions on common ground")):
        rows = [row for row in found.regional if row["ground"] == ground]
        if not rows:
            continue
        first = rows[0]
        units = f"Means in {first['mean_unit']}" + (f", totals in {first['total_unit']}" if first["total_unit"] else "")
        lead = (f"{units}; trends per year with their {found.confidence:.0%} interval. p allows for serial correlation (rho), "
                "the plain one does not. Only cells with values in every year count.")
        columns = REGIONAL if first["total_unit"] else tuple(one for one in REGIONAL if one[0] != "total")
        told = any(row["published"] for row in rows)
        head = ["region", "product", "years", "area (1000 km2)", "covered", *(title for _, title in columns),
                *(["beside published ranges"] if told else [])]
        lines = [[_region(row), str(row["product"]), f"{row['first_year']}-{row['last_year']}", number(row["area_km2"] * 1e-3),
                  _percent(row["coverage"]), *(number(row[key]) for key, _ in columns), *([row["published"]] if told else [])]
                 for row in _by_region(rows)]
        made.append((heading, lead, head, lines))
    if found.agreement:
        unit = found.agreement[0]["unit"]
        lead = (f"Against {found.reference}, in {unit}; measures of cells are area means. Phase: time of the annual maximum, "
                "positive where later than the reference.")
        made.append(("Agreement", lead, ["region", "product", "area (1000 km2)", "mean", *(title for _, title in AGREEMENT)],
                     [[_region(row), row["product"], number(row["area_km2"] * 1e-3), number(row["mean"]),
                       *(number(row[key]) for key, _ in AGREEMENT)] for row in _by_region(found.agreement)]))
    scored = [row for row in found.agreement if np.isfinite(row["ilamb_overall"])]
    if scored:
        made.append(("ILAMB scores", f"Against {found.reference}, as ILAMB 2.7.3 computes them (Collier et al. 2018), 0 to 1.",
                     ["region", "product", *(title for _, title in SCORES)],
                     [[_region(row), row["product"], *(number(row[key]) for key, _ in SCORES)] for row in _by_region(scored)]))
    if found.trend_pairs:
        lead = (f"In {found.trend_pairs[0]['unit']}. The trend of the difference of two series is the sharper test: weather "
                "that both share cancels.")
        made.append(("Do trends differ?", lead, ["region", "product", *(title for _, title in PAIRS)],
                     [[_region(row), row["product"], *(number(row[key]) for key, _ in PAIRS)]
                      for row in _by_region(found.trend_pairs)]))
    if found.attribution:
        lead = (f"In {found.attribution[0]['unit']}. Effect: trend of the run with all factors minus that of the run without "
                "one; p is that of the difference of both series. Closure: what the effects leave. Shapley values need all "
                "runs.")
        made.append(("What makes the trend?", lead, ["region", "factor", "effect", "share", "p", "p, plain", "Shapley value"],
                     [[_region(row), row["factor"], number(row["effect"]), _percent(row["share"]),
                       *(number(row[key]) for key in ("p", "p_plain", "shapley"))] for row in found.attribution]))
    if found.contributions:
        lead = "Share of each region in the variability of their sum, detrended (Ahlstrom et al. 2015)."
        head = ["region", "product", "share of variability", "share of area"]
        made.append(("Who makes the interannual variability?", lead, head,
                     [[row["region"], row["product"], _percent(row["share_of_variability"]), _percent(row["share_of_area"])]
                      for row in _by_region(found.contributions)]))
    return made


def method(found: Comparison) -> list[str]:
    """What a reader needs to repeat the numbers."""
    area = "the sphere of 6371.0 km" if found.method == "sphere" else "the WGS84 ellipsoid"
    border = f" and within the boundary ({found.boundary.name})." if found.boundary else "; no boundary was given."
    year = "sum over its months of mean daily rate times days" if found.quantity.accumulates else "mean over its days"
    lines = [f"Areas of cells are those of {area}, times the share of land where a product states it, times the share within "
             f"the region{border}",
             f"A year is the {year}; calendars: {', '.join(f'{one.name} {one.calendar}' for one in found.products)}."]
    if len(found.products) > 1:
        lines.append(f"Common ground: {common_text(found)}; values are carried to the coarsest grid conservatively, and a cell "
                     "counts only where every product has values at every step.")
    lines.append("Trends: Theil-Sen slope and Mann-Kendall test, plain and with the variance of a lag-one autoregression; maps "
                 "with the false-discovery rate of Benjamini and Hochberg (1995) at twice 5 % (Wilks 2016).")
    return lines


def _product(one: Any) -> list[str]:
    cells = int(np.isfinite(one.values).any(axis=0).sum())
    return [one.name, one.source or "in memory", f"{one.time[0]} to {one.time[-1]}", "months" if one.monthly else "years",
            one.calendar, str(cells)]


def _by_region(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    order = {name: place for place, name in enumerate(dict.fromkeys(row["region"] for row in rows))}
    return sorted(rows, key=lambda row: order[row["region"]])


def _region(row: Mapping[str, Any]) -> str:
    return "All" if row["region"] == WHOLE else str(row["region"])


def _percent(value: float) -> str:
    return f"{100.0 * value:.0f} %" if np.isfinite(value) else ""


def number(value: float) -> str:
    """A number with four significant digits, "" for NaN."""
    return "" if not np.isfinite(value) else f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
