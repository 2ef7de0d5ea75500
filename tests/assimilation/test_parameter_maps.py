"""Maps of parameters: fractions weigh plant types, members keep their draw, first order agrees with members."""

import netCDF4
import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.hierarchy import Hierarchy, hierarchy
from terraflux.assimilation.hierarchy_file import PlantTypeHierarchy
from terraflux.assimilation.parameter_file import read_parameters
from terraflux.assimilation.parameter_maps import (
    linear_spread,
    new_site_controls,
    new_site_draws,
    new_site_moments,
    parameter_map,
    write_parameter_maps,
    write_plant_parameters,
)
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.predicted_fluxes import predicted_fluxes
from terraflux.assimilation.problem import Problem, StreamChoice
from terraflux.assimilation.tower_columns import tower_columns
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.synthetic_tower import synthetic_tower
from terraflux.model.parameters import parameters

NAME, OTHER = "carboxylation_capacity", "respiration_q10"


def known_hierarchy(space, mean, spread, count=400):
    """A hierarchy with a mean known to 0.02 and a spread known to 10 %."""
    random = np.random.default_rng(3)
    size = space.size
    return Hierarchy(space.names, mean + random.normal(0.0, 0.02, (count, size)),
                     spread * np.exp(random.normal(0.0, 0.1, (count, size))), {}, {}, (), np.ones(2 * size),
                     np.full(2 * size, 400.0), "converged", "")


@pytest.fixture(scope="module")
def found():
    made = {}
    for code in ("DBF", "GRA"):
        space = ParameterSpace([ParameterRow(NAME), ParameterRow(OTHER)], parameters(code, "loam"))
        made[code] = PlantTypeHierarchy(code, known_hierarchy(space, space.default_control(), 0.2), space, np.empty((0, 2)))
    return made


@pytest.fixture(scope="module")
def draws(found):
    return new_site_draws(found, seed=1)


@pytest.fixture(scope="module")
def fractions():
    """Pure pixels of three plant types, a mixture, a half-empty pixel and one without plants."""
    share = np.zeros((3, 2, 3))
    share[0, 0, 0] = share[1, 0, 1] = share[2, 0, 2] = 1.0
    share[:, 1, 0] = (0.5, 0.3, 0.2)
    share[:, 1, 1] = (0.3, 0.2, np.nan)
    return xr.DataArray(share, {"plant_type": ["DBF", "GRA", "CRO"], "lat": [30.0, 30.5], "lon": [100.0, 100.5, 101.0]},
                        ("plant_type", "lat", "lon"))


def test_fraction_weighted_maps_reproduce_the_values_of_plant_types(draws, fractions):
    made = parameter_map(NAME, draws, fractions)
    crop = float(np.ravel(parameters("CRO", "loam")[NAME])[0])
    for place, code in enumerate(("DBF", "GRA")):
        np.testing.assert_allclose(made.members[:, 0, place], draws[code][NAME], rtol=1e-12)
        assert made.mean[0, place] == pytest.approx(draws[code][NAME].mean())
        assert made.quantile(0.95)[0, place] == pytest.approx(np.quantile(draws[code][NAME], 0.95))
    np.testing.assert_allclose(made.members[:, 0, 2], crop)
    np.testing.assert_allclose(made.members[:, 1, 0], 0.5 * draws["DBF"][NAME] + 0.3 * draws["GRA"][NAME] + 0.2 * crop)
    np.testing.assert_allclose(made.members[:, 1, 1], 0.6 * draws["DBF"][NAME] + 0.4 * draws["GRA"][NAME])
    assert np.isnan(made.members[:, 1, 2]).all()
    np.testing.assert_allclose(made.calibrated[:, 0], [1.0, 0.8])


def test_pixels_of_a_plant_type_share_a_draw_and_plant_types_are_independent(draws):
    assert abs(np.corrcoef(draws["DBF"][NAME], draws["GRA"][NAME])[0, 1]) < 0.4
    assert draws["DBF"][NAME].shape == (50,)
    place = {"plant_type": ["DBF"], "lat": [0.0], "lon": [0.0, 1.0]}
    made = parameter_map(NAME, draws, xr.DataArray(np.ones((1, 1, 2)), place, ("plant_type", "lat", "lon")))
    np.testing.assert_array_equal(made.members[:, 0, 0], made.members[:, 0, 1])


def test_a_map_carries_the_spread_between_sites_not_only_the_doubt_about_their_mean(found, draws):
    default = float(np.ravel(parameters("DBF", "loam")[NAME])[0])
    relative = np.std(np.log(draws["DBF"][NAME] / default), ddof=1)
    assert relative == pytest.approx(0.2, rel=0.3)
    mean, covariance = new_site_moments(found["DBF"].hierarchy)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), 0.2, rtol=0.05)
    np.testing.assert_allclose(mean, found["DBF"].space.default_control(), atol=0.01)


def test_the_file_holds_maps_members_and_plant_types(draws, fractions, tmp_path):
    path = write_parameter_maps(tmp_path / "parameters.nc", draws, fractions)
    with xr.open_dataset(path) as made:
        memory = parameter_map(NAME, draws, fractions)
        np.testing.assert_allclose(made[f"{NAME}_mean"], memory.mean, rtol=1e-6)
        np.testing.assert_allclose(made[f"{NAME}_sd"], memory.deviation, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(made[f"{NAME}_members"], memory.members, rtol=1e-6)
        np.testing.assert_allclose(made[NAME].sel(plant_type="GRA"), draws["GRA"][NAME], rtol=1e-6)
        for key, level in (("q05", 0.05), ("q50", 0.5), ("q95", 0.95)):
            np.testing.assert_allclose(made[f"{NAME}_{key}"], memory.quantile(level), rtol=1e-6)
        assert made[f"{NAME}_mean"].attrs["units"] == "umol m-2 s-1"
        assert made.sizes["member"] == 50
        assert made.attrs["parameters"] == f"{NAME} {OTHER}"
    with netCDF4.Dataset(path) as raw:
        assert raw["lat"].standard_name == "latitude"
        assert raw.Conventions == "CF-1.8"


def test_plant_types_are_written_in_the_form_of_calibrated_parameters(draws, tmp_path):
    path = write_plant_parameters(tmp_path / "parameters.toml", draws, options={"stomatal_conductance": "medlyn"})
    read = read_parameters(path)
    assert read.options == {"stomatal_conductance": "medlyn"}
    assert read.values("q50")[f"{NAME}@DBF"] == pytest.approx(np.median(draws["DBF"][NAME]))
    assert read.values("mean")[f"{OTHER}@GRA"] == pytest.approx(draws["GRA"][OTHER].mean())
    assert read.values()[f"{NAME}@DBF"] == read.values("q50")[f"{NAME}@DBF"]


def test_what_cannot_be_mapped_is_refused_by_name(draws, fractions, tmp_path):
    with pytest.raises(ProblemError, match="carboxylation_capacity"):
        parameter_map("carboxylation_capcity", draws, fractions)
    with pytest.raises(ProblemError, match="unknown plant type 'DBX'"):
        parameter_map(NAME, draws, fractions.assign_coords(plant_type=["DBF", "GRA", "DBX"]))
    with pytest.raises(ProblemError, match="sum to up to 2"):
        parameter_map(NAME, draws, fractions * 2.0)
    with pytest.raises(ProblemError, match="same number"):
        parameter_map(NAME, {"DBF": {NAME: np.ones(50)}, "GRA": {NAME: np.ones(40)}}, fractions)
    with pytest.raises(ProblemError, match="not all finite"):
        write_parameter_maps(tmp_path / "no.nc", {"DBF": {NAME: np.full(50, np.nan)}}, fractions)
    with pytest.raises(ProblemError, match="need plant_type"):
        parameter_map(NAME, draws, fractions.rename(lat="y"))
    with pytest.raises(ProblemError, match="does not go by plant type"):
        parameter_map("porosity", {"DBF": {"porosity": np.full(50, 0.4)}}, fractions)
    assert not (tmp_path / "no.nc").exists()


def test_linear_spread_agrees_with_fifty_members_of_the_land_model(found):
    """Within 15 % for carbon fluxes of a fortnight; latent heat bends in the capacity and is held to it from above only.

    Its members spread by up to 21 % more than first order says (docs/assimilation/maps.md): 15 % is not met there.
    """
    tower = synthetic_tower("grassland").between("2021-06-01", "2021-06-14")
    problem = Problem([ParameterRow(NAME), ParameterRow(OTHER)], [StreamChoice("NEE")], [2021])
    target = TowerProblem(problem, tower_columns(tower, spin_up_cycles=1), threads=1)
    one = found["GRA"].hierarchy
    mean, covariance = new_site_moments(one)
    names = ("gross_primary_production", "ecosystem_respiration", "latent_heat")

    def outputs(u):
        made = predicted_fluxes(target, names, u, every="year", count=len(u), members=True)
        return np.stack([made[f"{name}_members"].values[0] for name in names], axis=1)

    linear = linear_spread(outputs, mean, covariance)
    for seed in range(3):
        fifty = outputs(new_site_controls(one, 50, np.random.default_rng(seed))).std(axis=0, ddof=1)
        np.testing.assert_allclose(linear[:2], fifty[:2], rtol=0.15)
        assert 0.0 < linear[2] <= 1.15 * fifty[2]


def test_linear_spread_is_exact_for_linear_outputs():
    slopes = np.array([[1.0, 2.0], [0.5, -1.0]])
    covariance = np.array([[0.04, 0.01], [0.01, 0.09]])
    expected = np.sqrt(np.diag(slopes.T @ covariance @ slopes))
    np.testing.assert_allclose(linear_spread(lambda u: u @ slopes, np.zeros(2), covariance), expected, rtol=1e-8)


def test_moments_of_a_sampled_hierarchy_are_those_of_its_draws():
    random = np.random.default_rng(0)
    sites = {f"s{k}": random.normal(0.3 * random.normal(), 0.05, (400, 1)) for k in range(8)}
    one = hierarchy(sites, lambda u: -0.5 * (u / 2.0) ** 2, ("a",), sweeps=1000)
    mean, covariance = new_site_moments(one)
    drawn = one.predictive(np.random.default_rng(1), 20000)
    assert mean[0] == pytest.approx(drawn.mean(), abs=0.02)
    assert covariance[0, 0] == pytest.approx(drawn.var(), rel=0.05)
