"""Which half hours footprints reject, by the sector that the wind came from and by reason."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.sites.observation_weights import REJECTION_TEXTS

SECTORS = ("N", "NNE", "NE", "ENE", "E", "ESE", "SE", "SSE", "S", "SSW", "SW", "WSW", "W", "WNW", "NW", "NNW")
"""Sectors of 22.5 degrees, centred on their names, that the wind comes from."""
NO_WIND = "unknown wind"


def sector_of(direction: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of the sector of directions (degrees the wind comes from), len(SECTORS) where it is not known."""
    width = 360.0 / len(SECTORS)
    known = np.isfinite(direction)
    number = np.floor((np.where(known, direction, 0.0) + 0.5 * width) / width).astype(np.int64) % len(SECTORS)
    return np.where(known, number, len(SECTORS))


def sector_table(observed: xr.Dataset | None, years: Sequence[int]) -> tuple[list[str], list[list[str]]]:
    """Header and rows of rejections by wind sector; both empty for observations without footprints or wind.

    Counted are half hours of `years` with a value of any stream that may count. A half hour may be rejected for several
    reasons: reasons may sum to more than what is rejected. Sectors without wind and reasons that never occur are left out.
    """
    if observed is None or "rejection" not in observed or "wind_direction" not in observed:
        return [], []
    use = measured(observed) & np.isin(observed["time"].dt.year.values, list(years))
    codes = observed["rejection"].values[use]
    sector = sector_of(observed["wind_direction"].values.astype(np.float64)[use])
    reasons = [reason for reason in REJECTION_TEXTS if (codes & int(reason)).any()]
    header = ["wind from", "half hours", "rejected", *(str(reason.name).lower().replace("_", " ") for reason in reasons)]
    rows = []
    for number, name in enumerate((*SECTORS, NO_WIND)):
        here = codes[sector == number]
        if here.size:
            counts = [int((here & int(reason) != 0).sum()) for reason in reasons]
            rows.append([name, str(here.size), f"{np.mean(here != 0):.0%}", *map(str, counts)])
    return header, rows


def measured(observed: xr.Dataset) -> NDArray[np.bool_]:
    """Half hours with a value of any stream whose quality may count."""
    most = int(observed.attrs.get("maximum_quality", 0))
    use = np.zeros(observed.sizes["time"], np.bool_)
    for name in str(observed.attrs["streams"]).split():
        quality = observed[f"{name}_quality"].values
        use |= (quality >= 0) & (quality <= most)
    return use
