"""Small made-up products: arrays and files for tests of arithmetic, no claim on any real place."""

import netCDF4
import numpy as np
import pytest

from terraflux.evaluation.comparison.fields import fields_of


def made_up_fields(name="ours", variable="gpp", years=(2001, 2003), rows=6, columns=8, cell=1.0, south=30.0, west=100.0, seed=0,
                   monthly=True, trend=0.0, **more):
    """A made-up product: seasons, a gradient from south to north, weather and a trend (unit per year)."""
    generator = np.random.default_rng(seed)
    unit = "M" if monthly else "Y"
    time = np.arange(f"{years[0]}-01" if monthly else f"{years[0]}", f"{years[1] + 1}-01" if monthly else f"{years[1] + 1}",
                     dtype=f"datetime64[{unit}]")
    latitude = south + cell * (np.arange(rows) + 0.5)
    longitude = west + cell * (np.arange(columns) + 0.5)
    month = time.astype(int) % 12 if monthly else np.zeros(time.size)
    season = 1.0 - np.cos(2.0 * np.pi * month / 12.0) if monthly else np.ones(time.size)
    level = 2.0 + 0.2 * (latitude - south)[:, None] + 0.1 * np.arange(columns)
    weather = generator.normal(0.0, 0.1, (time.size, 1, 1)) + generator.normal(0.0, 0.05, (time.size, rows, columns))
    year = time.astype("datetime64[Y]").astype(float)
    values = level * (0.5 + season[:, None, None]) + weather + trend * (year - year[0])[:, None, None]
    return fields_of(name, variable, values, time, latitude, longitude, **more)


@pytest.fixture
def make_fields():
    """Maker of made-up products."""
    return made_up_fields


def written_product(path, values, time, latitude, longitude, *, units="kg m-2 s-1", time_units="days since 2001-01-01",
                    calendar="standard", name="gpp", bounds=None, dtype="f4", extra=None, attributes=None, title=""):
    """A made-up netCDF file of one variable; `extra` are further variables {name: (values, dims, attributes)}."""
    with netCDF4.Dataset(path, "w") as file:
        file.title = title
        for dim, size in (("time", len(time)), ("lat", len(latitude)), ("lon", len(longitude)), ("nv", 2)):
            file.createDimension(dim, size)
        axis = file.createVariable("time", "f8", ("time",))
        axis.units, axis.calendar = time_units, calendar
        axis[:] = time
        if bounds is not None:
            axis.bounds = "time_bnds"
            file.createVariable("time_bnds", "f8", ("time", "nv"))[:] = bounds
        for key, centres, unit in (("lat", latitude, "degrees_north"), ("lon", longitude, "degrees_east")):
            coordinate = file.createVariable(key, "f8", (key,))
            coordinate.units = unit
            coordinate[:] = centres
        facts = dict(attributes or {})
        variable = file.createVariable(name, dtype, ("time", "lat", "lon"), fill_value=facts.pop("_FillValue", None))
        variable.set_auto_maskandscale(False)
        if units:
            variable.units = units
        variable.setncatts(facts)
        variable[:] = values
        for key, (array, dims, more) in (extra or {}).items():
            other = file.createVariable(key, np.asarray(array).dtype, dims)
            other.set_auto_maskandscale(False)
            other.setncatts(more)
            other[:] = array
    return path


@pytest.fixture
def write_product():
    """Writer of made-up netCDF files."""
    return written_product
