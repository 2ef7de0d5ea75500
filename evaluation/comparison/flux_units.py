"""Units of gridded fluxes on their way to daily rates: carbon as g m-2 d-1, water as mm d-1, energy as W m-2.

Products write the same rate in many ways: `kg m-2 s-1`, `gC/m^2/day`, `kg C m-2 8d-1`, `mm/month`, `umol m-2 s-1`,
`MJ m-2 d-1`. A unit without a time is an amount over the step. Amounts per month, year or composite are divided by the
true length of each step, so February of a leap year and the last composite of a year come out right.
"""

import re
from dataclasses import dataclass

from terraflux.drivers.errors import ForcingError
from terraflux.model.constants import CARBON_MOLAR_MASS

LATENT_HEAT = 2.45e6  # J kg-1, at 20 degC (Allen et al. 1998, FAO-56)
CANONICAL = {"carbon": "g m-2 d-1", "water": "mm d-1", "energy": "W m-2"}
"""Unit after reading, by kind; other kinds keep the unit of their file."""
SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0,
           "d": 86400.0, "day": 86400.0, "days": 86400.0}
LONG = {"8d": "step", "8day": "step", "8days": "step", "composite": "step", "step": "step", "month": "month", "mon": "month",
        "months": "month", "yr": "year", "y": "year", "a": "year", "year": "year", "years": "year", "annum": "year"}
# To grams of carbon, kg of water (mm), joules; moles are of CO2, one atom of carbon each.
_MOLE = CARBON_MOLAR_MASS
AMOUNTS = {
    "carbon": {"kg": 1e3, "g": 1.0, "mg": 1e-3, "ug": 1e-6, "t": 1e6, "Mg": 1e6, "Tg": 1e12, "Pg": 1e15, "umol": 1e-6 * _MOLE,
               "µmol": 1e-6 * _MOLE, "mmol": 1e-3 * _MOLE, "mol": _MOLE},
    "water": {"kg": 1.0, "g": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1e3},
    "energy": {"J": 1.0, "kJ": 1e3, "MJ": 1e6},
}
AREAS = {"m": 1.0, "km": 1e-6, "ha": 1e-4}
PER = ("second", "step", "month", "year")


@dataclass(frozen=True)
class Rate:
    """Way to the canonical unit: values times `factor` are a rate, or an amount per `per` (step, month, year)."""

    factor: float
    per: str = "second"


def rate(unit: str, kind: str, *, file: object = "", variable: str = "") -> Rate:
    """How values of a unit become canonical rates of a kind (carbon, water, energy).

    Latent heat (W m-2, MJ m-2 d-1) read as water is divided by 2.45 MJ kg-1. Raises ForcingError for a unit that is not
    understood.

    >>> rate("kg m-2 s-1", "carbon")
    Rate(factor=86400000.0, per='second')
    >>> rate("kgC/m^2/8d", "carbon"), rate("mm month-1", "water")
    (Rate(factor=1000.0, per='step'), Rate(factor=1.0, per='month'))
    """
    found = _factors(unit)
    if found is not None:
        amount, area, seconds, per = found
        if kind == "water" and amount in (*AMOUNTS["energy"], "W"):
            inner = _rate(amount, area, seconds, per, "energy")
            if inner is not None:
                scale = 86400.0 / LATENT_HEAT if inner.per == "second" else 1.0 / LATENT_HEAT
                return Rate(inner.factor * scale, inner.per)
        made = _rate(amount, area, seconds, per, kind)
        if made is not None:
            return made
    raise ForcingError(f"the unit {unit!r} is not understood as a flux of {kind}", file=file, variable=variable, unit=unit,
                       remedy=f"state the unit, such as {CANONICAL[kind]!r} or 'kg m-2 s-1'")


def _rate(amount: str, area: str, seconds: float | None, per: str | None, kind: str) -> Rate | None:
    if kind == "energy" and amount == "W":
        return Rate(AREAS[area], "second") if area and per is None and seconds is None else None
    if amount not in AMOUNTS[kind]:
        return None
    depth = amount in ("mm", "cm", "m") and kind == "water"
    if depth == bool(area):
        return None
    size = AMOUNTS[kind][amount] * (1.0 if depth else AREAS[area])
    if per is not None:
        return Rate(size, per)
    if seconds is None:
        return Rate(size, "step")
    return Rate(size / seconds * (1.0 if kind == "energy" else 86400.0), "second")


def _factors(unit: str) -> tuple[str, str, float | None, str | None] | None:
    """Amount, area, seconds of the time and its long period of a unit; None where it is no flux."""
    # MODIS writes kg_C/m^2/8day.
    unit = unit.replace("_", " ")
    text = re.sub(r"(?<![A-Za-z])C(?![A-Za-z])|CO2|H2O|\bcarbon\b|\bwater\b", " ", unit.replace("**", "^").replace("·", " "))
    text = re.sub(r"\b(kg|g|mg|Mg|Tg|Pg)C\b", r"\1", text).replace(".", " ").replace("*", " ")
    text = re.sub(r"\s*/\s*", "/", text.replace("(", " ").replace(")", " "))
    parts: list[tuple[str, int]] = []
    for place, piece in enumerate(text.split("/")):
        for word in piece.split():
            match = re.fullmatch(r"(8\s*d(?:ays?)?|[A-Za-zµ]+)\^?(-?\d+)?", word)
            if match is None:
                return None
            power = int(match[2] or 1)
            parts.append((match[1], -abs(power) if place else power))
    amount = [name for name, power in parts if power == 1]
    below = {name: power for name, power in parts if power < 0}
    if len(amount) != 1 or len(amount) + len(below) != len(parts):
        return None
    area, seconds, per = "", None, None
    for name, power in below.items():
        if (name in ("m", "km") and power == -2) or (name == "ha" and power == -1):
            area = name
        elif name in SECONDS and power == -1:
            seconds = SECONDS[name]
        elif name in LONG and power == -1:
            per = LONG[name]
        else:
            return None
    return amount[0], area, seconds, per
