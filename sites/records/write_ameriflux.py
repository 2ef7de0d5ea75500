"""Writer of AmeriFlux BASE CSV files, half-hourly or hourly."""

from pathlib import Path

from terraflux.drivers.errors import ForcingError
from terraflux.sites.records.read_ameriflux import VARIABLES
from terraflux.sites.records.tower_record import TowerRecord
from terraflux.sites.records.write_fluxnet import with_stamps
from terraflux.sites.records.written_table import table_of_record, write_table


def write(record: TowerRecord, path: str | Path) -> Path:
    """Write a record with AmeriFlux names and units, -9999 where missing, below the two comment lines. Returns the path.

    Flags of three classes become VARIABLE_SSITC_TEST. Raises ForcingError for daily and coarser records.
    """
    if record.resolution not in ("HH", "HR"):
        raise ForcingError(f"AmeriFlux BASE files are half-hourly or hourly, the record is {record.resolution}",
                           remedy="write the format fluxnet or netcdf")
    names = {}
    for variable, (unit, base, *_) in VARIABLES.items():
        flag = f"{base}_SSITC_TEST" if record.quality_sense(variable) == "three_classes" else ""
        names[variable] = (base, unit, flag)
    table = table_of_record(record, "ameriflux", names)
    comments = str(record.data.attrs.get("comment_lines", "")).split("\n") if record.format == "ameriflux" else \
        [f"# Site: {record.site_id}", "# Version: 1-1"]
    return write_table(with_stamps(table, record), path, above=comments)
