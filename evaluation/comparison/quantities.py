"""What products tell of: quantities with their names in files, and how their yearly numbers are given."""

from dataclasses import dataclass

from terraflux.drivers.errors import ForcingError, nearest

SQUARE_METRE_TOTALS = {"carbon": 1e-15, "water": 1e-12}
"""From g and kg (mm m2) to Pg and km3."""


@dataclass(frozen=True)
class Quantity:
    """A quantity: its kind (carbon, water, energy, state), title, and names by which files know it."""

    name: str
    kind: str
    title: str
    names: tuple[str, ...] = ()
    standard_names: tuple[str, ...] = ()

    @property
    def yearly_unit(self) -> str:
        """Unit of yearly values per area; "" stands for the unit of the file."""
        return {"carbon": "g m-2 yr-1", "water": "mm yr-1", "energy": "W m-2"}.get(self.kind, "")

    @property
    def total_unit(self) -> str:
        """Unit of totals over an area, "" where a total has no meaning."""
        return {"carbon": "Pg yr-1", "water": "km3 yr-1"}.get(self.kind, "")

    @property
    def accumulates(self) -> bool:
        """Whether a year is a sum (fluxes of matter) rather than a mean."""
        return self.kind in SQUARE_METRE_TOTALS


def _quantity(name: str, kind: str, title: str, names: str, standard_names: str = "") -> tuple[str, Quantity]:
    return name, Quantity(name, kind, title, (name, *names.split()), tuple(standard_names.split()))


QUANTITIES: dict[str, Quantity] = dict([
    _quantity("gross_primary_production", "carbon", "Gross primary production", "gpp GPP Gpp GPPFluxnet EnsembleGPP_MR "
              "GPP_HB Gpp_500m", "gross_primary_productivity_of_biomass_expressed_as_carbon"),
    _quantity("net_primary_production", "carbon", "Net primary production", "npp NPP Npp Npp_500m",
              "net_primary_productivity_of_biomass_expressed_as_carbon"),
    _quantity("ecosystem_respiration", "carbon", "Ecosystem respiration", "reco RECO TER ter EnsembleTER_MR",
              "surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_respiration"),
    _quantity("net_ecosystem_exchange", "carbon", "Net ecosystem exchange", "nee NEE"),
    _quantity("net_biome_production", "carbon", "Net biome production", "nbp NBP netAtmosLandCO2Flux"),
    _quantity("evapotranspiration", "water", "Evapotranspiration", "et ET E evspsbl Evap ET_500m aet AET",
              "water_evapotranspiration_flux water_evaporation_flux"),
    _quantity("autotrophic_respiration", "carbon", "Autotrophic respiration", "ra",
              "surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_plant_respiration"),
    _quantity("heterotrophic_respiration", "carbon", "Heterotrophic respiration", "rh",
              "surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_heterotrophic_respiration"),
    _quantity("transpiration", "water", "Transpiration", "tran Et", "transpiration_flux"),
    _quantity("potential_evapotranspiration", "water", "Potential evapotranspiration", "pet PET PET_500m Ep potevap",
              "water_potential_evaporation_flux"),
    _quantity("precipitation", "water", "Precipitation", "pr pre precip tp", "precipitation_flux"),
    _quantity("runoff", "water", "Runoff", "mrro ro", "runoff_flux"),
    _quantity("latent_heat", "energy", "Latent heat", "hfls LE le Qle EnsembleLEcor EnsembleLEcor_May12 LE_500m",
              "surface_upward_latent_heat_flux"),
    _quantity("sensible_heat", "energy", "Sensible heat", "hfss H sh Qh EnsembleHcor", "surface_upward_sensible_heat_flux"),
    _quantity("net_radiation", "energy", "Net radiation", "rns Rn Rnet", "surface_net_downward_radiative_flux"),
    _quantity("shortwave_down", "energy", "Downwelling shortwave radiation", "rsds SWdown ssrd",
              "surface_downwelling_shortwave_flux_in_air"),
    _quantity("longwave_down", "energy", "Downwelling longwave radiation", "rlds LWdown strd",
              "surface_downwelling_longwave_flux_in_air"),
    _quantity("reflected_shortwave", "energy", "Upwelling shortwave radiation", "rsus SWup",
              "surface_upwelling_shortwave_flux_in_air"),
    _quantity("longwave_up", "energy", "Upwelling longwave radiation", "rlus LWup", "surface_upwelling_longwave_flux_in_air"),
    _quantity("ground_heat_flux", "energy", "Ground heat flux", "hfdsl Qg"),
    _quantity("soil_water", "state", "Water in the soil", "mrso", "mass_content_of_water_in_soil"),
    _quantity("snow_water_equivalent", "state", "Snow water equivalent", "snw swe SWE", "surface_snow_amount"),
    _quantity("vegetation_carbon", "state", "Carbon in vegetation", "cVeg biomass", "vegetation_carbon_content"),
    _quantity("litter_carbon", "state", "Carbon in litter", "cLitter", "litter_mass_content_of_carbon"),
    _quantity("soil_carbon", "state", "Carbon in soil", "cSoil", "soil_mass_content_of_carbon"),
    _quantity("leaf_area_index", "state", "Leaf area index", "lai LAI Lai_500m", "leaf_area_index"),
    _quantity("air_temperature", "state", "Air temperature", "tas t2m Tair tavg", "air_temperature"),
])


def quantity(name: str) -> Quantity:
    """A quantity by our name or any name that files use. Raises ForcingError with the nearest name."""
    if name in QUANTITIES:
        return QUANTITIES[name]
    for one in QUANTITIES.values():
        if name in one.names or name in one.standard_names:
            return one
    raise ForcingError(f"the quantity {name!r} is unknown", variable=name,
                       remedy=nearest(name, [*QUANTITIES, *(known for one in QUANTITIES.values() for known in one.names)]))
