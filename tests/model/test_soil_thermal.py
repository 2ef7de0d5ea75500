"""Conduction of heat: limits of Johansen and of Cote and Konrad, and the heat capacity of a mixture."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model.soil_thermal import SOIL_CONDUCTIVITY, cote_konrad, johansen, solid_logarithm

POROSITY, SOLID, DRY, CAPACITY = 0.45, 3.5, 0.24, 2.2e6
WATER_CONDUCTIVITY, ICE_CONDUCTIVITY = 0.57, 2.29


def thermal(law, liquid, ice, thickness=0.1, sand=0.4):
    logarithm = solid_logarithm(SOLID, POROSITY)
    given_ = (liquid, ice, POROSITY, logarithm, DRY, CAPACITY)
    return law(*given_, sand, thickness) if law is cote_konrad else law(*given_, thickness)


@pytest.mark.parametrize("law", SOIL_CONDUCTIVITY.values(), ids=SOIL_CONDUCTIVITY)
def test_saturated_soil_conducts_as_the_geometric_mean_of_solids_and_water_or_ice(law):
    solids = SOLID ** (1.0 - POROSITY)
    assert thermal(law, POROSITY, 0.0)[0] == pytest.approx(solids * WATER_CONDUCTIVITY**POROSITY, rel=1e-9)
    assert thermal(law, 0.0, POROSITY)[0] == pytest.approx(solids * ICE_CONDUCTIVITY**POROSITY, rel=1e-9)


@pytest.mark.parametrize("law", SOIL_CONDUCTIVITY.values(), ids=SOIL_CONDUCTIVITY)
def test_dry_soil_conducts_as_dry_soil(law):
    assert thermal(law, 0.0, 0.0)[0] == pytest.approx(DRY, rel=1e-6)


@given(wetness=st.floats(0.11, 1.0))
def test_johansens_kersten_number_is_logarithmic_thawed_and_linear_frozen(wetness):
    thawed, thawed_full = (thermal(johansen, share * POROSITY, 0.0)[0] for share in (wetness, 1.0))
    frozen, frozen_full = (thermal(johansen, 0.0, share * POROSITY)[0] for share in (wetness, 1.0))
    assert (thawed - DRY) / (thawed_full - DRY) == pytest.approx(np.log10(wetness) + 1.0, rel=1e-9)
    assert (frozen - DRY) / (frozen_full - DRY) == pytest.approx(wetness, rel=1e-9)


@given(wetness=st.floats(0.0, 1.0), sand=st.floats(0.0, 1.0))
def test_cote_and_konrads_curve_is_their_hyperbola(wetness, sand):
    kappa = 1.90 + 1.65 * sand
    saturated = thermal(cote_konrad, POROSITY, 0.0, sand=sand)[0]
    found = thermal(cote_konrad, wetness * POROSITY, 0.0, sand=sand)[0]
    kersten = kappa * wetness / (1.0 + (kappa - 1.0) * wetness)
    assert (found - DRY) / (saturated - DRY) == pytest.approx(kersten, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("law", SOIL_CONDUCTIVITY.values(), ids=SOIL_CONDUCTIVITY)
def test_wetter_soil_never_conducts_less(law):
    for frozen in (0.0, 0.3, 1.0):
        water = np.linspace(0.0, POROSITY, 50)
        conductivity = [thermal(law, one * (1.0 - frozen), one * frozen)[0] for one in water]
        assert (np.diff(conductivity) >= -1e-12).all()


@given(liquid=st.floats(0.0, 0.25), ice=st.floats(0.0, 0.2), thickness=st.floats(0.01, 2.0),
       law=st.sampled_from(sorted(SOIL_CONDUCTIVITY)))
def test_heat_capacity_is_the_sum_of_its_parts_and_resistance_is_half_the_layers(liquid, ice, thickness, law):
    conductivity, capacity, resistance = thermal(SOIL_CONDUCTIVITY[law], liquid, ice, thickness)
    assert capacity == pytest.approx((1 - POROSITY) * CAPACITY + 4.188e6 * liquid + 2.117e6 * ice, rel=1e-12)
    assert resistance == pytest.approx(0.5 * thickness / conductivity, rel=1e-12)
    assert DRY <= conductivity <= SOLID
