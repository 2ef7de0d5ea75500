"""Soil moisture filtered in the column model: twins whose truth is known, and water that closes with the increments."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.assimilation.filter_diagnostics import spread_skill
from terraflux.assimilation.forcing_errors import ForcingErrors, ForcingPerturbation
from terraflux.assimilation.soil_column import SoilColumn
from terraflux.assimilation.soil_moisture_filter import SoilObservations, daily_noons, filter_soil_moisture, first_errors
from terraflux.drivers.synthetic_tower import synthetic_tower

pytestmark = pytest.mark.xdist_group("column")

RAIN_WRONG = ForcingErrors(precipitation=0.3, shortwave=0.0, temperature=0.0)
DEPTHS = np.array([0.05, 0.2, 0.5, 1.0])
SEEN = slice(0, 7)  # layers down to the deepest sensor
FIRST, SENSOR = 0.04, 0.02  # m3 m-3, errors of the first state and of a calibrated probe


@pytest.fixture(scope="module")
def column():
    """Half a year of an invented grassland, from the first of April."""
    return SoilColumn.from_tower(synthetic_tower("grassland").between("2021-04-01", "2021-09-30"))


def twin(column, seed, days=None):
    """Truth [time, layer] of other rain and another first state, and its observations."""
    times = daily_noons(column)[:days]
    states = column.ensemble(1)
    column.set_moisture(states, column.moisture(states) + first_errors(column, 1, FIRST, 0.5, np.random.default_rng(seed)))
    weather = ForcingPerturbation(column.model.table, RAIN_WRONG, 1, column.time_step, seed + 100)
    true = replace(column, forcing=weather.perturbed(column.forcing), state=states[:, 0].copy())
    empty = SoilObservations(times, np.full((len(times), len(DEPTHS)), np.nan), DEPTHS)
    truth = true.trajectory(empty.steps(column))
    noise = SENSOR * np.random.default_rng(seed + 200).standard_normal(empty.values.shape)
    return truth, replace(empty, values=np.clip(truth[:, empty.layers(column)] + noise, 0.0, 1.0), error=SENSOR)


@pytest.fixture(scope="module")
def twins(column):
    """Truth, filter and open loop of eight twins."""
    found = []
    for seed in range(8):
        truth, observations = twin(column, seed)
        run = {"errors": RAIN_WRONG, "initial_spread": FIRST, "seed": seed + 300}
        found.append((truth, filter_soil_moisture(column, observations, **run),
                      filter_soil_moisture(column, observations, assimilate=False, **run)))
    return found


def test_the_filter_takes_forty_percent_off_the_error_of_the_open_loop(twins):
    filtered, opened = (np.sqrt(np.mean([(one[k].mean - one[0])[:, SEEN] ** 2 for one in twins])) for k in (1, 2))
    assert filtered < 0.6 * opened


def test_spread_tells_the_error(twins):
    scores = [spread_skill(done.analysis[..., SEEN], truth[:, SEEN]) for truth, done, _ in twins]
    ratio = np.sqrt(np.mean([one.spread**2 for one in scores]) / np.mean([one.error**2 for one in scores]))
    assert 0.8 < ratio < 1.2


def test_innovations_are_as_large_as_claimed(twins):
    assert 0.8 < np.mean([done.diagnostics()["innovation_chi_square"] for _, done, _ in twins]) < 1.2


def test_water_closes_with_the_increments(twins):
    for _, done, opened in twins:
        assert np.abs(done.water_closure).max() < 1e-9 and np.abs(opened.water_closure).max() < 1e-9
        assert np.abs(done.assim_increment).max() > 0.1 and (opened.assim_increment == 0.0).all()


def test_increments_are_what_the_analysis_added_to_the_layers(twins):
    _, done, _ = twins[0]
    added = ((done.analysis - done.forecast) * done.column.thickness).sum(2) * 1000.0
    assert np.allclose(done.assim_increment, added, rtol=0, atol=1e-9)


def test_soil_stays_between_its_driest_and_its_pores(twins):
    porosity, residual = (np.asarray(twins[0][1].column.parameters[name]) for name in ("porosity", "residual_moisture"))
    for _, done, _ in twins:
        assert (done.analysis <= porosity + 1e-12).all() and (done.analysis >= residual - 1e-12).all()


def test_the_result_depends_on_the_seed_alone(column):
    _, observations = twin(column, 3, days=12)
    one, same = (filter_soil_moisture(column, observations, members=40, seed=5, threads=threads) for threads in (1, 2))
    other = filter_soil_moisture(column, observations, members=40, seed=6)
    assert np.array_equal(one.analysis, same.analysis) and not np.array_equal(one.analysis, other.analysis)


def test_a_window_of_days_corrects_the_past_and_closes_too(column):
    truth, observations = twin(column, 4, days=40)
    run = {"members": 64, "errors": RAIN_WRONG, "initial_spread": FIRST, "seed": 9}
    smooth, plain = (filter_soil_moisture(column, observations, window=window, **run) for window in (10, 1))
    assert np.abs(smooth.water_closure).max() < 1e-9
    first = slice(0, 5)
    assert np.abs(smooth.mean - truth)[first].mean() < np.abs(plain.mean - truth)[first].mean()
    assert (smooth.assim_increment[:9] == 0.0).all() and (smooth.assim_increment[9] != 0.0).any()


def test_members_that_fail_go_on_as_copies_and_water_still_closes(column, monkeypatch):
    _, observations = twin(column, 5, days=4)
    plain = SoilColumn.run

    def failing(self, states, first, last, forcing=None, threads=None):
        segment = plain(self, states, first, last, forcing, threads)
        if first > 0:
            states[:, 2] = np.nan
            return replace(segment, failed={2: "column 2: invented"})
        return segment

    monkeypatch.setattr(SoilColumn, "run", failing)
    done = filter_soil_moisture(column, observations, members=10)
    assert done.status == "members_replaced" and len(done.failures) == 3
    assert np.isfinite(done.analysis).all() and np.abs(done.water_closure).max() < 1e-9


def test_sensors_and_times_out_of_place_are_refused(column):
    noon = daily_noons(column)[:1]
    for observations, words in (
        (SoilObservations(noon, np.array([[0.2]]), np.array([9.0])), "reaches from 0"),
        (SoilObservations(noon + np.timedelta64(3650, "D"), np.array([[0.2]]), np.array([0.1])), "outside the forcing"),
    ):
        with pytest.raises(ValueError, match=words):
            filter_soil_moisture(column, observations)
    with pytest.raises(ValueError, match="percent"):
        SoilObservations(noon, np.array([[20.0]]), np.array([0.1]))


def test_everything_is_handed_out_as_a_dataset_with_units(twins):
    data = twins[0][1].to_dataset()
    assert data["assim_increment"].attrs["units"] == "kg m-2"
    assert data["soil_moisture_analysis"].dims == ("time", "member", "soil")
