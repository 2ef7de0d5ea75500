"""The page of a tower: everything is there, escaped, and what could not be had is said."""

import re

import numpy as np
import pytest

from terraflux.report.footprint_figures import draw_footprint_figures, wind_rose
from terraflux.report.representativeness_page import representativeness_html, summary, warnings
from terraflux.report.write_representativeness import write_representativeness
from terraflux.sites.raster_grid import Raster, local_axis
from terraflux.sites.representativeness.half_hours import HalfHours
from terraflux.sites.representativeness.tower import represent

AXIS = local_axis(400.0, 20.0)
NASTY = "<script>alert('x')</script>"


def tower(name="NDVI", values=None, cover=False, **options):
    """A day of half hours with the wind from the south-west."""
    count = 48
    inputs = {"measurement_height": np.full(count, 10.0), "roughness_length": np.full(count, 0.1),
              "obukhov_length": np.full(count, -80.0), "sigma_v": np.full(count, 0.5),
              "friction_velocity": np.full(count, 0.35), "boundary_layer_height": np.full(count, 900.0),
              "wind_direction": np.linspace(180.0, 270.0, count)}
    time = np.datetime64("2019-07-01T00:00", "s") + np.arange(count) * np.timedelta64(1800, "s")
    field = 0.6 + 0.1 * np.sin(AXIS[None, :] / 80.0) * np.cos(AXIS[:, None] / 60.0) if values is None else values
    rasters = {name: Raster(field, AXIS, AXIS, name=name, source="scene.tif")}
    if cover:
        rasters["cover"] = Raster(np.where(AXIS[None, :] < 0, 4.0, 12.0) * np.ones(field.shape), AXIS, AXIS, kind="classes")
    given = {"latitude": 42.0, "longitude": 128.0, "code": "CN-Tst", "period": "month", "radii": (200, 400),
             "target_radius": 400.0, "cells": "point", "legend": "modis_igbp" if cover else None}
    return represent(HalfHours(inputs, time), rasters, **(given | options))


def test_the_page_holds_figures_table_reasons_and_inputs():
    found = tower(cover=True)
    drawn, left_out = draw_footprint_figures(found)
    page = representativeness_html(found, drawn, left_out, ["a.csv"])
    names = {one.name for one in drawn}
    assert {"footprint_NDVI", "footprint_cover", "bias_NDVI", "variogram_NDVI", "window_size_NDVI", "target_vegetation_cover",
            "wind_rose", "footprint_shape", "footprint_periods"} == names
    assert all(one.png[:4] == b"\x89PNG" for one in drawn)
    for text in ("CN-Tst", "location_bias", "deciduous broadleaf forest", "48 of 48 half hours", "2019-07", "scene.tif",
                 "a.csv"):
        assert text in page, text
    assert not re.search(r"(src|href)=\"(?!data:)", page)


def test_names_from_data_are_escaped():
    page = representativeness_html(tower(name=NASTY, code=NASTY), [], [NASTY])
    assert NASTY not in page and "&lt;script&gt;" in page


def test_few_rows_and_a_small_grid_are_told_first():
    found = tower()
    assert any("48 half hours" in one for one in warnings(found))
    small = local_axis(60.0, 20.0)
    inputs = found.half_hours
    close = represent(inputs, {"NDVI": Raster(np.full((7, 7), 0.6), small, small)}, latitude=42.0, longitude=128.0, radii=(40,),
                      target_radius=40.0, period="all", cells="point")
    assert any("captures only" in one for one in warnings(close))
    answers = {question: verdict for question, _, verdict in summary(close)}
    assert answers["How much of the flux does the grid hold?"] == "too little"


def test_figures_that_cannot_be_are_left_out_with_a_sentence_and_the_rest_is_drawn():
    board = np.where(np.indices((AXIS.size, AXIS.size)).sum(axis=0) % 2 == 0, 1.0, -1.0)  # its mean is about 0
    drawn, left_out = draw_footprint_figures(tower(values=board, period="all"))
    assert any("only one period" in one for one in left_out)
    assert any("bias is undefined" in one for one in left_out)
    assert "wind_rose" in {one.name for one in drawn}


def test_the_wind_rose_counts_where_the_wind_comes_from():
    axes = wind_rose(tower()).axes[0]
    heights = {round(np.degrees(bar.get_x() + bar.get_width() / 2)) % 360: bar.get_height() for bar in axes.patches}
    assert sum(heights.values()) == pytest.approx(100.0)
    assert heights[225] > 15 and heights[0] == heights[90] == 0


def test_files_are_made_before_any_is_written(tmp_path, monkeypatch):
    from terraflux.report import write_representativeness as writer

    def broken(*words, **options):
        raise ValueError("no page today")

    monkeypatch.setattr(writer, "representativeness_html", broken)
    with pytest.raises(ValueError, match="no page today"):
        write_representativeness(tower(), tmp_path / "out", figures=False)
    assert not (tmp_path / "out").exists()
