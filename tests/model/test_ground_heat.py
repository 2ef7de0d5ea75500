"""Conduction in the column: damped waves, steady gradients, layers below the soil, exact energy."""

import numpy as np
import pytest

from terraflux.model.ground_heat import phase_changed, surface_forward
from terraflux.model.parameters import parameters, soil_classes

DIFFUSIVITY = 5e-7  # m2 s-1
CAPACITY = 1.25e6  # J m-3 K-1
DAY, YEAR = 86400.0, 365 * 86400.0
SOLIDS = {"porosity": 0.5, "solid_heat_capacity": 2.0 * CAPACITY, "solid_conductivity": CAPACITY * DIFFUSIVITY,
          "dry_conductivity": CAPACITY * DIFFUSIVITY}


def wave(ground, period, cycles, thickness, time_step):
    """Depths (m), and amplitude (1) and lag (s) of the last cycle relative to the surface wave."""
    steps, last = int(cycles * period / time_step), int(period / time_step)
    seconds = (np.arange(steps) + 1) * time_step
    turning = 2.0 * np.pi / period
    ran = ground.heat_column(120).run(steps, SOLIDS | {"layer_thickness": thickness}, {"soil_temperature": 20.0},
                                      ("soil_temperature",), time_step=time_step,
                                      air_temperature=20.0 + 10.0 * np.sin(turning * seconds))
    swing = ran["soil_temperature"][-last:, :, 0] - 20.0
    found = 0.2j * (swing * np.exp(-1j * turning * seconds[-last:])[:, None]).mean(0)
    layers = np.broadcast_to(thickness, 120)
    return np.cumsum(layers) - 0.5 * layers, np.abs(found), -np.unwrap(np.angle(found)) / turning


def at(depth, depths, values):
    return np.interp(depth, depths, values)


def test_the_daily_wave_is_damped_and_delayed_as_fourier_says(ground):
    depths, amplitude, lag = wave(ground, DAY, 20, 0.01, 600.0)
    damping = np.sqrt(DIFFUSIVITY * DAY / np.pi)
    assert damping == pytest.approx(0.11726, abs=1e-5)
    assert np.exp(at(0.1, depths, np.log(amplitude))) == pytest.approx(0.4262, rel=0.01)
    assert at(0.1, depths, lag) / 3600.0 == pytest.approx(3.257, rel=0.01)
    assert np.abs(amplitude - np.exp(-depths / damping)).max() < 0.01


def test_half_hourly_steps_damp_the_daily_wave_by_what_backward_euler_adds(ground):
    depths, amplitude, lag = wave(ground, DAY, 20, 0.01, 1800.0)
    turning = 2.0 * np.pi / DAY
    number = np.sqrt((1.0 - np.exp(-1j * turning * 1800.0)) / (1800.0 * DIFFUSIVITY))  # decay in depth with such steps
    shallow = depths < 0.4
    assert amplitude[shallow] == pytest.approx(np.exp(-number.real * depths)[shallow], rel=0.01)
    assert lag[shallow] == pytest.approx((number.imag * depths / turning)[shallow], rel=0.01, abs=0.02 * 1800.0)
    exact = np.exp(-depths * np.sqrt(np.pi / (DIFFUSIVITY * DAY)))
    assert np.abs(amplitude - exact).max() < 0.015  # of the surface amplitude


def test_the_yearly_wave_is_damped_and_delayed_as_fourier_says(ground):
    thickness = np.concatenate([np.full(40, 0.01), 0.01 * 1.07 ** np.arange(1, 81)])
    depths, amplitude, lag = wave(ground, YEAR, 4, thickness, 1800.0)
    damping = np.sqrt(DIFFUSIVITY * YEAR / np.pi)
    assert damping == pytest.approx(2.2411, abs=1e-3)
    shallow = depths < 5.0
    assert amplitude[shallow] == pytest.approx(np.exp(-depths / damping)[shallow], rel=0.01)
    assert lag[shallow] == pytest.approx((depths / damping * YEAR / (2.0 * np.pi))[shallow], rel=0.01)


def test_heat_from_below_makes_the_gradient_that_carries_it(ground):
    soil = SOLIDS | {"geothermal_heat_flux": 0.06, "layer_thickness": 0.05}
    ran = ground.heat_column(120).run(4000, soil, {"soil_temperature": 5.0}, ("soil_temperature", "soil_heat_flux"),
                                      time_step=86400.0, air_temperature=5.0)
    temperature = ran["soil_temperature"][-1, :, 0]
    assert np.diff(temperature) / 0.05 == pytest.approx(np.full(119, 0.06 / (CAPACITY * DIFFUSIVITY)), rel=1e-4)
    assert ran["soil_heat_flux"][-1, :, 0] == pytest.approx(np.full(120, -0.06), rel=1e-4)


def test_layers_below_the_soil_go_on_where_the_soil_ends(ground):
    conductivity = CAPACITY * DIFFUSIVITY
    thickness = 0.5
    seconds = (np.arange(3 * 365) + 1) * DAY
    surface = 5.0 + 10.0 * np.sin(2.0 * np.pi * seconds / YEAR)
    soil = SOLIDS | {"layer_thickness": thickness, "deep_thickness": thickness, "deep_conductivity": conductivity,
                     "deep_heat_capacity": CAPACITY, "geothermal_heat_flux": 0.06}
    split = ground.heat_column(10, "supercooled", 8).run(seconds.size, soil, {"soil_temperature": 5.0, "deep_temperature": 5.0},
                                                         ("soil_temperature", "deep_temperature"), time_step=DAY,
                                                         air_temperature=surface)
    layers = np.array([thickness] * 18 + [1e-3] * 102)
    whole = ground.heat_column(120).run(seconds.size, soil | {"layer_thickness": layers}, {"soil_temperature": 5.0},
                                        ("soil_temperature",), time_step=DAY, air_temperature=surface)
    joined = np.concatenate([split["soil_temperature"][:, :, 0], split["deep_temperature"][:, :, 0]], 1)
    assert joined[:, :12] == pytest.approx(whole["soil_temperature"][:, :12, 0], abs=0.02)
    assert np.ptp(joined[-365:, 9]) > np.ptp(joined[-365:, 10]) > np.ptp(joined[-365:, 17]) > 0.0


def test_energy_closes_with_layers_below_the_soil(ground):
    soil = SOLIDS | {"geothermal_heat_flux": 0.06, "deep_thickness": 2.0}
    start = {"soil_temperature": 5.0, "deep_temperature": 7.0}
    outputs = ("soil_temperature", "deep_temperature", "soil_heat_flux")
    ran = ground.heat_column(10, "supercooled", 8).run(960, soil, start, outputs,
                                                       air_temperature=12.0 * np.sin(np.arange(960) / 8.0))
    stored = CAPACITY * (ran["soil_temperature"][:, :, 0] * ground.TEN_LAYERS).sum(1)
    stored += ground.LOAM["deep_heat_capacity"] * 2.0 * ran["deep_temperature"][:, :, 0].sum(1)
    assert np.abs(np.diff(stored) / 1800.0 - ran["soil_heat_flux"][1:, 0, 0] - 0.06).max() < 1e-6


@pytest.mark.parametrize(("balance", "snow", "temperature", "melting"), [
    (100.0, 50.0, 0.0, 1.0),  # at 0 degC, heated
    (100.0, 50.0, -20.0, 0.0),  # the cold snow conducts it away
    (-30.0, 50.0, 0.0, 0.0),  # at 0 degC, cooled
    (100.0, 0.3, 0.0, 0.0),  # more than melts the top layer
    (100.0, 0.0, 0.0, 0.0),  # no snow
    (-30.0, 0.0, 5.0, 0.0),  # no snow over warm ground that cools
    (-30.0, 1e-4, 5.0, 0.0),  # a trace of snow over warm ground
    (10.0, 0.1, 5.0, 0.0),  # heated from both sides, more than melts it
    (10.0, 1.0, 5.0, 1.0),  # heated from both sides for longer
])
def test_a_snow_surface_is_held_at_zero_where_the_balance_melts_it(balance, snow, temperature, melting):
    conductance, step = 10.0, 1800.0
    for iterate in (-5.0, 0.0, 5.0):  # whatever the balance was linearised about
        slope = -15.0
        value, ratio, held = surface_forward(balance + slope * iterate, slope, iterate, snow, temperature, conductance, step)
        assert held == melting
        flux = conductance * (value + (ratio - 1.0) * temperature)
        surface = 0.0 if held else value + ratio * temperature
        assert flux == pytest.approx(balance + slope * surface, rel=1e-12)


def test_only_a_change_of_phase_asks_for_another_solve():
    assert phase_changed(0.0, 1.2, 1.1) == 0.0
    assert phase_changed(0.0, 0.0, 4.0) == 1.0
    assert phase_changed(1.0, 1.2, 1.1) == 1.0


def fickle_weather(seed, steps, time_step):
    """Weather that crosses 0 degC from step to step, with sun, snow and rain."""
    random = np.random.default_rng(seed)
    days = np.arange(steps) * time_step / DAY
    air = random.uniform(-8.0, 8.0) + 8.0 * np.sin(2 * np.pi * days) + random.normal(0.0, 3.0, steps)
    saturated = 0.6108 * np.exp(17.27 * air / (air + 237.3))
    return {"air_temperature": air, "vapour_pressure": saturated * random.uniform(0.2, 1.1, steps),
            "wind_speed": random.uniform(0.5, 10.0, steps), "longwave_down": 220.0 + 4.0 * (air + 10.0),
            "shortwave_down": random.uniform(0.0, 700.0) * np.maximum(np.sin(2 * np.pi * (days - 0.25)), 0.0),
            "precipitation": np.where(random.random(steps) < 0.1, random.exponential(5e-4, steps), 0.0)}


@pytest.mark.parametrize("time_step", [600.0, 1800.0, 3600.0])
@pytest.mark.parametrize(("top", "allowed"), [(0.05, 0.5), (0.01, 15.0)])  # K; very thin layers may overshoot, but recover
def test_no_layer_leaves_the_range_of_its_past_and_its_neighbours(ground, time_step, top, allowed):
    sets = [parameters("GRA", soil) for soil in soil_classes()]
    names = ("porosity", "residual_moisture", "saturated_potential", "retention_exponent", "saturated_conductivity",
             "solid_conductivity", "dry_conductivity", "solid_heat_capacity")
    soil = {name: np.array([one[name] for one in sets]).T for name in names}
    thin = np.array([0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 1.0])
    for seed in range(4):
        water = np.maximum(0.7 * soil["porosity"], soil["residual_moisture"] + 0.02)
        frozen = 0.5 * water * (seed % 2)
        ran = ground.ground_column().run(
            400, soil | {"layer_thickness": thin if top < 0.05 else ground.TEN_LAYERS},
            {"soil_liquid": water - frozen, "soil_ice": frozen, "soil_temperature": -0.5 * (seed % 2)},
            ("soil_temperature", "surface_temperature"), columns=len(sets), time_step=time_step,
            **fickle_weather(seed, 400, time_step))
        soil_, surface = ran["soil_temperature"], ran["surface_temperature"]
        above = np.concatenate([surface[:, None], soil_[:, :-1]], 1)[1:]
        below = np.concatenate([soil_[:, 1:], soil_[:, -1:]], 1)[1:]
        bounds = np.stack([soil_[:-1], above, below, np.zeros_like(below)])
        assert (soil_[1:] >= bounds.min(0) - allowed).all() and (soil_[1:] <= bounds.max(0) + allowed).all()
        outside = (soil_[1:] < bounds.min(0) - 0.5) | (soil_[1:] > bounds.max(0) + 0.5)
        assert outside.mean() < 3e-4
