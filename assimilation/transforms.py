"""From the unconstrained control u to physical values theta, with derivatives and the Jacobian that densities need.

Samplers and minimisers move in u; each transform keeps theta inside its range whatever u is:

    identity      theta = u
    exponential   theta = origin + sign exp(u)                                   one-sided ranges
    logistic      theta = low + (high - low) s(u),  s = 1/(1 + exp(-u))          ranges with two ends
    log_logistic  |theta| = exp(ln low + (ln high - ln low) s(u))                positive rates with two ends
    above         theta = other + exp(u), or logistic between other and high     joint constraints by order

A density p on theta is p(theta) |dtheta/du| on u (change of variables): the logarithm of the derivative always goes
with it. `Jet` carries value, derivatives and that logarithm, so that gradients and Hessians in u are exact.
"""

from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

Floats = NDArray[np.float64]

LOGISTIC_GUARD = 18.0
"""Beyond this |u| a logistic is held: 1.5e-8 of the range from its end, where rounding begins to reach the end itself."""
EXPONENTIAL_GUARD = 200.0


class Jet(NamedTuple):
    """A transform at u: `theta`, its first two derivatives in u, ln |dtheta/du| and its first two derivatives; (R,) each."""

    theta: Floats
    first: Floats
    second: Floats
    log_jacobian: Floats
    log_jacobian_first: Floats
    log_jacobian_second: Floats


class Transform(Protocol):
    """One parameter's way from u to theta and back."""

    def physical(self, control: ArrayLike) -> Floats:
        """theta of u, same shape."""
        ...

    def control(self, theta: ArrayLike) -> Floats:
        """u of theta, same shape; held inside the guard where theta is at an end of its range, NaN beyond it."""
        ...

    def jet(self, control: ArrayLike) -> Jet:
        """Value, derivatives and Jacobian at u."""
        ...


@dataclass(frozen=True)
class Identity:
    """theta = u, for ranges without ends."""

    def physical(self, control: ArrayLike) -> Floats:
        """theta of u."""
        return np.asarray(control, np.float64)

    def control(self, theta: ArrayLike) -> Floats:
        """u of theta."""
        return np.asarray(theta, np.float64)

    def jet(self, control: ArrayLike) -> Jet:
        """Value, derivatives and Jacobian at u."""
        u = np.asarray(control, np.float64)
        none = np.zeros_like(u)
        return Jet(u, np.ones_like(u), none, none, none, none)


@dataclass(frozen=True)
class Exponential:
    """theta = origin + sign exp(u): values above `origin` (sign 1) or below it (sign -1)."""

    origin: float = 0.0
    sign: float = 1.0

    def physical(self, control: ArrayLike) -> Floats:
        """theta of u."""
        return self.jet(control).theta

    def control(self, theta: ArrayLike) -> Floats:
        """u of theta."""
        distance = self.sign * (np.asarray(theta, np.float64) - self.origin)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.clip(np.log(distance), -EXPONENTIAL_GUARD, EXPONENTIAL_GUARD))

    def jet(self, control: ArrayLike) -> Jet:
        """Value, derivatives and Jacobian at u."""
        u = np.asarray(control, np.float64)
        size = self.sign * np.exp(np.clip(u, -EXPONENTIAL_GUARD, EXPONENTIAL_GUARD))
        return Jet(self.origin + size, size, size, u, np.ones_like(u), np.zeros_like(u))


@dataclass(frozen=True)
class Logistic:
    """theta = low + (high - low) s(u): values between two ends. Raises ValueError unless low < high, both finite."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"a logistic transform needs two finite ends in order, not {self.low} and {self.high}")

    def physical(self, control: ArrayLike) -> Floats:
        """theta of u."""
        return self.jet(control).theta

    def control(self, theta: ArrayLike) -> Floats:
        """u of theta."""
        return logit((np.asarray(theta, np.float64) - self.low), (self.high - np.asarray(theta, np.float64)))

    def jet(self, control: ArrayLike) -> Jet:
        """Value, derivatives and Jacobian at u."""
        u = np.asarray(control, np.float64)
        share, rest, slope, bend = logistic_parts(u)
        width = self.high - self.low
        theta = np.where(share <= 0.5, self.low + width * share, self.high - width * rest)
        return Jet(theta, width * slope, width * bend, np.log(width) + log_logistic_slope(u), rest - share, -2.0 * share * rest)


@dataclass(frozen=True)
class LogLogistic:
    """ln |theta| logistic between ln low and ln high: rates known to a factor, with two ends.

    `low` and `high` are ends of the magnitude, `sign` that of theta. Raises ValueError unless 0 < low < high, finite.
    """

    low: float
    high: float
    sign: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.high) and 0.0 < self.low < self.high):
            raise ValueError(f"a log-logistic transform needs two positive ends in order, not {self.low} and {self.high}")

    def physical(self, control: ArrayLike) -> Floats:
        """theta of u."""
        return self.jet(control).theta

    def control(self, theta: ArrayLike) -> Floats:
        """u of theta."""
        with np.errstate(divide="ignore", invalid="ignore"):
            logarithm = np.log(self.sign * np.asarray(theta, np.float64))
        return logit(logarithm - np.log(self.low), np.log(self.high) - logarithm)

    def jet(self, control: ArrayLike) -> Jet:
        """Value, derivatives and Jacobian at u."""
        inner = Logistic(float(np.log(self.low)), float(np.log(self.high))).jet(control)
        theta = self.sign * np.exp(inner.theta)
        return Jet(theta, theta * inner.first, theta * (inner.second + inner.first**2), inner.theta + inner.log_jacobian,
                   inner.first + inner.log_jacobian_first, inner.second + inner.log_jacobian_second)


class OrderedJet(NamedTuple):
    """theta = f(a, u) above another value a, and ln df/du, with first and second derivatives; (R,) each.

    `by_other`, `by_control` are first derivatives of theta, `by_other_twice`, `mixed`, `by_control_twice` second ones;
    those of the logarithm of the Jacobian have the same names after `log_jacobian_`.
    """

    theta: Floats
    by_other: Floats
    by_control: Floats
    by_other_twice: Floats
    mixed: Floats
    by_control_twice: Floats
    log_jacobian: Floats
    log_jacobian_by_other: Floats
    log_jacobian_by_control: Floats
    log_jacobian_by_other_twice: Floats
    log_jacobian_mixed: Floats
    log_jacobian_by_control_twice: Floats


@dataclass(frozen=True)
class Above:
    """theta above another parameter: other + exp(u), or logistic between other and `high` where that is finite.

    `low` is the least value of its own: where `other` is below it, theta starts from `low`.
    """

    low: float = -np.inf
    high: float = np.inf

    def control(self, theta: ArrayLike, other: ArrayLike) -> Floats:
        """u of theta, given the other value; NaN where theta is not above it."""
        value, start = np.asarray(theta, np.float64), np.maximum(np.asarray(other, np.float64), self.low)
        if np.isfinite(self.high):
            return logit(value - start, self.high - value)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.clip(np.log(value - start), -EXPONENTIAL_GUARD, EXPONENTIAL_GUARD))

    def jet(self, other: ArrayLike, control: ArrayLike) -> OrderedJet:
        """Value, derivatives and Jacobian; NaN where the other value leaves no room below `high`."""
        u, a = np.asarray(control, np.float64), np.asarray(other, np.float64)
        follows = (a >= self.low).astype(np.float64)
        start = np.maximum(a, self.low)
        none = np.zeros_like(u)
        if not np.isfinite(self.high):
            size = np.exp(np.clip(u, -EXPONENTIAL_GUARD, EXPONENTIAL_GUARD))
            return OrderedJet(start + size, follows, size, none, none, size, u, none, np.ones_like(u), none, none, none)
        share, rest, slope, bend = logistic_parts(u)
        with np.errstate(invalid="ignore", divide="ignore"):
            width = np.where(self.high > start, self.high - start, np.nan)
            theta = np.where(share <= 0.5, start + width * share, self.high - width * rest)
            return OrderedJet(
                theta, follows * rest, width * slope, none, -follows * slope, width * bend,
                np.log(width) + log_logistic_slope(u), -follows / width, rest - share, -follows / width**2, none,
                -2.0 * share * rest)


def logit(below: ArrayLike, above: ArrayLike) -> Floats:
    """ln(below/above), distances from the two ends of a range: held inside the guard at an end, NaN beyond it."""
    low, high = np.asarray(below, np.float64), np.asarray(above, np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = np.where((low >= 0.0) & (high >= 0.0), np.log(low) - np.log(high), np.nan)
    return np.asarray(np.clip(u, -LOGISTIC_GUARD, LOGISTIC_GUARD))


def logistic_parts(control: ArrayLike) -> tuple[Floats, Floats, Floats, Floats]:
    """s(u), 1 - s(u) and the first two derivatives of s, held (derivatives 0) beyond the guard."""
    u = np.asarray(control, np.float64)
    held = np.clip(u, -LOGISTIC_GUARD, LOGISTIC_GUARD)
    share, rest = expit(held), expit(-held)
    slope = np.where(np.abs(u) > LOGISTIC_GUARD, 0.0, share * rest)
    return share, rest, slope, slope * (rest - share)


def log_logistic_slope(control: ArrayLike) -> Floats:
    """ln s(u)(1 - s(u)); it goes on falling beyond the guard, so that densities keep their tails."""
    size = np.abs(np.asarray(control, np.float64))
    return np.asarray(-size - 2.0 * np.log1p(np.exp(-size)))
