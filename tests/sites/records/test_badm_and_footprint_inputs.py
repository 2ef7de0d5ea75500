"""BADM facts and heights by date, and the inputs of footprint models with the reason of what is missing."""

import importlib.util

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.records import footprint_inputs, read_record
from terraflux.sites.records.badm import read_badm

ROWS = """SITE_ID,GROUP_ID,VARIABLE_GROUP,VARIABLE,DATAVALUE
US-Xyz,1,GRP_HEADER,SITE_NAME,"Xyz, the ranch"
US-Xyz,2,GRP_LOCATION,LOCATION_LAT,38.5
US-Xyz,2,GRP_LOCATION,LOCATION_LONG,-120.9
US-Xyz,2,GRP_LOCATION,LOCATION_ELEV,129
US-Xyz,3,GRP_IGBP,IGBP,WSA
US-Xyz,4,GRP_UTC_OFFSET,UTC_OFFSET,-8
US-Xyz,5,GRP_HEIGHTC,HEIGHTC,6.0
US-Xyz,5,GRP_HEIGHTC,HEIGHTC_STATISTIC,Mean
US-Xyz,5,GRP_HEIGHTC,HEIGHTC_DATE,20150601
US-Xyz,6,GRP_HEIGHTC,HEIGHTC,9.0
US-Xyz,6,GRP_HEIGHTC,HEIGHTC_DATE,202106
US-Xyz,7,GRP_HEIGHTC,HEIGHTC,0.4
US-Xyz,7,GRP_HEIGHTC,HEIGHTC_STATISTIC,Standard Deviation
US-Xyz,7,GRP_HEIGHTC,HEIGHTC_DATE,20150601
US-Xyz,8,GRP_VAR_INFO,VAR_INFO_VARNAME,FC_1_1_1
US-Xyz,8,GRP_VAR_INFO,VAR_INFO_HEIGHT,23
US-Xyz,8,GRP_VAR_INFO,VAR_INFO_DATE,200101010000
US-Xyz,9,GRP_VAR_INFO,VAR_INFO_VARNAME,FC_1_1_1
US-Xyz,9,GRP_VAR_INFO,VAR_INFO_HEIGHT,30.5
US-Xyz,9,GRP_VAR_INFO,VAR_INFO_DATE,202001010000
US-Xyz,10,GRP_CLIM_AVG,MAT,15.8
"""


@pytest.fixture
def badm_file(tmp_path):
    """The BADM file of the invented site."""
    path = tmp_path / "AMF_US-Xyz_BIF.csv"
    path.write_text(ROWS)
    return path


def test_badm_gives_facts_and_heights_of_a_date(badm_file):
    badm = read_badm(badm_file)
    facts = badm.facts("2019-06-01")
    assert facts == {"site_id": "US-Xyz", "name": "Xyz, the ranch", "igbp": "WSA", "latitude": 38.5, "longitude": -120.9,
                     "elevation": 129.0, "utc_offset_hours": -8.0, "mean_annual_temperature": 15.8, "canopy_height": 6.0,
                     "measurement_height": 23.0}
    assert badm.facts("2022-01-01")["measurement_height"] == 30.5
    assert badm.facts("2022-01-01")["canopy_height"] == 9.0
    assert badm.height_of("FC", "1999-01-01") == 23.0
    assert badm.height_of("TA") is None


def test_badm_groups_may_lack_their_prefix(tmp_path):
    path = tmp_path / "bif.csv"
    path.write_text(ROWS.replace("GRP_", ""))
    assert read_badm(path).facts()["latitude"] == 38.5


def test_badm_faults_are_named(badm_file, tmp_path):
    with pytest.raises(ForcingError, match="name one of US-Xyz"):
        read_badm(badm_file, "US-Abc")
    badm_file.write_text(ROWS.replace("LOCATION_LAT,38.5", "LOCATION_LAT,north"))
    with pytest.raises(ForcingError, match="LOCATION_LAT"):
        read_badm(badm_file).facts()
    badm_file.write_text(ROWS.replace("DATAVALUE", "VALUE"))
    with pytest.raises(ForcingError, match="DATAVALUE"):
        read_badm(badm_file)


@pytest.mark.skipif(importlib.util.find_spec("openpyxl") is not None, reason="openpyxl is installed")
def test_xlsx_without_openpyxl_is_a_clear_error(tmp_path):
    path = tmp_path / "badm.xlsx"
    path.write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ForcingError, match="save the sheet as CSV"):
        read_badm(path)


def test_ameriflux_with_badm_gives_the_obukhov_length_from_stability(ameriflux_file, badm_file, weather):
    record = read_record(ameriflux_file, badm=badm_file)
    assert record.facts["measurement_height"] == 23.0 and record.utc_offset_hours == -8.0
    inputs = footprint_inputs(record)
    above = 23.0 - 2.0 / 3.0 * 6.0
    assert np.allclose(inputs["obukhov_length"], above / weather["zl"], rtol=1e-14)
    assert inputs["obukhov_length"].attrs["units"] == "m"
    assert np.array_equal(inputs["sigma_v"], weather["sigma_v"])
    assert np.array_equal(inputs["sensible_heat_flux"], weather["h"])
    assert inputs.attrs == {"site_id": "US-Xyz", "measurement_height": 23.0, "displacement_height": pytest.approx(4.0)}
    lower = footprint_inputs(record, displacement_height=8.0)
    assert np.allclose(lower["obukhov_length"], 15.0 / weather["zl"], rtol=1e-14)


def test_missing_inputs_say_why(ameriflux_file, fluxnet_file):
    inputs = footprint_inputs(read_record(ameriflux_file))
    assert np.isnan(inputs["obukhov_length"]).all()
    assert "the measurement height is not known" in inputs["obukhov_length"].attrs["missing_reason"]
    fullset = footprint_inputs(read_record(fluxnet_file()))
    assert "has no sigma_v" in fullset["sigma_v"].attrs["missing_reason"]
    assert np.isfinite(fullset["friction_velocity"]).all()


def test_length_given_by_the_file_counts_before_stability(eddypro_file, weather):
    inputs = footprint_inputs(read_record(eddypro_file))
    assert np.allclose(inputs["obukhov_length"], 20.0 / weather["zl"], rtol=1e-14)
    assert np.allclose(inputs["sigma_v"], weather["sigma_v"], rtol=1e-14)


def test_neutral_air_has_a_finite_length(ameriflux_file):
    record = read_record(ameriflux_file, facts={"measurement_height": 10.0, "canopy_height": 1.5})
    calm = record.with_variable("stability_parameter", np.zeros(len(record.time)))
    assert (footprint_inputs(calm)["obukhov_length"] == 1e6).all()
