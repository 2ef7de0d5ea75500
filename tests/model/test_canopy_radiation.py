"""Sunlight in the canopy: closure, limits, and the two-stream equations integrated by another method."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

from terraflux.model import canopy_radiation as radiation
from terraflux.model.constants import PHOTONS_PER_JOULE

TYPICAL = {
    "shortwave_down": 700.0,
    "diffuse_fraction": 0.3,
    "cosine_zenith": 0.7,
    "leaf_area_index": 3.0,
    "stem_area_index": 0.0,
    "clumping_index": 0.7,
    "leaf_reflectance_visible": 0.10,
    "leaf_transmittance_visible": 0.05,
    "leaf_reflectance_infrared": 0.45,
    "leaf_transmittance_infrared": 0.25,
    "ground_albedo_visible": 0.1,
    "ground_albedo_infrared": 0.2,
}
BLACK = {f"leaf_{what}_{band}": 0.0 for what in ("reflectance", "transmittance") for band in ("visible", "infrared")}


def light(**changes):
    """Results of the process by name."""
    result = radiation.canopy_radiation(**{**TYPICAL, **changes})
    return dict(zip(radiation.canopy_radiation.returns, result))


def closure(found, shortwave_down):
    absorbed = sum(found[f"absorbed_shortwave_{where}"] for where in ("sunlit", "shaded", "stems", "ground"))
    return abs(absorbed + found["reflected_shortwave"] - shortwave_down)


def integrated(reflectance, transmittance, ground_albedo, direct, diffuse, cosine, depth, clumping):
    """Sunlit, total canopy and ground absorption, and reflection: shooting through the two-stream equations."""
    extinction = 0.5 / cosine
    absorptance, scattering = 1.0 - reflectance - transmittance, reflectance + transmittance
    backward = 0.5 * (scattering + (reflectance - transmittance) / 3.0)
    upward = 0.5 * (1.0 + 1.0 / extinction) * (1.0 - cosine * math.log((cosine + 1.0) / cosine))

    def slopes(x, streams):
        down, up = streams[:2]
        source = scattering * extinction * direct * math.exp(-extinction * x)
        return [
            -(absorptance + backward) * down + backward * up + (1.0 - upward) * source,
            (absorptance + backward) * up - backward * down - upward * source,
            down + up,
            (down + up) * math.exp(-extinction * x),
        ]

    def shoot(reflected):
        start = [diffuse, reflected, 0.0, 0.0]
        end = solve_ivp(slopes, (0.0, depth), start, rtol=1e-11, atol=1e-12, method="DOP853").y[:, -1]
        return end, end[1] - ground_albedo * (end[0] + direct * math.exp(-extinction * depth))

    (_, miss_0), (_, miss_1) = shoot(0.0), shoot(1.0)
    reflected = -miss_0 / (miss_1 - miss_0)
    end, _ = shoot(reflected)
    gap = math.exp(-extinction * depth)
    intercepted = direct * (1.0 - gap)
    return {
        "sunlit": absorptance * (intercepted + clumping * end[3]),
        "canopy": absorptance * (intercepted + end[2]),
        "ground": (1.0 - ground_albedo) * (end[0] + direct * gap),
        "reflected": reflected,
    }


def spectral_case(reflectance, transmittance, ground_albedo, cosine, leaf_area, clumping, diffuse, stem_area=0.0):
    """The same optics in both bands, so that the process gives the sum of one band."""
    return light(
        shortwave_down=800.0 * cosine, diffuse_fraction=diffuse, cosine_zenith=cosine, leaf_area_index=leaf_area,
        stem_area_index=stem_area, clumping_index=clumping,
        leaf_reflectance_visible=reflectance, leaf_reflectance_infrared=reflectance,
        leaf_transmittance_visible=transmittance, leaf_transmittance_infrared=transmittance,
        ground_albedo_visible=ground_albedo, ground_albedo_infrared=ground_albedo)


OPTICS = dict(
    reflectance=st.floats(0.0, 0.6), transmittance=st.floats(0.0, 0.6), ground_albedo=st.floats(0.0, 1.0),
    cosine=st.just(0.0) | st.floats(1e-200, 1.0),  # numbers near 1e-320 have few digits left
    leaf_area=st.floats(0.0, 15.0), stem_area=st.floats(0.0, 3.0), clumping=st.floats(0.3, 1.0),
    diffuse=st.floats(0.0, 1.0))


@pytest.mark.parametrize("seed", range(12))
def test_solution_satisfies_the_two_stream_equations(seed):
    random = np.random.default_rng(seed)
    reflectance, transmittance = random.uniform(0.0, 0.48, 2)
    ground_albedo, diffuse = random.uniform(0.0, 0.95), random.uniform()
    cosine, leaf_area, clumping = random.uniform(0.1, 1.0), random.uniform(0.05, 4.0), random.uniform(0.4, 1.0)
    found = spectral_case(reflectance, transmittance, ground_albedo, cosine, leaf_area, clumping, diffuse)
    incoming = 800.0 * cosine
    expected = integrated(reflectance, transmittance, ground_albedo, incoming * (1.0 - diffuse), incoming * diffuse,
                          cosine, clumping * leaf_area, clumping)
    canopy = found["absorbed_shortwave_sunlit"] + found["absorbed_shortwave_shaded"]
    assert found["absorbed_shortwave_sunlit"] == pytest.approx(expected["sunlit"], abs=1e-8 * incoming)
    assert canopy == pytest.approx(expected["canopy"], abs=1e-8 * incoming)
    assert found["absorbed_shortwave_ground"] == pytest.approx(expected["ground"], abs=1e-8 * incoming)
    assert found["reflected_shortwave"] == pytest.approx(expected["reflected"], abs=1e-8 * incoming)


@settings(max_examples=300)
@given(**OPTICS)
def test_light_closes_for_any_optics(**optics):
    found = spectral_case(**optics)
    incoming = 800.0 * optics["cosine"]
    assert closure(found, incoming) <= 1e-12 * incoming
    assert all(value >= 0.0 for value in found.values())
    assert all(math.isfinite(value) for value in found.values())


@settings(max_examples=300)
@given(**OPTICS)
def test_light_per_leaf_times_leaf_area_is_light_per_ground(**optics):
    found = spectral_case(**optics)
    leaves = (found["absorbed_light_sunlit"] * found["sunlit_area"]
              + found["absorbed_light_shaded"] * found["shaded_area"])
    assert leaves == pytest.approx(found["absorbed_light"], rel=1e-9, abs=1e-7)
    assert found["sunlit_area"] + found["shaded_area"] == pytest.approx(optics["leaf_area"], rel=1e-15)


def test_light_closes_at_every_corner_of_the_domain():
    corners = product((0.0, 1e-9, 1e-3, 0.5, 1.0), (0.0, 1e-14, 1e-6, 0.02, 3.0, 15.0), (0.3, 1.0), (0.0, 0.5, 0.6),
                      (0.0, 0.5, 0.6), (0.0, 0.2, 1.0), (0.0, 1.0))
    for cosine, leaf_area, clumping, reflectance, transmittance, ground_albedo, diffuse in corners:
        found = light(
            shortwave_down=1.0 + 900.0 * cosine, diffuse_fraction=diffuse, cosine_zenith=cosine,
            leaf_area_index=leaf_area, clumping_index=clumping, leaf_reflectance_visible=reflectance,
            leaf_transmittance_visible=transmittance, leaf_reflectance_infrared=transmittance,
            leaf_transmittance_infrared=reflectance, ground_albedo_visible=ground_albedo,
            ground_albedo_infrared=ground_albedo)
        assert min(found.values()) >= 0.0
        assert closure(found, 1.0 + 900.0 * cosine) <= 1e-12 * (1.0 + 900.0 * cosine)


@pytest.mark.parametrize("leaf_area", [0.1, 1.0, 5.0])
@pytest.mark.parametrize("cosine", [0.2, 0.6, 1.0])
def test_black_leaves_absorb_what_the_gaps_do_not_let_through(leaf_area, cosine):
    found = light(leaf_area_index=leaf_area, cosine_zenith=cosine, diffuse_fraction=0.0, shortwave_down=500.0 * cosine,
                  ground_albedo_visible=0.0, ground_albedo_infrared=0.0, **BLACK)
    intercepted = 500.0 * cosine * (1.0 - math.exp(-0.5 / cosine * 0.7 * leaf_area))
    assert found["absorbed_shortwave_sunlit"] == pytest.approx(intercepted, rel=1e-12)
    assert found["absorbed_shortwave_shaded"] == pytest.approx(0.0, abs=1e-12)
    assert found["reflected_shortwave"] == pytest.approx(0.0, abs=1e-11)


def test_without_leaves_the_albedo_is_that_of_the_ground():
    found = light(leaf_area_index=0.0)
    visible = radiation.VISIBLE_SHARE
    assert found["reflected_shortwave"] == pytest.approx(700.0 * (0.1 * visible + 0.2 * (1.0 - visible)), rel=1e-12)
    assert found["absorbed_shortwave_sunlit"] == 0.0
    assert found["absorbed_shortwave_shaded"] == 0.0
    assert light(leaf_area_index=1e-6)["reflected_shortwave"] == pytest.approx(found["reflected_shortwave"], rel=1e-5)


@pytest.mark.parametrize("reflectance", [0.4, 0.5, 0.6])
def test_leaves_that_only_scatter_absorb_nothing(reflectance):
    bands = {f"leaf_reflectance_{band}": reflectance for band in ("visible", "infrared")}
    bands |= {f"leaf_transmittance_{band}": 1.0 - reflectance for band in ("visible", "infrared")}
    found = light(**bands)
    assert found["absorbed_shortwave_sunlit"] + found["absorbed_shortwave_shaded"] < 1e-5
    assert found["absorbed_shortwave_ground"] + found["reflected_shortwave"] == pytest.approx(700.0, abs=1e-5)


def test_endless_canopy_reflects_its_single_mode_albedo():
    """Diffuse light on deep canopy: (1 - eta) / (1 + eta), eta = sqrt(a / (a + 2 c)), whatever lies below."""
    reflectance, transmittance = 0.4, 0.3
    eta = math.sqrt(0.3 / (0.3 + 0.7 + 0.1 / 3.0))
    for ground_albedo in (0.0, 0.9):
        found = spectral_case(reflectance, transmittance, ground_albedo, 0.8, 15.0 / 0.3, 0.3, 1.0)
        assert found["reflected_shortwave"] == pytest.approx(640.0 * (1.0 - eta) / (1.0 + eta), rel=1e-6)


def test_result_is_smooth_where_beam_and_diffuse_extinction_meet():
    """K = h: the quotient (exp(-h) - exp(-K)) / (K - h) becomes 0 / 0."""
    absorptance, backward = 0.3, 0.5 * (0.7 + 0.2 / 3.0)
    rate = math.sqrt(absorptance * (absorptance + 2.0 * backward))
    meeting = 0.5 / rate
    cosines = meeting * (1.0 + np.array([-1e-3, -1e-6, -1e-12, 0.0, 1e-12, 1e-6, 1e-3]))
    reflected = np.array([
        spectral_case(0.45, 0.25, 0.2, cosine, 3.0, 1.0, 0.0)["reflected_shortwave"] / cosine for cosine in cosines])
    line = np.interp(cosines, cosines[[0, -1]], reflected[[0, -1]])
    np.testing.assert_allclose(reflected, line, rtol=1e-6)
    assert abs(reflected[2] - reflected[4]) < 1e-9 * reflected[3]


def test_two_stream_light_agrees_with_a_canopy_of_many_layers():
    """Diffuse light through black leaves falls as exp(-x), the two-stream stand-in for isotropic 2 E3(x / 2)."""
    found = light(leaf_area_index=2.0, clumping_index=1.0, diffuse_fraction=1.0, ground_albedo_visible=0.0,
                  ground_albedo_infrared=0.0, **BLACK)
    assert found["absorbed_shortwave_ground"] == pytest.approx(700.0 * math.exp(-2.0), rel=1e-12)
    isotropic = 2.0 * quad(lambda mu: mu * math.exp(-0.5 * 2.0 / mu), 0.0, 1.0)[0]
    assert math.exp(-2.0) == pytest.approx(isotropic, abs=0.09)


def test_upward_share_of_the_beam_is_a_half_at_the_horizon_and_less_overhead():
    assert radiation.upward_share_of_beam(1e-6) == pytest.approx(0.5, abs=1e-4)
    assert radiation.upward_share_of_beam(1.0) == pytest.approx(1.5 * (1.0 - math.log(2.0)), rel=1e-14)


@pytest.mark.parametrize("cosine", [0.1, 0.5, 1.0])
def test_sunlit_area_is_the_depth_integral_of_sunlit_probability(cosine):
    found = light(cosine_zenith=cosine)
    area = quad(lambda depth: 0.7 * math.exp(-0.5 / cosine * 0.7 * depth), 0.0, 3.0)[0]
    assert found["sunlit_area"] == pytest.approx(area, rel=1e-10)
    assert found["sunlit_area"] == pytest.approx(2.0 * cosine * (1.0 - math.exp(-0.5 * 0.7 * 3.0 / cosine)), rel=1e-12)


def test_night_has_no_sunlit_leaves_and_no_light():
    found = light(shortwave_down=0.0, cosine_zenith=0.0, diffuse_fraction=1.0)
    assert found["sunlit_area"] == 0.0
    assert found["shaded_area"] == 3.0
    assert all(found[name] == 0.0 for name in found if name not in ("sunlit_area", "shaded_area"))


def test_twilight_without_sun_is_diffuse_light():
    found = light(shortwave_down=5.0, cosine_zenith=0.0, diffuse_fraction=0.0)
    assert closure(found, 5.0) < 1e-14
    assert found["absorbed_shortwave_sunlit"] == 0.0
    assert found["absorbed_shortwave_shaded"] > 1.0


def test_beam_on_sunlit_leaves_never_exceeds_sunlight_above_the_atmosphere():
    found = light(shortwave_down=300.0, cosine_zenith=0.02, diffuse_fraction=0.0)
    ceiling = 0.85 * PHOTONS_PER_JOULE * (0.5 * 0.5 * 1361.0 + 300.0)
    assert found["absorbed_light_sunlit"] < ceiling
    assert closure(found, 300.0) < 1e-10


def test_negative_noise_of_a_night_sensor_is_not_absorbed():
    found = light(shortwave_down=-3.0, cosine_zenith=0.0)
    assert found["reflected_shortwave"] == -3.0
    assert found["absorbed_light"] == 0.0
    assert closure(found, -3.0) == 0.0


@pytest.mark.parametrize("cosine", [0.1, 0.7])
def test_stems_that_are_as_dark_as_leaves_are_leaves_that_do_not_photosynthesise(cosine):
    like_wood = {"leaf_reflectance_visible": 0.16, "leaf_reflectance_infrared": 0.39, "leaf_transmittance_visible": 0.001,
                 "leaf_transmittance_infrared": 0.001, "cosine_zenith": cosine}
    leaves = light(leaf_area_index=4.0, **like_wood)
    mixed = light(leaf_area_index=3.0, stem_area_index=1.0, **like_wood)
    for name in ("absorbed_shortwave_ground", "reflected_shortwave", "absorbed_light_sunlit", "absorbed_light_shaded"):
        assert mixed[name] == pytest.approx(leaves[name], rel=1e-12)
    for name in ("absorbed_shortwave_sunlit", "absorbed_shortwave_shaded", "absorbed_light", "sunlit_area"):
        assert mixed[name] == pytest.approx(0.75 * leaves[name], rel=1e-12)
    canopy = leaves["absorbed_shortwave_sunlit"] + leaves["absorbed_shortwave_shaded"]
    assert mixed["absorbed_shortwave_stems"] == pytest.approx(0.25 * canopy, rel=1e-12)


def test_stems_alone_are_a_canopy_that_solves_the_two_stream_equations():
    found = light(leaf_area_index=0.0, stem_area_index=1.2)
    absorbed = ground = 0.0
    for share, reflectance, ground_albedo in ((0.45, 0.16, 0.1), (0.55, 0.39, 0.2)):
        band = integrated(reflectance, 0.001, ground_albedo, 490.0 * share, 210.0 * share, 0.7, 0.7 * 1.2, 0.7)
        absorbed, ground = absorbed + band["canopy"], ground + band["ground"]
    assert found["absorbed_shortwave_stems"] == pytest.approx(absorbed, rel=1e-7)
    assert found["absorbed_shortwave_ground"] == pytest.approx(ground, rel=1e-7)
    assert found["absorbed_light"] == 0.0


def test_leafless_forest_hides_the_snow_that_a_meadow_shows():
    """Betts and Ball (1997): daily albedo with snow 0.75 over grass, 0.21 over leafless aspen."""
    snow = {"ground_albedo_visible": 0.9, "ground_albedo_infrared": 0.55, "leaf_area_index": 0.1, "cosine_zenith": 0.35}
    meadow, aspen = (light(stem_area_index=area, **snow)["reflected_shortwave"] / 700.0 for area in (0.05, 1.0))
    assert meadow > 0.55
    assert aspen < 0.3


def test_sunlit_leaves_see_more_light_than_shaded_leaves():
    found = light()
    assert found["absorbed_light_sunlit"] > 1.5 * found["absorbed_light_shaded"] > 0.0


def test_missing_light_is_not_hidden():
    found = light(shortwave_down=math.nan)
    assert math.isnan(found["absorbed_light_sunlit"])
    assert math.isnan(found["reflected_shortwave"])


@pytest.mark.parametrize("nitrogen_extinction", [0.0, 1e-9, 0.3, 1.0])
@pytest.mark.parametrize(("cosine", "leaf_area", "clumping"), [(0.2, 0.5, 1.0), (0.8, 4.0, 0.6), (1.0, 1e-3, 0.9)])
def test_class_capacities_are_depth_means_of_the_profile(nitrogen_extinction, cosine, leaf_area, clumping):
    def mean(weight):
        top = quad(lambda depth: 60.0 * math.exp(-nitrogen_extinction * depth) * weight(depth), 0.0, leaf_area)[0]
        return top / quad(weight, 0.0, leaf_area)[0]

    def sunlit_probability(depth):
        return clumping * math.exp(-0.5 / cosine * clumping * depth)

    sunlit, shaded = radiation.leaf_capacity(60.0, nitrogen_extinction, cosine, leaf_area, 0.0, clumping)
    assert sunlit == pytest.approx(mean(sunlit_probability), rel=1e-9)
    assert shaded == pytest.approx(mean(lambda depth: 1.0 - sunlit_probability(depth)), rel=1e-9)


@pytest.mark.parametrize("stem_area", [0.0, 1.5])
def test_capacities_keep_the_canopy_total(stem_area):
    sunlit, shaded = radiation.leaf_capacity(60.0, 0.3, 0.7, 3.0, stem_area, 0.7)
    found = light(stem_area_index=stem_area)
    total = sunlit * found["sunlit_area"] + shaded * found["shaded_area"]
    assert total == pytest.approx(60.0 * (1.0 - math.exp(-0.9)) / 0.3, rel=1e-13)


def test_capacities_without_leaves_or_sun_are_finite():
    assert radiation.leaf_capacity(60.0, 0.3, 0.7, 0.0, 0.0, 1.0) == (60.0, 60.0)
    _, shaded = radiation.leaf_capacity(60.0, 0.3, 0.0, 3.0, 0.0, 0.7)
    assert shaded == pytest.approx(60.0 * (1.0 - math.exp(-0.9)) / 0.9, rel=1e-13)


@given(st.floats(-50.0, 50.0))
def test_mean_of_an_exponential_is_exact_near_and_far_from_zero(exponent):
    expected = -math.expm1(-exponent) / exponent if exponent else 1.0
    assert radiation.mean_between(1.0, math.exp(-exponent), exponent) == pytest.approx(expected, rel=5e-14)
