"""Hsieh: the peer's values, closed forms and the classes of stability."""

import numpy as np
import pandas as pd
import pytest

from terraflux.sites.footprint.models import footprint_rows

BASE = {"measurement_height": 20.0, "roughness_length": 0.1, "sigma_v": 0.6, "friction_velocity": 0.4, "wind_direction": 0.0}


@pytest.mark.real_data
def test_curve_and_density_equal_the_peer_to_1e_9(shared_data):
    table = pd.read_csv(shared_data / "references/km_hsieh/km_hsieh_reference.csv")
    rows = footprint_rows("hsieh", measurement_height=table["zm"], roughness_length=table["z0"], obukhov_length=table["L"],
                          sigma_v=table["sigmav"], friction_velocity=table["ustar"], wind_direction=0.0)
    curve = np.array([rows.select(i).crosswind_integrated(x)[0] for i, x in enumerate(table["x"])])
    density = np.array([rows.select(i).density(x, 15.0)[0] for i, x in enumerate(table["x"])])
    np.testing.assert_allclose(curve, table["hsieh_fy"], rtol=1e-9)
    np.testing.assert_allclose(density, table["hsieh_f_xy15"], rtol=1e-9)


@pytest.mark.parametrize("length", [-50.0, np.inf, 50.0])
def test_fetch_and_peak_are_the_closed_forms(length):
    rows = footprint_rows("hsieh", **BASE, obukhov_length=length)
    assert rows.peak_distance()[0] == pytest.approx(rows.decay[0] / 2.0, rel=1e-14)
    np.testing.assert_allclose(rows.fetch([0.5, 0.8, 0.9])[0], -rows.decay[0] / np.log([0.5, 0.8, 0.9]), rtol=1e-12)
    assert rows.total_mass()[0] == pytest.approx(1.0, rel=1e-13)


def test_spread_is_that_of_detto():
    rows = footprint_rows("hsieh", **BASE, obukhov_length=-50.0)
    assert rows.spread(200.0)[0] == pytest.approx(0.3 * 0.1 * 0.6 / 0.4 * (200.0 / 0.1) ** 0.86, rel=1e-13)


def test_neutral_class_ends_at_its_limit():
    height = 20.0 * (np.log(200.0) - 1.0 + 0.005)
    inside, outside = (footprint_rows("hsieh", **BASE, obukhov_length=height / ratio).decay[0] for ratio in (0.0399, 0.0401))
    assert inside == pytest.approx(0.97 * height / 0.16, rel=1e-12)
    assert outside == pytest.approx(2.44 * height**1.33 * (height / 0.0401) ** -0.33 / 0.16, rel=1e-12)
    narrow = footprint_rows("hsieh", **BASE, obukhov_length=height / 0.03, neutral_limit=0.02).decay[0]
    assert narrow != pytest.approx(inside, rel=1e-3)


def test_roughness_follows_from_wind_speed_where_missing():
    known = footprint_rows("hsieh", **BASE, obukhov_length=-50.0)
    speed = 0.4 / 0.4 * (np.log(200.0) - psi(20.0 / -50.0))
    derived = footprint_rows("hsieh", **{**BASE, "roughness_length": None}, mean_wind_speed=speed, obukhov_length=-50.0)
    assert derived.decay[0] == pytest.approx(known.decay[0], rel=1e-12)
    assert derived.caution[0] != 0 and known.caution[0] == 0


def psi(zeta):
    chi = (1.0 - 16.0 * zeta) ** 0.25
    return np.log((1 + chi**2) / 2) + 2 * np.log((1 + chi) / 2) - 2 * np.arctan(chi) + np.pi / 2
