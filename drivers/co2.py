"""Carbon dioxide of the air where a tower has none: from a global series, or from a polynomial of the year."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_files import header_of, read_table
from terraflux.drivers.time_axis import TimeAxis

# Quartic in (year - 2000) / 50, least squares to annual means: NOAA GML marine surface 1979-2025, and before that
# Mauna Loa 1959-1978 less 0.43, its mean excess over the marine surface in 1979-1993. Largest error 1.5 umol mol-1.
COEFFICIENTS = (368.734, 88.151, 28.623, 22.883, 26.948)
FIRST_YEAR, LAST_YEAR = 1959, 2027
LARGEST_ERROR = 1.5

_VALUE_COLUMNS = ("co2_ppm", "Mean", "mean", "co2", "CO2")


def decimal_year(times: ArrayLike) -> NDArray[np.float64]:
    """Year with fraction of every time (datetime64)."""
    stamps = np.asarray(times, dtype="datetime64[s]")
    years = stamps.astype("datetime64[Y]")
    first, after = years.astype("datetime64[s]"), (years + 1).astype("datetime64[s]")
    share = (stamps - first).astype(float) / (after - first).astype(float)
    return years.astype(np.int64) + 1970 + share


def carbon_dioxide_polynomial(times: ArrayLike) -> NDArray[np.float64]:
    """Global mean carbon dioxide (umol mol-1) at times of 1959-2027, without a seasonal cycle, within 1.5 of the annual
    means of NOAA. Other years are refused."""
    years = decimal_year(times)
    if years.size and (years.min() < FIRST_YEAR or years.max() > LAST_YEAR + 1):
        raise ForcingError(f"the embedded carbon dioxide polynomial holds for {FIRST_YEAR}-{LAST_YEAR}",
                           variable="carbon_dioxide", unit="umol mol-1", time=np.asarray(times).ravel()[0],
                           remedy="give a file with a series for these years, or a constant")
    return np.polynomial.polynomial.polyval((years - 2000.0) / 50.0, np.array(COEFFICIENTS))


def read_series(path: str | os.PathLike[str]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Decimal years (middle of the periods) and carbon dioxide (umol mol-1) of a monthly or annual CSV.

    Understood: a column `decimal_year`, or `month` (YYYY-MM), or `Year`/`year`; values in `co2_ppm`, `Mean` or `co2`.
    """
    header = header_of(path)
    values_name = next((name for name in _VALUE_COLUMNS if name in header), None)
    time_name = next((name for name in ("decimal_year", "month", "Year", "year") if name in header), None)
    if values_name is None or time_name is None:
        raise ForcingError("a carbon dioxide series needs columns decimal_year, month or Year, and co2_ppm or Mean",
                           file=path, variable="carbon_dioxide", remedy=f"rename the columns ({', '.join(header)})")
    text = ("month",) if time_name == "month" else ()
    table = read_table(path, columns=(time_name, values_name), text_columns=text)
    if time_name == "month":
        months = table["month"].str.strip().to_numpy().astype("datetime64[M]")
        middle = months.astype("datetime64[s]") + ((months + 1).astype("datetime64[s]") - months) // 2
        years = decimal_year(middle)
    else:
        years = table[time_name].to_numpy(dtype=float) + (0.5 if time_name != "decimal_year" else 0.0)
    values = table[values_name].to_numpy(dtype=float)
    keep = np.isfinite(values) & np.isfinite(years)
    years, values = years[keep], values[keep]
    if years.size < 2 or (np.diff(years) <= 0).any() or values.min() < 150.0 or values.max() > 2000.0:
        raise ForcingError("the series is too short, not in order of time, or outside 150..2000 umol mol-1", file=path,
                           variable="carbon_dioxide", unit="umol mol-1", remedy="check the columns of the file")
    return years, values


def carbon_dioxide_series(axis: TimeAxis, path: str | os.PathLike[str]) -> NDArray[np.float64]:
    """Carbon dioxide (umol mol-1) of every step by linear interpolation of a series between period middles.

    A record that reaches more than a year beyond the series is refused; within that year the last value is kept.
    """
    years, values = read_series(path)
    wanted = decimal_year(axis.start)
    if wanted[0] < years[0] - 1.0 or wanted[-1] > years[-1] + 1.0:
        raise ForcingError(f"the series covers {years[0]:.1f}-{years[-1]:.1f}, "
                           f"the record {wanted[0]:.1f}-{wanted[-1]:.1f}", file=Path(path),
                           variable="carbon_dioxide", time=axis.start[0],
                           remedy="give a series that covers the record")
    return np.interp(wanted, years, values)
