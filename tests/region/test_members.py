"""Posterior members run side by side, and the files that other tools read."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from terraflux.region.errors import RegionError
from terraflux.region.export import export_region
from terraflux.region.results import open_results
from terraflux.region.run import run_region


def test_a_member_of_an_ensemble_is_the_run_with_its_parameters(choices, tmp_path):
    xr.Dataset({"carboxylation_capacity": ("member", [30.0, 80.0])}).to_netcdf(tmp_path / "maps.nc")
    days = {"run__last": "1984-03-05", "run__tile_cells": 4}
    both = choices(parameters__map=str(tmp_path / "maps.nc"), parameters__members=2, **days)
    assert run_region(both, folder=tmp_path / "both").status == "done"
    xr.Dataset({"carboxylation_capacity": ((), 80.0)}).to_netcdf(tmp_path / "one.nc")
    run_region(choices(parameters__map=str(tmp_path / "one.nc"), **days), folder=tmp_path / "one")
    members = open_results(tmp_path / "both").values("monthly", "gross_primary_production")
    assert members.shape == (2, 2, 7)
    assert np.array_equal(members[:, 1:], open_results(tmp_path / "one").values("monthly", "gross_primary_production"))
    assert (members[1, 0] < members[1, 1]).any()
    (gpp,) = [path for path in export_region(tmp_path / "both", variables=["gpp"]) if path.name.startswith("gpp")]
    with xr.open_dataset(gpp) as file:
        assert np.nanmax(file.gpp.values) == pytest.approx(1e-3 * members.mean(axis=1).max(), rel=1e-6)


def test_the_export_holds_the_numbers_and_passes_the_compliance_checker(reference, tmp_path):
    files = export_region(reference, tmp_path)
    names = {path.name.split("_")[0].removesuffix(".nc"): path for path in files}
    assert {"areacella", "sftlf", "gpp", "evspsbl", "mrro", "tas"} <= set(names)
    assert names["gpp"].name == "gpp_Lmon_terraflux_198402-198403.nc"
    results = open_results(reference)
    with xr.open_dataset(names["areacella"]) as area, xr.open_dataset(names["sftlf"]) as land:
        weight = area.areacella.values * land.sftlf.values / 100.0
        for name, parts, factor in (("gpp", ["gross_primary_production"], 1e-3), ("mrro", ["surface_runoff", "drainage"], 1.0)):
            with xr.open_dataset(names[name]) as file:
                assert (np.diff(file.lat) > 0).all() and (np.diff(file.lon) > 0).all() and "time_bnds" in file
                total = np.nansum(file[name].values * weight, axis=(1, 2))
                own = factor * sum(results.totals("monthly", part) for part in parts)[:, 0]
                assert np.allclose(total, own, rtol=1e-6)
                assert "SYNTHETIC" in file.attrs["title"]
    with xr.open_dataset(names["tas"]) as file:
        assert file.tas.attrs["units"] == "K" and 200.0 < np.nanmin(file.tas) < np.nanmax(file.tas) < 320.0
    checker = Path(sys.executable).with_name("compliance-checker")
    told = subprocess.run([str(checker), "--test=cf:1.8", *map(str, files)], capture_output=True, text=True, timeout=300)
    assert told.returncode == 0 and told.stdout.count("All tests passed!") == len(files) > 5, told.stdout


def test_output_opens_in_xarray_with_units_and_times(reference):
    with xr.open_zarr(reference / "monthly.zarr") as file:
        assert file.gross_primary_production.dims == ("time", "cell")
        assert file.gross_primary_production.attrs["units"] == "g m-2 s-1"
        assert file.attrs["synthetic"] == 1 and str(file.time.values[0])[:7] == "1984-02"
        assert np.array_equal(file.gross_primary_production.values,
                              open_results(reference).values("monthly", "gross_primary_production")[:, 0])


def test_what_was_not_kept_cannot_be_exported(reference, tmp_path):
    with pytest.raises(RegionError, match="'rh' cannot be exported"):
        export_region(reference, tmp_path, variables=["rh"])


def test_damaged_output_is_told(choices, tmp_path):
    from terraflux.region.run import region_status

    run_region(choices(run__last="1984-02-22"), folder=tmp_path / "run")
    chunk = next((tmp_path / "run" / "monthly.zarr" / "drainage" / "c").rglob("0"))
    chunk = chunk / "0" if chunk.is_dir() else chunk
    chunk.write_bytes(chunk.read_bytes()[:-1])
    assert region_status(tmp_path / "run", verify=True)["damaged"] == ["monthly.zarr/drainage/c/0/0"]
    with pytest.raises(RegionError, match="checksum differs"):
        open_results(tmp_path / "run").values("monthly", "drainage")
