"""Variables of the community's tools (CMIP names, ILAMB units) from variables of the column."""

from dataclasses import dataclass

KELVIN = 273.15
PLANT_POOLS = ("labile_carbon", "foliage_carbon", "stem_carbon", "coarse_root_carbon", "fine_root_carbon")
LITTER_POOLS = ("coarse_wood_litter", "surface_structural_litter", "surface_metabolic_litter", "root_structural_litter",
                "root_metabolic_litter")
SOIL_POOLS = ("surface_microbial_carbon", "soil_microbial_carbon", "slow_carbon", "passive_carbon")


@dataclass(frozen=True)
class ExportedVariable:
    """`name` is the sum of `parts` times `factor` plus `offset`, in `unit`."""

    name: str
    parts: tuple[str, ...]
    unit: str
    long_name: str
    standard_name: str = ""
    factor: float = 1.0
    offset: float = 0.0


def _carbon(name: str, part: str, long_name: str, standard_name: str = "") -> ExportedVariable:
    return ExportedVariable(name, (part,), "kg m-2 s-1", long_name, standard_name, 1e-3)


EXPORTED = (
    _carbon("gpp", "gross_primary_production", "carbon mass flux out of the atmosphere by gross primary production",
            "gross_primary_productivity_of_biomass_expressed_as_carbon"),
    _carbon("npp", "net_primary_production", "carbon mass flux out of the atmosphere by net primary production",
            "net_primary_productivity_of_biomass_expressed_as_carbon"),
    _carbon("ra", "autotrophic_respiration", "autotrophic respiration",
            "surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_plant_respiration"),
    _carbon("rh", "heterotrophic_respiration", "heterotrophic respiration",
            "surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_heterotrophic_respiration"),
    ExportedVariable("reco", ("autotrophic_respiration", "heterotrophic_respiration"), "kg m-2 s-1", "ecosystem respiration",
                     factor=1e-3),
    _carbon("nee", "net_ecosystem_exchange", "net ecosystem exchange, positive to the atmosphere"),
    # Fire, harvest and land use are not modelled: what the land takes up is net ecosystem exchange with its sign turned.
    ExportedVariable("nbp", ("net_ecosystem_exchange",), "kg m-2 s-1", "net biome production, positive to the land",
                     "surface_net_downward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_all_land_processes", -1e-3),
    ExportedVariable("evspsbl", ("evapotranspiration",), "kg m-2 s-1", "evapotranspiration", "water_evapotranspiration_flux"),
    ExportedVariable("tran", ("transpiration",), "kg m-2 s-1", "transpiration", "transpiration_flux"),
    ExportedVariable("hfls", ("latent_heat",), "W m-2", "latent heat flux", "surface_upward_latent_heat_flux"),
    ExportedVariable("hfss", ("sensible_heat",), "W m-2", "sensible heat flux", "surface_upward_sensible_heat_flux"),
    ExportedVariable("rns", ("net_radiation",), "W m-2", "net radiation", "surface_net_downward_radiative_flux"),
    ExportedVariable("lai", ("leaf_area_index",), "1", "leaf area index", "leaf_area_index"),
    ExportedVariable("mrro", ("surface_runoff", "drainage"), "kg m-2 s-1", "total runoff", "runoff_flux"),
    ExportedVariable("mrso", ("soil_moisture_stored",), "kg m-2", "water in the soil", "mass_content_of_water_in_soil"),
    ExportedVariable("snw", ("snow_water_equivalent",), "kg m-2", "snow water equivalent", "surface_snow_amount"),
    ExportedVariable("tas", ("air_temperature",), "K", "air temperature", "air_temperature", offset=KELVIN),
    ExportedVariable("pr", ("precipitation",), "kg m-2 s-1", "precipitation", "precipitation_flux"),
    ExportedVariable("rsds", ("shortwave_down",), "W m-2", "downwelling shortwave radiation",
                     "surface_downwelling_shortwave_flux_in_air"),
    ExportedVariable("rlds", ("longwave_down",), "W m-2", "downwelling longwave radiation",
                     "surface_downwelling_longwave_flux_in_air"),
    ExportedVariable("rsus", ("reflected_shortwave",), "W m-2", "upwelling shortwave radiation",
                     "surface_upwelling_shortwave_flux_in_air"),
    ExportedVariable("rlus", ("longwave_up",), "W m-2", "upwelling longwave radiation",
                     "surface_upwelling_longwave_flux_in_air"),
    ExportedVariable("hfdsl", ("ground_heat_flux",), "W m-2", "heat flux into ground and snow"),
    ExportedVariable("cVeg", PLANT_POOLS, "kg m-2", "carbon in vegetation", "vegetation_carbon_content", 1e-3),
    ExportedVariable("cLitter", LITTER_POOLS, "kg m-2", "carbon in litter", "litter_mass_content_of_carbon", 1e-3),
    ExportedVariable("cSoil", SOIL_POOLS, "kg m-2", "carbon in soil", "soil_mass_content_of_carbon", 1e-3),
)
"""What is exported where all its parts were kept."""
