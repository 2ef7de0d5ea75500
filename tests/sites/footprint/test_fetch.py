"""Fetch tables: closed forms, fractions of unit and of captured mass, and reasons in words."""

import numpy as np
import pytest

from terraflux.sites.footprint.fetch import fetch_table, kljun_short_fetch
from terraflux.sites.footprint.models import footprint_rows

GOOD = {"measurement_height": 20.0, "roughness_length": 0.1, "boundary_layer_height": 2000.0, "obukhov_length": -100.0,
        "sigma_v": 0.6, "friction_velocity": [0.4, 0.05], "wind_direction": 30.0}


@pytest.mark.parametrize("model", ["ffp", "kormann_meixner", "hsieh"])
def test_the_stated_share_lies_within_the_fetch(model):
    rows = footprint_rows(model, **GOOD)
    table = fetch_table(rows, (0.5, 0.8, 0.9))
    for place, fraction in enumerate(table.fractions):
        assert rows.cumulative(table.fetch[0, place])[0] == pytest.approx(fraction, rel=1e-9)
    assert table.peak[0] < table.fetch[0, 0] < table.fetch[0, 1] < table.fetch[0, 2]


def test_truncated_ffp_never_reaches_96_percent_of_unit_mass_but_of_its_own():
    rows = footprint_rows("ffp", truncation=30.0, **GOOD)
    assert np.isnan(fetch_table(rows, (0.96,)).fetch[0, 0])
    own = fetch_table(rows, (0.96,), of="captured").fetch[0, 0]
    assert rows.cumulative(own)[0] == pytest.approx(0.96 * rows.captured_mass()[0], rel=1e-12)


def test_short_formula_of_the_paper_falls_short_by_a_percent():
    rows = footprint_rows("ffp", **GOOD)
    for fraction, scaled in ((0.5, 2.24541), (0.8, 6.68863), (0.9, 14.01396)):
        short = kljun_short_fetch(rows, fraction)[0]
        assert short / rows.scale[0] == pytest.approx(scaled, rel=2e-6)
        assert 0.008 < 1.0 - short / rows.fetch(fraction)[0] < 0.013


def test_records_name_columns_and_reasons():
    records = fetch_table(footprint_rows("ffp", **GOOD)).records()
    assert set(records[0]) == {"peak", "x50", "x80", "x90", "mass", "reason"} and records[0]["reason"] == ""
    assert np.isnan(records[1]["x80"]) and "friction velocity" in records[1]["reason"]


def test_fractions_outside_the_unit_interval_are_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        fetch_table(footprint_rows("ffp", **GOOD), (80.0,))
