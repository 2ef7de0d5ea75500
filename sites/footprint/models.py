"""The footprint models by short name, and `footprint_rows`, the way from half-hourly inputs to their rows.

| name | paper | needs besides zm, L, sigma_v, u*, direction | rows |
|---|---|---|---|
| `ffp` | Kljun et al. (2015) | z0 or mean wind speed, boundary-layer height | closed form |
| `kormann_meixner` | Kormann and Meixner (2001) | mean wind speed or z0 | closed form |
| `hsieh` | Hsieh et al. (2000), Detto et al. (2006) | z0 or mean wind speed | closed form |
| `safe_f` | two candidates for Chen et al. (2009), match unverified | mean wind speed or z0 | closed form or table |
"""

import difflib
import inspect
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from terraflux.sites.footprint import flux_footprint_prediction, hsieh, kormann_meixner, safe_f
from terraflux.sites.footprint.kernel import FootprintRows
from terraflux.sites.footprint.row_inputs import RowInputs
from terraflux.sites.footprint.stability import VON_KARMAN
from terraflux.sites.footprint.tabulated import TabulatedRows

Rows = FootprintRows | TabulatedRows
Builder = Callable[..., Rows]

MODELS: dict[str, Builder] = {
    "ffp": flux_footprint_prediction.footprint_rows,
    "kormann_meixner": kormann_meixner.footprint_rows,
    "hsieh": hsieh.footprint_rows,
    "safe_f": safe_f.footprint_rows,
}
"""Builders of rows from `RowInputs`, by short name; their further arguments are the options of the model."""


class WindConvention(UserWarning):
    """Wind directions look like radians or like something other than degrees from north."""


def footprint_rows(
    model: str,
    *,
    measurement_height: ArrayLike,
    roughness_length: ArrayLike | None = None,
    mean_wind_speed: ArrayLike | None = None,
    obukhov_length: ArrayLike | None = None,
    sigma_v: ArrayLike | None = None,
    friction_velocity: ArrayLike | None = None,
    boundary_layer_height: ArrayLike | None = None,
    wind_direction: ArrayLike | None = None,
    von_karman: float = VON_KARMAN,
    caution: ArrayLike | None = None,
    **options: Any,
) -> Rows:
    """Footprint rows of half hours: one row per half hour, each with parameters or with the reasons why it has none.

    measurement_height: height above displacement zm = z_sensor - d (m). roughness_length z0 (m). mean_wind_speed at zm
    (m s-1). obukhov_length (m, negative in unstable air). sigma_v: standard deviation of the crosswind velocity (m s-1).
    friction_velocity (m s-1). boundary_layer_height (m). wind_direction: degrees from north, clockwise, blowing FROM.
    Scalars and arrays broadcast; NaN and None are missing. caution: codes of `inputs.complete_inputs`. options: those of
    the model (`MODELS`): ffp `truncation`; kormann_meixner `exponents`, `stability_limit`, `lateral`; hsieh
    `neutral_limit`; safe_f `solution`, `lateral`, `exponents`, `stability_limit`.

    Bad rows never raise: `rows.reason` holds their codes (`validity.counts(rows.reason)`). Unknown names do raise.

    >>> rows = footprint_rows("ffp", measurement_height=20.0, roughness_length=0.1, obukhov_length=[-100.0, -100.0],
    ...                       sigma_v=0.6, friction_velocity=[0.4, 0.05], boundary_layer_height=2000.0, wind_direction=30.0)
    >>> rows.valid.tolist(), round(float(rows.peak_distance()[0]), 3)
    ([True, False], 84.085)
    """
    builder = MODELS.get(model)
    if builder is None:
        raise ValueError(_unknown("footprint model", model, MODELS))
    allowed = list(inspect.signature(builder).parameters)[1:]
    allowed = [name for name in allowed if name != "model"]
    for name in options:
        if name not in allowed:
            raise ValueError(_unknown(f"option of {model}", name, allowed))
    inputs = RowInputs.broadcast(
        von_karman,
        caution,
        measurement_height=measurement_height,
        roughness_length=roughness_length,
        mean_wind_speed=mean_wind_speed,
        obukhov_length=obukhov_length,
        sigma_v=sigma_v,
        friction_velocity=friction_velocity,
        boundary_layer_height=boundary_layer_height,
        wind_direction=wind_direction,
    )
    _look_at_directions(inputs.wind_direction)
    return builder(inputs, **options)


def attributes(rows: Rows) -> dict[str, str]:
    """Attributes that outputs made from rows carry: the model, and for SAFE-f that its match is unverified."""
    found = {"footprint_model": rows.model}
    if rows.model.startswith("safe_f"):
        found["footprint_model_note"] = safe_f.UNVERIFIED
    return found


def _look_at_directions(direction: np.ndarray) -> None:
    known = direction[np.isfinite(direction)]
    if known.size < 48:
        return
    if np.abs(known).max() <= 2.0 * np.pi + 1e-3 and np.ptp(known) > 1.0:
        text = f"all {known.size} wind directions lie within {known.min():.2f}..{known.max():.2f}: radians?"
    elif (known < 0.0).mean() > 0.1:
        text = f"{(known < 0.0).sum()} of {known.size} wind directions are negative: -180..180?"
    else:
        return
    remedy = "Give degrees from north, clockwise, that the wind blows from (0..360)."
    warnings.warn(f"{text} {remedy}", WindConvention, stacklevel=3)


def _unknown(kind: str, name: str, known: Mapping[str, Any] | list[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1)
    suggestion = f'; did you mean "{near[0]}"?' if near else ""
    return f'unknown {kind} "{name}": choose from {", ".join(known) or "none"}{suggestion}'
