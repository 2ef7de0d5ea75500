"""What a caller may say about a file when it is read, and how a reader settles time, site and units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError, refuse_unknown_keys
from terraflux.drivers.safe_files import MAXIMUM_TEXT_BYTES
from terraflux.drivers.time_axis import Stamps, TimeAxis, regular_axis
from terraflux.sites.catalogue import catalogue

FACTS = ("site_id", "name", "latitude", "longitude", "elevation", "igbp", "canopy_height", "measurement_height",
         "tower_height", "utc_offset_hours", "mean_annual_temperature", "mean_annual_precipitation")


@dataclass(frozen=True)
class ReadOptions:
    """Choices for reading a record.

    `site_id` names the tower where the file does not; its facts come from the catalogue (`catalogue_file` is a user's
    own). `facts` replace or add single facts (see `FACTS`). `units` declares the unit of a column, or of a variable,
    in place of the format's. `order="sort"`, `duplicates="first"` and `gaps="fill"` repair a time axis that is refused
    otherwise. `marks` says whether stamps are the "start" or the "end" of intervals, where a format leaves that open.
    `badm` is the BADM (BIF) file of an AmeriFlux record. `separator` and `missing` (texts of missing cells) hold for
    plain tables. `diagnose=False` leaves out the test that numbers are plausible in their unit. Files larger than
    `maximum_bytes` are refused before they are read.
    """

    site_id: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    order: str = "refuse"
    duplicates: str = "refuse"
    gaps: str = "refuse"
    marks: str = ""
    badm: str | Path | None = None
    catalogue_file: str | Path | None = None
    separator: str = ""
    missing: Sequence[str] = ()
    diagnose: bool = True
    maximum_bytes: int = MAXIMUM_TEXT_BYTES

    def __post_init__(self) -> None:
        if self.marks not in ("", "start", "end"):
            raise ForcingError(f"marks={self.marks!r} is unknown", remedy="choose start or end")
        refuse_unknown_keys(self.facts, FACTS, place="facts")

    def unit_of(self, variable: str, column: str, standard: str) -> str:
        """Unit of a column: the one declared for the column or its variable, else the standard of the format."""
        return self.units.get(column, self.units.get(variable, standard))

    def axis(self, starts: Stamps, path: object, first_line: int | None, step_seconds: int | None = None
             ) -> tuple[TimeAxis, NDArray[np.int64], list[str]]:
        """Regular axis, source rows and notes; errors name file, line and time (see `regular_axis`)."""
        return regular_axis(starts, file=path, step_seconds=step_seconds, order=self.order, duplicates=self.duplicates,
                            gaps=self.gaps, first_line=first_line)

    def site_facts(self, found: Mapping[str, Any]) -> dict[str, Any]:
        """Facts of the site: the caller's first, then those `found` in the file, then those of the catalogue."""
        code = self.site_id or str(self.facts.get("site_id", "")) or str(found.get("site_id", ""))
        towers = catalogue(self.catalogue_file)
        listed = towers.get(code) or next((one for one in towers.values() if code in one.other_codes), None)
        known: dict[str, Any] = {}
        if listed is not None:
            known = {name: getattr(listed, name) for name in FACTS if name != "site_id"}
        merged = known | dict(found) | dict(self.facts) | ({"site_id": code} if code else {})
        return {name: value for name, value in merged.items() if value not in (None, "")}

    def check_units_used(self, columns: Sequence[str], variables: Sequence[str], path: object) -> None:
        """Refuse a declared unit for a column or variable that the file does not have."""
        refuse_unknown_keys(self.units, (*columns, *variables), file=path, place="units")


def options_from(given: Mapping[str, Any]) -> ReadOptions:
    """Options from keywords; unknown ones are refused with the nearest known one."""
    refuse_unknown_keys(given, [one.name for one in fields(ReadOptions)], place="read options")
    return ReadOptions(**given)
