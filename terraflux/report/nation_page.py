"""Tables and words of the national example, from the facts its stages left; all of it is synthetic but the points at towers."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from terraflux.report.comparison_page import number

Stages = Mapping[str, Mapping[str, Any]]
Table = tuple[str, str, list[str], list[list[str]]]
FLUXES = {"gpp": "Gross primary production", "et": "Evapotranspiration"}
PUBLISHED = {"gpp": "4.32 Pg yr-1", "et": "351 mm yr-1"}
"""Published for China, 1979-2012, by a model calibrated at towers: context for the size of numbers."""
TREND = ("trend", "trend_lower", "trend_upper", "p", "p_plain", "rho")
TREND_HEAD = ["trend", "from", "to", "p", "p, plain", "rho"]


def facts_of(stages: Stages, name: str) -> Mapping[str, Any]:
    """Facts of a finished stage, {} where it was not asked for."""
    one = stages.get(name, {})
    return dict(one.get("facts", {})) if one.get("done") else {}


def tables(choices: Mapping[str, Any], stages: Stages, regional: Mapping[str, Sequence[Mapping[str, Any]]],
           agreement: Mapping[str, Sequence[Mapping[str, Any]]], effects: Mapping[str, Sequence[Mapping[str, Any]]]
           ) -> list[Table]:
    """(heading, lead, head, rows) of every table; `regional`, `agreement` and `effects` hold rows of comparisons by flux."""
    made = [national(choices, stages)]
    for short, rows in regional.items():
        made.append(_regional(short, rows))
    made += [table for short, rows in agreement.items() if (table := _agreement(short, rows))]
    made += [table for short, rows in effects.items() if (table := _effects(short, rows))]
    made += [table for table in (_members(stages), _resolution(choices, stages), _points(stages)) if table]
    made.append(timings(stages))
    return made


def national(choices: Mapping[str, Any], stages: Stages) -> Table:
    """Totals and trends of the whole nation, beside what is published for a real country."""
    facts = facts_of(stages, "run nation")
    lead = (f"{facts['land_km2'] * 1e-6:.2f} million km2 of land. Trends per year (Theil-Sen, 95 %); p allows for serial "
            "correlation, the plain one does not. The last column is what was published for China, 1979-2012: context for the "
            "size of numbers, of another country and other weather. Nothing is tuned to it.")
    if facts.get("masked_cells"):
        lead += (f" {facts['masked_cells']} of {facts['cells']} cells ({100.0 * facts['masked_share']:.2g} % of the land) left "
                 "the bounds of the column and are in no number here; `terraflux region status runs/nation` names them.")
    return ("The nation", lead, ["", "unit", "mean", *TREND_HEAD, "published for China"],
            [[FLUXES[short], facts[short]["unit"], number(facts[short]["mean"]), *_trend(facts[short]), PUBLISHED[short]]
             for short in FLUXES])


def _trend(given: Mapping[str, Any]) -> list[str]:
    return [number(given.get(name, np.nan)) for name in ("trend", "lower", "upper", "p", "p_plain", "rho")]


def _regional(short: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    first = rows[0]
    return (f"{FLUXES[short]} by region", f"Means in {first['mean_unit']}, totals in {first['total_unit']}, trends of means "
            "per year. Regions are outlines laid over the invented country.",
            ["region", "area (1000 km2)", "mean", "total", *TREND_HEAD],
            [[_name(row), number(row["area_km2"] * 1e-3), number(_float(row["mean"])), number(_float(row["total"])),
              *(number(_float(row[name])) for name in TREND)] for row in rows])


def _agreement(short: str, rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """Agreement with made-up products."""
    if not rows:
        return None
    keys = (("mean", "mean"), ("reference_mean", "of product"), ("cell_bias", "bias"), ("cell_rmse", "RMSE"),
            ("cell_correlation", "r of cells"), ("pattern_correlation", "r of pattern"), ("ilamb_overall", "ILAMB overall"))
    return (f"{FLUXES[short.partition('_')[0]]} beside a made-up product ({_layout(short)})",
            f"In {rows[0]['unit']}. The product is a coarse run with other parameters, noise and gaps: no MODIS and no MTE.",
            ["region", "cells", *(title for _, title in keys)],
            [[_name(row), str(row["cells"]), *(number(_float(row[key])) for key, _ in keys)] for row in rows])


def _effects(short: str, rows: Sequence[Mapping[str, Any]]) -> Table | None:
    """What makes the trends."""
    if not rows:
        return None
    return (f"What makes the trend of {FLUXES[short].lower()}", f"In {rows[0]['unit']}: trend with all factors varying minus "
            "trend with all but one; closure is what they do together. Held climate and leaf area repeat their first ten "
            "years, held carbon dioxide its first year.", ["region", "factor", "effect", "share of trend", "p", "p, plain"],
            [[_name(row), str(row["factor"]), *(number(_float(row[key])) for key in ("effect", "share", "p", "p_plain"))]
             for row in rows])


def _members(stages: Stages) -> Table | None:
    """Spread of the posterior."""
    members = facts_of(stages, "ensemble").get("members", [])
    if not members:
        return None
    rows = []
    for short, title in FLUXES.items():
        values = np.array([one[short]["mean"] for one in members])
        slopes = np.array([one[short].get("trend", np.nan) for one in members])
        rows.append([title, members[0][short]["unit"], *(number(float(one)) for one in (
            np.median(values), values.min(), values.max(), np.median(slopes), slopes.min(), slopes.max()))])
    return (f"Spread of the posterior: {len(members)} members", "National means and trends of coarse runs, each with one draw "
            "of the parameters of plant types at sites not yet seen.",
            ["", "unit", "median", "least", "most", "trend", "least", "most"], rows)


def _resolution(choices: Mapping[str, Any], stages: Stages) -> Table | None:
    """The same country, coarse and fine, and with default parameters."""
    rows = []
    for name, words, size in (("run nation", "calibrated parameters", "resolution"),
                              ("run co2+climate+lai", "calibrated parameters", "coarse"),
                              ("run other", "default parameters", "coarse")):
        facts = facts_of(stages, name)
        if facts:
            rows.append([f"{words}, {choices[size]:g} degrees", str(facts["cells"]), number(facts["land_km2"] * 1e-6),
                         *(number(facts[short]["mean"]) for short in FLUXES)])
    return ("Resolution and parameters", "The weather of a coarse cell is that of its centre, not the mean of the fine cells.",
            ["run", "cells", "land (million km2)", "production (Pg yr-1)", "evapotranspiration (mm yr-1)"], rows)


def _points(stages: Stages) -> Table | None:
    """MODIS at real towers."""
    rows = facts_of(stages, "towers").get("points", [])
    if not rows:
        return None
    keys = ("mean", "tower_mean", "bias", "rmse", "r")
    return ("MODIS at real towers", "Real data, which have nothing to do with the invented country: MOD16A2GF "
            f"evapotranspiration in the pixels around towers against their latent heat, in {rows[0]['unit']}.",
            ["tower", "product", "composites", "mean", "tower's mean", "bias", "RMSE", "r"],
            [[row["site"], row["product"], str(row["periods"]), *(number(row[key]) for key in keys)] for row in rows])


def timings(stages: Stages) -> Table:
    """What the stages took."""
    rows = []
    for name, one in stages.items():
        work = one["facts"].get("cell_years")
        rows.append([name, number(one["seconds"]), number(one["cpu_seconds"]), str(one["attempts"]), str(work or ""),
                     number(100.0 * one["facts"]["waited_share"]) if work else ""])
    rows.append(["all", *(number(sum(one[key] for one in stages.values())) for key in ("seconds", "cpu_seconds")), "", "", ""])
    return ("Time", "Seconds over all attempts, compilation and other work of the machine included. Runs also go through their "
            "spin-up, which cell-years leave out.",
            ["stage", "seconds", "CPU seconds", "attempts", "cell-years", "% waiting for reading and writing"], rows)


def method(choices: Mapping[str, Any], stages: Stages) -> list[str]:
    """How it was done, in sentences."""
    parameters = facts_of(stages, "parameters")
    told = [f"Country and weather: the synthetic nation of seed {choices['seed']} at {choices['resolution']:g} degrees, daily; "
            "hourly physics with light and rain spread over the day.",
            "Parameters: medians of what calibrated towers say of a site not yet seen, for "
            f"{', '.join(parameters['calibrated'])} ({100.0 * parameters['calibrated_share']:.0f} % of the land); the "
            "parameter table for others.",
            f"Spin-up: {choices['spin_up_years']} years recycled, once for heat and water, then twice with carbon pools solved "
            "from the cycle before.",
            "Maps of trends: dots where significant with the false-discovery rate under control (Benjamini and Hochberg; Wilks "
            "2016).",
            "Totals: value times area of land, in order; they do not depend on tiles, threads or interruptions."]
    if choices["every"] > 1:
        told.insert(0, f"A trial: only one cell in {choices['every']} was run; totals are those of these cells.")
    return told


def _layout(name: str) -> str:
    return "layout of eight-day composites" if name.endswith("8day") else "layout of monthly upscaled fields"


def _name(row: Mapping[str, Any]) -> str:
    return "The nation" if row["region"] == "all" else str(row["region"])


def _float(value: Any) -> float:
    return np.nan if value is None else float(value)
