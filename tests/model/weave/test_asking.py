"""What only serves outputs runs where a run asks for it, with the same numbers, and nothing else waits for it."""

import numpy as np
import pytest

from terraflux.model.weave import Stream, Table, Variable, When, process, weave
from terraflux.model.weave.asking import told_by_parts


@process(returns="store")
def fill(store, rain):
    """A store that takes all rain."""
    return store + rain


@process(returns="half")
def halved(store):
    """Told only."""
    return 0.5 * store


@process(returns="quarter")
def quartered(half):
    """Told only, from what is told."""
    return 0.5 * half


@process(returns="doubled")
def twice(store):
    """Read by `drain`."""
    return 2.0 * store


@process(returns="store")
def drain(store, doubled):
    """A store that loses a tenth."""
    return store - 0.05 * doubled


@process(returns="wet")
def wet(rain):
    """Does it rain?"""
    return 1.0 if rain > 0.0 else 0.0


@process(returns="caught")
def caught(rain):
    """Rain where it rains."""
    return 1.0 * rain


RECIPE = [fill, halved, quartered, twice, drain, wet, When("wet", caught)]
TOLD = ("half", "quarter", "doubled", "wet", "caught")


@pytest.fixture(scope="module")
def table():
    """One store under rain."""
    return Table([Variable("rain", "forcing", "1", "rain"), Variable("store", "state", "1", "store"),
                  *(Variable(name, "diagnostic", "1", name) for name in TOLD)])


@pytest.fixture(scope="module")
def model(table):
    """As plain Python."""
    return weave(RECIPE, table, lanes=2, python=True)


def run(model, outputs=(), **more):
    """Rain on every other step."""
    rain = np.array([1.0, 0.0, 2.0, 0.0]).reshape(4, 1, 1)
    state = np.ones((1, 3))
    return model.run(rain, np.zeros((0, 3)), state, outputs=outputs, **more), state


def test_parts_are_needed_by_states_and_by_what_states_need(table):
    told = told_by_parts(RECIPE, table)
    assert told[0] is told[3] is told[4] is None
    assert told[1] == {"half", "quarter"}
    assert told[2] == {"quarter"}
    assert told[6] == {"caught"}


def counted(model, monkeypatch):
    """Calls of stages by name, from now on."""
    calls = []
    for name in model.stages:
        stage = getattr(model.module, name)
        monkeypatch.setattr(model.module, name, lambda *given, stage=stage, name=name: (calls.append(name), stage(*given))[1])
    return calls


def test_a_part_runs_where_an_output_depends_on_it(model, monkeypatch):
    calls = counted(model, monkeypatch)
    run(model, ("store",))
    assert "halved_stage" not in calls and "quartered_stage" not in calls and "drain_stage" in calls
    calls.clear()
    run(model, ("half",))
    assert "halved_stage" in calls and "quartered_stage" not in calls
    calls.clear()
    run(model, ("quarter",))
    assert "halved_stage" in calls and "quartered_stage" in calls


def test_a_part_runs_where_a_stream_depends_on_it(model, monkeypatch):
    calls = counted(model, monkeypatch)
    found, _ = run(model, streams=[Stream("quarter", np.arange(4))])
    assert "halved_stage" in calls
    whole, _ = run(model, ("quarter",))
    assert np.array_equal(found.values["quarter"], whole["quarter"])


def test_numbers_do_not_depend_on_what_else_is_asked_for(model):
    whole, end = run(model, ("store", *TOLD))
    for name in ("store", *TOLD):
        alone, state = run(model, (name,))
        assert np.array_equal(alone[name], whole[name]) and np.array_equal(state, end)
    assert whole["caught"][:, 0].tolist() == [1.0, 0.0, 2.0, 0.0]
