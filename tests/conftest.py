"""Fixtures every room shares."""

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository():
    """Root folder of the project."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data():
    """Folder of real observations: $TERRAFLUX_SHARED_DATA, or shared/data beside the project."""
    folder = Path(os.environ.get("TERRAFLUX_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data folder {folder} is absent; set TERRAFLUX_SHARED_DATA to test on real towers")
    return folder
