"""The tower file: one TOML that says everything about a tower except the numbers.

    format = "mapped_csv"            # a reader: fluxnet, plumber, ameriflux, subset, mapped_csv
    data = "towers/US-Bi1"           # folder of the data, relative to the data root
    file = "US-Bi1_Met.nc"           # readers of one file: its name in that folder (subset: none, it takes the folder)
    flux_file = "US-Bi1_Flux.nc"     # plumber, optional
    first = "2018-07-01"             # optional cut of the period, both days included
    last = "2020-06-30"

    [site]                           # fields of SiteDescription
    site_id = "US-Bi1"
    latitude = 38.1
    longitude = -121.5
    elevation = -2.7
    utc_offset_hours = -8
    plant_type = "CRO"               # or { ENF = 0.7, GRA = 0.3 }
    soil_class = "loam"
    canopy_height = 0.8
    measurement_height = 3.9
    source = "where these facts come from"
    parameters = { maximum_leaf_area_index = 4.0 }

    [monthly]                        # optional: monthly means (FLUXNET SUBSET MM columns)
    file = "monthly.csv"
    use = ["longwave_down"]          # only these, default all

    [completion]                     # fields of Completion; paths are relative to the data root
    leaf_area = "towers/US-Bi1/modis_MCD15A3H_Lai_500m.csv"

    [[table]]                        # mapped_csv only, see read_mapped_csv

The data root is the `data_folder` of the caller, else $TERRAFLUX_SHARED_DATA for a tower file that names a folder below it
(`data`), else the folder of the tower file, so that a tower file beside its data is always understood. Paths stay
inside it. Unknown keys are refused with the nearest known one.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.drivers.safe_files import contained, data_folder, read_toml

FORMATS = ("fluxnet", "plumber", "ameriflux", "subset", "mapped_csv")
KEYS = ("format", "data", "file", "flux_file", "first", "last", "site", "monthly", "completion", "table")
MONTHLY_KEYS = ("file", "use")
_PATH_CHOICES = {"leaf_area": ("record", "phenology", "auto"), "carbon_dioxide": ("polynomial",)}


@dataclass(frozen=True)
class TowerFile:
    """A tower file, checked, with paths resolved: `folder` holds the data, `source` is the file or folder to read."""

    path: Path
    format: str
    folder: Path
    source: Path
    site: dict[str, Any]
    completion: dict[str, Any]
    mapping: Mapping[str, Any]
    options: dict[str, Any] = field(default_factory=dict)
    monthly: Path | None = None
    monthly_use: list[str] | None = None
    first: str | None = None
    last: str | None = None


def read_tower_file(path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> TowerFile:
    """Read and check a tower file; `root` is the data root. Raises ForcingError."""
    file = Path(path)
    contents = read_toml(file)
    refuse_unknown_keys(contents, KEYS, file=file)
    form = contents.get("format")
    if form not in FORMATS:
        raise ForcingError(f"format = {form!r} is unknown", file=file, remedy=nearest(str(form), FORMATS))
    for key in ("site", "completion", "monthly"):
        if not isinstance(contents.get(key, {}), dict):
            raise ForcingError(f"{key} is not a table", file=file, remedy=f"write [{key}]")
    if "site" not in contents:
        raise ForcingError("there is no [site]", file=file, remedy="describe the site")
    base = (data_folder(root) if root is not None or "data" in contents else None) or file.parent
    if not base.is_dir():
        raise ForcingError(f"the data root {base} is absent", file=file,
                           remedy="give data_folder, or set TERRAFLUX_SHARED_DATA")
    folder = contained(base, str(contents["data"]), file=file) if "data" in contents else base
    if not folder.is_dir():
        raise ForcingError(f"the data folder {folder} is absent", file=file,
                           remedy="give data_folder, or set TERRAFLUX_SHARED_DATA")
    if (form not in ("mapped_csv", "subset")) != ("file" in contents):
        raise ForcingError(f"the format {form} {'takes no' if 'file' in contents else 'needs a'} file", file=file,
                           remedy="see the schema of the tower file")
    source = contained(folder, str(contents["file"]), file=file) if "file" in contents else folder
    options = {}
    if "flux_file" in contents:
        options["flux_path"] = contained(folder, str(contents["flux_file"]), file=file)
    monthly = contents.get("monthly", {})
    refuse_unknown_keys(monthly, MONTHLY_KEYS, file=file, place="[monthly]")
    return TowerFile(
        path=file, format=form, folder=folder, source=source, site=dict(contents["site"]),
        completion=_resolved(contents.get("completion", {}), base, file), mapping=contents, options=options,
        monthly=contained(folder, str(monthly["file"]), file=file) if "file" in monthly else None,
        monthly_use=list(monthly["use"]) if "use" in monthly else None,
        first=_date(contents, "first"), last=_date(contents, "last"),
    )


def _date(contents: Mapping[str, Any], key: str) -> str | None:
    return str(contents[key]) if key in contents else None


def _resolved(choices: Mapping[str, Any], base: Path, file: Path) -> dict[str, Any]:
    """Choices with their paths made absolute, inside the data root."""
    resolved = dict(choices)
    for key, words in _PATH_CHOICES.items():
        value = choices.get(key)
        if isinstance(value, str) and value not in words:
            resolved[key] = str(contained(base, value, file=file))
    return resolved
