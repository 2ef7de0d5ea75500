"""Unit mistakes are told from the numbers: a declared unit must make them plausible, else the one that would is named.

Every variable has an envelope for a robust statistic of its canonical values over the record. The envelopes are wide:
they hold for the coldest and wettest stations on earth, and fail for kelvin read as degC, hPa as kPa, percent as
fraction, joule as watt or totals as rates.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.record import Series
from terraflux.drivers.units import alternatives, canonical_unit

FEWEST_VALUES = 24
YEAR_SECONDS = 31_557_600.0


@dataclass(frozen=True)
class Envelope:
    """Plausible range (canonical unit) of a percentile of the values, asked of records of `fewest` values and more."""

    percentile: float
    low: float
    high: float
    fewest: int = 24

    def holds(self, values: NDArray[np.float64]) -> bool:
        """Whether the statistic of the finite values lies in the range, or cannot be asked."""
        if np.isfinite(values).sum() < self.fewest:
            return True
        statistic = self.statistic(values)
        return bool(self.low <= statistic <= self.high)

    def statistic(self, values: NDArray[np.float64]) -> float:
        """The percentile of the finite values; 100 is the maximum, and -1 stands for the mean."""
        finite = values[np.isfinite(values)]
        return float(finite.mean() if self.percentile < 0 else np.percentile(finite, self.percentile))

    @property
    def label(self) -> str:
        """Name of the statistic."""
        names = {-1.0: "mean", 50.0: "median", 100.0: "maximum"}
        return names.get(self.percentile, f"{self.percentile:g}th percentile")


# Canonical units. Sources of the extremes: WMO archive of weather and climate extremes.
ENVELOPES: dict[str, tuple[Envelope, ...]] = {
    "air_temperature": (Envelope(50, -60.0, 42.0), Envelope(100, -60.0, 58.0)),
    "dew_point_temperature": (Envelope(50, -70.0, 30.0),),
    "air_pressure": (Envelope(50, 4.5e4, 1.09e5),),
    "vapour_pressure": (Envelope(50, 5e-4, 4.5), Envelope(99, 1e-3, 6.0)),
    "vapour_pressure_deficit": (Envelope(99, 5e-3, 8.5),),
    "relative_humidity": (Envelope(100, 0.1, 1.25), Envelope(50, 0.02, 1.05)),
    "specific_humidity": (Envelope(50, 2e-6, 0.03), Envelope(100, 1e-5, 0.06)),
    "vapour_mole_fraction": (Envelope(50, 3e-6, 0.05),),
    "wind_speed": (Envelope(99, 0.1, 45.0),),
    # Two months without a single half-hour of 0.04 mm: a rate was read as a total.
    "precipitation": (Envelope(-1, 0.0, 13000.0 / YEAR_SECONDS), Envelope(100, 0.0, 0.1),
                      Envelope(100, 2e-5, 0.1, 2880)),
    "carbon_dioxide": (Envelope(50, 250.0, 1200.0),),
    "longwave_down": (Envelope(50, 90.0, 480.0),),
    "prescribed_leaf_area_index": (Envelope(100, 0.0, 15.0),),
    "soil_temperature_observed": (Envelope(50, -40.0, 50.0),),
    "soil_moisture_observed": (Envelope(100, 0.0, 1.0),),
    "net_radiation": (Envelope(99, 5.0, 1100.0),),
    "latent_heat": (Envelope(99, 1.0, 1000.0),),
    "sensible_heat": (Envelope(99, 1.0, 1000.0),),
}

HINTS = {
    "longwave_down": "net longwave radiation (negative or small) is not downwelling longwave radiation",
    "vapour_pressure_deficit": "check that the column is not relative humidity",
}


def check_units(variable: str, one: Series, step_seconds: float) -> None:
    """Refuse a series whose numbers are implausible in its declared unit; name the unit that would make sense.

    Series with fewer than 24 finite values say too little and pass. Raises ForcingError.
    """
    if np.isfinite(one.values).sum() < FEWEST_VALUES:
        return
    if variable == "precipitation" and not np.nan_to_num(one.values).any():
        return
    broken = next((envelope for envelope in ENVELOPES.get(variable, ()) if not envelope.holds(one.values)), None)
    if broken is None:
        return
    fitting = [spelling for spelling, way in alternatives(variable, step_seconds).items()
               if all(envelope.holds(way(one.raw)) for envelope in ENVELOPES[variable])]
    raw_statistic = broken.statistic(one.raw)
    looks = f"; the numbers look like {' or '.join(fitting)}" if fitting else ""
    remedy = f"declare the unit {fitting[0]}" if fitting else "check the column and its unit"
    raise ForcingError(
        f"the {broken.label} {raw_statistic:.4g} {one.declared} means {broken.statistic(one.values):.4g} "
        f"{canonical_unit(variable)}, outside {broken.low:g}..{broken.high:g}{looks}",
        file=one.file, variable=f"{variable} (column {one.column})" if one.column else variable, unit=one.declared,
        remedy=". ".join(filter(None, [remedy, HINTS.get(variable, "")])))


def check_light(shortwave: Series, extraterrestrial: NDArray[np.float64], step_seconds: float) -> None:
    """Refuse shortwave radiation whose brightest steps are too dark or brighter than the sun allows.

    Compares surface with extraterrestrial radiation (W m-2, whole-step means): the 99th percentile of their ratio
    while the sun is well up lies between 0.35 and 1.25 in every climate; joules per step and photon fluxes do not.
    """
    bright = np.isfinite(shortwave.values) & (extraterrestrial > 200.0)
    if bright.sum() < 5 * FEWEST_VALUES:
        return

    def clearness(values: NDArray[np.float64]) -> float:
        return float(np.percentile(values[bright] / extraterrestrial[bright], 99))

    found = clearness(shortwave.values)
    if 0.35 <= found <= 1.25:
        return
    ways = alternatives("shortwave_down", step_seconds)
    fitting = [spelling for spelling, way in ways.items() if 0.35 <= clearness(way(shortwave.raw)) <= 1.25]
    # Sunlight has about 2.02 umol of photosynthetic photons per joule of shortwave (McCree 1972, half of it visible).
    photons = not fitting and 0.35 <= clearness(shortwave.raw) / 2.02 <= 1.25
    remedy = "check the column, its unit and the clock"
    if fitting:
        remedy = f"declare the unit {fitting[0]}"
    elif photons:
        remedy = "map a column of shortwave radiation, not of photons (PPFD)"
    looks = f"; the numbers look like {' or '.join(fitting) or 'photons'}" if fitting or photons else ""
    raise ForcingError(f"the brightest sunlight is {found:.3g} of what arrives above the atmosphere{looks}",
                       file=shortwave.file, variable=f"shortwave_down (column {shortwave.column})",
                       unit=shortwave.declared, remedy=remedy)
