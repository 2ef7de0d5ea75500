"""Ensembles draw from the posterior, in batches, and mend or report walkers that are stuck."""

import numpy as np
import pytest

from terraflux.assimilation.checkpoint import Checkpoint
from terraflux.assimilation.ensemble_sampling import EnsembleSettings, SnookerMove, sample_ensembles, walker_warnings
from terraflux.assimilation.stop_rule import StopRule, judge

RULE = StopRule(autocorrelation_lengths=0.0)
COVARIANCE = np.array([[1.0, 0.7, 0.0], [0.7, 2.0, -0.4], [0.0, -0.4, 0.5]])
PRECISION = np.linalg.inv(COVARIANCE)


def normal(u):
    """Log density of a correlated normal."""
    return -0.5 * np.einsum("ri,ij,rj->r", u, PRECISION, u)


def test_moments_of_a_normal_are_found():
    result = sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=1, rule=RULE)
    assert result.status == "converged"
    np.testing.assert_allclose(result.covariance(), COVARIANCE, atol=0.12)
    assert np.all(np.abs(result.mean()) < 4.0 * np.sqrt(np.diag(COVARIANCE) / 1000.0))


def test_the_full_rule_asks_for_fifty_settled_autocorrelation_times():
    result = sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=1, rule=StopRule(autocorrelation_change=0.05))
    assert result.status == "converged"
    assert result.steps >= 50.0 * result.verdict.autocorrelation.max()


@pytest.mark.parametrize("dimensions", [2, 6])
def test_the_snooker_move_alone_leaves_a_normal_as_it_is(dimensions):
    # The move of emcee 3.1.6 gives a variance of 0.66 in 6 dimensions here.
    random = np.random.RandomState(np.random.PCG64(5))
    walkers = random.standard_normal((2, 64, dimensions))
    move, squares = SnookerMove(), []
    for step in range(3000):
        for part in range(2):
            proposal, factor = move.get_proposal(walkers[part], [walkers[1 - part]], random)
            gain = factor - 0.5 * (proposal**2).sum(axis=1) + 0.5 * (walkers[part] ** 2).sum(axis=1)
            taken = np.log(random.random_sample(64)) < gain
            walkers[part][taken] = proposal[taken]
        if step >= 200:
            squares.append((walkers**2).mean())
    assert np.mean(squares) == pytest.approx(1.0, abs=0.05)


def test_snooker_draws_three_different_walkers():
    class Listed:
        """Randoms of a fixed seed, with the scale of every jump one."""

        def __init__(self):
            self.random = np.random.RandomState(1)

        def random_sample(self, shape):
            return self.random.random_sample(shape)

        def uniform(self, low, high, size):
            return np.ones(size)

    sample, others = np.full((500, 1), 10.0), np.array([[0.0], [1.0], [3.0]])
    proposal, _ = SnookerMove().get_proposal(sample, [others], Listed())
    assert set(np.round(np.abs(proposal - sample).ravel(), 9)) == {1.0, 2.0, 3.0}  # never 0: no walker twice


def test_all_ensembles_are_run_in_one_call():
    sizes = []

    def watched(u):
        sizes.append(u.shape[0])
        return normal(u)

    result = sample_ensembles(watched, np.zeros(3), COVARIANCE, seed=1, rule=RULE, maximum_runs=20_000)
    assert sizes[0] == 4 * 64
    assert set(sizes[1:]) == {4 * 32}  # halves for differential evolution and snooker alike
    assert result.runs == sum(sizes)


def test_the_same_seed_gives_the_same_chain_and_another_seed_another():
    runs = [sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=seed, rule=RULE, maximum_runs=30_000) for seed in (3, 3, 4)]
    np.testing.assert_array_equal(runs[0].controls, runs[1].controls)
    assert not np.array_equal(runs[0].controls, runs[2].controls)


def test_failed_replicas_cost_only_themselves_and_are_counted():
    def half(u):
        value = normal(u)
        value[u[:, 0] > 0.0] = np.nan
        return value

    result = sample_ensembles(half, np.array([-1.0, 0.0, 0.0]), COVARIANCE, seed=1, rule=RULE, maximum_runs=100_000)
    assert result.flat[:, 0].max() <= 0.0
    assert 0 < result.failed < result.runs
    assert result.flat[:, 0].mean() == pytest.approx(-np.sqrt(2.0 / np.pi), abs=0.1)


def test_stuck_walkers_are_put_among_the_others_in_burn_in():
    def with_pit(u):
        far = u[:, 0] > 30.0
        return np.where(far, -500.0 - 50.0 * (u[:, 0] - 40.0) ** 2, normal(u))

    means = np.stack([np.zeros(3)] * 7 + [np.array([40.0, 0.0, 0.0])])
    covariances = np.stack([COVARIANCE] * 7 + [0.01 * np.eye(3)])
    result = sample_ensembles(with_pit, means, covariances, seed=1, rule=RULE)
    assert result.restarted >= 16
    assert result.status == "converged"
    assert result.flat[:, 0].max() < 10.0


def test_walkers_stuck_after_burn_in_are_reported():
    random = np.random.default_rng(2)
    chain = random.standard_normal((200, 4, 8, 1))
    density = -0.5 * chain[..., 0] ** 2
    verdict = judge(RULE, chain, density, ("a",))
    assert walker_warnings(verdict, RULE, density, 20.0) == []
    density[:, 1, 3] -= 40.0
    assert walker_warnings(verdict, RULE, density, 20.0) == [
        "1 walkers stay more than 20 in log posterior below the median of their ensemble"]


def test_running_out_of_runs_is_said_and_all_draws_are_kept():
    told = []
    result = sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=1, maximum_runs=40_000,
                              progress=lambda done, total, text: told.append((done, total, text)))
    assert result.status == "not_converged"
    assert "autocorrelation" in result.message
    assert result.controls.shape[:1] == (256,)
    assert result.runs <= 40_000
    assert any("R-hat" in text and "effective draws" in text and "left" in text for _, _, text in told)
    assert told[-1][0] == result.runs


def test_a_budget_enlarged_continues_the_same_chain(tmp_path):
    once = sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=1, rule=RULE, maximum_runs=60_000)
    place = Checkpoint(tmp_path / "run.h5")
    sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=1, rule=RULE, maximum_runs=29_000, checkpoint=place)
    more = sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=1, rule=RULE, maximum_runs=60_000, checkpoint=place)
    np.testing.assert_array_equal(once.controls, more.controls)
    assert once.runs == more.runs
    with pytest.raises(ValueError, match=r"differs in: sampler\.moves"):
        sample_ensembles(normal, np.zeros(3), COVARIANCE, seed=1, checkpoint=place, settings=EnsembleSettings(moves="de"))


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="positive definite"):
        sample_ensembles(normal, np.zeros(3), np.zeros((3, 3)))
    with pytest.raises(ValueError, match="2 names for 3"):
        sample_ensembles(normal, np.zeros(3), COVARIANCE, names=("a", "b"))
    with pytest.raises(ValueError, match="no finite log posterior"):
        sample_ensembles(lambda u: np.full(u.shape[0], np.nan), np.zeros(3), COVARIANCE)
    with pytest.raises(ValueError, match="whole batch"):
        sample_ensembles(lambda u: np.float64(0.0), np.zeros(3), COVARIANCE)
    with pytest.raises(ValueError, match=r"\+inf"):
        sample_ensembles(lambda u: np.full(u.shape[0], np.inf), np.zeros(3), COVARIANCE)
    with pytest.raises(ValueError, match="multiple of 4"):
        EnsembleSettings(walkers=6).walkers_for(3)
    with pytest.raises(ValueError, match="leave nothing"):
        sample_ensembles(normal, np.zeros(3), COVARIANCE, maximum_runs=300)
