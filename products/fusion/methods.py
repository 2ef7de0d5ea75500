"""Methods of image fusion by short name."""

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike

from terraflux.products.fusion.estarfm import fuse_estarfm
from terraflux.products.fusion.fused import Fusion
from terraflux.products.fusion.images import Images
from terraflux.products.fusion.starfm import fuse_starfm

METHODS: dict[str, Callable[..., Fusion]] = {"starfm": fuse_starfm, "estarfm": fuse_estarfm}
"""A method takes fine pairs, coarse pairs, a coarse target and its own settings by keyword."""


def fuse(method: str, fine_pairs: Images, coarse_pairs: Images, coarse_target: ArrayLike, **settings: Any) -> Fusion:
    """Image, reason and number of similar pixels by the method of this short name; settings as that method documents them."""
    if method not in METHODS:
        raise ValueError(f"no method {method!r} of image fusion; choose one of {', '.join(sorted(METHODS))}")
    return METHODS[method](fine_pairs, coarse_pairs, coarse_target, **settings)
