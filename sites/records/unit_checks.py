"""Unit mistakes are told from the numbers before anything is made of them.

Single variables are tested with the envelopes of `terraflux.drivers.unit_diagnosis`; what only shows between variables
is tested here: a vapour pressure deficit in kPa read as hPa against temperature and relative humidity, and soil water
given as a fraction where percent is declared. Every error names column, unit and the unit that would make sense.
"""

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.record import Series
from terraflux.drivers.unit_diagnosis import ENVELOPES, check_units
from terraflux.drivers.units import QUANTITY_OF, canonical_unit
from terraflux.model.humidity import saturation_pressure_at
from terraflux.sites.records.tower_record import TowerRecord
from terraflux.sites.records.variables import converted, unit_way

FEWEST = 100
FEWEST_SOIL_VALUES = 480
DRY = 0.2  # kPa, below it sensors of humidity disagree by themselves


def check_record_units(record: TowerRecord) -> None:
    """Refuse a record whose numbers are implausible in their declared units. Raises ForcingError."""
    file = record.data.attrs.get("source_files", "")
    step = record.step_seconds or 86400
    if step > 10800:
        return
    for name in record.variables:
        if name in ENVELOPES and name in QUANTITY_OF:
            attributes = record.data[name].attrs
            declared = str(attributes.get("source_unit", attributes["units"]))
            known = _known_spelling(name, declared, str(attributes["units"]))
            raw = converted(name, record.values(name), str(attributes["units"]), known, step)
            canonical = converted(name, raw, known, canonical_unit(name), step)
            one = Series(canonical, np.zeros(canonical.shape, np.int8), known, raw, str(file),
                         str(attributes.get("source_column", "")))
            check_units(name, one, step)
    _check_deficit(record, file)
    _check_soil_water(record, file)


def _known_spelling(name: str, declared: str, fallback: str) -> str:
    """A spelling of the declared unit that the drivers know."""
    from terraflux.drivers.units import QUANTITIES

    known = QUANTITIES[QUANTITY_OF[name]]
    if declared in known:
        return declared
    way = unit_way(name, declared)
    return next((spelling for spelling, one in known.items() if one == way), fallback)


def _where(record: TowerRecord, name: str, file: object) -> dict[str, str]:
    attributes = record.data[name].attrs
    column = attributes.get("source_column")
    return {"file": str(file), "variable": f"{name} (column {column})" if column else name,
            "unit": str(attributes.get("source_unit", attributes["units"]))}


def _check_deficit(record: TowerRecord, file: object) -> None:
    """The deficit must be that of temperature and relative humidity within a factor of two, in the median."""
    if not {"vapour_pressure_deficit", "air_temperature", "relative_humidity"} <= set(record.variables):
        return
    temperature = record.values("air_temperature", "degC")
    share = record.values("relative_humidity", "1")
    expected: NDArray[np.float64] = saturation_pressure_at(temperature) * (1.0 - share)
    given = record.values("vapour_pressure_deficit", "kPa")
    usable = np.isfinite(expected) & np.isfinite(given) & (expected > DRY)
    if usable.sum() < FEWEST:
        return
    ratio = float(np.median(given[usable] / expected[usable]))
    if 0.5 <= ratio <= 2.0:
        return
    unit = str(record.data["vapour_pressure_deficit"].attrs.get("source_unit", "hPa"))
    own = unit_way("vapour_pressure_deficit", unit).factor
    fitting = [spelling for spelling in ("Pa", "hPa", "kPa")
               if 0.5 <= ratio * unit_way("vapour_pressure_deficit", spelling).factor / own <= 2.0]
    remedy = (f'declare units={{"vapour_pressure_deficit": "{fitting[0]}"}}' if fitting else
              "check the columns of vapour pressure deficit, air temperature and relative humidity")
    raise ForcingError(f"the deficit is {ratio:.3g} times that of air temperature and relative humidity"
                       + (f"; the numbers look like {fitting[0]}" if fitting else ""), remedy=remedy,
                       **_where(record, "vapour_pressure_deficit", file))


def _check_soil_water(record: TowerRecord, file: object) -> None:
    name = "soil_moisture_observed"
    if name not in record.variables:
        return
    share = record.values(name, "1")
    share = share[np.isfinite(share)]
    if share.size >= FEWEST_SOIL_VALUES and 0.0 < share.max() <= 0.01:
        raise ForcingError(f"soil water never exceeds {100 * share.max():.2g} %; the numbers look like a fraction",
                           remedy=f'declare units={{"{name}": "m3 m-3"}}', **_where(record, name, file))
