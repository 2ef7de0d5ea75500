"""Reader of AmeriFlux BASE CSV files, with the site's BADM file where it is given.

Two comment lines (# Site, # Version), then columns named VARIABLE_horizontal_vertical_replicate with the qualifiers _PI
and _F; units are those of the AmeriFlux standard. Of several sensors of a variable the fullest column is taken, and the
history says so; all columns stay in the source. Flags are those of Mauder and Foken (VARIABLE_SSITC_TEST), else of the
site team (VARIABLE_QC). BASE carries what footprints need: WS, WD, USTAR, MO_LENGTH or ZL, V_SIGMA, H, TA, PA.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.read_ameriflux import FORCING_VARIABLES, HUMIDITY_VARIABLES, OBSERVED_VARIABLES, columns_of
from terraflux.drivers.time_axis import stamps_from_text
from terraflux.sites.records.badm import read_badm
from terraflux.sites.records.cells import MISSING, cells_of, table_of, text_of
from terraflux.sites.records.read_fluxnet import detect as detect_fluxnet
from terraflux.sites.records.read_fluxnet import fill_stamps, interval_seconds, site_in_name
from terraflux.sites.records.read_options import ReadOptions
from terraflux.sites.records.tower_record import Column, TowerRecord, record_from, rows_taken

VARIABLES: dict[str, tuple[str, ...]] = FORCING_VARIABLES | HUMIDITY_VARIABLES | OBSERVED_VARIABLES | {
    "net_ecosystem_exchange": ("umol m-2 s-1", "NEE"),
    "carbon_dioxide_flux": ("umol m-2 s-1", "FC"),
    "carbon_dioxide_storage_flux": ("umol m-2 s-1", "SC"),
    "photosynthetic_photon_flux_density": ("umol m-2 s-1", "PPFD_IN"),
    "wind_direction": ("degree", "WD"),
    "obukhov_length": ("m", "MO_LENGTH"),
    "stability_parameter": ("1", "ZL"),
    "sigma_v": ("m s-1", "V_SIGMA"),
    "sigma_w": ("m s-1", "W_SIGMA"),
    "boundary_layer_height": ("m", "PBLH"),
}
"""Variable: unit of the AmeriFlux standard, then base names."""


def detect(lines: list[str], path: Path) -> bool:
    """Whether the first lines are those of such a file."""
    comments = [line for line in lines[:6] if line.startswith("#")]
    if any(re.match(r"#\s*(Site|Version)\s*:", line) for line in comments):
        return True
    header = cells_of(lines[len(comments)]) if len(lines) > len(comments) else []
    if not {"TIMESTAMP_START", "TIMESTAMP_END"} <= set(header):
        return False
    fluxes = any(columns_of(base, header) for base in ("FC", "NEE", "LE", "H"))
    return bool(re.match(r"AMF_.*_BASE_", path.name)) or (fluxes and not detect_fluxnet(lines, path))


def read(path: str | Path, options: ReadOptions) -> TowerRecord:
    """A record from one file. Raises ForcingError naming file, line, column and time for whatever does not fit."""
    text = text_of(path, options.maximum_bytes)
    comments = [line for line in text.lines[:6] if line.startswith("#")]
    header = cells_of(text.lines[len(comments)]) if len(text.lines) > len(comments) else []
    for name in ("TIMESTAMP_START", "TIMESTAMP_END"):
        if name not in header:
            raise ForcingError(f"the column {name} is missing", file=path, variable=name,
                               remedy="use an AmeriFlux BASE file, or name another format")
    first = len(comments) + 1
    source = table_of(text, header, first, missing=(*MISSING, *options.missing),
                      text_columns=("TIMESTAMP_START", "TIMESTAMP_END"))
    starts = stamps_from_text(source["TIMESTAMP_START"].tolist(), file=path)
    ends = stamps_from_text(source["TIMESTAMP_END"].tolist(), file=path)
    axis, rows, notes = options.axis(starts, path, first + 1, interval_seconds(starts, ends, path, first))
    source = rows_taken(source, rows)
    fill_stamps(source, axis.start, axis.step_seconds)
    columns = [one for variable in VARIABLES if (one := chosen(variable, source, options, notes)) is not None]
    if "net_ecosystem_exchange" not in [one.variable for one in columns]:
        flux = next((one for one in columns if one.variable == "carbon_dioxide_flux"), None)
        if flux is not None:
            columns.append(Column("net_ecosystem_exchange", flux.column, flux.unit, flux.quality, flux.sense))
            notes.append(f"net_ecosystem_exchange from {flux.column}, without storage")
    options.check_units_used(header, [one.variable for one in columns], path)
    match = re.search(r"#\s*Site:\s*(\S+)", "\n".join(comments))
    found: dict[str, object] = {"site_id": match.group(1) if match else site_in_name(path)}
    if options.badm is not None:
        badm = read_badm(options.badm, options.site_id or str(found["site_id"] or ""))
        found |= badm.facts(str(axis.start[0].astype("datetime64[D]")))
        notes.append(f"facts of the site from {Path(options.badm).name}")
    record = record_from(source, axis.start, axis.start + axis.step_seconds, format="ameriflux",
                         resolution="HR" if axis.step_seconds == 3600 else "HH", step_seconds=axis.step_seconds,
                         columns=columns, facts=options.site_facts(found), files=[Path(path).name], history=notes)
    record.data.attrs["comment_lines"] = "\n".join(comments)
    return record


def chosen(variable: str, source: pd.DataFrame, options: ReadOptions, notes: list[str]) -> Column | None:
    """The fullest column of a variable, with its flags; None where no column holds a number."""
    unit, *bases = VARIABLES[variable]
    names = [name for base in bases for name in columns_of(base, list(source.columns))]
    counts = [int(source[name].notna().sum()) for name in names]
    if not counts or max(counts) == 0:
        return None
    column = names[int(np.argmax(counts))]
    if len(names) > 1:
        notes.append(f"{variable} from {column}, the fullest of {', '.join(names)}")
    base, position = re.fullmatch(r"(.*?)((?:_\d+)*(?:_A)?)", column).groups()  # type: ignore[union-attr]
    base = re.sub(r"(_PI)?(_F)?$", "", base)
    for suffix, sense in (("SSITC_TEST", "three_classes"), ("QC", "source")):
        for flag in (f"{base}_{suffix}{position}", f"{base}_{suffix}"):
            if flag in source.columns:
                return Column(variable, column, options.unit_of(variable, column, unit), flag, sense)
    return Column(variable, column, options.unit_of(variable, column, unit))
