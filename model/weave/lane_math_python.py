"""The functions of `lane_math` for woven modules that run as plain Python, with the same bits.

They take and give numpy floats, so that a division by zero gives infinity as in compiled code and does not raise.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from terraflux.model.weave import lane_math

__all__ = lane_math.__all__


def _with_numpy_float(function: Callable[..., float]) -> Callable[..., Any]:
    def lane_function(*arguments: float) -> Any:
        return np.float64(function(*map(float, arguments)))

    return lane_function


ceil, exp, expm1, floor, fma, log, pow_positive, sqrt, tanh = (
    _with_numpy_float(getattr(lane_math, name)) for name in __all__
)
