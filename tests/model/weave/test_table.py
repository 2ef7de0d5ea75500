"""The variable table."""

import pytest

from terraflux.model.weave import Table, Variable


def variable(name="x", kind="state", **options):
    return Variable(name, kind, "1", "a quantity", **options)


def test_rows_come_in_declared_order_with_one_row_per_layer():
    table = Table([variable("b"), variable("a", dimension="soil"), variable("c", "parameter")], {"soil": 3})
    assert [(v.name, layer) for v, layer in table.rows_of("state")] == [("b", 0), ("a", 0), ("a", 1), ("a", 2)]
    assert table.layers_of("a") == 3 and table.layers_of("c") == 1


def test_variables_of_a_dimension_without_layers_are_left_out():
    table = Table([variable("a", dimension="deep"), variable("b")], {"deep": 0})
    assert list(table) == ["b"] and list(table.left_out) == ["a"]


@pytest.mark.parametrize("options", [{"dimension": "soil"}, {"dimension": "deep"}, {}])
def test_a_name_declared_twice_is_refused(options):
    with pytest.raises(ValueError, match="declared twice"):
        Table([variable(), variable(**options)], {"soil": 2, "deep": 0})


def test_an_unknown_dimension_is_refused():
    with pytest.raises(ValueError, match="unknown dimension 'sole'"):
        Table([variable(dimension="sole")], {"soil": 2})


def test_unknown_kinds_odd_names_and_crossed_bounds_are_refused():
    with pytest.raises(ValueError, match="unknown kind 'flux'"):
        variable(kind="flux")
    with pytest.raises(ValueError, match="identifier"):
        variable("leaf area")
    with pytest.raises(ValueError, match="wrong order"):
        variable(bounds=(1.0, 0.0))
    with pytest.raises(ValueError, match="-1 layers"):
        Table([], {"soil": -1})
