"""The space in which parameters are estimated: from control vectors u to every parameter of the model, and its prior.

    space = ParameterSpace([ParameterRow("carboxylation_capacity"), ParameterRow("stomatal_slope_medlyn")], parameters("ENF"))
    u = space.draw(numpy.random.default_rng(1), 64)          # (64, 2) draws from the prior
    space.log_prior(u)                                       # (64,)
    space.parameters(u)["carboxylation_capacity"]            # (64,), umol m-2 s-1

The control vector holds the free parameters, in the order of their rows, then the sampled noise of the streams. Priors are
independent except for orders: a parameter `above` another has the joint density p(a) p(b) where b > a and none elsewhere.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.parameter_rows import (
    NoiseRow,
    ParameterRow,
    ProblemError,
    Resolved,
    checked_noise,
    evaluation_order,
    resolved_rows,
)
from terraflux.assimilation.priors import Prior
from terraflux.assimilation.transforms import Above, OrderedJet
from terraflux.drivers.errors import nearest
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.weave.streams import NOISE

__all__ = ["NoiseRow", "ParameterRow", "ParameterSpace", "ProblemError"]
Floats = NDArray[np.float64]
EDGE_PROBABILITY = 0.01
LEAST_ACCEPTANCE = 1e-3
MOMENT_DRAWS = 20000


class ParameterSpace:
    """Free, fixed and tied parameters of one site's columns, and the noise of its streams.

    `rows` are checked against the table and each other, `base` is the parameter set of the site, or one per plant type
    (by code): defaults come from there. Raises ProblemError saying which row is wrong and what to do.
    """

    def __init__(self, rows: Sequence[ParameterRow], base: ParameterSet | Mapping[str, ParameterSet],
                 noise: Sequence[NoiseRow] = ()) -> None:
        self.bases: Mapping[str, ParameterSet] = MappingProxyType({base.plant: base} if isinstance(base, ParameterSet)
                                                                  else dict(base))
        self.rows: tuple[Resolved, ...] = resolved_rows(rows, self.bases)
        self.noise_rows = checked_noise(noise)
        self.keys = tuple(one.row.key for one in self.rows)
        self._order = evaluation_order(self.keys, [one.follows for one in self.rows])
        self._free = [number for number, one in enumerate(self.rows) if one.prior is not None]
        sampled = [row for row in self.noise_rows if row.prior is not None]
        self.names = tuple(self.keys[number] for number in self._free) + tuple(row.key for row in sampled)
        if not self.names:
            raise ProblemError("no parameter is free; free at least one")
        self.priors: tuple[Prior, ...] = (*(one.prior for one in self.rows if one.prior is not None),
                                          *(row.prior for row in sampled if row.prior is not None))
        self.default = np.array([self.rows[number].default for number in self._free] + [row.value for row in sampled])
        self._column = {number: column for column, number in enumerate(self._free)}
        self._ordered = {number: Above(prior.low, prior.high) for number in self._free
                         if (prior := self.rows[number].prior) is not None and self.rows[number].follows >= 0}

    @property
    def size(self) -> int:
        """Length of the control vector."""
        return len(self.names)

    @property
    def separable(self) -> bool:
        """Whether the prior is a product over the control vector: no parameter is ordered or tied."""
        return not self._ordered and all(one.row.status != "tied" for one in self.rows)

    @property
    def seasonal(self) -> dict[str, str]:
        """{key: how it may vary over the year} of the parameters that may."""
        return {one.row.key: one.row.seasonal for one in self.rows if one.row.seasonal != "constant"}

    # ------------------------------------------------------------------------------------------ values

    def physical(self, control: ArrayLike) -> Floats:
        """Physical values (R, p) of control vectors (R, p); NaN where an order leaves no room."""
        u = self._checked(control)
        values = self._values(u)
        free = [values[number] for number in self._free]
        noise = [self.priors[column].transform.physical(u[column]) for column in range(len(self._free), self.size)]
        return np.stack(free + noise, axis=1)

    def expand(self, control: ArrayLike) -> Floats:
        """Values of all rows, free, fixed and tied, in the order of `keys`; shape (R, rows)."""
        values = self._values(self._checked(control))
        return np.stack([values[number] for number in range(len(self.rows))], axis=1)

    def parameters(self, control: ArrayLike) -> dict[str, Floats]:
        """{key: values (R,)} of all rows."""
        return dict(zip(self.keys, np.ascontiguousarray(self.expand(control).T), strict=True))

    def columns_of(self, plant_type: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
        """Parameter names that serve a plant type, and their columns in `expand`: what an evaluator of its column takes."""
        if plant_type not in self.bases:
            raise ProblemError(f"no plant type {plant_type!r} at this site; {nearest(plant_type, self.bases)}")
        chosen = [number for number, one in enumerate(self.rows) if one.row.plant_type in ("", plant_type)
                  and one.row.name in self.bases[plant_type]]
        return tuple(self.rows[number].row.name for number in chosen), np.array(chosen, np.int64)

    def parameter_set(self, control: ArrayLike, plant_type: str | None = None) -> ParameterSet:
        """The site's parameter set with the values of one control vector (p,) in place; the only plant type by default.

        Raises ParameterError where a value leaves its bounds, ProblemError where the plant type is unclear.
        """
        if plant_type is None and len(self.bases) > 1:
            raise ProblemError(f"the site has the plant types {', '.join(self.bases)}; say which")
        plant = plant_type or next(iter(self.bases))
        names, columns = self.columns_of(plant)
        values = self.expand(control)[0, columns]
        return self.bases[plant].replace(**dict(zip(names, map(float, values), strict=True)))

    def noise(self, control: ArrayLike) -> dict[str, dict[str, Floats]]:
        """{stream: {scale, correlation, factor: (R,)}} of all noise rows, as the likelihood takes them."""
        u = self._checked(control)
        made: dict[str, dict[str, Floats]] = {}
        column = len(self._free)
        for row in self.noise_rows:
            if row.prior is None:
                values = np.full(u.shape[1], row.value)
            else:
                values = row.prior.transform.physical(u[column])
                column += 1
            held = np.clip(values, *NOISE[row.entry][1:])
            for stream in row.streams:
                made.setdefault(stream, {})[row.entry] = held
        return made

    def control(self, theta: ArrayLike) -> Floats:
        """Control vectors (R, p) of physical values (R, p); NaN for values outside their range or order."""
        given = self._checked(theta)
        values: dict[int, Floats] = {}
        made = np.empty_like(given)
        for number in self._order:
            one, column = self.rows[number], self._column.get(number)
            if column is None:
                values[number] = self._dependent(one, values, given.shape[1])
                continue
            values[number] = given[column]
            made[column] = (self._ordered[number].control(given[column], values[one.follows]) if number in self._ordered
                            else self.priors[column].transform.control(given[column]))
        for column in range(len(self._free), self.size):
            made[column] = self.priors[column].transform.control(given[column])
        return np.ascontiguousarray(made.T)

    def default_control(self) -> Floats:
        """Control vector (p,) of the defaults, those at an end of their range moved 1 % of the prior inside."""
        theta = self.default.copy()
        for column, prior in enumerate(self.priors):
            if theta[column] in (prior.low, prior.high):
                theta[column] = prior.quantile(EDGE_PROBABILITY if theta[column] == prior.low else 1.0 - EDGE_PROBABILITY)
        return np.asarray(self.control(theta)[0])

    # ------------------------------------------------------------------------------------------ prior

    def log_prior(self, control: ArrayLike) -> Floats:
        """Log prior density of u (R,), with ln |dtheta/du|; -inf outside the support or a tied parameter's bounds."""
        terms = self.log_prior_terms(control)
        total = np.zeros(terms.shape[0])
        for column in range(self.size):  # one after another: the same bits for any number of replicas
            total += terms[:, column]
        return total

    def log_prior_terms(self, control: ArrayLike) -> Floats:
        """What each element of u adds to the log prior; shape (R, p), marginal densities where `separable`."""
        u = self._checked(control)
        values = self._values(u)
        terms = np.empty_like(u)
        for column, prior in enumerate(self.priors):
            number = self._free[column] if column < len(self._free) else -1
            if number in self._ordered:
                jet = self._ordered[number].jet(values[self.rows[number].follows], u[column])
                terms[column] = prior.log_density(jet.theta) + jet.log_jacobian
            else:
                terms[column] = prior.log_density_control(u[column])
        terms[0][self._tied_outside(values)] = -np.inf
        return np.ascontiguousarray(np.where(np.isnan(terms), -np.inf, terms).T)

    def prior_gradient_hessian(self, control: ArrayLike) -> tuple[Floats, Floats]:
        """Gradient (R, p) and Hessian (R, p, p) of `log_prior` in u, analytic, inside the support."""
        u = self._checked(control)
        replicas = u.shape[1]
        gradient, hessian = np.zeros((replicas, self.size)), np.zeros((replicas, self.size, self.size))
        for column, prior in enumerate(self.priors):
            if column >= len(self._free) or self._free[column] not in self._ordered:
                gradient[:, column], hessian[:, column, column] = prior.slopes_control(u[column])
        if self._ordered:
            self._add_ordered(u, gradient, hessian)
        return gradient, hessian

    def draw(self, generator: np.random.Generator, count: int) -> Floats:
        """Independent control vectors from the prior; shape (count, p). Orders and bounds hold by rejection."""
        kept: list[Floats] = []
        found = tried = 0
        while found < count:
            block = max(count - found, 16)
            theta = np.stack([prior.draw(generator, block) for prior in self.priors], axis=1)
            u = self.control(theta)
            good = u[np.isfinite(u).all(axis=1) & np.isfinite(self.log_prior(u))]
            kept.append(good)
            found, tried = found + len(good), tried + block
            if tried > 2.0 / LEAST_ACCEPTANCE and found < LEAST_ACCEPTANCE * tried:
                raise ProblemError(f"only {found} of {tried} prior draws keep the order and bounds of tied parameters "
                                   f"({', '.join(self.names)}); choose priors that leave more room")
        return np.concatenate(kept)[:count]

    def prior_moments(self) -> tuple[Floats, Floats]:
        """Mean (p,) and covariance (p, p) of the prior in u, for methods that know only normal priors."""
        if not self.separable:
            u = self.draw(np.random.default_rng(0), MOMENT_DRAWS)
            return np.asarray(u.mean(axis=0)), np.atleast_2d(np.cov(u.T))
        levels = (np.arange(MOMENT_DRAWS) + 0.5) / MOMENT_DRAWS
        u = np.stack([prior.transform.control(prior.quantile(levels)) for prior in self.priors], axis=1)
        return np.asarray(u.mean(axis=0)), np.diag(u.var(axis=0))

    def prior_quantiles(self, probability: ArrayLike) -> Floats:
        """Quantiles of each prior on theta, orders aside; shape (probabilities, p)."""
        p = np.atleast_1d(np.asarray(probability, np.float64))
        return np.stack([prior.quantile(p) for prior in self.priors], axis=1)

    def describe(self) -> str:
        """One line per row: key, status, default, prior and what it follows."""
        lines = []
        for one in self.rows:
            prior = "" if one.prior is None else " ".join(
                f"{key} {value:.4g}" if isinstance(value, float) else str(value) for key, value in one.prior.as_table().items())
            follows = "" if one.follows < 0 else f" {'=' if one.row.tie else '>'} {self.keys[one.follows]}"
            lines.append(f"{one.row.key:36} {one.row.status:5} {one.default:<12.6g} {prior}{follows}".rstrip())
        lines += [f"{row.key:36} {'free' if row.prior else 'fixed':5} {row.value:g}" for row in self.noise_rows]
        return "\n".join(lines)

    # ------------------------------------------------------------------------------------------ inside

    def _checked(self, vectors: ArrayLike) -> Floats:
        """Vectors transposed to (p, R), each element contiguous."""
        u = np.atleast_2d(np.asarray(vectors, np.float64))
        if u.ndim != 2 or u.shape[1] != self.size:
            raise ValueError(f"vectors have the shape {np.shape(vectors)}; expected (replicas, {self.size}): "
                             + ", ".join(self.names))
        return np.ascontiguousarray(u.T)

    def _dependent(self, one: Resolved, values: Mapping[int, Floats], replicas: int) -> Floats:
        return one.row.factor * values[one.follows] if one.row.tie else np.full(replicas, one.default)

    def _values(self, u: Floats) -> dict[int, Floats]:
        values: dict[int, Floats] = {}
        for number in self._order:
            one, column = self.rows[number], self._column.get(number)
            if column is None:
                values[number] = self._dependent(one, values, u.shape[1])
            elif number in self._ordered:
                values[number] = self._ordered[number].jet(values[one.follows], u[column]).theta
            else:
                values[number] = self.priors[column].transform.physical(u[column])
        return values

    def _tied_outside(self, values: Mapping[int, Floats]) -> NDArray[np.bool_]:
        outside = np.zeros(values[0].size, np.bool_)
        for number, one in enumerate(self.rows):
            if one.row.tie:
                with np.errstate(invalid="ignore"):
                    outside |= ~((values[number] >= one.bounds[0]) & (values[number] <= one.bounds[1]))
        return outside

    def _add_ordered(self, u: Floats, gradient: Floats, hessian: Floats) -> None:
        """Adds the terms of ordered parameters by the chain rule through what they stand above."""
        replicas = u.shape[1]
        values: dict[int, Floats] = {}
        firsts: dict[int, Floats] = {}
        seconds: dict[int, Floats] = {}
        for number in self._order:
            one, column = self.rows[number], self._column.get(number)
            first, second = np.zeros((replicas, self.size)), np.zeros((replicas, self.size, self.size))
            if column is None:
                values[number] = self._dependent(one, values, replicas)
                if one.row.tie:
                    first, second = one.row.factor * firsts[one.follows], one.row.factor * seconds[one.follows]
            elif number not in self._ordered:
                plain = self.priors[column].transform.jet(u[column])
                values[number], first[:, column], second[:, column, column] = plain.theta, plain.first, plain.second
            else:
                jet = self._ordered[number].jet(values[one.follows], u[column])
                values[number] = jet.theta
                first, second = _chained(jet, "", column, firsts[one.follows], seconds[one.follows])
                by, twice = self.priors[column].slopes(jet.theta)
                gradient += by[:, None] * first
                hessian += by[:, None, None] * second + twice[:, None, None] * first[:, :, None] * first[:, None, :]
                log_first, log_second = _chained(jet, "log_jacobian_", column, firsts[one.follows], seconds[one.follows])
                gradient += log_first
                hessian += log_second
            firsts[number], seconds[number] = first, second


def _chained(jet: OrderedJet, stem: str, column: int, other_first: Floats, other_second: Floats) -> tuple[Floats, Floats]:
    """Gradient and Hessian in u of f(a(u), u_column), from derivatives of f by a and u_column and those of a."""
    by_other, by_control, other_twice, mixed, control_twice = (
        getattr(jet, stem + name) for name in ("by_other", "by_control", "by_other_twice", "mixed", "by_control_twice"))
    first = by_other[:, None] * other_first
    first[:, column] += by_control
    squared = other_first[:, :, None] * other_first[:, None, :]
    second = by_other[:, None, None] * other_second + other_twice[:, None, None] * squared
    crossed = mixed[:, None] * other_first
    second[:, column, :] += crossed
    second[:, :, column] += crossed
    second[:, column, column] += control_twice
    return first, second
