"""What a fusion returns: the image, and for every pixel how it came about."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Reason(IntEnum):
    """How a pixel was predicted. Of two pairs of images, the lower code counts."""

    FUSED = 0
    """weighted mean over similar pixels of the window"""
    CENTRE = 1
    """fine and coarse value agree, or the coarse one did not change: the coarse change of the pixel itself"""
    FILLED = 2
    """an image has no data at the pixel; its usable neighbours were taken"""
    NO_DATA = 3
    """an image has no data at the pixel, and nothing could be put there: NaN"""


@dataclass(frozen=True)
class Fusion:
    """A predicted fine image and its account, all [band, row, column], or [row, column] where the input had no band axis."""

    image: Array
    """prediction, unit of the input; NaN where there are no data"""
    reason: NDArray[np.uint8]
    """code of `Reason`"""
    similar: NDArray[np.int32]
    """number of similar pixels used, of all pairs"""

    def without_bands(self) -> "Fusion":
        """The same without the band axis of a lone band."""
        return Fusion(self.image[0], self.reason[0], self.similar[0])
