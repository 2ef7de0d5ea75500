"""Runs of a woven model: the same bits however columns are grouped, outputs, restarts, failures, refusals."""

import numpy as np
import pytest

from terraflux.model.weave import ColumnError, Model, RecipeError, weave


def same(first, second, chosen=slice(None)):
    (result, state), (other, other_state) = first, second
    np.testing.assert_array_equal(result.out[:, :, chosen], other.out)
    np.testing.assert_array_equal(state[:, chosen], other_state)
    np.testing.assert_array_equal(result.misfit[chosen], other.misfit)
    np.testing.assert_array_equal(result.values["water"][:, chosen], other.values["water"])
    return True


@pytest.fixture(scope="module")
def reference(toy):
    return toy.run(toy.woven(), threads=1)


@pytest.mark.parametrize("lanes", [1, 8, 16, 64])
def test_any_number_of_lanes_gives_the_same_bits(toy, reference, lanes):
    assert same(reference, toy.run(toy.woven(lanes)))


def test_any_number_of_threads_gives_the_same_bits(toy, reference):
    for threads in (2, 3, None):
        assert same(reference, toy.run(toy.woven(8), threads=threads))


def test_a_column_alone_or_elsewhere_in_a_block_gives_the_same_bits(toy, reference):
    for chosen in (slice(40, 41), slice(33, 75), slice(None, None, -1)):
        assert same(reference, toy.run(toy.woven(), chosen), chosen)
    assert same(reference, toy.run(toy.woven(1), slice(40, 41)), slice(40, 41))


def test_never_skipping_gives_the_same_bits(toy, reference):
    assert same(reference, toy.run(toy.woven(skip=False)))


def test_plain_python_gives_the_same_bits(toy, reference):
    chosen = slice(30, 40)
    assert same(reference, toy.run(toy.woven(8, python=True), chosen, threads=1), chosen)


def test_shared_scattered_and_own_series_give_the_same_bits(toy):
    model = toy.woven()
    forcing = toy.forcing[:, :, :3].copy()

    def run(series, columns_of):
        state = toy.state()
        result = model.run(series, toy.parameters, state, forcing_of=columns_of, outputs=["water"])
        return result.out

    for choice in (np.zeros(toy.columns, int), np.arange(toy.columns) % 3):
        np.testing.assert_array_equal(run(forcing, choice), run(forcing[:, :, choice], None))
    np.testing.assert_array_equal(run(forcing[:, :, :1], None), run(forcing, np.zeros(toy.columns, int)))


def test_a_restart_equals_the_uninterrupted_run(toy, reference):
    state = toy.state()
    parts = [toy.woven().run(toy.forcing[part], toy.parameters, state, outputs=toy.outputs, windows=10)
             for part in (slice(0, 20), slice(20, 60))]
    np.testing.assert_array_equal(np.concatenate([part.out for part in parts]), reference[0].out)
    np.testing.assert_array_equal(state, reference[1])


def test_derived_variables_follow_parameters_and_settings(toy):
    result = toy.woven().run(toy.forcing, toy.parameters, toy.state(), {"time_step": 600.0}, outputs=["decay"])
    expected = np.broadcast_to(np.exp(-toy.parameters[0] * 600.0), (60, 75))
    np.testing.assert_allclose(result["decay"], expected, rtol=1e-15)


def test_every_kind_of_variable_can_be_an_output(toy, reference):
    names = ["air_temperature", "time_step", "rate", "water", "soil_temperature", "soil_temperature_layer2", "melt"]
    result = toy.woven().run(toy.forcing, toy.parameters, toy.state(), outputs=names)
    np.testing.assert_array_equal(result["air_temperature"], toy.forcing[:, 0])
    assert (result["time_step"] == 1800.0).all() and (result["rate"] == toy.parameters[0]).all()
    assert result["soil_temperature"].shape == (60, 4, 75)
    np.testing.assert_array_equal(result["soil_temperature_layer2"], result["soil_temperature"][:, 1])
    np.testing.assert_array_equal(result["water"][-1], reference[1][0])


def test_windows_reduce_steps_as_numpy_does(toy):
    model = toy.woven()
    every = model.run(toy.forcing, toy.parameters, toy.state(), outputs=["water"])["water"]
    for name, reduce in (("mean", np.mean), ("sum", np.sum), ("minimum", np.min), ("maximum", np.max)):
        result = model.run(toy.forcing, toy.parameters, toy.state(), outputs={"water": name}, windows=12)
        np.testing.assert_allclose(result["water"], reduce(every.reshape(5, 12, -1), axis=1), rtol=1e-14)
    last = model.run(toy.forcing, toy.parameters, toy.state(), outputs={"water": "last"}, windows=12)
    np.testing.assert_array_equal(last["water"], every[11::12])


def test_windows_by_number_skip_steps_and_mark_empty_ones(toy):
    model = toy.woven()
    every = model.run(toy.forcing, toy.parameters, toy.state(), outputs=["water"])["water"]
    windows = np.repeat([-1, 0, 2], [5, 40, 15])
    windows[10] = -1
    result = model.run(toy.forcing, toy.parameters, toy.state(), outputs=["water"], windows=windows)["water"]
    assert result.shape == (3, 75) and np.isnan(result[1]).all()
    for window in (0, 2):
        np.testing.assert_allclose(result[window], every[windows == window].mean(0), rtol=1e-14)


def test_a_failing_column_names_its_trouble_and_leaves_the_others_alone(toy, reference):
    forcing = toy.forcing.copy()
    forcing[25, 0, 40] = np.nan
    forcing[30, 1, 7] = 5000.0
    state = toy.state()
    result = toy.woven().run(forcing, toy.parameters, state, outputs=toy.outputs, windows=10, on_error="status")
    assert np.flatnonzero(result.status).tolist() == [7, 40]
    wet, broken = result.failures
    assert (wet.column, wet.step, wet.variable.name, wet.layer) == (7, 30, "water", 0) and wet.value > 1000.0
    assert (broken.column, broken.step, broken.variable.name, broken.layer) == (40, 25, "soil_temperature", 0)
    assert np.isnan(broken.value)
    fine = result.status == 0
    np.testing.assert_array_equal(result.out[:, :, fine], reference[0].out[:, :, fine])
    np.testing.assert_array_equal(state[:, fine], reference[1][:, fine])
    with pytest.raises(ColumnError, match=r"2 of 75 columns failed; column 7, step 30 \(noon\): water is .* "
                                          r"outside 0 to 1000 kg m-2"):
        toy.woven().run(forcing, toy.parameters, toy.state(), times=["noon"] * 60)


def test_a_failing_layer_is_named(toy):
    state = toy.state(slice(0, 3))
    state[3, 1] = 1e5
    with pytest.raises(ColumnError, match=r"column 1, step 0: soil_temperature in layer [1-4] is") as caught:
        toy.woven(1).run(toy.forcing[:, :, :3], toy.parameters[:, :3], state)
    assert caught.value.failures[0].value > 340.0


def test_arrays_that_do_not_fit_are_refused(toy):
    run = toy.woven().run
    forcing, parameters = toy.forcing, toy.parameters
    for arguments, words in (
        ((forcing[:, :1], parameters, toy.state()), "forcing .* expected 2 rows"),
        ((forcing, parameters[:1], toy.state()), "parameters .* expected 2 rows"),
        ((forcing, parameters[:, :9], toy.state()), "parameters are for 9 columns, state is for 75"),
        ((forcing, parameters, toy.state()[:4]), "state has the shape"),
        ((forcing, parameters, toy.state().astype(np.float32)), "float64"),
        ((forcing, parameters, np.asfortranarray(toy.state())), "C-contiguous"),
        ((forcing[:, :, :2], parameters, toy.state()), "say which with forcing_of"),
        ((forcing, parameters, toy.state(), {"time_stp": 1.0}), "unknown setting 'time_stp'; meant 'time_step'"),
    ):
        with pytest.raises(ValueError, match=words):
            run(*arguments)
    with pytest.raises(ValueError, match="there are 0 to 74"):
        run(forcing, parameters, toy.state(), forcing_of=np.full(75, 75))
    with pytest.raises(ValueError, match="on_error"):
        run(forcing, parameters, toy.state(), on_error="ignore")
    locked = toy.state()
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="writeable"):
        run(forcing, parameters, locked)


def test_read_only_forcing_is_used_in_place(toy, reference):
    forcing, parameters = toy.forcing.copy(), toy.parameters.copy()
    forcing.flags.writeable = parameters.flags.writeable = False
    result = toy.woven().run(forcing, parameters, toy.state(), outputs=toy.outputs, windows=10)
    np.testing.assert_array_equal(result.out, reference[0].out)


def test_outputs_that_nothing_computes_are_refused(toy):
    for name, error, words in (("wter", RecipeError, "meant 'water'"), ("idle", RecipeError, "no process"),
                               ("soil_temperature_above", ValueError, "neighbour")):
        with pytest.raises(error, match=words):
            toy.woven().run(toy.forcing, toy.parameters, toy.state(), outputs=[name])
    with pytest.raises(ValueError, match="reduction 'median'"):
        toy.woven().run(toy.forcing, toy.parameters, toy.state(), outputs={"water": "median"})


def test_every_stage_becomes_vector_instructions(toy):
    for stage, (vector, scalar) in toy.woven().vectorised().items():
        assert scalar <= vector, f"{stage}: {scalar} scalar, {vector} vector operations"
        if stage.startswith(("begin", "leak", "relax", "forward", "back", "melting", "decay")):
            assert vector > 0, stage


def test_compiling_reports_each_stage(toy, tmp_path):
    calls = []
    model = weave(toy.step, toy.table, [toy.prepare], 4, folder=tmp_path)
    model.compile(lambda done, total, name: calls.append((done, total, name)))
    assert [done for done, _, _ in calls] == list(range(len(model.stages) + 3))
    assert calls[0][2] == "decay_stage" and calls[-1][0] == calls[-1][1]
    again = []
    model.compile(lambda *call: again.append(call))
    assert again == []


def test_the_model_chooses_lanes_by_columns(toy, reference, tmp_path):
    model = Model(toy.step, toy.table, [toy.prepare], folder=toy.folder)
    assert [model.lanes_for(columns) for columns in (1, 7, 8, 1000)] == [1, 1, 32, 32]
    assert same(reference, toy.run(model))
    assert same(reference, toy.run(model, slice(3, 5)), slice(3, 5))
    assert sorted(model._woven) == [1, 32]


def test_the_module_is_a_readable_file(toy):
    text = toy.woven().source_path.read_text()
    assert "def smooth_step(x):" in text and '"""0 for cold, 1 for warm."""' in text
    assert "w[SNOW_TEMPERATURE + here] = relax(" in text
