"""Files of a kind that no other test holds against the CF-1.8 checker: every file that names the conventions keeps them."""

import json

import netCDF4
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from terraflux.assimilation.parameter_maps import write_parameter_maps
from terraflux.assimilation.sampling_result import write_groups
from terraflux.evaluation.comparison.ilamb_study import write_study
from terraflux.evaluation.comparison.regions import regions_of_china
from terraflux.sites.records import read_record, write_record


@pytest.fixture
def failures(tmp_path):
    """failures(path) -> messages of the CF-1.8 checker."""
    runner = pytest.importorskip("compliance_checker.runner")
    runner.CheckSuite.load_all_available_checkers()

    def of(path):
        report = tmp_path / "report.json"
        runner.ComplianceChecker.run_checker(str(path), ["cf:1.8"], 0, "strict", output_filename=str(report),
                                             output_format="json")
        result = json.loads(report.read_text())["cf:1.8"]
        return [message for level in ("high_priorities", "medium_priorities", "low_priorities") for check in result[level]
                if check["value"][0] < check["value"][1] for message in check["msgs"]]
    return of


def test_maps_of_parameters_keep_the_conventions(failures, tmp_path):
    generator = np.random.default_rng(0)
    places = {"plant_type": ["DBF", "GRA"], "lat": [30.0, 31.0, 32.0], "lon": [100.0, 101.0]}
    fractions = xr.DataArray(0.5 * generator.random((2, 3, 2)), dims=tuple(places), coords=places)
    draws = {code: {"carboxylation_capacity": generator.normal(60.0, 5.0, 8)} for code in ("DBF", "GRA")}
    assert failures(write_parameter_maps(tmp_path / "maps.nc", draws, fractions)) == []


def test_files_of_posteriors_keep_the_conventions(failures, tmp_path):
    draws = xr.Dataset({"rate": (("chain", "draw"), np.ones((2, 5)))}, {"chain": [0, 1], "draw": np.arange(5)})
    assert failures(write_groups(tmp_path / "posterior.nc", {"posterior": draws})) == []


def test_records_of_towers_keep_the_conventions(failures, tmp_path):
    start = pd.date_range("2019-01-01", periods=96, freq="30min")
    stamp = [one.strftime("%Y%m%d%H%M") for one in start], [one.strftime("%Y%m%d%H%M") for one in start + pd.Timedelta("30min")]
    rows = [f"{first},{last},{10.0 + n % 5},{200.0 + n % 7},{50.0 + n % 3}" for n, (first, last) in enumerate(zip(*stamp))]
    table = tmp_path / "FLX_DE-Tha_FLUXNET2015_FULLSET_HH_2019-2019_1-4.csv"
    table.write_text("\n".join(["TIMESTAMP_START,TIMESTAMP_END,TA_F,SW_IN_F,LE_F_MDS", *rows]) + "\n")
    assert failures(write_record(read_record(table), tmp_path / "record.nc")) == []


def test_regions_for_ilamb_keep_the_conventions(failures, tmp_path):
    edges = {"lat": np.arange(18.0, 55.0, 4.0), "lon": np.arange(72.0, 137.0, 4.0)}
    model = tmp_path / "MODELS" / "ours" / "gpp_Lmon_ours_200001-200112.nc"
    reference = tmp_path / "DATA" / "gpp" / "SYNTHETIC" / "gpp.nc"
    for path in (model, reference):
        path.parent.mkdir(parents=True)
        with netCDF4.Dataset(path, "w") as file:
            file.createDimension("bnds", 2)
            for name, values in edges.items():
                file.createDimension(name, values.size - 1)
                file.createVariable(name, "f8", (name,))[:] = 0.5 * (values[:-1] + values[1:])
                file.createVariable(f"{name}_bnds", "f8", (name, "bnds"))[:] = np.stack([values[:-1], values[1:]], axis=1)
    write_study(tmp_path, tmp_path, regions=regions_of_china())
    assert failures(tmp_path / "regions.nc") == []
