"""Writers for formats that only their own program makes: a record goes back into the format it came from."""

from pathlib import Path

from terraflux.drivers.errors import ForcingError
from terraflux.sites.records.tower_record import TowerRecord
from terraflux.sites.records.written_table import table_of_record, write_table


def _write(record: TowerRecord, path: str | Path, format: str) -> Path:
    if record.format != format:
        raise ForcingError(f"a record of the format {record.format} cannot become {format}", file=path,
                           remedy="write the format fluxnet, ameriflux or netcdf")
    table = table_of_record(record, format, {})
    return write_table(table, path, above=str(record.data.attrs["header_lines"]).split("\n"), header=())


def write_eddypro(record: TowerRecord, path: str | Path) -> Path:
    """Write a record of EddyPro with its three header lines. Returns the path."""
    return _write(record, path, "eddypro")


def write_chinaflux(record: TowerRecord, path: str | Path) -> Path:
    """Write a record of a ChinaFLUX file with its header, in UTF-8. Returns the path."""
    return _write(record, path, "chinaflux")


def write_reddyproc(record: TowerRecord, path: str | Path) -> Path:
    """Write a record of a REddyProc table with its header, separated by commas. Returns the path."""
    return _write(record, path, "reddyproc")
