"""Weather and surface data in: readers, unit and range checks, completion, disaggregation.

`open_tower` opens a tower from files; `synthetic_tower` invents one. Everything that is wrong with files or values
comes as a `ForcingError` that names file, variable, unit, time and remedy.
"""

from terraflux.drivers.completion_choices import Completion
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.site import SiteDescription, read_site, site_from_table
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.drivers.tower import READERS, Tower, open_tower

__all__ = ["READERS", "Completion", "ForcingError", "SiteDescription", "Tower", "open_tower", "read_site",
           "site_from_table", "synthetic_tower"]
