"""What several tests of assimilation share: twins of the full land model over a few weeks."""

import pytest

from terraflux.assimilation.full_twins import land_twin

WEEKS = ("2021-06-01", "2021-06-24")


@pytest.fixture(scope="session")
def short_twin():
    """Three parameters, 24 days, half-hourly NEE and LE, daily soil moisture."""
    return land_twin("dense", 3, names=("carboxylation_capacity", "stomatal_slope_medlyn", "decomposition_scale"),
                     period=WEEKS)
