"""Benchmarks on real towers behave as PLUMBER found."""

import pytest

from terraflux.evaluation.benchmarks import leave_one_site_out
from terraflux.evaluation.matching import quality_of
from terraflux.evaluation.metrics import METRICS

TOWERS = ("SE-Svb", "US-Hn1")


@pytest.fixture(scope="module")
def sites(shared_data, repository):
    """Forcing and observations of two towers with measured heat fluxes."""
    drivers = pytest.importorskip("terraflux.drivers.tower")
    opened = {name: drivers.open_tower(repository / "examples" / "towers" / name, data_folder=shared_data)
              for name in TOWERS}
    return {name: (tower.forcing, tower.observations) for name, tower in opened.items()}


@pytest.mark.real_data
def test_sunlight_at_another_tower_explains_most_of_sensible_heat(sites):
    # Best et al. (2015): no land model beat this regression for sensible heat.
    predictions = leave_one_site_out(sites, "sensible_heat", "1lin")
    for name, (_, observed) in sites.items():
        measured = quality_of("sensible_heat", observed) == 0
        values = observed["sensible_heat"].to_numpy()
        good = measured & (values == values)
        predicted = predictions[name].to_numpy()
        assert METRICS["r"].function(predicted[good], values[good]) > 0.8


@pytest.mark.real_data
def test_the_reference_surface_evaporates_more_than_a_dry_shrubland(sites):
    # US-Hn1 is sagebrush steppe: well-watered grass under its weather evaporates several times as much.
    forcing, observed = sites["US-Hn1"]
    potential = leave_one_site_out({"US-Hn1": (forcing, observed)}, "latent_heat", "penman_monteith")["US-Hn1"]
    bucket = leave_one_site_out({"US-Hn1": (forcing, observed)}, "latent_heat", "manabe")["US-Hn1"]
    measured = float(observed["latent_heat"].mean())
    assert float(potential.mean()) > 2.0 * measured
    assert measured / 3.0 < float(bucket.mean()) < 3.0 * measured
    assert float(bucket.mean()) < float(potential.mean())
