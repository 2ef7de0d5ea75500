"""The choices a user has when forcing is completed."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from terraflux.drivers.errors import ForcingError, nearest, refuse_unknown_keys
from terraflux.model.sky_longwave import SKY_LONGWAVE


@dataclass(frozen=True)
class Completion:
    """Choices for completing forcing.

    `gaps` is "refuse" or "fill"; `maximum_missing_share` (0-1) limits filling; `out_of_range` is "refuse" or "gap".
    `clock` (against the sun) and `units` (against plausible numbers) are "check" or "trust". `longwave` names a scheme
    ("brutsaert", "prata"); `unmeasured_longwave` says what becomes of monthly means at a tower that never measured it:
    "estimate" by the scheme, or "keep". `carbon_dioxide` is "polynomial", the path of a series, or a number (umol mol-1).
    `leaf_area` is "record" (a column of the source), "phenology" (the model makes it), "auto" (the first where there is
    one, else the second), the path of a CSV, or a number (m2 m-2); `leaf_area_column`, `leaf_area_smooth` and
    `leaf_area_composite_days` describe the CSV. `wind_speed` (m s-1), `air_pressure` (Pa) and `precipitation`
    (kg m-2 s-1) are constants for sources that have none; without one, pressure follows from elevation and the others
    are refused. `seed` starts the random numbers of disaggregation. `order` ("refuse", "sort") and `duplicates`
    ("refuse", "first") are the rules for the time axis.
    """

    gaps: str = "refuse"
    maximum_missing_share: float = 0.2
    out_of_range: str = "refuse"
    clock: str = "check"
    units: str = "check"
    longwave: str = "prata"
    unmeasured_longwave: str = "estimate"
    carbon_dioxide: str | float = "polynomial"
    leaf_area: str | float = "auto"
    leaf_area_column: str | None = None
    leaf_area_smooth: bool = True
    leaf_area_composite_days: float = 0.0
    wind_speed: float | None = None
    air_pressure: float | None = None
    precipitation: float | None = None
    seed: int = 1
    order: str = "refuse"
    duplicates: str = "refuse"

    def __post_init__(self) -> None:
        for choice, known in (("gaps", ("refuse", "fill")), ("out_of_range", ("refuse", "gap")),
                              ("clock", ("check", "trust")), ("units", ("check", "trust")),
                              ("longwave", tuple(SKY_LONGWAVE)), ("unmeasured_longwave", ("estimate", "keep")),
                              ("order", ("refuse", "sort")), ("duplicates", ("refuse", "first"))):
            if getattr(self, choice) not in known:
                raise ForcingError(f"{choice} = {getattr(self, choice)!r} is unknown",
                                   remedy=nearest(str(getattr(self, choice)), known))
        for choice, low, high in (("maximum_missing_share", 0.0, 1.0), ("leaf_area_composite_days", 0.0, 366.0),
                                  ("wind_speed", 0.0, 75.0), ("air_pressure", 4e4, 1.1e5), ("seed", 0, 2**63),
                                  ("precipitation", 0.0, 0.1)):
            value = getattr(self, choice)
            if value is not None and (isinstance(value, (bool, str)) or not low <= value <= high):
                raise ForcingError(f"{choice} = {value!r} lies outside {low:g}..{high:g}", variable=choice,
                                   remedy=f"correct {choice}")


COMPLETION_KEYS = tuple(one.name for one in fields(Completion))


def completion_from(choices: Mapping[str, Any], *, file: object = "") -> Completion:
    """Choices from a mapping such as the [completion] table of a tower file; unknown keys are refused."""
    refuse_unknown_keys(choices, COMPLETION_KEYS, file=file, place="[completion]")
    return Completion(**choices)
