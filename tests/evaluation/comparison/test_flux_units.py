"""The many spellings of a flux are one number."""

import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.flux_units import LATENT_HEAT, rate


@pytest.mark.parametrize(("unit", "factor", "per"), [
    ("kg m-2 s-1", 86400e3, "second"), ("kgC/m^2/s", 86400e3, "second"), ("gC/m2/day", 1.0, "second"),
    ("g C m-2 d-1", 1.0, "second"),
    ("gC.m-2.d-1", 1.0, "second"), ("umol m-2 s-1", 12.011e-6 * 86400, "second"),
    ("µmol CO2 m-2 s-1", 12.011e-6 * 86400, "second"),
    ("kg_C/m^2/8day", 1000.0, "step"), ("kg C m-2", 1000.0, "step"), ("gC m-2 month-1", 1.0, "month"),
    ("gC m-2 yr-1", 1.0, "year"),
    ("t ha-1 yr-1", 100.0, "year"),
])
def test_carbon_becomes_grams_a_day(unit, factor, per):
    found = rate(unit, "carbon")
    assert found.factor == pytest.approx(factor, rel=1e-4) and found.per == per


@pytest.mark.parametrize(("unit", "factor", "per"), [
    ("mm d-1", 1.0, "second"), ("kg m**-2 s**-1", 86400.0, "second"), ("mm/8d", 1.0, "step"), ("kg/m^2/8day", 1.0, "step"),
    ("mm", 1.0, "step"), ("mm month-1", 1.0, "month"), ("kg m-2 yr-1", 1.0, "year"), ("m s-1", 86400e3, "second"),
    ("W m-2", 86400.0 / LATENT_HEAT, "second"), ("MJ m-2 d-1", 1e6 / LATENT_HEAT, "second"),
])
def test_water_becomes_millimetres_a_day(unit, factor, per):
    found = rate(unit, "water")
    assert found.factor == pytest.approx(factor) and found.per == per


@pytest.mark.parametrize(("unit", "factor"), [("W m-2", 1.0), ("W/m^2", 1.0), ("MJ m-2 d-1", 1e6 / 86400), ("J m-2 s-1", 1.0)])
def test_energy_becomes_watts(unit, factor):
    assert rate(unit, "energy").factor == pytest.approx(factor)


@pytest.mark.parametrize(("unit", "kind"), [("K", "carbon"), ("kg m-3", "carbon"), ("mm", "carbon"), ("kg s-1", "water"),
                                            ("W m-2", "carbon"), ("mm m-2", "water"), ("", "carbon"), ("m-2", "carbon"),
                                            ("kg m-2 s-2", "carbon"), ("kg m-2 fortnight-1", "carbon")])
def test_what_is_no_such_flux_is_refused(unit, kind):
    with pytest.raises(ForcingError, match="not understood"):
        rate(unit, kind)
