"""The invented tower is labelled, seeded, complete and physically consistent."""

import numpy as np
import pytest

from terraflux.drivers import synthetic_tower
from terraflux.drivers.errors import ForcingError
from terraflux.model.humidity import saturation_pressure_at
from terraflux.model.variables import FORCING


@pytest.fixture(scope="module")
def forest():
    return synthetic_tower("forest", seed=1)


def test_it_is_labelled_synthetic_everywhere(forest):
    assert forest.synthetic and "synthetic" in forest.site.name and forest.site.site_id.startswith("SYN")
    for dataset in (forest.forcing, forest.observations):
        assert dataset.attrs["synthetic"] == 1 and "invented" in dataset.attrs["history"]
        values = [name for name in dataset.data_vars if not name.endswith(("_provenance", "_quality", "_bnds"))]
        assert all("synthetic" in dataset[name].attrs["comment"] for name in values)
    measured = forest.provenance_shares()["measured"]
    assert (measured == 0.0).all()


def test_seed_decides_every_bit(forest):
    again, other = synthetic_tower("forest", seed=1), synthetic_tower("forest", seed=2)
    assert forest.forcing.equals(again.forcing) and forest.observations.equals(again.observations)
    assert not np.array_equal(forest.forcing.air_temperature, other.forcing.air_temperature)


@pytest.mark.parametrize("kind", ["forest", "grassland"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_weather_is_complete_and_consistent(kind, seed):
    forcing = synthetic_tower(kind, seed=seed).forcing
    assert forcing.sizes["time"] == 17520
    for variable in FORCING:
        values = forcing[variable.name].values
        assert np.isfinite(values).all(), variable.name
        assert values.min() >= variable.bounds[0] and values.max() <= variable.bounds[1], variable.name
    assert (forcing.vapour_pressure <= saturation_pressure_at(forcing.air_temperature)).all()
    assert (forcing.shortwave_down.values[forcing.cosine_zenith.values == 0.0] == 0.0).all()
    rain = float(forcing.precipitation.sum()) * 1800.0
    assert 350.0 < rain < 1300.0
    snow = float(forcing.precipitation.where(forcing.air_temperature < 0.5).sum()) * 1800.0
    assert snow > 20.0
    assert int(forcing.air_temperature.groupby("time.month").mean().values.argmax()) in (5, 6, 7)


def test_observations_look_like_a_tower(forest):
    seen = forest.observations
    for name in ("latent_heat", "sensible_heat", "net_ecosystem_exchange"):
        assert 0.05 < float(np.isnan(seen[name]).mean()) < 0.4
    closure = float((seen.latent_heat + seen.sensible_heat).mean() / (seen.net_radiation - seen.ground_heat_flux).where(
        np.isfinite(seen.latent_heat)).mean())
    assert 0.75 < closure < 0.95
    partition = seen.gross_primary_production - (seen.ecosystem_respiration - seen.net_ecosystem_exchange)
    assert abs(float(partition.mean())) < 2e-7
    annual = float(seen.gross_primary_production.mean()) * 86400.0 * 365.0
    assert 700.0 < annual < 2500.0


def test_leap_year_and_several_years_have_their_length():
    assert synthetic_tower("grassland", year=2020).forcing.sizes["time"] == 366 * 48
    assert synthetic_tower("grassland", year=2019, years=2, step_seconds=3600).forcing.sizes["time"] == (365 + 366) * 24


def test_period_is_cut_by_days(forest):
    july = forest.between("2021-07-01", "2021-07-31")
    assert july.forcing.sizes["time"] == july.observations.sizes["time"] == 31 * 48
    assert july.synthetic
    with pytest.raises(ForcingError, match="no step"):
        forest.between("2031-07-01", "2031-07-31")


def test_unknown_kind_is_refused():
    with pytest.raises(ForcingError, match="did you mean 'forest'"):
        synthetic_tower("forrest")
