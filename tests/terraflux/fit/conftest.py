"""A small calibration that every test of `terraflux fit` shares: six weeks of an invented tower, two parameters."""

import pytest

from terraflux.assimilation.fit_tower import fit_tower
from terraflux.assimilation.problem_file import problem_from_text
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.report.write_fit import write_fit

TEXT = """
title = "six weeks"
[years]
calibration = [2021]
validation = [2022]
[parameters]
respiration_q10 = "free"
decomposition_scale = { prior = { distribution = "lognormal", median = 1.0, gsd = 2.0 } }
carboxylation_capacity = 70.0
[streams.NEE]
scale = "sampled"
[streams.LE]
average = "day"
"""


@pytest.fixture(scope="session")
def problem_text():
    """The problem as TOML."""
    return TEXT


@pytest.fixture(scope="session")
def problem():
    """The problem."""
    return problem_from_text(TEXT)


@pytest.fixture(scope="session")
def small_tower():
    """Six weeks about the turn of a year, hourly."""
    return synthetic_tower(year=2021, years=2, step_seconds=3600).between("2021-12-01", "2022-01-15")


@pytest.fixture(scope="session")
def small_fit(problem, small_tower):
    """The problem fitted by `auto`."""
    return fit_tower(problem, small_tower, draws=300, starts=2, spin_up_cycles=2, threads=1)


@pytest.fixture(scope="session")
def written(small_fit, tmp_path_factory):
    """The fit, written with all its figures."""
    return write_fit(small_fit, tmp_path_factory.mktemp("fit"), band_draws=40, history="terraflux fit of a test")
