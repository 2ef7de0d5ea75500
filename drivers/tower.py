"""A tower ready to be run: site, forcing and observations, opened from files of any known format."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from terraflux.drivers import provenance, read_ameriflux, read_fluxnet, read_mapped_csv, read_plumber, read_subset
from terraflux.drivers.completion import complete
from terraflux.drivers.completion_choices import Completion, completion_from
from terraflux.drivers.datasets import FORCING_NAMES, forcing_dataset, observations_dataset
from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.record import Record
from terraflux.drivers.safe_files import existing, header_of, open_netcdf, read_text
from terraflux.drivers.site import SiteDescription, facts_from_table, plant_type_of, site_from_facts
from terraflux.drivers.tower_file import TowerFile, read_tower_file

READERS: dict[str, Callable[..., Record]] = {
    "fluxnet": read_fluxnet.read, "plumber": read_plumber.read, "ameriflux": read_ameriflux.read,
    "subset": read_subset.read, "mapped_csv": read_mapped_csv.read,
}


@dataclass(frozen=True)
class Tower:
    """A site with gap-free forcing and whatever was observed.

    `forcing` and `observations` are datasets on the same time axis; `monthly` holds monthly means of the source in
    canonical units (index: first of the month), where it has any.
    """

    site: SiteDescription
    forcing: xr.Dataset
    observations: xr.Dataset
    monthly: pd.DataFrame | None = None

    @property
    def synthetic(self) -> bool:
        """Whether the data were invented."""
        return bool(self.forcing.attrs.get("synthetic", 0))

    def between(self, first: str, last: str) -> "Tower":
        """The tower from the day `first` to the day `last`, both included."""
        period = slice(np.datetime64(first, "ns"), np.datetime64(last, "D") + 1 - np.timedelta64(1, "s"))
        forcing, observations = self.forcing.sel(time=period), self.observations.sel(time=period)
        if forcing.sizes["time"] == 0:
            raise ForcingError(f"no step lies between {first} and {last}", variable="time",
                               remedy=f"the record starts on {str(self.forcing.time.values[0])[:10]}")
        return replace(self, forcing=forcing, observations=observations)

    def provenance_shares(self) -> pd.DataFrame:
        """Share of values (0-1) by provenance flag (columns) of every forcing variable (rows)."""
        rows = {name: provenance.shares(self.forcing[f"{name}_provenance"].values) for name in FORCING_NAMES}
        return pd.DataFrame.from_dict(rows, orient="index").reindex(columns=list(provenance.FLAG_MEANINGS)).fillna(0.0)


def detect_format(path: Path) -> str:
    """Format of a file or folder, where it is unambiguous; else a ForcingError that names the choices."""
    found = _formats_of(path)
    if len(found) != 1:
        raise ForcingError("the format is ambiguous" if found else "the format is not recognised", file=path,
                           remedy=f"name one of {', '.join(found or READERS)} as format, or write a tower.toml")
    return found[0]


def _formats_of(path: Path) -> list[str]:
    if path.is_dir():
        if (path / "tower.toml").is_file():
            return ["toml"]
        patterns = {"subset": "*_halfhourly.nc", "plumber": "*_Met.nc", "fluxnet": "FLX_*_H[HR]_*.csv",
                    "ameriflux": "AMF_*_BASE_*.csv"}
        return [name for name, pattern in patterns.items() if any(path.glob(pattern))]
    if path.suffix == ".toml":
        return ["toml"]
    existing(path)
    if path.suffix == ".nc":
        with open_netcdf(path) as dataset:
            names = set(dataset.variables)
        return ["plumber"] if {"Tair", "SWdown"} <= names else ["subset"] if {"TA", "SW_IN"} <= names else []
    if read_text(path)[:1] == "#":
        return ["ameriflux"]
    header = header_of(path)
    return ["fluxnet"] if "TIMESTAMP_START" in header and {"TA_F", "TA_F_MDS"} & set(header) else []


def _file_in(folder: Path, form: str) -> Path:
    patterns = {"plumber": "*_Met.nc", "fluxnet": "FLX_*_H[HR]_*.csv", "ameriflux": "AMF_*_BASE_*.csv"}
    matches = sorted(folder.glob(patterns[form]))
    if len(matches) != 1:
        raise ForcingError(f"{len(matches)} files match {patterns[form]}", file=folder, remedy="name the file itself")
    return matches[0]


def open_tower(path: str | os.PathLike[str], *, format: str | None = None,
               site: SiteDescription | Mapping[str, Any] | None = None,
               completion: Completion | Mapping[str, Any] | None = None,
               data_folder: str | os.PathLike[str] | None = None, first: str | None = None, last: str | None = None,
               **reader_options: Any) -> Tower:
    """Open a tower from a data file, a folder of them, or a tower file (TOML).

    `format` is one of READERS; without it the format is detected where unambiguous. `site` is a description or a
    mapping of facts that complete (and override) those in the files and in a sites.csv beside them. `completion` holds
    the choices for gaps and estimates; a mapping changes single choices of a tower file, a Completion replaces them all.
    `data_folder` is the root of data for tower files (else $TERRAFLUX_SHARED_DATA if the file names `data`, else the
    folder of the tower file). `first` and `last` (dates) cut the period. Other options go to the reader (`monthly_path`,
    `flux_path`, `mapping`). Raises ForcingError.
    """
    given = Path(path)
    form = format if format is not None else detect_format(given)
    if form == "toml":
        tower_file = read_tower_file(given / "tower.toml" if given.is_dir() else given, data_folder)
        return _from_tower_file(tower_file, site, completion, first, last)
    if form not in READERS:
        raise ForcingError(f"the format {form!r} is unknown", file=given, remedy=nearest(form, READERS))
    choices = _choices(Completion(), completion)
    if form == "mapped_csv":
        mapping = reader_options.pop("mapping", None)
        facts = site_facts(site)
        if mapping is None or "utc_offset_hours" not in facts:
            raise ForcingError("a plain CSV needs a mapping and the site's utc_offset_hours", file=given,
                               remedy="write a tower.toml, or give mapping= and site=")
        folder = given if given.is_dir() else given.parent
        record = read_mapped_csv.read(mapping, folder, utc_offset_hours=float(facts["utc_offset_hours"]), file=given,
                                      **_rules(choices))
    else:
        source = _file_in(given, form) if given.is_dir() and form != "subset" else given
        record = READERS[form](source, **_rules(choices), **reader_options)
    return assemble(record, _site_of(record, site, given), choices, first, last)


def assemble(record: Record, site: SiteDescription, choices: Completion, first: str | None = None,
             last: str | None = None) -> Tower:
    """A tower from a record: period cut, forcing checked and completed, datasets built."""
    if first is not None or last is not None:
        record = record.between(first, last)
    done = complete(record, site, choices)
    return Tower(site, forcing_dataset(record, site, done), observations_dataset(record, site), record.monthly)


def _rules(choices: Completion) -> dict[str, str]:
    return {"order": choices.order, "duplicates": choices.duplicates, "gaps": choices.gaps}


def _choices(base: Completion, given: Completion | Mapping[str, Any] | None) -> Completion:
    if given is None:
        return base
    return given if isinstance(given, Completion) else completion_from(
        {key: getattr(base, key) for key in base.__dataclass_fields__} | dict(given))


def site_facts(site: SiteDescription | Mapping[str, Any] | None) -> dict[str, Any]:
    """Facts given by the caller, as a mapping."""
    if site is None:
        return {}
    if isinstance(site, SiteDescription):
        return {key: getattr(site, key) for key in site.__dataclass_fields__}
    return dict(site)


def _site_of(record: Record, site: SiteDescription | Mapping[str, Any] | None, path: Path) -> SiteDescription:
    """Facts of the caller, over those of a sites.csv beside the data, over those of the files themselves."""
    facts: dict[str, Any] = dict(record.facts)
    given = site_facts(site)
    site_id = given.get("site_id", facts.get("site_id"))
    folder = path if path.is_dir() else path.parent
    for table in (folder / "sites.csv", folder.parent / "sites.csv"):
        if table.is_file() and site_id is not None and not isinstance(site, SiteDescription):
            in_files = {key: facts[key] for key in ("utc_offset_hours",) if key in facts}
            try:
                facts |= facts_from_table(table, str(site_id)) | in_files
            except ForcingError:
                # The table beside the data knows other sites only: nothing is taken from it.
                break
            record.files.append(table)
            break
    facts |= given
    facts.setdefault("site_id", path.stem)
    if "soil_class" not in facts:
        record.history.append("soil class not given: loam assumed")
    if "plant_type" not in facts and "igbp" in facts and "latitude" in facts:
        facts["plant_type"] = plant_type_of(str(facts["igbp"]), float(facts["latitude"]))
        record.history.append(f"plant type {facts['plant_type']} from IGBP class {facts['igbp']}")
    return site_from_facts(facts, file=path)


def _from_tower_file(tower_file: TowerFile, site: SiteDescription | Mapping[str, Any] | None,
                     completion: Completion | Mapping[str, Any] | None, first: str | None, last: str | None) -> Tower:
    description = site_from_facts(tower_file.site | site_facts(site), file=tower_file.path)
    choices = _choices(completion_from(tower_file.completion, file=tower_file.path), completion)
    if tower_file.format == "mapped_csv":
        record = read_mapped_csv.read(tower_file.mapping, tower_file.folder, file=tower_file.path,
                                      utc_offset_hours=description.utc_offset_hours, **_rules(choices))
    else:
        record = READERS[tower_file.format](tower_file.source, **_rules(choices), **tower_file.options)
    if tower_file.monthly is not None:
        record.monthly = read_subset.read_monthly(tower_file.monthly)
        record.files.append(tower_file.monthly)
    if record.monthly is not None and tower_file.monthly_use is not None:
        wanted = [name + share for name in tower_file.monthly_use for share in ("", "_measured")]
        record.monthly = record.monthly[[name for name in wanted if name in record.monthly]]
    return assemble(record, description, choices, first or tower_file.first, last or tower_file.last)
