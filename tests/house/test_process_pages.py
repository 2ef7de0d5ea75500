"""Every file of physics has its page, and what the page says about the code is so."""

import importlib
import math
import re
import runpy

import pytest

from terraflux.model import constants
from terraflux.model.options import ALTERNATIVES, Options
from terraflux.model.parameter_table import HYDRAULIC_SETS, parameter_entries
from terraflux.model.variables import DEEP_LAYERS, SEASONAL_TERMS, variable_table
from terraflux.model.weave import Process

NO_PHYSICS = {"__init__", "carbon_recipe", "column", "constants", "ground_recipe", "initial_state", "leaf_recipe",
              "options", "parameter_set", "parameter_table", "parameters", "variables"}
SECTIONS = ("## Equations", "## Sources")
WORDS = {"code", "simulate", "spin_up", "leaf_rounds", "heat_passes", "deep_layers", "seasonal_terms", "permafrost8"}


@pytest.fixture(scope="module")
def pages(repository):
    """Text of every page by name."""
    return {path.stem: path.read_text(encoding="utf-8") for path in (repository / "docs" / "processes").glob("*.md")}


@pytest.fixture(scope="module")
def tables(repository):
    """The functions of docs/process_tables.py."""
    return runpy.run_path(str(repository / "docs" / "process_tables.py"))


@pytest.fixture(scope="module")
def described(pages, tables):
    """{module: page} of every file that a page describes."""
    return {module: name for name, text in pages.items() if name != "index" for module in tables["files_of"](text)}


def test_every_file_of_physics_has_a_page(repository, described):
    modules = {path.stem for path in (repository / "model").glob("*.py")} - NO_PHYSICS
    assert modules - described.keys() == set(), "write docs/processes/<name>.md"
    assert described.keys() - modules == set(), "these pages describe no file"


def test_pages_have_equations_and_sources(pages, described):
    lacking = {(name, part) for name in set(described.values()) for part in SECTIONS if part not in pages[name]}
    assert not lacking, lacking


def test_index_lists_every_page(pages):
    listed = set(re.findall(r"\((\w+)\.md\)", pages["index"]))
    assert listed == pages.keys() - {"index"}


def test_every_registered_alternative_stands_on_a_page(pages):
    defaults = Options()
    for option, registry in ALTERNATIVES.items():
        homes = [text for text in pages.values() if f"\n`{option}`" in text or f"option `{option}`" in text]
        assert homes, f"no page introduces the option {option}"
        for name in registry:
            assert any(f"`{name}`" in text for text in homes), f"{option}={name} stands on no page"
        default = f"`{getattr(defaults, option)}` (default"
        assert any(default in text for text in homes), f"the default of {option} is not named"


def test_sections_made_from_the_code_are_current(pages, tables):
    stale = [name for name, text in pages.items() if name != "index" and tables["written"](text) != text]
    assert not stale, f"run `make docs`: {stale}"


@pytest.fixture(scope="module")
def known_names():
    """Names of variables, parameters, options and their values, and of what model files define."""
    table = variable_table(deep_layers=DEEP_LAYERS, seasonal_terms=SEASONAL_TERMS)
    names = set(table) | set(parameter_entries()) | set(HYDRAULIC_SETS) | WORDS
    for option, registry in ALTERNATIVES.items():
        names |= {option, *registry}
    return names


def test_names_in_code_exist(pages, known_names, tables, described):
    modules = {module: vars(importlib.import_module(f"terraflux.model.{module}")) for module in described}
    defined = {name for home in modules.values() for name in home}
    registered = {key for home in modules.values() for value in home.values() if isinstance(value, dict)
                  for key in value if isinstance(key, str)}
    completion = {"longwave"}
    unknown = {}
    for page, text in pages.items():
        prose = re.sub(r"\$\$.*?\$\$", "", text.partition("\n## In the code\n")[0], flags=re.DOTALL)
        for name in re.findall(r"`([a-z][a-z0-9_]*)`", prose):
            if name not in known_names | defined | registered | completion and not tables["variables_of"](name):
                unknown.setdefault(page, []).append(name)
    assert not unknown, unknown


def test_numbers_given_with_a_name_are_those_of_the_code(pages, tables):
    checked = 0
    for page, text in pages.items():
        files = [] if page == "index" else tables["files_of"](text)
        homes = [importlib.import_module(f"terraflux.model.{one}") for one in files]
        for name, number in re.findall(r"`([A-Z][A-Z0-9_]+)` = (-?[0-9.]+(?:e-?\d+)?)", text):
            found = [getattr(home, name) for home in (*homes, constants) if hasattr(home, name)]
            assert found, f"{page}: {name} does not exist"
            assert math.isclose(found[0], float(number.rstrip("."))), f"{page}: {name} is {found[0]}"
            checked += 1
    assert checked > 10


def test_tests_named_on_pages_exist(repository, pages):
    missing = {(page, name) for page, text in pages.items() for name in re.findall(r"`(tests/[\w/]+\.py)`", text)
               if not (repository / name).is_file()}
    assert not missing, missing


def test_tables_find_the_processes_of_a_file(tables):
    names = [one.name for one in tables["processes_of"]("stomatal_conductance")]
    assert names == ["medlyn", "ball_berry"]
    assert all(isinstance(one, Process) for one in tables["processes_of"]("snow"))
    assert [one.name for one in tables["variables_of"]("soil_liquid_top")] == ["soil_liquid"]
    assert {one.name for one in tables["variables_of"]("leaf_temperature")} == {
        "leaf_temperature_sunlit", "leaf_temperature_shaded"}
    assert tables["section"](["solar"]) == ""
