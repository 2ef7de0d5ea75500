"""What several tests of assimilation share: twins of the full land model over a few weeks."""

import pytest

from terraflux.assimilation.full_twins import land_twin

WEEKS = ("2021-05-20", "2021-06-28")


@pytest.fixture(scope="session")
def short_twin():
    """Three parameters, forty days, half-hourly NEE and LE, daily soil moisture."""
    return land_twin("dense", 3, names=("carboxylation_capacity", "stomatal_slope_medlyn", "decomposition_scale"),
                     period=WEEKS)
