"""Reader of AmeriFlux BASE CSV: two comment lines, then columns named VARIABLE_horizontal_vertical_replicate.

Of several sensors of a variable the fullest column is taken; columns with the suffix _F or _PI_F are gap-filled by the
site team and flagged so. BASE files say nothing about the site: its facts must be given.
"""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.provenance import FILLED_MEDIUM, MEASURED
from terraflux.drivers.record import Record, series
from terraflux.drivers.safe_files import header_of, read_table, read_text
from terraflux.drivers.time_axis import regular_axis, stamps_from_text

# Base names in order of preference, with the unit that the AmeriFlux standard fixes.
FORCING_VARIABLES = {
    "air_temperature": ("degC", "TA"), "shortwave_down": ("W m-2", "SW_IN"), "longwave_down": ("W m-2", "LW_IN"),
    "air_pressure": ("kPa", "PA"), "precipitation": ("mm", "P", "P_RAIN"), "wind_speed": ("m s-1", "WS"),
    "carbon_dioxide": ("umol mol-1", "CO2"), "diffuse_shortwave_down": ("W m-2", "SW_DIF"),
}
HUMIDITY_VARIABLES = {"relative_humidity": ("%", "RH"), "vapour_pressure_deficit": ("hPa", "VPD"),
                      "vapour_mole_fraction": ("mmol mol-1", "H2O")}
OBSERVED_VARIABLES = {
    "net_radiation": ("W m-2", "NETRAD"), "latent_heat": ("W m-2", "LE"), "sensible_heat": ("W m-2", "H"),
    "ground_heat_flux": ("W m-2", "G"), "net_ecosystem_exchange": ("umol m-2 s-1", "NEE", "FC"),
    "gross_primary_production": ("umol m-2 s-1", "GPP"), "ecosystem_respiration": ("umol m-2 s-1", "RECO"),
    "soil_temperature_observed": ("degC", "TS"), "soil_moisture_observed": ("%", "SWC"),
    "friction_velocity": ("m s-1", "USTAR"), "snow_depth": ("cm", "D_SNOW"),
    "reflected_shortwave": ("W m-2", "SW_OUT"), "longwave_up": ("W m-2", "LW_OUT"),
}
REQUIRED = ("air_temperature", "shortwave_down")


def columns_of(base: str, header: list[str]) -> list[str]:
    """Columns that carry a base variable, with qualifiers (_PI, _F) and positions (_1_1_1, _1_1_A)."""
    pattern = re.compile(rf"^{re.escape(base)}(_PI)?(_F)?(_\d+)?(_\d+_\d+_(\d+|A))?$")
    return [name for name in header if pattern.match(name)]


def is_filled(column: str) -> bool:
    """Whether a column is gap-filled by the site team."""
    return re.search(r"_F(_|$)", column) is not None


def read(path: str | os.PathLike[str], *, order: str = "refuse", duplicates: str = "refuse", gaps: str = "refuse",
         **_unused: Any) -> Record:
    """A record from one BASE file; gaps inside columns stay missing values, for the caller's rule.

    Raises ForcingError for missing header lines or columns.
    """
    lines = read_text(path).split("\n", 8)
    comments = [line for line in lines[:6] if line.startswith("#")]
    header = header_of(path, skip_lines=len(comments))
    if "TIMESTAMP_START" not in header:
        raise ForcingError("the column TIMESTAMP_START is missing", file=path, variable="TIMESTAMP_START",
                           remedy="use an AmeriFlux BASE file, or describe the file with a mapping (format mapped_csv)")
    wanted = FORCING_VARIABLES | HUMIDITY_VARIABLES | OBSERVED_VARIABLES
    candidates = {variable: [name for base in bases for name in columns_of(base, header)]
                  for variable, (_, *bases) in wanted.items()}
    columns = [name for names in candidates.values() for name in names]
    table = read_table(path, skip_lines=len(comments), columns=columns, text_columns=("TIMESTAMP_START",))
    starts = stamps_from_text(table["TIMESTAMP_START"].tolist(), file=path)
    axis, rows, notes = regular_axis(starts, file=path, order=order, duplicates=duplicates, gaps=gaps)
    record = Record(axis, files=[Path(path)], history=[f"{Path(path).name}: {note}" for note in notes])
    for variable, names in candidates.items():
        counts = [int(np.isfinite(table[name].to_numpy(dtype=float)).sum()) for name in names]
        if not counts or max(counts) == 0:
            if variable in REQUIRED:
                raise ForcingError(f"no values of {wanted[variable][1]}", file=path, variable=variable,
                                   remedy="use another file or period")
            continue
        name = names[int(np.argmax(counts))]
        values = table[name].to_numpy(dtype=float)
        mark = FILLED_MEDIUM if is_filled(name) else MEASURED
        one = series(variable, values, wanted[variable][0], axis.step_seconds, flags=np.full(values.shape, mark),
                     file=path, column=name).taken(rows)
        (record.observations if variable in OBSERVED_VARIABLES else record.forcing)[variable] = one
        if len(names) > 1:
            record.history.append(f"{variable} from {name}, the fullest of {', '.join(names)}")
    _keep_one_humidity(record)
    match = re.search(r"#\s*Site:\s*(\S+)", "\n".join(comments))
    if match:
        record.facts["site_id"] = match.group(1)
    return record


def _keep_one_humidity(record: Record) -> None:
    """Keep the fullest measure of humidity; a mole fraction needs pressure and comes last."""
    forms = [form for form in HUMIDITY_VARIABLES if form in record.forcing]
    if len(forms) > 1:
        direct = [form for form in forms if form != "vapour_mole_fraction"] or forms
        best = max(direct, key=lambda form: int(np.isfinite(record.forcing[form].values).sum()))
        for form in forms:
            if form != best:
                del record.forcing[form]
        record.history.append(f"humidity from {record.forcing[best].column}")
