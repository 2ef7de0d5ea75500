"""All output of `terraflux represent` in one folder, and of `terraflux towers rank`."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from terraflux.drivers.safe_write import replacing, write_text
from terraflux.report.footprint_figures import draw_footprint_figures
from terraflux.report.footprint_maps import source_areas_text, write_climatology_tiff
from terraflux.report.representativeness_page import facts, ranking_html, representativeness_html
from terraflux.sites.representativeness.ranking import RankedTower, RankingRule, ranking_table
from terraflux.sites.representativeness.table import csv_text, json_text, long_rows
from terraflux.sites.representativeness.tower import TowerRepresentativeness

TABLE_CSV, TABLE_JSON = "representativeness.csv", "representativeness.json"
SOURCE_AREAS, CLIMATOLOGY, PAGE, FIGURES = "source_areas.geojson", "climatology.tif", "representativeness.html", "figures"


@dataclass(frozen=True)
class RepresentFiles:
    """The folder, its page, all files, and what was left out."""

    folder: Path
    page: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...]


def write_representativeness(tower: TowerRepresentativeness, folder: str | os.PathLike[str], *, figures: bool = True,
                             progress: Callable[[str], None] | None = None) -> RepresentFiles:
    """Write table (CSV, JSON), source areas (GeoJSON), climatologies (GeoTIFF), figures (PNG) and the page (HTML).

    All content is made before the first file is written, and each file appears whole or not at all; figures of an earlier
    run that this one does not have are removed. Raises OSError where the folder cannot be written.
    """
    tell = progress or (lambda step: None)
    place = Path(folder)
    tell("figures")
    drawn, left_out = draw_footprint_figures(tower) if figures else ([], [])
    tell("table and page")
    label = {"tower": tower.code, "footprint_model": tower.model, "weights": tower.weights}
    if tower.model_note:
        label["footprint_model_note"] = tower.model_note
    inputs = {name.replace(" ", "_"): text for name, text in facts(tower)}
    content = label | {"latitude": tower.latitude, "longitude": tower.longitude}
    texts = {
        TABLE_CSV: csv_text(long_rows(tower.report)),
        TABLE_JSON: json_text(tower.report, content | {
            "half_hours": len(tower.rows), "half_hours_used": tower.used, "reasons": dict(tower.reasons),
            "dropped": dict(tower.dropped), "cautions": dict(tower.cautions), "inputs": inputs}),
        SOURCE_AREAS: source_areas_text(tower.climatologies, tower.latitude, tower.longitude, properties=label),
    }
    names = [*texts, CLIMATOLOGY, *(f"{FIGURES}/{one.name}.png" for one in drawn)]
    page = representativeness_html(tower, drawn, left_out, names)
    tell("files")
    files = [write_text(place / name, text) for name, text in texts.items()]
    files.append(write_climatology_tiff(place / CLIMATOLOGY, tower.climatologies, tower.latitude, tower.longitude, tags=label))
    for one in drawn:
        path = place / FIGURES / f"{one.name}.png"
        with replacing(path) as temporary:
            temporary.write_bytes(one.png)
        files.append(path)
    written = write_text(place / PAGE, page)
    for stale in set((place / FIGURES).glob("*.png")) - set(files):
        stale.unlink()
    return RepresentFiles(place, written, (*files, written), tuple(left_out))


def write_ranking(towers: Sequence[RankedTower], rule: RankingRule, out: str | os.PathLike[str], notes: Sequence[str] = ()
                  ) -> tuple[Path, Path]:
    """The ranking as CSV at `out` and as a page beside it (same name, .html)."""
    table = ranking_table(towers)
    csv = Path(out)
    page = write_text(csv.with_suffix(".html"), ranking_html(towers, rule, notes))
    return write_text(csv, table.to_csv(index=False, lineterminator="\n")), page
