"""Made-up products for the national example: a coarse run with other parameters, seen through noise, gaps and other layouts.

Nothing here is MODIS or MTE. The files have the layout of such products (months of carbon and latent heat; composites of eight
days in scaled integers with quality bits), so that the readers and the comparison do what they do with real ones; title and
names say that they are synthetic.
"""

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.drivers.safe_write import replacing
from terraflux.region.results import open_results
from terraflux.region_fields import placed_on_grid

Floats = NDArray[np.float64]
LABEL = "SYNTHETIC product: a run with other parameters, noise and gaps; no observation and no real place"
DAY = 86400.0
CELL_NOISE, STEP_NOISE = 0.12, 0.06  # log spread of what a cell always has too much, and of single months
BARREN = 60.0  # g m-2 yr-1 below which such products give no value
CLOUDY, LOST = 0.2, 0.02  # share of composites under clouds, and of these without any value
CLOUD_BITS, CLEAR_BITS, LOST_BITS = 0b00001001, 0b00000000, 0b10011001
GAP, SCALE = 32761, 1e-4  # stored value of barren land in the layout, kg of carbon per stored unit


def write_products(run: Path, folder: Path, seed: int) -> list[Path]:
    """Write products of the coarse `run`: months of production and latent heat, and composites of production."""
    random = np.random.default_rng([seed, 8])
    results = open_results(run)
    months = results.edges("monthly")
    carbon = results.values("monthly", "gross_primary_production")[:, 0].astype(float)
    heat = results.values("monthly", "latent_heat")[:, 0].astype(float)
    bias = np.exp(random.normal(0.0, CELL_NOISE, (2, carbon.shape[1])))
    green = carbon.mean(axis=0) * DAY * 365.25 >= BARREN
    made = []
    for name, values, factor, unit, long_name, kept in (
            ("EnsembleGPP_MR", carbon * bias[0], 1e-3, "kg m-2 s-1", "gross primary production", green),
            ("EnsembleLEcor", heat * bias[1], 1.0, "W m-2", "latent heat flux", green)):
        noisy = np.where(kept, values * np.exp(random.normal(0.0, STEP_NOISE, values.shape)) * factor, np.nan)
        path = folder / f"synthetic_monthly_{'gpp' if factor < 1.0 else 'le'}.nc"
        latitude, longitude, grid = placed_on_grid(results, noisy)
        _write(path, latitude, longitude, months[:-1], months[1:], {
            name: (grid, "f4", {"units": unit, "long_name": long_name})})
        made.append(path)
    made.append(_composites(folder / "synthetic_8day_gpp.nc", results, bias[0], green, random))
    return made


def composite_edges(first: int, last: int) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """First days of composites of eight days, which begin anew on 1 January, and the days after their last.

    >>> composite_edges(2001, 2001)[1][-2:].tolist()
    [datetime.date(2001, 12, 27), datetime.date(2002, 1, 1)]
    """
    new_years = [np.datetime64(f"{year}-01-01") for year in range(first, last + 2)]
    start = np.concatenate([np.arange(begin, after, np.timedelta64(8, "D")) for begin, after in pairwise(new_years)])
    turn = (start.astype("datetime64[Y]") + 1).astype("datetime64[D]")
    return start, np.minimum(start + 8, turn)


def _composites(path: Path, results: Any, bias: Floats, green: NDArray[np.bool_], random: np.random.Generator) -> Path:
    """The last years of daily production as scaled integers with quality bits, some under clouds or lost."""
    days = results.edges("daily")
    years = days.astype("datetime64[Y]").astype(int) + 1970
    first, last = int(years[0]), int(years[-2])
    start, end = composite_edges(max(first, last - (last - first) // 3), last)
    stored = np.full((start.size, bias.size), GAP, dtype=np.int16)
    quality = np.full(stored.shape, LOST_BITS, dtype=np.uint8)
    for place, (begin, after) in enumerate(zip(start, end)):
        low, high = int((begin - days[0]).astype(int)), int((after - days[0]).astype(int))
        daily = results.values("daily", "gross_primary_production", low, high)[:, 0].astype(float)
        amount = daily.sum(axis=0) * DAY * 1e-3 * bias * np.exp(random.normal(0.0, 2.0 * STEP_NOISE, bias.size))
        cloudy = random.random(bias.size) < CLOUDY
        lost = ~green | (cloudy & (random.random(bias.size) < LOST))
        stored[place] = np.where(lost, GAP, np.clip(np.round(np.maximum(amount, 0.0) / SCALE), 0, 30000))
        quality[place] = np.where(lost, LOST_BITS, np.where(cloudy, CLOUD_BITS, CLEAR_BITS))
    latitude, longitude, values = placed_on_grid(results, stored, GAP)
    bits = placed_on_grid(results, quality, LOST_BITS)[2]
    return _write(path, latitude, longitude, start, end, {
        "Gpp_500m": (values, "i2", {"units": "kg m-2", "long_name": "gross primary production of a composite, scaled by 1e-4",
                                    "valid_range": np.array([0, 30000], dtype=np.int16)}),
        "Psn_QC_500m": (bits, "u1", {"units": "1", "long_name": "quality bits in the layout of MOD17A2H"})})


def _write(path: Path, latitude: Floats, longitude: Floats, start: NDArray[np.datetime64], end: NDArray[np.datetime64],
           variables: dict[str, tuple[NDArray[Any], str, dict[str, Any]]]) -> Path:
    """A file of monthly or composite fields [time, lat, lon]; stamps are first days."""
    from netCDF4 import Dataset

    epoch = np.datetime64("1970-01-01")
    edges = np.stack([(one - epoch).astype(float) for one in (start, end)], axis=1)
    with replacing(path) as draft, Dataset(draft, "w") as file:
        file.setncatts({"Conventions": "CF-1.8", "title": LABEL, "source": "terraflux", "synthetic": np.int32(1),
                         "history": "made by terraflux region example"})
        for name, size in (("time", None), ("lat", latitude.size), ("lon", longitude.size), ("bnds", 2)):
            file.createDimension(name, size)
        for name, standard, unit, values in (("time", "time", "days since 1970-01-01", edges[:, 0]),
                                             ("lat", "latitude", "degrees_north", latitude),
                                             ("lon", "longitude", "degrees_east", longitude)):
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts({"standard_name": standard, "units": unit, "axis": {"time": "T", "lat": "Y", "lon": "X"}[name]}
                           | ({"calendar": "standard", "bounds": "time_bnds"} if name == "time" else {}))
            axis[:] = values
        file.createVariable("time_bnds", "f8", ("time", "bnds"))[:] = edges
        for name, (grid, kind, attributes) in variables.items():
            fill: Any = {"f4": np.float32(1e20), "i2": np.int16(32767), "u1": np.uint8(255)}[kind]
            one = file.createVariable(name, kind, ("time", "lat", "lon"), fill_value=fill, zlib=True)
            one.set_auto_scale(False)
            one.setncatts(attributes)
            one[:] = np.where(np.isnan(grid), fill, grid) if kind == "f4" else grid
    return path
