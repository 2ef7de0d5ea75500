"""Retention and conductivity: published values, slopes, ice, and every soil class."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from terraflux.model.parameters import parameters, soil_classes
from terraflux.model.soil_hydraulics import OVEN_DRY, campbell, driest_wetness, gradual_air_entry, van_genuchten

LOAM = (0.451, -0.478, 5.39, 6.95e-6)
CELIA = (0.368, 0.102, 3.35, 2.0, 9.22e-5)
CLASSES = tuple(soil_classes())


def by_campbell(liquid, ice=0.0, soil=LOAM):
    porosity, potential, exponent, conductivity = soil
    dry, _ = driest_wetness(potential, exponent, 3.6, 1.56)
    return campbell(liquid, ice, porosity, potential, exponent, conductivity, *gradual_air_entry(potential, exponent), dry)


def by_van_genuchten(liquid, ice=0.0, soil=CELIA):
    _, dry = driest_wetness(-0.5, 5.0, soil[2], soil[3])
    return van_genuchten(liquid, ice, *soil, dry)


def campbell_of(soil):
    one = parameters("GRA", soil)
    return tuple(float(one[name][0]) for name in ("porosity", "saturated_potential", "retention_exponent",
                                                  "saturated_conductivity"))


def van_genuchten_of(soil):
    one = parameters("GRA", soil, hydraulics="van_genuchten")
    return tuple(float(one[name][0]) for name in ("porosity", "residual_moisture", "van_genuchten_alpha",
                                                  "van_genuchten_n", "saturated_conductivity"))


def test_half_full_loam_has_the_potential_and_conductivity_of_campbells_laws():
    potential, conductivity, _, _ = by_campbell(0.5 * LOAM[0])
    assert potential == pytest.approx(-0.478 * 2.0**5.39, rel=1e-12)
    assert potential == pytest.approx(-20.04, abs=0.01)
    assert conductivity == pytest.approx(6.95e-6 * 0.5 ** (2 * 5.39 + 3), rel=1e-12)
    assert conductivity == pytest.approx(4.94e-10, rel=2e-3)


@given(st.floats(0.15, 0.94), st.sampled_from(CLASSES))
def test_campbells_power_laws_hold_below_air_entry_for_every_class(wetness, soil):
    porosity, at_saturation, exponent, saturated = one = campbell_of(soil)
    assume(at_saturation * wetness**-exponent > -0.999 * OVEN_DRY)
    potential, conductivity, _, _ = by_campbell(wetness * porosity, soil=one)
    assert potential == pytest.approx(at_saturation * wetness**-exponent, rel=1e-9)
    assert conductivity == pytest.approx(saturated * wetness ** (2.0 * exponent + 3.0), rel=1e-9)


@pytest.mark.parametrize("exponent", [2.7, 4.05, 11.4, 18.0])
def test_the_parabola_near_saturation_meets_campbells_curve_in_value_and_slope(exponent):
    soil = (0.4, -0.3, exponent, 1e-6)
    joint = 0.95 * soil[0]
    below, above = by_campbell(joint * (1.0 - 1e-12), soil=soil), by_campbell(joint * (1.0 + 1e-12), soil=soil)
    assert above[0] == pytest.approx(below[0], rel=1e-9)
    assert above[2] == pytest.approx(below[2], rel=1e-8)
    assert by_campbell(soil[0], soil=soil)[0] == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("soil", CLASSES)
def test_potential_and_conductivity_rise_with_moisture_in_every_class(soil):
    for law, one in ((by_campbell, campbell_of(soil)), (by_van_genuchten, van_genuchten_of(soil))):
        moisture = np.linspace(0.0, 1.1, 400) * one[0]
        values = np.array([law(liquid, soil=one) for liquid in moisture])
        assert np.isfinite(values).all()
        assert (np.diff(values[:, 0]) > 0.0).all()
        assert (np.diff(values[:, 1]) >= 0.0).all()
        assert (values[:, 2] > 0.0).all() and (values[:, 3] >= 0.0).all()


@given(wetness=st.floats(0.2, 1.2), ice=st.floats(0.0, 0.3))
def test_campbells_slopes_are_the_derivatives_of_its_values(wetness, ice):
    liquid, step = wetness * (LOAM[0] - ice), 1e-7
    up, down = by_campbell(liquid + step, ice), by_campbell(liquid - step, ice)
    _, _, slope, steepness = by_campbell(liquid, ice)
    assume(min(abs(wetness - 0.95), abs(wetness - 1.0)) > 1e-4)  # kinks
    assert (up[0] - down[0]) / (2 * step) == pytest.approx(slope, rel=1e-5)
    assert (up[1] - down[1]) / (2 * step) == pytest.approx(steepness, rel=1e-5, abs=1e-25)


@given(wetness=st.floats(0.05, 1.1), ice=st.floats(0.0, 0.2))
def test_van_genuchtens_slopes_are_the_derivatives_of_its_values(wetness, ice):
    porosity, residual = CELIA[:2]
    liquid = max(residual - ice, 0.0) + wetness * (porosity - max(residual, ice))
    step = 1e-7
    up, down = by_van_genuchten(liquid + step, ice), by_van_genuchten(liquid - step, ice)
    _, _, slope, steepness = by_van_genuchten(liquid, ice)
    assume(abs(wetness - 0.999) > 1e-4)  # kink
    assert (up[0] - down[0]) / (2 * step) == pytest.approx(slope, rel=1e-4)
    assert (up[1] - down[1]) / (2 * step) == pytest.approx(steepness, rel=1e-4, abs=1e-20)


@given(st.floats(0.1, 29.0))
def test_van_genuchtens_retention_is_its_closed_form(suction):
    porosity, residual, alpha, n, saturated = CELIA
    m = 1.0 - 1.0 / n
    wetness = (1.0 + (alpha * suction) ** n) ** -m
    potential, conductivity, _, _ = by_van_genuchten(residual + wetness * (porosity - residual))
    assert potential == pytest.approx(-suction, rel=1e-7)
    assert conductivity == pytest.approx(saturated * wetness**0.5 * (1 - (1 - wetness ** (1 / m)) ** m) ** 2, rel=1e-7)


@given(ice=st.floats(0.0, 0.3), liquid=st.floats(0.05, 0.14))
def test_ice_takes_pore_space_and_a_decade_of_conductivity_per_sixth_of_the_pores(ice, liquid):
    potential, conductivity, _, _ = by_campbell(liquid, ice)
    wetness = liquid / (LOAM[0] - ice)
    open_potential, open_conductivity, _, _ = by_campbell(wetness * LOAM[0])
    assert potential == pytest.approx(open_potential, rel=1e-9)
    assert conductivity == pytest.approx(open_conductivity * 10.0 ** (-6.0 * ice / LOAM[0]), rel=1e-9)


@given(liquid=st.floats(0.0, 1.0), ice=st.floats(0.0, 1.0), soil=st.sampled_from(CLASSES))
def test_every_state_in_bounds_gives_finite_values(liquid, ice, soil):
    assert np.isfinite(by_campbell(liquid, ice, campbell_of(soil))).all()
    assert np.isfinite(by_van_genuchten(liquid, ice, van_genuchten_of(soil))).all()


def test_retention_of_oven_dry_soil_ends_near_a_hundred_kilometres_of_suction():
    potential, *_ = by_campbell(0.0, soil=(0.482, -0.405, 11.4, 1.28e-6))
    assert -2e6 < potential < -1e5


@pytest.mark.parametrize("soil", [name for name in CLASSES if name != "organic"])
def test_classes_hold_plausible_water_at_field_capacity_and_wilting_point(soil):
    porosity, at_saturation, exponent, _ = campbell_of(soil)
    field, wilting = (porosity * (at_saturation / -suction) ** (1.0 / exponent) for suction in (3.3, 150.0))
    assert 0.05 < wilting < field < porosity
    assert field - wilting > 0.04
