"""Samplers are found by name and speak alike."""

import inspect

import numpy as np
import pytest

from terraflux.assimilation.samplers import SAMPLERS, sampler


def test_an_unknown_sampler_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean 'ensemble'"):
        sampler("ensembel")


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_share_their_arguments(name):
    words = set(inspect.signature(sampler(name)).parameters)
    assert {"log_density", "mean", "covariance", "names", "seed", "settings", "maximum_runs", "checkpoint", "progress"} <= words


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_finds_a_normal_and_carries_companions(name):
    def density(u):
        value = -0.5 * (u**2).sum(axis=1)
        return value, np.stack([value, u[:, 0] + u[:, 1]], axis=1)

    result = sampler(name)(density, np.zeros(2), np.eye(2), names=("rate", "depth"), seed=1, maximum_runs=30_000)
    assert result.method == name
    deviation = np.sqrt(np.diag(result.covariance()))
    np.testing.assert_allclose(deviation, 1.0, atol=0.12)
    np.testing.assert_allclose(result.companions[..., 0], result.log_density)
    np.testing.assert_allclose(result.companions[..., 1], result.controls.sum(axis=-1))
    assert "rate" in result.summary()
