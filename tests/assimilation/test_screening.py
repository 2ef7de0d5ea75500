"""Elementary effects and variance shares of functions with known answers."""

import numpy as np
import pytest

from terraflux.assimilation.screening import MARGIN, morris, screen, sobol
from terraflux.assimilation.twin_models import sparse_twin

NAMES = ("first", "second", "third")


def ishigami_angles(cube):
    """Angles from -pi to pi for the part of the cube that is walked."""
    return -np.pi + 2.0 * np.pi * (cube - MARGIN) / (1.0 - 2.0 * MARGIN)


def ishigami(x):
    """sin x1 + 7 sin^2 x2 + 0.1 x3^4 sin x1."""
    return (np.sin(x[:, 0]) * (1.0 + 0.1 * x[:, 2] ** 4) + 7.0 * np.sin(x[:, 1]) ** 2)[:, np.newaxis]


def test_effects_of_a_linear_function_are_its_slopes():
    """mu is the slope over the range walked, mu* its size, and the spread is 0."""
    slopes = np.array([[3.0, 0.0], [-2.0, 1.0], [0.1, 0.5]])
    found = morris(lambda u: u @ slopes, lambda cube: cube, NAMES, ("a", "b"), trajectories=10)
    np.testing.assert_allclose(found.mean, slopes * (1.0 - 2.0 * MARGIN), atol=1e-12)
    np.testing.assert_allclose(found.mean_size, np.abs(found.mean), atol=1e-12)
    np.testing.assert_allclose(found.spread, 0.0, atol=1e-12)
    assert found.runs == 40
    assert found.kept(0.05) == NAMES and found.kept(0.6) == ("first", "second")


def test_sobol_shares_of_the_ishigami_function():
    """Analytic: first order 0.3139, 0.4424, 0; total 0.5576, 0.4424, 0.2437."""
    found = sobol(ishigami, ishigami_angles, NAMES, ("y",), base=4096, bootstrap=50)
    np.testing.assert_allclose(found.first[:, 0], [0.3139, 0.4424, 0.0], atol=0.02)
    np.testing.assert_allclose(found.total[:, 0], [0.5576, 0.4424, 0.2437], atol=0.02)
    assert found.runs == 4096 * 5 and np.all(found.first_error < 0.08)


def test_effects_agree_with_salib():
    """Where SALib is installed, on the same trajectories."""
    analyze = pytest.importorskip("SALib.analyze.morris")
    walked = []

    def outputs(u):
        walked.append(u)
        return ishigami(u)

    found = morris(outputs, ishigami_angles, NAMES, ("y",), trajectories=30)
    cube = (np.concatenate(walked) + np.pi) / (2.0 * np.pi)
    problem = {"num_vars": 3, "names": list(NAMES), "bounds": [[0.0, 1.0]] * 3}
    theirs = analyze.analyze(problem, cube, ishigami(np.concatenate(walked))[:, 0], num_levels=4)
    np.testing.assert_allclose(found.mean_size[:, 0], theirs["mu_star"], rtol=1e-10)
    np.testing.assert_allclose(found.spread[:, 0], theirs["sigma"], rtol=1e-10)


def test_failed_runs_cost_their_trajectory():
    """They are counted, and too many are an error."""
    found = morris(lambda u: np.where(u[:, :1] > 0.9, np.nan, u), lambda cube: cube, ("a",), ("y",), trajectories=40)
    assert 0 < found.failed < 40 and found.trajectories == 40 - found.failed
    with pytest.raises(ValueError, match="narrow the priors"):
        morris(lambda u: u * np.nan, lambda cube: cube, ("a",), ("y",))


def test_streams_tell_which_parameters_they_feel():
    """Soil water does not depend on respiration; daily NEE feels respiration most."""
    twin = sparse_twin()
    found = screen(twin, trajectories=10, seed=1)
    assert found.outputs == ("NEE", "SWC", "misfit") and found.runs == twin.runs == 110
    effect = dict(zip(found.names, found.mean_size, strict=True))
    assert effect["respiration_10"][1] == 0.0 and effect["q10"][1] == 0.0
    assert max(effect, key=lambda name: effect[name][0]) == "respiration_10"


def test_odd_requests_are_refused():
    """Odd levels, one trajectory, base points that are no power of 2."""
    with pytest.raises(ValueError, match="even"):
        morris(ishigami, ishigami_angles, NAMES, ("y",), levels=5)
    with pytest.raises(ValueError, match="trajectories"):
        morris(ishigami, ishigami_angles, NAMES, ("y",), trajectories=1)
    with pytest.raises(ValueError, match="power of 2"):
        sobol(ishigami, ishigami_angles, NAMES, ("y",), base=100)
