"""Closure factors: what multiplies modelled latent and sensible heat before they are held against raw observations.

Towers close 70 to 90 % of the energy that the model sends into the two fluxes. Who closes the gap is open: the Bowen ratio may
be kept (one factor for both), or one flux may lack more than the other (a factor for each).

    None                         sampled N(1, 0.1) on 0.7..1.2, one for both, where both are assimilated raw; else 1
    0.85, or a prior             one for both, held or sampled; "sampled" for the usual prior
    {"LE": 0.95, "H": prior}     one for each, by name or short name; "each" for both sampled
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from terraflux.assimilation.parameter_rows import LEAST_TAIL, NoiseRow, ProblemError
from terraflux.assimilation.priors import Prior, normal
from terraflux.drivers.errors import nearest

if TYPE_CHECKING:
    from terraflux.assimilation.problem import StreamChoice

SAMPLED, EACH = "sampled", "each"
CLOSURE_PRIOR = normal(1.0, 0.1, 0.7, 1.2)
LEAST, MOST = 0.3, 2.0
HEAT: Mapping[str, str] = MappingProxyType({"latent_heat": "LE", "sensible_heat": "H"})
"""Fluxes that closure is about, and their short names."""
Factor: TypeAlias = float | Prior
Closure: TypeAlias = Factor | str | Mapping[str, Factor] | Mapping[str, Factor | str] | None


def closure_in_force(streams: Sequence["StreamChoice"], given: Closure) -> Factor | Mapping[str, Factor] | None:
    """The closure factor in force, None where there is nothing to be closed; those of each flux by the flux's full name.

    Raises ProblemError where fluxes are mixed, a flux has no raw stream, one is left out, or a number is no closure.
    """
    if len({one.energy_balance for one in streams if one.variable in HEAT}) > 1:
        raise ProblemError("of latent and sensible heat one is raw, the other corrected: their energy does not add up; take "
                           "both corrected, or both raw with a closure factor")
    raw = {one.variable for one in _raw(streams)}
    if given is None:
        return CLOSURE_PRIOR if len(raw) == 2 else (1.0 if raw else None)
    if not raw:
        raise ProblemError("closure_factor is for raw latent and sensible heat; there is none among the streams, leave it out")
    if given == EACH:
        given = dict.fromkeys(HEAT, SAMPLED)
    if not isinstance(given, Mapping):
        return _factor(given, "closure_factor", (SAMPLED, EACH))
    full = {short: name for name, short in HEAT.items()}
    named: dict[str, Factor] = {}
    for key, value in given.items():
        name = full.get(key, key)
        if name not in HEAT:
            raise ProblemError(f"unknown flux {key!r} in closure_factor; {nearest(str(key), (*HEAT, *full))}; give a "
                               "factor for LE and one for H, or one prior with its distribution for both")
        if name in named:
            raise ProblemError(f"closure_factor gives {name} twice, as {HEAT[name]} and in full; keep one")
        named[name] = _factor(value, f"closure_factor of {key}")
    lacking = [name for name in named if name not in raw]
    if lacking:
        raise ProblemError(f"closure_factor of {HEAT[lacking[0]]}: there is no raw stream of {lacking[0]}; add one, or give "
                           "one number or prior for the flux that is there")
    left_out = [name for name in HEAT if name not in named]
    if left_out:
        raise ProblemError(f"closure_factor leaves out {' and '.join(HEAT[name] for name in left_out)}; give both LE and H, or "
                           "a number (1 changes nothing)")
    return MappingProxyType({name: named[name] for name in HEAT})


def closure_rows(streams: Sequence["StreamChoice"], given: Closure) -> tuple[NoiseRow, ...]:
    """Noise rows of the factors: one that streams of both fluxes share, or one that bears the name of each flux."""
    raw, factor = _raw(streams), closure_in_force(streams, given)
    if not isinstance(factor, Mapping):
        return _row(tuple(one.name for one in raw), factor)
    return tuple(row for name, value in factor.items()
                 for row in _row(tuple(one.name for one in raw if one.variable == name), value, name))


def starting_factor(prior: Prior) -> float:
    """Where a sampled factor starts: at 1, which changes nothing, or at the median of a prior that excludes 1."""
    return 1.0 if prior.low < 1.0 < prior.high and prior.tail(1.0) > LEAST_TAIL else float(prior.quantile(0.5))


def _raw(streams: Sequence["StreamChoice"]) -> list["StreamChoice"]:
    return [one for one in streams if one.variable in HEAT and one.energy_balance == "raw"]


def _factor(given: object, place: str, words: tuple[str, ...] = (SAMPLED,)) -> Factor:
    if given == SAMPLED:
        return CLOSURE_PRIOR
    if isinstance(given, Prior):
        return given
    if isinstance(given, str):
        raise ProblemError(f"{place} = {given!r}; {nearest(given, words)}, or give a number or a prior")
    if isinstance(given, bool) or not isinstance(given, (int, float)) or not LEAST <= given <= MOST:
        raise ProblemError(f"{place} = {given} is no closure ({LEAST:g}..{MOST:g})")
    return float(given)


def _row(streams: tuple[str, ...], factor: Factor | None, flux: str = "") -> tuple[NoiseRow, ...]:
    if isinstance(factor, Prior):
        return (NoiseRow(streams, "factor", starting_factor(factor), factor, flux),)
    return () if factor in (None, 1.0) else (NoiseRow(streams, "factor", float(factor), of=flux),)
