"""Plants and soils of the synthetic nation, from its climate and relief.

Every plant type has a liking for warmth, rain and height; the shares of a cell are the exponentials of the likings,
normalised, without those below 3 %. Soil classes follow the dryness and patches. Leaf area lies between the minimum and the
maximum that the model's parameters give for the type, less in dry places.
"""

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.nation.climate import Climate
from terraflux.drivers.nation.noise import still_field
from terraflux.model.parameters import parameter_entries

Floats = NDArray[np.float64]
FIELD_FOREST, FIELD_CROP, FIELD_SOIL = 31, 32, 33
PLANT_TYPES = ("ENF", "EBF", "DNF", "DBF", "MF", "OSH", "GRA", "GRA_alpine", "CRO", "BSV")
SMALLEST_SHARE = 0.03
# From coarse to fine; the class of a cell is where its dryness and its patch put it.
SOIL_ORDER = ("sand", "loamy_sand", "sandy_loam", "loam", "silt_loam", "clay_loam", "silty_clay_loam", "clay")
DRY_LEAVES = 0.6


def plant_shares(longitude: Floats, latitude: Floats, elevation: Floats, roughness: Floats, climate: Climate, seed: int
                 ) -> Floats:
    """Shares [plant type, cell] of the land of every cell, in the order of PLANT_TYPES; they sum to 1."""
    mean, swing = climate.mean_temperature, climate.temperature_amplitude
    warmest = mean + swing
    dry, kilometres = climate.aridity, elevation / 1000.0
    wet = 1.0 - dry
    steep = np.minimum(roughness / 200.0, 1.5)
    woods = 0.8 * still_field(longitude, latitude, 2.5, 2.0, FIELD_FOREST, seed)
    farms = 0.8 * still_field(longitude, latitude, 3.0, 2.0, FIELD_CROP, seed)

    def near(value: Floats, best: float, width: float) -> Floats:
        return -(((value - best) / width) ** 2)
    forest = 4.0 * wet - 3.0 + woods + 1.2 * steep - 3.0 * np.maximum(10.0 - warmest, 0.0) / 5.0
    liking = np.stack([
        forest + near(mean, 9.0, 9.0) + 0.3,
        forest + near(mean, 21.0, 6.0) + 0.6,
        forest + near(mean, -5.0, 4.0) + 0.5,
        forest + near(mean, 7.0, 7.0) + 0.6,
        forest + near(mean, 11.0, 8.0) + 0.1,
        near(dry, 0.65, 0.3) + 0.2 - 0.4 * kilometres,
        near(dry, 0.55, 0.3) + 0.9 - 0.3 * kilometres + near(mean, 6.0, 14.0),
        near(dry, 0.45, 0.45) + 1.2 * np.minimum(kilometres, 4.0) - 3.2,
        1.2 + farms + near(warmest, 26.0, 7.0) + near(dry, 0.2, 0.4) - 1.6 * steep - 0.9 * kilometres,
        8.0 * (dry - 0.72) + 1.0 * np.maximum(kilometres - 4.6, 0.0),
    ])
    share = np.exp(1.8 * (liking - liking.max(axis=0)))
    share /= share.sum(axis=0)
    share = np.where(share < SMALLEST_SHARE, 0.0, share)
    return share / share.sum(axis=0)


def soil_classes_of(longitude: Floats, latitude: Floats, climate: Climate, seed: int) -> NDArray[np.int64]:
    """Place in SOIL_ORDER of every cell's soil: coarse where it is dry."""
    patch = still_field(longitude, latitude, 1.8, 1.4, FIELD_SOIL, seed)
    place = 5.6 - 5.0 * climate.aridity + 1.3 * patch
    return np.clip(np.round(place), 0, len(SOIL_ORDER) - 1).astype(np.int64)


def leaf_limits(plants: tuple[str, ...], climate: Climate) -> tuple[Floats, Floats]:
    """Leaf area index (m2 m-2) in the dormant season and what the growing season adds to it, [plant type, cell]."""
    entries = parameter_entries()
    lowest = np.array([entries["minimum_leaf_area_index"].values[plant] for plant in plants], dtype=float)[:, None]
    highest = np.array([entries["maximum_leaf_area_index"].values[plant] for plant in plants], dtype=float)[:, None]
    moist = 1.0 - DRY_LEAVES * climate.aridity
    return lowest * moist, (highest - lowest) * moist
