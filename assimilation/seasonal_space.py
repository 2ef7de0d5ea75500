"""Seasonal weights as controls: a parameter space with the weights of a season, and how smooth it may be.

The prior of the weights is normal with one standard deviation, the smoothing width, whose own prior is half-Cauchy of
scale 0.3 (Gelman 2006, Bayesian Anal. 1, 515). Two ways to treat it:

- a number: the weights are controls themselves. `best_width` gives the number that the data ask for: the maximum of its
  marginal density, from a normal posterior of the weights.
- None: it is a control, `seasonal_width`, and the others are weights in units of it, which samplers explore best.

The seasonal controls come last, after the noise of the streams.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.parameter_rows import NoiseRow, ParameterRow, ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.priors import Prior, PriorError, normal
from terraflux.assimilation.transforms import Exponential, Transform
from terraflux.drivers.season import WEIGHT
from terraflux.drivers.seasonal_terms import FORMS
from terraflux.model.options import Options
from terraflux.model.parameter_set import ParameterSet

Floats = NDArray[np.float64]

WIDTH = "seasonal_width"
WIDTH_SCALE = 0.3
"""Scale of the half-Cauchy prior of the smoothing width."""
FIRST_WIDTH = 0.3
SMALLEST_WIDTH, LARGEST_WIDTH = 1e-3, 1.0
"""Range in which the width is sought; with the largest, first harmonics of half a unit of the logarithm are usual."""
ACTS_ON = {"farquhar": ("carboxylation_capacity",),
           "light_use_efficiency": ("light_use_efficiency_sunlit", "light_use_efficiency_shaded")}
"""Parameters that a season multiplies, by the scheme of photosynthesis; always all of them."""


@dataclass(frozen=True)
class HalfCauchy(Prior):
    """Half-Cauchy of a scale: most probable at 0, with a heavy tail."""

    scale: float
    low: float = field(default=0.0, init=False)
    high: float = field(default=np.inf, init=False)
    name: str = field(default="halfcauchy", init=False)

    def __post_init__(self) -> None:
        if not 0.0 < self.scale < np.inf:
            raise PriorError(f"halfcauchy needs a positive scale, not {self.scale}")

    @property
    def transform(self) -> Transform:
        """Exponential."""
        return Exponential()

    def log_density(self, theta: ArrayLike) -> Floats:
        """ln p(theta)."""
        values = np.asarray(theta, np.float64)
        inner = np.log(2.0 / (np.pi * self.scale)) - np.log1p((values / self.scale) ** 2)
        return np.where(values >= 0.0, inner, -np.inf)

    def slopes(self, theta: ArrayLike) -> tuple[Floats, Floats]:
        """Derivatives of ln p."""
        values = np.asarray(theta, np.float64)
        square = self.scale**2 + values**2
        return -2.0 * values / square, -2.0 * (self.scale**2 - values**2) / square**2

    def cumulative(self, theta: ArrayLike) -> Floats:
        """Probability below theta."""
        return np.asarray(2.0 / np.pi * np.arctan(np.maximum(np.asarray(theta, np.float64), 0.0) / self.scale))

    def quantile(self, probability: ArrayLike) -> Floats:
        """theta below which the probability lies."""
        return np.asarray(self.scale * np.tan(0.5 * np.pi * np.asarray(probability, np.float64)))

    def tail(self, theta: float) -> float:
        """Probability beyond theta."""
        return float(1.0 - self.cumulative(theta)) if theta >= 0.0 else 0.0

    def cut(self, low: float, high: float) -> Prior:
        """Itself; PriorError for ends that would cut into it."""
        if low > 0.0 or high < np.inf:
            raise PriorError(f"halfcauchy is not cut off; its range is 0 to infinity, not {low:g}..{high:g}")
        return self

    def as_table(self) -> dict[str, Any]:
        """Its numbers."""
        return {"distribution": self.name, "scale": self.scale}


def season_of(rows: Sequence[ParameterRow], options: Options) -> str:
    """The form of season that the rows of a problem ask for, "constant" for none.

    One season multiplies carboxylation capacity, or both light-use efficiencies, so all seasonal rows must name the same
    form and parameters of the scheme of photosynthesis in use; ProblemError says what does not fit.
    """
    seasonal = [row for row in rows if row.seasonal != "constant"]
    if not seasonal:
        return "constant"
    known = ACTS_ON[options.photosynthesis]
    for row in seasonal:
        if row.name not in known:
            raise ProblemError(f"parameter {row.key} cannot be seasonal with photosynthesis = {options.photosynthesis!r}; "
                               f"there a season multiplies {' and '.join(known)}")
    forms = sorted({row.seasonal for row in seasonal})
    if len(forms) > 1:
        raise ProblemError(f"the parameters ask for several seasons, {' and '.join(forms)}; one season multiplies them all: "
                           "name one form")
    return forms[0]


class SeasonalSpace(ParameterSpace):
    """A parameter space with the weights of a season of one form; see the head of this file.

    `rows`, `base` and `noise` are those of `ParameterSpace`. Plant types whose rows are not seasonal have no season;
    a seasonal row for every plant type gives one season to all. `terms` is the number of weights of each season.
    """

    def __init__(self, rows: Sequence[ParameterRow], base: Any, noise: Sequence[NoiseRow] = (), *, form: str,
                 width: float | None = FIRST_WIDTH) -> None:
        super().__init__(rows, base, noise)
        self.form, self.terms = form, FORMS[form]
        self.plants = tuple(dict.fromkeys(row.plant_type for row in rows if row.seasonal != "constant"))
        if not self.plants:
            raise ProblemError("no parameter is seasonal; give one seasonal = \"" + form + "\"")
        self._plain, self._plain_keys = len(self.names), len(self.keys)
        self.weight_names = tuple(f"{WEIGHT}_{term + 1}" + (f"@{plant}" if plant else "")
                                  for plant in self.plants for term in range(self.terms))
        self._plain_priors, self._plain_default = self.priors, self.default
        self.names = self.names + self.weight_names + ((WIDTH,) if width is None else ())
        self.keys = self.keys + self.weight_names
        self.width = width

    @property
    def width(self) -> float | None:
        """Smoothing width, None where it is a control; may be set to another number."""
        return self._width

    @width.setter
    def width(self, given: float | None) -> None:
        """Sets the width, and with it the priors of the weights; ProblemError where it is a control or not above 0."""
        if (given is None) != (WIDTH in self.names):
            raise ProblemError("whether the smoothing width is sampled cannot change; make another space")
        if given is not None and not 0.0 < given < np.inf:
            raise ProblemError(f"the smoothing width is {given}; it must be above 0")
        self._width = given
        one = normal(0.0, 1.0 if given is None else given)
        self.priors = (*self._plain_priors, *(one,) * len(self.weight_names),
                       *((HalfCauchy(WIDTH_SCALE),) if given is None else ()))
        self.default = np.concatenate([self._plain_default, np.zeros(len(self.weight_names)),
                                       [FIRST_WIDTH] if given is None else []])

    @property
    def season_columns(self) -> NDArray[np.int64]:
        """Places of the weights in the control vector."""
        return self._plain + np.arange(len(self.weight_names))

    def weights(self, control: ArrayLike) -> Floats:
        """Weights (R, seasons, terms) of control vectors (R, p)."""
        u = self._checked(control)
        columns = self.season_columns
        made = np.stack([self.priors[column].transform.physical(u[column]) for column in columns])
        if self._width is None:
            made = made * self.priors[-1].transform.physical(u[-1])
        return np.ascontiguousarray(made.T).reshape(u.shape[1], len(self.plants), self.terms)

    def expand(self, control: ArrayLike) -> Floats:
        """Values of all rows, then the weights; shape (R, rows + weights)."""
        found = self.weights(control)
        return np.concatenate([super().expand(control), found.reshape(found.shape[0], -1)], axis=1)

    def columns_of(self, plant_type: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """As of `ParameterSpace`, with the names and columns of the weights that serve the plant type."""
        names, columns = super().columns_of(plant_type)
        plain = columns < self._plain_keys
        assert plain.all()
        season = [number for number, plant in enumerate(self.plants) if plant in ("", plant_type)]
        if not season:
            return names, columns
        own = self._plain_keys + season[0] * self.terms + np.arange(self.terms)
        return (*names, *(f"{WEIGHT}_{term + 1}" for term in range(self.terms))), np.concatenate([columns, own])

    def parameter_set(self, control: ArrayLike, plant_type: str | None = None) -> ParameterSet:
        """The site's parameter set with the values of one control vector (p,) and its seasonal weights in place."""
        if plant_type is None and len(self.bases) > 1:
            raise ProblemError(f"the site has the plant types {', '.join(self.bases)}; say which")
        plant = plant_type or next(iter(self.bases))
        names, columns = self.columns_of(plant)
        values = dict(zip(names, map(float, self.expand(control)[0, columns]), strict=True))
        weights = [values.pop(name) for name in names if name.startswith(WEIGHT + "_")]
        return self.bases[plant].replace(**values, **({WEIGHT: weights} if weights else {}))


def best_width(mean: ArrayLike, covariance: ArrayLike, width: float, trials: int = 400) -> float:
    """Smoothing width that maximises the marginal posterior, from a normal posterior of weights found with `width`.

    mean (K,), covariance (K, K): of the weights. The prior is taken out of the posterior and put back with each trial
    width; half-Cauchy prior of the width included.
    """
    centre, spread = np.asarray(mean, np.float64), np.atleast_2d(np.asarray(covariance, np.float64))
    precision = np.linalg.inv(spread)
    pull = precision @ centre
    data = precision - np.eye(centre.size) / width**2
    values, vectors = np.linalg.eigh(0.5 * (data + data.T))
    values, turned = np.maximum(values, 0.0), vectors.T @ pull
    grid = np.geomspace(SMALLEST_WIDTH, LARGEST_WIDTH, trials)
    whole = values[:, np.newaxis] + 1.0 / grid**2
    marginal = (0.5 * (turned[:, np.newaxis] ** 2 / whole).sum(axis=0) - 0.5 * np.log(whole).sum(axis=0)
                - centre.size * np.log(grid) + HalfCauchy(WIDTH_SCALE).log_density(grid))
    return float(grid[int(np.argmax(marginal))])
