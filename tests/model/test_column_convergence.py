"""Shorter steps and thinner layers lead to one answer, at the order that backward Euler promises."""

import numpy as np
import pytest

from terraflux.model.options import Options

pytestmark = pytest.mark.xdist_group("column")

DAYS = 12
STEPS = (112.5, 225.0, 450.0, 900.0, 1800.0, 3600.0)
PAIRS = [("ENF", "loam"), ("DBF", "sandy_loam"), ("GRA", "clay_loam"), ("CSH", "sand"), ("CRO", "silt_loam"),
         ("GRA_alpine", "clay"), ("WET", "organic"), ("EBF_tropical", "sandy_clay")]


def daily(batch, outputs):
    """Daily means [day, ..., column] by name."""
    per_day = round(86400.0 / batch.time_step)
    result, _ = batch.run(outputs=outputs, windows=per_day)
    return {name: result[name] for name in outputs}


def summer(make_columns, time_step, **options):
    """Smooth rainless summer days; each step sees the mean of the weather over itself."""
    finest = make_columns(pairs=PAIRS, climates=("temperate",), steps=int(DAYS * 86400 / STEPS[0]), time_step=STEPS[0],
                          smooth=True, season_days=400.0, mean_temperature=15.0, **options)
    names = [variable.name for variable in finest.model.table.of_kind("forcing")]
    forcing = finest.forcing
    forcing[:, names.index("air_temperature")] += 14.0
    forcing[:, names.index("precipitation")] = 0.0
    forcing[:, names.index("prescribed_leaf_area_index")] = 3.0
    shorter = int(time_step / STEPS[0])
    finest.forcing = np.ascontiguousarray(forcing.reshape(-1, shorter, *forcing.shape[1:]).mean(1))
    finest.time_step = time_step
    return finest


@pytest.fixture(scope="module")
def by_step(make_columns):
    """Daily means for every length of step."""
    outputs = ("soil_temperature", "soil_moisture_stored", "sensible_heat", "latent_heat", "gross_primary_production",
               "ground_heat_flux", "heterotrophic_respiration")
    return {step: daily(summer(make_columns, step), outputs) for step in STEPS}


@pytest.mark.parametrize("name", ["soil_temperature", "soil_moisture_stored", "heterotrophic_respiration"])
def test_error_of_stores_falls_with_the_time_step_at_first_order(by_step, name):
    """Order from the mean absolute difference of successive runs: log2 of the ratio of two.

    Quarters of an hour and shorter steps show first order. At longer ones its terms and those of second order may partly
    cancel: the ratio is smaller, but then the differences lie below the line of first order from the shortest steps.
    """
    distances = [float(np.mean(np.abs(by_step[2.0 * step][name][1:] - by_step[step][name][1:]))) for step in STEPS[:-1]]
    orders = np.diff(np.log2(distances))
    print(name, "orders from short to long steps", np.round(orders, 2), "distances", distances)
    assert orders[:2].min() >= 0.9
    line = distances[0] * 2.0 ** np.arange(len(distances))
    assert ((orders[2:] >= 0.9) | (distances[3:] <= line[3:])).all()


@pytest.mark.parametrize(("name", "most"), [("latent_heat", 0.5), ("sensible_heat", 0.5), ("ground_heat_flux", 0.1),
                                            ("gross_primary_production", 2e-7)])
def test_half_hourly_fluxes_are_close_to_those_of_the_shortest_step(by_step, name, most):
    """Daily means from the second day on; the weather's averaging within a step is part of the difference."""
    differences = np.abs(by_step[1800.0][name][1:] - by_step[STEPS[0]][name][1:])
    print(name, float(differences.mean()), float(differences.max()))
    assert differences.mean() < most


def test_successively_shorter_steps_come_closer(by_step):
    for name in by_step[STEPS[0]]:
        distances = [float(np.mean(np.abs(by_step[2 * step][name][1:] - by_step[step][name][1:]))) for step in STEPS[:-1]]
        print(name, distances)
        assert (np.diff(distances) > 0.0).all(), name


@pytest.mark.slow
def test_thinner_soil_layers_lead_to_one_answer(make_columns):
    """5, 10, 20 and 40 layers of the same 3.2 m: each doubling brings daily means closer."""
    edges = 3.2 * (np.linspace(0.0, 1.0, 41) ** 1.7)
    found = {}
    for layers in (5, 10, 20, 40):
        thickness = np.diff(edges[:: 40 // layers])
        batch = summer(make_columns, 1800.0, options=Options(soil_layers=layers), layer_thickness=thickness)
        series = daily(batch, ("latent_heat", "soil_moisture_stored", "gross_primary_production", "soil_temperature"))
        heat = (series["soil_temperature"] * thickness[:, None]).sum(1)
        found[layers] = series | {"mean_soil_temperature": heat / 3.2}
    for name in ("latent_heat", "soil_moisture_stored", "gross_primary_production", "mean_soil_temperature"):
        distances = [float(np.mean(np.abs(found[2 * layers][name] - found[layers][name]))) for layers in (5, 10, 20)]
        print(name, distances)
        assert distances[2] < distances[1] < distances[0], name
