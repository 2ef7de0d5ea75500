"""Units are declared and converted, never guessed."""

import numpy as np
import pytest

from terraflux.drivers.datasets import FORCING_NAMES
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.units import CANONICAL, QUANTITIES, QUANTITY_OF, canonical_unit, conversion
from terraflux.model.variables import variable_table


@pytest.mark.parametrize(("variable", "unit", "given", "expected"), [
    ("air_temperature", "K", 300.0, 26.85), ("air_temperature", "degF", 212.0, 100.0),
    ("air_pressure", "kPa", 101.3, 101300.0), ("air_pressure", "hPa", 1013.0, 101300.0),
    ("vapour_pressure", "hPa", 12.0, 1.2), ("vapour_pressure_deficit", "Pa", 1200.0, 1.2),
    ("relative_humidity", "%", 55.0, 0.55), ("specific_humidity", "g/kg", 8.0, 0.008),
    ("precipitation", "mm", 1.8, 0.001), ("precipitation", "mm h-1", 3.6, 0.001),
    ("precipitation", "mm d-1", 86.4, 0.001), ("shortwave_down", "MJ m-2", 0.9, 500.0),
    ("net_ecosystem_exchange", "umol m-2 s-1", 1.0, 12.011e-6), ("soil_moisture_observed", "%", 25.0, 0.25),
    ("wind_speed", "km/h", 36.0, 10.0),
])
def test_values_reach_the_canonical_unit(variable, unit, given, expected):
    np.testing.assert_allclose(conversion(variable, unit).apply(given, 1800.0), expected, rtol=1e-12)


def test_totals_per_step_depend_on_the_step():
    per_step = conversion("precipitation", "mm")
    assert per_step.apply(3.6, 3600.0) == pytest.approx(per_step.apply(1.8, 1800.0))


def test_unknown_unit_and_variable_are_refused_with_what_is_known():
    with pytest.raises(ForcingError, match="declare one of degC"):
        conversion("air_temperature", "Kelvins")
    with pytest.raises(ForcingError, match="air_temperature"):
        conversion("air_temprature", "K")


def test_canonical_units_are_those_of_the_variable_table():
    table = variable_table()
    shared = [name for name in QUANTITY_OF if name in table]
    assert len(shared) > 15
    for name in shared:
        assert canonical_unit(name) == table[name].unit, name
    assert set(FORCING_NAMES) - set(QUANTITY_OF) == {"cosine_zenith", "diffuse_fraction", "photoperiod"}


def test_every_canonical_unit_converts_to_itself():
    for quantity, unit in CANONICAL.items():
        assert QUANTITIES[quantity][unit].apply(1.25, 1800.0) == 1.25
