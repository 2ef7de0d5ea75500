"""The page of a calibration: its numbers are those of the fit, it stands alone, and it warns of what must be known."""

import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from terraflux.assimilation.sampling_result import SamplingResult
from terraflux.report.fit_page import FIGURES, SEASON, fit_html, footprint_rows, warnings
from terraflux.report.fit_posterior_figures import traces
from terraflux.report.fit_review import autocorrelation, residuals_at_mode, review_fit, scores_of
from terraflux.sites.observation_weights import REJECTION_TEXTS, Rejection


@pytest.fixture(scope="module")
def page(written):
    return written.page.read_text(encoding="utf-8")


def test_page_stands_alone(page):
    assert not re.search(r'(?:src|href)="(?!data:)', page)
    assert "<script" not in page and "SYNTHETIC TOWER" in page


def test_every_figure_is_drawn_or_its_absence_told(written):
    drawn = {path.stem for path in (written.folder / "figures").glob("*.png")}
    left_out = " ".join(written.notes)
    assert "traces is left out" in left_out and "no chain" in left_out
    assert drawn == {name for name, _, _ in FIGURES} - {"traces", SEASON}  # without a season nothing is missed
    assert "season " not in left_out


def test_page_has_every_part(page):
    for part in ("scores", "parameters", "streams", "footprints", "coverage", "stages"):
        assert f'<table id="{part}"' in page
    for words in ("respiration q10", "weighted draws", "digest of the problem", "seasonal_fits", "calibrated on 2021",
                  "tested on 2022", "Beside this page: posterior.nc, parameters.toml, problem.toml"):
        assert words in page, words


def test_scores_are_those_of_observed_and_modelled_values(written, small_fit):
    calibration, validation = written.review.periods
    assert (calibration.target.years, validation.target.years) == ((2021,), (2022,))
    stream = calibration.target.streams[0]
    modelled = small_fit.target.predict(np.stack([small_fit.target.space.default_control(), small_fit.mode]))
    part = small_fit.target.parts[stream.name]
    rmse = np.sqrt(np.mean((modelled[:, part] - stream.observed) ** 2, axis=1))
    score = scores_of(calibration)[0]
    assert (score.stream, score.period, score.scale, score.n) == (stream.name, "calibration", "step", stream.observed.size)
    assert score.rmse == pytest.approx(tuple(rmse))
    assert score.reduction == pytest.approx(1.0 - rmse[1] / rmse[0])
    assert [one.scale for one in scores_of(calibration)] == ["step", "day", "step"]  # LE is observed by day already


def test_coverage_is_the_share_inside_the_band(written):
    found = written.review.coverage(0.9)
    prediction = written.review.periods[1].prediction
    one = prediction["net_ecosystem_exchange"]
    low, high = one.observation.quantiles[0], one.observation.quantiles[-1]
    share = np.mean((one.observed >= low) & (one.observed <= high))
    assert found["validation", "net_ecosystem_exchange", "step"] == pytest.approx(share, abs=0.02)
    assert ("validation", "latent_heat", "day") not in found


def test_direction_that_data_do_not_tell_is_named(written, page):
    found = written.review.information
    assert len(found.names) == 2  # the scale of errors is no direction
    assert found.unidentified and found.unidentified[-1].label.replace("_", " ") in page
    assert f"{found.degrees_of_freedom:.2f} of 2" in page


def test_sensitivity_is_a_change_over_the_errors_per_prior_standard_deviation(written, small_fit):
    target = small_fit.target
    step, k = 1e-3, 0
    moved = np.stack([small_fit.mode, small_fit.mode])
    moved[:, k] += (step, -step)
    up, down = target.predict(moved)
    noise = target.space.noise(small_fit.mode[None])
    part = target.parts["latent_heat"]  # daily means: no correlation is taken off
    slope = (up - down)[part] / (2.0 * step) / target.sigma[part] / noise["latent_heat"]["scale"]
    width = np.sqrt(target.space.prior_moments()[1][k, k])
    weight = target.stream_weight[1]
    assert written.review.sensitivity[1, k] == pytest.approx(np.sqrt(np.mean(slope**2) * weight) * width, rel=0.02)


def test_innovations_of_correlated_errors_are_less_correlated(written, small_fit):
    period = written.review.periods[0]
    stream = period.target.streams[0]
    residual, fresh = residuals_at_mode(small_fit, period, stream)
    assert residual.shape == fresh.shape == stream.observed.shape
    assert np.mean(residual**2) == pytest.approx(1.0, abs=0.2)


def test_autocorrelation_over_gaps_is_that_of_the_series():
    generator = np.random.default_rng(3)
    series = np.zeros(20_000)
    for k in range(1, series.size):
        series[k] = 0.7 * series[k - 1] + generator.normal()
    kept = np.sort(generator.choice(series.size, 12_000, replace=False))
    stream = SimpleNamespace(intervals=np.diff(kept, prepend=kept[0]).astype(float))
    found = autocorrelation(stream, series[kept], 3)
    np.testing.assert_allclose(found, 0.7 ** np.arange(1, 4), atol=0.04)


def test_names_from_data_are_escaped(written):
    fit = written.review.fit
    target = fit.target
    kept = target.problem
    target.problem = replace(kept, title="<script>alert(1)</script>")
    try:
        page = fit_html(written.review, notes=["<b>bold</b>"])
    finally:
        target.problem = kept
    assert "<script>alert" not in page and "&lt;script&gt;" in page and "<b>bold" not in page


def chained(fit, **changes):
    """The fit as a sampler with short chains would have left it."""
    generator = np.random.default_rng(1)
    given = dict(method="ensemble", status="not_converged", message="too short", names=fit.target.names,
                 controls=fit.mode + 0.01 * generator.normal(size=(8, 30, fit.mode.size)),
                 log_density=generator.normal(size=(8, 30)), ensemble=np.repeat([0, 1], 4), runs=240, failed=0, steps=30,
                 acceptance=np.full(2, 0.3)) | changes
    return replace(fit, sampling=SamplingResult(**given), status=given["status"], message=given["message"])


def test_stuck_walkers_and_a_chain_that_is_too_short_are_told(written):
    review = replace(written.review, fit=chained(written.review.fit, restarted=3))
    told = warnings(review)
    assert "The posterior is not converged: too short" in told
    assert "3 stuck walkers were put back among the others in burn-in." in told


def test_traces_are_drawn_where_a_chain_was_run(written):
    figure = traces(replace(written.review, fit=chained(written.review.fit)))
    lines = [panel.get_lines() for panel in figure.axes]
    assert [len(one) for one in lines] == [8, 8, 8, 8]  # three controls and the log posterior, eight walkers
    weighted = chained(written.review.fit, weights=np.full((8, 30), 1.0 / 240))
    with pytest.raises(ValueError, match="no chain was run"):
        traces(replace(written.review, fit=weighted))


def test_a_band_that_misses_the_data_and_a_mode_far_out_are_told(written):
    told = " ".join(warnings(written.review))
    assert "The 90 % band of Latent heat (observations) holds" in told and "years of validation" in told
    space = written.review.fit.target.space
    far = written.review.fit.mode.copy()
    far[0] = space.priors[0].transform.control(space.priors[0].quantile(0.9999))
    assert "The mode of respiration q10 lies far out in its prior" in " ".join(
        warnings(replace(written.review, fit=replace(written.review.fit, mode=far))))


def test_a_mode_at_an_end_of_its_range_is_told(written):
    space = written.review.fit.target.space
    prior = space.priors[0]
    far = written.review.fit.mode.copy()
    far[0] = prior.transform.control(prior.high - 0.002 * (prior.high - prior.low))
    told = " ".join(warnings(replace(written.review, fit=replace(written.review.fit, mode=far))))
    assert f"The mode of respiration q10 (4.99) lies at an end of its range ({prior.high:g})" in told


def test_footprints_tell_operator_land_and_rejected_shares():
    given = xr.Dataset({"class_plant_type": ("land_cover_class", ["ENF", ""]),
                        "class_fraction": (("time", "land_cover_class"), [[0.7, 0.3], [0.5, 0.5]]),
                        "rejection": ("time", np.array([0, int(Rejection.LITTLE_CAPTURED)], np.int8))},
                       coords={"time": np.array(["2021-06-01", "2021-06-02"], "M8[ns]")},
                       attrs={"operator": "mixture", "footprint_model": "ffp"})
    stream = SimpleNamespace(name="latent_heat", observed=np.zeros(60),
                             left_out={"no weight by its footprint": 20, "filled": 20})
    target = SimpleNamespace(problem=SimpleNamespace(footprint=SimpleNamespace(operator="mixture")), observations=given,
                             streams=[stream], years=(2021,))
    rows = dict(footprint_rows(SimpleNamespace(fit=SimpleNamespace(target=target))))
    assert rows["operator"] == "mixture" and rows["footprint model"] == "ffp"
    assert rows["land in the footprints"] == "ENF 60%, no plants 40%"
    assert rows[f"half hours with {REJECTION_TEXTS[Rejection.LITTLE_CAPTURED]}"] == "1 of 2 (50.0%)"
    assert rows["Latent heat: rejected by its footprint"] == "20 of 100 (20.0%)"


def test_a_validation_year_without_observations_is_a_note(small_fit):
    tower = small_fit.target.columns.tower
    spoilt = tower.observations.copy()
    for name in ("net_ecosystem_exchange", "latent_heat"):
        spoilt[name] = spoilt[name].where(spoilt["time"].dt.year == 2021)
    target = small_fit.target
    kept = target.columns
    target.columns = replace(kept, tower=replace(tower, observations=spoilt))
    try:
        review = review_fit(small_fit, draws=2)
    finally:
        target.columns = kept
    assert [one.name for one in review.periods] == ["calibration"]
    assert "no validation" in review.notes[0] and "is empty" in review.notes[0]
