"""One time step of the column, as a recipe. Read it from top to bottom like the flow chart of the paper.

`prepare(options)` lists what is computed once per run, `step(options)` the time step; `column_model(options)` weaves
both with the variable table into a compiled batch of columns.
"""

from functools import lru_cache

from terraflux.model import (
    aerodynamics,
    canopy_fluxes,
    canopy_longwave,
    canopy_radiation,
    carbon_recipe,
    closure,
    ground_albedo,
    ground_recipe,
    interception,
    leaf_energy,
    seasonal_capacity,
    soil_moisture_stress,
    surface_totals,
)
from terraflux.model.air import AIR
from terraflux.model.growth_temperature import growth_temperature
from terraflux.model.leaf_recipe import leaf_rounds, twins
from terraflux.model.light_use_efficiency import PHOTOSYNTHESIS
from terraflux.model.options import Options
from terraflux.model.phenology import AFTER_STRESS, PHENOLOGY
from terraflux.model.photosynthesis import ACCLIMATION, LIGHT_INHIBITION
from terraflux.model.precipitation_phase import PRECIPITATION_PHASE, dry_step
from terraflux.model.soil_moisture_stress import SOIL_MOISTURE_STRESS, STRESS_ON
from terraflux.model.stomatal_conductance import STOMATAL_CONDUCTANCE
from terraflux.model.variables import variable_table
from terraflux.model.weave import Item, Layers, Model, When


def prepare(options: Options) -> list[Item]:
    """What parameters alone decide, once per run."""
    return [
        *soil_moisture_stress.ROOTS,
        *ground_recipe.prepare_soil(options.deep_layers),
        *carbon_recipe.prepare_carbon(),
    ]


def step(options: Options) -> list[Item]:
    """The time step."""
    photosynthesis = PHOTOSYNTHESIS[options.photosynthesis]
    conductance = STOMATAL_CONDUCTANCE[options.stomatal_conductance]
    season_of_capacity = seasonal_capacity.on_capacity(options.seasonality, photosynthesis)
    season_of_assimilation = seasonal_capacity.on_assimilation(options.seasonality, photosynthesis)
    return [
        *closure.before_step(options.deep_layers),

        # air and rain
        AIR[options.air],
        *PHENOLOGY[options.phenology],
        dry_step,
        When("precipitating", PRECIPITATION_PHASE[options.precipitation_phase]),
        growth_temperature,
        interception.interception,

        # snow and soil as they are now
        *ground_recipe.snow_arrives(),
        *ground_recipe.soil_properties(options.soil_hydraulics, options.soil_conductivity),
        *SOIL_MOISTURE_STRESS[options.soil_moisture_stress],
        STRESS_ON[options.stress_on],
        *AFTER_STRESS[options.phenology],
        ground_albedo.snow_ageing,
        ground_albedo.ground_albedo,

        # light and heat reach leaves and ground
        canopy_radiation.day_or_night,
        canopy_radiation.canopy_at_night,
        When("daylight", canopy_radiation.canopy_radiation),
        canopy_radiation.leaf_capacity,
        *seasonal_capacity.SEASONALITY[options.seasonality],
        *([twins(*season_of_capacity)] if season_of_capacity else []),
        canopy_longwave.canopy_longwave,
        aerodynamics.aerodynamics,

        # leaves
        leaf_energy.leaf_exchange,
        ACCLIMATION[options.acclimation],
        twins(leaf_energy.begin_leaf, LIGHT_INHIBITION[options.light_inhibition]),
        *leaf_rounds(options.leaf_rounds, photosynthesis, conductance, season_of_assimilation),
        canopy_fluxes.canopy_sums,
        canopy_longwave.canopy_longwave_after,
        canopy_fluxes.canopy_fluxes,

        # ground
        *ground_recipe.ground_heat_balance(
            options.freezing, options.deep_layers, options.heat_passes,
            ground_recipe.share_logarithm(options.soil_hydraulics, options.soil_conductivity)),
        *ground_recipe.soil_water_balance(options.soil_hydraulics, options.soil_bottom),
        *ground_recipe.thaw_depth(options.deep_layers),

        # carbon
        *carbon_recipe.carbon(),

        # the whole surface
        surface_totals.radiation_totals,
        surface_totals.turbulent_totals,
        surface_totals.mixed_temperature,
        surface_totals.advected_heat,
        surface_totals.begin_stored_moisture,
        Layers(surface_totals.stored_moisture),
        *closure.after_step(options.deep_layers),
    ]


@lru_cache(maxsize=8)
def column_model(options: Options = Options()) -> Model:  # noqa: B008  frozen, so sharing it is safe
    """The compiled batch of columns for these options; compiling waits for the first run."""
    terms = options.seasonal_terms if options.seasonality != "none" else 0
    table = variable_table(options.soil_layers, options.snow_layers, options.deep_layers, terms)
    return Model(step(options), table, prepare(options))
