"""Problem files: read, refused with words, written and read back; the Python shape says the same."""

from dataclasses import replace

import numpy as np
import pytest

from terraflux.assimilation import problem_file
from terraflux.assimilation.closure_factors import CLOSURE_PRIOR
from terraflux.assimilation.parameter_rows import ParameterRow, ProblemError
from terraflux.assimilation.posterior_file import long_name_of
from terraflux.assimilation.priors import Beta, Normal, normal
from terraflux.assimilation.problem import FootprintChoice, Problem, SigmaRule, StreamChoice, stream_weights
from terraflux.assimilation.problem_file import problem_from, problem_from_text, problem_text, read_problem
from terraflux.model.parameters import parameters

V = "carboxylation_capacity"
EXAMPLE = "\n".join(line[4:] for line in problem_file.__doc__.splitlines() if line.startswith("    "))


def contents(**changes):
    return {"years": {"calibration": [2003]}, "parameters": {V: "free"}, "streams": {"NEE": {}}, **changes}


def test_the_example_of_the_documentation_is_read_and_makes_a_space():
    problem = problem_from_text(EXAMPLE)
    assert problem.calibration == (2003, 2004)
    assert problem.validation == (2005,)
    assert problem.footprint.operator == "mixture"
    assert [row.status for row in problem.parameters] == ["free", "fixed", "free", "tied", "free", "free", "free"]
    assert problem.streams[0].variable == "net_ecosystem_exchange"
    assert isinstance(problem.streams[0].correlation, Beta)
    assert {row.entry for row in problem.noise_rows()} == {"scale", "correlation", "factor"}
    space = problem.space(parameters("ENF"))
    assert space.seasonal == {"maximum_light_use_efficiency": "spline"}
    assert space.size == 5 + 3
    assert np.isfinite(space.log_prior(space.draw(np.random.default_rng(1), 50))).all()


def test_a_problem_becomes_a_parameter_space_with_its_noise():
    problem = problem_from(contents(streams={
        "NEE": {"scale": "sampled"}, "LE": {}, "H": {"correlation": 0.3}, "deep": {"variable": "SWC", "depth": 0.5}}))
    space = problem.space(parameters("ENF"))
    assert space.names == (V, "net_ecosystem_exchange.scale", "latent_heat+sensible_heat.factor")
    noise = space.noise(space.default_control())
    assert noise["sensible_heat"]["correlation"] == 0.3
    assert noise["latent_heat"]["correlation"] == 0.5
    assert noise["deep"]["correlation"] == 0.99
    np.testing.assert_allclose(noise["latent_heat"]["factor"], 1.0, rtol=1e-12)


def test_a_problem_written_is_read_back_equal(tmp_path):
    problem = Problem(
        parameters=[ParameterRow(V, plant_type="ENF", prior=normal(60.0, 12.0), seasonal="spline", source="a \"quoted\" book"),
                    ParameterRow("stomatal_slope_medlyn", "tied", tie=V, factor=0.05),
                    ParameterRow("respiration_q10", "fixed")],
        streams=[StreamChoice("LE", error_model="laplace", energy_balance="corrected"),
                 StreamChoice("NEE", name="night", hours="night", scale=normal(1.0, 0.2, 0.5, 2.0), sigma=SigmaRule(
                     "line", offset=2.48, slope_positive=0.19, slope_negative=0.08)),
                 StreamChoice("GPP", hours="day"), StreamChoice("TS", depth=0.05, average="day")],
        calibration=range(2001, 2004), validation=[2005], footprint=FootprintChoice("tempered", "ffp", target_class=1),
        weights="equal_stream", options={"stomatal_conductance": "ball_berry"},
        towers=["a.toml"], title="both\nlines")
    file = tmp_path / "problem.toml"
    file.write_text(problem_text(problem), encoding="utf-8")
    again = read_problem(file)
    assert again == problem
    assert again.digest() == problem.digest()
    assert problem_from_text(problem_text(problem_from_text(EXAMPLE))) == problem_from_text(EXAMPLE)


def test_the_digest_changes_with_the_problem_and_not_with_its_title():
    base = problem_from(contents())
    assert problem_from(contents(title="other")).digest() == base.digest()
    assert problem_from(contents(weights="sum")).digest() != base.digest()
    assert problem_from(contents(parameters={V: {"prior": {"distribution": "normal", "mean": 60, "sd": 9}}})
                        ).digest() != base.digest()


HEAT = {"streams": {"LE": {}, "H": {}}}
REFUSED = {
    "top key": ({"stream": {}}, "'streams'"),
    "parameter key": ({"parameters": {V: {"priors": {}}}}, "'prior'"),
    "prior key": ({"parameters": {V: {"prior": {"distribution": "normal", "mean": 1, "std": 2}}}}, V),
    "parameter word": ({"parameters": {V: "frei"}}, "\"free\""),
    "stream key": ({"streams": {"NEE": {"error": "laplace"}}}, "'error_model'"),
    "stream name": ({"streams": {"NEEE": {}}}, "'NEE'"),
    "error model": ({"streams": {"NEE": {"error_model": "laplas"}}}, "'laplace'"),
    "sigma rule": ({"streams": {"NEE": {"sigma": {"rule": "suplied"}}}}, "'supplied'"),
    "sigma without rule": ({"streams": {"NEE": {"sigma": {"floor": 0.3}}}}, "names no rule"),
    "sigma constant": ({"streams": {"NEE": {"sigma": {"rule": "constant"}}}}, "value above 0"),
    "no depth": ({"streams": {"SWC": {}}}, "give depth"),
    "depth of air": ({"streams": {"NEE": {"depth": 0.1}}}, "no depth"),
    "double counting": ({"streams": {"NEE": {}, "GPP": {}}}, "count twice"),
    "double counting by night": ({"streams": {"NEE": {}, "GPP": {"hours": "night"}}}, "count twice"),
    "double counting of days": ({"streams": {"NEE": {}, "GPP": {"average": "day"}}}, "count twice"),
    "same stream": ({"streams": {"NEE": {}, "again": {"variable": "NEE"}}}, "same observations"),
    "mixed heat": ({"streams": {"LE": {"energy_balance": "corrected"}, "H": {}}}, "both corrected, or both raw"),
    "closure of nothing": ({"closure_factor": "sampled"}, "leave it out"),
    "closure of corrected": ({"closure_factor": 0.8, "streams": {"LE": {"energy_balance": "corrected"}}}, "leave it out"),
    "no closure": ({"closure_factor": 5.0, "streams": {"LE": {}}}, "is no closure"),
    "closure word": ({"closure_factor": "eech", **HEAT}, "'each'"),
    "closure of another flux": ({"closure_factor": {"LE": 0.9, "NEE": 1.0}, **HEAT}, "unknown flux 'NEE'.*latent_heat"),
    "closure prior without its kind": ({"closure_factor": {"mean": 1.0, "sd": 0.1}, **HEAT}, "with its distribution"),
    "closure of one flux": ({"closure_factor": {"LE": 0.9}, **HEAT}, "leaves out H; give both LE and H, or a number"),
    "closure of no flux": ({"closure_factor": {}, **HEAT}, "leaves out LE and H"),
    "closure of a flux without a stream": ({"closure_factor": "each", "streams": {"LE": {}}}, "no raw stream of sensible_heat"),
    "closure of corrected fluxes": ({"closure_factor": "each", "streams": {
        name: {"energy_balance": "corrected"} for name in ("LE", "H")}}, "leave it out"),
    "closure of a flux twice": ({"closure_factor": {"LE": 0.9, "latent_heat": 0.8, "H": 1.0}, **HEAT}, "latent_heat twice"),
    "no closure of a flux": ({"closure_factor": {"LE": 0.9, "H": 2.5}, **HEAT}, "closure_factor of H = 2.5 is no closure"),
    "closure word of a flux": ({"closure_factor": {"LE": "each", "H": 0.9}, **HEAT}, "closure_factor of LE.*\"sampled\""),
    "closure prior of a flux": ({"closure_factor": {"LE": {"distribution": "normal", "mean": 1}, "H": 0.9}, **HEAT},
                                "closure_factor of LE.*lacks sd"),
    "corrected carbon": ({"streams": {"NEE": {"energy_balance": "corrected"}}}, "only latent and sensible"),
    "years twice": ({"years": {"calibration": [2003, 2004], "validation": [2004]}}, "2004 would serve"),
    "a year twice": ({"years": {"calibration": [2003, 2003]}}, "names a year twice"),
    "no years": ({"years": {}}, "no year of calibration"),
    "bad years": ({"years": {"calibration": ["2003"]}}, "list of years"),
    "year key": ({"years": {"calibration": [2003], "validate": [2004]}}, "'validation'"),
    "odd year": ({"years": {"calibration": [3]}}, "is no year"),
    "no streams": ({"streams": {}}, "no stream"),
    "no parameters": ({"parameters": {}}, "no parameter"),
    "operator": ({"footprint": {"operator": "mixtur"}}, "'mixture'"),
    "operators mixed": ({"footprint": {"operator": "inflation", "largest_location_bias": 20}}, "not mixed"),
    "site with footprint": ({"footprint": {"target_class": 3}}, "uses no footprint"),
    "share": ({"footprint": {"operator": "inflation", "least_target_fraction": 2}}, "no share"),
    "weights": ({"weights": "nef"}, "'neff'"),
    "option": ({"options": {"stomatal_conductance": "medlin"}}, "medlyn"),
    "option name": ({"options": {"stomata": "medlyn"}}, "stomata"),
    "type": ({"parameters": {V: {"value": "60"}}}, "must be a number"),
    "table": ({"streams": 3}, "must be a table"),
    "season": ({"streams": {"NEE": {"hours": "noon"}}}, "hours of stream"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_posed_is_refused_with_words(what):
    changes, words = REFUSED[what]
    with pytest.raises(ProblemError, match=words):
        problem_from(contents(**changes))


def test_net_exchange_by_night_and_production_by_day_go_together():
    problem = problem_from(contents(streams={"NEE": {"hours": "night"}, "GPP": {"hours": "day"}}))
    assert [stream.hours for stream in problem.streams] == ["night", "day"]


def test_raw_heat_fluxes_share_a_sampled_closure_factor_and_corrected_ones_have_none():
    raw = problem_from(contents(streams={"LE": {}, "H": {}}))
    assert isinstance(raw.closure_factor, Normal)
    assert (raw.closure_factor.low, raw.closure_factor.high) == (0.7, 1.2)
    assert [row.streams for row in raw.noise_rows() if row.entry == "factor"] == [("latent_heat", "sensible_heat")]
    corrected = problem_from(contents(streams={"LE": {"energy_balance": "corrected"}, "H": {"energy_balance": "corrected"}}))
    assert corrected.closure_factor is None
    assert not [row for row in corrected.noise_rows() if row.entry == "factor"]
    given = problem_from(contents(streams={"LE": {}, "H": {}}, closure_factor=0.85))
    assert [row.value for row in given.noise_rows() if row.entry == "factor"] == [0.85]


EACH_FLUX = ("each", {"LE": "sampled", "H": "sampled"}, {"latent_heat": 0.95, "H": {
    "distribution": "normal", "mean": 0.8, "sd": 0.05}}, {"H": 0.8, "LE": 1.0})


def test_each_heat_flux_may_have_its_own_closure_factor():
    """By name or short name, in TOML as in Python; the names of the control vector tell the flux."""
    problem = problem_from(contents(**HEAT, closure_factor="each"))
    assert dict(problem.closure_factor) == {"latent_heat": CLOSURE_PRIOR, "sensible_heat": CLOSURE_PRIOR}
    assert problem == problem_from(contents(**HEAT, closure_factor={"H": "sampled", "LE": "sampled"}))
    assert problem == replace(problem, closure_factor={"sensible_heat": CLOSURE_PRIOR, "LE": "sampled"})
    assert problem.space(parameters("ENF")).names == (V, "latent_heat.factor", "sensible_heat.factor")
    assert long_name_of("sensible_heat.factor") == "closure factor on modelled values of sensible heat"
    mixed = problem_from_text("[years]\ncalibration = [2003]\n[parameters]\nclumping_index = \"free\"\n[streams.LE]\n"
                              "[streams.H]\n[closure_factor]\nLE = \"sampled\"\nH = 0.8\n")
    assert [(row.key, row.value) for row in mixed.noise_rows() if row.entry == "factor"] == [
        ("latent_heat.factor", 1.0), ("sensible_heat.factor", 0.8)]
    noise = mixed.space(parameters("ENF")).noise(np.zeros(2))
    assert noise["sensible_heat"]["factor"] == 0.8
    by_day = problem_from(contents(closure_factor="each", streams={
        "light": {"variable": "LE", "hours": "day"}, "dark": {"variable": "LE", "hours": "night"}, "H": {}}))
    assert [(row.streams, row.key) for row in by_day.noise_rows() if row.entry == "factor"] == [
        (("light", "dark"), "latent_heat.factor"), (("sensible_heat",), "sensible_heat.factor")]


@pytest.mark.parametrize("closure", EACH_FLUX)
def test_closure_factors_of_each_flux_are_written_and_read_back_equal(closure):
    problem = problem_from(contents(**HEAT, closure_factor=closure))
    again = problem_from_text(problem_text(problem))
    assert again == problem
    assert again.digest() == problem.digest()
    assert replace(problem, title="other") == replace(again, title="other")


def test_the_digest_tells_closure_factors_apart():
    given = [None, 0.8, *EACH_FLUX[1:], {"LE": 0.8, "H": 0.8}, {"LE": 1.0, "H": 0.9}]
    digests = [problem_from(contents(**HEAT, closure_factor=one)).digest() for one in given]
    assert len(set(digests)) == len(given)
    assert problem_from(contents(**HEAT, closure_factor="sampled")).digest() == digests[0]
    assert Problem([ParameterRow(V)], [StreamChoice("LE")], [2003], closure_factor=1).digest() == problem_from(
        contents(streams={"LE": {}}, closure_factor=1.0)).digest()


def test_a_file_that_is_no_toml_is_refused_by_name(tmp_path):
    file = tmp_path / "broken.toml"
    file.write_text("years = [", encoding="utf-8")
    with pytest.raises(ProblemError, match=r"broken\.toml"):
        read_problem(file)
    with pytest.raises(ProblemError, match=r"absent\.toml"):
        read_problem(tmp_path / "absent.toml")
    file.write_text("[years]\ncalibration = []\n", encoding="utf-8")
    with pytest.raises(ProblemError, match=r"broken\.toml: the problem has no parameter"):
        read_problem(file)


def test_sigma_rules_give_standard_deviations():
    line = SigmaRule("line", offset=2.48, slope_positive=0.19, slope_negative=0.08, floor=2.6)
    np.testing.assert_allclose(line.sigma(reference=[0.0, 10.0, -10.0, np.nan]), [2.6, 4.38, 3.28, np.nan])
    np.testing.assert_allclose(SigmaRule("supplied", floor=0.3).sigma(supplied=[0.1, 2.0, np.nan]), [0.3, 2.0, np.nan])
    assert SigmaRule("constant", value=0.03).sigma(rows=3).tolist() == [0.03] * 3
    with pytest.raises(ProblemError, match="reference flux"):
        line.sigma(supplied=[1.0])


def test_stream_weights_follow_their_rule():
    counts, phi = [1000.0, 3000.0], [0.5, 0.8]
    np.testing.assert_allclose(stream_weights("neff", counts, phi, [0.5, 0.0]), [1.0, 0.2 / 1.8])
    np.testing.assert_allclose(stream_weights("days", counts, phi, [0.5, 0.0], [50.0, 60.0]), [1.0, 0.02 * 0.2 / 1.8])
    assert stream_weights("days", [20.0], [0.0], [0.0], [24.0]).tolist() == [1.0]
    np.testing.assert_allclose(stream_weights("equal_stream", counts, phi, [0.0, 0.0]), [2.0, 2.0 / 3.0])
    assert stream_weights("sum", counts, phi, [0.0, 0.0]).tolist() == [1.0, 1.0]
    with pytest.raises(ProblemError, match="no observation"):
        stream_weights("neff", [0.0], [0.1], [0.0])
