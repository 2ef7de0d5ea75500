"""The compiled batch: the same bits in any lane, block, thread and company, vector code in every stage, readable text."""

import ast
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from terraflux.model.column import prepare, step
from terraflux.model.options import Options
from terraflux.model.weave import Model

pytestmark = pytest.mark.xdist_group("column")

STEPS = 300
OUTPUTS = ("latent_heat", "gross_primary_production", "soil_temperature", "snow_melt", "drainage", "water_substeps",
           "heterotrophic_respiration", "leaf_temperature_sunlit")
LANE_BY_LANE: dict[str, str] = {}  # stage -> why it may have more scalar than vector operations


@pytest.fixture(scope="module")
def batch(make_columns, every_pair):
    """41 columns of all climates, from winter into spring: neither 8 nor 32 nor 64 divide them."""
    return make_columns(pairs=every_pair[::7], steps=STEPS, seed=1, season_days=12.0)


@pytest.fixture(scope="module")
def reference(batch):
    """Outputs [window, row, column] and final state at 32 lanes on one thread."""
    result, state = batch.run(outputs=OUTPUTS, windows=50, threads=1)
    assert result["snow_melt"].max() > 0.0 and result["water_substeps"].max() > 1.0
    return result.out, state


def same_bits(found, expected):
    return np.array_equal(np.ascontiguousarray(found).view(np.int64), np.ascontiguousarray(expected).view(np.int64))


@pytest.mark.parametrize("lanes", [1, 8, pytest.param(64, marks=pytest.mark.slow)])
def test_number_of_lanes_changes_no_bit(batch, reference, lanes):
    result, state = batch.run(outputs=OUTPUTS, windows=50, lanes=lanes)
    assert same_bits(result.out, reference[0]) and same_bits(state, reference[1])


@pytest.mark.parametrize(("lanes", "threads"), [(32, 2), (8, 2), (8, 3), (1, 2)])
def test_number_of_threads_changes_no_bit(batch, reference, lanes, threads):
    result, state = batch.run(outputs=OUTPUTS, windows=50, lanes=lanes, threads=threads)
    assert same_bits(result.out, reference[0]) and same_bits(state, reference[1])


@pytest.mark.parametrize("seed", [0, 1])
def test_place_of_a_column_in_the_batch_changes_no_bit(batch, reference, seed):
    order = np.random.default_rng(seed).permutation(batch.state.shape[1])
    result, state = batch.run(columns=order, outputs=OUTPUTS, windows=50)
    assert same_bits(result.out, reference[0][:, :, order]) and same_bits(state, reference[1][:, order])


@pytest.mark.parametrize("lanes", [1, 32])
def test_a_lone_column_equals_itself_in_company(batch, reference, lanes):
    for column in (0, 13, 40):
        result, state = batch.run(columns=[column], outputs=OUTPUTS, windows=50, lanes=lanes)
        assert same_bits(result.out, reference[0][:, :, [column]]) and same_bits(state, reference[1][:, [column]])


def test_columns_that_share_a_series_equal_columns_with_copies_of_it(batch, reference):
    shared = batch.forcing
    try:
        batch.forcing = np.ascontiguousarray(shared[:, :, batch.forcing_of])
        result, state = batch.model.run(
            batch.forcing, batch.vectors, own := batch.state.copy(), {"time_step": batch.time_step},
            outputs=OUTPUTS, windows=50), own
    finally:
        batch.forcing = shared
    assert same_bits(result.out, reference[0]) and same_bits(state, reference[1])


def test_a_second_run_gives_the_same_bits(batch, reference):
    result, state = batch.run(outputs=OUTPUTS, windows=50)
    assert same_bits(result.out, reference[0]) and same_bits(state, reference[1])


def test_what_is_kept_and_over_which_windows_does_not_change_the_state(batch, reference):
    for outputs, windows in (((), None), (("albedo",), 1), ({"soil_liquid": "last"}, np.arange(STEPS) // 7)):
        _, state = batch.run(outputs=outputs, windows=windows)
        assert same_bits(state, reference[1])


def test_window_means_are_means_of_the_steps(batch, reference):
    every, _ = batch.run(outputs=OUTPUTS)
    means = every.out.reshape(STEPS // 50, 50, *every.out.shape[1:]).mean(1)
    np.testing.assert_allclose(reference[0], means, rtol=1e-12, atol=1e-18)


def test_each_column_fails_or_thrives_by_itself(batch, reference):
    healthy = batch.forcing
    poisoned = healthy.copy()
    names = [variable.name for variable in batch.model.table.of_kind("forcing")]
    poisoned[100:, names.index("air_temperature"), 2] = np.nan
    try:
        batch.forcing = poisoned
        result, state = batch.run(outputs=OUTPUTS, windows=50, on_error="status")
    finally:
        batch.forcing = healthy
    ill = batch.forcing_of == 2
    assert {failure.column for failure in result.failures} == set(np.flatnonzero(ill))
    assert {failure.step for failure in result.failures} == {100}
    assert same_bits(result.out[:, :, ~ill], reference[0][:, :, ~ill]) and same_bits(state[:, ~ill], reference[1][:, ~ill])


@pytest.mark.slow
def test_skipping_snow_where_none_lies_changes_no_bit(batch, reference):
    never_skip = Model(step(Options()), batch.model.table, prepare(Options()), skip=False)
    state = batch.state.copy()
    result = never_skip.run(batch.forcing, batch.vectors, state, {"time_step": batch.time_step}, lanes=8,
                            forcing_of=batch.forcing_of, outputs=OUTPUTS, windows=50)
    assert same_bits(result.out, reference[0]) and same_bits(state, reference[1])


def test_plain_python_and_compiled_code_agree(batch):
    """The generated module as plain Python: the same bits except where a library rounds otherwise (powers above 2)."""
    plain = Model(step(Options()), batch.model.table, prepare(Options()), python=True).woven(1)
    steps, chosen = slice(30, 33), [5, 13]  # at noon of a cold day
    _, warm = batch.run(steps=slice(0, 30))
    for column in chosen:
        expected, end = batch.run(warm, steps, [column], outputs=OUTPUTS, lanes=1)
        state = np.ascontiguousarray(warm[:, [column]])
        result = plain.run(np.ascontiguousarray(batch.forcing[steps][:, :, [batch.forcing_of[column]]]),
                           np.ascontiguousarray(batch.vectors[:, [column]]), state, {"time_step": batch.time_step},
                           outputs=OUTPUTS)
        np.testing.assert_allclose(result.out, expected.out, rtol=1e-12, atol=1e-18)
        np.testing.assert_allclose(state, end, rtol=1e-13, atol=1e-15)


def test_every_stage_becomes_vector_code(batch):
    counts = batch.model.woven(32).vectorised()
    assert len(counts) > 50
    scalar = {name: count for name, count in counts.items() if count[1] > count[0] and name not in LANE_BY_LANE}
    assert not scalar, f"stages with (vector, scalar) operations: {scalar}"
    assert sum(count[0] for count in counts.values()) > 30 * sum(count[1] for count in counts.values())


def test_generated_text_reads_like_the_recipe(batch):
    woven = batch.model.woven(32)
    text = woven.source_path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert {"aerodynamics", "leaf_kinetics", "leaf_assimilation", "medlyn", "water_forward", "decomposition", "step",
            "prepare"} <= functions.keys()
    assert ast.get_docstring(functions["aerodynamics"]), "processes keep their docstrings"
    calls = [node for node in ast.walk(functions["step"]) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    called = [node.func.id for node in sorted(calls, key=lambda node: node.lineno)]
    stages = [name for name in called if name in woven.stages]
    assert stages.index("interception_stage") < stages.index("canopy_radiation_stage") < stages.index("radiation_totals_stage")
    assert "w[AIR_TEMPERATURE + lane]" in text
    assert not re.search(r"w\[\d", text), "rows have names, not numbers"


def test_text_does_not_depend_on_the_hash_seed(tmp_path):
    """Else every process would compile anew."""
    script = ("from terraflux.model.column import column_model; import hashlib; "
              "print(hashlib.sha256(column_model().woven(32).source_path.read_bytes()).hexdigest())")
    found = set()
    for seed in ("0", "1", "20"):
        environment = os.environ | {"PYTHONHASHSEED": seed, "TERRAFLUX_CACHE": str(tmp_path)}
        run = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
        found.add(run.stdout.strip())
    assert len(found) == 1
