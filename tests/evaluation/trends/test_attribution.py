"""Effects of factors add up, or say by how much they do not."""

from itertools import combinations

import numpy as np
import pytest

from terraflux.evaluation.trends.attribution import (
    anomaly_attribution,
    factorial_attribution,
    sequential_attribution,
    shapley_trends,
    shapley_values,
)

YEARS = np.arange(1979, 2013)
TIME = YEARS - 1979.0
SLOPES = {"co2": 1.0, "climate": 0.4, "lai": -0.2}


def made_up_runs(interaction=0.0):
    """All eight runs: straight lines that add, co2 and climate with an interaction."""
    return {chosen: 500.0 + TIME * (sum(SLOPES[name] for name in chosen) + interaction * ({"co2", "climate"} <= set(chosen)))
            for size in range(4) for chosen in combinations(SLOPES, size)}


def test_effects_that_add_close_exactly():
    found = factorial_attribution(made_up_runs(), YEARS)
    assert {name: one.trend for name, one in found.effects.items()} == pytest.approx(SLOPES)
    assert found.total.slope == pytest.approx(1.2)
    assert found.closure == pytest.approx(0.0, abs=1e-12)
    assert found.effects["lai"].share == pytest.approx(-0.2 / 1.2)
    assert found.effects["co2"].difference.slope == pytest.approx(1.0)


def test_interaction_shows_in_the_closure_and_is_shared_by_shapley():
    runs = made_up_runs(interaction=0.3)
    found = factorial_attribution(runs, YEARS)
    assert found.effects["co2"].trend == pytest.approx(1.3) and found.closure == pytest.approx(-0.3)
    assert shapley_trends(runs, YEARS) == pytest.approx({"climate": 0.55, "co2": 1.15, "lai": -0.2})


def test_shapley_values_sum_to_the_whole_on_maps():
    generator = np.random.default_rng(0)
    values = {chosen: generator.normal(size=(4, 5)) for size in range(5) for chosen in combinations("abcd", size)}
    found = shapley_values(values)
    assert sum(found.values()) == pytest.approx(values[("a", "b", "c", "d")] - values[()])


def test_maps_are_attributed_cell_by_cell():
    scale = np.array([1.0, 2.0, 0.5])
    runs = {name: values[:, None] * scale for name, values in made_up_runs().items()}
    found = factorial_attribution(runs, YEARS)
    assert found.effects["climate"].trend == pytest.approx(0.4 * scale)
    assert found.effects["climate"].difference.p.shape == (3,)


def test_a_sequence_attributes_step_by_step():
    steps = {"fixed": 0.0 * TIME, "co2": 1.0 * TIME, "climate": 1.5 * TIME, "lai": 1.3 * TIME}
    found = sequential_attribution(steps, YEARS)
    assert {name: one.trend for name, one in found.items()} == pytest.approx({"co2": 1.0, "climate": 0.5, "lai": -0.2})


def test_an_anomalous_year_is_split_with_its_residual():
    reference = np.full(34, 10.0)
    single = {"temperature": reference + TIME, "rain": reference - 2.0 * TIME}
    found = anomaly_attribution(reference, single, reference - 0.5 * TIME, YEARS, 1989)
    assert found == pytest.approx({"anomaly": -5.0, "temperature": 10.0, "rain": -20.0, "residual": 5.0})


def test_missing_runs_are_named():
    runs = made_up_runs()
    del runs["co2", "lai"]
    with pytest.raises(ValueError, match=r"missing runs: co2 \+ lai varying"):
        factorial_attribution(runs, YEARS)
    with pytest.raises(ValueError, match="all fixed"):
        shapley_values({("a",): 1.0})
    with pytest.raises(ValueError, match="twice"):
        shapley_values({("a", "b"): 1.0, ("b", "a"): 1.0})
    with pytest.raises(ValueError, match="named by a text"):
        shapley_values({"co2": 1.0})
    with pytest.raises(ValueError, match="1900"):
        anomaly_attribution(TIME, {}, TIME, YEARS, 1900)
