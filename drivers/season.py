"""A season that is known, as a calibration found it: its terms, their weights, and how a run carries them.

    season = Season(SeasonalBasis("spline"), {"": (0.3, -0.1, 0.0, 0.05, 0.0)})
    season.factor(times)                        # what multiplies capacity, or light-use efficiency, at each time
    dataset = simulate(tower, season=season)

The weights are parameters of the column, the terms rows of its forcing (`model/seasonal_capacity.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.seasonal_terms import SeasonalBasis, SeasonError
from terraflux.model.options import Options
from terraflux.model.parameter_set import ParameterSet

Floats = NDArray[np.float64]

WEIGHT, TERMS = "seasonal_weight", "seasonal_basis"


@dataclass(frozen=True)
class Season:
    """`weights` {plant type, or "" for those not named: one number per term of `basis`}; plant types without have no season.

    Raises SeasonError for weights that are too many, too few or not finite.
    """

    basis: SeasonalBasis
    weights: Mapping[str, tuple[float, ...]]

    def __post_init__(self) -> None:
        if not self.weights:
            raise SeasonError("a season without weights; give {\"\": weights} or weights by plant type")
        for plant, given in self.weights.items():
            if len(given) != self.basis.size or not np.isfinite(given).all():
                raise SeasonError(f"the season by {self.basis.form} has {self.basis.size} terms; its weights"
                                  f"{' of ' + plant if plant else ''} are {', '.join(map(str, given)) or 'none'}")

    def weights_of(self, plant_type: str) -> Floats:
        """Weights (K,) of a plant type."""
        return np.array(self.weights.get(plant_type, self.weights.get("", (0.0,) * self.basis.size)))

    def factor(self, times: ArrayLike, temperature: ArrayLike | None = None, plant_type: str = "") -> Floats:
        """What multiplies the parameter at `times` (T,); `temperature` (T,) (degC) is needed by acclimation alone."""
        return np.asarray(np.exp(self.basis.terms(times, temperature) @ self.weights_of(plant_type)))

    def options(self, options: Options) -> Options:
        """The processes, with the season."""
        return replace(options, seasonality="basis", seasonal_terms=self.basis.size)

    def parameters(self, parameters: ParameterSet, plant_type: str) -> ParameterSet:
        """The parameters of a plant type, with its weights."""
        return parameters.replace(**{WEIGHT: self.weights_of(plant_type)})

    def forcing(self, forcing: xr.Dataset) -> xr.Dataset:
        """The forcing of a tower, with the terms at its times. Raises SeasonError."""
        return with_terms(forcing, self.basis.terms(forcing["time"].values, forcing["air_temperature"].values))


def with_terms(forcing: xr.Dataset, terms: ArrayLike) -> xr.Dataset:
    """Forcing with the terms (T, K) of a season, from which `forcing_array` takes them."""
    about = {"units": "1", "long_name": "terms of the season of photosynthetic capacity"}
    return forcing.assign({TERMS: (("time", "season"), np.asarray(terms, np.float64), about)})
