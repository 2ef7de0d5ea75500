"""The problem file: a calibration problem in TOML. Unknown keys are refused with the nearest known one.

    title = "Hesse, two years"
    towers = ["FR-Hes.toml"]                     # tower files, beside this one
    weights = "neff"                             # neff, days, equal_stream, sum
    closure_factor = "sampled"                   # raw heat fluxes: a number, a prior, or "sampled" for normal(1, 0.1);
                                                 # { LE = "sampled", H = 0.9 } or "each": a factor for each flux

    [years]
    calibration = [2003, 2004]
    validation = [2005]

    [parameters]                                 # name, or "name@PLANT" for one plant type of a mixture
    carboxylation_capacity = "free"              # with the prior of the parameter table
    respiration_q10 = 1.9                        # fixed
    stomatal_slope_medlyn = { prior = { distribution = "lognormal", median = 4, gsd = 1.4 }, source = "leaf data" }
    stomatal_slope_ball_berry = { tie = "stomatal_slope_medlyn", factor = 2.0 }
    maximum_light_use_efficiency = { seasonal = "spline" }
    vapour_deficit_low = "free"
    vapour_deficit_high = { above = "vapour_deficit_low" }

    [streams.NEE]                                # a short or full name, or any name with variable = "NEE"
    error_model = "student_t"                    # gaussian, laplace, student_t
    sigma = { rule = "supplied", floor = 0.3 }   # supplied, line, constant
    correlation = "sampled"                      # a number (AR1), a prior, or "sampled" for beta(5, 5)
    scale = "sampled"                            # a number, a prior, or "sampled" for lognormal(1, e^0.3)
    hours = "all"                                # all, day, night

    [streams.LE]
    energy_balance = "raw"                       # raw, or corrected for closure: the same for LE and H

    [streams.H]
    [streams.top]                                # soil streams say how deep the sensor is (m)
    variable = "SWC"
    depth = 0.05

    [footprint]
    operator = "mixture"                         # mixture, shared_error, inflation, tempered, hard_filter, site

    [options]
    stomatal_conductance = "medlyn"
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NoReturn

import numpy as np

from terraflux.assimilation.closure_factors import CLOSURE_PRIOR, SAMPLED, Closure
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.prior_tables import prior_from
from terraflux.assimilation.priors import Prior, PriorError
from terraflux.assimilation.problem import (
    CORRELATION_PRIOR,
    SCALE_PRIOR,
    SHORT_NAMES,
    STREAM_VARIABLES,
    FootprintChoice,
    Problem,
    SigmaRule,
    StreamChoice,
)
from terraflux.drivers.errors import ForcingError, nearest
from terraflux.drivers.safe_files import read_toml

KEYS = ("title", "towers", "weights", "closure_factor", "years", "parameters", "streams", "footprint", "options")
YEARS_KEYS = ("calibration", "validation")
PARAMETER_KEYS = tuple(one.name for one in fields(ParameterRow) if one.name not in ("name", "plant_type"))
STREAM_KEYS = tuple(one.name for one in fields(StreamChoice) if one.name != "name")
SIGMA_KEYS = tuple(one.name for one in fields(SigmaRule))
FOOTPRINT_KEYS = tuple(one.name for one in fields(FootprintChoice))
_TEXT, _NUMBER = (str,), (int, float)
_TYPES: dict[str, tuple[type, ...]] = {
    **dict.fromkeys(("status", "tie", "above", "seasonal", "source", "variable", "error_model", "hours", "average", "rule",
                     "energy_balance", "operator", "model", "reference", "title", "weights"), _TEXT),
    **dict.fromkeys(("value", "factor", "depth", "floor", "offset", "slope_positive", "slope_negative", "least_captured_mass",
                     "least_target_fraction", "largest_location_bias"), _NUMBER),
    "target_class": (int,)}


def read_problem(path: str | os.PathLike[str]) -> Problem:
    """Read and check a problem file. Raises ProblemError naming the file, the place and the remedy."""
    try:
        contents = read_toml(path)
    except ForcingError as error:
        raise ProblemError(str(error)) from error
    try:
        return problem_from(contents)
    except ProblemError as error:
        raise ProblemError(f"{path}: {error}") from error


def problem_from_text(text: str) -> Problem:
    """A problem from TOML text. Raises ProblemError as `read_problem`."""
    try:
        return problem_from(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ProblemError(f"the problem is not valid TOML: {error}") from error


def problem_from(contents: Mapping[str, Any]) -> Problem:
    """A problem from the tables of its file. Raises ProblemError naming the place and the remedy."""
    _known(contents, KEYS, "the problem file")
    years = _table(contents.get("years", {}), "[years]")
    _known(years, YEARS_KEYS, "[years]")
    footprint = _table(contents.get("footprint", {}), "[footprint]")
    _known(footprint, FOOTPRINT_KEYS, "[footprint]")
    return Problem(
        parameters=[_parameter(key, given) for key, given in _table(contents.get("parameters", {}), "[parameters]").items()],
        streams=[_stream(key, _table(given, f"[streams.{key}]"))
                 for key, given in _table(contents.get("streams", {}), "[streams]").items()],
        calibration=_list(years.get("calibration", []), "calibration", int),
        validation=_list(years.get("validation", []), "validation", int),
        footprint=FootprintChoice(**footprint),
        weights=contents.get("weights", "neff"),
        closure_factor=_closure(contents.get("closure_factor")),
        options=_table(contents.get("options", {}), "[options]"),
        towers=_list(contents.get("towers", []), "towers", str),
        title=contents.get("title", ""),
    )


def problem_table(problem: Problem) -> dict[str, Any]:
    """The tables from which `problem_from` makes an equal problem; nothing is left to defaults but what is None."""
    table: dict[str, Any] = {
        "title": problem.title, "towers": list(problem.towers), "weights": problem.weights,
        "years": {"calibration": list(map(int, problem.calibration)), "validation": list(map(int, problem.validation))},
        "parameters": {row.key: _said(row, PARAMETER_KEYS) for row in problem.parameters},
        "streams": {stream.name: _said(stream, STREAM_KEYS) for stream in problem.streams},
        "footprint": _said(problem.footprint, FOOTPRINT_KEYS), "options": dict(problem.options)}
    if problem.closure_factor is not None:
        table["closure_factor"] = _plain(problem.closure_factor)
    return table


def problem_text(problem: Problem) -> str:
    """TOML text of a problem, read back to an equal one by `problem_from_text`."""
    lines: list[str] = []
    tables: list[str] = []
    for key, value in problem_table(problem).items():
        if key in ("parameters", "options", "years", "footprint"):
            if value:
                tables += ["", f"[{key}]", *(f"{_key(name)} = {toml_value(one)}" for name, one in value.items())]
        elif key == "streams":
            for name, stream in value.items():
                tables += ["", f"[streams.{_key(name)}]", *(f"{part} = {toml_value(one)}" for part, one in stream.items())]
        else:
            lines.append(f"{key} = {toml_value(value)}")
    return "\n".join(lines + tables) + "\n"


def _parameter(key: str, given: Any) -> ParameterRow:
    name, _, plant = key.partition("@")
    place = f"parameter {key}"
    if given in ("free", "fixed"):
        return ParameterRow(name, status=given, plant_type=plant)
    if isinstance(given, _NUMBER) and not isinstance(given, bool):
        return ParameterRow(name, status="fixed", plant_type=plant, value=float(given))
    table = dict(_table(given, place, "\"free\", \"fixed\", a number, or a table"))
    _known(table, PARAMETER_KEYS, place)
    if "prior" in table:
        table["prior"] = _prior(table["prior"], place)
    if "status" not in table:
        table["status"] = "tied" if "tie" in table else "free"
    return ParameterRow(name=name, plant_type=plant, **table)


def _stream(key: str, given: Mapping[str, Any]) -> StreamChoice:
    place = f"stream {key}"
    _known(given, STREAM_KEYS, place)
    table = dict(given)
    if "variable" not in table:
        if key not in STREAM_VARIABLES and key not in SHORT_NAMES:
            _refuse(f"{place} is no variable; give variable, or {nearest(key, (*STREAM_VARIABLES, *SHORT_NAMES))}")
        table["variable"] = key
        name = ""
    else:
        name = key
    if "sigma" in table:
        sigma = _table(table["sigma"], f"sigma of {place}")
        _known(sigma, SIGMA_KEYS, f"sigma of {place}")
        if "rule" not in sigma:
            _refuse(f"sigma of {place} names no rule; give rule = \"supplied\", \"line\" or \"constant\"")
        try:
            table["sigma"] = SigmaRule(**sigma)
        except ProblemError as error:
            raise ProblemError(f"{place}: {error}") from error
    for entry, usual in (("scale", SCALE_PRIOR), ("correlation", CORRELATION_PRIOR)):
        if entry in table:
            table[entry] = _number_or_prior(table[entry], f"{entry} of {place}", usual)
    return StreamChoice(name=name, **table)


def _closure(given: Any) -> Closure:
    if given is None or isinstance(given, str):
        return given
    if isinstance(given, Mapping) and "distribution" not in given:
        return {key: _number_or_prior(value, f"closure_factor of {key}", CLOSURE_PRIOR) for key, value in given.items()}
    return _number_or_prior(given, "closure_factor", CLOSURE_PRIOR)


def _number_or_prior(given: Any, place: str, usual: Prior) -> float | Prior:
    if given == SAMPLED:
        return usual
    if isinstance(given, _NUMBER) and not isinstance(given, bool):
        return float(given)
    return _prior(_table(given, place, f"a number, \"{SAMPLED}\", or a prior"), place)


def _prior(given: Any, place: str) -> Prior:
    try:
        return prior_from(_table(given, f"the prior of {place}"))
    except PriorError as error:
        raise ProblemError(f"{place}: {error}") from error


def _known(table: Mapping[str, Any], known: tuple[str, ...], place: str) -> None:
    for key, value in table.items():
        if key not in known:
            _refuse(f"unknown key {key!r} in {place}; {nearest(key, known)}")
        wanted = _TYPES.get(key)
        if wanted and (not isinstance(value, wanted) or isinstance(value, bool)):
            _refuse(f"{key} = {value!r} in {place} must be a {'text' if wanted == _TEXT else 'number'}")


def _table(given: Any, place: str, what: str = "a table") -> Mapping[str, Any]:
    if not isinstance(given, Mapping):
        _refuse(f"{place} is {given!r}; it must be {what}")
    return given


def _list(given: Any, place: str, kind: type) -> list[Any]:
    if not isinstance(given, (list, tuple)) or not all(isinstance(one, kind) and not isinstance(one, bool) for one in given):
        _refuse(f"{place} = {given!r} must be a list of {'years' if kind is int else 'texts'}, as [2003, 2004]"
                if kind is int else f"{place} = {given!r} must be a list of texts")
    return list(given)


def _refuse(problem: str) -> NoReturn:
    raise ProblemError(problem)


def _said(one: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    """Fields of a dataclass that differ from their defaults, as TOML can hold them; the variable and the status always."""
    usual = {field.name: field.default for field in fields(one)}
    said = {key: getattr(one, key) for key in keys}
    return {key: _plain(value) for key, value in said.items()
            if value is not None and (key in ("variable", "status", "operator") or value != usual[key])}


def _plain(value: Any) -> Any:
    if isinstance(value, Prior):
        return value.as_table()
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, SigmaRule):
        return {"rule": value.rule} | _said(value, SIGMA_KEYS[1:])
    return value


def _key(name: str) -> str:
    return name if name.replace("_", "").replace("-", "").isalnum() and name.isascii() else toml_value(name)


def toml_value(value: Any) -> str:
    """A value as TOML writes it: truth, text, number, list or inline table."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in escaped) + '"'
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_key(str(key))} = {toml_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(toml_value, value)) + "]"
    return repr(value)
