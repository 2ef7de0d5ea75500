"""A calibration with a season goes the same way: posed, written, and not run without its season."""

import pytest

from terraflux.assimilation.fit_tower import fit_tower
from terraflux.assimilation.parameter_file import parameters_text, read_parameters
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem_file import problem_from_text
from terraflux.assimilation.seasonal_space import SeasonalSpace
from terraflux.drivers.synthetic_tower import synthetic_tower

TEXT = """
[years]
calibration = [2021]
[parameters]
carboxylation_capacity = { seasonal = "harmonic" }
[streams.NEE]
average = "day"
"""


@pytest.mark.slow
def test_weights_of_a_season_are_written_and_a_plain_run_is_refused(tmp_path):
    tower = synthetic_tower(year=2021, step_seconds=3600).between("2021-05-01", "2021-06-10")
    found = fit_tower(problem_from_text(TEXT), tower, "ienks", draws=200, spin_up_cycles=2, threads=1)
    assert isinstance(found.target.space, SeasonalSpace)
    path = tmp_path / "parameters.toml"
    path.write_text(parameters_text(found))
    read = read_parameters(path)
    assert list(read.rows) == ["carboxylation_capacity"]
    assert read.seasonal == tuple(f"seasonal_weight_{k}" for k in (1, 2, 3, 4))
    with pytest.raises(ProblemError, match="a plain run does not carry"):
        read.for_a_run()
