"""MODIS subsets around towers against the towers' fluxes, where the folder of real data holds them."""

from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.safe_files import read_table
from terraflux.evaluation.comparison.points import compare_at_tower, read_modis_points

SITES = {"US-Bi1": "LE_F_MDS", "US-Hn1": "LE"}
"""Towers with subsets, and their column of latent heat (W m-2)."""
HALF_HOUR = 1800.0  # s
SCORES = ("bias", "rmse", "r")


def modis_at_towers(data: Path) -> list[dict[str, Any]]:
    """Rows of MOD16A2GF evapotranspiration in the 3 x 3 pixels around towers against their latent heat; [] without data."""
    rows = []
    for site, column in SITES.items():
        folder = data / "towers" / site
        subset, fluxes = folder / "modis_MOD16A2GF_ET_500m.csv", folder / f"{site}-fluxes.csv"
        if not (subset.is_file() and fluxes.is_file()):
            continue
        points = read_modis_points(subset, "et", profile_name="mod16a2", sample="mean3x3")
        table = read_table(fluxes, columns=[column], text_columns=("TIMESTAMP_END",))
        end = table["TIMESTAMP_END"].to_numpy(dtype=str).astype("datetime64[s]")
        heat = table[column].to_numpy(dtype=float)
        start = end - np.timedelta64(int(HALF_HOUR), "s")
        found = compare_at_tower(points, start, np.where(heat > -9000.0, heat, np.nan), "W m-2", HALF_HOUR)
        rows.append({"site": site, "product": "MOD16A2GF, 3 x 3 pixels", "unit": found.unit, "periods": len(found),
                     "mean": float(found.product.mean()), "tower_mean": float(found.tower.mean()),
                     **{name: float(found.scores[name]) for name in SCORES}})
    return rows
