"""The processing chain: a published year end to end, steps that fail alone, and the record that comes out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.processed_tower import processed_from_record
from terraflux.sites.processing.quality import Quality
from terraflux.sites.processing_choices import ProcessingChoices
from terraflux.sites.records import read_record, write_record
from terraflux.sites.synthetic_record import FACTS, write_synthetic_tower
from terraflux.sites.tower_processing import process_tower

POSITION_OF_REFERENCE = {"latitude": 51.0, "longitude": 13.6, "utc_offset_hours": 1.0}
"""Position that the published processing of DE-Tha was given."""


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    """An invented raw record of 90 days from January."""
    path = write_synthetic_tower(tmp_path_factory.mktemp("raw"), days=90)[0]
    return read_record(path, facts=FACTS)


@pytest.fixture(scope="module")
def processed(raw):
    return process_tower(raw, ustar_threshold=0.3)


@pytest.fixture(scope="module")
def tharandt(shared_data):
    record = read_record(shared_data / "towers/DE-Tha/Example_DETha98.txt", site_id="DE-Tha")
    return record, process_tower(record, POSITION_OF_REFERENCE)


def without(record, *names):
    """The record without some variables."""
    return replace(record, data=record.data.drop_vars(list(names)))


@pytest.mark.real_data
def test_tharandt_comes_out_as_published(tharandt, shared_data):
    _, tower = tharandt
    reference = pd.read_csv(shared_data / "references/reddyproc/reddyproc_DETha98_mds_nt.csv.gz")
    assert tower.threshold.single == pytest.approx(0.41625, abs=1e-12)
    assert tower.threshold.season == pytest.approx(
        {1998001: 0.41625, 1998003: 0.41625, 1998006: 0.352, 1998009: 0.336923, 1998012: 0.174}, abs=5e-7)
    columns = {"nee": "NEE_uStar_f", "le": "LE_f", "h": "H_f", "temperature": "Tair_f", "vpd": "VPD_f", "radiation": "Rg_f"}
    for name, column in columns.items():
        assert (np.abs(tower.filled[name] - reference[column]) < 1e-4).mean() >= 0.999, name
    assert np.array_equal(tower.quality["nee"], reference["NEE_uStar_fqc"])
    for name, column in (("gpp_nighttime", "GPP_uStar_f"), ("reco_nighttime", "Reco_uStar")):
        assert np.corrcoef(tower.results[name], reference[column])[0, 1] >= 0.999, name
    annual = tower.step("nighttime partitioning").figures["mean GPP gC m-2 per 365.25 days"]
    assert annual == pytest.approx(1919.18, rel=1e-3)


@pytest.mark.real_data
def test_tharandt_by_the_position_of_the_catalogue_differs_by_less_than_a_thousandth(tharandt):
    record, _ = tharandt
    tower = process_tower(record, partitionings=("nighttime",))
    assert tower.series.facts["latitude"] == pytest.approx(50.96, abs=0.01)
    annual = tower.step("nighttime partitioning").figures["mean GPP gC m-2 per 365.25 days"]
    assert annual == pytest.approx(1919.18, rel=1e-3)
    assert tower.yearly().loc[1998, "gpp_nighttime"] == pytest.approx(1919.18 * 365.0 / 365.25, rel=1e-3)


@pytest.mark.real_data
def test_a_record_without_net_radiation_loses_closure_only(tharandt):
    _, tower = tharandt
    assert [one.name for one in tower.failed] == ["energy closure"]
    assert "net_radiation" in tower.failed[0].reason
    assert np.isnan(tower.results["le_corrected"]).all()
    assert np.isfinite(tower.results["gpp_daytime"]).all()


def test_every_step_of_a_whole_record_is_done_and_told(processed):
    assert processed.failed == ()
    names = [one.name for one in processed.steps]
    for name in ("night", "u* threshold", "u* filter", "gap filling nee", "nighttime partitioning", "daytime partitioning",
                 "random error nee", "energy closure"):
        assert name in names
    with pytest.raises(ValueError, match="no step 'ustar'"):
        processed.step("ustar")


def test_measured_values_that_are_kept_are_the_raw_ones(raw, processed):
    kept = processed.quality["nee"] == 0
    assert kept.sum() > 1000
    assert np.array_equal(processed.filled["nee"][kept], raw.values("net_ecosystem_exchange")[kept])
    dim = raw.values("shortwave_down") < 10.0
    assert not kept[dim & (raw.values("friction_velocity") < 0.3)].any()
    assert np.isfinite(processed.filled["nee"]).all()


def test_gross_production_is_respiration_less_net_exchange(processed):
    assert processed.results["gpp_nighttime"] == pytest.approx(
        processed.results["reco_nighttime"] - processed.filled["nee"], abs=1e-12)


def test_corrected_heat_closes_the_balance_better(processed):
    measured = (processed.quality["le"] == 0) & (processed.quality["h"] == 0)
    energy = (processed.series.measured["net_radiation"] - processed.series.measured["ground_heat"])[measured].sum()
    before = (processed.filled["le"] + processed.filled["h"])[measured].sum() / energy
    after = (processed.results["le_corrected"] + processed.results["h_corrected"])[measured].sum() / energy
    assert abs(after - 1.0) < abs(before - 1.0)


@pytest.mark.parametrize("lost, failing, kept", [
    ("friction_velocity", {"quality ustar", "u* threshold", "u* filter"}, "gpp_nighttime"),
    ("air_temperature", {"quality temperature", "gap filling temperature", "nighttime partitioning", "daytime partitioning",
                         "u* threshold", "u* filter"}, None),
    ("latent_heat", {"quality le", "gap filling le", "random error le", "energy closure"}, "gpp_daytime"),
    ("shortwave_down", {"quality radiation", "gap filling radiation", "nighttime partitioning", "daytime partitioning",
                        "u* threshold", "u* filter"}, None),
])
def test_what_is_missing_ends_its_steps_and_no_other(raw, lost, failing, kept):
    tower = process_tower(without(raw, lost))
    failed = {one.name for one in tower.failed}
    assert failing <= failed <= failing | {"random error nee", "random error le", "random error h", "energy closure"}
    assert all(one.reason for one in tower.failed)
    assert np.isfinite(tower.filled["nee"]).mean() > 0.9
    if kept:
        assert np.isfinite(tower.results[kept]).mean() > 0.9


def test_without_friction_velocity_nights_are_not_filtered_and_the_report_says_so(raw):
    tower = process_tower(without(raw, "friction_velocity"))
    measured = np.isfinite(raw.values("net_ecosystem_exchange"))
    assert (tower.quality["nee"] == 0).sum() == measured.sum()
    assert "no friction_velocity" in tower.step("u* filter").reason


def test_without_position_partitioning_says_what_to_give(raw):
    unplaced = replace(raw, facts={"site_id": "XX-Syn", "utc_offset_hours": 1.0})
    tower = process_tower(unplaced, partitionings=("nighttime",))
    assert "latitude, longitude" in tower.step("nighttime partitioning").reason
    assert tower.step("night").figures["rule"] == "radiation"
    again = process_tower(unplaced, {"latitude": 50.5, "longitude": 12.0}, partitionings=("nighttime",))
    assert again.step("nighttime partitioning").done


def test_a_year_of_nothing_but_one_flux_is_processed(raw):
    empty = np.full(raw.time.size, np.nan)
    tower = process_tower(raw.with_variable("net_ecosystem_exchange", empty))
    assert "no value of net_ecosystem_exchange" in tower.step("gap filling nee").reason
    assert np.isfinite(tower.filled["le"]).all()
    assert np.isnan(tower.results["gpp_nighttime"]).all()


def test_a_record_without_fluxes_and_one_of_days_are_refused(raw):
    with pytest.raises(ForcingError, match="no measured NEE, latent or sensible heat flux"):
        process_tower(without(raw, "net_ecosystem_exchange", "latent_heat", "sensible_heat"))
    daily = raw.data.copy()
    daily.attrs = {**daily.attrs, "time_step_seconds": 86400, "resolution": "DD"}
    with pytest.raises(ForcingError, match=r"resolution DD.*half-hourly"):
        process_tower(replace(raw, data=daily))


def test_range_and_run_failures_leave_and_spikes_only_when_asked(raw):
    flux = raw.values("net_ecosystem_exchange").copy()
    flux[100], flux[200:210], noon = 500.0, 1.25, 1224
    flux[noon] = 60.0
    strange = raw.with_variable("net_ecosystem_exchange", flux)
    tower = process_tower(strange, ustar_by="none", partitionings=())
    flags = tower.details["nee_test"]
    assert flags[100] == Quality.OUT_OF_RANGE and (flags[200:210] == Quality.REPEATED).all() and flags[noon] == Quality.SPIKE
    assert (tower.quality["nee"][[100, 205]] > 0).all() and tower.quality["nee"][noon] == 0
    cleaned = process_tower(strange, ustar_by="none", partitionings=(), remove_spikes=True)
    assert cleaned.quality["nee"][noon] > 0 and abs(cleaned.filled["nee"][noon]) < 30.0


def test_bootstrap_gives_a_joint_error_no_smaller_than_the_random_one(raw):
    tower = process_tower(raw, ustar_draws=5, ustar_levels=3, partitionings=())
    step = tower.step("joint error nee")
    if not step.done:
        assert "threshold" in step.reason
        return
    joint, random = tower.results["nee_joint_error"], tower.results["nee_random_error"]
    known = np.isfinite(joint)
    assert known.any() and (joint[known] >= random[known]).all()


def test_a_record_that_begins_in_the_afternoon_is_partitioned_alike(raw):
    later = raw.between("2021-01-02", "2021-03-31")
    cut = type(later)(later.data.isel(time=slice(30, None)), later.source.iloc[30:].reset_index(drop=True), later.facts)
    whole = process_tower(later, ustar_by="none")
    part = process_tower(cut, ustar_by="none")
    assert part.series.rows_after_midnight == 30
    for name in ("gpp_daytime", "gpp_nighttime"):
        tail = slice(10 * 48, None)
        assert np.corrcoef(part.results[name][tail], whole.results[name][30:][tail])[0, 1] > 0.999, name


def test_the_record_that_comes_out_gives_the_same_processed_tower_from_its_file(processed, tmp_path):
    record = processed.to_record()
    assert record.quality_sense("net_ecosystem_exchange") == "fluxnet_code"
    assert record.measured("net_ecosystem_exchange").sum() == (processed.quality["nee"] == 0).sum()
    back = processed_from_record(read_record(write_record(record, tmp_path / "processed.nc")))
    for name, values in processed.filled.items():
        assert np.array_equal(back.filled[name], values, equal_nan=True), name
        assert np.array_equal(back.quality[name], processed.quality[name]), name
        assert np.array_equal(back.series.measured[name], processed.series.measured[name], equal_nan=True), name
    for name, values in processed.results.items():
        assert np.array_equal(back.results[name], values, equal_nan=True), name
    for name, values in processed.details.items():
        assert np.array_equal(back.details[name], np.asarray(values, float), equal_nan=True), name
    assert [one.name for one in back.steps[-len(processed.steps):]] == [one.name for one in processed.steps]


def test_fluxes_in_a_gap_too_long_to_fill_stay_unknown_in_every_partitioning(raw):
    flux = raw.values("net_ecosystem_exchange").copy()
    flux[20 * 48:40 * 48] = np.nan
    tower = process_tower(raw.with_variable("net_ecosystem_exchange", flux), ustar_by="none", longest_gap_days=10)
    gap = slice(21 * 48, 39 * 48)
    for name in ("reco_nighttime", "gpp_nighttime", "reco_daytime", "gpp_daytime"):
        assert np.isnan(tower.results[name][gap]).all(), name
    assert np.isfinite(tower.results["gpp_daytime"][45 * 48:]).any()


def test_an_unprocessed_record_is_no_processed_one(raw):
    with pytest.raises(ForcingError, match="process_tower first"):
        processed_from_record(raw)


@pytest.mark.parametrize("given, says", [
    ({"ustar_by": "yaer"}, "did you mean 'year'"), ({"closure": "daily_ratio"}, "unknown"),
    ({"partitionings": ("lasslop",)}, "known are daytime, nighttime"), ({"ustar_threshold": 41.0}, "within 0..5"),
    ({"ustar_draws": -1}, "no distribution"), ({"spike_z": 0.0}, "not positive"),
])
def test_unknown_choices_are_refused(given, says):
    with pytest.raises(ForcingError, match=says):
        ProcessingChoices(**given)


def test_an_unknown_choice_is_named_with_the_nearest(raw):
    with pytest.raises(ForcingError, match="did you mean 'ustar_by'"):
        process_tower(raw, ustar_bye="year")


def test_deficit_and_radiation_are_derived_and_told(raw):
    from terraflux.model.humidity import saturation_pressure_at

    share = 1.0 - raw.values("vapour_pressure_deficit", "kPa") / saturation_pressure_at(raw.values("air_temperature"))
    humid = without(raw, "vapour_pressure_deficit").with_variable("relative_humidity", 100.0 * share)
    tower = process_tower(humid, ustar_by="none", partitionings=())
    assert tower.series.measured["vpd"] == pytest.approx(raw.values("vapour_pressure_deficit"), abs=1e-9)
    assert any("relative humidity" in note for note in tower.series.notes)
    photons = without(raw, "shortwave_down").with_variable("photosynthetic_photon_flux_density",
                                                           2.285 * raw.values("shortwave_down"))
    lit = process_tower(photons, ustar_by="none", partitionings=())
    assert lit.series.measured["radiation"] == pytest.approx(raw.values("shortwave_down"), rel=1e-12)
