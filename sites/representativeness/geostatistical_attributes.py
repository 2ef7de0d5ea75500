"""Geostatistical attributes of a tower's surroundings after Roman et al. (2009, RSE 113:2476).

Two square windows around the tower, of side X (1 km: the model or satellite cell) and 1.5 X, each with a spherical variogram
of range a, partial sill c and nugget c0; g is the diameter of the footprint:

    R_CV = (CV_1.5X - CV_X) / CV_X        relative coefficient of variation, CV = standard deviation / mean
    R_SE = exp(-g / a_X)                  scale requirement
    R_ST = (ST_X - ST_1.5X) / ST_X        strength of spatial correlation, ST = c0 / c
    R_SV = (SV_X - SV_1.5X) / SV_X        structural variability, SV = c / (c0 + c)
    score = 1 / ((|R_CV| + |R_ST| + |R_SV|) / 3 + R_SE)

The smaller the magnitudes the more alike the two windows; a score above 2 was called representative. THE DEFINITIONS OF ST,
SV AND THE SCORE ARE RECALLED, NOT CHECKED IN THE PAPER: compare them with it before publishing numbers.
"""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.lag_bins import grid_bins
from terraflux.sites.representativeness.variogram import grid_variogram
from terraflux.sites.representativeness.variogram_models import VariogramModel, fit_variogram

CELL = 1000.0  # m
REPRESENTATIVE_ABOVE = 2.0
DEFINITIONS = "recalled: ST, SV and score of Roman et al. (2009) were not checked in the paper"


@dataclass(frozen=True)
class GeostatisticalAttributes:
    """R_CV, R_SE, R_ST, R_SV and the score (all without unit; NaN where undefined, with a `note`), with both fitted models."""

    relative_variation: float
    scale_requirement: float
    relative_strength: float
    relative_structure: float
    score: float
    inner: VariogramModel
    outer: VariogramModel
    note: str = ""
    definitions: str = DEFINITIONS


def geostatistical_attributes(raster: Raster, footprint_diameter: float, *, cell: float = CELL) -> GeostatisticalAttributes:
    """The attributes for a footprint of diameter g (m) and windows of side `cell` and 1.5 `cell` (m) around the tower.

    An attribute whose denominator is 0 counts as 0 where the numerator is 0 too (a fit without nugget in both windows), else it
    is NaN and the score is the mean of the others. RasterError where the raster does not reach the wider window.
    """
    if not footprint_diameter >= 0:
        raise RasterError(f"a footprint diameter of {footprint_diameter} m does not exist", variable="footprint_diameter",
                          unit="m", remedy="give, say, twice X80 of the climatology")
    if not raster.reaches(0.75 * cell):
        raise RasterError(f"the raster does not reach the window of {1.5 * cell:g} m side", file=raster.source,
                          variable=raster.name, remedy=f"read it with half_width={0.75 * cell:g} or more")
    windows = [raster.window(0.5 * cell), raster.window(0.75 * cell)]
    models = [fit_variogram(grid_variogram(one, grid_bins(one.cell_size, one.shape)), "spherical") for one in windows]
    variation = [_ratio(float(np.nanstd(one.values)), abs(float(np.nanmean(one.values)))) for one in windows]
    strength = [_ratio(model.nugget, model.partial_sill) for model in models]
    structure = [_ratio(model.partial_sill, model.sill) for model in models]
    cv = _relative(variation[1] - variation[0], variation[0])
    st = _relative(strength[0] - strength[1], strength[0])
    sv = _relative(structure[0] - structure[1], structure[0])
    scale = float(np.exp(-footprint_diameter / models[0].range))
    named = {"R_CV": cv, "R_ST": st, "R_SV": sv}
    defined = [abs(one) for one in named.values() if np.isfinite(one)]
    total = (float(np.mean(defined)) if defined else float("nan")) + scale
    notes = [f"{name} is undefined" for name, one in named.items() if not np.isfinite(one)]
    notes += [model.note for model in models if model.note]
    score = 1.0 / total if total > 0 else float("inf") if total == 0 else float("nan")
    return GeostatisticalAttributes(cv, scale, st, sv, score, models[0], models[1], "; ".join(dict.fromkeys(notes)))


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else (0.0 if numerator == 0 else float("nan"))


def _relative(difference: float, base: float) -> float:
    return _ratio(difference, base) if difference >= 0 or not base > 0 else -_ratio(-difference, base)
