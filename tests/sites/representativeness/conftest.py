"""Landscapes every test of representativeness can ask for."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def landscapes():
    """Makers of small landscapes and footprints."""
    spec = importlib.util.spec_from_file_location("landscapes", Path(__file__).with_name("landscapes.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def grid(landscapes):
    """2 km of 20 m cells around the tower."""
    return landscapes.blank()
