"""A comparison as files: tables (CSV, JSON), maps (netCDF), figures (PNG), one page (HTML)."""

import csv
import io
import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.safe_write import replacing, write_text
from terraflux.evaluation.cf_attributes import version
from terraflux.evaluation.comparison.compare import Comparison
from terraflux.report.comparison_figures import draw_comparison
from terraflux.report.comparison_page import common_text, comparison_html, method

PAGE, TABLE_JSON, MAPS, FIGURES = "comparison.html", "comparison.json", "maps.nc", "figures"
TABLES = {"regions.csv": "regional", "agreement.csv": "agreement", "trend_differences.csv": "trend_pairs",
          "variability.csv": "contributions", "attribution.csv": "attribution"}
FORMAT, VERSION = "terraflux comparison", 1
FILL = 1e20


@dataclass(frozen=True)
class ComparisonFiles:
    """What was written: folder, page, all files, and figures left out with the reason."""

    folder: Path
    page: Path
    files: tuple[Path, ...]
    left_out: tuple[str, ...]


def write_comparison(found: Comparison, folder: str | os.PathLike[str], *, figures: bool = True,
                     sources: Mapping[str, str] | None = None,
                     progress: Callable[[str], None] | None = None) -> ComparisonFiles:
    """Write tables, yearly series, maps, figures and the page; each file appears whole or not at all.

    Figures and tables of an earlier run that this one does not have are removed. Raises OSError where the folder cannot be
    written.
    """
    tell = progress or (lambda step: None)
    place = Path(folder)
    tell("figures")
    drawn, left_out = draw_comparison(found) if figures else ([], [])
    tell("files")
    texts = {name: csv_text(getattr(found, key)) for name, key in TABLES.items() if getattr(found, key)}
    texts |= {"years.csv": csv_text(yearly_rows(found)), "zonal.csv": csv_text(zonal_rows(found)), TABLE_JSON: json_text(found)}
    names = [*texts, MAPS, *(f"{FIGURES}/{one.name}.png" for one in drawn)]
    page = comparison_html(found, drawn, left_out, names, sources)
    files = [write_text(place / name, text) for name, text in texts.items() if text]
    files.append(_write_maps(found, place / MAPS))
    for one in drawn:
        path = place / FIGURES / f"{one.name}.png"
        with replacing(path) as temporary:
            temporary.write_bytes(one.png)
        files.append(path)
    files.append(write_text(place / PAGE, page))
    for stale in {*(place / FIGURES).glob("*.png"), *(place / name for name in TABLES)} - set(files):
        stale.unlink(missing_ok=True)
    return ComparisonFiles(place, place / PAGE, tuple(files), tuple(left_out))


def csv_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as CSV with a head; NaN is an empty cell. "" for no rows."""
    if not rows:
        return ""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({key: "" if isinstance(value, float) and math.isnan(value) else repr(value) if isinstance(value, float)
                         else value for key, value in row.items()})
    return stream.getvalue()


def json_text(found: Comparison) -> str:
    """All tables with what they rest on, as JSON; NaN as null."""
    content = {"format": FORMAT, "version": VERSION, "quantity": found.quantity.name, "reference": found.reference,
               "common": common_text(found), "cell_area": found.method, "confidence": found.confidence,
               "synthetic": [one.name for one in found.products if one.synthetic],
               "boundary": found.boundary.name if found.boundary else None, "method": method(found), "notes": list(found.notes),
               "products": [{"name": one.name, "source": one.source, "first": str(one.time[0]), "last": str(one.time[-1]),
                             "calendar": one.calendar, "unit": one.unit} for one in found.products],
               **{key: list(getattr(found, key)) for key in TABLES.values()}}
    return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def yearly_rows(found: Comparison) -> list[dict[str, Any]]:
    """Yearly means and totals of every region, product and ground."""
    return [{"ground": ground, "product": product, "region": region, "year": int(year), "mean": float(one.mean[place]),
             "mean_unit": one.unit, "total": float(one.total[place]) if one.total is not None else math.nan,
             "total_unit": one.total_unit}
            for ground, products in found.series.items() if ground == "own" or len(found.products) > 1
            for product, regions in products.items() for region, one in regions.items() for place, year in enumerate(one.years)]


def zonal_rows(found: Comparison) -> list[dict[str, Any]]:
    """Means by latitude on common ground."""
    unit = found.quantity.yearly_unit or found.common[0].unit
    return [{"product": one.name, "latitude": float(north), "mean": float(found.zonal[one.name][row]), "unit": unit}
            for one in found.common if one.name in found.zonal for row, north in enumerate(one.latitude)]


def _plain(content: Any) -> Any:
    if isinstance(content, dict):
        return {key: _plain(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_plain(value) for value in content]
    if isinstance(content, (float, np.floating)):
        return float(content) if math.isfinite(content) else None
    return int(content) if isinstance(content, np.integer) else content


def _write_maps(found: Comparison, path: Path) -> Path:
    """Measures and trends of cells as netCDF: product (by number, names in an attribute), latitude, longitude."""
    import netCDF4

    like = found.common[0]
    unit = found.quantity.yearly_unit or like.unit
    layers: dict[str, tuple[str, dict[str, Any]]] = {}
    for name, maps in found.maps.items():
        for key in maps.names():
            its = {"correlation": "1", "deviation_ratio": "1", "phase_shift": "days"}.get(key, like.unit)
            layers.setdefault(key, (its, {}))[1][name] = getattr(maps, key)
    for name, scores in found.scores.items():
        for key, values in scores.maps.items():
            layers.setdefault(f"ilamb_{key}_score", ("1", {}))[1][name] = values
    for name, one in found.trends.items():
        for part in fields(one):
            if part.name in ("slope", "lower", "upper", "p", "p_plain", "rho", "years"):
                its = {"p": "1", "p_plain": "1", "rho": "1", "years": "1"}.get(part.name, f"{unit} yr-1")
                layers.setdefault(f"trend_{part.name}", (its, {}))[1][name] = getattr(one, part.name)
        layers.setdefault("trend_significant", ("1", {}))[1][name] = np.where(np.isfinite(np.asarray(one.p)),
                                                                              found.significance[name], np.nan)
    names = [one.name for one in found.common]
    with replacing(path) as temporary, netCDF4.Dataset(temporary, "w") as file:
        file.setncatts({"Conventions": "CF-1.8", "title": f"comparison of {found.quantity.name}: {', '.join(names)}",
                        "source": f"terraflux {version()}", "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ} terraflux compare",
                        "reference": found.reference, "period": f"{like.time[0]} to {like.time[-1]}",
                        "synthetic": int(any(one.synthetic for one in found.products))})
        for dim, size in (("product", len(names)), ("lat", like.latitude.size), ("lon", like.longitude.size), ("bnds", 2)):
            file.createDimension(dim, size)
        number = file.createVariable("product", "i4", ("product",))
        number.setncatts({"long_name": "number of the product", "units": "1", "flag_values": np.arange(len(names), dtype="i4"),
                          "flag_meanings": " ".join(name.replace(" ", "_") for name in names)})
        number[:] = np.arange(len(names))
        for key, standard, centres, edges in (("lat", "latitude", like.latitude, like.latitude_edges),
                                              ("lon", "longitude", like.longitude, like.longitude_edges)):
            axis = file.createVariable(key, "f8", (key,))
            axis.setncatts({"standard_name": standard, "long_name": standard, "bounds": f"{key}_bnds",
                            "axis": "Y" if key == "lat" else "X",
                            "units": "degrees_north" if key == "lat" else "degrees_east"})
            axis[:] = centres
            file.createVariable(f"{key}_bnds", "f8", (key, "bnds"))[:] = np.stack([edges[:-1], edges[1:]], axis=1)
        for key, (its, parts) in layers.items():
            variable = file.createVariable(key, "f4", ("product", "lat", "lon"), fill_value=np.float32(FILL), zlib=True)
            variable.setncatts({"long_name": key.replace("_", " "), "units": its})
            for place, name in enumerate(names):
                if name in parts:
                    variable[place] = np.ma.masked_invalid(np.asarray(parts[name], dtype=np.float64))
    return path
