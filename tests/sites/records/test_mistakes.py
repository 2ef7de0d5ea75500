"""What is wrong with a file is told with file, line, column, unit or time, and what to do."""

import numpy as np
import pytest

from terraflux.drivers.errors import ForcingError
from terraflux.sites.records import read_record


def refused(path, *words, **options):
    with pytest.raises(ForcingError) as caught:
        read_record(path, **options)
    for word in (path.name, "Remedy", *words):
        assert word in str(caught.value), (word, str(caught.value))


def edited(path, change):
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")
    return path


def swap(lines, first, second):
    lines[first], lines[second] = lines[second], lines[first]
    return lines


def test_shuffled_rows_name_line_and_time(fluxnet_file):
    path = edited(fluxnet_file(), lambda lines: swap(lines, 10, 11))
    refused(path, "line 12", "2019-06-01T04:30:00", "backwards")
    assert len(read_record(path, order="sort").time) == 576


def test_repeated_rows_name_line_and_time(ameriflux_file):
    path = edited(ameriflux_file, lambda lines: [*lines[:20], lines[19], *lines[20:]])
    refused(path, "line 21", "2019-06-01T08:00:00", "twice")
    assert len(read_record(path, duplicates="first").time) == 576


def test_missing_rows_name_line_and_time_and_can_be_inserted(eddypro_file):
    path = edited(eddypro_file, lambda lines: lines[:13] + lines[15:])
    refused(path, "after line 13", "2019-06-01T05:00:00", "2 of 576")
    record = read_record(path, gaps="fill")
    assert len(record.time) == 576 and np.isnan(record.values("latent_heat")[10:12]).all()
    assert record.source["time"].iloc[10] == "05:30" and record.source["spikes_hf"].iloc[10] == ""


def test_a_stamp_off_the_grid_names_its_line(fluxnet_file):
    path = edited(fluxnet_file(), lambda lines: [line.replace("201906010200,201906010230", "201906010210,201906010240")
                                                 for line in lines])
    refused(path, "line 6", "2019-06-01T02:10:00")


def test_an_interval_of_another_length_names_its_line(fluxnet_file):
    path = edited(fluxnet_file(), lambda lines: [line.replace("201906010200,201906010230", "201906010200,201906010300")
                                                 for line in lines])
    refused(path, "line 6", "3600 s", "TIMESTAMP_END")


def test_days_out_of_order_name_their_line(tmp_path, as_csv):
    path = tmp_path / "FLX_DE-Tha_FLUXNET2015_FULLSET_DD_2019-2019_1-4.csv"
    for days, words in ((["20190101", "20190103", "20190102"], ("line 4", "backwards")),
                        (["20190101", "20190102", "20190104"], ("jumps after line 3",)),
                        (["20190101", "20190102", "20190102"], ("line 4", "twice"))):
        path.write_text(as_csv({"TIMESTAMP": days, "TA_F": np.arange(3.0)}))
        refused(path, *words)


def test_a_cell_that_is_no_number_names_line_and_column(fluxnet_file):
    path = edited(fluxnet_file(), lambda lines: [*lines[:8], lines[8].replace(",97.3,", ",97.3x,"), *lines[9:]])
    refused(path, "'97.3x'", "line 9", "PA_F")


def test_a_cut_line_names_its_number(fluxnet_file):
    refused(edited(fluxnet_file(), lambda lines: [*lines[:100], lines[100][:40]]), "line 101")


def test_a_repeated_column_is_named(fluxnet_file):
    refused(edited(fluxnet_file(), lambda lines: [lines[0].replace("TA_ERA", "TA_F"), *lines[1:]]), "'TA_F' appears twice")


def test_size_is_checked_before_reading(fluxnet_file, tmp_path):
    path = fluxnet_file()
    refused(path, "limit", maximum_bytes=1000)
    import gzip

    packed = tmp_path / "bomb.csv.gz"
    packed.write_bytes(gzip.compress(b"TIMESTAMP_START,TIMESTAMP_END,TA_F\n" + b"0" * 3_000_000))
    refused(packed, "unpacks to more", maximum_bytes=100_000, format="fluxnet")


def test_empty_and_headless_files_are_refused(tmp_path):
    path = tmp_path / "FLX_DE-Tha_x_HH.csv"
    path.write_text("")
    refused(path, "empty")
    path.write_text("TIMESTAMP_START,TIMESTAMP_END,TA_F\n")
    refused(path, "no data line")
    path.write_text("A,B\n1,2\n")
    refused(path, "TIMESTAMP", format="fluxnet")


UNITS = {
    "kelvin": ({"TA_F": lambda t: t["TA_F"] + 273.15}, "air_temperature", "K"),
    "hectopascal pressure": ({"PA_F": lambda t: t["PA_F"] * 10}, "air_pressure", "hPa"),
    "kilopascal deficit": ({"VPD_F": lambda t: t["VPD_F"] * 0.1}, "vapour_pressure_deficit", "kPa"),
    "pascal deficit": ({"VPD_F": lambda t: t["VPD_F"] * 100}, "vapour_pressure_deficit", "Pa"),
    "humidity fraction": ({"RH": lambda t: t["RH"] * 0.01, "VPD_F": None}, "relative_humidity", "1"),
    "soil water fraction": ({"SWC_F_MDS_1": lambda t: t["SWC_F_MDS_1"] * 0.01}, "soil_moisture_observed", "m3 m-3"),
}


@pytest.mark.parametrize("trap", list(UNITS))
def test_unit_traps_are_told_with_the_unit_that_fits_and_can_be_declared(fluxnet_file, trap):
    changes, variable, unit = UNITS[trap]

    def change(columns):
        for name, make in changes.items():
            columns[name] = columns.pop(name) if make is None else make(columns)
            if make is None:
                del columns[name]
        return columns

    path = fluxnet_file(change)
    plain = read_record(fluxnet_file(name="FLX_DE-Tha_right_HH.csv"))
    refused(path, variable, unit)
    record = read_record(path, units={variable: unit})
    assert np.allclose(record.values(variable), plain.values(variable), rtol=1e-12, atol=1e-11)
    assert len(read_record(path, diagnose=False).time) == 576


def test_soil_water_in_percent_declared_as_a_fraction_is_refused(tmp_path, chinaflux_columns, as_csv, weather):
    path = tmp_path / "china.csv"
    path.write_text(as_csv(chinaflux_columns | {"土壤含水量(m3/m3)": weather["swc"]}), encoding="utf-8")
    refused(path, "soil_moisture_observed", "%")


def test_unknown_options_units_and_variables_name_the_nearest(fluxnet_file):
    path = fluxnet_file()
    with pytest.raises(ForcingError, match="did you mean 'site_id'"):
        read_record(path, siteid="DE-Tha")
    with pytest.raises(ForcingError, match="did you mean 'air_temperature'"):
        read_record(path, units={"air_temperatur": "K"})
    with pytest.raises(ForcingError, match="not understood"):
        read_record(path, units={"TA_F": "furlong"})
    with pytest.raises(ForcingError, match="latitude"):
        read_record(path, facts={"latitud": 3.0})


def test_infinite_values_become_gaps_that_are_counted_and_kept(eddypro_file):
    path = eddypro_file
    lines = path.read_text().splitlines()
    cells = lines[5].split(",")
    cells[lines[1].split(",").index("L")] = "Inf"
    path.write_text("\n".join([*lines[:5], ",".join(cells), *lines[6:]]) + "\n")
    record = read_record(path)
    assert np.isnan(record.values("obukhov_length")[2]) and np.isinf(record.source["L"].iloc[2])
    assert any("1 infinite values of L" in line for line in record.history)


def test_a_damaged_netcdf_is_told(tmp_path):
    path = tmp_path / "record.nc"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 2000)
    refused(path, "cannot be opened")
