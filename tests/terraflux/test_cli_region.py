"""`terraflux region`: run, status and export, their exit codes and their words."""

import json

import pytest

from terraflux.cli.errors import run

CHOICES = """
[forcing]
synthetic = 6.0
[run]
first = "1984-02-20"
last = "1984-03-02"
spin_up_years = 0
every = 9
[output]
folder = "out"
monthly = ["gross_primary_production"]
annual = []
"""


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(CHOICES)
    return path


def test_a_region_is_run_told_and_exported(config, tmp_path, capsys):
    assert run(["region", "run", str(config), "--threads", "1"]) == 0
    assert "done after" in capsys.readouterr().out
    assert run(["region", "status", str(tmp_path / "out"), "--verify", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["done"] and facts["share"] == 1.0 and facts["synthetic"] and not facts["damaged"]
    assert run(["region", "export", str(tmp_path / "out"), "--variable", "gpp"]) == 0
    assert "gpp_Lmon_terraflux_198402-198403.nc" in capsys.readouterr().out


def test_unknown_keys_and_folders_are_told_in_a_paragraph(config, tmp_path, capsys):
    config.write_text(CHOICES.replace("every", "evry"))
    assert run(["region", "run", str(config)]) == 2
    assert "did you mean 'every'?" in capsys.readouterr().err
    assert run(["region", "status", str(tmp_path)]) == 2
    assert "holds no regional run" in capsys.readouterr().err


def test_damaged_output_leaves_with_1(config, tmp_path, capsys):
    run(["region", "run", str(config)])
    chunk = next(path for path in (tmp_path / "out").glob("monthly.zarr/gross_primary_production/c/**/*") if path.is_file())
    chunk.write_bytes(b"spoilt")
    assert run(["region", "status", str(tmp_path / "out"), "--verify"]) == 1
    assert "damaged: monthly.zarr" in capsys.readouterr().out
