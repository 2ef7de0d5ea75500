"""From a raw tower record to gap-filled, partitioned fluxes with errors: the chain of steps, each of which may fail alone.

    tower = process_tower(read_record("Example_DETha98.txt", site_id="DE-Tha"))
    tower.threshold.single, tower.filled["nee"], tower.results["gpp_nighttime"], tower.yearly()
    print(*tower.steps, sep="\\n")

The order is that of REddyProc (Wutzler et al. 2018, Biogeosciences 15:5015) and ONEFlux (Pastorello et al. 2020, Sci. Data
7:225): quality tests, u* threshold and filter, gap filling, night- and day-time partitioning, random and joint error,
energy-balance closure. A step that cannot be done leaves NaN and says why in its report; the others go on.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.sites.processed_tower import CARBON_GRAMS, RESULTS, ProcessedTower, StepReport
from terraflux.sites.processing.energy_closure import CLOSURES, ClosedFluxes
from terraflux.sites.processing.gap_filling import GapFill, fill_gaps
from terraflux.sites.processing.joint_error import joint_error_heat, joint_error_nee, threshold_levels, threshold_percentiles
from terraflux.sites.processing.night import night
from terraflux.sites.processing.partitioning import partition
from terraflux.sites.processing.quality import PLAUSIBLE, Quality, quality_flags, spikes
from terraflux.sites.processing.random_error import random_error
from terraflux.sites.processing.ustar_bootstrap import UstarDistribution, ustar_distribution
from terraflux.sites.processing.ustar_filter import weak_turbulence
from terraflux.sites.processing.ustar_threshold import UstarThreshold, ustar_threshold
from terraflux.sites.processing_choices import ProcessingChoices, choices_from
from terraflux.sites.records.tower_record import TowerRecord
from terraflux.sites.tower_series import TowerSeries, tower_series

Floats = NDArray[np.float64]
Progress = Callable[[int, int, str], None]
Figures = dict[str, float | int | str]

FLUXES = ("nee", "le", "h")
WEATHER = ("temperature", "vpd", "radiation")
LEFT_OUT = (ValueError, ArithmeticError, LookupError)
"""Errors that end a step and not the processing."""


class StepFailure(ValueError):
    """A step that cannot be done, with the reason for the report."""


@dataclass
class _Work:
    """What the steps share and add to."""

    series: TowerSeries
    choices: ProcessingChoices
    good: dict[str, Floats]
    fills: dict[str, GapFill] = field(default_factory=dict)
    filled: dict[str, Floats] = field(default_factory=dict)
    quality: dict[str, NDArray[np.int8]] = field(default_factory=dict)
    results: dict[str, Floats] = field(default_factory=dict)
    details: dict[str, NDArray[Any]] = field(default_factory=dict)
    threshold: UstarThreshold | None = None
    distribution: UstarDistribution | None = None
    limits: Floats | None = None
    before_filter: Floats | None = None

    def needed(self, *names: str) -> None:
        for name in names:
            if name in self.series.absent:
                raise StepFailure(self.series.absent[name])

    def weather(self) -> dict[str, Any]:
        return {name: self.good[name] for name in ("radiation", "temperature", "vpd")}


def process_tower(record: TowerRecord, facts: Mapping[str, Any] | None = None, choices: ProcessingChoices | None = None, *,
                  progress: Progress | None = None, **options: Any) -> ProcessedTower:
    """Process a half-hourly or hourly record of any format.

    `facts` (latitude, longitude in degrees, utc_offset_hours) replace what the record knows of its site; `choices` are
    `ProcessingChoices`, or give single ones as keywords (`ustar_by="season"`). `progress(done, total, step)` is told each
    step. Raises ForcingError for a record that has no flux, is not (half-)hourly, or for unknown choices; whatever goes wrong
    later ends one step only.

    >>> tower = process_tower(record, ustar_by="season")       # doctest: +SKIP
    >>> tower.step("u* threshold").figures                     # doctest: +SKIP
    """
    if choices is not None and options:
        raise ValueError("give choices, or single choices as keywords, not both")
    chosen = choices if choices is not None else choices_from(options)
    series = tower_series(record, facts)
    work = _Work(series, chosen, {name: values.copy() for name, values in series.measured.items()})
    tell = progress or (lambda done, total, step: None)
    steps = _steps(chosen)
    reports = [StepReport("input", True, "; ".join((*series.notes, *series.absent.values())), _input_figures(series))]
    for number, (name, step) in enumerate(steps):
        tell(number, len(steps), name)
        try:
            reports.append(StepReport(name, True, figures=step(work)))
        except LEFT_OUT as trouble:
            reports.append(StepReport(name, False, " ".join(str(trouble).split()) or type(trouble).__name__))
    tell(len(steps), len(steps), "done")
    empty = np.full(series.rows, np.nan)
    results = {name: work.results.get(name, empty.copy()) for name in RESULTS}
    return ProcessedTower(record, series, work.filled, work.quality, results, work.details, tuple(reports), work.threshold,
                          work.distribution)


def _steps(choices: ProcessingChoices) -> list[tuple[str, Callable[[_Work], Figures]]]:
    steps: list[tuple[str, Callable[[_Work], Figures]]] = [("night", _night)]
    steps += [(f"quality {name}", _named(_quality, name)) for name in (*FLUXES, *WEATHER, "ustar")]
    if choices.ustar_by != "none":
        steps += [("u* threshold", _ustar_threshold), ("u* filter", _ustar_filter)]
        if choices.ustar_draws:
            steps.insert(len(steps) - 1, ("u* bootstrap", _ustar_bootstrap))
    steps += [(f"gap filling {name}", _named(_fill, name)) for name in (*WEATHER, *FLUXES)]
    steps += [(f"{method} partitioning", _named(_partition, method)) for method in choices.partitionings]
    steps += [(f"random error {name}", _named(_random_error, name)) for name in FLUXES]
    if choices.ustar_by != "none" and choices.ustar_draws:
        steps.append(("joint error nee", _joint_error))
    if choices.closure != "none":
        steps.append(("energy closure", _closure))
    return steps


def _named(step: Callable[[_Work, str], Figures], name: str) -> Callable[[_Work], Figures]:
    return lambda work: step(work, name)


def _input_figures(series: TowerSeries) -> Figures:
    shares = {f"measured {name}": float(np.isfinite(series.measured[name]).mean()) for name in FLUXES}
    return {"rows": series.rows, "step s": series.step_seconds, **shares}


def _night(work: _Work) -> Figures:
    """Night by the sun where the position is known, else by measured radiation."""
    if np.isfinite(work.series.potential).all():
        dark, rule = night(potential=work.series.potential, rule="sun"), "sun"
    else:
        work.needed("radiation")
        dark, rule = night(work.series.measured["radiation"], rule="radiation"), "radiation"
    work.details["night"] = dark.astype(np.float64)
    return {"rule": rule, "night rows": int(dark.sum())}


def _quality(work: _Work, name: str) -> Figures:
    """Range for all, runs of equal values for NEE, spikes of fluxes; codes of `Quality` into details."""
    work.needed(name)
    minutes, choices = work.series.step_minutes, work.choices
    flags = quality_flags(work.good[name], bounds=PLAUSIBLE[name], run_hours=choices.run_hours if name == "nee" else None,
                          step_minutes=minutes)
    spiky = np.zeros(flags.shape, bool)
    if name in FLUXES and "night" in work.details:
        fit = np.where(flags == Quality.FIT, work.good[name], np.nan)
        spiky = spikes(fit, work.details["night"] == 1.0, z=choices.spike_z, step_minutes=minutes)
    flags[spiky] = Quality.SPIKE
    work.details[f"{name}_test"] = flags
    drop = (flags == Quality.OUT_OF_RANGE) | (flags == Quality.REPEATED)
    if choices.remove_spikes:
        drop |= spiky
    work.good[name] = np.where(drop, np.nan, work.good[name])
    count = {code: int((flags == code).sum()) for code in Quality}
    return {"missing": count[Quality.MISSING], "out of range": count[Quality.OUT_OF_RANGE],
            "repeated": count[Quality.REPEATED],
            "spikes": f"{count[Quality.SPIKE]} {'removed' if choices.remove_spikes else 'flagged, kept'}",
            "kept": int(np.isfinite(work.good[name]).sum())}


def _ustar_threshold(work: _Work) -> Figures:
    choices, rows = work.choices, work.series.rows
    if choices.ustar_threshold is not None:
        work.limits = np.full(rows, choices.ustar_threshold)
        return {"given m s-1": choices.ustar_threshold}
    work.needed("nee", "ustar", "temperature", "radiation")
    found = ustar_threshold(work.series.middle_time, method=choices.ustar_method, **_ustar_inputs(work))
    work.threshold = found
    limits = found.of_rows(choices.ustar_by)
    if not np.isfinite(limits).any():
        reasons = sorted(set(found.season_status.values()) | {one for row in found.classes.values() for one in row})
        raise StepFailure(f"no threshold could be found ({', '.join(reasons)}); night-time fluxes are not filtered: give "
                          "ustar_threshold in m s-1 if you know one")
    work.limits = limits
    per = found.season if choices.ustar_by == "season" else found.year
    status = found.season_status if choices.ustar_by == "season" else found.year_status
    return {"single m s-1": found.single, **{f"{name} m s-1": f"{value:.6g} ({status[name]})" for name, value in per.items()}}


def _ustar_inputs(work: _Work) -> dict[str, Floats]:
    return {"nee": work.good["nee"], "ustar": work.good["ustar"], "temperature": work.good["temperature"],
            "radiation": work.good["radiation"]}


def _ustar_bootstrap(work: _Work) -> Figures:
    work.needed("nee", "ustar", "temperature", "radiation")
    choices = work.choices
    work.distribution = ustar_distribution(work.series.middle_time, method=choices.ustar_method, draws=choices.ustar_draws,
                                           seed=choices.seed, **_ustar_inputs(work))
    low, middle, high = work.distribution.constant()
    return {"draws": choices.ustar_draws, "5 % m s-1": float(low), "50 % m s-1": float(middle), "95 % m s-1": float(high)}


def _ustar_filter(work: _Work) -> Figures:
    work.needed("nee", "ustar")
    if work.limits is None:
        raise StepFailure("no u* threshold is known; night-time fluxes are not filtered")
    choices = work.choices
    codes = weak_turbulence(work.good["ustar"], work.limits, work.series.measured["radiation"], by_day=choices.ustar_by_day,
                            after_low=choices.ustar_after_low)
    work.details["ustar_limit"], work.details["turbulence"] = work.limits, codes
    work.before_filter = work.good["nee"].copy()
    gone = np.isfinite(work.good["nee"]) & (codes != 0)
    work.good["nee"] = np.where(codes != 0, np.nan, work.good["nee"])
    return {"NEE rows left out": int(gone.sum()), "kept": int(np.isfinite(work.good["nee"]).sum())}


def _fill(work: _Work, name: str) -> Figures:
    work.needed(name)
    choices = work.choices
    fill = fill_gaps(work.good[name], step_minutes=work.series.step_minutes, all_rows=name in FLUXES,
                     radiation_balance=choices.radiation_balance, longest_gap_days=choices.longest_gap_days, **work.weather())
    values, quality = fill.value.copy(), fill.quality.copy()
    borrowed = np.zeros(values.shape, bool)
    if name in WEATHER:
        spare = work.series.source_filled[name]
        borrowed = np.isnan(values) & np.isfinite(spare)
        values[borrowed], quality[borrowed] = spare[borrowed], 3
    work.fills[name], work.filled[name], work.quality[name] = fill, values, quality
    if name in FLUXES:
        work.details |= {f"{name}_estimate": fill.estimate, f"{name}_sd": fill.sd, f"{name}_count": fill.count,
                         f"{name}_method": fill.method, f"{name}_window_days": fill.window}
    told: Figures = {"measured": int((quality == 0).sum())}
    told |= {word: int((quality == code).sum()) for code, word in ((1, "good"), (2, "medium"), (3, "poor"), (-1, "open"))}
    return told | ({"of the source's own filling": int(borrowed.sum())} if borrowed.any() else {})


def _partition(work: _Work, method: str) -> Figures:
    for name in ("nee", "temperature", "radiation", *(("vpd",) if method == "daytime" else ())):
        if name not in work.filled:
            raise StepFailure(f"{name} is not there: {work.series.absent.get(name, 'its gap filling failed')}")
    if not np.isfinite(work.series.potential).all():
        raise StepFailure("potential radiation is unknown; give latitude, longitude and utc_offset_hours")
    late = work.series.rows_after_midnight
    columns = {"nee": work.filled["nee"], "nee_quality": work.quality["nee"].astype(float), "nee_spread": work.fills["nee"].sd,
               "temperature": work.filled["temperature"], "temperature_quality": work.quality["temperature"].astype(float),
               "vapour_pressure_deficit": work.filled.get("vpd", np.full(work.series.rows, np.nan)),
               "radiation": work.filled["radiation"], "potential_radiation": work.series.potential}
    if method == "daytime":  # its days begin with the first row
        columns = {name: np.concatenate([np.full(late, np.nan), values]) for name, values in columns.items()}
        late, first = 0, late
        found = partition(method, records_per_day=work.series.records_per_day, **columns)
        reco, gpp = found.reco[first:], found.gpp[first:]
        work.details |= {"reco_daytime_error": found.reco_error[first:], "gpp_daytime_error": found.gpp_error[first:]}  # type: ignore[union-attr]
        told: Figures = {"windows": int(found.windows.reason.size), "failed windows": int((found.windows.reason != 0).sum())}  # type: ignore[union-attr]
    else:
        found = partition(method, records_per_day=work.series.records_per_day, first_record=late + 1, **columns)
        reco, gpp = found.reco, found.gpp
        windows = found.sensitivity_windows.reason  # type: ignore[union-attr]
        work.details["reference_respiration"] = found.reference_respiration  # type: ignore[union-attr]
        told = {"E0 K": found.sensitivity, "windows": int(windows.size), "failed windows": int((windows != 0).sum())}  # type: ignore[union-attr]
    if found.message:
        raise StepFailure(found.message)
    # in gaps too long to be filled the parameters of windows far away would speak
    unknown = work.quality["nee"] < 0
    reco, gpp = np.where(unknown, np.nan, reco), np.where(unknown, np.nan, gpp)
    work.results[f"reco_{method}"], work.results[f"gpp_{method}"] = reco, gpp
    known = np.isfinite(gpp)
    if not known.any():
        raise StepFailure("no row has a flux")
    per_year = CARBON_GRAMS * 86400.0 * 365.25
    return told | {"rows": int(known.sum()), "mean GPP gC m-2 per 365.25 days": float(gpp[known].mean()) * per_year,
                   "mean Reco gC m-2 per 365.25 days": float(reco[known].mean()) * per_year}


def _random_error(work: _Work, name: str) -> Figures:
    work.needed(name)
    found = random_error(work.good[name], kind=name, filled=work.filled.get(name), step_minutes=work.series.step_minutes,
                         **work.weather())
    work.results[f"{name}_random_error"] = found.sigma
    work.details[f"{name}_random_error_method"] = found.method
    known = found.sigma[np.isfinite(found.sigma)]
    if known.size == 0:
        raise StepFailure("no row has enough company of similar weather for a random error")
    return {"by similar weather": int((found.method == 1).sum()), "by similar flux": int((found.method == 2).sum()),
            "none": int((found.method == 0).sum()), "median": float(np.median(known))}


def _joint_error(work: _Work) -> Figures:
    if work.distribution is None or work.before_filter is None or "nee_random_error" not in work.results:
        raise StepFailure("it needs the u* bootstrap, the u* filter and the random error of NEE")
    choices = work.choices
    quantiles = tuple((threshold_levels(choices.ustar_levels) / 100.0).tolist())
    levels = _row_limits(work, quantiles)
    if not np.isfinite(levels).any():
        raise StepFailure("too few draws found a threshold")
    versions = np.empty((choices.ustar_levels, work.series.rows))
    for place in range(choices.ustar_levels):
        codes = weak_turbulence(work.good["ustar"], levels[place], work.series.measured["radiation"],
                                by_day=choices.ustar_by_day, after_low=choices.ustar_after_low)
        flux = np.where(codes == 0, work.before_filter, np.nan)
        versions[place] = fill_gaps(flux, step_minutes=work.series.step_minutes, radiation_balance=choices.radiation_balance,
                                    longest_gap_days=choices.longest_gap_days, **work.weather()).value
    low, middle, high = threshold_percentiles(versions)
    work.details |= {"nee_16": low, "nee_50": middle, "nee_84": high}
    joint = joint_error_nee(work.results["nee_random_error"], low, high)
    work.results["nee_joint_error"] = joint
    if not np.isfinite(joint).any():
        raise StepFailure("no row has both a random error and a spread of thresholds")
    return {"thresholds": choices.ustar_levels, "median": float(np.nanmedian(joint))}


def _row_limits(work: _Work, quantiles: tuple[float, ...]) -> Floats:
    """Thresholds (m s-1) of every level and row, shape (levels, rows), by year, season or single as chosen."""
    assert work.distribution is not None
    estimate = work.distribution.estimate
    limits = np.full((len(quantiles), work.series.rows), np.nan)
    if work.choices.ustar_by == "single":
        return np.broadcast_to(work.distribution.constant(quantiles)[:, None], limits.shape)
    table = work.distribution.variable(quantiles)
    by_season = work.distribution.quantiles(quantiles) if work.choices.ustar_by == "season" else {}
    for name, year in estimate.season_year.items():
        own = by_season.get(f"season {name}")
        values = own if own is not None and np.isfinite(own).all() else table[year]
        limits[:, estimate.row_season == name] = values[:, None]
    return limits


def _closure(work: _Work) -> Figures:
    work.needed("net_radiation")
    if not work.choices.ground_heat_as_zero:
        work.needed("ground_heat")
    for name in ("le", "h"):
        if name not in work.filled:
            raise StepFailure(work.series.absent.get(name, f"gap filling of {name} failed"))
    ground = None if "ground_heat" in work.series.absent else work.good["ground_heat"]
    start = work.series.middle_time - np.timedelta64(work.series.step_seconds // 2, "s")
    given: dict[str, Any] = {"le_quality": work.quality["le"].astype(float), "h_quality": work.quality["h"].astype(float),
                             "records_per_day": work.series.records_per_day} if work.choices.closure == "oneflux" else {}
    found: ClosedFluxes = CLOSURES[work.choices.closure](work.good["net_radiation"], ground, work.filled["le"],
                                                         work.filled["h"], start, **given)
    work.results |= {"le_corrected": found.le, "h_corrected": found.h}
    work.details |= {"closure_factor": found.factor, "closure_method": found.method, "closure_reason": found.reason,
                     "closure_ratio": found.ratio, "le_25": found.le_25, "le_75": found.le_75, "h_25": found.h_25,
                     "h_75": found.h_75}
    for name, low, high in (("le", found.le_25, found.le_75), ("h", found.h_25, found.h_75)):
        if f"{name}_random_error" in work.results:
            work.results[f"{name}_joint_error"] = joint_error_heat(work.results[f"{name}_random_error"], low, high)
    measured = (work.quality["le"] == 0) & (work.quality["h"] == 0)
    energy = work.good["net_radiation"] - (0.0 if ground is None else ground)
    both = measured & np.isfinite(energy)
    if not both.any() or not np.isfinite(found.factor).any():
        raise StepFailure("no row has net radiation, ground heat flux and both turbulent fluxes measured")
    ratio = float((work.filled["le"] + work.filled["h"])[both].sum() / energy[both].sum())
    return {"method": work.choices.closure, "closure of measured rows": ratio,
            "median factor": float(np.nanmedian(found.factor)), "rows without": int(np.isnan(found.le).sum())}
