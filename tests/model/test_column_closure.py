"""Water, energy, heat, carbon and shortwave close in every step, for all plants, soils and any weather within bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terraflux.drivers import open_tower
from terraflux.model.constants import (
    ICE_HEAT_CAPACITY,
    KELVIN,
    LATENT_HEAT_FUSION,
    LATENT_HEAT_SUBLIMATION,
    STEFAN_BOLTZMANN,
    WATER_DENSITY,
    WATER_HEAT_CAPACITY,
)
from terraflux.model.spinup import POOLS
from terraflux.simulation import CLOSURE_UNITS, simulate

pytestmark = pytest.mark.xdist_group("column")

LIMITS = {"water_closure": 1e-9, "heat_closure": 1e-6, "energy_closure": 1e-6, "carbon_closure": 1e-10,
          "shortwave_closure": 1e-10}
CARBON = ("labile_carbon", *POOLS)
STATES = ("canopy_liquid", "canopy_snow", "ponded_water", "snow_mass", "snow_enthalpy", "soil_liquid", "soil_ice",
          "soil_temperature", *CARBON)
FLUXES = ("evapotranspiration", "surface_runoff", "drainage", "net_radiation", "latent_heat", "sensible_heat",
          "ground_heat_flux", "lower_heat_flux", "snow_heat_added", "water_heat_before", "water_heat_after",
          "gross_primary_production", "autotrophic_respiration", "heterotrophic_respiration", "leached_carbon",
          "reflected_shortwave", "absorbed_shortwave_sunlit", "absorbed_shortwave_shaded",
          "absorbed_shortwave_stems", "absorbed_shortwave_ground",
          "latent_heat_vaporisation", "transpiration", "canopy_evaporation", "canopy_sublimation", "soil_evaporation",
          "snow_sublimation", "longwave_up")


def worst(batch, **options):
    """Largest residual of any step of all columns, by name."""
    steps = batch.forcing.shape[0]
    result, _ = batch.run(outputs=dict.fromkeys(LIMITS, "maximum"), windows=steps, **options)
    return {name: float(np.max(result[name])) for name in LIMITS}


def assert_closed(found):
    for name, limit in LIMITS.items():
        assert found[name] < limit, f"{name} reaches {found[name]:.3g}, limit {limit:g}"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_budgets_close_for_every_plant_on_every_soil_through_the_seasons(make_columns, every_pair, seed):
    assert_closed(worst(make_columns(pairs=every_pair, steps=1920, seed=seed, season_days=40.0)))


def test_budgets_close_with_the_other_processes(make_columns, every_pair, other_options):
    assert_closed(worst(make_columns(other_options, every_pair, steps=1920, seed=4, season_days=40.0)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 15))
def test_budgets_close_over_a_year_for_every_plant_on_every_soil_in_every_climate(make_columns, every_pair, seed):
    assert_closed(worst(make_columns(pairs=every_pair, steps=17520, seed=seed)))


@pytest.mark.slow
@pytest.mark.parametrize("time_step", [600.0, 3600.0])
def test_budgets_close_with_other_time_steps(make_columns, every_pair, time_step):
    assert_closed(worst(make_columns(pairs=every_pair, steps=2000, seed=5, season_days=30.0, time_step=time_step)))


# ---- the same from states and fluxes, without the model's own sums -------------------------------------------------------


@pytest.fixture(scope="module")
def kept(make_columns, every_pair):
    """A batch through winter and spring with every state and flux of every step, and its initial state."""
    batch = make_columns(pairs=every_pair[::5], steps=900, seed=3, season_days=25.0)
    result, _ = batch.run(outputs=dict.fromkeys(STATES, "last") | dict.fromkeys(FLUXES, "mean"))
    series = {name: result[name].copy() for name in (*STATES, *FLUXES)}
    before = {name: np.concatenate([batch.state[batch.rows(name)].reshape(1, *series[name].shape[1:]),
                                    series[name][:-1]]) for name in STATES}
    return batch, before, series


def residuals(batch, before, series):
    """Largest absolute residual of each budget, from states before and after each step and the fluxes between them."""
    step = batch.time_step
    forcing = dict(zip([v.name for v in batch.model.table.of_kind("forcing")], batch.forcing.swapaxes(0, 1), strict=True))
    forcing = {name: value[:, batch.forcing_of] for name, value in forcing.items()}
    thickness, porosity, solids = (batch.parameter(name) for name in
                                   ("layer_thickness", "porosity", "solid_heat_capacity"))

    def water(s):
        soil = ((s["soil_liquid"] + s["soil_ice"]) * thickness * WATER_DENSITY).sum(1)
        return s["canopy_liquid"] + s["canopy_snow"] + s["ponded_water"] + s["snow_mass"].sum(1) + soil

    def heat(s):
        capacity = ((1.0 - porosity) * solids + WATER_DENSITY * WATER_HEAT_CAPACITY * s["soil_liquid"]
                    + WATER_DENSITY * ICE_HEAT_CAPACITY * s["soil_ice"])
        soil = (capacity * s["soil_temperature"] - LATENT_HEAT_FUSION * WATER_DENSITY * s["soil_ice"]) * thickness
        return soil.sum(1) + s["snow_enthalpy"].sum(1)

    f = series
    lost = f["evapotranspiration"] + f["surface_runoff"] + f["drainage"]
    advected = f["snow_heat_added"] + f["water_heat_after"] - f["water_heat_before"]
    respired = f["autotrophic_respiration"] + f["heterotrophic_respiration"] + f["leached_carbon"]
    liquid = f["transpiration"] + f["canopy_evaporation"] + f["soil_evaporation"]
    frozen = f["canopy_sublimation"] + f["snow_sublimation"]
    absorbed = (f["absorbed_shortwave_sunlit"] + f["absorbed_shortwave_shaded"] + f["absorbed_shortwave_stems"]
                + f["absorbed_shortwave_ground"])
    net = (forcing["shortwave_down"] - f["reflected_shortwave"]) + (forcing["longwave_down"] - f["longwave_up"])
    gaps = {
        "water": water(f) - water(before) - (forcing["precipitation"] - lost) * step,
        "energy": net - f["latent_heat"] - f["sensible_heat"] - f["ground_heat_flux"],
        "heat": (heat(f) - heat(before) - advected) / step - f["ground_heat_flux"] + f["lower_heat_flux"],
        "carbon": sum(f[name] - before[name] for name in CARBON) - (f["gross_primary_production"] - respired) * step,
        "shortwave": (forcing["shortwave_down"] - f["reflected_shortwave"] - absorbed)
        / np.maximum(forcing["shortwave_down"], 1e-3),
        "latent": f["latent_heat_vaporisation"] * liquid + LATENT_HEAT_SUBLIMATION * frozen - f["latent_heat"],
        "parts": liquid + frozen - f["evapotranspiration"],
    }
    return {name: float(np.max(np.abs(gap))) for name, gap in gaps.items()}


CRITERIA = {"water": 1e-9, "energy": 1e-6, "heat": 1e-6, "carbon": 1e-10, "shortwave": 1e-10, "latent": 1e-10,
            "parts": 1e-18}


def test_states_and_fluxes_alone_show_that_budgets_close(kept):
    found = residuals(*kept)
    for name, limit in CRITERIA.items():
        assert found[name] < limit, f"{name}: {found[name]:.3g}"


def test_the_season_tested_has_snow_and_frozen_thawing_and_dry_ground(kept):
    _, _, series = kept
    frozen = series["soil_ice"] > 0.0
    assert series["snow_mass"].max() > 10.0
    assert frozen.any() and (frozen[:-1] & ~frozen[1:]).any() and (~frozen[:-1] & frozen[1:]).any()
    assert series["surface_runoff"].max() > 0.0 and series["canopy_snow"].max() > 0.0
    assert series["canopy_evaporation"].min() < 0.0 < series["canopy_evaporation"].max()


@pytest.mark.parametrize(("flux", "share", "budgets"), [
    ("evapotranspiration", 1e-6, ("water", "parts")),
    ("drainage", 1e-6, ("water",)),
    ("latent_heat", 1e-6, ("energy", "latent")),
    ("ground_heat_flux", 1e-6, ("energy", "heat")),
    ("heterotrophic_respiration", 1e-6, ("carbon",)),
    ("gross_primary_production", 1e-6, ("carbon",)),
    ("absorbed_shortwave_ground", 1e-6, ("shortwave",)),
    ("water_heat_after", 1e-6, ("heat",)),
])
def test_a_flux_wrong_by_a_millionth_is_noticed(kept, flux, share, budgets):
    batch, before, series = kept
    found = residuals(batch, before, series | {flux: series[flux] * (1.0 + share)})
    for name in CRITERIA:
        assert (found[name] > CRITERIA[name]) == (name in budgets), f"{name}: {found[name]:.3g}"


@pytest.mark.parametrize("state", STATES)
def test_a_store_that_is_forgotten_is_noticed(kept, state):
    batch, before, series = kept
    start, end = before | {state: 0.0 * before[state]}, series | {state: 0.0 * series[state]}
    found = residuals(batch, start, end)
    assert any(found[name] > limit for name, limit in CRITERIA.items())


# ---- weather that nobody has seen ------------------------------------------------------------------------------------

LARGEST_JUMP = 30.0  # K, of air temperature from one step to the next
RANGES = {
    "shortwave_down": (0.0, 1400.0), "sky_emissivity": (0.4, 1.1), "air_temperature": (-70.0, 55.0),
    "air_pressure": (4.5e4, 1.08e5), "wind_speed": (0.0, 60.0), "precipitation": (0.0, 0.05),
    "carbon_dioxide": (160.0, 1900.0), "cosine_zenith": (0.0, 1.0), "diffuse_fraction": (0.0, 1.0),
    "photoperiod": (0.0, 24.0), "prescribed_leaf_area_index": (0.0, 14.0),
}


@st.composite
def climates_within_bounds(draw):
    """A sub-range of every forcing, how often it jumps, and a seed."""
    spans = {}
    for name, (low, high) in RANGES.items():
        first, second = sorted((draw(st.floats(0.0, 1.0)), draw(st.floats(0.0, 1.0))))
        spans[name] = (low + first * (high - low), low + second * (high - low))
    coldest, warmest = spans["air_temperature"]
    spans["air_temperature"] = (coldest, min(warmest, coldest + LARGEST_JUMP))
    return spans, draw(st.sampled_from([0.02, 0.2, 1.0])), draw(st.floats(0.0, 1.0)), draw(st.integers(0, 10**6))


def extreme_forcing(batch, spans, jumps, humidity, seed):
    """Forcing [time, row, series]: within its span, each value holds until it jumps, at a chance per step of `jumps`."""
    random = np.random.default_rng(seed)
    steps, _, series = batch.forcing.shape
    held = np.maximum.accumulate(np.where(random.random((steps, series)) < jumps, np.arange(steps)[:, None], 0), axis=0)
    values = {name: np.take_along_axis(random.uniform(*span, (steps, series)), held, 0) for name, span in spans.items()}
    values["precipitation"] *= random.random((steps, series)) < 0.2
    values["shortwave_down"] *= values["cosine_zenith"] > 0.0
    air = values["air_temperature"]
    values["longwave_down"] = np.clip(values["sky_emissivity"] * STEFAN_BOLTZMANN * (air + KELVIN) ** 4, 45.0, 690.0)
    saturated = 0.6108 * np.exp(17.27 * air / (air + 237.3))
    values["vapour_pressure"] = np.minimum(saturated * random.uniform(humidity * 0.9, 1.0, air.shape), 8.0)
    return np.stack([values[variable.name] for variable in batch.model.table.of_kind("forcing")], axis=1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(climates_within_bounds())
def test_budgets_close_and_no_column_fails_in_any_weather_within_bounds(make_columns, every_pair, climate):
    spans, jumps, humidity, seed = climate
    mean = float(np.clip(np.mean(spans["air_temperature"]), -40.0, 40.0))
    batch = make_columns(pairs=every_pair[seed % 9 :: 9], steps=240, seed=seed % 7, mean_temperature=mean)
    batch.forcing = extreme_forcing(batch, spans, jumps, humidity, seed)
    assert_closed(worst(batch))


@pytest.mark.real_data
@pytest.mark.parametrize("site", ["CN-Cha", "CN-Cng", "CN-Du2", "CN-HaM", "CN-Qia", "DK-Fou", "SE-Svb", "US-Bi1", "US-Hn1"])
def test_a_year_of_a_real_tower_closes(repository, shared_data, site):
    tower = open_tower(repository / "examples" / "towers" / site / "tower.toml", data_folder=shared_data)
    result = simulate(tower, every="month", spin_up_cycles=0)
    limits = dict(zip(CLOSURE_UNITS, (1e-9, 1e-6, 1e-6, 1e-10, 1e-10), strict=True))
    for name, unit in CLOSURE_UNITS.items():
        assert result.attrs[f"{name}_{unit}"] < limits[name], f"{name}: {result.attrs[f'{name}_{unit}']:.3g}"
    assert float(result["time_bnds"][-1, 1] - result["time_bnds"][0, 0]) / 8.64e13 >= 364.0
