"""The table of what is left to gain: default and fitted model beside regressions in the tower and the random error."""

from typing import Any

import numpy as np

SCALES = {"step": "half-hourly", "day": "daily", "month": "monthly"}
KINDS = ("before", "beside")
Ceilings = dict[str, dict[str, dict[str, float]]]
TEXT = (
    "A flexible regression (boosted trees; for monthly means a forest of small trees) learns each flux at the tower itself "
    "from the weather of the moment and of the 1 to 90 days before, leaf area where it is given, day and hour, and is judged "
    "on the same values. \"Years before\" learns from the years of calibration alone, as the fit does; \"weeks beside\" also "
    "from every second week (month) of what was left out. The random error is the root mean square over the judged half hours "
    "of that of rows with like weather (FLUXNET2015), which still holds some real variation; for production it is that of net "
    "exchange, widened by a tenth of the flux. Falls are medians over sites of the fall of the RMSE against the default model. "
    "Neither regression is a bound: what one reaches the data allow, and perhaps more.",
)


def falls(sites: dict[str, dict[str, Any]], ceilings: Ceilings, flux: str, scale: str) -> dict[str, np.ndarray]:
    """Fall of the RMSE (percent) against the default at each site: fitted, both regressions, random error (half hours)."""
    found: dict[str, list[float]] = {}
    key = f"rmse_{scale}"
    for site, one in sites.items():
        entry, top = one["scores"].get(flux, {}), ceilings.get(site, {}).get(flux, {})
        if f"{key}_default" not in entry or f"{key}_before" not in top:
            continue
        reached = {"fitted": entry[f"{key}_fitted"], **{kind: top[f"{key}_{kind}"] for kind in KINDS}}
        if scale == "step":
            reached["random_error"] = top["random_error"]
        for name, value in reached.items():
            found.setdefault(name, []).append(100.0 * (1.0 - value / entry[f"{key}_default"]))
    return {name: np.array(values) for name, values in found.items()}


def ceiling_rows(sites: dict[str, dict[str, Any]], ceilings: Ceilings) -> list[list[str]]:
    """Rows of the table: flux, scale, sites, median falls, sites where the fitted model is the better of the two."""
    rows = []
    for flux in ("GPP", "NEE", "LE", "H"):
        for scale, label in SCALES.items():
            found = falls(sites, ceilings, flux, scale)
            if not found:
                continue
            cells = [f"{np.median(found[name]):.1f}" if name in found else "–"
                     for name in ("fitted", "before", "beside", "random_error")]
            rows.append([flux, label, str(found["fitted"].size), *cells, str(int((found["fitted"] > found["before"]).sum()))])
    return rows


HEADER = ["flux", "scale", "sites", "fall %, fitted", "regression, years before", "regression, weeks beside", "random error",
          "sites where the fit beats years before"]
