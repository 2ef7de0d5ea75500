"""Inputs of a footprint model as equal-length arrays, the rules that all models share, and the rows they end in."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.sites.footprint.kernel import FootprintRows
from terraflux.sites.footprint.stability import VON_KARMAN
from terraflux.sites.footprint.validity import Reason, flagged

Floats = NDArray[np.float64]

_UNITS = {
    "measurement_height": "m above displacement",
    "roughness_length": "m",
    "mean_wind_speed": "m s-1",
    "obukhov_length": "m",
    "sigma_v": "m s-1",
    "friction_velocity": "m s-1",
    "boundary_layer_height": "m",
    "wind_direction": "degrees from north the wind blows from",
}


@dataclass(frozen=True)
class RowInputs:
    """Inputs of every half hour as 1-D float64 arrays of equal length, NaN where missing (units: see `footprint_rows`)."""

    measurement_height: Floats
    roughness_length: Floats
    mean_wind_speed: Floats
    obukhov_length: Floats
    sigma_v: Floats
    friction_velocity: Floats
    boundary_layer_height: Floats
    wind_direction: Floats
    caution: NDArray[np.uint32]
    von_karman: float = VON_KARMAN

    @classmethod
    def broadcast(cls, von_karman: float = VON_KARMAN, caution: ArrayLike | None = None, **inputs: Any) -> "RowInputs":
        """Scalars, lists and arrays brought to one length; None stands for missing everywhere, infinity too but for L.

        Raises ValueError naming the input whose length does not fit or that is no number.
        """
        arrays = {name: _floats(name, value) for name, value in inputs.items()}
        lengths = {name: len(array) for name, array in arrays.items() if array.ndim == 1}
        count = max(lengths.values(), default=1)
        for name, length in lengths.items():
            if length not in (1, count):
                raise ValueError(f"{name} ({_UNITS[name]}) has {length} rows, other inputs have {count}: give 1 or {count}")
        rows = {name: np.broadcast_to(array, (count,)).astype(float) for name, array in arrays.items()}
        for name, row in rows.items():
            if name != "obukhov_length":
                row[np.isinf(row)] = np.nan
        marks = np.broadcast_to(np.asarray(0 if caution is None else caution, np.uint32), (count,)).copy()
        return cls(**rows, caution=marks, von_karman=float(von_karman))

    def select(self, index: Any) -> "RowInputs":
        """The rows of a slice, a mask or an array of indices."""
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in (*_UNITS, "caution")}
        return replace(self, **columns)

    @property
    def zeta(self) -> Floats:
        """zm / L (-)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.measurement_height / self.obukhov_length)

    def common_reasons(self, friction_velocity_above: float = 0.0) -> NDArray[np.uint32]:
        """Codes of the rules that every model has: inputs present, positive, and the wind direction within the circle."""
        return flagged(
            (np.isnan(self.measurement_height), Reason.MISSING_MEASUREMENT_HEIGHT),
            (np.isnan(self.obukhov_length), Reason.MISSING_OBUKHOV_LENGTH),
            (np.isnan(self.sigma_v), Reason.MISSING_SIGMA_V),
            (np.isnan(self.friction_velocity), Reason.MISSING_FRICTION_VELOCITY),
            (np.isnan(self.wind_direction), Reason.MISSING_WIND_DIRECTION),
            (self.measurement_height <= 0.0, Reason.MEASUREMENT_HEIGHT_NOT_POSITIVE),
            (self.obukhov_length == 0.0, Reason.OBUKHOV_LENGTH_ZERO),
            (self.sigma_v <= 0.0, Reason.SIGMA_V_NOT_POSITIVE),
            (self.friction_velocity <= friction_velocity_above, Reason.FRICTION_VELOCITY_TOO_LOW),
            ((self.wind_direction < 0.0) | (self.wind_direction > 360.0), Reason.WIND_DIRECTION_OUTSIDE_CIRCLE),
        )


def rows_where_valid(
    model: str,
    inputs: RowInputs,
    reason: NDArray[np.uint32],
    caution: NDArray[np.uint32],
    truncation: float = np.nan,
    **columns: Any,
) -> FootprintRows:
    """Rows of a model, with NaN parameters where there is a reason against one."""
    valid = reason == 0
    saturating = np.broadcast_to(np.asarray(columns.pop("saturating"), bool), valid.shape).copy()
    kept = {name: np.where(valid, values, np.nan) for name, values in columns.items()}
    return FootprintRows(
        **kept, saturating=saturating, wind_direction=np.where(valid, inputs.wind_direction, np.nan),
        reason=reason, caution=caution, model=model, truncation=float(truncation),
    )  # fmt: skip


def _floats(name: str, value: Any) -> Floats:
    if value is None:
        return np.asarray(np.nan)
    try:
        array = np.asarray(value, float)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} ({_UNITS[name]}) holds something that is no number: {error}") from error
    if array.ndim > 1:
        raise ValueError(f"{name} ({_UNITS[name]}) has {array.ndim} dimensions; give one value or one per half hour")
    return array
