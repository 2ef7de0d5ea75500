"""Rejections by wind sector: every measured half hour is counted once, in the sector its wind came from."""

import numpy as np
import pytest
import xarray as xr

from terraflux.report.fit_footprints import NO_WIND, SECTORS, sector_of, sector_table
from terraflux.sites.observation_weights import Rejection


@pytest.fixture
def observed():
    """Two north, one of them rejected twice; one east, rejected; one not measured; one of unknown wind; one of another year."""
    times = np.array(["2021-06-01T00:00", "2021-06-01T00:30", "2021-06-01T01:00", "2021-06-01T01:30", "2021-06-01T02:00",
                      "2022-06-01T00:00"], "datetime64[ns]")
    few, none = int(Rejection.LITTLE_TARGET), int(Rejection.NO_FOOTPRINT)
    both = int(Rejection.LITTLE_CAPTURED) | few
    return xr.Dataset({
        "rejection": ("time", np.array([0, both, few, both, none, both], np.int8)),
        "wind_direction": ("time", [355.0, 11.0, 92.0, 180.0, np.nan, 0.0]),
        "latent_heat_quality": ("time", np.array([0, 0, 0, -1, 0, 0], np.int8))},
        {"time": times}, {"streams": "latent_heat", "maximum_quality": 0})


def test_sectors_are_centred_on_their_names():
    found = sector_of(np.array([0.0, 11.2, 11.3, 348.8, 348.7, 180.0, 359.9, np.nan]))
    assert [(*SECTORS, NO_WIND)[k] for k in found] == ["N", "N", "NNE", "N", "NNW", "S", "N", NO_WIND]


def test_rejections_are_counted_by_sector_and_reason(observed):
    header, rows = sector_table(observed, [2021])
    assert header == ["wind from", "half hours", "rejected", "no footprint", "little captured", "little target"]
    assert rows == [["N", "2", "50%", "0", "1", "1"], ["E", "1", "100%", "0", "0", "1"], [NO_WIND, "1", "100%", "1", "0", "0"]]


def test_without_footprints_or_wind_there_is_no_table(observed):
    assert sector_table(None, [2021]) == ([], [])
    assert sector_table(observed.drop_vars("wind_direction"), [2021]) == ([], [])
