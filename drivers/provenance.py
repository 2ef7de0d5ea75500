"""Where a value comes from: one flag per value.

Flags follow the value through reading, filling and completion, so that a run can say how much of its weather was
measured and an evaluation can leave out what was not.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

MEASURED, FILLED_GOOD, FILLED_MEDIUM, FILLED_POOR, DISAGGREGATED, ESTIMATED, PRESCRIBED, INTERPOLATED = range(8)

FLAG_MEANINGS = ("measured", "filled_good", "filled_medium", "filled_poor", "disaggregated", "estimated", "prescribed",
                 "interpolated")

# FLUXNET2015 half-hourly flags; 2 stands for medium filling and for downscaled reanalysis (Pastorello et al. 2020).
FLUXNET_FLAGS = {0: MEASURED, 1: FILLED_GOOD, 2: FILLED_MEDIUM, 3: FILLED_POOR}
# PLUMBER2 adds 4 downscaled reanalysis, 5 statistical filling, 101 post-processed (Ukkola et al. 2022).
PLUMBER_FLAGS = FLUXNET_FLAGS | {4: FILLED_MEDIUM, 5: FILLED_POOR, 101: ESTIMATED}


def flags_from(codes: ArrayLike, meaning: dict[int, int], unknown: int = FILLED_POOR) -> NDArray[np.int8]:
    """Provenance flags (int8) from the quality codes of a source; missing and unlisted codes become `unknown`."""
    given = np.asarray(codes, dtype=float)
    flags = np.full(given.shape, unknown, dtype=np.int8)
    for code, flag in meaning.items():
        flags[given == code] = flag
    return flags


def attributes(variable: str) -> dict[str, object]:
    """CF attributes of the flag companion of `variable`."""
    return {"long_name": f"provenance of {variable}", "flag_values": np.arange(len(FLAG_MEANINGS), dtype=np.int8),
            "flag_meanings": " ".join(FLAG_MEANINGS)}


def shares(flags: ArrayLike) -> dict[str, float]:
    """Share of values (0-1) of every flag that occurs, by meaning."""
    values, counts = np.unique(np.asarray(flags), return_counts=True)
    return {FLAG_MEANINGS[int(value)]: float(count) / float(counts.sum()) for value, count in zip(values, counts)}
