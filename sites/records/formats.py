"""The formats of tower records by short name: reading with or without being told which, and writing."""

import gzip
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.safe_files import existing, open_netcdf
from terraflux.sites.records import (
    read_ameriflux,
    read_chinaflux,
    read_eddypro,
    read_fluxnet,
    read_reddyproc,
    read_subset,
    record_netcdf,
    write_again,
    write_ameriflux,
    write_fluxnet,
)
from terraflux.sites.records.read_options import ReadOptions, options_from
from terraflux.sites.records.tower_record import TowerRecord
from terraflux.sites.records.unit_checks import check_record_units

Detector = Callable[[list[str], Path], bool]
HEAD_BYTES = 200_000


@dataclass(frozen=True)
class RecordFormat:
    """A format: its meaning, its reader, its writer (None where there is none), and how a text file is told to be one."""

    name: str
    meaning: str
    read: Callable[[str | Path, ReadOptions], TowerRecord]
    write: Callable[[TowerRecord, str | Path], Path] | None = None
    detect: Detector | None = None


FORMATS: dict[str, RecordFormat] = {one.name: one for one in (
    RecordFormat("fluxnet", "FLUXNET2015, ONEFlux, ICOS or AmeriFlux-FLUXNET CSV, half-hours to years",
                 read_fluxnet.read, write_fluxnet.write, read_fluxnet.detect),
    RecordFormat("ameriflux", "AmeriFlux BASE CSV, with its BADM file", read_ameriflux.read, write_ameriflux.write,
                 read_ameriflux.detect),
    RecordFormat("eddypro", "EddyPro full output", read_eddypro.read, write_again.write_eddypro, read_eddypro.detect),
    RecordFormat("chinaflux", "ChinaFLUX-style CSV, Chinese or English header", read_chinaflux.read,
                 write_again.write_chinaflux, read_chinaflux.detect),
    RecordFormat("reddyproc", "table with Year, DoY, Hour as in the REddyProc example", read_reddyproc.read,
                 write_again.write_reddyproc, read_reddyproc.detect),
    RecordFormat("subset", "half-hourly FLUXNET2015 subset in netCDF", read_subset.read),
    RecordFormat("netcdf", "terraflux tower record in netCDF", record_netcdf.read, record_netcdf.write),
)}
"""Formats by short name; add one by putting a RecordFormat here."""


def read_record(path: str | os.PathLike[str], format: str | None = None, **options: Any) -> TowerRecord:
    """A tower record from a file of any known format, which is recognised where it is not named.

    `options` are the fields of `ReadOptions`: site_id, facts, units, order, duplicates, gaps, marks, badm, missing, ...
    Raises ForcingError naming file, line, column, unit and time for whatever does not fit, with the remedy.

    >>> record = read_record("AMF_US-Var_BASE_HH_17-5.csv", badm="AMF_US-Var_BIF.csv")  # doctest: +SKIP
    >>> record.values("net_ecosystem_exchange"), record.quality("latent_heat")          # doctest: +SKIP
    """
    chosen = options_from(options)
    found = Path(path)
    existing(found, chosen.maximum_bytes)
    name = format or detect_format(found)
    record = _format(name).read(found, chosen)
    if chosen.diagnose:
        check_record_units(record)
    return record


def write_record(record: TowerRecord, path: str | os.PathLike[str], format: str | None = None) -> Path:
    """Write a record in a format, by default netCDF for names ending in .nc and else the format it came from.

    The file appears whole or not at all. What a format cannot hold is told in a warning; netCDF holds everything.
    """
    target = Path(path)
    chosen = _format(format or ("netcdf" if target.suffix == ".nc" else record.format))
    if chosen.write is None:
        raise ForcingError(f"the format {chosen.name} has no writer", file=target,
                           remedy=f"choose one of {', '.join(name for name, one in FORMATS.items() if one.write)}")
    return chosen.write(record, target)


def detect_format(path: str | os.PathLike[str]) -> str:
    """Short name of the format of a file. Raises ForcingError where none, or more than one, fits."""
    found = existing(path)
    with open(found, "rb") as stream:
        start = stream.read(8)
    if start[:3] == b"CDF" or start == b"\x89HDF\r\n\x1a\n":
        return _netcdf_format(found)
    lines = _head(found)
    fitting = [one.name for one in FORMATS.values() if one.detect is not None and one.detect(lines, found)]
    if len(fitting) != 1:
        raise ForcingError(f"the format is ambiguous: {', '.join(fitting)}" if fitting else "the format is not recognised",
                           file=found, remedy=f"name one of {', '.join(fitting or FORMATS)} as format")
    return fitting[0]


def _netcdf_format(path: Path) -> str:
    with open_netcdf(path) as dataset:
        if record_netcdf.detect(dict(dataset.attrs)):
            return "netcdf"
        if read_subset.detect({str(name) for name in dataset.variables}):
            return "subset"
    raise ForcingError("this netCDF file is no tower record and no half-hourly subset", file=path,
                       remedy="PLUMBER2 files are opened with terraflux.drivers.open_tower; name another file")


def _head(path: Path) -> list[str]:
    """The first lines of a plain or gzipped text file."""
    with open(path, "rb") as raw:
        packed = raw.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path, "rb") if packed else open(path, "rb") as stream:
            content = stream.read(HEAD_BYTES)
    except (OSError, EOFError) as trouble:
        raise ForcingError(f"the file cannot be read: {trouble}", file=path, remedy="fetch it again") from trouble
    for encoding in ("utf-8-sig", "gb18030"):
        # A character may be cut at the end of the head: only what comes before the last line end counts.
        whole = content[: max(content.rfind(b"\n"), content.rfind(b"\r")) + 1] or content
        try:
            text = whole.decode(encoding)
            break
        except UnicodeDecodeError:
            text = whole.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")[:10]


def _format(name: str) -> RecordFormat:
    if name not in FORMATS:
        raise ForcingError(f"the format {name!r} is unknown", remedy=nearest(name, FORMATS))
    return FORMATS[name]
