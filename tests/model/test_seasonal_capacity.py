"""A season multiplies capacity or efficiency by the exponential of a weighted sum, and costs nothing where there is none."""

import numpy as np
import pytest

from terraflux.model.column import column_model, prepare, step
from terraflux.model.initial_state import initial_state
from terraflux.model.options import Options
from terraflux.model.parameter_table import ParameterError, parameter_entries
from terraflux.model.parameters import parameters
from terraflux.model.seasonal_capacity import seasonal_assimilation, seasonal_factor, seasonal_term
from terraflux.model.variables import variable_table

pytestmark = pytest.mark.xdist_group("column")

STEPS, TERMS = 480, 2
OUTPUTS = ("gross_primary_production", "latent_heat", "soil_temperature", "leaf_respiration")


def terms(steps=STEPS):
    """A step from no season to one, and a slow wave; [time, term]."""
    time = np.arange(steps)
    return np.stack([np.where(time >= steps // 2, 1.0, 0.0), np.sin(2.0 * np.pi * time / steps)], axis=1)


@pytest.fixture(scope="module")
def run(make_weather):
    """A function: result of columns of one parameter set each, under temperate weather, with and without a season."""
    weather = make_weather("temperate", STEPS, season_days=20.0)

    def run(sets, photosynthesis, seasonality="basis", outputs=OUTPUTS):
        model = column_model(Options(photosynthesis=photosynthesis, seasonality=seasonality, seasonal_terms=TERMS))
        names = [variable.name for variable in model.table.of_kind("forcing") if not variable.dimension]
        forcing = np.stack([weather[name] for name in names], axis=1)
        if seasonality == "basis":
            forcing = np.concatenate([forcing, terms()], axis=1)
        vectors = np.stack([one.vector(model.table) for one in sets], axis=1)
        state = np.stack([initial_state(model.table, one, 5.0) for one in sets], axis=1)
        return model.run(forcing[:, :, np.newaxis], vectors, np.ascontiguousarray(state), {"time_step": 1800.0},
                         forcing_of=np.zeros(len(sets), np.int64), outputs=outputs, threads=1)

    return run


def test_basis_rows_are_the_last_of_the_forcing():
    rows = variable_table(seasonal_terms=3).rows_of("forcing")
    assert [(variable.name, layer) for variable, layer in rows[-3:]] == [("seasonal_basis", layer) for layer in range(3)]
    assert len(rows) == len(variable_table().rows_of("forcing")) + 3


def test_a_model_without_season_has_no_trace_of_it():
    model = column_model(Options(seasonal_terms=4))
    assert "seasonal" not in "".join(model.table) and model.table.layers["season"] == 0
    assert "season" not in model.woven(32).source_path.read_text(encoding="utf-8")
    assert len(step(Options())) < len(step(Options(seasonality="basis"))) and prepare(Options())


@pytest.mark.parametrize("photosynthesis", ["light_use_efficiency", "farquhar"])
def test_without_weights_every_bit_is_that_of_a_model_without_season(run, photosynthesis):
    plain, zero = parameters("DBF"), parameters("DBF", seasonal_weight=np.zeros(TERMS))
    expected = run([plain], photosynthesis, "none")
    for one in (plain, zero):
        found = run([one], photosynthesis)
        assert np.array_equal(found.out.view(np.int64), expected.out.view(np.int64))


def test_a_season_of_light_use_is_one_of_its_efficiencies(run):
    base, weights = parameters("DBF"), np.array([0.4, -0.3])
    leaves = ("sunlit", "shaded")
    outputs = ("moisture_stress", "seasonal_factor", *(f"{name}_{leaf}" for leaf in leaves
                                                       for name in ("gross_assimilation", "absorbed_light")))
    seasonal = run([base.replace(seasonal_weight=weights)], "light_use_efficiency", outputs=outputs)
    constant = run([base], "light_use_efficiency", outputs=outputs)
    factor = np.exp(terms() @ weights)
    assert seasonal["seasonal_factor"][:, 0] == pytest.approx(factor, rel=1e-14)
    for leaf in leaves:
        used = [(one[f"gross_assimilation_{leaf}"] / one["moisture_stress"])[:, 0] for one in (seasonal, constant)]
        light = [one[f"absorbed_light_{leaf}"][:, 0] for one in (seasonal, constant)]
        assert used[1].max() > 1.0
        assert used[0] * light[1] == pytest.approx(factor * used[1] * light[0], rel=1e-12, abs=1e-12)


def test_a_step_in_biochemical_capacity_is_that_of_the_parameter(run):
    base = parameters("DBF")
    weight = np.array([np.log(1.5), 0.0])
    outputs = ("capacity_sunlit", "capacity_shaded", "gross_primary_production")
    seasonal = run([base.replace(seasonal_weight=weight)], "farquhar", outputs=outputs)
    plain = run([base], "farquhar", outputs=outputs)
    larger = run([base.replace(carboxylation_capacity=1.5 * base["carboxylation_capacity"])], "farquhar", outputs=outputs)
    half = STEPS // 2
    for leaf in ("capacity_sunlit", "capacity_shaded"):
        assert seasonal[leaf][:half] == pytest.approx(plain[leaf][:half], rel=1e-14)
        assert seasonal[leaf][half:] == pytest.approx(larger[leaf][half:], rel=1e-14)
    gain = seasonal["gross_primary_production"][half:].sum() / plain["gross_primary_production"][half:].sum()
    assert 1.05 < gain < 1.5


def test_columns_under_the_same_weather_have_seasons_of_their_own(run):
    base = parameters("GRA")
    sets = [base.replace(seasonal_weight=np.array(weight)) for weight in ([0.0, 0.0], [0.2, 0.1], [-0.5, 0.3])]
    together = run(sets, "light_use_efficiency")
    for column, one in enumerate(sets):
        alone = run([one], "light_use_efficiency")
        assert np.array_equal(together.out[:, :, column], alone.out[:, :, 0])
    assert np.unique(together["gross_primary_production"].sum(axis=0)).size == 3


def test_another_number_of_weights_than_of_terms_is_refused(run):
    with pytest.raises(ParameterError, match=r"3 season layers, the table 2.*seasonal_terms=3"):
        run([parameters("DBF", seasonal_weight=np.zeros(3))], "farquhar")
    with pytest.raises(ParameterError, match="seasonal_weight = 70"):
        parameters("DBF", seasonal_weight=[0.0, 70.0])
    assert parameter_entries()["seasonal_weight"].dimension == "season"


def test_plain_processes_multiply():
    assert seasonal_term(0.5, 2.0, 0.25) == 1.0
    assert seasonal_factor.plain(np.log(2.0)) == pytest.approx(2.0)
    assert seasonal_assimilation(10.0, 1.2) == 12.0
