"""Source areas: levels hold what they say, polygons enclose it, and a grid that is too small says so."""

import json

import numpy as np
import pytest

from terraflux.sites.footprint.single import footprint
from terraflux.sites.footprint.source_area import contour_levels, ring_area, source_areas

NODES = np.linspace(-50.0, 50.0, 201)
SIGMA = 8.0


def gaussian():
    x, y = np.meshgrid(NODES, NODES)
    return np.exp(-(x**2 + y**2) / (2.0 * SIGMA**2)) / (2.0 * np.pi * SIGMA**2)


@pytest.mark.parametrize("fraction", [0.3, 0.5, 0.8, 0.95])
def test_area_of_a_round_gaussian_is_the_closed_form(fraction):
    (area,) = source_areas(NODES, NODES, gaussian(), [fraction])
    expected = -2.0 * np.pi * SIGMA**2 * np.log(1.0 - fraction)
    assert area.area == pytest.approx(expected, rel=0.02)
    assert sum(ring_area(ring) for ring in area.polygons[0]) == pytest.approx(expected, rel=0.02)
    assert area.level == pytest.approx((1.0 - fraction) / (2.0 * np.pi * SIGMA**2), rel=0.02)
    assert area.mass == pytest.approx(fraction, abs=0.01) and not area.leaves_domain


def test_nearest_and_first_rules():
    density = np.array([[4.0, 3.0], [2.0, 1.0]]) / 10.0
    assert contour_levels(density, 1.0, [0.5, 0.6, 0.71], rule="nearest") == [0.4, 0.3, 0.3]
    assert contour_levels(density, 1.0, [0.5, 0.6, 0.71], rule="first") == [0.3, 0.3, 0.2]


def test_fractions_of_unit_and_of_captured_mass_differ():
    half = gaussian()[:, :101]
    captured = half.sum() * 0.25
    unit, own = (contour_levels(half, 0.25, [0.5], of=of)[0] for of in ("unit", "captured"))
    assert captured == pytest.approx(0.5 + 0.25 / (np.sqrt(2.0 * np.pi) * SIGMA), abs=1e-6)
    assert unit < own
    assert half[half >= own].sum() * 0.25 == pytest.approx(0.5 * captured, abs=0.005)


def test_a_fraction_the_grid_does_not_hold_has_no_level_and_no_polygon():
    (area,) = source_areas(NODES[:101], NODES, gaussian()[:, :101], [0.9])
    assert np.isnan(area.level) and area.polygons == () and np.isnan(area.area)


def test_an_area_that_reaches_the_edge_says_so_and_closes_along_it():
    (area,) = source_areas(NODES[:101], NODES, gaussian()[:, :101], [0.4])
    assert area.leaves_domain
    ring = area.polygons[0][0]
    assert np.array_equal(ring[0], ring[-1]) and ring[:, 0].max() == NODES[100]


def test_holes_run_clockwise_and_outer_rings_counterclockwise():
    x, y = np.meshgrid(NODES, NODES)
    annulus = np.exp(-((np.hypot(x, y) - 25.0) ** 2) / 18.0)
    (area,) = source_areas(NODES, NODES, annulus / annulus.sum() / 0.25, [0.8])
    outer, hole = area.polygons[0]
    assert ring_area(outer) > 0.0 > ring_area(hole)
    assert ring_area(outer) + ring_area(hole) == pytest.approx(area.area, rel=0.02)


def test_nan_density_gives_no_level():
    assert np.isnan(contour_levels(np.full((3, 3), np.nan), 1.0, [0.5])).all()


def test_unknown_words_and_fractions_are_refused():
    with pytest.raises(ValueError, match="nearest, first"):
        contour_levels(gaussian(), 0.25, [0.5], rule="last")
    with pytest.raises(ValueError, match='"unit" or "captured"'):
        contour_levels(gaussian(), 0.25, [0.5], of="total")
    with pytest.raises(ValueError, match="between 0 and 1"):
        contour_levels(gaussian(), 0.25, [80.0])
    with pytest.raises(ValueError, match="lines, columns"):
        source_areas(NODES, NODES[:10], gaussian())


@pytest.mark.real_data
def test_the_80_percent_contour_passes_through_the_published_points(shared_data):
    cases = json.loads((shared_data / "references/ffp/ffp_single_cases_01_10.json").read_text(encoding="utf-8"))
    for case in cases[:4]:
        one = footprint("ffp", measurement_height=case["zm"], roughness_length=case["z0"], mean_wind_speed=case["umean"],
                        obukhov_length=case["ol"], sigma_v=case["sigmav"], friction_velocity=case["ustar"],
                        boundary_layer_height=case["h"], fractions=[0.8])
        ring = max(one.source_areas[0].polygons, key=lambda polygon: ring_area(polygon[0]))[0]
        gaps = [distance_to(ring, px, py) for px, py in zip(case["contour80_x"], case["contour80_y"], strict=True)]
        assert max(gaps) < 0.5 * (one.x[1] - one.x[0]), case["name"]


def distance_to(ring, x, y):
    start, step = ring[:-1], np.diff(ring, axis=0)
    length = np.maximum((step**2).sum(1), 1e-30)
    along = np.clip(((x - start[:, 0]) * step[:, 0] + (y - start[:, 1]) * step[:, 1]) / length, 0.0, 1.0)
    return np.hypot(start[:, 0] + along * step[:, 0] - x, start[:, 1] + along * step[:, 1] - y).min()
