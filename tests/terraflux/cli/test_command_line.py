"""The command line tells errors in one paragraph, lists real choices, and leaves with honest exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from terraflux.cli import main
from terraflux.cli.assignments import assignments, guessed, numbers, year_range
from terraflux.cli.errors import paragraph, run
from terraflux.cli.tower_run import default_folder
from terraflux.model.options import ALTERNATIVES
from terraflux.model.parameters import parameter_entries, plant_types, soil_classes
from terraflux.model.variables import GROUPS


def test_help_of_site_lists_every_plant_type_soil_class_and_scheme(capsys):
    assert run(["site", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for name in (*plant_types(), *soil_classes(), *ALTERNATIVES):
        assert name in text, name
    for known in ALTERNATIVES.values():
        assert all(name in text for name in known)
    assert "{" not in text.replace("{tower}", "")


@pytest.mark.parametrize("arguments", [
    ["site", "nowhere.nc"],
    ["site", "x", "--scheme", "stomata=medlyn"],
    ["site", "x", "--scheme", "stomatal_conductance=medlin"],
    ["site", "x", "--option", "heat_passes=many"],
    ["site", "x", "--parameter", "carboxylation_capacity=high"],
    ["site", "x", "--parameter", "carboxylation_capacity"],
    ["site", "x", "--years", "2007-2003"],
    ["site", "x", "--names", "cmip"],
    ["site", "x", "--precision", "float16"],
    ["parameters", "--plant", "XYZ"],
    ["variables", "no_such_thing"],
    ["variables", "--kind", "fluxes"],
])
def test_errors_of_input_are_one_paragraph_on_stderr_with_code_2(arguments, capsys):
    assert run(arguments) == 2
    streams = capsys.readouterr()
    told = [line for line in streams.err.splitlines() if line.startswith("terraflux: ")]
    assert len(told) == 1
    assert told[0].endswith("(--debug shows where)")
    assert "Traceback" not in streams.err
    assert streams.out == ""


def test_debug_shows_the_traceback(capsys):
    assert run(["site", "nowhere.nc", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


def test_an_unknown_scheme_is_refused_with_the_known_ones(capsys):
    run(["site", "x", "--scheme", "stomatal_conductance=medlin"])
    message = capsys.readouterr().err
    assert "medlyn" in message
    assert "ball_berry" in message


def test_wrong_use_tells_how_to_use_it(capsys):
    assert run(["site"]) == 2
    assert "Missing argument" in capsys.readouterr().err
    assert run(["fly"]) == 2
    assert "No such command" in capsys.readouterr().err


def test_contradicting_options_are_refused(capsys):
    assert run(["site", "x", "--option", "air=buck", "--scheme", "air=tetens"]) == 2
    assert "given twice" in capsys.readouterr().err


def test_faults_of_the_program_are_not_hidden(monkeypatch):
    monkeypatch.setattr("terraflux.cli.verbs.application", lambda: lambda *_, **__: {}["missing"])
    with pytest.raises(KeyError):
        run(["doctor"])


def test_an_interrupt_leaves_with_130(monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("terraflux.cli.verbs.application", lambda: stop)
    assert run(["doctor"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_variables_lists_the_whole_table(capsys):
    assert run(["variables", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in listed] == [variable.name for group in GROUPS for variable in group]
    assert run(["variables", "latent_heat", "--kind", "diagnostic"]) == 0
    table = capsys.readouterr().out
    assert "Qle" in table
    assert "longwave_down" not in table


def test_parameters_lists_values_of_a_plant_type(capsys):
    assert run(["parameters", "carboxylation_capacity", "--plant", "ENF", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed[0]["value"] == [parameter_entries()["carboxylation_capacity"].values["ENF"]]
    assert run(["parameters", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(parameter_entries())
    assert run(["parameters", "carboxylation", "--sources"]) == 0
    assert parameter_entries()["carboxylation_capacity"].source.split()[0] in capsys.readouterr().out


def test_main_leaves_with_the_exit_code():
    with pytest.raises(SystemExit) as left:
        main(["variables", "no_such_thing"])
    assert left.value.code == 2
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0


def test_the_command_starts_without_loading_the_model():
    heavy = ("numpy", "numba", "xarray", "matplotlib", "pandas")
    code = ("import sys; from terraflux.cli.errors import run; run(['--help']); "
            f"sys.exit(any(name in sys.modules for name in {heavy}))")
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


def test_words_of_the_command_line_are_read_as_documented():
    assert assignments(["a=1", "b-c = x=y"], "--option") == {"a": "1", "b_c": "x=y"}
    assert numbers(["a=1e-3"], "--parameter") == {"a": 1e-3}
    for bad in (["a"], ["=1"], ["a="], ["a=1", "a=2"]):
        with pytest.raises(ValueError, match="--option"):
            assignments(bad, "--option")
    assert [guessed(word) for word in ("3", "0.5", "false", "prata")] == [3, 0.5, False, "prata"]
    assert year_range("2005") == (2005, 2005)
    for bad in ("20x5", "2007-2003", ""):
        with pytest.raises(ValueError, match="--years"):
            year_range(bad)


def test_a_site_name_cannot_lead_the_output_elsewhere():
    assert str(default_folder("DK-Fou")) == "terraflux_DK-Fou"
    for name in ("../../etc", "/etc", "a/b", "..", "", "a\\b", "x\0y"):
        folder = default_folder(name)
        assert folder.parent == Path(".")
        assert folder.name.startswith("terraflux_")
        assert "\0" not in folder.name


def test_a_paragraph_joins_lines_and_notes():
    error = ValueError("first\nsecond")
    error.add_note("third")
    assert paragraph(error) == "first second third. (--debug shows where)"


def test_the_doctor_names_what_is_missing_and_leaves_with_1(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("TERRAFLUX_SHARED_DATA", raising=False)
    assert run(["doctor", "--json"]) == 0
    checks = {one["check"]: one for one in json.loads(capsys.readouterr().out)}
    assert {"numba", "cache folder", "column model", "vector instructions"} <= set(checks)
    monkeypatch.setenv("TERRAFLUX_SHARED_DATA", str(tmp_path / "absent"))
    assert run(["doctor"]) == 1
    assert "PROBLEM" in capsys.readouterr().out
