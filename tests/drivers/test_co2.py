"""Carbon dioxide from a series or from the polynomial of the year."""

import numpy as np
import pytest

from terraflux.drivers import co2
from terraflux.drivers.errors import ForcingError
from terraflux.drivers.time_axis import TimeAxis


def axis_of(first, last):
    return TimeAxis(np.arange(np.datetime64(first, "s"), np.datetime64(last, "s"), np.timedelta64(1800, "s")), 1800)


@pytest.mark.real_data
def test_polynomial_stays_within_its_stated_error_of_the_annual_means(shared_data):
    years, means = co2.read_series(shared_data / "products/co2/co2-annmean-gl.csv")
    middle = np.array([f"{int(year)}-07-02" for year in years], dtype="datetime64[s]")
    assert np.abs(co2.carbon_dioxide_polynomial(middle) - means).max() <= co2.LARGEST_ERROR
    assert years.size > 40


def test_polynomial_refuses_other_years():
    with pytest.raises(ForcingError, match="1959-2027"):
        co2.carbon_dioxide_polynomial(np.array(["1950-01-01"], dtype="datetime64[s]"))


@pytest.mark.real_data
def test_monthly_series_is_interpolated_between_mid_months(shared_data):
    path = shared_data / "products/co2/co2_global_monthly.csv"
    axis = axis_of("2004-01-01", "2005-01-01")
    values = co2.carbon_dioxide_series(axis, path)
    years, given = co2.read_series(path)
    inside = (years >= 2004) & (years < 2005)
    assert inside.sum() == 12
    assert values.mean() == pytest.approx(given[inside].mean(), abs=0.1)
    assert values.min() >= given[inside].min() - 1.0 and values.max() <= given[inside].max() + 1.0


def test_series_must_cover_the_record(tmp_path):
    path = tmp_path / "co2.csv"
    path.write_text("Year,Mean\n2000,369.5\n2001,371.0\n")
    assert co2.carbon_dioxide_series(axis_of("2001-01-01", "2001-02-01"), path)[0] == pytest.approx(370.25, abs=0.01)
    with pytest.raises(ForcingError, match="covers"):
        co2.carbon_dioxide_series(axis_of("2010-01-01", "2010-02-01"), path)


def test_unknown_columns_and_nonsense_are_refused(tmp_path):
    path = tmp_path / "co2.csv"
    path.write_text("when,what\n2000,369.5\n2001,371.0\n")
    with pytest.raises(ForcingError, match="decimal_year"):
        co2.read_series(path)
    path.write_text("Year,Mean\n2000,369.5\n2001,0.371\n")
    with pytest.raises(ForcingError, match="outside"):
        co2.read_series(path)
