"""One row per parameter of a problem: what it is, what is believed of it, and whether it is free, fixed or tied.

Rows are data. They are checked against the parameter table and against each other before anything runs: unknown names,
priors that exclude the default, ties in a circle and orders that the defaults break are refused with words.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from terraflux.assimilation.prior_tables import table_prior
from terraflux.assimilation.priors import Prior, PriorError
from terraflux.drivers.errors import nearest
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import parameter_entries
from terraflux.model.weave.streams import NOISE

STATUSES = ("free", "fixed", "tied")
SEASONAL = ("constant", "spline", "monthly", "harmonic", "acclimation")
LEAST_TAIL = 1e-6
"""A default further out than this in its prior counts as excluded by it."""
MOST_BEYOND = 1e-3
Bases = Mapping[str, ParameterSet]


class ProblemError(ValueError):
    """A calibration problem that cannot be posed as it stands: what is wrong, where, and what to do."""


@dataclass(frozen=True)
class ParameterRow:
    """One parameter of the model.

    `status` is free (estimated), fixed (at `value`, or its default) or tied (`factor` times the row `tie`). `prior` None
    takes that of the parameter table about the default. `plant_type` "" serves every plant type of the site. `value`
    replaces the default. `above` is the key of a row that this one always exceeds. `seasonal` says how it may vary over
    the year, `source` where the row comes from.
    """

    name: str
    status: str = "free"
    prior: Prior | None = None
    plant_type: str = ""
    value: float | None = None
    tie: str = ""
    factor: float = 1.0
    above: str = ""
    seasonal: str = "constant"
    source: str = ""

    @property
    def key(self) -> str:
        """`name`, or `name@plant_type`."""
        return f"{self.name}@{self.plant_type}" if self.plant_type else self.name


@dataclass(frozen=True)
class NoiseRow:
    """One number that says how a stream's errors behave, or several streams' in common.

    `entry` is scale (on sigma), correlation (of neighbouring errors) or factor (on the modelled value). With a prior it
    is sampled about `value`, without it stays there. `of` names it where the streams' names do not say what it is of.
    """

    streams: tuple[str, ...]
    entry: str
    value: float
    prior: Prior | None = None
    of: str = ""

    @property
    def key(self) -> str:
        """`stream.entry`, the streams joined by +, or `of.entry`."""
        return f"{self.of or '+'.join(self.streams)}.{self.entry}"


@dataclass(frozen=True)
class Resolved:
    """A row with everything settled: its default, prior (free rows) and the number of the row that it follows (-1: none)."""

    row: ParameterRow
    default: float
    prior: Prior | None
    follows: int
    bounds: tuple[float, float]


def resolved_rows(rows: Sequence[ParameterRow], bases: Bases) -> tuple[Resolved, ...]:
    """The rows, each settled and checked, in their order; raises ProblemError naming the row, what is wrong and the remedy."""
    if not rows:
        raise ProblemError("the problem has no parameter; name at least one that is free")
    places = _places(rows, bases)
    followed = [_followed(row, places) for row in rows]
    order = evaluation_order([row.key for row in rows], followed)
    settled: dict[int, Resolved] = {}
    for number in order:
        settled[number] = _settled(rows[number], followed[number], bases, settled)
    return tuple(settled[number] for number in range(len(rows)))


def evaluation_order(keys: Sequence[str], follows: Sequence[int]) -> tuple[int, ...]:
    """Row numbers such that each comes after the one it follows; raises ProblemError naming the rows of a circle."""
    order: list[int] = []
    for start in range(len(keys)):
        path: list[int] = []
        number = start
        while number >= 0 and number not in order:
            if number in path:
                circle = [*path[path.index(number):], number]
                raise ProblemError("parameters follow one another in a circle: " + " -> ".join(keys[one] for one in circle)
                                   + "; leave one of them free, without tie and above")
            path.append(number)
            number = follows[number]
        order += reversed(path)
    return tuple(order)


def _places(rows: Sequence[ParameterRow], bases: Bases) -> dict[str, int]:
    entries = parameter_entries()
    places: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row.name not in entries:
            raise ProblemError(f"unknown parameter {row.name!r}; {nearest(row.name, entries)}")
        if row.plant_type and row.plant_type not in bases:
            raise ProblemError(f"parameter {row.key}: no plant type {row.plant_type!r} at this site; "
                               f"{nearest(row.plant_type, bases)}")
        if row.key in places:
            raise ProblemError(f"parameter {row.key} is given twice; keep one of the rows")
        places[row.key] = number
        for word, known, what in ((row.status, STATUSES, "status"), (row.seasonal, SEASONAL, "seasonal choice")):
            if word not in known:
                raise ProblemError(f"parameter {row.key}: unknown {what} {word!r}; {nearest(word, known)}")
        _refuse_contradictions(row)
    for row in rows:
        if row.plant_type and row.name in places:
            raise ProblemError(f"parameter {row.name} is given both for every plant type and for {row.plant_type}; "
                               "write one row per plant type, or one for all")
    return places


def _refuse_contradictions(row: ParameterRow) -> None:
    def refuse(problem: str) -> None:
        raise ProblemError(f"parameter {row.key}: {problem}")

    if (row.status == "tied") != bool(row.tie):
        refuse("it is tied, but to nothing; give tie = \"another parameter\"" if row.status == "tied"
               else f"it is {row.status} and has a tie; leave out the one or the other")
    if row.status == "tied" and (row.above or row.value is not None or row.prior is not None):
        refuse("a tied parameter follows the other; it takes no prior, value or above of its own")
    if row.status == "fixed" and (row.prior is not None or row.above):
        refuse("a fixed parameter takes no prior and no above; make it free, or leave them out")
    if row.status != "tied" and row.factor != 1.0:
        refuse("factor belongs to a tie; give tie, or leave factor out")
    if row.seasonal != "constant" and row.status != "free":
        refuse(f"only a free parameter can be seasonal, this one is {row.status}")
    if not np.isfinite(row.factor) or row.factor == 0.0:
        refuse(f"factor = {row.factor} is no factor")


def _followed(row: ParameterRow, places: Mapping[str, int]) -> int:
    wanted = row.tie or row.above
    if not wanted:
        return -1
    for key in ((wanted,) if "@" in wanted or not row.plant_type else (f"{wanted}@{row.plant_type}", wanted)):
        if key in places:
            return places[key]
    verb = "tied to" if row.tie else "to stay above"
    raise ProblemError(f"parameter {row.key} is {verb} {wanted!r}, which has no row; add one (fixed, if it is known), or: "
                       + nearest(wanted, places))


def _settled(row: ParameterRow, follows: int, bases: Bases, settled: Mapping[int, Resolved]) -> Resolved:
    entry = parameter_entries()[row.name]
    low, high = entry.bounds
    if row.status == "tied":
        default = row.factor * settled[follows].default
    elif row.value is not None:
        default = float(row.value)
    else:
        default = _default(row, bases)
    if not low <= default <= high:
        raise ProblemError(f"parameter {row.key}: {default:g} is outside its bounds {low:g}..{high:g} {entry.unit}"
                           + (f" (tied: {row.factor:g} times {settled[follows].row.key})" if row.tie else ""))
    if row.status != "free":
        return Resolved(row, default, None, follows, entry.bounds)
    try:
        prior = table_prior(entry, default) if row.prior is None else row.prior.cut(low, high)
    except PriorError as error:
        raise ProblemError(f"parameter {row.key}: {error} (bounds {low:g}..{high:g} {entry.unit})") from error
    if prior is None:
        raise ProblemError(f"parameter {row.key}: the parameter table holds it fixed ({entry.source}); "
                           "give it a prior to free it")
    _refuse_excluded(row.key, prior, default, entry.unit)
    if row.above and not default > settled[follows].default:
        raise ProblemError(f"parameter {row.key} is to stay above {settled[follows].row.key}, but its default {default:g} is "
                           f"not above {settled[follows].default:g} {entry.unit}; give values in that order")
    return Resolved(row, default, prior, follows, entry.bounds)


def _default(row: ParameterRow, bases: Bases) -> float:
    """The value in the parameter sets that the row serves: that of the top layer for layered ones."""
    chosen = [bases[row.plant_type]] if row.plant_type else list(bases.values())
    lacking = [base.plant for base in chosen if row.name not in base]
    if lacking:
        raise ProblemError(f"parameter {row.key}: the column of {', '.join(lacking)} has no such parameter (no deep layers?)")
    values = {float(np.atleast_1d(base[row.name])[0]) for base in chosen}
    if len(values) > 1:
        texts = ", ".join(f"{code} {float(np.atleast_1d(base[row.name])[0]):g}" for code, base in bases.items())
        raise ProblemError(f"parameter {row.key}: the plant types have different defaults ({texts}); give value, or one row "
                           f"per plant type ({row.name}@{next(iter(bases))})")
    return values.pop()


def _refuse_excluded(key: str, prior: Prior, default: float, unit: str = "") -> None:
    remedy = f"; widen the prior, or give value = a better default{f' ({unit})' if unit else ''}"
    if not prior.holds(default):
        raise ProblemError(f"parameter {key}: its prior ({prior.name}, {prior.low:g}..{prior.high:g}) excludes the default "
                           f"{default:g}" + remedy)
    if prior.tail(default) < LEAST_TAIL:
        raise ProblemError(f"parameter {key}: the default {default:g} lies so far out in its prior ({prior.name}) that "
                           f"it excludes it (tail probability {prior.tail(default):.1e})" + remedy)


def checked_noise(rows: Iterable[NoiseRow]) -> tuple[NoiseRow, ...]:
    """The noise rows; raises ProblemError for what does not exist or what the likelihood cannot take.

    A sampled value is held to the limits of the likelihood where it is used; next to nothing of a prior lies beyond.
    """
    made: list[NoiseRow] = []
    for row in rows:
        if row.entry not in NOISE:
            raise ProblemError(f"unknown noise {row.entry!r} of {', '.join(row.streams)}; {nearest(row.entry, NOISE)}")
        _, low, high = NOISE[row.entry]
        if not row.streams or any(other.entry == row.entry and set(other.streams) & set(row.streams) for other in made):
            raise ProblemError(f"{row.key}: {'no stream is named' if not row.streams else 'a stream has it twice'}")
        if not low <= row.value <= high:
            raise ProblemError(f"{row.key} = {row.value:g} is outside {low:g}..{high:g}")
        if row.prior is not None:
            beyond = 1.0 - float(row.prior.cumulative(high) - row.prior.cumulative(low))
            if beyond > MOST_BEYOND:
                raise ProblemError(f"{row.key}: {beyond:.1%} of its prior ({row.prior.name}) lies beyond {low:g}..{high:g}; "
                                   "narrow it")
            _refuse_excluded(row.key, row.prior, row.value)
        made.append(row)
    return tuple(made)
