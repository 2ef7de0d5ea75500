"""Every forcing, parameter, state, flux and diagnostic of the column, declared once.

The table fixes memory layout, restart contents (all states), range checks, netCDF attributes, command-line help and the
docs table. A line reads: name | unit | bounds | CF standard name | ALMA name | what it is. `layers` before a group says
which layer axis it has. Fluxes to the atmosphere are positive upward unless the name says otherwise; a diagnostic is the
mean over the time step. Water in soil layers counts as liquid-water equivalent, also when frozen.
"""

from terraflux.model.weave.table import Table, Variable

SOIL_LAYERS = 10
SNOW_LAYERS = 3
DEEP_LAYERS = 8
SEASONAL_TERMS = 6


def _declare(kind: str, text: str, dimension: str = "") -> list[Variable]:
    """Variables from lines `name | unit | bounds | standard name | ALMA name | long name`; bounds and names may be blank."""
    variables = []
    for line in filter(None, map(str.strip, text.splitlines())):
        name, unit, limits, standard_name, alma, long_name = (part.strip() for part in line.split("|"))
        bounds = None
        if limits:
            low, high = map(float, limits.split(".."))
            bounds = (low, high)
        variables.append(Variable(name, kind, unit, long_name, dimension, bounds, standard_name=standard_name, alma=alma))
    return variables


FORCING = _declare("forcing", """
    shortwave_down        | W m-2      | -5..1500   | surface_downwelling_shortwave_flux_in_air | SWdown  | downwelling shortwave radiation
    longwave_down         | W m-2      | 40..700    | surface_downwelling_longwave_flux_in_air  | LWdown  | downwelling longwave radiation
    air_temperature       | degC       | -75..60    | air_temperature                           | Tair    | air temperature at measurement height
    vapour_pressure       | kPa        | 0..8       | water_vapor_partial_pressure_in_air       |         | vapour pressure at measurement height
    air_pressure          | Pa         | 4e4..1.1e5 | surface_air_pressure                      | Psurf   | air pressure
    wind_speed            | m s-1      | 0..75      | wind_speed                                | Wind    | wind speed at measurement height
    precipitation         | kg m-2 s-1 | 0..0.1     | precipitation_flux                        | Precip  | rain and snow
    carbon_dioxide        | umol mol-1 | 150..2000  | mole_fraction_of_carbon_dioxide_in_air    | CO2air  | carbon dioxide mole fraction
    cosine_zenith         | 1          | 0..1       |                                           |         | cosine of solar zenith angle, mean over the sunlit part of the step
    diffuse_fraction      | 1          | 0..1       |                                           |         | diffuse share of downwelling shortwave radiation
    photoperiod           | h          | 0..24      |                                           |         | day length
    prescribed_leaf_area_index | m2 m-2 | 0..15     | leaf_area_index                           | LAI     | leaf area index given from outside
""")

# Rows of a season; a column without seasonality has none of them.
SEASON = _declare("forcing", """
    seasonal_basis        | 1          | -20..20    |  |  | seasonal terms at this time, given from outside
""", "season") + _declare("parameter", """
    seasonal_weight       | 1          | -50..50    |  |  | weight of seasonal terms in the logarithm of photosynthetic capacity
""", "season")

SEASON_DIAGNOSTICS = _declare("diagnostic", """
    seasonal_exponent     | 1          |            |  |  | logarithm of the seasonal factor
    seasonal_factor       | 1          |            |  |  | photosynthetic capacity or light-use efficiency relative to that without season
""")

SETTINGS = _declare("setting", """
    time_step             | s          | 1..86400   |  |  | length of the model step
""")

# Parameters without a layer axis; defaults, bounds, priors and sources stand in parameters.toml.
SITE_PARAMETERS = _declare("parameter", """
    measurement_height    | m          | 0.1..200   |  |  | height of wind and temperature measurement above ground
    canopy_height         | m          | 0.02..80   |  |  | canopy height
""")

PLANT_PARAMETERS = _declare("parameter", """
    carboxylation_capacity        | umol m-2 s-1 | 1..300   |  |  | maximum carboxylation rate at 25 degC, leaves at the canopy top
    electron_transport_ratio      | 1            | 0.5..4   |  |  | ratio of maximum electron transport to carboxylation at 25 degC
    electron_quantum_yield        | mol mol-1    | 0.1..0.5 |  |  | electrons transported per absorbed photon in weak light
    dark_respiration_ratio        | 1            | 0..0.2   |  |  | ratio of leaf dark respiration to carboxylation at 25 degC
    c4_pathway                    | 1            | 0..1     |  |  | 1 for C4 plants, 0 for C3 plants
    stomatal_slope_medlyn         | kPa0.5       | 0.1..20  |  |  | slope g1 of the Medlyn conductance
    stomatal_slope_ball_berry     | 1            | 1..30    |  |  | slope m of the Ball-Berry conductance
    residual_conductance          | mol m-2 s-1  | 0..0.2   |  |  | conductance of closed stomata
    stem_area_index               | m2 m-2       | 0..5     |  |  | area of stems and branches, half of the surface
    clumping_index                | 1            | 0.3..1   |  |  | clumping index of the foliage
    leaf_reflectance_visible      | 1            | 0..0.6   |  |  | leaf reflectance, visible
    leaf_transmittance_visible    | 1            | 0..0.6   |  |  | leaf transmittance, visible
    leaf_reflectance_infrared     | 1            | 0..0.6   |  |  | leaf reflectance, near infrared
    leaf_transmittance_infrared   | 1            | 0..0.6   |  |  | leaf transmittance, near infrared
    nitrogen_extinction           | 1            | 0..1     |  |  | decline of carboxylation capacity per leaf area from the canopy top
    leaf_width                    | m            | 1e-3..0.5 |  |  | leaf dimension in wind direction
    maximum_light_use_efficiency  | g MJ-1       | 0.1..6   |  |  | maximum light-use efficiency, carbon per absorbed light
    light_use_efficiency_sunlit   | g MJ-1       | 0.1..6   |  |  | maximum light-use efficiency of sunlit leaves
    light_use_efficiency_shaded   | g MJ-1       | 0.1..8   |  |  | maximum light-use efficiency of shaded leaves
    minimum_temperature_low       | degC         | -30..20  |  |  | minimum temperature at which light use stops
    minimum_temperature_high      | degC         | -10..30  |  |  | minimum temperature above which light use is not limited
    vapour_deficit_low            | Pa           | 0..3000  |  |  | vapour pressure deficit below which light use is not limited
    vapour_deficit_high           | Pa           | 1000..9000 |  |  | vapour pressure deficit at which light use stops
    root_distribution             | 1            | 0.8..0.999 |  |  | Jackson root distribution, share remaining per cm of depth
    maximum_root_depth            | m            | 0.05..30 |  |  | rooting depth
    stress_potential_half         | m            | 1..500   |  |  | suction at which roots take up half
    stress_exponent               | 1            | 0.1..10  |  |  | steepness of the soil moisture stress
    root_warming_rate             | K-2          | 0.001..100 |  |  | rise of root uptake with the soil's warmth above 0 degC
    interception_capacity         | kg m-2       | 0..1     |  |  | rain held per unit leaf area
    snow_interception_capacity    | kg m-2       | 0..10    |  |  | snow held per unit leaf area
    specific_leaf_area            | m2 kg-1      | 1..100   |  |  | leaf area per kg of leaf carbon
    minimum_leaf_area_index       | m2 m-2       | 0..10    |  |  | leaf area index of the dormant season, prognostic phenology
    maximum_leaf_area_index       | m2 m-2       | 0.05..12 |  |  | leaf area index of the growing season, prognostic phenology
    leaf_onset_temperature        | degC         | -20..20  |  |  | minimum temperature of a day up to which leaves are dormant, prognostic phenology
    leaf_onset_temperature_range  | K            | 0.1..30  |  |  | warmer minimum temperature that leaves are full at, above that of onset
    leaf_fall_vapour_deficit      | kPa          | 0..6     |  |  | mean vapour pressure deficit of a day from which leaves fall, prognostic phenology
    leaf_fall_vapour_deficit_range | kPa         | 0.1..10  |  |  | larger deficit at which no leaves are kept, above that of first fall
    leaf_onset_photoperiod        | h            | 0..20    |  |  | day length up to which leaves are dormant, prognostic phenology
    leaf_onset_photoperiod_range  | h            | 0.1..12  |  |  | longer day that leaves are full at, above that of onset
    leaf_full_moisture_stress     | 1            | 0..1     |  |  | soil moisture stress factor below which leaves are shed; 0: never
    leaf_response_time            | d            | 0..60     |  |  | mean age of the weather that leaf area follows, prognostic phenology
    respiration_q10               | 1            | 1..5     |  |  | warming response of maintenance respiration per 10 K
    stem_maintenance_rate         | d-1          | 0..0.1   |  |  | maintenance respiration of live stem carbon at 20 degC
    fine_root_maintenance_rate    | d-1          | 0..0.1   |  |  | maintenance respiration of fine root carbon at 20 degC
    live_wood_fraction            | 1            | 0..1     |  |  | live share of stem and coarse root carbon
    growth_respiration_fraction   | 1            | 0..0.6   |  |  | share of the labile carbon used for growth that is respired
    labile_turnover_time          | d            | 0..100   |  |  | time in which growth uses up labile carbon
    allocation_stem               | 1            | 0..1     |  |  | share of net primary production to stems
    allocation_coarse_root        | 1            | 0..1     |  |  | share of net primary production to coarse roots
    allocation_foliage            | 1            | 0..1     |  |  | share of net primary production to leaves
    allocation_fine_root          | 1            | 0..1     |  |  | share of net primary production to fine roots
    turnover_stem                 | yr-1         | 0..2     |  |  | turnover of stems
    turnover_coarse_root          | yr-1         | 0..2     |  |  | turnover of coarse roots
    turnover_foliage              | yr-1         | 0..6     |  |  | turnover of leaves
    turnover_fine_root            | yr-1         | 0..6     |  |  | turnover of fine roots
    carbon_nitrogen_leaf          | 1            | 5..150   |  |  | carbon to nitrogen ratio of leaves
    carbon_nitrogen_fine_root     | 1            | 5..150   |  |  | carbon to nitrogen ratio of fine roots
    wood_lignin                   | 1            | 0..1     |  |  | lignin fraction of coarse wood
    decomposition_reference_temperature | degC   | 0..45    |  |  | temperature at which maximum decomposition rates hold
    decomposition_scale           | 1            | 0.01..10 |  |  | multiplies every decomposition rate
    anaerobic_decomposition       | 1            | 0..1     |  |  | relative pace of decomposition in water-filled soil
""")

SOIL_PARAMETERS = _declare("parameter", """
    sand_fraction                 | 1            | 0..1     |  |  | sand share of the mineral soil
    clay_fraction                 | 1            | 0..1     |  |  | clay share of the mineral soil
    ground_albedo_dry             | 1            | 0.02..0.8 |  |  | broadband albedo of dry bare ground
    ground_albedo_wet             | 1            | 0.02..0.8 |  |  | broadband albedo of wet bare ground
    drainage_factor               | 1            | 0..1     |  |  | share of free drainage that leaves the soil bottom; 0 is bedrock
    water_table_depth             | m            | 0..1000  |  |  | depth of the water table, where that bottom is chosen
    maximum_ponding               | kg m-2       | 0..1000  |  |  | water that stands on the ground before it runs off
    geothermal_heat_flux          | W m-2        | -1..1    |  |  | heat flux into the column from below
""") + _declare("parameter", """
    layer_thickness               | m            | 1e-3..50 |  |  | thickness of soil layers
    porosity                      | m3 m-3       | 0.05..0.95 |  |  | pore volume
    residual_moisture             | m3 m-3       | 0..0.4   |  |  | moisture below which no liquid moves
    saturated_potential           | m            | -10..-1e-4 |  |  | Campbell air-entry potential
    retention_exponent            | 1            | 0.5..19  |  |  | Campbell retention exponent
    van_genuchten_alpha           | m-1          | 0.05..50 |  |  | van Genuchten inverse air-entry suction
    van_genuchten_n               | 1            | 1.01..10 |  |  | van Genuchten pore-size exponent
    saturated_conductivity        | m s-1        | 1e-10..1e-2 |  |  | hydraulic conductivity at saturation
    solid_conductivity            | W m-1 K-1    | 0.05..10 |  |  | thermal conductivity of soil solids
    dry_conductivity              | W m-1 K-1    | 0.02..3  |  |  | thermal conductivity of dry soil
    solid_heat_capacity           | J m-3 K-1    | 5e5..4e6 |  |  | heat capacity of soil solids
""", "soil") + _declare("parameter", """
    deep_thickness                | m            | 0.05..100 |  |  | thickness of layers below the soil
    deep_conductivity             | W m-1 K-1    | 0.05..10 |  |  | thermal conductivity below the soil
    deep_heat_capacity            | J m-3 K-1    | 5e5..4e6 |  |  | heat capacity below the soil
""", "deep")

DERIVED = _declare("derived", """
    per_layer_thickness           | m-1          |  |  |  | reciprocal of the thickness of soil layers
    per_layer_distance            | m-1          |  |  |  | reciprocal of the distance to the centre of the layer above
    solid_log_conductivity        | 1            |  |  |  | volume share of the solids times the logarithm of their conductivity
    air_entry_bend                | m            |  |  |  | steepness of the potential near saturation
    air_entry_foot                | 1            |  |  |  | second saturation at which the potential near saturation is zero
    driest_campbell               | 1            |  |  |  | saturation of oven-dry soil by Campbell's curve
    driest_van_genuchten          | 1            |  |  |  | saturation of oven-dry soil by van Genuchten's curve
    layer_bottom                  | m            |  |  |  | depth of the bottom of soil layers
    root_fraction                 | 1            |  |  |  | share of roots in soil layers
    per_porosity                  | 1            |  |  |  | reciprocal of the pore volume
    log_driest_campbell           | 1            |  |  |  | logarithm of the saturation of oven-dry soil by Campbell's curve
    thawed_conductivity           | W m-1 K-1    |  |  |  | thermal conductivity of thawed soil that is full of water
    per_thawed_excess             | m K W-1      |  |  |  | reciprocal of the thermal conductivity of thawed soil full of water beyond that of dry soil
    solid_volume_heat             | J m-3 K-1    |  |  |  | heat capacity of the solids in a volume of soil
    shallow_share                 | 1            |  |  |  | share of soil layers in the top 0.3 m, where roots respire and litter decays
    shallow_pore_share            | 1            |  |  |  | the same, divided by pore volume
""", "soil") + _declare("derived", """
    deep_bottom                   | m            |  |  |  | depth of the bottom of layers below the soil
""", "deep") + _declare("derived", """
    per_time_step                 | s-1          |  |  |  | reciprocal of the time step
    per_stress_threshold          | m-1          |  |  |  | reciprocal of the suction from which uptake by roots is limited
    respiration_q10_log           | K-1          |  |  |  | warming response of maintenance respiration as an exponent per kelvin
    labile_kept                   | 1            |  |  |  | share of labile carbon that growth leaves over a time step
    foliage_lignin                | 1            |  |  |  | lignin share of structural leaf litter
    fine_root_lignin              | 1            |  |  |  | lignin share of structural root litter
    foliage_metabolic_share       | 1            |  |  |  | metabolic share of leaf litter
    fine_root_metabolic_share     | 1            |  |  |  | metabolic share of root litter
    coarse_wood_rate              | s-1          |  |  |  | maximum decomposition rate of coarse woody litter
    surface_structural_rate       | s-1          |  |  |  | maximum decomposition rate of structural litter on the ground
    root_structural_rate          | s-1          |  |  |  | maximum decomposition rate of structural root litter
""")

STATES = _declare("state", """
    canopy_liquid                 | kg m-2       | 0..50      |                               | CanopInt | rain held by the canopy
    canopy_snow                   | kg m-2       | 0..100     | canopy_snow_amount |          | snow held by the canopy
    snow_age                      | 1            | 0..1e4     |                               |          | age of the snow surface in units of its ageing time
    surface_temperature           | degC         | -110..110  | surface_temperature           | BaresoilT | temperature of the ground or snow surface
    exchange_temperature          | degC         | -110..110  |                               |          | temperature of the surfaces that exchange heat with the air
    stable_layering               | 1            | 0..10      |                               |          | stability of the air between plants and ground
    ponded_water                  | kg m-2       | 0..2000    |                               | SurfStor | water standing on the ground
    growth_temperature            | degC         | -90..60    |                               |          | running mean of air temperature that leaves are acclimated to
    growing_season_index          | 1            | 0..1       |                               |          | running mean of the growing-season index
    recent_moisture_stress        | 1            | 0..1       |                               |          | soil moisture stress factor of the past day, for leaves that drought sheds
    day_seconds                   | s            | 0..86400   |                               |          | time since the daily phenology sums began
    day_minimum_temperature       | degC         | -90..100   |                               |          | lowest air temperature of the day so far
    day_vapour_deficit            | kPa s        | 0..1e7     |                               |          | sum of vapour pressure deficit over the day so far
""") + _declare("state", """
    labile_carbon                 | g m-2        | 0..1e5     |  |  | carbon assimilated and not yet used for growth
    foliage_carbon                | g m-2        | 0..1e5     | leaf_mass_content_of_carbon |  | carbon in leaves
    stem_carbon                   | g m-2        | 0..1e6     | stem_mass_content_of_carbon |  | carbon in stems
    coarse_root_carbon            | g m-2        | 0..1e6     |  |  | carbon in coarse roots
    fine_root_carbon              | g m-2        | 0..1e5     |  |  | carbon in fine roots
    coarse_wood_litter            | g m-2        | 0..1e6     |  |  | carbon in coarse woody litter
    surface_structural_litter     | g m-2        | 0..1e6     |  |  | carbon in structural litter on the ground
    surface_metabolic_litter      | g m-2        | 0..1e6     |  |  | carbon in metabolic litter on the ground
    root_structural_litter        | g m-2        | 0..1e6     |  |  | carbon in structural root litter
    root_metabolic_litter         | g m-2        | 0..1e6     |  |  | carbon in metabolic root litter
    surface_microbial_carbon      | g m-2        | 0..1e6     |  |  | carbon in microbes on the ground
    soil_microbial_carbon         | g m-2        | 0..1e6     |  |  | carbon in soil microbes
    slow_carbon                   | g m-2        | 0..1e6     |  |  | carbon in slow organic matter
    passive_carbon                | g m-2        | 0..1e6     |  |  | carbon in passive organic matter
""") + _declare("state", """
    snow_mass                     | kg m-2       | 0..1e5     |                               |          | snow, ice and liquid, in snow layers from the top
    snow_enthalpy                 | J m-2        | -1e11..1e-3 |                              |          | heat of snow layers relative to liquid water at 0 degC
    snow_thickness                | m            | 0..500     |                               |          | thickness of snow layers
""", "snow") + _declare("state", """
    soil_temperature              | degC         | -90..90    | soil_temperature              | SoilTemp | temperature of soil layers
    soil_liquid                   | m3 m-3       | 0..1       |                               |          | liquid water in soil layers
    soil_ice                      | m3 m-3       | 0..1       |                               |          | frozen water in soil layers, as liquid equivalent
""", "soil") + _declare("state", """
    deep_temperature              | degC         | -90..90    |                               |          | temperature of layers below the soil
""", "deep")

AIR_DIAGNOSTICS = _declare("diagnostic", """
    leaf_area_index               | m2 m-2       | 0..15      | leaf_area_index               | LAI      | one-sided leaf area index
    daily_growing_season_index    | 1            | 0..1       |                               |          | growing-season index of the day so far
    rainfall                      | kg m-2 s-1   |            | rainfall_flux                 | Rainf    | rain
    snowfall                      | kg m-2 s-1   |            | snowfall_flux                 | Snowf    | snow
    precipitating                 | 1            |            |                               |          | 1 where rain or snow falls
    saturation_pressure           | kPa          |            |                               |          | saturation vapour pressure at air temperature
    saturation_slope              | kPa K-1      |            |                               |          | slope of saturation vapour pressure at air temperature
    vapour_pressure_deficit       | kPa          |            | water_vapor_saturation_deficit_in_air | VPD | vapour pressure deficit of the air
    volumetric_heat_capacity_air  | J m-3 K-1    |            |                               |          | air density times heat capacity
    latent_heat_vaporisation      | J kg-1       |            |                               |          | latent heat of vaporisation at air temperature
    psychrometric_constant        | kPa K-1      |            |                               |          | psychrometric constant
    molar_conductance_factor      | m3 mol-1     |            |                               |          | molar volume of air: turns mol m-2 s-1 into m s-1
""")

CANOPY_DIAGNOSTICS = _declare("diagnostic", """
    moisture_stress               | 1            | 0..1       |                               |          | soil moisture stress factor, 1 without stress
    ground_albedo_visible         | 1            |            |                               |          | albedo of ground and snow, visible
    ground_albedo_infrared        | 1            |            |                               |          | albedo of ground and snow, near infrared
    ground_emissivity             | 1            |            |                               |          | emissivity of ground and snow
    snow_cover_fraction           | 1            | 0..1       | surface_snow_area_fraction    | SnowFrac | ground covered by snow
    sunlit_area                   | m2 m-2       |            |                               |          | sunlit leaf area index
    shaded_area                   | m2 m-2       |            |                               |          | shaded leaf area index
    absorbed_light_sunlit         | umol m-2 s-1 |            |                               |          | light absorbed per sunlit leaf area
    absorbed_light_shaded         | umol m-2 s-1 |            |                               |          | light absorbed per shaded leaf area
    absorbed_shortwave_sunlit     | W m-2        |            |                               |          | shortwave absorbed per ground area by sunlit leaves
    absorbed_shortwave_shaded     | W m-2        |            |                               |          | shortwave absorbed per ground area by shaded leaves
    absorbed_shortwave_stems      | W m-2        |            |                               |          | shortwave absorbed by stems
    absorbed_light                | umol m-2 s-1 |            |                               |          | photosynthetically active radiation absorbed by the canopy
    absorbed_shortwave_ground     | W m-2        |            |                               |          | shortwave absorbed by ground and snow
    reflected_shortwave           | W m-2        |            | surface_upwelling_shortwave_flux_in_air | SWup | shortwave reflected
    canopy_emissivity             | 1            |            |                               |          | longwave emissivity of the canopy
    isothermal_longwave_sunlit    | W m-2        |            |                               |          | net longwave per ground area of sunlit leaves if at air temperature
    isothermal_longwave_shaded    | W m-2        |            |                               |          | net longwave per ground area of shaded leaves if at air temperature
    longwave_of_stems             | W m-2        |            |                               |          | net longwave of stems, at air temperature
    radiative_conductance         | W m-2 K-1    |            |                               |          | extra longwave a leaf loses per kelvin above air temperature, per leaf area
    friction_velocity             | m s-1        |            | magnitude_of_surface_friction_velocity_in_air | Ustar    | friction velocity
    aerodynamic_conductance       | m s-1        |            |                               | ACond    | conductance from canopy air to measurement height
    boundary_conductance          | m s-1        |            |                               |          | leaf boundary-layer conductance for heat, one side
    ground_conductance            | m s-1        |            |                               |          | conductance from ground to measurement height
    wet_fraction                  | 1            | 0..1       |                               |          | wet share of the canopy
    wet_share_of_snow             | 1            | 0..1       |                               |          | share of the canopy's wetness that snow makes
    throughfall_rain              | kg m-2 s-1   |            |                               |          | rain and drip that reach the ground
    throughfall_snow              | kg m-2 s-1   |            |                               |          | snow and unloading that reach the ground
    root_stress_weight            | 1            |            |                               |          | root shares times their stress factors, summed over soil layers
    root_stress_sum               | 1            |            |                               |          | root shares times squared stress factors, summed over soil layers
    per_root_stress_weight        | 1            |            |                               |          | reciprocal of the sum of root shares times their stress factors; 0 where no layer gives water
    scarce_water                  | kg m-2       |            |                               |          | water that roots may take from the layer that empties first
    scarce_share                  | 1            |            |                               |          | share of transpiration drawn from that layer
    stress_on_capacity            | 1            | 0..1       |                               |          | soil moisture stress on carboxylation and electron transport
    stress_on_slope               | 1            | 0..1       |                               |          | soil moisture stress on the slope of stomatal conductance
    acclimated_transport_ratio    | 1            |            |                               |          | electron transport to carboxylation at 25 degC, acclimated to growth temperature
    carboxylation_deactivation    | 1            |            |                               |          | inactive to active carboxylation enzyme at 25 degC
    transport_deactivation        | 1            |            |                               |          | inactive to active electron transport at 25 degC
    saturation_curvature          | kPa K-2      |            |                               |          | change of the saturation slope per kelvin at air temperature
    vapour_resistance             | s m-1        |            |                               |          | resistance to vapour from a wet leaf to measurement height
    leaf_cooling                  | W m-2 K-1    |            |                               |          | sensible heat and longwave that a leaf loses per kelvin above air temperature, per leaf area
    latent_conductance            | W m-2 kPa-1  |            |                               |          | latent heat that a wet leaf loses per kPa above the air, per leaf area
    carbon_dioxide_resistance     | m2 s mol-1   |            |                               |          | resistance to carbon dioxide from measurement height to the leaf surface
    canopy_temperature            | degC         |            |                               |          | leaf temperature, mean over leaf area
""")

LEAF_DIAGNOSTICS = [
    variable
    for twin, leaves in (("sunlit", "sunlit leaves"), ("shaded", "shaded leaves"))
    for variable in _declare("diagnostic", f"""
    leaf_temperature_{twin}           | degC         |  |  |  | temperature of {leaves}
    capacity_{twin}                   | umol m-2 s-1 |  |  |  | mean maximum carboxylation at 25 degC of {leaves}
    gross_assimilation_{twin}         | umol m-2 s-1 |  |  |  | gross assimilation per leaf area, {leaves}
    dark_respiration_{twin}           | umol m-2 s-1 |  |  |  | dark respiration per leaf area, {leaves}
    intercellular_carbon_dioxide_{twin} | umol mol-1 |  |  |  | carbon dioxide inside {leaves}
    intercellular_before_{twin}       | umol mol-1   |  |  |  | carbon dioxide inside {leaves} before the last iteration
    stomatal_conductance_{twin}       | mol m-2 s-1  |  |  |  | stomatal conductance for water vapour, {leaves}
    leaf_transpiration_heat_{twin}    | W m-2        |  |  |  | latent heat of transpiration per leaf area, {leaves}
    leaf_wet_heat_{twin}              | W m-2        |  |  |  | latent heat of intercepted water per leaf area, {leaves}
    leaf_temperature_change_{twin}    | K            |  |  |  | change of leaf temperature in the last iteration, {leaves}
    compensation_point_{twin}         | umol mol-1   |  |  |  | carbon dioxide at which assimilation equals photorespiration, {leaves}
    leaf_trial_temperature_{twin}     | degC         |  |  |  | temperature that the next iteration starts from, {leaves}
    isothermal_net_radiation_{twin}   | W m-2        |  |  |  | net radiation per leaf area at air temperature, {leaves}
    wet_share_{twin}                  | 1            |  |  |  | share of the step and of leaf area that stays wet, {leaves}
    assimilation_slope_{twin}         | mol m-2 s-1  |  |  |  | change of assimilation with intercellular carbon dioxide, {leaves}
    light_inhibition_{twin}           | 1            |  |  |  | share of dark respiration that goes on in light, {leaves}
    carboxylation_potential_{twin}    | umol m-2 s-1 |  |  |  | carboxylation capacity at leaf temperature times heat losses, {leaves}
    transport_potential_{twin}        | umol m-2 s-1 |  |  |  | electron transport capacity times heat losses, {leaves}
    heat_losses_{twin}                | 1            |  |  |  | product of the divisors by which heat and cold inactivate enzymes, {leaves}
    michaelis_constant_{twin}         | umol mol-1   |  |  |  | Michaelis constant of carboxylation at the air's oxygen, {leaves}
""")
]

CANOPY_FLUXES = _declare("diagnostic", """
    transpiration                 | kg m-2 s-1   |            | transpiration_flux            | TVeg     | transpiration
    canopy_evaporation            | kg m-2 s-1   |            | water_evaporation_flux_from_canopy | ECanop | evaporation of intercepted rain
    canopy_sublimation            | kg m-2 s-1   |            |                               |          | sublimation of intercepted snow
    canopy_net_radiation          | W m-2        |            |                               |          | net radiation of the canopy
    canopy_latent_heat            | W m-2        |            |                               |          | latent heat from the canopy
    canopy_sensible_heat          | W m-2        |            |                               |          | sensible heat from the canopy
    canopy_longwave_to_ground     | W m-2        |            |                               |          | longwave that canopy and sky send to the ground
    canopy_net_longwave           | W m-2        |            |                               |          | net longwave of the canopy
    gross_primary_production      | g m-2 s-1    |            | gross_primary_productivity_of_biomass_expressed_as_carbon | GPP | gross primary production
    leaf_respiration              | g m-2 s-1    |            | surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_plant_respiration_in_leaves |          | dark respiration of the canopy
    canopy_conductance            | mol m-2 s-1  |            |                               |          | stomatal conductance of the canopy
    root_water_limit              | kg m-2 s-1   |            |                               |          | most that roots can draw within the step
""")

GROUND_DIAGNOSTICS = _declare("diagnostic", """
    snow_water_equivalent         | kg m-2       |            | surface_snow_amount           | SWE      | snow on the ground, ice and liquid
    snow_depth                    | m            |            | surface_snow_thickness        | SnowDepth | snow depth
    snow_present                  | 1            |            |                               |          | 1 where snow lies or falls
    soil_evaporation              | kg m-2 s-1   |            | water_evaporation_flux_from_soil | ESoil | evaporation from soil and ponds
    snow_sublimation              | kg m-2 s-1   |            | surface_snow_sublimation_flux | SubSnow  | sublimation of snow on the ground
    ground_net_radiation          | W m-2        |            |                               |          | net radiation of ground and snow
    ground_latent_heat            | W m-2        |            |                               |          | latent heat from ground and snow
    ground_sensible_heat          | W m-2        |            |                               |          | sensible heat from ground and snow
    ground_heat_flux              | W m-2        |            | downward_heat_flux_in_soil    | Qg       | heat flux into ground and snow
    lower_heat_flux               | W m-2        |            |                               |          | heat flux out of the column bottom
    advected_heat                 | W m-2        |            |                               |          | heat that water brings into or takes out of the column
    snow_melt                     | kg m-2 s-1   |            | surface_snow_melt_flux        | Qsm      | water that leaves the snow
    surface_runoff                | kg m-2 s-1   |            | surface_runoff_flux           | Qs       | surface runoff
    drainage                      | kg m-2 s-1   |            | subsurface_runoff_flux        | Qsb      | drainage from the soil bottom
    infiltration                  | kg m-2 s-1   |            |                               | Qinf     | infiltration
    water_substeps                | 1            |            |                               |          | sub-steps of soil water
    active_layer_depth            | m            |            |                               |          | depth of thawed ground from the surface
    frozen_top_5cm                | 1            | 0..1       |                               |          | frozen share of water in the top 5 cm of soil
    frozen_top_10cm               | 1            | 0..1       |                               |          | frozen share of water in the top 10 cm of soil
    frozen_day                    | 1            | 0..1       |                               |          | 1 where the top soil layer is below freezing; the yearly mean times 365 is frozen days
""")

CARBON_FLUXES = _declare("diagnostic", """
    maintenance_respiration       | g m-2 s-1    |            | surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_plant_respiration_for_biomass_maintenance |          | maintenance respiration
    growth_respiration            | g m-2 s-1    |            | surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_plant_respiration_for_biomass_growth |          | growth respiration
    autotrophic_respiration       | g m-2 s-1    |            | surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_plant_respiration | AutoResp | autotrophic respiration
    heterotrophic_respiration     | g m-2 s-1    |            | surface_upward_mass_flux_of_carbon_dioxide_expressed_as_carbon_due_to_heterotrophic_respiration | HeteroResp | heterotrophic respiration
    net_primary_production        | g m-2 s-1    |            | net_primary_productivity_of_biomass_expressed_as_carbon | NPP | net primary production
    ecosystem_respiration         | g m-2 s-1    |            |                               | Reco     | ecosystem respiration
    net_ecosystem_exchange        | g m-2 s-1    |            |                               | NEE      | net ecosystem exchange, positive to the atmosphere
    leached_carbon                | g m-2 s-1    |            | mass_flux_of_carbon_out_of_soil_due_to_leaching_and_runoff |          | carbon leached from the soil
    decomposition_warmth          | 1            |            |                               |          | temperature factor of decomposition in the soil
    decomposition_wetness         | 1            |            |                               |          | moisture factor of decomposition in the soil
    decomposition_pace_surface    | 1            |            |                               |          | pace of decomposition on the ground relative to maximum rates
    decomposition_pace_soil       | 1            |            |                               |          | pace of decomposition in the soil relative to maximum rates
    shallow_soil_temperature      | degC         |            |                               |          | mean temperature of the top 0.3 m of soil
    shallow_soil_wetness          | 1            |            |                               |          | liquid share of the pores in the top 0.3 m of soil
    stem_respiration              | g m-2 s-1    |            |                               |          | maintenance respiration of stems
    coarse_root_respiration       | g m-2 s-1    |            |                               |          | maintenance respiration of coarse roots
    fine_root_respiration         | g m-2 s-1    |            |                               |          | maintenance respiration of fine roots
    allocated_production          | g m-2 s-1    |            |                               |          | carbon that leaves, stems and roots receive; negative where they pay for maintenance
    foliage_litterfall            | g m-2 s-1    |            |                               |          | carbon that leaves shed
    wood_litterfall               | g m-2 s-1    |            |                               |          | carbon that stems and coarse roots shed
    fine_root_litterfall          | g m-2 s-1    |            |                               |          | carbon that fine roots shed
""")

TOTALS = _declare("diagnostic", """
    net_radiation                 | W m-2        |            | surface_net_downward_radiative_flux | Rnet | net radiation
    net_shortwave                 | W m-2        |            | surface_net_downward_shortwave_flux | SWnet | net shortwave radiation
    net_longwave                  | W m-2        |            | surface_net_downward_longwave_flux | LWnet | net longwave radiation
    latent_heat                   | W m-2        |            | surface_upward_latent_heat_flux | Qle    | latent heat
    sensible_heat                 | W m-2        |            | surface_upward_sensible_heat_flux | Qh   | sensible heat
    evapotranspiration            | kg m-2 s-1   |            | water_evapotranspiration_flux | Evap     | evapotranspiration
    longwave_up                   | W m-2        |            | surface_upwelling_longwave_flux_in_air | LWup | upwelling longwave radiation
    albedo                        | 1            |            | surface_albedo                | Albedo   | shortwave albedo
    radiative_temperature         | degC         |            |                               | RadT     | radiative temperature of the land surface
    soil_moisture_stored          | kg m-2       |            | mass_content_of_water_in_soil | SoilMoistTotal | liquid and frozen water in the soil
""")

CLOSURES = _declare("diagnostic", """
    stored_water                  | kg m-2       |            |                               |          | water in canopy, snow, ponds and soil
    stored_water_before           | kg m-2       |            |                               |          | the same at the start of the step
    stored_heat                   | J m-2        |            |                               |          | heat of snow, soil and deep ground, latent heat included
    stored_heat_before            | J m-2        |            |                               |          | the same at the start of the step
    stored_carbon                 | g m-2        |            |                               |          | carbon of vegetation, litter and soil
    stored_carbon_before          | g m-2        |            |                               |          | the same at the start of the step
    water_closure                 | kg m-2       |            |                               |          | water that no flux explains, per step
    heat_closure                  | W m-2        |            |                               |          | heat of the ground that no flux explains
    energy_closure                | W m-2        |            |                               |          | net radiation that no flux takes
    carbon_closure                | g m-2        |            |                               |          | carbon that no flux explains, per step
    shortwave_closure             | 1            |            |                               |          | share of shortwave neither reflected nor absorbed
""")

SOIL_DIAGNOSTICS = _declare("diagnostic", """
    water_potential               | m            |            |                               |          | matric potential of soil layers
    hydraulic_conductivity        | m s-1        |            |                               |          | hydraulic conductivity of soil layers
    potential_slope               | m            |            |                               |          | change of potential per change of moisture
    thermal_conductivity          | W m-1 K-1    |            |                               |          | thermal conductivity of soil layers
    heat_capacity                 | J m-3 K-1    |            |                               |          | heat capacity of soil layers without latent heat
    root_uptake_share             | 1            |            |                               |          | share of transpiration drawn from soil layers
    soil_moisture                 | kg m-2       |            | mass_content_of_water_in_soil_layer | SoilMoist | liquid and frozen water in soil layers
""", "soil")

GROUND_HEAT = [
    variable
    for axis, layers in (("snow", "snow layers"), ("soil", "soil layers"), ("deep", "layers below the soil"))
    for variable in _declare("diagnostic", f"""
    {axis}_half_resistance            | m2 K W-1     |  |  |  | thermal resistance of half of {layers}
    {axis}_conductance                | W m-2 K-1    |  |  |  | thermal conductance between {layers} and what lies above
    {axis}_heat_start                 | J m-2        |  |  |  | heat of {layers} before conduction
    {axis}_heat                       | J m-2        |  |  |  | heat of {layers}, iterate
    {axis}_iterate_temperature        | degC         |  |  |  | temperature of {layers}, iterate
    {axis}_thermal_response           | 1            |  |  |  | 1 where the temperature of {layers} can change, 0 in isothermal melt
    {axis}_thermal_inertia            | J m-2 K-1    |  |  |  | heat per kelvin of {layers}, with latent heat
    {axis}_sweep_value                | degC         |  |  |  | elimination: temperature of {layers} if the layer below were at 0 degC
    {axis}_sweep_ratio                | 1            |  |  |  | elimination: change of temperature of {layers} per change below
    {axis}_heat_flux                  | W m-2        |  |  |  | heat flux from above into {layers}
""", axis)
]

GROUND_WORK = _declare("diagnostic", """
    soil_evaporation_resistance   | s m-1        |            |                               |          | resistance of the drying soil surface
    soil_air_humidity             | 1            |            |                               |          | relative humidity of the air in surface soil pores
    evaporation_limit             | kg m-2 s-1   |            |                               |          | most that soil and ponds can evaporate within the step
    surface_previous              | degC         |            |                               |          | surface temperature that the balance was last linearised about
    surface_iterate               | degC         |            |                               |          | surface temperature, iterate
    surface_balance               | W m-2        |            |                               |          | heat into the ground at the iterated surface temperature
    surface_balance_slope         | W m-2 K-1    |            |                               |          | change of that heat per kelvin of surface temperature
    soil_latent                   | W m-2        |            |                               |          | latent heat of soil evaporation at the iterated surface temperature
    soil_latent_slope             | W m-2 K-1    |            |                               |          | its change per kelvin
    snow_latent                   | W m-2        |            |                               |          | latent heat of snow sublimation at the iterated surface temperature
    snow_latent_slope             | W m-2 K-1    |            |                               |          | its change per kelvin
    surface_melting               | 1            |            |                               |          | 1 where melting snow holds the surface at 0 degC
    daylight                      | 1            |            |                               |          | 1 where there is sunlight or the sun is up
    night                         | 1            |            |                               |          | 1 where there is no daylight
    leaves_unsettled              | 1            |            |                               |          | 1 where leaf temperature needs another round
    heat_unsettled                | 1            |            |                               |          | 1 where a layer changed phase, so that conduction is solved again
    heat_unsolved                 | 1            |            |                               |          | 1 where a layer still changes phase, so that the last solves are made
    skin_value                    | degC         |            |                               |          | elimination: surface temperature if the layer below were at 0 degC
    skin_ratio                    | 1            |            |                               |          | elimination: change of surface temperature per change below
    snow_heat_added               | J m-2        |            |                               |          | heat that snowfall, frost and sublimation bring into the snow
    snow_heat_below               | J m-2        |            |                               |          | heat left when a snow layer has melted, handed to the soil
    snow_water_below              | kg m-2       |            |                               |          | water that leaves a snow layer
    water_heat_before             | J m-2        |            |                               |          | heat carried by soil liquid before it moved
    water_heat_after              | J m-2        |            |                               |          | heat carried by soil liquid after it moved
    water_supply                  | m s-1        |            |                               |          | rain, melt and dew on the ground
    pond_evaporation              | m s-1        |            |                               |          | evaporation from standing water
    water_substep                 | s            |            |                               |          | length of the sub-step of soil water
    per_water_substep             | s-1          |            |                               |          | reciprocal of the length of the sub-step of soil water
    later_substep                 | 1            |            |                               |          | 1 from the second sub-step of soil water on
    top_flux                      | m s-1        |            |                               |          | infiltration before the implicit change
    top_flux_slope                | m s-1        |            |                               |          | its change per change of surface moisture
    bottom_flux                   | m s-1        |            |                               |          | drainage before the implicit change
    bottom_flux_slope             | m s-1        |            |                               |          | its change per change of bottom moisture
    moisture_excess               | m            |            |                               |          | water above saturation handed to the layer above
    moisture_deficit              | m            |            |                               |          | water borrowed from the layer below
    largest_moisture_change       | m3 m-3       |            |                               |          | estimated largest change of moisture within the step
    infiltrated_water             | m            |            |                               |          | infiltration within the step
    drained_water                 | m            |            |                               |          | drainage within the step
    icy_surface                   | 1            |            |                               |          | 1 where the uppermost soil layer holds ice
    ground_freezing               | 1            |            |                               |          | 1 where water in the soil is frozen or may freeze within the step
    thaw_open                     | 1            |            |                               |          | 1 while the ground above is thawed
    top_ice                       | m            |            |                               |          | frozen water in the top of the soil
    top_water                     | m            |            |                               |          | water in the top of the soil
    top_ice_10cm                  | m            |            |                               |          | frozen water in the top 10 cm of soil
    top_water_10cm                | m            |            |                               |          | water in the top 10 cm of soil
""") + _declare("diagnostic", """
    soil_moisture_sink            | m s-1        |            |                               |          | uptake and evaporation from soil layers
    conductivity_slope            | m s-1        |            |                               |          | change of hydraulic conductivity per change of moisture
    water_flux                    | m s-1        |            |                               |          | water flux out of the bottom of soil layers, before the implicit change
    flux_slope_own                | m s-1        |            |                               |          | its change per change of the layer's moisture
    flux_slope_below              | m s-1        |            |                               |          | its change per change of the moisture below
    layer_inflow                  | m s-1        |            |                               |          | water flux from above into soil layers
    water_sweep_ratio             | 1            |            |                               |          | elimination: moisture change per change below
    water_sweep_value             | m3 m-3       |            |                               |          | elimination: moisture change
    freezing_temperature          | degC         |            |                               |          | temperature at which soil layers begin to freeze
    freezing_step                 | 1            |            |                               |          | last correction of ln(T / Tf), by which freezing layers are solved
    soil_solved_temperature       | degC         |            |                               |          | temperature of soil layers that conduction was solved for
""", "soil") + _declare("diagnostic", """
    snow_ice                      | kg m-2       |            |                               |          | frozen part of snow layers before conduction
    snow_load                     | kg m-2       |            |                               |          | mass that lies on snow layers
    snow_solved_temperature       | degC         |            |                               |          | temperature of snow layers that conduction was solved for
""", "snow")

GROUPS = (FORCING, SEASON, SETTINGS, SITE_PARAMETERS, PLANT_PARAMETERS, SOIL_PARAMETERS, DERIVED, STATES, AIR_DIAGNOSTICS,
          CANOPY_DIAGNOSTICS, LEAF_DIAGNOSTICS, CANOPY_FLUXES, GROUND_DIAGNOSTICS, CARBON_FLUXES, TOTALS, CLOSURES, SOIL_DIAGNOSTICS,
          GROUND_HEAT, GROUND_WORK, SEASON_DIAGNOSTICS)


def variable_table(soil_layers: int = SOIL_LAYERS, snow_layers: int = SNOW_LAYERS, deep_layers: int = 0,
                   seasonal_terms: int = 0) -> Table:
    """The table for a column with these numbers of layers; `deep_layers=0` leaves the deep thermal column out.

    `seasonal_terms` is the number of terms of a season; 0 leaves everything seasonal out.
    """
    groups = [group for group in GROUPS if seasonal_terms or group is not SEASON_DIAGNOSTICS]
    return Table([variable for group in groups for variable in group],
                 layers={"soil": soil_layers, "snow": snow_layers, "deep": deep_layers, "season": seasonal_terms})
