"""The parameter table, and parameter sets made from it."""

import re

import numpy as np
import pytest

from terraflux.model import pedotransfer
from terraflux.model.parameter_table import HYDRAULIC_SETS, grid, soil_class
from terraflux.model.parameters import (
    ParameterError,
    from_toml,
    parameter_entries,
    parameters,
    plant_types,
    soil_classes,
)
from terraflux.model.variables import DEEP_LAYERS, SEASONAL_TERMS, variable_table

# USDA texture triangle: class of a sand and clay percentage (Soil Survey Manual, chapter 3).
USDA = {
    "sand": lambda sand, silt, clay: silt + 1.5 * clay < 15,
    "loamy_sand": lambda sand, silt, clay: silt + 1.5 * clay >= 15 and silt + 2 * clay < 30,
    "sandy_loam": lambda sand, silt, clay: 7 <= clay < 20 and sand > 52 and silt + 2 * clay >= 30,
    "loam": lambda sand, silt, clay: 7 <= clay < 27 and 28 <= silt < 50 and sand <= 52,
    "silt_loam": lambda sand, silt, clay: (silt >= 50 and 12 <= clay < 27) or (50 <= silt < 80 and clay < 12),
    "silt": lambda sand, silt, clay: silt >= 80 and clay < 12,
    "sandy_clay_loam": lambda sand, silt, clay: 20 <= clay < 35 and silt < 28 and sand > 45,
    "clay_loam": lambda sand, silt, clay: 27 <= clay < 40 and 20 < sand <= 45,
    "silty_clay_loam": lambda sand, silt, clay: 27 <= clay < 40 and sand <= 20,
    "sandy_clay": lambda sand, silt, clay: clay >= 35 and sand > 45,
    "silty_clay": lambda sand, silt, clay: clay >= 40 and silt >= 40,
    "clay": lambda sand, silt, clay: clay >= 40 and sand <= 45 and silt < 40,
}
MINERAL = tuple(USDA)


def test_every_parameter_of_the_variable_table_has_one_entry():
    table = variable_table(deep_layers=DEEP_LAYERS, seasonal_terms=SEASONAL_TERMS)
    assert list(parameter_entries()) == [variable.name for variable in table.of_kind("parameter")]


def test_unit_and_bounds_are_those_of_the_variable_table():
    table = variable_table(deep_layers=DEEP_LAYERS, seasonal_terms=SEASONAL_TERMS)
    for name, entry in parameter_entries().items():
        assert (entry.unit, entry.bounds) == (table[name].unit, table[name].bounds)


def test_every_entry_names_a_source_and_a_prior():
    for name, entry in parameter_entries().items():
        assert entry.source, name
        spread_needed = entry.prior.distribution in ("normal", "lognormal")
        assert (entry.prior.spread > 0.0) == spread_needed, name
        assert entry.prior.distribution != "lognormal" or 0.0 not in entry.values.values(), name


@pytest.mark.parametrize("plant", plant_types())
@pytest.mark.parametrize("hydraulics", HYDRAULIC_SETS)
def test_every_plant_type_and_soil_class_gives_a_complete_set(plant, hydraulics):
    for soil in soil_classes():
        vector = parameters(plant, soil, hydraulics=hydraulics).vector(variable_table())
        assert np.isfinite(vector).all()


def test_spot_values_of_the_specification():
    assert parameters("ENF")["carboxylation_capacity"] == 62.5
    assert parameters("EBF_tropical")["carboxylation_capacity"] == 41.0
    assert parameters("CRO")["stomatal_slope_medlyn"] == 5.79
    assert parameters("ENF_boreal")["root_distribution"] == 0.943
    assert parameters("OSH")["vapour_deficit_high"] == 4400.0
    assert parameters("GRA_C4")["c4_pathway"] == 1.0 and parameters("GRA")["c4_pathway"] == 0.0
    assert parameters("DBF")["turnover_stem"] == 0.0168


def test_only_c4_types_take_the_c4_pathway():
    for plant in plant_types():
        assert parameters(plant)["c4_pathway"] == float(plant.endswith("_C4"))


@pytest.mark.parametrize("plant", plant_types())
def test_defaults_of_a_plant_type_fit_together(plant):
    p = parameters(plant)
    shares = sum(p[f"allocation_{organ}"] for organ in ("foliage", "stem", "coarse_root", "fine_root"))
    assert shares == pytest.approx(1.0, abs=0.011)  # the shares of "other" biomes are published with a sum of 1.001
    assert p["minimum_leaf_area_index"] < p["maximum_leaf_area_index"]
    assert p["minimum_temperature_low"] < p["minimum_temperature_high"]
    assert p["vapour_deficit_low"] < p["vapour_deficit_high"]
    for band in ("visible", "infrared"):
        assert p[f"leaf_reflectance_{band}"] + p[f"leaf_transmittance_{band}"] < 0.95


@pytest.mark.parametrize("soil", MINERAL)
def test_texture_of_a_soil_class_lies_in_that_class(soil):
    known = soil_class(soil)
    sand, clay = 100.0 * known["sand_fraction"], 100.0 * known["clay_fraction"]
    assert [name for name, inside in USDA.items() if inside(sand, 100.0 - sand - clay, clay)] == [soil]


def test_van_genuchten_values_are_carsel_and_parrish_in_si():
    per_cm_and_cm_per_day = {
        "sand": (0.145, 712.8), "loamy_sand": (0.124, 350.2), "sandy_loam": (0.075, 106.1), "silt_loam": (0.020, 10.8),
        "silt": (0.016, 6.0), "loam": (0.036, 24.96), "sandy_clay_loam": (0.059, 31.44),
        "silty_clay_loam": (0.010, 1.68), "clay_loam": (0.019, 6.24), "sandy_clay": (0.027, 2.88),
        "silty_clay": (0.005, 0.48), "clay": (0.008, 4.8),
    }  # fmt: skip
    for soil, (alpha, conductivity) in per_cm_and_cm_per_day.items():
        known = soil_class(soil)["van_genuchten"]
        assert known["van_genuchten_alpha"] == pytest.approx(100.0 * alpha)
        assert known["saturated_conductivity"] == pytest.approx(conductivity / 8.64e6, rel=2e-4)


def test_cosby_regression_lies_near_the_class_means_it_was_fitted_to():
    for soil in MINERAL:
        known = soil_class(soil)
        fitted = pedotransfer.cosby(known["sand_fraction"], known["clay_fraction"])
        assert fitted["retention_exponent"] == pytest.approx(known["cosby"]["retention_exponent"], rel=0.25)
        assert fitted["porosity"] == pytest.approx(known["cosby"]["porosity"], abs=0.05)
        assert abs(np.log(fitted["saturated_conductivity"] / known["cosby"]["saturated_conductivity"])) < np.log(4.0)
        assert abs(np.log(fitted["saturated_potential"] / known["cosby"]["saturated_potential"])) < np.log(4.0)


def test_cosby_refuses_impossible_texture():
    with pytest.raises(ValueError, match="no shares of one soil"):
        pedotransfer.cosby(0.7, 0.6)


def test_thermal_conductivity_of_solids_runs_from_clay_minerals_to_quartz():
    assert pedotransfer.solid_conductivity(0.0) == 2.0
    assert pedotransfer.solid_conductivity(1.0) == 7.7
    # Bulk density 1350 kg m-3 at porosity 0.5: (0.135 * 1350 + 64.7) / (2700 - 0.947 * 1350)
    assert pedotransfer.dry_conductivity(0.5) == pytest.approx(246.95 / 1421.55)


def test_organic_matter_mixes_linearly_between_mineral_and_peat():
    mineral, peat = parameters(soil="loam"), parameters(soil="organic")
    half = parameters(soil="loam", organic_fraction=0.5)
    for name in ("porosity", "solid_conductivity", "dry_conductivity", "solid_heat_capacity", "retention_exponent"):
        np.testing.assert_allclose(half[name], 0.5 * (mineral[name] + peat[name]))
    assert peat["solid_conductivity"][0] == 0.25


def test_a_profile_may_have_one_class_per_layer():
    profile = parameters(soil=["organic", "organic", *["sand"] * 8])
    np.testing.assert_array_equal(profile["porosity"], [0.9, 0.9] + [0.395] * 8)
    loam, sand = soil_class("organic")["sand_fraction"], soil_class("sand")["sand_fraction"]
    assert profile["sand_fraction"] == pytest.approx((0.1 * loam + 0.2 * sand) / 0.3)
    with pytest.raises(ParameterError, match="2 soil classes are given for 10 soil layers"):
        parameters(soil=["organic", "sand"])


def test_dry_conductivity_follows_a_porosity_that_is_given():
    p = parameters(porosity=0.5)
    np.testing.assert_allclose(p["dry_conductivity"], pedotransfer.dry_conductivity(0.5))


def test_grid_presets_reach_their_depth():
    assert sum(grid("soil", "default10")) == pytest.approx(3.45)
    assert sum(grid("soil", "beps5")) == pytest.approx(2.0)
    assert sum(grid("deep", "permafrost8")) >= 40.0
    deep = parameters(deep_thickness="permafrost8")
    assert deep.deep_layers == DEEP_LAYERS and deep["deep_conductivity"].shape == (DEEP_LAYERS,)
    longer = deep.vector(variable_table(deep_layers=DEEP_LAYERS))
    assert len(longer) == len(parameters().vector(variable_table())) + 3 * DEEP_LAYERS


def test_vector_follows_the_rows_of_the_table():
    table, p = variable_table(), parameters("DBF", saturated_conductivity=np.geomspace(1e-5, 1e-7, 10))
    vector = p.vector(table)
    for value, (variable, layer) in zip(vector, table.rows_of("parameter"), strict=True):
        assert value == np.atleast_1d(p[variable.name])[layer]


def test_vector_refuses_a_table_with_other_layers():
    with pytest.raises(ParameterError, match=re.escape("variable_table(soil_layers=5)")):
        parameters(layer_thickness="beps5").vector(variable_table())


def test_toml_round_trip_is_exact():
    p = parameters("CSH", "silty_clay", hydraulics="van_genuchten", deep_thickness="permafrost8", porosity=1.0 / 3.0)
    assert from_toml(p.to_toml()) == p


def test_toml_defaults_fill_what_is_absent():
    text = 'plant = "DBF"\nsoil = "sand"\n[parameters]\ncanopy_height = 25\n'
    assert from_toml(text) == parameters("DBF", "sand", canopy_height=25)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('plnt = "ENF"', "Did you mean 'plant'"),
        ("[parameters]\nporosty = 0.4", "Did you mean 'porosity'"),
        ("[parameters]\nhydraulics = 'cosby'", "unknown parameter"),
        ("plant = 3", "must be names"),
        ("parameters = 3", "must be a table"),
        ("plant = ", "not valid TOML"),
        ("[parameters]\nporosity = 'much'", "is not a number"),
        ("[parameters]\nporosity = []", "neither a number nor a list"),
    ],
)
def test_bad_toml_is_refused(text, message):
    with pytest.raises(ParameterError, match=message):
        from_toml(text)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"carboxylation_capacty": 50}, "Did you mean 'carboxylation_capacity'"),
        ({"carboxylation_capacity": 900}, re.escape("carboxylation_capacity = 900.0 is outside 1..300 umol m-2 s-1")),
        ({"carboxylation_capacity": float("nan")}, "is outside"),
        ({"carboxylation_capacity": [50, 60]}, "is one number"),
        ({"porosity": [0.4, 0.5]}, "there are 10 soil layers"),
        ({"deep_conductivity": 2.0}, "without deep_thickness"),
        ({"measurement_height": 3.0}, "must be above"),
    ],
)
def test_bad_replacement_is_refused(overrides, message):
    with pytest.raises(ParameterError, match=message):
        parameters("ENF").replace(**overrides)


def test_unknown_choices_are_refused_with_the_nearest():
    with pytest.raises(ParameterError, match="Did you mean 'ENF'"):
        parameters("ENFF")
    with pytest.raises(ParameterError, match="Did you mean 'loam'"):
        parameters(soil="laom")
    with pytest.raises(ParameterError, match="Did you mean 'default10'"):
        parameters(layer_thickness="default")
    with pytest.raises(ParameterError, match="Did you mean 'campbell'"):
        parameters(hydraulics="cambell")
    with pytest.raises(ParameterError, match="is outside"):
        parameters(layer_thickness=[0.1, 0.0])


def test_replace_leaves_the_first_set_unchanged_and_spreads_numbers_over_layers():
    p = parameters()
    other = p.replace(porosity=0.5)
    assert (other["porosity"] == 0.5).all() and (p["porosity"] == 0.451).all()
    with pytest.raises(ValueError, match="read-only"):
        p["porosity"][0] = 0.3


def test_measurement_height_stands_above_the_canopy_without_being_given():
    for plant in plant_types():
        p = parameters(plant)
        assert p["measurement_height"] >= p["canopy_height"] + 2.0


def test_description_names_every_parameter_with_its_unit():
    p = parameters()
    text = p.describe()
    assert all(name in text for name in p)
    assert "umol m-2 s-1  maximum carboxylation rate" in text
