"""Reader of PLUMBER2 / ALMA netCDF: one file of meteorology and, beside it, one of fluxes.

Ukkola et al. (2022), Earth Syst. Sci. Data 14, 449-461. Units are those of the file's attributes. Time is the start of
the interval in local standard time; the files do not say which, so that the site's utc_offset_hours must be given.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import ESTIMATED, MEASURED, PLUMBER_FLAGS, flags_from
from terraflux.drivers.record import Record, Series, series
from terraflux.drivers.safe_files import netcdf_values, open_netcdf
from terraflux.drivers.time_axis import regular_axis

FORCING_NAMES = {
    "air_temperature": ("Tair",), "shortwave_down": ("SWdown",), "longwave_down": ("LWdown",),
    "air_pressure": ("Psurf",), "precipitation": ("Precip", "Rainf"), "wind_speed": ("Wind",),
    "carbon_dioxide": ("CO2air",), "prescribed_leaf_area_index": ("LAI",),
}
HUMIDITY_NAMES = {"vapour_pressure_deficit": "VPD", "specific_humidity": "Qair", "relative_humidity": "RH"}
OBSERVED_NAMES = {
    "net_radiation": ("Rnet",), "latent_heat": ("Qle",), "latent_heat_corrected": ("Qle_cor",),
    "sensible_heat": ("Qh",), "sensible_heat_corrected": ("Qh_cor",), "ground_heat_flux": ("Qg",),
    "net_ecosystem_exchange": ("NEE",), "gross_primary_production": ("GPP",),
    "gross_primary_production_daytime": ("GPP_DT",), "ecosystem_respiration": ("Resp",),
    "friction_velocity": ("Ustar",), "reflected_shortwave": ("SWup",), "longwave_up": ("LWup",),
    "soil_temperature_observed": ("SoilTemp",), "soil_moisture_observed": ("SoilMoist",), "snow_depth": ("SnowDepth",),
}
REQUIRED = ("air_temperature", "shortwave_down")


def read(path: str | os.PathLike[str], *, flux_path: str | os.PathLike[str] | None = None, order: str = "refuse",
         duplicates: str = "refuse", gaps: str = "refuse", **_unused: Any) -> Record:
    """A record from a Met file and its Flux file (`flux_path`, or the neighbour named Flux in place of Met, if any).

    One measure of humidity is taken: VPD, else Qair, else RH. Raises ForcingError for missing variables and units.
    """
    met = Path(path)
    with open_netcdf(met) as dataset:
        axis, rows, notes = _axis(dataset, met, order, duplicates, gaps)
        record = Record(axis, files=[met], history=[f"{met.name}: {note}" for note in notes], facts=_facts(dataset))
        for variable, names in FORCING_NAMES.items():
            found = _first(dataset, names)
            if found is not None:
                record.forcing[variable] = _series(dataset, variable, found, axis.step_seconds, met).taken(rows)
            elif variable in REQUIRED:
                raise ForcingError(f"no variable {names[0]}", file=met, variable=variable,
                                   remedy="use a PLUMBER2 Met file")
        form = next((form for form, name in HUMIDITY_NAMES.items() if name in dataset), None)
        if form is None:
            raise ForcingError("no humidity", file=met, variable="VPD, Qair or RH", remedy="use a PLUMBER2 Met file")
        record.forcing[form] = _series(dataset, form, HUMIDITY_NAMES[form], axis.step_seconds, met).taken(rows)
        if "prescribed_leaf_area_index" in record.forcing:
            leaf_area = record.forcing["prescribed_leaf_area_index"]
            leaf_area.flags = np.full_like(leaf_area.flags, ESTIMATED)
    neighbour = met.with_name(met.name.replace("_Met", "_Flux")) if flux_path is None else Path(flux_path)
    if neighbour != met and (flux_path is not None or neighbour.is_file()):
        _add_fluxes(record, neighbour)
    else:
        record.history.append("no flux file beside the meteorology")
    return record


def _add_fluxes(record: Record, path: Path) -> None:
    with open_netcdf(path) as dataset:
        times = dataset["time"].values.astype("datetime64[s]")
        place = {stamp: row for row, stamp in enumerate(times.tolist())}
        rows = np.array([place.get(stamp, -1) for stamp in record.axis.start.tolist()])
        for variable, names in OBSERVED_NAMES.items():
            found = _first(dataset, names)
            if found is not None:
                one = _series(dataset, variable, found, record.axis.step_seconds, path).taken(rows)
                if np.isfinite(one.values).any():
                    record.observations[variable] = one
    record.files.append(path)


def _first(dataset: xr.Dataset, names: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in dataset), None)


def _axis(dataset: xr.Dataset, path: Path, order: str, duplicates: str, gaps: str) -> tuple:
    if "time" not in dataset.variables or not np.issubdtype(dataset["time"].dtype, np.datetime64):
        raise ForcingError("there is no time coordinate with real dates", file=path, variable="time",
                           remedy="give time units such as seconds since 2005-01-01 00:00:00")
    return regular_axis(dataset["time"].values.astype("datetime64[s]"), file=path, order=order, duplicates=duplicates,
                        gaps=gaps)


def _series(dataset: xr.Dataset, variable: str, name: str, step: int, path: Path) -> Series:
    unit = str(dataset[name].attrs.get("units", ""))
    if not unit:
        raise ForcingError(f"the variable {name} has no units attribute", file=path, variable=name,
                           remedy="write the unit into the file")
    if dataset[name].dims[:1] != ("time",):
        raise ForcingError(f"the variable {name} has dimensions {dataset[name].dims}, not time first", file=path,
                           variable=name, remedy="store it along time")
    values = netcdf_values(dataset, name, path)
    flags = None
    companions = [f"{name}_qc", f"{name.removesuffix('_cor')}_qc"]
    if name in ("GPP", "GPP_DT", "Resp"):
        # Partitioned fluxes have no flag of their own; they are as good as the exchange they were made from.
        companions.append("NEE_qc")
    for companion in companions:
        if companion in dataset:
            flags = flags_from(netcdf_values(dataset, companion, path), PLUMBER_FLAGS)
            break
    if flags is None:
        flags = np.full(values.shape, MEASURED, dtype=np.int8)
    return series(variable, values, unit, step, flags=flags, file=path, column=name)


def _facts(dataset: xr.Dataset) -> dict[str, object]:
    facts: dict[str, object] = {}
    for fact, name in (("latitude", "latitude"), ("longitude", "longitude"), ("elevation", "elevation"),
                       ("canopy_height", "canopy_height"), ("measurement_height", "reference_height")):
        if name in dataset.variables and dataset[name].size == 1:
            value = float(np.asarray(dataset[name].values).ravel()[0])
            if np.isfinite(value):
                facts[fact] = round(value, 6)
    if "IGBP_veg_short" in dataset.variables:
        text = np.asarray(dataset["IGBP_veg_short"].values).ravel()[0]
        facts["igbp"] = (text.decode("ascii", "replace") if isinstance(text, bytes) else str(text)).strip()
    for fact, attribute in (("site_id", "site_code"), ("name", "site_name")):
        if attribute in dataset.attrs:
            facts[fact] = str(dataset.attrs[attribute])
    return facts
