"""Files of tower networks: readers and writers that keep every value and flag.

`read_record` opens a file of any known format as a `TowerRecord`, `write_record` writes one; `footprint_inputs` gives
what footprint models need of it.
"""

from terraflux.sites.records.footprint_inputs import footprint_inputs
from terraflux.sites.records.formats import FORMATS, detect_format, read_record, write_record
from terraflux.sites.records.tower_record import TowerRecord

__all__ = ["FORMATS", "TowerRecord", "detect_format", "footprint_inputs", "read_record", "write_record"]
