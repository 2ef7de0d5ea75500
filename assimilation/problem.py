"""A calibration problem as data: parameters, streams, errors, footprint, years. The same shape in Python and in TOML.

    Problem(parameters=[ParameterRow("carboxylation_capacity"), ParameterRow("stomatal_slope_medlyn")],
            streams=[StreamChoice("net_ecosystem_exchange"), StreamChoice("latent_heat", energy_balance="corrected")],
            calibration=[2003, 2004], validation=[2005])

What cannot be posed is refused when it is made, with the reason and the remedy: net ecosystem exchange with gross primary
production of the same half hour, latent and sensible heat of which only one is corrected, years that serve twice.
`problem_file` reads and writes the TOML; the likelihood and the sites turn the choices into numbers.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.closure_factors import Closure, closure_in_force, closure_rows, starting_factor
from terraflux.assimilation.parameter_rows import NoiseRow, ParameterRow, ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.priors import Beta, Prior, lognormal
from terraflux.drivers.errors import nearest
from terraflux.model.options import OptionError, Options
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.weave.error_models import ERROR_MODELS
from terraflux.sites.observation_weights import (
    FILTER_TARGET_FRACTION,
    LARGEST_LOCATION_BIAS,
    LEAST_CAPTURED_MASS,
    LEAST_TARGET_FRACTION,
    OPERATORS,
)

HOURS = ("all", "day", "night")
AVERAGES = ("step", "day", "month")
ENERGY_BALANCES = ("raw", "corrected")
WEIGHT_RULES = ("neff", "days", "equal_stream", "sum")
LEARNT_WEIGHTS = ("neff", "days")
"""Rules that look at residuals."""
SIGMA_RULES = ("supplied", "line", "constant")
REFERENCES = ("smoothed", "prior_model")
SCALE_PRIOR = lognormal(1.0, spread=0.3)
CORRELATION_PRIOR = Beta(5.0, 5.0)
FIRST_YEAR, LAST_YEAR = 1800, 2300
MONTHLY_SHARE = 0.1
"""Error of a monthly mean relative to it: filled gaps and closure, our choice."""


def _refuse_word(word: str, known: Sequence[str] | Mapping[str, Any], what: str) -> None:
    if word not in known:
        raise ProblemError(f"unknown {what}: {word!r}; {nearest(str(word), known)}")


@dataclass(frozen=True)
class SigmaRule:
    """Where the standard deviation of a stream's random error comes from, in the unit of the stream.

    supplied  that of the observations, at least `floor`
    line      offset + slope |F| with a slope for either sign of the reference flux F, at least `floor`; F is a smoothed
              or prior-model flux fixed before the run (`reference`), never the observed value: that would bias low fluxes low
    constant  `value`
    """

    rule: str
    floor: float = 0.0
    value: float = 0.0
    offset: float = 0.0
    slope_positive: float = 0.0
    slope_negative: float = 0.0
    reference: str = "smoothed"

    def __post_init__(self) -> None:
        for word, known, what in ((self.rule, SIGMA_RULES, "sigma rule"), (self.reference, REFERENCES, "reference flux")):
            _refuse_word(word, known, what)
        numbers = (self.floor, self.value, self.offset, self.slope_positive, self.slope_negative)
        if min(numbers) < 0.0 or not np.isfinite(numbers).all():
            raise ProblemError(f"a sigma rule has the negative or infinite number {min(numbers)}")
        if self.rule == "constant" and not self.value > 0.0:
            raise ProblemError("the sigma rule 'constant' needs a value above 0")
        if self.rule == "line" and not max(self.offset, self.floor) > 0.0:
            raise ProblemError("the sigma rule 'line' needs an offset or a floor above 0: errors of small fluxes are not 0")

    def sigma(self, *, supplied: ArrayLike | None = None, reference: ArrayLike | None = None,
              rows: int = 1) -> NDArray[np.float64]:
        """Standard deviations (rows,); `supplied` and `reference` (rows,) as the rule needs them, NaN stays NaN."""
        if self.rule == "constant":
            return np.full(rows, self.value)
        given = supplied if self.rule == "supplied" else reference
        if given is None:
            raise ProblemError("the sigma rule 'supplied' needs the errors of the observations" if self.rule == "supplied"
                               else "the sigma rule 'line' needs the reference flux")
        values = np.asarray(given, np.float64)
        if self.rule == "line":
            values = self.offset + np.where(values >= 0.0, self.slope_positive, self.slope_negative) * np.abs(values)
        return np.asarray(np.maximum(values, self.floor))


@dataclass(frozen=True)
class StreamVariable:
    """A variable that can be assimilated: `unit` of its observations, and what is taken of its errors unless told otherwise.

    `correlation` is that of errors half an hour apart, `layered` asks for a depth.
    """

    name: str
    short: str
    unit: str
    sigma: SigmaRule
    correlation: float
    layered: bool = False


STREAM_VARIABLES: dict[str, StreamVariable] = {one.name: one for one in (
    StreamVariable("net_ecosystem_exchange", "NEE", "umol m-2 s-1", SigmaRule("supplied", floor=0.3), 0.5),
    StreamVariable("gross_primary_production", "GPP", "umol m-2 s-1", SigmaRule("supplied", floor=0.3), 0.5),
    StreamVariable("latent_heat", "LE", "W m-2", SigmaRule("supplied", floor=5.0), 0.5),
    StreamVariable("sensible_heat", "H", "W m-2", SigmaRule("supplied", floor=5.0), 0.5),
    StreamVariable("soil_moisture", "SWC", "m3 m-3", SigmaRule("constant", value=0.03), 0.99, layered=True),
    StreamVariable("soil_temperature", "TS", "degC", SigmaRule("constant", value=1.0), 0.99, layered=True),
    StreamVariable("leaf_area_index", "LAI", "m2 m-2", SigmaRule("line", offset=0.3, slope_positive=0.1), 0.0),
    StreamVariable("net_radiation", "NETRAD", "W m-2", SigmaRule("line", offset=10.0, slope_positive=0.05,
                                                                slope_negative=0.05), 0.5),
)}
SHORT_NAMES: Mapping[str, str] = MappingProxyType({one.short: one.name for one in STREAM_VARIABLES.values()})


@dataclass(frozen=True)
class StreamChoice:
    """One stream of observations and how its errors are modelled.

    `variable` is a name or short name of STREAM_VARIABLES, `depth` (m) the sensor's for soil streams, `hours` all, day or
    night, `average` step, day, or month for the monthly means that a source gives where its half hours are not public (their
    error is a tenth of the mean beside the floor of the variable, unless given). `error_model` is gaussian, laplace or
    student_t; `correlation` (AR(1), per model step) and `scale` (on the random error) are numbers or priors to sample, None
    takes the variable's correlation (0 for means). `energy_balance` says for latent and sensible heat which fluxes are
    meant: raw, or corrected for closure.
    """

    variable: str
    name: str = ""
    depth: float | None = None
    error_model: str = "gaussian"
    sigma: SigmaRule | None = None
    correlation: float | Prior | None = None
    scale: float | Prior = 1.0
    hours: str = "all"
    average: str = "step"
    energy_balance: str = "raw"

    def __post_init__(self) -> None:
        full = SHORT_NAMES.get(self.variable, self.variable)
        if full not in STREAM_VARIABLES:
            raise ProblemError(f"unknown stream {self.variable!r}; {nearest(self.variable, (*STREAM_VARIABLES, *SHORT_NAMES))}")
        known = STREAM_VARIABLES[full]
        object.__setattr__(self, "variable", full)
        object.__setattr__(self, "name", self.name or full)
        if self.sigma is None:
            object.__setattr__(self, "sigma", known.sigma if self.average != "month" else SigmaRule(
                "line", offset=max(known.sigma.floor, known.sigma.value, known.sigma.offset),
                slope_positive=MONTHLY_SHARE, slope_negative=MONTHLY_SHARE))
        if self.correlation is None:
            object.__setattr__(self, "correlation", known.correlation if self.average == "step" else 0.0)
        for word, words, what in ((self.error_model, ERROR_MODELS, "error model"), (self.hours, HOURS, "hours"), (
                self.average, AVERAGES, "average"), (self.energy_balance, ENERGY_BALANCES, "energy balance")):
            _refuse_word(word, words, f"{what} of stream {self.name}")
        if known.layered != (self.depth is not None):
            raise ProblemError(f"stream {self.name}: " + ("give depth, that of the sensor (m)" if known.layered
                                                          else f"{full} has no depth; leave it out"))
        if self.depth is not None and not 0.0 <= self.depth <= 100.0:
            raise ProblemError(f"stream {self.name}: depth = {self.depth} m is not below ground (0..100 m)")
        if self.energy_balance == "corrected" and full not in ("latent_heat", "sensible_heat"):
            raise ProblemError(f"stream {self.name}: only latent and sensible heat are corrected for energy balance")
        if self.average != "step" and self.hours != "all":
            raise ProblemError(f"stream {self.name}: daily and monthly means take all hours; leave out hours = {self.hours!r}")

    def noise_rows(self) -> tuple[NoiseRow, ...]:
        """Scale and correlation of the stream's errors; sampled where a prior is given."""
        made = []
        for entry, given in (("scale", self.scale), ("correlation", self.correlation)):
            if isinstance(given, Prior):
                start = starting_factor(given) if entry == "scale" else float(given.quantile(0.5))
                made.append(NoiseRow((self.name,), entry, start, given))
            elif given is not None:
                made.append(NoiseRow((self.name,), entry, float(given)))
        return tuple(made)


@dataclass(frozen=True)
class FootprintChoice:
    """How a half hour stands for the modelled land (`terraflux.sites.observation_weights`): one operator, never two.

    `target_class` is the land-cover code that the one modelled column stands for (not for mixture and site);
    `largest_location_bias` (percent) is for tempered alone.
    """

    operator: str = "site"
    model: str = ""
    target_class: int | None = None
    least_captured_mass: float = LEAST_CAPTURED_MASS
    least_target_fraction: float | None = None
    largest_location_bias: float | None = None

    def __post_init__(self) -> None:
        _refuse_word(self.operator, OPERATORS, "footprint operator")
        if self.operator == "site" and (self.model or self.target_class is not None or self.least_target_fraction is not None
                                        or self.least_captured_mass != LEAST_CAPTURED_MASS):
            raise ProblemError("the operator 'site' uses no footprint; leave out model, target_class and the least shares, or "
                               "choose another operator")
        if self.operator == "mixture" and self.target_class is not None:
            raise ProblemError("the operator 'mixture' models every class; leave out target_class")
        if self.largest_location_bias is not None and self.operator != "tempered":
            raise ProblemError("largest_location_bias belongs to the operator 'tempered': error inflation and a tempered "
                               "likelihood are not mixed")
        for name in ("least_captured_mass", "least_target_fraction"):
            share = getattr(self, name)
            if share is not None and not 0.0 <= share <= 1.0:
                raise ProblemError(f"{name} = {share} is no share (0..1)")
        if self.least_target_fraction is None and self.operator in ("shared_error", "inflation", "tempered",
                                                                            "hard_filter"):
            object.__setattr__(self, "least_target_fraction",
                               FILTER_TARGET_FRACTION if self.operator == "hard_filter" else LEAST_TARGET_FRACTION)
        if self.largest_location_bias is None and self.operator == "tempered":
            object.__setattr__(self, "largest_location_bias", LARGEST_LOCATION_BIAS)


@dataclass(frozen=True)
class Problem:
    """A whole calibration problem; ProblemError where it contradicts itself.

    `weights` is the rule of stream weights (see `stream_weights`). `closure_factor` multiplies modelled raw latent and
    sensible heat: a number, a prior, a mapping with one for each flux, or None for the usual (see `closure_factors`).
    `options` are process choices of the model, `towers` the tower files of the sites.
    """

    parameters: Sequence[ParameterRow]
    streams: Sequence[StreamChoice]
    calibration: Sequence[int]
    validation: Sequence[int] = ()
    footprint: FootprintChoice = FootprintChoice()
    weights: str = "neff"
    closure_factor: Closure = None
    options: Mapping[str, Any] = field(default_factory=dict)
    towers: Sequence[str] = ()
    title: str = ""

    def __post_init__(self) -> None:
        for name in ("parameters", "streams", "calibration", "validation", "towers"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        object.__setattr__(self, "options", MappingProxyType(dict(self.options)))
        if not self.parameters:
            raise ProblemError("the problem has no parameter; name at least one that is free")
        if not self.streams:
            raise ProblemError("the problem has no stream of observations; name at least one")
        _refuse_word(self.weights, WEIGHT_RULES, "rule of stream weights")
        _check_years(self.calibration, self.validation)
        _check_streams(self.streams)
        object.__setattr__(self, "closure_factor", closure_in_force(self.streams, self.closure_factor))
        try:
            Options(**self.options)
        except (OptionError, TypeError) as error:
            raise ProblemError(f"options: {error}") from error

    def noise_rows(self) -> tuple[NoiseRow, ...]:
        """Noise of all streams, and the closure factors of raw latent and sensible heat, shared or one for each."""
        rows = [row for stream in self.streams for row in stream.noise_rows()]
        return (*rows, *closure_rows(self.streams, self.closure_factor))

    def space(self, base: ParameterSet | Mapping[str, ParameterSet]) -> ParameterSpace:
        """The parameter space at a site, about the defaults of its parameter sets; ProblemError as of `ParameterSpace`."""
        return ParameterSpace(self.parameters, base, self.noise_rows())

    def digest(self) -> str:
        """SHA-256 of everything the problem says, except title and towers' folders: a chain belongs to one digest."""
        from terraflux.assimilation.problem_file import problem_table

        table = {key: value for key, value in problem_table(self).items() if key != "title"}
        return hashlib.sha256(json.dumps(table, sort_keys=True).encode()).hexdigest()


def stream_weights(rule: str, counts: ArrayLike, correlation: ArrayLike,
                   modelled_correlation: ArrayLike, days: ArrayLike | None = None) -> NDArray[np.float64]:
    """Weight of each stream's log-likelihood; shape (streams,).

    `counts` are numbers of observations, `correlation` of neighbouring residuals as estimated, `modelled_correlation` that
    in the likelihood. neff: 1 where the likelihood models the correlation, else (1 - phi)/(1 + phi), the share of
    effective observations. days: the same with phi between means of `days` (months of monthly means), which then count,
    not their half hours; at most 1. equal_stream: mean count over count. sum: 1.
    """
    _refuse_word(rule, WEIGHT_RULES, "rule of stream weights")
    n, phi, modelled = (np.asarray(given, np.float64) for given in (counts, correlation, modelled_correlation))
    if (n <= 0.0).any():
        raise ProblemError("a stream has no observation in the years of calibration; choose other years, or leave it out")
    if rule == "equal_stream":
        return np.asarray(n.mean() / n)
    if rule == "sum":
        return np.ones(n.shape)
    held = np.clip(phi, 0.0, 0.9999)
    counted = np.ones(n.shape) if rule == "neff" or days is None else np.asarray(days, np.float64) / n
    return np.where(modelled > 0.0, 1.0, np.minimum(counted * (1.0 - held) / (1.0 + held), 1.0))


def _check_years(calibration: Sequence[int], validation: Sequence[int]) -> None:
    if not calibration:
        raise ProblemError("no year of calibration is given; name at least one")
    for what, years in (("calibration", calibration), ("validation", validation)):
        for year in years:
            if isinstance(year, bool) or not isinstance(year, (int, np.integer)) or not FIRST_YEAR <= year <= LAST_YEAR:
                raise ProblemError(f"{what}: {year!r} is no year")
        if len(set(years)) < len(years):
            raise ProblemError(f"{what} names a year twice: {', '.join(map(str, years))}")
    shared = sorted(set(calibration) & set(validation))
    if shared:
        raise ProblemError(f"{', '.join(map(str, shared))} would serve calibration and validation; skill on years that were "
                           "fitted is no validation: leave them out of one")


def _check_streams(streams: Sequence[StreamChoice]) -> None:
    names = [stream.name for stream in streams]
    for name in names:
        if names.count(name) > 1:
            raise ProblemError(f"two streams are called {name!r}; give one another name")
    for number, one in enumerate(streams):
        for other in streams[:number]:
            overlap = one.hours == other.hours or "all" in (one.hours, other.hours)
            pair = {one.variable, other.variable}
            if overlap and len(pair) == 1 and one.depth == other.depth:
                raise ProblemError(f"streams {other.name} and {one.name} are the same observations, which would count twice; "
                                   "keep one, or give them day and night")
            if overlap and pair == {"net_ecosystem_exchange", "gross_primary_production"}:
                raise ProblemError(
                    f"streams {other.name} and {one.name}: gross primary production comes from net ecosystem exchange "
                    "of the same half hours, so their errors are the same and the information would count twice; keep one, or "
                    "use net exchange with hours = \"night\" and production with hours = \"day\"")
