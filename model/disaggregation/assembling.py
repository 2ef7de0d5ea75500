"""Coarse forcing in the rows of a disaggregation, from arrays by name."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.disaggregation.disaggregation import (
    AIR_TEMPERATURE_RANGE,
    Disaggregation,
    DisaggregationError,
    coarse_rows,
)
from terraflux.model.variables import variable_table
from terraflux.model.weave import Table

MINIMUM, MAXIMUM = "air_temperature_minimum", "air_temperature_maximum"


def coarse_forcing(values: Mapping[str, ArrayLike], disaggregation: Disaggregation, table: Table | None = None
                   ) -> NDArray[np.float64]:
    """Forcing [interval, row, series] from arrays [interval, series] (layered ones [interval, layer, series]) by name.

    The range of air temperature (K) may come as `air_temperature_minimum` and `air_temperature_maximum` (degC); the mean of
    the day, where it is not given, is then halfway between them. Arrays of shape (series,) or numbers stay the same all the
    time. Raises DisaggregationError for a name that is missing, and for shapes that do not fit.
    """
    given = dict(values)
    if MINIMUM in given and MAXIMUM in given:
        low, high = np.asarray(given[MINIMUM], float), np.asarray(given[MAXIMUM], float)
        given.setdefault(AIR_TEMPERATURE_RANGE, high - low)
        given.setdefault("air_temperature", 0.5 * (low + high))
    rows = coarse_rows(table or variable_table(), disaggregation.daily)
    series = np.asarray(disaggregation.latitude).size
    parts = []
    for name, layer in rows:
        if name not in given:
            remedy = f"; give it, or {MINIMUM} and {MAXIMUM}" if name in (AIR_TEMPERATURE_RANGE, "air_temperature") else ""
            raise DisaggregationError(f"the coarse forcing lacks {name}{remedy}")
        values_of = np.asarray(given[name], float)
        parts.append(values_of[:, layer] if values_of.ndim == 3 else values_of)
    intervals = max((part.shape[0] for part in parts if part.ndim == 2), default=1)
    made = np.empty((intervals, len(rows), series))
    for row, ((name, _), part) in enumerate(zip(rows, parts, strict=True)):
        try:
            made[:, row] = part
        except ValueError:
            raise DisaggregationError(f"{name} has the shape {part.shape}; expected ({intervals}, {series})") from None
    return made
