"""Gridded runs over decades.

`run_region` runs a file of choices or goes on with it, `region_status` tells how it stands, `open_results` reads its output,
and `export_region` writes the files other tools read. What is wrong comes as a `RegionError` by name.
"""

from terraflux.region.configuration import RegionChoices, choices_from, read_choices
from terraflux.region.errors import RegionError
from terraflux.region.export import export_region
from terraflux.region.masking import MaskedCell
from terraflux.region.results import RegionResults, open_results
from terraflux.region.run import RegionResult, region_status, run_region

__all__ = ["MaskedCell", "RegionChoices", "RegionError", "RegionResult", "RegionResults", "choices_from", "export_region",
           "open_results", "read_choices", "region_status", "run_region"]
