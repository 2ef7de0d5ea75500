"""R16: totals of a small synthetic nation are those of the last note. A change of the model brings a note of its own."""

import datetime
import itertools
import json
from pathlib import Path

import pytest

from terraflux.region.results import open_results
from terraflux.region.run import run_region

KNOWN = Path(__file__).with_name("known_nation.json")
TOLERANCE = 1e-5
"""Relative. Weather changed by 1e-13 to 1e-9 of its values, as other processors might, moves these totals by at most 4e-7."""
NAMES = ("gross_primary_production", "ecosystem_respiration", "evapotranspiration", "drainage", "sensible_heat",
         "stored_carbon", "snow_mass_top", "soil_temperature_top")
"""Surface runoff of this nation is a trickle (0.04 % of drainage) that thresholds decide, and tells nothing."""


@pytest.fixture(scope="module")
def notes():
    return json.loads(KNOWN.read_text(encoding="utf-8"))["notes"]


def test_the_totals_of_a_nation_are_the_known_ones(choices, tmp_path, notes):
    """26 cells, 1984, from the first state on: land totals of annual means, value times m2."""
    result = run_region(choices(run__first="1984-01-01", run__last="1984-12-31", run__every=1, output__annual=list(NAMES),
                                output__monthly=[], output__daily=[]), folder=tmp_path / "run")
    assert result.status == "done" and not result.masked, result.troubles
    found = open_results(tmp_path / "run")
    totals = {name: float(found.totals("annual", name)[0, 0]) for name in NAMES}
    known = notes[-1]["totals"]
    moved = {name: f"{totals[name] / known[name] - 1.0:+.2e}" for name in NAMES
             if totals[name] != pytest.approx(known[name], rel=TOLERANCE, abs=0.0)}
    assert not moved, (f"these totals of the nation moved: {moved}. If it is meant, add a note to {KNOWN.name} that says why: "
                       + json.dumps({"date": "", "why": "", "totals": totals}))


def test_every_note_says_when_and_why_the_totals_moved(notes):
    dates = [datetime.date.fromisoformat(note["date"]) for note in notes]
    assert dates == sorted(dates)
    for note in notes:
        assert len(note["why"].split()) >= 5 and set(note["totals"]) == set(NAMES), note["date"]
    for before, after in itertools.pairwise(notes):
        assert before["totals"] != after["totals"], after["date"]
