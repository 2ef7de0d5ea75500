"""Columns of ground alone to test with: water, heat, or all of the ground under a simple atmosphere.

Each column is woven for single lanes from the recipes of model/ground_recipe.py, with the canopy replaced by processes
of a few lines that take what they need from the forcing. Fixtures of conftest.py hand this module to the tests.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from terraflux.model import ground_albedo, ground_heat, ground_recipe, soil_water
from terraflux.model.air import AIR
from terraflux.model.initial_state import state_vector
from terraflux.model.soil_hydraulics import SOIL_HYDRAULICS
from terraflux.model.soil_moisture_stress import ROOTS
from terraflux.model.surface_totals import advected_heat
from terraflux.model.variables import variable_table
from terraflux.model.weave import Fused, Layers, SweepDown, process, weave

LOAM = {"porosity": 0.451, "saturated_potential": -0.478, "retention_exponent": 5.39, "saturated_conductivity": 6.95e-6,
        "residual_moisture": 0.0, "van_genuchten_alpha": 3.6, "van_genuchten_n": 1.56, "solid_conductivity": 3.0,
        "dry_conductivity": 0.25, "solid_heat_capacity": 2.2e6, "drainage_factor": 1.0, "maximum_ponding": 10.0,
        "geothermal_heat_flux": 0.0, "root_distribution": 0.96, "maximum_root_depth": 2.0, "ground_albedo_dry": 0.25,
        "ground_albedo_wet": 0.12, "deep_thickness": 1.0, "deep_conductivity": 2.5, "deep_heat_capacity": 2.2e6,
        "water_table_depth": 5.0}  # fmt: skip
TEN_LAYERS = np.array([0.05, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0])
WEATHER = {"longwave_down": 300.0, "air_temperature": 10.0, "vapour_pressure": 0.8, "air_pressure": 1e5, "wind_speed": 2.0}
CELIA = {"porosity": 0.368, "residual_moisture": 0.102, "van_genuchten_alpha": 3.35, "van_genuchten_n": 2.0,
         "saturated_conductivity": 9.22e-5}
CELIA_TOP = -0.75  # m
CELIA_SATURATION = 1.0 / np.sqrt(1.0 + (3.35 * 0.75) ** 2)
CELIA_CONDUCTIVITY = 9.22e-5 * np.sqrt(CELIA_SATURATION) * (1.0 - np.sqrt(1.0 - CELIA_SATURATION**2)) ** 2


@process(returns=("throughfall_rain", "snow_melt", "soil_evaporation", "transpiration"))
def water_sources(precipitation, wind_speed, prescribed_leaf_area_index):
    """Rain; evaporation of 1e-5 kg m-2 s-1 per wind speed; transpiration of 1e-5 kg m-2 s-1 per leaf area."""
    return precipitation, 0.0, 1e-5 * wind_speed, 1e-5 * prescribed_leaf_area_index


@process(returns="ground_freezing")
def no_freezing():
    """Ice stays as it is."""
    return 0.0


@process(returns=("soil_heat_start", "soil_heat"))
def warm_soil(layer_thickness):
    """Heat of soil that is nowhere near freezing (J m-2)."""
    return 1e7 * layer_thickness, 1e7 * layer_thickness


@process(returns="root_uptake_share")
def uptake_by_roots(root_fraction):
    """Roots draw by their share, however dry a layer is."""
    return 1.0 * root_fraction


@process(returns=("top_flux", "top_flux_slope", "water_flux", "flux_slope_own", "flux_slope_below",
                  "water_sweep_ratio", "water_sweep_value"))
def held_top(water_potential, water_potential_below, potential_slope, potential_slope_below, hydraulic_conductivity,
             hydraulic_conductivity_below, conductivity_slope, conductivity_slope_below, layer_thickness, water_substep):
    """The surface held at the potential of Celia et al. (1990), in place of `water_top` (all layers equally thick)."""
    surface = 0.5 * (CELIA_CONDUCTIVITY + hydraulic_conductivity)
    pull = 2.0 * (CELIA_TOP - water_potential) / layer_thickness + 1.0
    entering = surface * pull
    entering_slope = -2.0 * surface * potential_slope / layer_thickness
    between = 0.5 * (hydraulic_conductivity + hydraulic_conductivity_below)
    drive = (water_potential - water_potential_below) / layer_thickness + 1.0
    flux = between * drive
    own = between * potential_slope / layer_thickness + 0.5 * conductivity_slope * max(drive, 0.0)
    below = -between * potential_slope_below / layer_thickness + 0.5 * conductivity_slope_below * min(drive, 0.0)
    pivot = 1.0 / (layer_thickness / water_substep + own - entering_slope)
    return entering, entering_slope, flux, own, below, below * pivot, (entering - flux) * pivot


@process(returns=("skin_value", "skin_ratio", "surface_melting"))
def given_temperature(air_temperature):
    """The surface is at air temperature."""
    return 1.0 * air_temperature, 0.0, 0.0


@process(returns=("snow_half_resistance", "snow_heat_start", "snow_heat"))
def no_snow():
    """Snow layers that only conduct."""
    return 0.0, 0.0, 0.0


@process(returns=("soil_half_resistance", "heat_capacity"))
def linear_conduction(soil_liquid, soil_ice, porosity, solid_heat_capacity, solid_conductivity, dry_conductivity,
                      layer_thickness):
    """Conductivity between `dry_conductivity` (thawed) and `solid_conductivity` (frozen) by the frozen share."""
    frozen = soil_ice / max(soil_liquid + soil_ice, 1e-9)
    conductivity = dry_conductivity + (solid_conductivity - dry_conductivity) * frozen
    return (0.5 * layer_thickness / conductivity,
            (1.0 - porosity) * solid_heat_capacity + 4188e3 * soil_liquid + 2117e3 * soil_ice)


@process(returns=("absorbed_shortwave_ground", "canopy_longwave_to_ground", "ground_conductance", "throughfall_rain",
                  "throughfall_snow", "transpiration"))
def open_sky(shortwave_down, longwave_down, wind_speed, precipitation, air_temperature, prescribed_leaf_area_index):
    """No canopy: `shortwave_down` is what the ground absorbs, snow falls below 0 degC, 1e-5 kg m-2 s-1 per leaf area."""
    cold = air_temperature < 0.0
    return (1.0 * shortwave_down, 1.0 * longwave_down, 0.005 * wind_speed, 0.0 if cold else precipitation,
            precipitation if cold else 0.0, 1e-5 * prescribed_leaf_area_index)


def water_recipe(hydraulics, bottom):
    """Soil water alone."""
    return [water_sources, no_freezing, Layers(Fused(warm_soil, uptake_by_roots)), Layers(SOIL_HYDRAULICS[hydraulics]),
            *ground_recipe.soil_water_balance(hydraulics, bottom)]


def held_top_recipe(hydraulics, bottom):
    """Soil water under a surface of fixed potential."""
    recipe = water_recipe(hydraulics, bottom)
    loop = next(item for item in recipe if hasattr(item, "maximum"))
    place = next(k for k, item in enumerate(loop.body) if getattr(item, "first", None) is soil_water.water_top)
    sweep = SweepDown(soil_water.water_forward, first=held_top, last=soil_water.water_bottom)
    loop.body = (*loop.body[:place], sweep, *loop.body[place + 1 :])
    return recipe


def heat_recipe(freezing, deep_layers, passes=2):
    """Conduction and phase change under a given surface temperature."""
    return [
        Layers(no_snow), Layers(linear_conduction),
        *ground_recipe.conduction_with_freezing(freezing, deep_layers, passes, [given_temperature]),
        *ground_recipe.soil_from_heat(freezing),
        *([Layers(Fused(ground_heat.deep_from_heat, ground_heat.end_deep))] if deep_layers else []),
    ]  # fmt: skip


def ground_step(freezing, deep_layers, passes=2):
    """The whole ground of the column under an open sky."""
    return [
        AIR["tetens"], open_sky, Layers(uptake_by_roots),
        *ground_recipe.snow_arrives(),
        *ground_recipe.soil_properties("campbell", "johansen"),
        ground_albedo.snow_ageing, ground_albedo.ground_albedo,
        *ground_recipe.ground_heat_balance(freezing, deep_layers, passes),
        *ground_recipe.soil_water_balance("campbell", "free_drainage"),
        *ground_recipe.thaw_depth(deep_layers),
        advected_heat,
    ]  # fmt: skip


@dataclass
class Ran:
    """A run: outputs by name as [time, column] or [time, layer, column], and states before and after."""

    result: object
    table: object
    before: np.ndarray
    after: np.ndarray
    thickness: np.ndarray

    def __getitem__(self, name):
        return self.result[name]

    def state(self, name, when="after"):
        """A state as [layer or 1, column]."""
        rows = [k for k, (variable, _) in enumerate(self.table.rows_of("state")) if variable.name == name]
        return getattr(self, when)[rows]

    def water(self, when="after"):
        """Water in soil, snow and ponds (kg m-2), [column]."""
        moisture = self.state("soil_liquid", when) + self.state("soil_ice", when)
        soil = (moisture * self.thickness).sum(0) * 1000.0
        return soil + self.state("ponded_water", when)[0] + self.state("snow_mass", when).sum(0)


class Column:
    """A woven recipe that runs with parameters, states and forcing given by name; what is not named has a default."""

    def __init__(self, recipe, soil_layers, deep_layers=0, weather=None):
        self.weather = weather or {}
        self.table = variable_table(soil_layers=soil_layers, deep_layers=deep_layers)
        self.layers = soil_layers
        prepare = [*ROOTS, *ground_recipe.prepare_soil(deep_layers)]
        self.model = weave(recipe, self.table, prepare, lanes=1)

    def parameters(self, values, columns):
        """Parameter rows [row, column]; a value is a number, an array over layers, or [layer or 1, column]."""
        rows = []
        for variable, layer in self.table.rows_of("parameter"):
            value = np.asarray(values.get(variable.name, 1.0), float)
            value = value if value.ndim < 1 else value[min(layer, value.shape[0] - 1)]
            rows.append(np.broadcast_to(value, columns))
        return np.array(rows)

    def run(self, steps, parameters=None, states=None, outputs=(), columns=1, time_step=1800.0, **forcing):
        """Run `steps`; forcing by name is a number or [time], else 0. Raises ColumnError where a state leaves its bounds."""
        values = LOAM | {"layer_thickness": TEN_LAYERS if self.layers == 10 else 0.1} | (parameters or {})
        series = np.zeros((steps, len(self.table.of_kind("forcing")), 1))
        for row, variable in enumerate(self.table.of_kind("forcing")):
            series[:, row, 0] = (self.weather | forcing).get(variable.name, 0.0)
        vectors = self.parameters(values, columns)
        named = [{name: np.asarray(value)[..., k] if np.ndim(value) == 2 else value
                  for name, value in (states or {}).items()} for k in range(columns)]
        state = np.ascontiguousarray(np.stack([state_vector(self.table, one) for one in named], 1))
        before = state.copy()
        result = self.model.run(series, vectors, state, {"time_step": time_step}, outputs=outputs)
        rows = [k for k, (variable, _) in enumerate(self.table.rows_of("parameter")) if variable.name == "layer_thickness"]
        return Ran(result, self.table, before, state, vectors[rows])


@cache
def water_column(layers=10, hydraulics="campbell", bottom="free_drainage"):
    """Soil water under rain, evaporation and transpiration."""
    return Column(water_recipe(hydraulics, bottom), layers)


@cache
def held_column(layers=100):
    """Soil water under the surface of Celia et al. (1990)."""
    return Column(held_top_recipe("van_genuchten", "free_drainage"), layers)


@cache
def heat_column(layers=120, freezing="supercooled", deep_layers=0):
    """Soil heat under a given surface temperature."""
    return Column(heat_recipe(freezing, deep_layers), layers, deep_layers)


@cache
def ground_column(layers=10, freezing="supercooled", deep_layers=0, passes=2):
    """Snow, heat and water under an open sky."""
    return Column(ground_step(freezing, deep_layers, passes), layers, deep_layers, WEATHER)
