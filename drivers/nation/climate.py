"""The climate of the synthetic nation: means, seasons and trends of every place, from latitude, height and distance to the sea.

Numbers were chosen so that the invented places resemble the climates of East Asia (tropical south, monsoon east, cold north,
dry north-west, high plateau) and that means over the nation lie where published ones of China lie: 610-680 mm of rain,
165-180 W m-2 of sunlight, 100-130 of it under the stratus of a moist basin and 190-215 on the plateau
(docs/region/synthetic-nation.md has the sources, beside published figures). They are declared here, are fitted to no record
of a place, and describe no real one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.estimates import standard_pressure
from terraflux.drivers.nation.noise import still_field
from terraflux.drivers.nation.relief import basin_depth

Floats = NDArray[np.float64]
FIELD_RAIN, FIELD_WARMTH, FIELD_WARMING, FIELD_WETTING, FIELD_GREENING, FIELD_STILLING = 11, 12, 13, 14, 15, 16
FIRST_YEAR, LAST_YEAR = 1979, 2012
MIDDLE_YEAR = 1996.0
LAPSE_RATE, PLATEAU_LAPSE_RATE = 5.0e-3, 3.0e-3  # K m-1 below and above the height where ground warms the air around it
PLATEAU_HEIGHT = 2500.0  # m
# Logit of the cloud cover of a day on the verge of rain: in a desert, what a metre of yearly rain adds, what stratus under the
# inversion of a moist basin adds and what afternoon convection over high ground adds (all of it at 4 km).
CLOUD_DESERT, CLOUD_RAIN, CLOUD_BASIN, CLOUD_HIGH = 0.95, 1.2, 2.7, 0.7
WINTER_STRATUS = 1.5  # logits that moist air has more of it in winter and less in summer; twice that in a basin
HAZE, DUST, HAZE_HEIGHT = 0.20, 0.14, 1500.0  # share of sunlight that air over moist and dry lowland takes besides clouds; m
WET_DAY_RAIN, WET_DAY_SHARE = 2.0, 1.5  # mm, d: rain of a wet day is 2 mm + 1.5 days of the mean


@dataclass(frozen=True)
class Climate:
    """Climate of every cell; trends are per year about the middle of 1979-2012.

    `mean_temperature` and `temperature_amplitude` (degC, K), `annual_precipitation` (mm), `monsoon` (amplitude of its season,
    0..1) and `rain_peak` (day of year), `aridity` (0..1), `cloudiness` (logit of the cover on the verge of rain), `stratus`
    (what winter adds to it and summer takes), `haze` (share of clear sunlight it takes), `diurnal_range` (K, clear sky),
    `wind` (m s-1), `pressure` (Pa), `warming` (K yr-1), `wetting`, `greening` and `stilling` (relative, yr-1).
    """

    mean_temperature: Floats
    temperature_amplitude: Floats
    annual_precipitation: Floats
    monsoon: Floats
    rain_peak: Floats
    aridity: Floats
    cloudiness: Floats
    stratus: Floats
    haze: Floats
    diurnal_range: Floats
    wind: Floats
    pressure: Floats
    warming: Floats
    wetting: Floats
    greening: Floats
    stilling: Floats


def climate_of(longitude: Floats, latitude: Floats, elevation: Floats, seed: int) -> Climate:
    """Climate at positions (degrees) and elevations (m)."""
    def patches(field: int, width: float, height: float) -> Floats:
        return still_field(longitude, latitude, width, height, field, seed)

    kilometres = elevation / 1000.0
    north = latitude - 18.0
    inland = np.maximum(0.6 * (latitude - 20.0) + 0.35 * (110.0 - longitude), 0.0)
    rain = 1850.0 * np.exp(-inland / 8.5 + 0.22 * patches(FIELD_RAIN, 5.0, 4.0)) * (1.0 + 0.06 * np.minimum(kilometres, 3.0))
    rain = np.clip(rain, 25.0, 3000.0)
    aridity = 1.0 / (1.0 + (rain / 380.0) ** 1.6)
    warmth = 24.8 - 0.36 * north - 0.0115 * north**2 + 0.6 * patches(FIELD_WARMTH, 5.0, 4.0)
    basin = basin_depth(longitude, latitude)
    above = np.maximum(elevation - PLATEAU_HEIGHT, 0.0)
    cooler = LAPSE_RATE * (elevation - above) + PLATEAU_LAPSE_RATE * above
    return Climate(
        mean_temperature=warmth - cooler,
        temperature_amplitude=(4.0 + 0.55 * north + 2.0 * aridity) * (1.0 - 0.04 * np.minimum(kilometres, 5.0)),
        annual_precipitation=rain,
        monsoon=np.clip(0.55 + 0.02 * north, 0.5, 0.95),
        rain_peak=165.0 + 1.6 * np.minimum(north, 25.0),
        aridity=aridity,
        cloudiness=CLOUD_DESERT + CLOUD_RAIN * np.minimum(rain / 1000.0, 1.5)
        + CLOUD_BASIN * basin * (1.0 - aridity) + CLOUD_HIGH * np.minimum(kilometres / 4.0, 1.0),
        stratus=WINTER_STRATUS * (1.0 - aridity) ** 2 * (1.0 + basin),
        haze=(HAZE * (1.0 - aridity) + DUST * aridity) * np.exp(-elevation / HAZE_HEIGHT),
        diurnal_range=np.minimum(11.0 + 6.5 * aridity + 1.0 * kilometres, 19.0),
        wind=2.0 + 1.2 * aridity + 0.25 * kilometres,
        pressure=np.vectorize(standard_pressure, otypes=[float])(elevation),
        warming=0.022 + 0.0005 * north + 0.002 * np.minimum(kilometres, 5.0) + 0.006 * patches(FIELD_WARMING, 9.0, 7.0),
        wetting=0.0015 * patches(FIELD_WETTING, 12.0, 9.0) + 0.003 * (aridity - 0.3),
        greening=0.003 + 0.002 * patches(FIELD_GREENING, 6.0, 5.0),
        stilling=-0.006 + 0.002 * patches(FIELD_STILLING, 9.0, 7.0),
    )


def season(day_of_year: Floats) -> Floats:
    """-1 at the coldest of the year (18 January) and 1 at the warmest."""
    return -np.cos(2.0 * np.pi * (np.asarray(day_of_year, dtype=float) - 18.0) / 365.25)


def mean_course(climate: Climate, day_of_year: float) -> tuple[Floats, Floats]:
    """Mean air temperature (degC) and precipitation (mm d-1) of a day of the year (1..366)."""
    temperature = climate.mean_temperature + climate.temperature_amplitude * season(np.asarray(day_of_year))
    pulse = 1.0 + climate.monsoon * np.cos(2.0 * np.pi * (day_of_year - climate.rain_peak) / 365.25)
    return temperature, climate.annual_precipitation / 365.25 * pulse**2 / (1.0 + 0.5 * climate.monsoon**2)
