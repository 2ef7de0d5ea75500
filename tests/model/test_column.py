"""Identities, bounds, limits and responses of the whole column, and what happens to weather that is no weather."""

import numpy as np
import pytest

from terraflux.drivers.datasets import forcing_array
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.column import column_model
from terraflux.model.constants import GAS_CONSTANT
from terraflux.model.initial_state import initial_state
from terraflux.model.parameters import parameters, plant_types
from terraflux.model.photosynthesis import photorespiration_compensation
from terraflux.model.weave import ColumnError

pytestmark = pytest.mark.xdist_group("column")

FLUXES = ("gross_primary_production", "autotrophic_respiration", "heterotrophic_respiration", "ecosystem_respiration",
          "net_ecosystem_exchange", "net_primary_production", "maintenance_respiration", "growth_respiration",
          "evapotranspiration", "transpiration", "canopy_evaporation", "canopy_sublimation", "soil_evaporation",
          "snow_sublimation", "latent_heat", "sensible_heat", "canopy_latent_heat", "ground_latent_heat",
          "canopy_sensible_heat", "ground_sensible_heat", "net_radiation", "net_shortwave", "net_longwave",
          "canopy_net_radiation", "ground_net_radiation", "longwave_up", "reflected_shortwave", "rainfall", "snowfall")

@pytest.fixture(scope="module")
def batch(make_columns, every_pair):
    """Every plant type on some soils, all climates, a short year."""
    return make_columns(pairs=every_pair[::4], steps=960, seed=6, season_days=20.0)


@pytest.fixture(scope="module")
def everything(batch):
    """Every diagnostic and state of every step."""
    table = batch.model.table
    outputs = {variable.name: "last" for variable in table.of_kind("diagnostic", "state")}
    never = batch.model.woven(32)._never
    result, _ = batch.run(outputs={name: how for name, how in outputs.items() if name not in never})
    return result


def forcing(batch, name):
    """A forcing as [time, column]."""
    names = [variable.name for variable in batch.model.table.of_kind("forcing")]
    return batch.forcing[:, names.index(name)][:, batch.forcing_of]


def test_nothing_is_ever_undefined(everything):
    for name in everything.rows:
        assert np.isfinite(everything[name]).all(), name


def test_every_variable_stays_within_its_bounds(batch, everything):
    for name in everything.rows:
        bounds = batch.model.table[name].bounds
        if bounds:
            low, high = everything[name].min(), everything[name].max()
            assert bounds[0] <= low and high <= bounds[1], f"{name}: {low:g} to {high:g}, bounds {bounds}"


def test_soil_holds_no_more_than_its_pores(batch, everything):
    water = everything["soil_liquid"] + everything["soil_ice"]
    assert (water - batch.parameter("porosity")).max() < 1e-12
    assert everything["soil_liquid"].min() >= 0.0 and everything["soil_ice"].min() >= 0.0


def test_identities_hold_bit_for_bit(everything):
    f = {name: everything[name] for name in FLUXES}
    parts = [f[name] for name in ("transpiration", "canopy_evaporation", "canopy_sublimation", "soil_evaporation",
                                  "snow_sublimation")]
    identities = {
        "evapotranspiration": sum(parts[1:], parts[0]),
        "latent_heat": f["canopy_latent_heat"] + f["ground_latent_heat"],
        "sensible_heat": f["canopy_sensible_heat"] + f["ground_sensible_heat"],
        "net_radiation": f["net_shortwave"] + f["net_longwave"],
        "ecosystem_respiration": f["autotrophic_respiration"] + f["heterotrophic_respiration"],
        "net_ecosystem_exchange": f["ecosystem_respiration"] - f["gross_primary_production"],
        "net_primary_production": f["gross_primary_production"] - f["autotrophic_respiration"],
    }
    for name, value in identities.items():
        assert np.array_equal(f[name], value), name


def test_sums_of_parts_hold_to_rounding(batch, everything):
    f = {name: everything[name] for name in FLUXES}
    close = np.testing.assert_allclose
    close(f["net_radiation"], f["canopy_net_radiation"] + f["ground_net_radiation"], atol=1e-9)
    close(f["net_longwave"], forcing(batch, "longwave_down") - f["longwave_up"], atol=1e-9)
    close(f["net_shortwave"], forcing(batch, "shortwave_down") - f["reflected_shortwave"], atol=1e-9)
    close(f["rainfall"] + f["snowfall"], forcing(batch, "precipitation"), rtol=1e-14)
    close(f["autotrophic_respiration"], f["maintenance_respiration"] + f["growth_respiration"], rtol=1e-12)


def test_assimilation_is_never_negative_and_carbon_dioxide_inside_leaves_is_between_its_limits(batch, everything):
    assert everything["gross_primary_production"].min() >= 0.0
    air = forcing(batch, "carbon_dioxide")
    for leaves in ("sunlit", "shaded"):
        inside = everything[f"intercellular_carbon_dioxide_{leaves}"]
        assert (inside <= air).all()
        warm = everything[f"leaf_temperature_{leaves}"] + 273.15
        lowest = np.vectorize(photorespiration_compensation)((1.0 / 298.15 - 1.0 / warm[::40]) / GAS_CONSTANT)
        c3 = batch.parameter("c4_pathway") < 0.5
        assert (inside[::40] > np.minimum(lowest, 0.98 * air[::40]))[:, c3].mean() > 0.9999
        assert inside.min() > 0.0


def test_leaf_temperature_has_converged_for_every_plant_in_a_year_of_weather():
    """The last iteration moves leaves by less than 0.01 K in at least 99.9 % of leaf-steps (specification, section 5)."""
    tower = synthetic_tower()
    model = column_model()
    sets = [parameters(plant, "loam") for plant in plant_types()]
    state = np.stack([initial_state(model.table, one, 8.0) for one in sets], axis=1)
    vectors = np.stack([one.vector(model.table) for one in sets], axis=1)
    result = model.run(forcing_array(tower.forcing, model.table), vectors, np.ascontiguousarray(state),
                       {"time_step": 1800.0}, outputs=(
                           "leaf_temperature_change_sunlit", "leaf_temperature_change_shaded", "sunlit_area", "shaded_area"))
    moved, area = (np.concatenate([result[name.format(leaves)] for leaves in ("sunlit", "shaded")])
                   for name in ("leaf_temperature_change_{}", "{}_area"))
    there = area > 0.01
    share = float((np.abs(moved[there]) < 0.01).mean())
    print(f"leaf-steps that moved by less than 0.01 K: {100.0 * share:.3f} % of {there.sum()}")
    assert share >= 0.999


def test_a_gap_in_the_weather_names_column_step_and_variable(batch):
    whole = batch.forcing
    names = [variable.name for variable in batch.model.table.of_kind("forcing")]
    for name in names:
        if name == "photoperiod":
            continue  # read by the growing-season index alone
        broken = whole[:40].copy()
        broken[20, names.index(name), 1] = np.nan
        try:
            batch.forcing = broken
            with pytest.raises(ColumnError, match=r"columns failed; column \d+, step 20: .* is nan") as caught:
                batch.run()
        finally:
            batch.forcing = whole
        assert {failure.step for failure in caught.value.failures} == {20}, name
        assert {failure.column for failure in caught.value.failures} == set(np.flatnonzero(batch.forcing_of == 1)), name


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e20, -9999.0])
def test_absurd_air_temperature_never_ends_silently(batch, value):
    whole = batch.forcing
    names = [variable.name for variable in batch.model.table.of_kind("forcing")]
    broken = whole[:30].copy()
    broken[10, names.index("air_temperature"), 0] = value
    try:
        batch.forcing = broken
        with pytest.raises(ColumnError, match="step 10"):
            batch.run()
    finally:
        batch.forcing = whole


@pytest.mark.parametrize("name", ["carboxylation_capacity", "porosity", "canopy_height", "retention_exponent"])
def test_an_undefined_parameter_never_ends_silently(batch, name):
    whole = batch.vectors
    rows = [k for k, (variable, _) in enumerate(batch.model.table.rows_of("parameter")) if variable.name == name]
    try:
        batch.vectors = whole.copy()
        batch.vectors[rows, 3] = np.nan
        result, _ = batch.run(steps=slice(0, 60), on_error="status")
    finally:
        batch.vectors = whole
    assert [failure.column for failure in result.failures] == [3]


# ---- responses -----------------------------------------------------------------------------------------------------------


def response(make_columns, changed, values, outputs, steps=26, climate="temperate"):
    """Outputs at noon of the second day, [value, column], of smooth summer weather with one forcing replaced."""
    pairs = [("ENF", "loam"), ("DBF", "sandy_loam"), ("GRA", "clay_loam"), ("CRO", "silt_loam"), ("EBF_tropical", "clay"),
             ("GRA_C4", "loam"), ("WET", "organic"), ("CSH", "sand")]
    found = {name: [] for name in outputs}
    for value in values:
        batch = make_columns(pairs=pairs, climates=(climate,), steps=steps, smooth=True, season_days=4.0,
                             mean_temperature=20.0)
        names = [variable.name for variable in batch.model.table.of_kind("forcing")]
        batch.forcing[:, names.index("air_temperature")] = 20.0
        batch.forcing[:, names.index("vapour_pressure")] = 1.4
        batch.forcing[:, names.index("prescribed_leaf_area_index")] = 3.0
        batch.forcing[:, names.index("precipitation")] = 0.0
        for name, new in (changed(value) if callable(changed) else {changed: value}).items():
            batch.forcing[:, names.index(name)] = new
        result, _ = batch.run(outputs=outputs)
        for name in outputs:
            found[name].append(result[name][24])
    return {name: np.array(rows) for name, rows in found.items()}


def test_assimilation_rises_with_light(make_columns):
    light = np.array([0.0, 20.0, 60.0, 120.0, 250.0, 500.0])
    found = response(make_columns, lambda x: {"shortwave_down": x, "cosine_zenith": 0.6}, light,
                     ("gross_primary_production",))["gross_primary_production"]
    assert (found[0] == 0.0).all()
    assert (np.diff(found, axis=0) > 0.0).all()


def test_assimilation_rises_with_carbon_dioxide_and_conductance_falls(make_columns):
    found = response(make_columns, "carbon_dioxide", np.array([250.0, 350.0, 450.0, 700.0]),
                     ("gross_primary_production", "canopy_conductance"))
    c3 = np.array([0, 1, 2, 3, 4, 6, 7])
    assert (np.diff(found["gross_primary_production"][:, c3], axis=0) > 0.0).all()
    assert (np.diff(found["canopy_conductance"][:, c3], axis=0) < 0.0).all()


def test_evaporation_of_wet_leaves_rises_with_dryness_of_the_air(make_columns):
    found = response(make_columns, lambda x: {"vapour_pressure": x, "precipitation": 2e-3}, np.array([2.2, 1.8, 1.4, 1.0]),
                     ("canopy_evaporation", "evapotranspiration"))
    assert (np.diff(found["canopy_evaporation"], axis=0) > 0.0).all()
    assert (np.diff(found["evapotranspiration"], axis=0) > 0.0).all()


def test_evaporation_vanishes_without_energy_and_dryness(make_columns):
    """Saturated air at the temperature of everything, in the dark under a sky as warm as the air."""
    saturated = 0.6108 * np.exp(17.27 * 20.0 / 257.3)
    warmth = 5.670374e-8 * 293.15**4
    calm = {"shortwave_down": 0.0, "vapour_pressure": saturated, "longwave_down": warmth, "cosine_zenith": 0.0}
    found = response(make_columns, lambda _: calm, [0.0],
                     ("evapotranspiration", "sensible_heat", "gross_primary_production", "net_radiation"))
    assert np.abs(found["evapotranspiration"]).max() * 2.45e6 < 2.0
    assert np.abs(found["sensible_heat"]).max() < 2.0
    assert np.abs(found["net_radiation"]).max() < 2.0
    assert (found["gross_primary_production"] == 0.0).all()


def test_bare_ground_assimilates_and_transpires_nothing(make_columns):
    found = response(make_columns, "prescribed_leaf_area_index", [0.0],
                     ("gross_primary_production", "transpiration", "canopy_evaporation", "soil_evaporation"))
    assert (found["gross_primary_production"] == 0.0).all() and (found["transpiration"] == 0.0).all()
    assert (found["soil_evaporation"] > 0.0).all()
