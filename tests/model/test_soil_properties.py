"""Retention and conduction at once are those of the processes that they stand for."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from terraflux.model.soil_freezing import freezing_point
from terraflux.model.soil_hydraulics import campbell, driest_wetness, gradual_air_entry
from terraflux.model.soil_properties import campbell_johansen, johansen_with_ice, on_top, thawed_constants
from terraflux.model.soil_thermal import johansen, solid_logarithm

soils = st.tuples(st.floats(0.3, 0.6), st.floats(-0.8, -0.01), st.floats(2.0, 12.0), st.floats(1.0, 8.0), st.floats(0.05, 0.3))


def constants(porosity, potential, exponent, solid, dry):
    """Derived numbers of a soil: those of both processes, and those of `campbell_johansen`."""
    bend, foot = gradual_air_entry(potential, exponent)
    driest, _ = driest_wetness(potential, exponent, 3.6, 1.56)
    solid_log = solid_logarithm(solid, porosity)
    return bend, foot, driest, solid_log, thawed_constants(porosity, driest, solid_log, dry, 2.2e6)


@given(soil=soils, wetness=st.floats(1e-4, 1.1))
def test_thawed_layers_are_those_of_campbell_and_johansen(soil, wetness):
    assume(abs(wetness - 1.0) > 1e-9)  # conductivity has a corner there, on either side of which rounding may fall
    porosity, potential, exponent, _, dry = soil
    bend, foot, driest, solid_log, (per_porosity, log_driest, thawed, _, solid_heat) = constants(*soil)
    liquid = wetness * porosity
    found = campbell_johansen(liquid, 0.0, per_porosity, potential, exponent, 1e-6, bend, foot, driest, log_driest, dry, thawed,
                              solid_heat, 0.1)
    retention = campbell(liquid, 0.0, porosity, potential, exponent, 1e-6, bend, foot, driest)
    conduction = johansen(liquid, 0.0, porosity, solid_log, dry, 2.2e6, 0.1)
    assert found[:4] == pytest.approx(retention, rel=1e-9, abs=1e-20)
    assert found[4:7] == pytest.approx(conduction, rel=1e-11)
    assert found[7] == pytest.approx(freezing_point(liquid, 0.0, porosity, potential, exponent), rel=1e-11)


@given(soil=soils, wetness=st.floats(0.01, 1.0), frozen=st.floats(0.01, 1.0))
def test_layers_with_ice_conduct_as_johansen_has_it_and_freeze_where_all_their_water_does(soil, wetness, frozen):
    porosity, potential, exponent, _, dry = soil
    bend, foot, driest, solid_log, (per_porosity, log_driest, thawed, per_excess, solid_heat) = constants(*soil)
    liquid, ice = wetness * porosity * (1.0 - frozen), wetness * porosity * frozen
    first = campbell_johansen(liquid, ice, per_porosity, potential, exponent, 1e-6, bend, foot, driest, log_driest, dry, thawed,
                              solid_heat, 0.1)
    found = johansen_with_ice(liquid, ice, porosity, per_porosity, solid_log, dry, per_excess, first[4], 0.1)
    expected = johansen(liquid, ice, porosity, solid_log, dry, 2.2e6, 0.1)
    assert found == pytest.approx((expected[0], expected[2]), rel=1e-9)
    assert first[5] == pytest.approx(expected[1], rel=1e-12)
    assert first[7] == pytest.approx(freezing_point(liquid, ice, porosity, potential, exponent), rel=1e-11)


def test_a_process_on_top_names_the_uppermost_layer():
    assert dict(on_top(johansen).renames)["soil_liquid"] == "soil_liquid_top"
