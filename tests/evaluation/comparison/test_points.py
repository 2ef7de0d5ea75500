"""Products at towers are compared over the periods that both have."""

import numpy as np
import pandas as pd
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.points import compare_at_tower, point_of, read_modis_points, tower_means

START = np.array(["2003-12-27", "2004-01-01"], dtype="datetime64[D]")
END = np.array(["2004-01-01", "2004-01-09"], dtype="datetime64[D]")


def test_a_subset_becomes_daily_rates_with_a_short_last_composite(tmp_path):
    path = tmp_path / "modis.csv"
    path.write_text("date,ET_center,ET_mean3x3,n_valid_3x3\n2003-12-19,8.0,4.0,9\n2003-12-27,8.0,4.0,4\n2004-01-01,,,0\n")
    found = read_modis_points(path, "et", profile_name="mod16a2")
    assert found.values == pytest.approx([1.0, 1.6, np.nan], nan_ok=True) and found.unit == "mm d-1"
    around = read_modis_points(path, "et", profile_name="mod16a2", sample="mean3x3")
    assert around.values == pytest.approx([0.5, np.nan, np.nan], nan_ok=True)


def test_means_of_a_tower_need_enough_steps():
    time = np.arange("2003-12-27", "2004-01-09", dtype="datetime64[h]")
    values = np.where(time < np.datetime64("2004-01-01"), 2.0, 4.0)
    assert tower_means(time, values, START, END, 3600.0).tolist() == [2.0, 4.0]
    values[:30] = np.nan
    assert np.isnan(tower_means(time, values, START, END, 3600.0)[0])
    assert tower_means(time, values, START, END, 3600.0, least_share=0.5)[0] == 2.0


def test_latent_heat_is_compared_as_evapotranspiration(make_fields):
    fields = make_fields(variable="et", years=(2003, 2004))
    points = point_of(fields, 30.5, 100.5)
    assert points.values[0] == pytest.approx(fields.values[0, 0, 0])
    time = np.arange("2003-01-01", "2005-01-01", dtype="datetime64[h]")
    month = (time.astype("datetime64[M]") - np.datetime64("2003-01")).astype(int)
    heat = (points.values[month] + 0.5) * 2.45e6 / 86400.0
    found = compare_at_tower(points, time, heat, "W m-2", 3600.0)
    assert len(found) == 24 and found.scores["bias"] == pytest.approx(-0.5) and found.scores["r"] == pytest.approx(1.0)
    with pytest.raises(ValueError, match="outside"):
        point_of(fields, 60.0, 100.5)
    with pytest.raises(ValueError, match="is an amount"):
        compare_at_tower(points, time, heat, "mm", 3600.0)
    with pytest.raises(ValueError, match="no period in common"):
        compare_at_tower(points, time + np.timedelta64(10, "h") * 100000, heat, "W m-2", 3600.0)


@pytest.mark.real_data
@pytest.mark.parametrize(("site", "column", "least"), [("US-Bi1", "LE_F_MDS", 150), ("US-Hn1", "LE", 50)])
def test_mod16_follows_the_seasons_of_real_towers(shared_data, site, column, least):
    folder = shared_data / "towers" / site
    points = read_modis_points(folder / "modis_MOD16A2GF_ET_500m.csv", "et", profile_name="mod16a2", sample="mean3x3")
    assert np.nanmax(points.values) < 12.0 and np.nanmin(points.values) >= 0.0
    table = pd.concat([pd.read_csv(path, parse_dates=["TIMESTAMP_END"]) for path in sorted(folder.glob("*fluxes*.csv"))])
    table = table.drop_duplicates("TIMESTAMP_END").sort_values("TIMESTAMP_END")
    start = (table["TIMESTAMP_END"] - pd.Timedelta(minutes=30)).to_numpy()
    found = compare_at_tower(points, start, table[column].to_numpy(), "W m-2", 1800.0)
    assert len(found) >= least
    # MOD16 is lower than both towers, irrigated lucerne and sagebrush.
    assert found.scores["r"] > 0.3 and -1.0 < found.scores["bias"] < 0.0


def test_broken_tables_are_refused(tmp_path):
    path = tmp_path / "modis.csv"
    path.write_text("date,ET\n2003-12-19,8.0\n")
    with pytest.raises(ForcingError, match="no column date"):
        read_modis_points(path, "et", profile_name="mod16a2")
    path.write_text("date,ET_center\n2003-12-19,8.0\n2003-12-11,8.0\n")
    with pytest.raises(ForcingError, match="do not increase"):
        read_modis_points(path, "et", profile_name="mod16a2")
    path.write_text("date,ET_center\nyesterday,8.0\n")
    with pytest.raises(ForcingError, match="date cannot be read"):
        read_modis_points(path, "et", profile_name="mod16a2")
    with pytest.raises(ForcingError, match="sample 'nearest'"):
        read_modis_points(path, "et", profile_name="mod16a2", sample="nearest")
