"""Plants and soils of the synthetic nation, from its climate and relief.

Forest, shrubs, grass, alpine grass, crops and bare ground each have a liking for dryness, warmth and height; their shares of
a cell are the exponentials of the likings, normalised. Trees share a forest by their likings for warmth. Shares below 3 % are
left out. People are in the likings: crops take warm and moist lowlands, so that forest keeps part of the moist land only;
where it is dry or very high the ground is bare. The likings were chosen so that shares of the nation lie where published ones
of China lie (docs/region/synthetic-nation.md has the sources, beside published figures). Soil classes follow the dryness and
patches. Leaf area stays below the maximum that the model's parameters give for the type: stands are young and open, and less
leafy where dry.
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
DRY_LEAVES, OPEN_STANDS = 0.6, 0.8  # leaves lost in deserts, and kept by young and open stands
SHARPNESS = 1.8  # of the choice between likings
TREE_LINE = 10.0  # degC of the warmest days, below which trees give way


def plant_shares(longitude: Floats, latitude: Floats, elevation: Floats, climate: Climate, seed: int) -> Floats:
    """Shares [plant type, cell] of the land of every cell, in the order of PLANT_TYPES; they sum to 1."""
    mean, dry, kilometres = climate.mean_temperature, climate.aridity, elevation / 1000.0
    warmest = mean + climate.temperature_amplitude
    woods = 0.8 * still_field(longitude, latitude, 2.5, 2.0, FIELD_FOREST, seed)
    farms = 0.8 * still_field(longitude, latitude, 3.0, 2.0, FIELD_CROP, seed)
    trees = _shares([_near(mean, 9.0, 9.0) + 0.3, _near(mean, 21.0, 6.0) + 0.6, _near(mean, -4.0, 5.0) + 0.5,
                     _near(mean, 7.0, 7.0) + 0.6, _near(mean, 11.0, 8.0) + 0.1])
    wood, shrub, grass, alpine, crop, bare = _shares([
        woods + 1.8 - 4.0 * dry - np.maximum(TREE_LINE - warmest, 0.0) / 1.5,
        _near(dry, 0.55, 0.4) + 0.3 - 0.2 * kilometres,
        _near(dry, 0.45, 0.35) + 1.0 - 0.2 * kilometres,
        _near(dry, 0.45, 0.45) + 1.2 * np.minimum(kilometres, 4.0) - 2.9,
        farms + 0.5 + _near(warmest, 26.0, 8.0) + _near(dry, 0.25, 0.4) - 0.2 * kilometres,
        3.0 * (dry - 0.45) + 1.8 * np.maximum(kilometres - 4.2, 0.0),
    ])
    share = np.concatenate([wood * trees, np.stack([shrub, grass, alpine, crop, bare])])
    share = np.where(share < SMALLEST_SHARE, 0.0, share)
    return share / share.sum(axis=0)


def _near(value: Floats, best: float, width: float) -> Floats:
    return -(((value - best) / width) ** 2)


def _shares(likings: list[Floats]) -> Floats:
    """Exponentials of likings [one, cell] that sum to 1."""
    liking = np.stack(likings)
    share = np.exp(SHARPNESS * (liking - liking.max(axis=0)))
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
    grown = OPEN_STANDS * (1.0 - DRY_LEAVES * climate.aridity)
    return lowest * grown, (highest - lowest) * grown
