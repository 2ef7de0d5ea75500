"""Every script of the gallery runs and shows what it says."""

import re
import runpy
import subprocess
import sys

import pytest

SCRIPTS = {"leaf_response.py": "leaf_response.png", "many_columns.py": "many_columns.png"}


def test_gallery_is_complete(repository):
    scripts = {path.name for path in (repository / "examples").glob("*.py")}
    assert scripts == {*SCRIPTS, "write_tower_files.py"}
    listed = set(re.findall(r"\]\((\w+\.py)\)", (repository / "examples" / "README.md").read_text(encoding="utf-8")))
    assert listed == scripts


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.xdist_group("docs")
def test_script_draws_its_picture(repository, tmp_path, name):
    run = subprocess.run([sys.executable, str(repository / "examples" / name)], cwd=tmp_path, capture_output=True,
                         text=True, timeout=600)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / SCRIPTS[name]).stat().st_size > 10_000


def test_a_c4_leaf_needs_less_carbon_dioxide(repository):
    leaf = runpy.run_path(str(repository / "examples" / "leaf_response.py"))
    assert 40.0 < leaf["compensation_point"]("C3") < 60.0
    assert leaf["compensation_point"]("C4") < 10.0
    assert leaf["net_assimilation"]("C3", 280.0, 0.0) < 0.0
    assert leaf["net_assimilation"]("C3", 280.0, 1500.0) > leaf["net_assimilation"]("C3", 280.0, 1500.0, 0.5) > 0.0


@pytest.mark.xdist_group("docs")
def test_more_capacity_fixes_more_and_open_stomata_lose_more(repository):
    found = runpy.run_path(str(repository / "examples" / "many_columns.py"))["responses"]()
    assert (found["gross_primary_production"][1:] > found["gross_primary_production"][:-1]).all()
    assert (found["transpiration"][:, 1:] > found["transpiration"][:, :-1]).all()
    assert found["water_closure"].max() < 1e-9


def test_invented_files_read_back_as_the_tower_they_came_from(repository, tmp_path):
    import numpy as np

    import terraflux as tf

    runpy.run_path(str(repository / "examples" / "write_tower_files.py"))["write"](tmp_path)
    written, origin = tf.open_tower(tmp_path), tf.synthetic_tower("forest")
    for name, tolerance in (("air_temperature", 1e-5), ("shortwave_down", 1e-5), ("vapour_pressure", 1e-5),
                            ("precipitation", 1e-8), ("air_pressure", 1e-2)):
        assert np.abs(written.forcing[name].values - origin.forcing[name].values).max() < tolerance, name
    for name in ("latent_heat", "net_ecosystem_exchange", "soil_moisture_observed"):
        ours, theirs = written.observations[name].values, origin.observations[name].values
        assert (np.isnan(ours) == np.isnan(theirs)).all()
        assert np.nanmax(np.abs(ours - theirs)) <= 1e-4 * np.nanmax(np.abs(theirs))
    assert "synthetic" in written.site.name
