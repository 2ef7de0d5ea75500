"""The table of docs/region/synthetic-nation.md: means of the nation are those printed, and within the published ranges."""

import re

import numpy as np
import pytest

from terraflux.drivers.synthetic_nation import SyntheticNation
from terraflux.model.sky_longwave import CLEAR_TRANSMISSION, CLEAR_TRANSMISSION_PER_METRE, cloud_cover
from terraflux.model.solar import extraterrestrial_radiation

DAY = 86400.0
YEARS = range(1979, 2013)


@pytest.fixture(scope="module")
def nation():
    return SyntheticNation(2.0, seed=1)


@pytest.fixture(scope="module")
def years(nation):
    """{variable: [year, cell]} means of the years."""
    means = np.stack([nation.daily(f"{year}-01-01", f"{year}-12-31").mean(axis=0) for year in YEARS])
    return {name: means[:, row] for row, name in enumerate(nation.variables)}


@pytest.fixture(scope="module")
def found(nation, years):
    """{quantity: value}, with the names and units of the table."""
    cells = nation.cells
    land = cells.area * cells.land_fraction
    normal = {name: values.mean(axis=0) for name, values in years.items()}
    sun = normal["shortwave_down"]
    plateau = (cells.elevation > 3000.0) & (cells.longitude < 103.0) & (np.abs(cells.latitude - 33.0) < 6.0)
    subtropical = (cells.latitude > 23.0) & (cells.latitude < 32.0) & (cells.climate.aridity < 0.3)
    share = dict(zip(nation.plant_types, 100.0 * np.average(cells.plant_share, axis=1, weights=land), strict=True))

    def mean(values, where=slice(None)):
        return float(np.average(values[where], weights=land[where]))

    def leaves(plant):
        return mean(nation.leaf_area(plant, "1996-01-01", "1996-12-31").mean(axis=0), subtropical)
    return {
        "sunlight, W m-2": mean(sun),
        "sunlight on the plateau, W m-2": mean(sun, plateau),
        "sunlight of the dullest cell, W m-2": float(sun.min()),
        "sunlight of the brightest cell, W m-2": float(sun.max()),
        "cloud cover of the dullest cell, %": 100.0 * cover_of(nation, int(sun.argmin())),
        "precipitation, mm yr-1": mean(normal["precipitation"]) * DAY * 365.25,
        "air temperature, °C": mean(normal["air_temperature"]),
        "forest, %": sum(share[plant] for plant in ("ENF", "EBF", "DNF", "DBF", "MF")),
        "grass, with alpine, %": share["GRA"] + share["GRA_alpine"],
        "crops, %": share["CRO"],
        "bare or sparse, %": share["BSV"],
        "leaf area of subtropical forest": leaves("EBF"),
        "leaf area": mean(normal["prescribed_leaf_area_index"]),
    }


def cover_of(nation, cell):
    """Mean share of the sky of a cell that clouds cover in 1995 and 1996, from its sunlight."""
    cells = nation.cells
    light = nation.daily("1995-01-01", "1996-12-31", [cell])[:, nation.variables.index("shortwave_down"), 0]
    days = np.arange(np.datetime64("1995-01-01"), np.datetime64("1997-01-01")).astype("datetime64[ms]")
    outside = extraterrestrial_radiation(days, DAY, cells.latitude[cell], cells.longitude[cell], cells.longitude[cell] / 15.0)
    clear = (CLEAR_TRANSMISSION + CLEAR_TRANSMISSION_PER_METRE * cells.elevation[cell]) * (1.0 - cells.climate.haze[cell])
    return float(cloud_cover(1.0 - light / (clear * outside)).mean())


@pytest.fixture(scope="module")
def rows(repository):
    """[(quantity, the nation's value as printed, least and greatest published value)] of the page."""
    page = (repository / "docs" / "region" / "synthetic-nation.md").read_text(encoding="utf-8")
    table = page[page.index("## Beside published figures"):].split("\n\n")[2]
    cells = [[one.strip() for one in line.strip("|").split("|")] for line in table.splitlines()[2:]]
    return [(name, printed, *map(float, published.split("–"))) for name, printed, published, _ in cells]


def test_the_page_prints_what_the_nation_has(found, rows):
    assert [name for name, *_ in rows] == list(found)
    for name, printed, *_ in rows:
        assert re.fullmatch(r"\d+(\.\d+)?", printed)
        digits = len(printed.partition(".")[2])
        assert f"{found[name]:.{digits}f}" == printed, name


def test_the_nation_lies_within_published_ranges(found, rows):
    for name, _, low, high in rows:
        assert low <= found[name] <= high, name


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_other_seeds_are_nations_of_the_same_kind(seed):
    """Sunlight of a year and land cover stay near those of the first seed, as patches of rain and forest move."""
    nation = SyntheticNation(2.0, seed=seed)
    land = nation.cells.area * nation.cells.land_fraction
    light = nation.daily("1996-01-01", "1996-12-31")[:, nation.variables.index("shortwave_down")].mean(axis=0)
    assert 160.0 < np.average(light, weights=land) < 185.0
    share = np.average(nation.cells.plant_share, axis=1, weights=land)
    assert 0.18 < share[:5].sum() < 0.32 and 0.15 < share[-1] < 0.30 and 0.08 < share[-2] < 0.20


def test_land_cover_does_not_depend_on_resolution():
    shares = []
    for resolution in (0.5, 2.0):
        nation = SyntheticNation(resolution)
        shares.append(np.average(nation.cells.plant_share, axis=1, weights=nation.cells.area * nation.cells.land_fraction))
    assert np.abs(np.subtract(*shares)).max() < 0.02


def test_moist_places_and_basins_have_more_clouds(nation, years):
    """Share of extraterrestrial light lost rises with rain; the dullest cell lies in the moist basin, not in the dry ones."""
    cells = nation.cells
    days = np.arange(np.datetime64("1996-01-01"), np.datetime64("1997-01-01"))[:, None].astype("datetime64[ms]")
    outside = extraterrestrial_radiation(days, DAY, cells.latitude, cells.longitude, cells.longitude / 15.0).mean(axis=0)
    lost = 1.0 - years["shortwave_down"][17] / outside
    low = cells.elevation < 1500.0
    assert np.corrcoef(lost[low], np.log(cells.climate.annual_precipitation[low]))[0, 1] > 0.8
    dullest = int(lost.argmax())
    assert abs(cells.longitude[dullest] - 105.3) < 2.5 and abs(cells.latitude[dullest] - 30.3) < 2.5


def test_summers_are_brighter_than_winters_also_under_the_monsoon(nation):
    """Stratus of winter and showers of summer: rain peaks in summer and would leave the moist south as bright in winter."""
    light = nation.daily("1990-01-01", "1995-12-31")[:, nation.variables.index("shortwave_down")]
    months = np.arange(np.datetime64("1990-01-01"), np.datetime64("1996-01-01")).astype("datetime64[M]").astype(int) % 12 + 1
    summer, winter = (light[np.isin(months, which)].mean(axis=0) for which in ((6, 7, 8), (12, 1, 2)))
    assert (summer > 1.2 * winter).all()
    south = (nation.cells.latitude < 32.0) & (nation.cells.climate.aridity < 0.25)
    assert 1.3 < np.mean(summer[south] / winter[south]) < 2.2
