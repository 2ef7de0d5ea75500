"""Input that does not fit is refused with a word on what to do."""

import numpy as np
import pytest

from terraflux.products.fusion.methods import fuse

IMAGE = np.linspace(0.1, 0.4, 400).reshape(20, 20)


@pytest.mark.parametrize(("inputs", "settings", "message"), [
    ((IMAGE, IMAGE[:10, :10], IMAGE), {}, "fine grid"),
    ((IMAGE, IMAGE, IMAGE[:10]), {}, "fine grid"),
    ((IMAGE[0], IMAGE[0], IMAGE[0]), {}, r"\[row, column\]"),
    ((IMAGE[:0], IMAGE[:0], IMAGE[:0]), {}, "none of them empty"),
    (([IMAGE, IMAGE], [IMAGE], IMAGE), {}, "2 fine but 1 coarse"),
    (([IMAGE] * 3, [IMAGE] * 3, IMAGE), {}, "one or two"),
    (([IMAGE] * 2, [IMAGE] * 2, IMAGE), {"compat": "starfm4py"}, "one"),
    ((IMAGE.astype(str), IMAGE, IMAGE), {}, "not real numbers"),
    ((IMAGE.astype(complex), IMAGE, IMAGE), {}, "not real numbers"),
    ((IMAGE.astype(int), IMAGE, IMAGE), {}, "scale=10000"),
    ((IMAGE, IMAGE, IMAGE), {"scale": 0.0}, "scale"),
    ((IMAGE, IMAGE, IMAGE), {"window": 30}, "odd"),
    ((IMAGE, IMAGE, IMAGE), {"window": 1}, "odd"),
    ((IMAGE, IMAGE, IMAGE), {"classes": 0}, "classes"),
    ((IMAGE, IMAGE, IMAGE), {"spatial_impact": -1.0}, "spatial_impact"),
    ((IMAGE, IMAGE, IMAGE), {"pixel_size": np.nan}, "pixel_size"),
    ((IMAGE, IMAGE, IMAGE), {"fine_uncertainty": [0.1, 0.1]}, "1 bands"),
    ((IMAGE, IMAGE, IMAGE), {"coarse_uncertainty": -0.1}, "not negative"),
    ((IMAGE, IMAGE, IMAGE), {"days": [1, 2]}, "days"),
    ((IMAGE, IMAGE, IMAGE), {"detail": "none"}, "centre"),
    ((IMAGE, IMAGE, IMAGE), {"compat": "other"}, "starfm4py"),
    ((IMAGE, IMAGE, IMAGE), {"compat": "starfm4py", "log_weights": True}, "own rules"),
    ((IMAGE, IMAGE, IMAGE), {"threads": 0}, "threads"),
])
def test_starfm_refuses_what_does_not_fit(inputs, settings, message):
    with pytest.raises(ValueError, match=message):
        fuse("starfm", *inputs, **settings)


@pytest.mark.parametrize(("count", "settings", "message"), [
    (1, {}, "takes two"), (3, {}, "takes two"), (2, {"significance": 0.0}, "significance"), (2, {"window": 4}, "odd")])
def test_estarfm_refuses_what_does_not_fit(count, settings, message):
    with pytest.raises(ValueError, match=message):
        fuse("estarfm", [IMAGE] * count, [IMAGE] * count, IMAGE, **settings)


def test_unknown_method_names_the_known_ones():
    with pytest.raises(ValueError, match="estarfm, starfm"):
        fuse("fsdaf", IMAGE, IMAGE, IMAGE)
