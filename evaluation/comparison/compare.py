"""A whole comparison: tables of regions, agreement, trends and scores of products of one quantity, ready to be written.

    found = compare([ours, modis, mte], regions_of_china(), boundary, reference="MTE")
    found.regional, found.agreement, found.trend_pairs, found.maps["ours"].bias

Every product is told on its own cells and years first ("own"), then all of them on common ground ("common"), where alone
they may be set against each other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.evaluation.comparison.agreement import AgreementMaps, agreement_maps, pattern, taylor, weighted_mean
from terraflux.evaluation.comparison.common import bring_together, coarsest, masked
from terraflux.evaluation.comparison.factorial import factorial_rows
from terraflux.evaluation.comparison.fields import Fields, annual_amounts, synthetic_note, yearly
from terraflux.evaluation.comparison.ilamb_maps import IlambScores, ilamb_scores
from terraflux.evaluation.comparison.polygons import Shape
from terraflux.evaluation.comparison.published import published_bands
from terraflux.evaluation.comparison.quantities import Quantity
from terraflux.evaluation.comparison.regions import WHOLE, region_shares
from terraflux.evaluation.comparison.totals import RegionSeries, region_series, zonal_means
from terraflux.evaluation.trends.false_discovery import significant
from terraflux.evaluation.trends.interannual import regional_contributions
from terraflux.evaluation.trends.trend import LEAST_YEARS, Trend, interval_overlap, trend, trend_difference, trend_map

Floats = NDArray[np.float64]
Row = dict[str, Any]
LEAST_IAV_YEARS = 10
OWN, COMMON = "own", "common"
AREA_OF = {"China": (9.0e6, 9.8e6), "Tibetan Plateau": (2.2e6, 2.9e6)}
"""Area (km2) that a region must have to be set beside published numbers."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Products and what was found of them; rows of tables are dictionaries of plain values, NaN where undefined.

    `series[ground][product][region]` are yearly values; maps, trends and significance are on common ground. `whole` names
    the region "all": the boundary where one is given.
    """

    quantity: Quantity
    reference: str
    method: str
    confidence: float
    products: tuple[Fields, ...]
    common: tuple[Fields, ...]
    shares: Mapping[str, Floats]
    series: Mapping[str, Mapping[str, Mapping[str, RegionSeries]]]
    regional: tuple[Row, ...]
    agreement: tuple[Row, ...]
    trend_pairs: tuple[Row, ...]
    contributions: tuple[Row, ...]
    attribution: tuple[Row, ...]
    scores: Mapping[str, IlambScores]
    maps: Mapping[str, AgreementMaps]
    trends: Mapping[str, Trend]
    significance: Mapping[str, NDArray[np.bool_]]
    zonal: Mapping[str, Floats]
    boundary: Shape | None
    regions: tuple[Shape, ...]
    notes: tuple[str, ...]


def compare(products: Sequence[Fields], regions: Sequence[Shape] = (), boundary: Shape | None = None, *, reference: str = "",
            method: str = "sphere", confidence: float = 0.95, alpha: float = 0.05, least_years: int = LEAST_YEARS,
            whole_series: bool = True, exclusive: bool = True, factorial: bool = False,
            progress: Callable[[str], None] | None = None) -> Comparison:
    """Compare products of one quantity; `reference` is the name of the one the others are held against (the last).

    `method` of cell areas is "sphere" or "wgs84". With `factorial` the products are runs named by the factors that vary
    (co2+climate, ..., none), and their effects are told too. One product alone gets its tables and trends. Raises
    ValueError for an unknown reference, different quantities, or nothing in common.
    """
    tell = progress or (lambda step: None)
    if not products:
        raise ValueError("there is no product")
    chosen = reference or products[-1].name
    if chosen not in [one.name for one in products]:
        raise ValueError(f"the reference {chosen!r} is none of {', '.join(one.name for one in products)}")
    tell("common grid, period and mask")
    common = bring_together(products, whole_series=whole_series) if len(products) > 1 else list(products)
    tell("regions")
    shares = region_shares(regions, common[0].latitude_edges, common[0].longitude_edges, boundary, exclusive)
    regions = [one for one in regions if (shares[one.name] > 0.0).any()]
    shares = {name: shares[name] for name in (WHOLE, *(one.name for one in regions))}
    if boundary is not None:
        if not (shares[WHOLE] > 0.0).any():
            raise ValueError(f"the boundary ({boundary.name}) holds no cell of the products")
        placed = common
        common = [masked(one, shares[WHOLE] > 0.0) for one in placed]
        products = [after if before is own else own for own, before, after in zip(products, placed, common)]
    series: dict[str, dict[str, Mapping[str, RegionSeries]]] = {OWN: {}, COMMON: {}}
    notes = [note for note in (synthetic_note(products),) if note]
    for own, shared in zip(products, common):
        notes += [f"{own.name}: {note}" for note in own.notes]
        own_shares = (shares if own is shared else
                      region_shares(regions, own.latitude_edges, own.longitude_edges, boundary, exclusive))
        for ground, fields, parts in ((OWN, own, own_shares), (COMMON, shared, shares)):
            try:
                series[ground][own.name] = region_series(fields, parts, method)
            except ValueError as trouble:
                notes.append(f"{own.name} ({ground}): no yearly numbers, {trouble}")
    tell("trends of regions")
    invented = {one.name: one.synthetic for one in products}
    grounds = (OWN, COMMON) if len(products) > 1 else (OWN,)
    regional = [regional_row(name, ground, one, products[0].quantity, confidence, least_years, invented[name])
                for ground in grounds for name, found in series[ground].items() for one in found.values()]
    tell("agreement")
    maps, scores = {}, {}
    against = next(one for one in common if one.name == chosen)
    for one in common:
        if one is against:
            continue
        maps[one.name] = agreement_maps(one, against)
        if one.monthly:
            try:
                scores[one.name] = ilamb_scores(one, against, shares)
            except ValueError as trouble:
                notes.append(f"{one.name}: no ILAMB scores, {trouble}")
    rows = [row for name, found in maps.items() for row in agreement_rows(name, chosen, found, common, shares, scores, method)]
    tell("trends of cells")
    trends, significance = {}, {}
    for one in common:
        if yearly_count(one) >= least_years:
            years = yearly(one)
            trends[one.name] = trend_map(annual_amounts(one), years.time.astype(np.int64) + 1970, confidence, least_years)
            significance[one.name] = significant(trends[one.name].p, alpha)
    if not trends:
        notes.append(f"Trends need {least_years} years in common; there are fewer.")
    pairs = trend_pair_rows(series[COMMON], chosen, confidence, least_years)
    contributions = contribution_rows(series[COMMON])
    attribution = factorial_rows(series[COMMON], confidence) if factorial else []
    zonal = {one.name: zonal_means(one, shares[WHOLE], method) for one in common if yearly_count(one)}
    return Comparison(
        products[0].quantity, chosen, method, confidence, tuple(products), tuple(common), shares, series, tuple(regional),
        tuple(rows), tuple(pairs), tuple(contributions), tuple(attribution), scores, maps, trends, significance, zonal,
        boundary, tuple(regions), tuple(dict.fromkeys(notes)))


def yearly_count(fields: Fields) -> int:
    """Number of whole years."""
    if not fields.monthly:
        return int(fields.time.size)
    _, counts = np.unique(fields.time.astype("datetime64[Y]"), return_counts=True)
    return int((counts == 12).sum())


def regional_row(product: str, ground: str, found: RegionSeries, what: Quantity, confidence: float = 0.95,
                 least_years: int = LEAST_YEARS, synthetic: bool = False) -> Row:
    """One line of the table of regions: area, period, mean, total and trend with both p values.

    An invented product is not set beside published numbers.
    """
    mean = float(np.mean(found.mean))
    row: Row = {
        "product": product, "ground": ground, "region": found.region, "first_year": int(found.years[0]),
        "last_year": int(found.years[-1]), "years": int(found.years.size), "calendar": found.calendar,
        "area_km2": found.area * 1e-6, "coverage": found.coverage, "mean": mean, "mean_unit": found.unit,
        "deviation": float(np.std(found.mean, ddof=1)) if found.years.size > 1 else np.nan,
        "total": np.nan if found.total is None else float(np.mean(found.total)), "total_unit": found.total_unit}
    names = ("trend", "trend_lower", "trend_upper", "p", "p_plain", "rho")
    row |= dict.fromkeys(names, np.nan)
    if np.isfinite(found.mean).sum() >= least_years:
        line = trend(found.mean, found.years, confidence, least_years)
        row |= dict(zip(names, (float(part) for part in (line.slope, *line.interval, line.p, line.p_plain, line.rho))))
    row["trend_unit"] = f"{found.unit} yr-1"
    row["trend_percent"] = 100.0 * row["trend"] / mean if mean else np.nan
    row["total_trend"] = row["trend"] * row["total"] / mean if mean else np.nan
    row["published"] = "" if synthetic else published_place(what, found.region, row)
    return row


def published_place(what: Quantity, region: str, row: Row) -> str:
    """Where numbers of a row lie in published ranges, such as "total within 4-8 Pg yr-1"; "" where there are none.

    A region counts as that of the literature only where its land has about its size.
    """
    area = row["area_km2"] / row["coverage"] if row["coverage"] else np.nan
    name = "China" if region == WHOLE else region
    low, high = AREA_OF.get(name, (np.inf, -np.inf))
    bands = [band for band in published_bands() if band.quantity == what.name and band.region == name and low < area < high]
    told = [f"{band.measure} {band.place(row[band.measure])} {band.low:g}-{band.high:g} {band.unit}" for band in bands
            if band.place(row[band.measure])]
    return "; ".join(told)


def agreement_rows(name: str, reference: str, maps: AgreementMaps, common: Sequence[Fields], shares: Mapping[str, Floats],
                   scores: Mapping[str, IlambScores], method: str) -> list[Row]:
    """Lines of one product against the reference: maps averaged over regions, pattern, regional series, ILAMB's scores."""
    ours, theirs = (next(one for one in common if one.name == wanted) for wanted in (name, reference))
    rows = []
    for region, share in shares.items():
        there = np.isfinite(maps.bias)
        weight = np.where(there, theirs.area(method) * share, 0.0)
        if not weight.any():
            continue
        row: Row = {"product": name, "reference": reference, "region": region, "unit": theirs.unit,
                    "steps": int(theirs.time.size), "cells": int((weight > 0.0).sum()), "area_km2": float(weight.sum()) * 1e-6,
                    "mean": weighted_mean(maps.simulated_mean, weight),
                    "reference_mean": weighted_mean(maps.reference_mean, weight)}
        for key in ("bias", "rmse", "centred_rmse", "correlation", "deviation_ratio", "phase_shift"):
            row[f"cell_{key}"] = weighted_mean(getattr(maps, key), weight)
        row["cell_phase_shift_size"] = weighted_mean(np.abs(maps.phase_shift), weight)
        one, other = (np.array([weighted_mean(step.astype(float), weight) for step in part.values]) for part in (ours, theirs))
        for label, found in (("series", taylor(one, other, theirs.days)), ("pattern", pattern(maps, weight))):
            row |= {f"{label}_correlation": found.correlation, f"{label}_deviation_ratio": found.deviation_ratio,
                    f"{label}_centred_rmse": found.centred_rmse}
        told = scores[name].regions.get(region, {}) if name in scores else {}
        row |= {f"ilamb_{key}": told.get(key, np.nan) for key in ("bias", "rmse", "phase", "interannual", "spatial", "overall")}
        rows.append(row)
    return rows


def trend_pair_rows(series: Mapping[str, Mapping[str, RegionSeries]], reference: str, confidence: float,
                    least_years: int) -> list[Row]:
    """Lines on whether products differ in trend: overlap of the intervals, and the trend of their difference."""
    rows = []
    for name, found in series.items():
        if name == reference or reference not in series:
            continue
        for region, ours in found.items():
            theirs = series[reference][region]
            if np.isfinite(ours.mean).sum() < least_years or not np.array_equal(ours.years, theirs.years):
                continue
            one, other = (trend(part.mean, part.years, confidence, least_years) for part in (ours, theirs))
            apart = trend_difference(ours.mean, theirs.mean, ours.years, confidence, least_years)
            rows.append({"product": name, "reference": reference, "region": region, "unit": f"{ours.unit} yr-1",
                         "trend": float(one.slope), "reference_trend": float(other.slope),
                         "interval_overlap": interval_overlap(one, other), "difference": float(apart.slope),
                         "difference_lower": float(apart.lower), "difference_upper": float(apart.upper), "p": float(apart.p),
                         "p_plain": float(apart.p_plain)})
    return rows


def contribution_rows(series: Mapping[str, Mapping[str, RegionSeries]]) -> list[Row]:
    """Contribution of each region to the interannual variability of all regions together, for each product."""
    rows = []
    for name, found in series.items():
        parts = {region: one.mean * one.area for region, one in found.items() if region != WHOLE and one.area > 0.0}
        years = next(iter(found.values())).years
        if len(parts) < 2 or years.size < LEAST_IAV_YEARS:
            continue
        shares = regional_contributions(parts, years)
        area = sum(found[region].area for region in parts)
        rows += [{"product": name, "region": region, "share_of_variability": share, "share_of_area": found[region].area / area}
                 for region, share in shares.items()]
    return rows


def grid_of_common(found: Comparison) -> str:
    """The common grid in words."""
    chosen = coarsest(found.common)
    step = np.median(np.diff(chosen.latitude_edges)), np.median(np.diff(chosen.longitude_edges))
    return f"{step[0]:.4g} x {step[1]:.4g} degrees, {chosen.values.shape[1]} x {chosen.values.shape[2]} cells"
