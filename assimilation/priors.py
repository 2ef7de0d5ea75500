"""What is believed of a parameter before observations: densities on theta, their derivatives, quantiles and draws.

    uniform(low, high)                    flat
    normal(mean, sd), truncnormal         cut off at `low` and `high` where these are finite
    lognormal(median, gsd)                gsd is the geometric standard deviation; a negative median gives negative values
    halfnormal(sd)                        the positive half of normal(0, sd)
    beta(a, b)                            between `low` and `high`, 0 and 1 by default

Each prior names the transform in which it is sampled: none for ranges without ends, exponential for one end, logistic
for two (log-logistic for a lognormal cut off at both). Densities on u always hold ln |dtheta/du|.

Derivatives are analytic. The normal family in its three coordinates is one piece of code: theta itself or ln |theta|.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, betaincinv, betaln, log_ndtr, ndtr, ndtri, ndtri_exp, xlog1py, xlogy

from terraflux.assimilation.transforms import Exponential, Identity, Logistic, LogLogistic, Transform

Floats = NDArray[np.float64]
HALF_LOG_TWO_PI = 0.5 * np.log(2.0 * np.pi)


class PriorError(ValueError):
    """A prior that cannot be one: unknown name, ends out of order, a spread that is not positive."""


class Prior(ABC):
    """A density on one parameter. `name` is its short name, `low` and `high` the ends of its support."""

    name: str
    low: float
    high: float

    @property
    @abstractmethod
    def transform(self) -> Transform:
        """The way from the unconstrained u to theta."""

    @abstractmethod
    def log_density(self, theta: ArrayLike) -> Floats:
        """ln p(theta), same shape; -inf outside the support."""

    @abstractmethod
    def slopes(self, theta: ArrayLike) -> tuple[Floats, Floats]:
        """First and second derivative of ln p in theta inside the support, same shape."""

    @abstractmethod
    def cumulative(self, theta: ArrayLike) -> Floats:
        """Probability below theta."""

    @abstractmethod
    def quantile(self, probability: ArrayLike) -> Floats:
        """theta below which the probability lies."""

    @abstractmethod
    def tail(self, theta: float) -> float:
        """Probability beyond theta on its nearer side, before any cut: how far out a value lies."""

    @abstractmethod
    def cut(self, low: float, high: float) -> "Prior":
        """The same belief within the bounds of a parameter.

        Normal and lognormal are cut off there; uniform and beta, whose ends were chosen, must not reach beyond
        (PriorError), and something of the prior must be left (PriorError).
        """

    @abstractmethod
    def as_table(self) -> dict[str, Any]:
        """The TOML table from which `prior_from` makes an equal prior."""

    def draw(self, generator: np.random.Generator, count: int) -> Floats:
        """Independent draws of theta; shape (count,)."""
        return self.quantile(generator.random(count))

    def holds(self, theta: float) -> bool:
        """Whether theta lies in the support, ends included."""
        return bool(self.low <= theta <= self.high)

    def log_density_control(self, control: ArrayLike) -> Floats:
        """ln p(theta(u)) + ln |dtheta/du|, same shape as u."""
        jet = self.transform.jet(control)
        return np.asarray(self.log_density(jet.theta) + jet.log_jacobian)

    def slopes_control(self, control: ArrayLike) -> tuple[Floats, Floats]:
        """First and second derivative in u of `log_density_control`."""
        jet = self.transform.jet(control)
        first, second = self.slopes(jet.theta)
        return (np.asarray(first * jet.first + jet.log_jacobian_first),
                np.asarray(second * jet.first**2 + first * jet.second + jet.log_jacobian_second))


@dataclass(frozen=True)
class Uniform(Prior):
    """Flat between `low` and `high`."""

    low: float
    high: float
    name: str = field(default="uniform", init=False)

    def __post_init__(self) -> None:
        _ends("uniform", self.low, self.high)
        if not np.isfinite([self.low, self.high]).all():
            raise PriorError(f"uniform needs finite ends, not {self.low} and {self.high}")

    @property
    def transform(self) -> Transform:
        """Logistic."""
        return Logistic(self.low, self.high)

    def log_density(self, theta: ArrayLike) -> Floats:
        """ln p(theta)."""
        return _inside(theta, self.low, self.high, np.full(np.shape(theta), -np.log(self.high - self.low)))

    def slopes(self, theta: ArrayLike) -> tuple[Floats, Floats]:
        """Zero."""
        return np.zeros(np.shape(theta)), np.zeros(np.shape(theta))

    def cumulative(self, theta: ArrayLike) -> Floats:
        """Probability below theta."""
        return np.clip((np.asarray(theta, np.float64) - self.low) / (self.high - self.low), 0.0, 1.0)

    def quantile(self, probability: ArrayLike) -> Floats:
        """theta below which the probability lies."""
        return np.asarray(self.low + (self.high - self.low) * np.asarray(probability, np.float64))

    def tail(self, theta: float) -> float:
        """One inside the ends, nothing beyond: a flat prior has no far values."""
        return 1.0 if self.holds(theta) else 0.0

    def cut(self, low: float, high: float) -> Prior:
        """Itself; PriorError where the ends would cut into it."""
        return _whole(self, low, high)

    def as_table(self) -> dict[str, Any]:
        """Table of TOML."""
        return {"distribution": "uniform", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Normal(Prior):
    """Normal in theta, or in ln |theta| where `logarithmic`, cut off at `low` and `high` (theta).

    `centre` is the mean (or the median of theta, whose sign all values share), `spread` the standard deviation in that
    coordinate. Made by `normal`, `lognormal` and `halfnormal`.
    """

    centre: float
    spread: float
    low: float = -np.inf
    high: float = np.inf
    logarithmic: bool = False

    def __post_init__(self) -> None:
        if not (self.spread > 0.0 and np.isfinite(self.spread) and np.isfinite(self.centre)):
            raise PriorError(f"{self.name} needs a finite centre and a positive spread, not {self.centre} and {self.spread}")
        if self.logarithmic:
            if self.centre == 0.0:
                raise PriorError("lognormal needs a median other than 0")
            object.__setattr__(self, "low" if self.centre > 0.0 else "high",
                               max(self.low, 0.0) if self.centre > 0.0 else min(self.high, 0.0))
        _ends(self.name, self.low, self.high)
        if not self._log_mass > -700.0:
            raise PriorError(f"nothing of {self.name} lies between {self.low:g} and {self.high:g}: centre {self.centre:g}, "
                             f"spread {self.spread:g}")

    @property
    def name(self) -> str:  # type: ignore[override]
        """lognormal, halfnormal, truncnormal or normal."""
        if self.logarithmic:
            return "lognormal"
        if self.centre == 0.0 and (self.low, self.high) == (0.0, np.inf):
            return "halfnormal"
        return "truncnormal" if np.isfinite([self.low, self.high]).all() else "normal"

    @property
    def _sign(self) -> float:
        return -1.0 if self.logarithmic and self.centre < 0.0 else 1.0

    def _standard(self, theta: ArrayLike) -> Floats:
        """Distance from the centre in spreads, increasing in the coordinate (ln |theta| or theta)."""
        values = np.asarray(theta, np.float64)
        if not self.logarithmic:
            return np.asarray((values - self.centre) / self.spread)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(values / self.centre) / self.spread)

    @property
    def _cuts(self) -> tuple[float, float]:
        """Standardised ends, in order."""
        a, b = float(self._standard(self.low)), float(self._standard(self.high))
        return (a, b) if self._sign > 0.0 else (b, a)

    @property
    def _log_mass(self) -> float:
        a, b = self._cuts
        if a > 0.0:
            a, b = -b, -a
        upper, lower = float(log_ndtr(b)), float(log_ndtr(a))
        return upper + float(np.log1p(-np.exp(lower - upper))) if lower < upper else -np.inf

    @property
    def transform(self) -> Transform:
        """Identity, exponential, logistic or log-logistic, by the ends."""
        low, high = self.low, self.high
        if self.logarithmic and self._sign < 0.0:
            low, high = -high, -low
        if np.isfinite(low) and np.isfinite(high):
            if self.logarithmic and low > 0.0:
                return LogLogistic(low, high, self._sign)
            return Logistic(self.low, self.high)
        if np.isfinite(low):
            return Exponential(self._sign * low, self._sign)
        return Exponential(high, -1.0) if np.isfinite(high) else Identity()

    def log_density(self, theta: ArrayLike) -> Floats:
        """ln p(theta)."""
        z, values = self._standard(theta), np.asarray(theta, np.float64)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = np.log(self.spread) + (np.log(np.abs(values)) if self.logarithmic else 0.0)
            inner = -0.5 * z * z - HALF_LOG_TWO_PI - spread - self._log_mass
        if self.logarithmic:
            inner = np.where(values == 0.0, -np.inf, inner)
        return _inside(values, self.low, self.high, inner)

    def slopes(self, theta: ArrayLike) -> tuple[Floats, Floats]:
        """Derivatives of ln p."""
        z, values = self._standard(theta), np.asarray(theta, np.float64)
        if not self.logarithmic:
            return -z / self.spread, np.full(z.shape, -(self.spread**-2))
        with np.errstate(divide="ignore", invalid="ignore"):
            first = -(1.0 + z / self.spread) / values
            return first, -first / values - 1.0 / (self.spread * values) ** 2

    def cumulative(self, theta: ArrayLike) -> Floats:
        """Probability below theta."""
        values = np.clip(np.asarray(theta, np.float64), self.low, self.high)
        a, b = self._cuts
        z = self._standard(values)
        if a > 0.0:
            share = (ndtr(-a) - ndtr(-z)) / (ndtr(-a) - ndtr(-b))
        else:
            share = (ndtr(z) - ndtr(a)) / (ndtr(b) - ndtr(a))
        return np.asarray(share if self._sign > 0.0 else 1.0 - share)

    def quantile(self, probability: ArrayLike) -> Floats:
        """theta below which the probability lies."""
        p = np.asarray(probability, np.float64)
        share = p if self._sign > 0.0 else 1.0 - p
        a, b = self._cuts
        if a > 0.0:  # the upper tail is reflected to where its logarithm is accurate
            z = -_cut_quantile(-b, -a, 1.0 - share)
        else:
            z = _cut_quantile(a, b, share)
        values = self.centre * np.exp(self.spread * z) if self.logarithmic else self.centre + self.spread * z
        return np.asarray(np.clip(values, self.low, self.high))

    def tail(self, theta: float) -> float:
        """Probability of the uncut normal beyond theta, on its nearer side; for halfnormal beyond |theta|."""
        z = float(self._standard(theta))
        return float(ndtr(-abs(z))) if np.isfinite(z) else 0.0

    def cut(self, low: float, high: float) -> Prior:
        """The same normal within narrower ends."""
        return Normal(self.centre, self.spread, max(low, self.low), min(high, self.high), self.logarithmic)

    def as_table(self) -> dict[str, Any]:
        """Table of TOML."""
        ends = {key: value for key, value in (("low", self.low), ("high", self.high)) if np.isfinite(value)}
        if self.logarithmic:
            ends = {key: value for key, value in ends.items() if value != 0.0}
            return {"distribution": "lognormal", "median": self.centre, "spread": self.spread, **ends}
        if self.name == "halfnormal":
            return {"distribution": "halfnormal", "sd": self.spread}
        return {"distribution": self.name, "mean": self.centre, "sd": self.spread, **ends}


@dataclass(frozen=True)
class Beta(Prior):
    """Beta with shapes a and b between `low` and `high`."""

    a: float
    b: float
    low: float = 0.0
    high: float = 1.0
    name: str = field(default="beta", init=False)

    def __post_init__(self) -> None:
        if not (0.0 < self.a < np.inf and 0.0 < self.b < np.inf):
            raise PriorError(f"beta needs positive shapes, not {self.a} and {self.b}")
        _ends("beta", self.low, self.high)
        if not np.isfinite([self.low, self.high]).all():
            raise PriorError(f"beta needs finite ends, not {self.low} and {self.high}")

    @property
    def transform(self) -> Transform:
        """Logistic."""
        return Logistic(self.low, self.high)

    def _share(self, theta: ArrayLike) -> Floats:
        return (np.asarray(theta, np.float64) - self.low) / (self.high - self.low)

    def log_density(self, theta: ArrayLike) -> Floats:
        """ln p(theta)."""
        x = self._share(theta)
        with np.errstate(divide="ignore", invalid="ignore"):
            inner = (xlogy(self.a - 1.0, x) + xlog1py(self.b - 1.0, -x) - betaln(self.a, self.b)
                     - np.log(self.high - self.low))
        return _inside(theta, self.low, self.high, inner)

    def slopes(self, theta: ArrayLike) -> tuple[Floats, Floats]:
        """Derivatives of ln p."""
        x, width = self._share(theta), self.high - self.low
        with np.errstate(divide="ignore", invalid="ignore"):
            return (((self.a - 1.0) / x - (self.b - 1.0) / (1.0 - x)) / width,
                    (-(self.a - 1.0) / x**2 - (self.b - 1.0) / (1.0 - x) ** 2) / width**2)

    def cumulative(self, theta: ArrayLike) -> Floats:
        """Probability below theta."""
        return np.asarray(betainc(self.a, self.b, np.clip(self._share(theta), 0.0, 1.0)))

    def quantile(self, probability: ArrayLike) -> Floats:
        """theta below which the probability lies."""
        return np.asarray(self.low + (self.high - self.low) * betaincinv(self.a, self.b, probability))

    def tail(self, theta: float) -> float:
        """Probability beyond theta on its nearer side."""
        below = float(self.cumulative(theta))
        return min(below, 1.0 - below) if self.holds(theta) else 0.0

    def cut(self, low: float, high: float) -> Prior:
        """Itself; PriorError where the ends would cut into it."""
        return _whole(self, low, high)

    def as_table(self) -> dict[str, Any]:
        """Table of TOML."""
        return {"distribution": "beta", "a": self.a, "b": self.b, "low": self.low, "high": self.high}


def normal(mean: float, sd: float, low: float = -np.inf, high: float = np.inf) -> Normal:
    """Normal with mean and standard deviation in the parameter's unit, cut off where ends are given."""
    return Normal(float(mean), float(sd), float(low), float(high))


def lognormal(median: float, gsd: float | None = None, low: float = -np.inf, high: float = np.inf, *,
              spread: float | None = None) -> Normal:
    """Lognormal with its median and either its geometric standard deviation (above 1) or `spread`, that of the logarithm.

    A negative median gives negative values, whose magnitude is lognormal.
    """
    if (gsd is None) == (spread is None):
        raise PriorError("lognormal needs either gsd, the geometric standard deviation, or spread, that of the logarithm")
    if gsd is not None and not gsd > 1.0:
        raise PriorError(f"lognormal needs a geometric standard deviation above 1, not {gsd}")
    chosen = float(np.log(gsd)) if gsd is not None else float(spread or 0.0)
    return Normal(float(median), chosen, float(low), float(high), logarithmic=True)


def halfnormal(sd: float) -> Normal:
    """The positive half of a normal about 0."""
    return Normal(0.0, float(sd), 0.0)


def _whole(prior: Prior, low: float, high: float) -> Prior:
    """The prior, if its ends lie within others; PriorError if not."""
    if prior.low < low or prior.high > high:
        raise PriorError(f"{prior.name} between {prior.low:g} and {prior.high:g} reaches beyond {low:g}..{high:g}")
    return prior


def _ends(name: str, low: float, high: float) -> None:
    if not low < high:
        raise PriorError(f"{name}: low = {low:g} is not below high = {high:g}")


def _inside(theta: ArrayLike, low: float, high: float, inner: Floats) -> Floats:
    values = np.asarray(theta, np.float64)
    with np.errstate(invalid="ignore"):
        return np.where((values >= low) & (values <= high), inner, np.where(np.isnan(values), np.nan, -np.inf))


def _cut_quantile(a: float, b: float, share: Floats) -> Floats:
    """Standard normal between a and b, a <= 0: value below which the share lies."""
    if a > -8.0:
        return np.asarray(ndtri(ndtr(a) + share * (ndtr(b) - ndtr(a))))
    with np.errstate(divide="ignore"):  # far below: by logarithms, so that b may lie deep in the tail as well
        return np.asarray(ndtri_exp(np.logaddexp(np.log1p(-share) + log_ndtr(a), np.log(share) + log_ndtr(b))))
