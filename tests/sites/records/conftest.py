"""Small invented files of every format, whose numbers the tests know."""

import numpy as np
import pandas as pd
import pytest

STEPS = 48 * 12


@pytest.fixture(scope="session")
def weather():
    """Twelve invented June days: columns in FLUXNET units with gaps and flags; awkward decimals on purpose."""
    generator = np.random.default_rng(7)
    start = pd.date_range("2019-06-01", periods=STEPS, freq="30min")
    hour = np.arange(STEPS) / 2.0 % 24
    sun = np.maximum(np.sin((hour - 6) / 12 * np.pi), 0.0)
    temperature = 14.0 + 9.0 * sun + generator.normal(0, 1, STEPS)
    relative = np.clip(85.0 - 45.0 * sun + generator.normal(0, 3, STEPS), 20, 100)
    deficit = 6.108 * np.exp(17.27 * temperature / (temperature + 237.3)) * (1 - relative / 100)
    flux = 4.0 - 22.0 * sun + generator.normal(0, 1, STEPS)
    flux[generator.random(STEPS) < 0.3] = np.nan
    return pd.DataFrame({
        "start": start, "ta": temperature, "rh": relative, "vpd": deficit, "sw": 800.0 * sun, "pa": 97.3 + 0 * sun,
        "ws": 2.0 + generator.random(STEPS), "wd": generator.uniform(0, 360, STEPS), "ustar": 0.1 + generator.random(STEPS),
        "h": 250.0 * sun - 20, "le": 180.0 * sun + 5, "nee": flux, "swc": 23.0 + generator.random(STEPS),
        "zl": generator.normal(0, 0.5, STEPS), "sigma_v": 0.3 + generator.random(STEPS), "p": np.where(sun > 0.9, 0.2, 0.0),
        "flag": generator.integers(0, 4, STEPS), "class": generator.integers(0, 3, STEPS),
    })


def csv_text(columns, above=(), missing="-9999"):
    """A CSV of columns {name: values}, missing values as a code."""
    def cell(value):
        if isinstance(value, float):
            return missing if np.isnan(value) else repr(value)
        return str(value)

    rows = zip(*[column.tolist() if hasattr(column, "tolist") else column for column in columns.values()])
    return "\n".join([*above, ",".join(columns), *(",".join(cell(value) for value in row) for row in rows)]) + "\n"


@pytest.fixture(scope="session")
def as_csv():
    """The function that makes a CSV of columns."""
    return csv_text


def stamps(table, shift=0):
    """Stamps YYYYMMDDHHMM of the interval starts, `shift` minutes later."""
    return (table["start"] + pd.Timedelta(minutes=shift)).dt.strftime("%Y%m%d%H%M")


@pytest.fixture
def fluxnet_columns(weather):
    """Columns of a half-hourly FLUXNET file."""
    return {"TIMESTAMP_START": stamps(weather), "TIMESTAMP_END": stamps(weather, 30), "TA_F": weather["ta"],
            "TA_F_QC": weather["flag"], "SW_IN_F": weather["sw"], "VPD_F": weather["vpd"], "RH": weather["rh"],
            "PA_F": weather["pa"], "P_F": weather["p"], "WS_F": weather["ws"], "WD": weather["wd"],
            "USTAR": weather["ustar"], "SWC_F_MDS_1": weather["swc"], "H_F_MDS": weather["h"], "LE_F_MDS": weather["le"],
            "NEE_VUT_REF": weather["nee"], "NEE_VUT_REF_QC": weather["flag"], "NEE_VUT_25": weather["nee"] * 1.1,
            "GPP_NT_VUT_REF": -weather["nee"], "TA_ERA": weather["ta"] + 0.1}


@pytest.fixture
def fluxnet_file(tmp_path, fluxnet_columns):
    """A half-hourly FLUXNET file, after an optional change of its columns."""
    def make(change=None, name="FLX_DE-Tha_FLUXNET2015_FULLSET_HH_2019-2019_1-4.csv"):
        columns = dict(fluxnet_columns) if change is None else change(dict(fluxnet_columns))
        path = tmp_path / name
        path.write_text(csv_text(columns))
        return path
    return make


@pytest.fixture
def ameriflux_file(tmp_path, weather):
    """An AmeriFlux BASE file with two temperature sensors, flags, sigma_v and (z-d)/L."""
    columns = {"TIMESTAMP_START": stamps(weather), "TIMESTAMP_END": stamps(weather, 30), "TA_1_1_1": weather["ta"],
               "TA_1_2_1": weather["ta"].where(weather.index % 5 > 0), "RH_1_1_1": weather["rh"], "VPD_PI": weather["vpd"],
               "PA": weather["pa"], "SW_IN": weather["sw"], "WS_1_1_1": weather["ws"], "WD_1_1_1": weather["wd"],
               "USTAR": weather["ustar"], "ZL": weather["zl"], "V_SIGMA": weather["sigma_v"], "H": weather["h"],
               "H_SSITC_TEST": weather["class"], "LE": weather["le"], "FC": weather["nee"], "SC": weather["nee"] * 0.01,
               "FC_SSITC_TEST": weather["class"], "P": weather["p"], "SWC_1_1_1": weather["swc"]}
    path = tmp_path / "AMF_US-Xyz_BASE_HH_1-5.csv"
    path.write_text(csv_text(columns, above=("# Site: US-Xyz", "# Version: 1-5")))
    return path


@pytest.fixture
def eddypro_file(tmp_path, weather):
    """An EddyPro full output file with its three header lines."""
    end = weather["start"] + pd.Timedelta(minutes=30)
    columns = {
        ("file_info", "filename", ""): [f"2019_{row:04d}.ghg" for row in range(STEPS)],
        ("", "date", "[yyyy-mm-dd]"): end.dt.strftime("%Y-%m-%d"), ("", "time", "[HH:MM]"): end.dt.strftime("%H:%M"),
        ("", "DOY", "[ddd.ddd]"): end.dt.day_of_year + 0.0, ("", "daytime", "[1=daytime]"): (weather["sw"] > 0).astype(int),
        ("corrected_fluxes_and_quality_flags", "H", "[W+1m-2]"): weather["h"], ("", "qc_H", "[#]"): weather["class"],
        ("", "LE", "[W+1m-2]"): weather["le"], ("", "qc_LE", "[#]"): weather["class"],
        ("", "co2_flux", "[µmol+1s-1m-2]"): weather["nee"], ("", "qc_co2_flux", "[#]"): weather["class"],
        ("storage_fluxes", "co2_strg", "[µmol+1s-1m-2]"): weather["nee"] * 0.01,
        ("air_properties", "air_temperature", "[K]"): weather["ta"] + 273.15,
        ("", "air_pressure", "[Pa]"): weather["pa"] * 1000.0, ("", "RH", "[%]"): weather["rh"],
        ("", "VPD", "[Pa]"): weather["vpd"] * 100.0,
        ("rotated_wind", "wind_speed", "[m+1s-1]"): weather["ws"], ("", "wind_dir", "[deg_from_north]"): weather["wd"],
        ("turbulence", "u*", "[m+1s-1]"): weather["ustar"], ("", "L", "[m]"): 20.0 / weather["zl"],
        ("", "(z-d)/L", "[#]"): weather["zl"],
        ("footprint", "model", "[0=KJ/1=KM/2=HS]"): weather["class"] * 0, ("", "x_peak", "[m]"): weather["ws"] * 30,
        ("", "x_90%", "[m]"): weather["ws"] * 300, ("statistical_flags", "spikes_hf", "[8u/v/w/ts/co2/h2o/ch4/none]"):
            ["800000099"] * STEPS,
        ("variances", "v_var", "[m+2s-2]"): weather["sigma_v"] ** 2,
    }
    groups, names, units = zip(*columns)
    path = tmp_path / "eddypro_US-Xyz_full_output.csv"
    body = csv_text({str(number): column for number, column in enumerate(columns.values())}).split("\n", 1)[1]
    path.write_text("\n".join([",".join(groups), ",".join(names), ",".join(units), body]), encoding="utf-8")
    return path


@pytest.fixture
def chinaflux_columns(weather):
    """Columns of a ChinaFLUX file, CO2 flux in mg m-2 s-1, stamps at interval ends."""
    end = weather["start"] + pd.Timedelta(minutes=30)
    return {"年": end.dt.year, "月": end.dt.month, "日": end.dt.day, "时": end.dt.hour, "分": end.dt.minute,
            "CO2通量(mg m-2 s-1)": weather["nee"] * 0.0440095, "潜热通量(W/m2)": weather["le"], "感热通量(W/m2)": weather["h"],
            "空气温度(℃)": weather["ta"], "相对湿度(%)": weather["rh"], "摩擦风速(m/s)": weather["ustar"],
            "土壤含水量(m3/m3)": weather["swc"] / 100.0}
