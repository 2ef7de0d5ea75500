"""The page of the national example, from the files that its stages left: tables as JSON, figures as PNG."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terraflux.drivers.safe_write import write_text
from terraflux.report.figures import Drawn
from terraflux.report.nation_page import FLUXES, Stages, facts_of, method, tables
from terraflux.report.templates import rendered
from terraflux.report.write_comparison import FIGURES, PAGE, TABLE_JSON

NATION_PAGE, SUMMARY, TEMPLATE = "nation.html", "nation.json", "nation.html"
COMPARISONS = ("gpp_months", "gpp_8day", "et_months")
SHOWN = ("mean_maps", "trend_maps", "series", "cycles")
SHOWN_BESIDE = ("mean_maps", "difference_maps", "agreement_1", "taylor_pattern", "zonal")
CAPTIONS = {"mean_maps": "means of the years", "series": "yearly values of regions with Theil-Sen lines",
            "trend_maps": "trends, dots where significant with the false-discovery rate under control",
            "cycles": "mean years of regions",
            "difference_maps": "difference from the made-up product", "agreement_1": "agreement cell by cell",
            "taylor_pattern": "Taylor diagram of the pattern of means", "zonal": "means by latitude"}


def write_nation(folder: Path, choices: Mapping[str, Any], stages: Stages) -> Path:
    """Write nation.html and nation.json (the same numbers) into the folder; returns the page. Raises OSError."""
    regional = {short: _rows(folder / short, "regional") for short in FLUXES}
    agreement = {name: _rows(folder / f"comparison_{name}", "agreement") for name in COMPARISONS}
    effects = {short: _rows(folder / f"attribution_{short}", "attribution") for short in FLUXES}
    made = tables(choices, stages, regional, agreement, effects)
    nation = facts_of(stages, "run nation")
    write_text(folder / SUMMARY, json.dumps({
        "synthetic": True, "choices": dict(choices), "nation": nation, "regional": regional, "agreement": agreement,
        "effects": effects, "members": facts_of(stages, "ensemble").get("members", []),
        "points": facts_of(stages, "towers").get("points", []),
        "timings": {name: {key: one[key] for key in ("seconds", "cpu_seconds", "attempts")} for name, one in stages.items()}},
        indent=1) + "\n")
    page = rendered(TEMPLATE, years=f"{choices['first']}-{choices['last']}", resolution=f"{choices['resolution']:g}",
                    cells=nation["cells"], tables=made, figures=_figures(folder), method=method(choices, stages),
                    beside=_beside(folder))
    return write_text(folder / NATION_PAGE, page)


def _rows(folder: Path, key: str) -> list[dict[str, Any]]:
    """Rows of a table of a comparison; [] where it was not made."""
    path = folder / TABLE_JSON
    return list(json.loads(path.read_text(encoding="utf-8"))[key]) if path.is_file() else []


def _figures(folder: Path) -> list[Drawn]:
    """The figures of the page that were drawn."""
    wanted = [(short, name, FLUXES[short]) for short in FLUXES for name in SHOWN]
    wanted += [(f"comparison_{place}", name, f"{FLUXES[place.partition('_')[0]]} beside a made-up product")
               for place in COMPARISONS for name in SHOWN_BESIDE]
    found = []
    for place, name, title in wanted:
        path = folder / place / FIGURES / f"{name}.png"
        if path.is_file():
            found.append(Drawn(f"{place}-{name}", f"{title}: {CAPTIONS[name]}.", path.read_bytes()))
    return found


def _beside(folder: Path) -> list[tuple[str, str]]:
    """Files and folders beside the page that exist, and what they are."""
    known = [("gpp/" + PAGE, "gross primary production of the nation, with all figures and tables"),
             ("et/" + PAGE, "evapotranspiration of the nation"),
             *((f"comparison_{name}/{PAGE}", "beside a made-up product") for name in COMPARISONS),
             *((f"attribution_{short}/{PAGE}", f"runs that explain the trend of {title.lower()}")
               for short, title in FLUXES.items()),
             ("parameters.toml", "parameters of plant types"), ("parameters.nc", "their maps with members"),
             ("runs/nation/monthly.zarr", "months of the nation, for any Zarr client"),
             ("export", "CF netCDF files of the months"), ("products", "the made-up products"),
             (SUMMARY, "the numbers of this page")]
    return [(path, words) for path, words in known if (folder / path).exists() or path == SUMMARY]
