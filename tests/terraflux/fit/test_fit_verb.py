"""`terraflux fit`: what it writes, what it says, what it refuses, and how it goes on where it was killed."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.ensemble_sampling import EnsembleSettings
from terraflux.assimilation.fit import fit
from terraflux.assimilation.fit_checkpoint import fit_checkpoint
from terraflux.assimilation.mosaic_twin import mosaic_twin
from terraflux.assimilation.parameter_file import read_parameters
from terraflux.assimilation.posterior_file import read_posterior
from terraflux.assimilation.stop_rule import StopRule
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.cli.errors import run
from terraflux.cli.fit_progress import FitProgress
from terraflux.cli.progress import Progress
from terraflux.drivers.tower_columns import tower_options, tower_parameters
from terraflux.model.parameter_table import ParameterError
from terraflux.sites.observations_file import write_observations

QUICK = ("--method", "ienks", "--draws", "200", "--band-draws", "2", "--threads", "1", "--no-figures")
"""Some two hundred runs, and no figure."""


@pytest.fixture
def problem_file(tmp_path, problem_text):
    path = tmp_path / "problem.toml"
    path.write_text(problem_text)
    return path


@pytest.fixture
def towers(monkeypatch, small_tower):
    """`--tower` opens the small tower; another name gives its site another code, `spoilt` one without net exchange."""
    def opened(problem, name, choices):
        del problem, choices
        site = replace(small_tower.site, site_id="SYN-For" if name == "synthetic" else name)
        observations = small_tower.observations
        if name == "spoilt":
            observations = observations.assign(net_ecosystem_exchange=observations["net_ecosystem_exchange"] * np.nan)
        return replace(small_tower, site=site, observations=observations)

    monkeypatch.setattr("terraflux.cli.fit_towers.opened", opened)


def told(capsys):
    """stdout and stderr, and stderr as one line."""
    captured = capsys.readouterr()
    return captured.out, " ".join(captured.err.split())


def test_one_command_writes_posterior_parameters_and_page(tmp_path, problem_file, towers, capsys):
    out = tmp_path / "out"
    assert run(["fit", str(problem_file), "--tower", "synthetic", "--out", str(out), *QUICK]) == 0
    assert {path.name for path in out.iterdir()} == {"posterior.nc", "parameters.toml", "problem.toml", "fit.html"}
    text, progress = told(capsys)
    for words in ("SYNTHETIC TOWER", "Parameters at SYN-For", "RMSE before", "respiration_q10", "validation", "fit.html"):
        assert words in text
    assert "calibrating" in progress and "compiling and spinning up" in progress
    assert "normal approximation that nothing judged" in text


def test_the_same_command_again_gives_the_same_draws(tmp_path, problem_file, towers):
    out = tmp_path / "out"
    command = ["fit", str(problem_file), "--tower", "synthetic", "--out", str(out), *QUICK]
    assert run(command) == 0
    first = read_posterior(out / "posterior.nc")[0]
    assert run(command) == 0
    xr.testing.assert_identical(first, read_posterior(out / "posterior.nc")[0])


def test_the_fit_of_another_problem_is_not_replaced_unasked(tmp_path, problem_file, towers, capsys):
    out = tmp_path / "out"
    command = ["fit", str(problem_file), "--tower", "synthetic", "--out", str(out), *QUICK]
    assert run(command) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    problem_file.write_text(problem_file.read_text().replace("gsd = 2.0", "gsd = 2.5"))
    capsys.readouterr()
    assert run(command) == 2
    assert "holds the fit of another problem" in told(capsys)[1]
    assert run([*command[:3], "other", *command[4:]]) == 2
    assert "holds a fit of SYN-For, not of other" in told(capsys)[1]
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert run([*command, "--overwrite"]) == 0
    assert (out / "problem.toml").read_bytes() != before["problem.toml"]


def test_a_file_that_is_no_fit_is_not_replaced(tmp_path, problem_file, towers, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / "posterior.nc").write_text("my own")
    assert run(["fit", str(problem_file), "--tower", "synthetic", "--out", str(out), *QUICK]) == 2
    assert "no fit that could be replaced" in told(capsys)[1]
    assert (out / "posterior.nc").read_text() == "my own"


BAD = {
    "unknown key": (lambda text: text.replace("title", "titel"), "unknown key 'titel'", "did you mean 'title'"),
    "unknown parameter": (lambda text: text.replace("respiration_q10", "respiration_q11"), "unknown parameter",
                          "respiration_q10"),
    "no stream": (lambda text: text.partition("[streams.NEE]")[0], "no stream of observations", "name at least one"),
    "double counting": (lambda text: text + "[streams.GPP]\n", "gross primary production comes from net ecosystem exchange",
                        "count twice"),
    "prior excludes default": (lambda text: text.replace(
        "respiration_q10 = \"free\"", "respiration_q10 = { prior = { distribution = \"uniform\", low = 2.5, high = 4.0 } }"),
        "excludes the default 2", "widen the prior"),
    "same year twice": (lambda text: text.replace("[2021]", "[2021, 2021]"), "names a year twice", "2021"),
    "year for both": (lambda text: text.replace("[2022]", "[2021]"), "calibration and validation", "leave them out of one"),
    "year not in the record": (lambda text: text.replace("[2022]", "[2031]"), "validation names 2031", "it has 2021, 2022"),
    "footprints missing": (lambda text: text + "[footprint]\noperator = \"mixture\"\n", "needs observations with footprints",
                           "terraflux observations --operator mixture"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_problem_that_cannot_be_posed_is_refused_before_anything_is_written(kind, tmp_path, problem_file, towers, capsys):
    change, *words = BAD[kind]
    problem_file.write_text(change(problem_file.read_text()))
    out = tmp_path / "out"
    assert run(["fit", str(problem_file), "--tower", "synthetic", "--out", str(out), *QUICK]) == 2
    text, error = told(capsys)
    assert not text and "Traceback" not in error
    for word in words:
        assert word in error
    assert not out.exists()


def test_a_stream_without_observations_is_refused_with_the_reasons(tmp_path, problem_file, towers, capsys):
    assert run(["fit", str(problem_file), "--tower", "spoilt", "--out", str(tmp_path / "out"), *QUICK]) == 2
    error = told(capsys)[1]
    assert "stream net_ecosystem_exchange is empty at spoilt in 2021" in error and "missing" in error
    assert "leave the stream out" in error


@pytest.mark.parametrize(("words", "message"), [
    (("--method", "emcee"), "--method 'emcee' is unknown"),
    (("--observations", "nowhere.nc"), "nowhere.nc"),
    (("--tower", "a", "--tower", "b", "--checkpoint", "c.h5"), "belong to one tower"),
    (("--tower", "a", "--tower", "a"), "named twice"),
])
def test_choices_that_make_no_sense_are_refused(words, message, tmp_path, problem_file, towers, capsys):
    towers_given = () if "--tower" in words else ("--tower", "synthetic")
    assert run(["fit", str(problem_file), *towers_given, *words, "--out", str(tmp_path / "out")]) == 2
    assert message in told(capsys)[1]


def test_a_problem_without_tower_asks_for_one(problem_file, capsys):
    assert run(["fit", str(problem_file)]) == 2
    assert "names no tower; give --tower FILE" in told(capsys)[1]


def test_towers_of_the_problem_lie_beside_it_and_a_failing_one_leaves_the_others(tmp_path, problem_file, towers, capsys,
                                                                                 monkeypatch):
    import terraflux.cli.fit_towers as verb

    asked = []
    inner = verb.opened
    monkeypatch.setattr(verb, "opened", lambda problem, name, choices: asked.append(name) or inner(
        problem, os.path.basename(name), choices))
    problem_file.write_text("towers = [\"one\", \"spoilt\", \"two\"]\n" + problem_file.read_text())
    out = tmp_path / "out"
    assert run(["fit", str(problem_file), "--out", str(out), *QUICK]) == 1
    text, _ = told(capsys)
    assert asked == [str(tmp_path / name) for name in ("one", "spoilt", "two")]
    assert "spoilt was not fitted: stream net_ecosystem_exchange is empty" in text
    for site in ("one", "two"):
        assert (out / site / "posterior.nc").is_file()
    with xr.open_datatree(out / "hierarchy.nc") as opened:
        assert list(opened["MF"]["tower"].values) == ["one", "two"]
    assert "a site not yet seen" in text and "two sites" in text.replace("2 sites", "two sites")


# ---------------------------------------------------------------------------------------------- chains

SETTINGS = EnsembleSettings(ensembles=2, walkers=8, burn_in=4, restart_every=2)
RULE = StopRule(check_every=5)


def sampled(target, checkpoint, maximum_runs):
    """A short chain of the target."""
    return fit(target, "ensemble", draws=100, starts=1, maximum_runs=maximum_runs, settings=SETTINGS, stop=RULE,
               check_draws=100, checkpoint=checkpoint)


@pytest.fixture(scope="module")
def cheap(problem, small_fit):
    """The problem of the small fit, with a count of runs of its own."""
    return TowerProblem(problem, small_fit.target.columns, threads=1)


def test_a_chain_that_was_stopped_goes_on_to_the_identical_posterior(cheap, tmp_path):
    whole = sampled(cheap, fit_checkpoint(tmp_path / "whole.h5", cheap), 320)
    path = tmp_path / "chain.h5"
    sampled(cheap, fit_checkpoint(path, cheap, every=2), 160)
    resumed = sampled(cheap, fit_checkpoint(path, cheap, every=2), 320)
    np.testing.assert_array_equal(resumed.sampling.controls, whole.sampling.controls)
    np.testing.assert_array_equal(resumed.draws, whole.draws)


@pytest.fixture(scope="module")
def chain(cheap, tmp_path_factory):
    """A checkpoint of the small problem."""
    path = tmp_path_factory.mktemp("chain") / "chain.h5"
    sampled(cheap, fit_checkpoint(path, cheap), 80)
    return path


def test_a_chain_of_another_problem_is_refused_by_its_hash_and_left_alone(chain, tmp_path, problem_file, towers, capsys):
    out = tmp_path / "out"
    out.mkdir()
    held = chain.read_bytes()
    (out / "chain.h5").write_bytes(held)
    command = ["fit", str(problem_file), "--tower", "synthetic", "--out", str(out), *QUICK]
    problem_file.write_text(problem_file.read_text().replace("gsd = 2.0", "gsd = 2.5"))
    assert run(command) == 2
    error = told(capsys)[1]
    assert "holds a chain of another problem" in error and "hash" in error and "decomposition_scale" in error
    assert (out / "chain.h5").read_bytes() == held
    assert run([*command, "--overwrite"]) == 0 and not (out / "chain.h5").exists()


def test_a_chain_on_other_observations_or_of_another_seed_is_refused(chain, cheap):
    from terraflux.assimilation.checkpoint import ForeignCheckpoint

    with pytest.raises(ForeignCheckpoint, match=r"changed: seed"):
        fit_checkpoint(chain, cheap, seed=5)
    cheap.observed[0] += 1.0
    try:
        with pytest.raises(ForeignCheckpoint, match="other forcing or observations"):
            fit_checkpoint(chain, cheap)
    finally:
        cheap.observed[0] -= 1.0
    fit_checkpoint(chain, cheap)


@pytest.mark.parametrize("flag", [(), ("--no-resume",), ("--overwrite",)])
def test_a_file_that_is_no_checkpoint_is_never_removed(flag, tmp_path, problem_file, towers, capsys):
    mine = tmp_path / "out" / "chain.h5"
    mine.parent.mkdir()
    mine.write_text("my own")
    assert run(["fit", str(problem_file), "--tower", "synthetic", "--out", str(mine.parent), *QUICK, *flag]) == 2
    assert "is no checkpoint of terraflux; it is left as it is" in told(capsys)[1]
    assert mine.read_text() == "my own"


KILLED = """
import sys
import numpy as np
from terraflux.assimilation.ensemble_sampling import EnsembleSettings
from terraflux.assimilation.fit_tower import fit_tower
from terraflux.assimilation.problem_file import problem_from_text
from terraflux.assimilation.stop_rule import StopRule
from terraflux.drivers.synthetic_tower import synthetic_tower

text, chain, draws = sys.argv[1:]
tower = synthetic_tower(year=2021, years=2, step_seconds=3600).between("2021-12-01", "2022-01-15")
found = fit_tower(problem_from_text(text), tower, "ensemble", checkpoint=chain, draws=100, starts=1, spin_up_cycles=2,
                  threads=1, maximum_runs=1600, check_draws=100, stop=StopRule(check_every=5),
                  settings=EnsembleSettings(ensembles=2, walkers=8, burn_in=4, restart_every=2))
np.save(draws, found.draws)
"""


@pytest.mark.slow
def test_killed_at_any_moment_the_same_fit_goes_on(tmp_path, problem_text):
    def begin(name):
        return subprocess.Popen([sys.executable, "-c", KILLED, problem_text, str(tmp_path / f"{name}.h5"),
                                 str(tmp_path / f"{name}.npy")])

    begun, end = begin("killed"), time.monotonic() + 500
    while not (tmp_path / "killed.h5").exists() and begun.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    assert begun.poll() is None, "it ended before it could be killed"
    begun.send_signal(signal.SIGKILL)
    begun.wait()
    assert not (tmp_path / "killed.npy").exists()
    assert begin("killed").wait(600) == 0 and begin("whole").wait(600) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "killed.npy"), np.load(tmp_path / "whole.npy"))


# ---------------------------------------------------------------------------------------------- running with the parameters


def test_a_site_runs_with_calibrated_parameters(written, monkeypatch, tmp_path, small_fit):
    asked = {}
    monkeypatch.setattr("terraflux.drivers.tower.open_tower", lambda *a, **k: small_fit.target.columns.tower)
    monkeypatch.setattr("terraflux.cli.tower_run.run_tower", lambda tower, folder, progress, **given: asked.update(given))
    file = str(written.folder / "parameters.toml")
    assert run(["site", "x", "--parameters-file", file, "--parameter", "stomatal_slope_medlyn=3", "--out", str(tmp_path)]) == 0
    best = small_fit.target.space.parameters(small_fit.mode[None])
    assert asked["parameters"] == pytest.approx({name: float(value[0]) for name, value in best.items()}
                                                | {"stomatal_slope_medlyn": 3.0})
    assert run(["site", "x", "--parameters-file", file, "--parameters-statistic", "default", "--out", str(tmp_path)]) == 0
    assert asked["parameters"]["respiration_q10"] == 2.0


def test_a_value_for_one_plant_type_goes_to_it_alone(small_tower):
    site = replace(small_tower.site, plant_type={"ENF": 0.5, "GRA": 0.5})
    tower = replace(small_tower, site=site)
    made = tower_parameters(tower, tower_options(tower, None), {"respiration_q10@GRA": 2.4, "respiration_q10": 1.9})
    assert {code: float(one["respiration_q10"]) for code, (_, one) in made.items()} == {"ENF": 1.9, "GRA": 2.4}
    with pytest.raises(ParameterError, match=r"respiration_q10@CRO: SYN-For has no plant type 'CRO', only ENF, GRA"):
        tower_parameters(tower, tower_options(tower, None), {"respiration_q10@CRO": 2.4})


def test_progress_tells_stages_and_what_a_sampler_reports(capsys, monkeypatch):
    clock = iter(range(0, 1000, 3))
    monkeypatch.setattr("terraflux.cli.fit_progress.time.monotonic", lambda: next(clock))
    with Progress() as bar:
        progress = FitProgress(bar, "DE-Tha")
        progress.stage("calibrating")
        progress(0, 0, "searching the optimum, pass 1")
        progress.runs(120)
        progress.runs(180)
        progress(10, 100, "step 1: R-hat 1.200, effective draws 50, about 40 s left")
        progress(20, 100, "step 2: R-hat 1.100, effective draws 90, about 30 s left")
    lines = capsys.readouterr().err
    assert "DE-Tha: calibrating" in lines and "DE-Tha: searching the optimum, pass 1" in lines
    assert "searching the optimum, pass 1: 180 runs" in lines and "120 runs" not in lines
    assert "R-hat 1.100, effective draws 90, about 30 s left (20 of at most 100)" in lines and "R-hat 1.200" not in lines


def test_help_lists_the_methods(capsys):
    assert run(["fit", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for word in ("delayed_acceptance", "ensemble", "lbfgsb", "4denvar", "synthetic", "--no-resume"):
        assert word in text


# ---------------------------------------------------------------------------------------------- footprints


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    """Ten days over a mosaic of wood and meadow: the tower, and observations.nc with its footprints."""
    twin = mosaic_twin("2021-06-01", "2021-06-10")
    return twin, write_observations(twin.observations, tmp_path_factory.mktemp("mosaic") / "observations.nc")


MOSAIC = """
[years]
calibration = [2021]
[parameters]
"carboxylation_capacity@DBF" = "free"
"carboxylation_capacity@GRA" = "free"
[streams.GPP]
hours = "day"
[footprint]
operator = "mixture"
"""


def test_footprints_mix_plant_types_and_page_and_text_say_so(tmp_path, mosaic, monkeypatch, capsys):
    twin, observations = mosaic
    monkeypatch.setattr("terraflux.cli.fit_towers.opened", lambda *given: twin.tower)
    (tmp_path / "problem.toml").write_text(MOSAIC)
    out = tmp_path / "out"
    assert run(["fit", str(tmp_path / "problem.toml"), "--tower", "x", "--observations", str(observations), "--out", str(out),
                *QUICK]) == 0
    assert set(read_parameters(out / "parameters.toml").rows) == {"carboxylation_capacity@DBF", "carboxylation_capacity@GRA"}
    assert set(read_posterior(out / "posterior.nc")[0]) == {"carboxylation_capacity@DBF", "carboxylation_capacity@GRA"}
    page = (out / "fit.html").read_text()
    for words in ("<td class=\"text\">mixture</td>", "invented", "GRA ", "rejected by its footprint", '<table id="sectors">',
                  "wind from"):
        assert words in page, words
    text = told(capsys)
    assert any("Half hours rejected by their footprints" in one and "WSW" in one for one in text)


def test_observations_of_another_operator_or_tower_are_refused(tmp_path, mosaic, monkeypatch, capsys):
    twin, observations = mosaic
    site = replace(twin.tower.site, site_id="DE-Tha")
    for tower, operator, message in ((twin.tower, "site", "for the footprint operator 'mixture', the problem asks for 'site'"),
                                     (replace(twin.tower, site=site), "mixture", "those of SYN-Mos, the tower is DE-Tha")):
        monkeypatch.setattr("terraflux.cli.fit_towers.opened", lambda *given, tower=tower: tower)
        (tmp_path / "problem.toml").write_text(MOSAIC.replace("mixture", operator))
        assert run(["fit", str(tmp_path / "problem.toml"), "--tower", "x", "--observations", str(observations), "--out",
                    str(tmp_path / "out")]) == 2
        assert message in told(capsys)[1]
