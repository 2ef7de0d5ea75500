"""The batched evaluator: the same bits whatever runs beside a replica, and trouble that stays with its replica."""

import numpy as np
import pytest

from terraflux.assimilation.evaluator import ColumnEvaluator, MixtureEvaluator
from terraflux.drivers.datasets import forcing_array
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.column import column_model
from terraflux.model.initial_state import initial_state
from terraflux.model.options import Options
from terraflux.model.parameters import parameters
from terraflux.model.weave.streams import Stream

NAMES = ("carboxylation_capacity", "stomatal_slope_medlyn", "decomposition_scale")
DAYS = 20


@pytest.fixture(scope="module")
def made():
    tower = synthetic_tower().between("2021-06-01", f"2021-06-{DAYS}")
    model = column_model(Options())
    base = parameters("DBF", "loam")
    state = initial_state(model.table, base, float(tower.forcing["air_temperature"].mean()))
    random = np.random.default_rng(1)
    steps = tower.forcing.sizes["time"]
    index = np.arange(steps)
    plain = ColumnEvaluator(model, forcing_array(tower.forcing, model.table)[:, :, 0], base, state, 1800.0, NAMES,
                            [Stream("gross_primary_production", index), Stream("latent_heat", index)])
    truth = plain.evaluate(plain.default()[np.newaxis]).values
    gpp = truth["gross_primary_production"].T + random.normal(0.0, 5e-6, (steps, 1))
    le = truth["latent_heat"].T + random.normal(0.0, 15.0, (steps, 1))
    le[random.random(steps) < 0.3] = np.nan
    streams = [Stream("gross_primary_production", index, gpp, 5e-6), Stream("latent_heat", index, le, 15.0)]
    one = ColumnEvaluator(model, plain.forcing, base, state, 1800.0, NAMES, streams)
    theta = one.default() * random.uniform(0.7, 1.3, (128, 3))
    return one, theta, one.evaluate(theta)


def test_a_replica_has_the_same_bits_alone_and_in_company_and_on_any_threads(made):
    one, theta, whole = made
    for count, threads in ((1, 1), (20, 2), (33, 1), (128, 1)):
        part = one.evaluate(theta[:count], threads=threads)
        np.testing.assert_array_equal(part.misfit, whole.misfit[:count])
        np.testing.assert_array_equal(part.values["latent_heat"], whole.values["latent_heat"][:count])
    backwards = one.evaluate(theta[::-1])
    np.testing.assert_array_equal(backwards.misfit[::-1], whole.misfit)


def test_the_fused_misfit_is_that_of_the_modelled_values(made):
    one, _, whole = made
    observed = np.asarray(one.streams[1].observed)[:, 0]
    residual = (whole.values["latent_heat"] - observed) / 15.0
    terms = 0.5 * residual**2 + np.log(15.0) + 0.5 * np.log(2.0 * np.pi)
    expected = np.nansum(np.where(np.isnan(observed), np.nan, terms), axis=1)
    np.testing.assert_allclose(whole.misfit[:, 1], expected, rtol=1e-12)


def test_a_replica_out_of_bounds_or_not_a_number_fails_alone_and_is_counted(made):
    one, theta, whole = made
    bad = theta[:40].copy()
    bad[3, 0], bad[17, 1], bad[30, 2] = np.nan, -5.0, np.inf
    before = one.failures
    found = one.evaluate(bad)
    assert np.flatnonzero(found.failed).tolist() == [3, 17, 30]
    assert np.isinf(found.misfit[found.failed]).all()
    assert np.isnan(found.values["latent_heat"][found.failed]).all()
    np.testing.assert_array_equal(found.misfit[~found.failed], whole.misfit[:40][~found.failed])
    assert one.failures == before + 3


def test_the_truth_fits_better_than_what_is_far_from_it(made):
    one, _, whole = made
    truth = one.evaluate(one.default()[np.newaxis]).total[0]
    assert (whole.total >= truth - 10.0).all()
    assert whole.total.max() > truth + 100.0


def test_layered_parameters_are_set_in_every_layer(made):
    one, _, _ = made
    deep = ColumnEvaluator(one.model, one.forcing[:48], one.base, one.state, 1800.0, ("saturated_conductivity",),
                           [Stream("soil_moisture_layer3", np.zeros(48, int))])
    values = deep.evaluate(np.array([[1e-7], [1e-5]])).values["soil_moisture_layer3"]
    assert np.isfinite(values).all()
    assert abs(values[0, 0] - values[1, 0]) > 1e-6


def test_a_mixture_is_the_mean_of_its_classes_weighted_by_the_footprint(made):
    one, theta, _ = made
    fractions = np.random.default_rng(2).uniform(0.0, 0.5, (48 * DAYS, 2))
    both = MixtureEvaluator([one, one], [np.array([0, 1, 2]), np.array([3, 1, 2])], {"latent_heat": fractions})
    control = np.concatenate([theta[:4], theta[4:8, :1]], axis=1)
    mixed = both.predict(control)["latent_heat"]
    first = one.evaluate(control[:, :3]).values["latent_heat"]
    second = one.evaluate(control[:, [3, 1, 2]]).values["latent_heat"]
    share = fractions[:, 0] / fractions.sum(axis=1)
    np.testing.assert_allclose(mixed, share * first + (1.0 - share) * second, rtol=1e-12)
    pure = MixtureEvaluator([one, one], [np.arange(3), np.arange(3)], {"latent_heat": np.tile([0.8, 0.0], (48 * DAYS, 1))})
    np.testing.assert_array_equal(pure.predict(theta[:2])["latent_heat"], one.evaluate(theta[:2]).values["latent_heat"])


@pytest.mark.parametrize(("names", "words"), [
    (("carboxylation_capacty",), "carboxylation_capacity"), (("clumping_index", "clumping_index"), "varied twice")])
def test_parameters_that_do_not_exist_or_come_twice_are_refused(made, names, words):
    one, _, _ = made
    with pytest.raises(ValueError, match=words):
        ColumnEvaluator(one.model, one.forcing, one.base, one.state, 1800.0, names, [])


def test_a_control_vector_of_another_length_is_refused(made):
    one, _, _ = made
    with pytest.raises(ValueError, match=r"expected \(replicas, 3\)"):
        one.evaluate(np.ones((4, 2)))


def test_a_warm_up_gives_every_replica_its_own_state(made):
    one, _, _ = made
    dry = np.array(one.forcing[:48 * 4])
    fields = {"model": one.model, "forcing": one.forcing[:48], "base": one.base, "state": one.state, "time_step": 1800.0,
              "names": ("saturated_conductivity",), "streams": [Stream("soil_moisture_layer1", np.arange(48))]}
    warmed = ColumnEvaluator(**fields, warm_up=dry, warm_up_step=1800.0).evaluate([[1e-7], [1e-5]])
    alone = ColumnEvaluator(**fields, warm_up=dry, warm_up_step=1800.0).evaluate([[1e-5]])
    first = warmed.values["soil_moisture_layer1"][:, 0]
    assert abs(first[0] - first[1]) > 1e-6
    np.testing.assert_array_equal(warmed.values["soil_moisture_layer1"][1:], alone.values["soil_moisture_layer1"])
    with pytest.raises(ValueError, match="needs its time step"):
        ColumnEvaluator(**fields, warm_up=dry)
