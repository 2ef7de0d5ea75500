"""A tiny world: a few cells of the synthetic nation, some weeks, hourly physics."""

import hashlib

import pytest

from terraflux.drivers.grid.nation_store import nation_store
from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.region.configuration import choices_from
from terraflux.region.run import run_region

MONTHLY = ["gross_primary_production", "evapotranspiration", "air_temperature", "surface_runoff", "drainage"]
FIRST, LAST = "1984-02-20", "1984-03-31"


def table(folder, **changes):
    """Nested choices; a name with a dot, as in run.first given run__first, goes into its table."""
    made = {"forcing": {"synthetic": 6.0},
            "run": {"first": FIRST, "last": LAST, "spin_up_years": 0, "every": 4, "threads": 1},
            "output": {"monthly": MONTHLY, "annual": ["stored_carbon", "soil_temperature_top"], "daily": ["latent_heat"],
                       "precision": "float64"}}
    for name, value in changes.items():
        part, _, key = name.partition("__")
        made.setdefault(part, {})[key] = value
    return made


@pytest.fixture(scope="session")
def choices(tmp_path_factory):
    """choices(run__slab_days=7, ...) -> RegionChoices of the tiny world."""
    home = tmp_path_factory.mktemp("region")
    return lambda **changes: choices_from(table(home, **changes), folder=home)


@pytest.fixture(scope="session")
def reference(choices, tmp_path_factory):
    """Folder of an undisturbed run: one tile, one slab, one thread."""
    folder = tmp_path_factory.mktemp("reference") / "run"
    result = run_region(choices(), folder=folder)
    assert result.status == "done", result.troubles
    return folder


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """A forcing store of the nation at 6 degrees, February to March 1984, in blocks of 8 cells and slabs of 10 days."""
    path = tmp_path_factory.mktemp("store") / "forcing.zarr"
    nation_store(SyntheticNation(6.0), path, FIRST, LAST, slab_days=10, block_cells=8)
    return path


@pytest.fixture(scope="session")
def digest():
    """digest(folder) -> {path: sha256} of all output of a run."""
    def of(folder):
        return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in sorted(folder.glob("*.zarr/**/*")) if path.is_file()}
    return of


@pytest.fixture(scope="session")
def stop_after():
    """stop_after(n) -> a stop that is true from its n-th call on."""
    def made(count):
        calls = iter(range(10**9))
        return lambda: next(calls) >= count
    return made
