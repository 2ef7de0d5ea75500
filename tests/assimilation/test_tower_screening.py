"""Screening on the land model: parameters of leaves are felt by production, a parameter of nothing by none."""

import numpy as np
import pytest

from terraflux.assimilation.fit import fit
from terraflux.assimilation.full_twins import observed_twin
from terraflux.assimilation.parameter_rows import ParameterRow
from terraflux.assimilation.problem import Problem, SigmaRule, StreamChoice
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.assimilation.tower_screening import screen_tower, share_variance, tower_information
from terraflux.drivers.synthetic_tower import synthetic_tower

NAMES = ("carboxylation_capacity", "stomatal_slope_medlyn", "decomposition_scale", "stomatal_slope_ball_berry")
UNUSED = NAMES.index("stomatal_slope_ball_berry")
SIGMA = SigmaRule("line", offset=1.0, slope_positive=0.1, slope_negative=0.1)
STREAMS = [StreamChoice("NEE", sigma=SIGMA), StreamChoice("LE", sigma=SigmaRule("constant", value=15.0))]


@pytest.fixture(scope="module")
def target():
    """Ten days of the invented meadow with the Medlyn scheme, in which the Ball-Berry slope does nothing."""
    from dataclasses import replace

    columns = tower_columns(synthetic_tower("grassland").between("2021-06-05", "2021-06-14"), spin_up_cycles=1)
    problem = Problem([ParameterRow(name) for name in NAMES], STREAMS, [2021])
    space = problem.space(columns.sets)
    values = dict(zip(space.keys, map(float, space.expand(space.default_control()[None])[0]), strict=True))
    columns = replace(columns, tower=observed_twin(columns, problem, values, 1))
    return TowerProblem(problem, columns, threads=1)


@pytest.fixture(scope="module")
def found(target):
    return fit(target, "gn", starts=1, draws=200, check_draws=60)


def test_morris_finds_what_each_stream_and_the_likelihood_feel(target):
    effects = screen_tower(target, trajectories=6)
    assert effects.outputs == ("net_ecosystem_exchange", "latent_heat", "misfit")
    assert effects.failed == 0
    assert effects.runs == 6 * (len(NAMES) + 1)
    np.testing.assert_array_equal(effects.mean_size[UNUSED], 0.0)
    assert set(effects.kept()) == set(NAMES) - {NAMES[UNUSED]}
    carbon = NAMES.index("decomposition_scale")
    assert effects.mean_size[carbon, 1] < 0.05 * effects.mean_size[:, 1].max()  # decay of litter is not felt by evaporation


def test_sobol_shares_are_none_for_what_does_nothing(target):
    shares = share_variance(target, base=16)
    assert shares.outputs == ("net_ecosystem_exchange", "latent_heat", "misfit")
    assert shares.runs == 16 * (len(NAMES) + 2)
    np.testing.assert_allclose(shares.total[UNUSED], 0.0, atol=1e-12)
    assert (shares.total.max(axis=0) > 0.3).all()


def test_the_hessian_spectrum_names_the_direction_that_data_cannot_tell(found):
    made = tower_information(found)
    assert made.names == NAMES
    assert (np.diff(made.eigenvalues) <= 0.0).all()
    last = made.unidentified[-1]
    assert abs(last.components[UNUSED]) == pytest.approx(1.0, abs=1e-3)
    assert "stomatal_slope_ball_berry" in made.describe()
    assert made.eigenvalues[0] > 10.0
    assert 1.0 < made.degrees_of_freedom < 3.0 + 1e-6
    assert made.shrinkage[UNUSED] == pytest.approx(1.0, abs=1e-3)


def test_a_fit_without_a_hessian_has_no_spectrum(target):
    rough = fit(target, "eki_dmc", draws=50, members=40)
    with pytest.raises(ValueError, match="leaves no Hessian"):
        tower_information(rough)
