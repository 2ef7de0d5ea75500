"""From stored numbers to physical ones: fill values, valid ranges, scale and offset, by the attributes of a variable."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.errors import ForcingError

FILL_ATTRIBUTES = ("_FillValue", "missing_value")


def _numbers(attributes: Mapping[str, Any], name: str, file: object, variable: str) -> NDArray[np.float64]:
    """An attribute as numbers; texts that hold numbers are understood, others refused."""
    given = attributes.get(name)
    if given is None:
        return np.empty(0)
    parts = [given] if isinstance(given, str) else np.atleast_1d(given).tolist()
    try:
        return np.array([float(part) for part in parts], dtype=np.float64)
    except (TypeError, ValueError) as trouble:
        raise ForcingError(f"the attribute {name} = {given!r} is no number", file=file, variable=variable,
                           remedy="repair the attribute") from trouble


def decoded(raw: NDArray[Any], attributes: Mapping[str, Any], *, file: object = "", variable: str = "") -> NDArray[np.float64]:
    """Values as float64, NaN where missing: raw * scale_factor + add_offset of what is no fill value.

    Fill values (_FillValue, missing_value; several, texts and NaN on integers too) and valid_min, valid_max, valid_range
    hold for the stored numbers, as CF section 2.5.1 says. Raises ForcingError for texts and broken attributes.
    """
    if raw.dtype.kind not in "iufb":
        raise ForcingError(f"the values are of type {raw.dtype}, no numbers", file=file, variable=variable,
                           remedy="choose the numeric variable")
    stored = raw
    if str(attributes.get("_Unsigned", "")).lower() == "true" and raw.dtype.kind == "i":
        stored = raw.view(raw.dtype.str.replace("i", "u"))
    values = stored.astype(np.float64)
    missing = np.zeros(values.shape, dtype=bool)
    for name in FILL_ATTRIBUTES:
        for fill in _numbers(attributes, name, file, variable):
            if np.isnan(fill):
                continue
            if stored.dtype.kind == "u" and fill < 0:
                fill += 2.0 ** (8 * stored.dtype.itemsize)
            missing |= values == (float(np.asarray(fill, dtype=stored.dtype)) if stored.dtype.kind == "f" else fill)
    limits = _numbers(attributes, "valid_range", file, variable)
    low = limits[:1] if limits.size == 2 else _numbers(attributes, "valid_min", file, variable)
    high = limits[1:] if limits.size == 2 else _numbers(attributes, "valid_max", file, variable)
    if low.size:
        missing |= values < low[0]
    if high.size:
        missing |= values > high[0]
    scale, offset = (_numbers(attributes, name, file, variable) for name in ("scale_factor", "add_offset"))
    if scale.size and (scale[0] == 0.0 or not np.isfinite(scale[0])):
        raise ForcingError(f"scale_factor = {scale[0]:g} makes every value the same", file=file, variable=variable,
                           remedy="repair the attribute")
    if scale.size:
        values *= scale[0]
    if offset.size:
        values += offset[0]
    values[missing] = np.nan
    return values
