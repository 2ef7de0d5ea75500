"""What a footprint model needs of a tower record, under common names, with the reason of whatever is missing."""

import numpy as np
import xarray as xr

from terraflux.sites.records.tower_record import TowerRecord

INPUTS = {
    "wind_speed": ("wind_speed", "m s-1"), "wind_direction": ("wind_direction", "degree"),
    "friction_velocity": ("friction_velocity", "m s-1"), "obukhov_length": ("obukhov_length", "m"),
    "sigma_v": ("sigma_v", "m s-1"), "sensible_heat_flux": ("sensible_heat", "W m-2"),
    "air_temperature": ("air_temperature", "degC"), "air_pressure": ("air_pressure", "kPa"),
    "boundary_layer_height": ("boundary_layer_height", "m"),
}
"""Name of the input: variable of the record and unit."""

NEUTRAL = 1e6  # m, Obukhov length that stands for neutral air
DISPLACEMENT = 2.0 / 3.0  # of the canopy height (Brutsaert 1982)


def footprint_inputs(record: TowerRecord, *, measurement_height: float | None = None,
                     displacement_height: float | None = None) -> xr.Dataset:
    """Inputs of footprint models along the time of a record; names and units are those of `INPUTS`.

    An input that the record does not have is NaN throughout and says why in its attribute `missing_reason`; `source`
    says where the others come from. The Obukhov length (m) is that of the record, else the height above displacement
    over (z - d)/L, limited to +-1e6 m where it is neutral. `measurement_height` (m above ground) comes from the facts of
    the record where it is not given, `displacement_height` (m) is then 2/3 of the canopy height; both stand in the
    attributes.
    """
    height = measurement_height if measurement_height is not None else record.facts.get("measurement_height")
    canopy = record.facts.get("canopy_height")
    displacement = displacement_height
    if displacement is None and canopy is not None:
        displacement = DISPLACEMENT * float(canopy)
    inputs = xr.Dataset(coords={"time": record.data["time"]}, attrs={"site_id": record.site_id})
    for name, (variable, unit) in INPUTS.items():
        if variable in record.variables:
            values, told = record.values(variable, unit), {"source": str(record.data[variable].attrs.get("source_column",
                                                                                                        variable))}
        elif name == "obukhov_length" and "stability_parameter" in record.variables:
            values, told = _length_of(record.values("stability_parameter"), height, displacement)
        else:
            values = np.full(record.data.sizes["time"], np.nan)
            told = {"missing_reason": f"the {record.format} file has no {variable}"}
        inputs[name] = ("time", values, {"units": unit} | told)
    for name, value in (("measurement_height", height), ("displacement_height", displacement)):
        if value is not None:
            inputs.attrs[name] = float(value)
    return inputs


def _length_of(stability: np.ndarray, height: float | None, displacement: float | None
               ) -> tuple[np.ndarray, dict[str, str]]:
    """Obukhov length (m) from (z - d)/L, or NaN and the reason."""
    if height is None or displacement is None or float(height) <= displacement:
        lacking = ("the measurement height" if height is None else "the displacement height" if displacement is None
                   else "a measurement height above the displacement height")
        return np.full(stability.shape, np.nan), {
            "missing_reason": f"(z-d)/L is there, but {lacking} is not known: give measurement_height and "
                              "displacement_height in m"}
    above = float(height) - displacement
    with np.errstate(divide="ignore"):
        length = np.where(stability == 0.0, NEUTRAL, above / stability)
    return np.clip(length, -NEUTRAL, NEUTRAL), {"source": f"{above:g} m over (z-d)/L"}
