"""The two physical yardsticks of PLUMBER: a Penman-Monteith reference surface and Manabe's bucket.

Both see forcing only, know nothing of the site and share no code with the model, so that a fault there cannot hide
here. Methods: Best et al. (2015, J. Hydrometeorol. 16:1425) name the two; details below that the paper leaves open are
ours and stand in the docstrings.
"""

import numpy as np
import xarray as xr

from terraflux.model.constants import (
    AIR_HEAT_CAPACITY,
    GAS_CONSTANT_DRY_AIR,
    KELVIN,
    LATENT_HEAT_FUSION,
    LATENT_HEAT_SUBLIMATION,
    LATENT_HEAT_VAPORISATION,
    LATENT_HEAT_VAPORISATION_SLOPE,
    STEFAN_BOLTZMANN,
    VON_KARMAN,
    WATER_AIR_MASS_RATIO,
)

REFERENCE_ALBEDO = 0.23
REFERENCE_SURFACE_RESISTANCE = 70.0  # s m-1
REFERENCE_HEIGHT = 0.12  # m
BUCKET_CAPACITY = 150.0  # kg m-2
BUCKET_CRITICAL_SHARE = 0.75
BUCKET_ALBEDO = 0.2
SNOW_ALBEDO = 0.7
BUCKET_ROUGHNESS = 0.05  # m
MINIMUM_WIND = 0.5  # m s-1


def saturation_pressure(air_temperature: np.ndarray) -> np.ndarray:
    """Saturation vapour pressure (kPa) at a temperature in degC (Tetens; FAO-56, Allen et al. 1998, equation 11)."""
    return 0.6108 * np.exp(17.27 * air_temperature / (air_temperature + 237.3))


def saturation_slope(air_temperature: np.ndarray) -> np.ndarray:
    """Slope of saturation vapour pressure (kPa K-1; FAO-56 equation 13)."""
    return 4098.0 * saturation_pressure(air_temperature) / (air_temperature + 237.3) ** 2


def _air(forcing: xr.Dataset) -> dict[str, np.ndarray]:
    """Forcing as arrays with the air properties both yardsticks need."""
    air = {name: forcing[name].to_numpy().astype(float) for name in
           ("shortwave_down", "longwave_down", "air_temperature", "vapour_pressure", "air_pressure", "wind_speed",
            "precipitation")}
    temperature, pressure = air["air_temperature"], air["air_pressure"]
    air["deficit"] = np.maximum(saturation_pressure(temperature) - air["vapour_pressure"], 0.0)
    air["slope"] = saturation_slope(temperature)
    air["latent"] = LATENT_HEAT_VAPORISATION - LATENT_HEAT_VAPORISATION_SLOPE * temperature
    air["psychrometric"] = AIR_HEAT_CAPACITY * pressure * 1e-3 / (WATER_AIR_MASS_RATIO * air["latent"])
    air["heat"] = AIR_HEAT_CAPACITY * pressure / (GAS_CONSTANT_DRY_AIR * (temperature + KELVIN))
    air["wind_speed"] = np.maximum(air["wind_speed"], MINIMUM_WIND)
    return air


def _aerodynamic_resistance(wind: np.ndarray, height: float, displacement: float, roughness: float,
                            roughness_heat: float) -> np.ndarray:
    """Neutral resistance (s m-1) from the logarithmic wind profile."""
    level = max(height - displacement, 2.0 * roughness)
    return np.log(level / roughness) * np.log(level / roughness_heat) / (VON_KARMAN**2 * wind)


def _reference_level(forcing: xr.Dataset) -> float:
    """Height of the wind above the tall vegetation's displacement; sites without the attributes count as 10 m.

    Towers stand above canopies of any height while both yardsticks have a low surface: what counts is the distance.
    """
    height = float(forcing.attrs.get("measurement_height", np.nan))
    canopy = float(forcing.attrs.get("canopy_height", 0.0))
    level = height - 0.7 * canopy
    return float(level) if np.isfinite(level) and level > 2.0 else 10.0


def _dataset(forcing: xr.Dataset, **fluxes: np.ndarray) -> xr.Dataset:
    series = {name: ("time", values, {"units": "W m-2"}) for name, values in fluxes.items()}
    return xr.Dataset(series, coords={"time": forcing["time"]})


def penman_monteith(forcing: xr.Dataset) -> xr.Dataset:
    """Heat fluxes (W m-2) of the FAO-56 reference surface: latent_heat, sensible_heat.

    Short grass (0.12 m, albedo 0.23, surface resistance 70 s m-1) never short of water; displacement 2/3 and
    roughness 0.123 of the height (Allen et al. 1998, equations 3 and 4). Net radiation takes longwave at air
    temperature and unit emissivity; ground heat is nought; condensation counts as it comes.
    """
    air = _air(forcing)
    roughness = 0.123 * REFERENCE_HEIGHT
    resistance = _aerodynamic_resistance(air["wind_speed"], _reference_level(forcing), 2.0 / 3.0 * REFERENCE_HEIGHT,
                                         roughness, 0.1 * roughness)
    net = ((1.0 - REFERENCE_ALBEDO) * air["shortwave_down"] + air["longwave_down"]
           - STEFAN_BOLTZMANN * (air["air_temperature"] + KELVIN) ** 4)
    latent = ((air["slope"] * net + air["heat"] * air["deficit"] / resistance)
              / (air["slope"] + air["psychrometric"] * (1.0 + REFERENCE_SURFACE_RESISTANCE / resistance)))
    return _dataset(forcing, latent_heat=latent, sensible_heat=net - latent)


def manabe_bucket(forcing: xr.Dataset, step_seconds: float, spin_up_years: int = 2) -> xr.Dataset:
    """Heat fluxes (W m-2) and water of Manabe's bucket (1969, Mon. Weather Rev. 97:739).

    150 mm of water; evaporation is beta times that of a wet surface, beta = min(1, W / (0.75 x 150 mm)); what the
    bucket cannot hold runs off. Ours: the surface temperature closes the energy balance in one linear step around air
    temperature (bulk transfer, neutral, roughness 0.05 m, albedo 0.2, unit emissivity, no ground heat); precipitation
    below 0 degC is snow (albedo 0.7, beta 1), which melts with the heat that would lift the surface above 0 degC.
    The record is run `spin_up_years` times over, from a full bucket, before the fluxes are kept. Returns latent_heat,
    sensible_heat, bucket_water, bucket_snow and bucket_runoff (kg m-2; runoff per step).
    """
    air = _air(forcing)
    resistance = _aerodynamic_resistance(air["wind_speed"], _reference_level(forcing), 0.0, BUCKET_ROUGHNESS,
                                         0.1 * BUCKET_ROUGHNESS)
    temperature = air["air_temperature"]
    emission = STEFAN_BOLTZMANN * (temperature + KELVIN) ** 4
    radiative = 4.0 * STEFAN_BOLTZMANN * (temperature + KELVIN) ** 3
    exchange = air["heat"] / resistance
    moist = exchange / air["psychrometric"]
    supply = air["precipitation"] * step_seconds
    kept = {name: np.empty(temperature.size) for name in ("latent", "sensible", "water", "snow", "runoff")}
    water, snow = BUCKET_CAPACITY, 0.0
    for _ in range(spin_up_years + 1):
        for i in range(temperature.size):
            if temperature[i] < 0.0:
                snow += supply[i]
            else:
                water += supply[i]
            covered = snow > 0.0
            beta = 1.0 if covered else min(1.0, water / (BUCKET_CRITICAL_SHARE * BUCKET_CAPACITY))
            albedo = SNOW_ALBEDO if covered else BUCKET_ALBEDO
            net = (1.0 - albedo) * air["shortwave_down"][i] + air["longwave_down"][i] - emission[i]
            wet = beta * moist[i]
            warming = ((net - wet * air["deficit"][i])
                       / (radiative[i] + exchange[i] + wet * air["slope"][i]))
            if covered and temperature[i] + warming > 0.0:
                warming = -temperature[i]
            latent = wet * (air["deficit"][i] + air["slope"][i] * warming)
            heat = LATENT_HEAT_SUBLIMATION if covered else air["latent"][i]
            limit = (snow if covered else water) * heat / step_seconds
            latent = min(latent, limit)
            sensible = exchange[i] * warming
            rest = net - radiative[i] * warming - latent - sensible
            melt = 0.0
            if covered:
                snow -= latent / heat * step_seconds
                melt = min(max(rest, 0.0) * step_seconds / LATENT_HEAT_FUSION, max(snow, 0.0))
                snow = max(snow - melt, 0.0)
                rest -= melt * LATENT_HEAT_FUSION / step_seconds
            else:
                water = max(water - latent / heat * step_seconds, 0.0)
            water += melt
            runoff = max(water - BUCKET_CAPACITY, 0.0)
            water -= runoff
            kept["latent"][i], kept["sensible"][i] = latent, sensible + rest
            kept["water"][i], kept["snow"][i], kept["runoff"][i] = water, snow, runoff
    result = _dataset(forcing, latent_heat=kept["latent"], sensible_heat=kept["sensible"])
    for name in ("water", "snow", "runoff"):
        result[f"bucket_{name}"] = ("time", kept[name], {"units": "kg m-2"})
    return result
