"""Plans of windows, without running a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from terraflux.model.weave.windows import ends_of, window_plan


def test_without_windows_every_step_stands_alone():
    plan = window_plan(None, 4)
    assert plan.count == 4 and plan.ends.all() and plan.window_of.tolist() == [0, 1, 2, 3]


def test_a_remainder_is_refused_for_a_number_of_steps():
    assert window_plan(5, 10).ends.tolist() == [False] * 4 + [True] + [False] * 4 + [True]
    for windows in (3, 0, -1):
        with pytest.raises(ValueError, match="do not make whole windows"):
            window_plan(windows, 10)


def test_window_numbers_must_be_whole_and_not_decrease():
    for windows in ([0, 1], [0.0, 1.0, 2.0], [1, 0, 1], [0, -2, 1]):
        with pytest.raises(ValueError, match="windows must"):
            window_plan(np.array(windows), 3)


def test_numbers_without_steps_are_found():
    assert window_plan(np.array([-1, 1, 1, 4]), 4).empty.tolist() == [0, 2, 3]


@given(st.lists(st.integers(0, 6), max_size=30), st.lists(st.booleans(), min_size=30, max_size=30))
def test_every_number_ends_once_at_its_last_step(numbers, left_out):
    index = np.where(left_out[: len(numbers)], -1, sorted(numbers)).astype(int)
    ends = ends_of(index)
    assert ends.sum() == len(set(index.tolist()) - {-1})
    for step in np.flatnonzero(ends):
        assert index[step] not in index[step + 1 :]
