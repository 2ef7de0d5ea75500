"""What may be wrong with the weather: perturbed forcing for an ensemble, correlated over days.

Rain is multiplied by a lognormal factor and shortwave by another, both of mean 1; air temperature is shifted. Each follows
its own autoregression of first order, so that a series goes on where the last segment stopped. Vapour pressure keeps the
relative humidity. Values stay within the bounds of the variable table.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terraflux.model.humidity import saturation_pressure_at
from terraflux.model.weave import Table

Floats = NDArray[np.float64]
DAY = 86400.0


@dataclass(frozen=True)
class ForcingErrors:
    """Standard deviations of the errors of rain and shortwave (of the logarithm) and air temperature (K).

    Their correlation falls to 1/e over `memory_days`.
    """

    precipitation: float = 0.3
    shortwave: float = 0.1
    temperature: float = 0.5
    memory_days: float = 3.0

    def __post_init__(self) -> None:
        if min(self.precipitation, self.shortwave, self.temperature) < 0.0 or not self.memory_days > 0.0:
            raise ValueError(f"errors of forcing must not be negative and memory must be above zero days: {self}")


class ForcingPerturbation:
    """Perturbed copies of forcing for so many members, segment after segment."""

    def __init__(self, table: Table, errors: ForcingErrors, members: int, time_step: float,
                 seed: int | np.random.Generator = 0) -> None:
        self.errors, self.members = errors, members
        self._random = np.random.default_rng(seed)
        self._variables = table.of_kind("forcing")
        self._row = {variable.name: row for row, variable in enumerate(self._variables)}
        self._kept = float(np.exp(-time_step / (errors.memory_days * DAY)))
        self._last = self._random.standard_normal((3, members))

    def noise(self, steps: int) -> Floats:
        """The next standard normal errors [step, 3, member] of rain, shortwave and temperature."""
        from scipy.signal import lfilter

        fresh = np.sqrt(1.0 - self._kept**2) * self._random.standard_normal((steps, 3, self.members))
        values, _ = lfilter([1.0], [1.0, -self._kept], fresh, axis=0, zi=self._kept * self._last[None])
        if steps:
            self._last = values[-1]
        return np.asarray(values)

    def perturbed(self, forcing: Floats) -> Floats:
        """Forcing [time, row, member] from the next steps of forcing [time, row, 1]."""
        noise = self.noise(forcing.shape[0])
        done = np.repeat(forcing, self.members, axis=2)
        sizes = {"precipitation": self.errors.precipitation, "shortwave_down": self.errors.shortwave}
        for order, (name, size) in enumerate(sizes.items()):
            done[:, self._row[name]] *= np.exp(size * noise[:, order] - 0.5 * size**2)
        air, vapour = self._row["air_temperature"], self._row["vapour_pressure"]
        before = saturation_pressure_at(done[:, air])
        done[:, air] += self.errors.temperature * noise[:, 2]
        done[:, vapour] *= saturation_pressure_at(done[:, air]) / before
        for name in ("precipitation", "shortwave_down", "air_temperature", "vapour_pressure"):
            variable = self._variables[self._row[name]]
            if variable.bounds:
                np.clip(done[:, self._row[name]], *variable.bounds, out=done[:, self._row[name]])
        return done

    def copy_member(self, source: int, target: int) -> None:
        """The errors of a member go on as those of another."""
        self._last[:, target] = self._last[:, source]
