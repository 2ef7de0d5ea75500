"""What the source check refuses, and what it copies."""

import math

import pytest

from terraflux.model.weave import RecipeError, process
from terraflux.model.weave.lane_math import exp
from terraflux.model.weave.lane_math import log as natural_logarithm
from terraflux.model.weave.recipe import Process
from terraflux.model.weave.sources import Sources, check

SCALE = 2.0
LIMITS = (1.0, math.inf)
THING = object()


def copied(one, reserved=()):
    sources = Sources(reserved)
    sources.add(one)
    return sources


def with_while(x):
    while x > 0.0:
        x = x - 1.0
    return x


def with_raise(x):
    if x < 0.0:
        raise ValueError
    return x


def with_math_call(x):
    return math.exp(x)


def with_broken_power(x):
    return x**1.5


def with_variable_power(x, y):
    return x**y


def with_two_results(x):
    return x, x


def with_lambda(x):
    return (lambda y: y)(x)


def with_attribute(x):
    return x * math.pi


def with_assert(x):
    assert x > 0.0
    return x


def with_try(x):
    try:
        return x
    finally:
        pass


def without_return_at_end(x):  # noqa: RET503
    if x > 0.0:
        return x


def with_inner_function(x):
    def inner(y):
        return y

    return inner(x)


@pytest.mark.parametrize("function, words", [
    (with_while, "a while statement"),
    (with_raise, "a raise statement"),
    (with_assert, "an assert statement"),
    (with_try, "a try statement"),
    (with_math_call, "a call of math.exp; take the function from lane_math"),
    (with_attribute, "the attribute math.pi"),
    (with_broken_power, "pow_positive"),
    (with_variable_power, "pow_positive"),
    (with_two_results, "a return of 2 values for 1 names"),
    (with_lambda, "lambda|a call of"),
    (without_return_at_end, "can end without a return"),
    (with_inner_function, "a function inside"),
])
def test_source_that_cannot_be_woven_is_refused_with_its_line(function, words):
    with pytest.raises(RecipeError, match=words) as caught:
        copied(Process(function, ("y",)))
    assert function.__name__ in str(caught.value)


def test_whole_powers_if_and_fixed_loops_are_fine():
    def allowed(x):
        total = 0.0
        for _ in range(3):
            total = total + x**2
        if total > 1.0:
            return total**-1
        return -total

    check(allowed, 1)


def doubled(x):
    return SCALE * x


def helper_of_helper(x):
    return doubled(x) + exp(x) + natural_logarithm(LIMITS[0])


@process(returns="y")
def with_helpers(x):
    return helper_of_helper(x) + doubled(x)


def test_helpers_numbers_and_lane_mathematics_are_copied_in_order_of_need():
    sources = copied(with_helpers)
    assert list(sources.functions) == ["doubled", "helper_of_helper", "with_helpers"]
    assert sources.numbers == {"SCALE": "2.0", "LIMITS": '(1.0, float("inf"),)'}
    assert sources.imports == {"exp": "exp", "natural_logarithm": "log"}
    assert sources.functions["with_helpers"].startswith("def with_helpers(x):")


def uses_thing(x):
    return x if THING else 0.0


def uses_nothing_known(x):
    return x * UNDEFINED  # noqa: F821


def test_globals_that_are_no_numbers_are_refused():
    with pytest.raises(RecipeError, match="'THING', which is neither a number"):
        copied(Process(uses_thing, ("y",)))
    with pytest.raises(RecipeError, match="'UNDEFINED', which its file does not define"):
        copied(Process(uses_nothing_known, ("y",)))


def test_one_name_with_two_meanings_is_refused():
    def doubled(x):
        return 3.0 * x

    sources = copied(with_helpers)
    with pytest.raises(RecipeError, match="share the name 'doubled' but differ"):
        sources.add(Process(doubled, ("y",)))


def test_names_of_the_engine_are_refused():
    with pytest.raises(RecipeError, match="rename 'with_helpers'"):
        copied(with_helpers, {"with_helpers"})


def test_an_enclosing_function_cannot_lend_its_variables():
    factor = 2.0

    def scaled(x):
        return factor * x

    with pytest.raises(RecipeError, match="'factor' of an enclosing function"):
        copied(Process(scaled, ("y",)))


def test_a_process_needs_plain_parameters_and_distinct_results():
    with pytest.raises(RecipeError, match="use plain names"):
        process(returns="y")(lambda x=1.0: x)
    with pytest.raises(RecipeError, match="use plain names"):
        process(returns="y")(lambda *x: x)
    with pytest.raises(RecipeError, match="name every result once"):
        process(returns=("y", "y"))(with_two_results)


def test_a_process_stays_a_plain_function():
    assert with_helpers(0.0) == 0.0 + 1.0 + 0.0
