"""Mistakes that users make with units, values and time are refused with file, variable, unit, time and remedy."""

import numpy as np
import pytest

from terraflux.drivers import open_tower
from terraflux.drivers.errors import ForcingError


def refused(path, facts, message, **options):
    """The error of opening a file, which must match."""
    with pytest.raises(ForcingError, match=message) as caught:
        open_tower(path, site=facts, **options)
    assert caught.value.file and caught.value.variable and caught.value.remedy
    return caught.value


@pytest.mark.parametrize(("column", "way", "message"), [
    ("TA_F", lambda x: x + 273.15, "air_temperature.*Remedy: declare the unit K"),
    ("PA_F", lambda x: x * 10.0, "air_pressure.*Remedy: declare the unit hPa"),
    ("PA_F", lambda x: x * 1000.0, "air_pressure.*Remedy: declare the unit Pa"),
    ("VPD_F", lambda x: x * 100.0, "vapour_pressure_deficit.*Remedy: declare the unit Pa"),
    ("P_F", lambda x: x / 1800.0, "precipitation.*Remedy: declare the unit kg m-2 s-1"),
    ("SW_IN_F", lambda x: x * 1800e-6, "sunlight.*Remedy: declare the unit MJ"),
    ("SW_IN_F", lambda x: x * 2.02, "photons"),
    ("LW_IN_F", lambda x: x - 360.0, "net longwave radiation"),
    ("CO2_F_MDS", lambda x: x * 1e-6, "carbon_dioxide.*Remedy: declare the unit mol"),
    ("SWC_F_MDS_1", lambda x: x * 100.0, "soil_moisture_observed"),
])
def test_wrong_units_are_told_from_the_numbers(write_fluxnet, facts, column, way, message):
    refused(write_fluxnet(lambda table: table.assign(**{column: way(table[column])})), facts, message)


def test_deficit_in_kilopascal_read_as_hectopascal_is_refused(write_fluxnet, facts):
    refused(write_fluxnet(lambda table: table.assign(VPD_F=table.VPD_F * 0.1)), facts, "hardly ever below")


def test_deficit_in_hectopascal_read_as_kilopascal_is_refused(write_plumber, facts):
    def swapped(dataset):
        dataset["VPD"] = dataset["Qair"] * 0.0 + 12.0
        dataset["VPD"].attrs["units"] = "kPa"
        return dataset
    refused(write_plumber(swapped), facts, "declare the unit hPa")


def test_relative_humidity_as_fraction_read_as_percent_is_refused(write_plumber, facts):
    def fraction(dataset):
        dataset["RH"] = dataset["Qair"] * 0.0 + 0.7
        dataset["RH"].attrs["units"] = "%"
        return dataset.drop_vars("Qair")
    refused(write_plumber(fraction), facts, "Remedy: declare the unit 1|fraction")


def test_rain_per_step_read_as_rate_is_refused(write_plumber, facts):
    def totals(dataset):
        dataset["Precip"].values[:] *= 1800.0
        return dataset
    refused(write_plumber(totals), facts, "precipitation.*Remedy: declare the unit mm")


def spoil(column, value, row=1000):
    def change(table):
        table.loc[row, column] = value
        return table
    return change


def test_missing_value_is_refused_with_its_time_or_filled(write_fluxnet, facts):
    path = write_fluxnet(spoil("TA_F", np.nan))
    error = refused(path, facts, "1 of 2928 values are missing")
    assert error.variable == "air_temperature" and error.time == "2021-05-21T20:00:00" and error.unit == "degC"
    found = open_tower(path, site=facts, completion={"gaps": "fill"})
    assert found.forcing.air_temperature_provenance.values[1000] == 7
    assert "1 missing values filled" in found.forcing.attrs["history"]


@pytest.mark.parametrize("value", [-99999.0, 1e20, -6999.0])
def test_undeclared_fill_value_is_recognised(write_fluxnet, facts, value):
    error = refused(write_fluxnet(spoil("TA_F", value)), facts, "looks like a fill value")
    assert error.time == "2021-05-21T20:00:00"


def test_spike_is_refused_or_made_a_gap(write_fluxnet, facts):
    path = write_fluxnet(spoil("WS_F", 200.0))
    error = refused(path, facts, "1 values lie outside 0..75")
    assert error.time == "2021-05-21T20:00:00"
    found = open_tower(path, site=facts, completion={"gaps": "fill", "out_of_range": "gap"})
    assert found.forcing.wind_speed.values[1000] < 75.0 and found.forcing.wind_speed_provenance.values[1000] == 7


def test_infinity_and_negative_rain_are_refused(write_fluxnet, facts):
    refused(write_fluxnet(spoil("WS_F", np.inf)), facts, "infinite")
    refused(write_fluxnet(spoil("P_F", -3.0)), facts, "outside 0..0.1")


def test_negative_night_light_is_zeroed_and_counted(write_fluxnet, facts):
    path = write_fluxnet(lambda table: table.assign(SW_IN_F=table.SW_IN_F.where(table.SW_IN_F > 0.0, -4.0)))
    found = open_tower(path, site=facts)
    assert found.forcing.shortwave_down.values.min() == 0.0
    assert "small negative shortwave values at night" in found.forcing.attrs["history"]
    refused(write_fluxnet(spoil("SW_IN_F", -60.0, row=24)), facts, "outside -5..1500")


def test_light_at_night_is_zeroed_flagged_and_counted(write_fluxnet, facts):
    found = open_tower(write_fluxnet(spoil("SW_IN_F", 300.0, row=48)), site=facts).forcing
    assert found.shortwave_down.values[48] == 0.0 and found.shortwave_down_provenance.values[48] == 3
    assert "1 shortwave values of up to 300 W m-2 without sun set to zero" in found.attrs["history"]


def test_shuffled_and_doubled_and_missing_time_are_refused(write_fluxnet, facts):
    refused(write_fluxnet(lambda table: table.sample(frac=1.0, random_state=1)), facts, "backwards")
    refused(write_fluxnet(lambda table: table.iloc[np.insert(np.arange(2928), 5, 5)]), facts, "twice")
    refused(write_fluxnet(lambda table: table.drop(index=[100, 101])), facts, "2 of 2928 time steps are missing")


def test_repairs_of_time_give_back_the_record(write_fluxnet, facts, tower):
    path = write_fluxnet(lambda table: table.sample(frac=1.0, random_state=1))
    found = open_tower(path, site=facts, completion={"order": "sort"})
    np.testing.assert_allclose(found.forcing.air_temperature, tower.forcing.air_temperature, atol=1e-5)
    path = write_fluxnet(lambda table: table.drop(index=[100, 101]))
    found = open_tower(path, site=facts, completion={"gaps": "fill"})
    assert found.forcing.sizes["time"] == 2928
    assert (found.forcing.air_temperature_provenance.values[[100, 101]] == 7).all()
    assert np.isnan(found.observations.latent_heat.values[[100, 101]]).all()


def test_wrong_zone_is_refused(write_fluxnet, facts):
    refused(write_fluxnet(), facts | {"utc_offset_hours": 3.0}, r"behind.*\+1 would fit")


def test_unknown_choice_is_refused_with_the_nearest(write_fluxnet, facts):
    with pytest.raises(ForcingError, match="did you mean 'longwave'"):
        open_tower(write_fluxnet(), site=facts, completion={"long_wave": "prata"})
    with pytest.raises(ForcingError, match="did you mean 'prata'"):
        open_tower(write_fluxnet(), site=facts, completion={"longwave": "prat"})
    with pytest.raises(ForcingError, match="did you mean 'fill'"):
        open_tower(write_fluxnet(), site=facts, completion={"gaps": "fil"})


def test_rubbish_is_refused(tmp_path, facts):
    path = tmp_path / "rubbish.nc"
    path.write_bytes(b"not a netCDF file at all" * 10)
    with pytest.raises(ForcingError, match="cannot be opened"):
        open_tower(path, site=facts)
    with pytest.raises(ForcingError, match="does not exist"):
        open_tower(tmp_path / "absent.csv", site=facts)
