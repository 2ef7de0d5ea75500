"""One self-contained HTML page per calibration."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from terraflux.assimilation.posterior_file import data_hash, stream_table, unit_of
from terraflux.assimilation.problem_file import problem_text
from terraflux.assimilation.seasonal_course import has_season
from terraflux.report import fit_data_figures, fit_posterior_figures, fit_season
from terraflux.report.figures import Drawn
from terraflux.report.fit_footprints import sector_table
from terraflux.report.fit_review import SCALE_WORDS, Review, StreamScore, unidentified
from terraflux.report.style import png, readable_name
from terraflux.report.templates import rendered
from terraflux.sites.observation_weights import REJECTION_TEXTS

TEMPLATE = "fit.html"
SEASON = "season"
NEAR_AN_END = 0.01
"""Share of its range within which a mode counts as lying at an end."""
FIGURES: tuple[tuple[str, str, Callable[[Review], object]], ...] = (
    ("seasonal_fits", "Monthly means over the observed times, before and after calibration.", fit_data_figures.seasonal_fits),
    (SEASON, "The parameter over the year, before and after; ticks below are days with observations. Where there are none, the "
             "season is what smoothness makes it.", fit_season.season),
    ("diurnal_fits", "Mean course over the day, over the observed times.", fit_data_figures.diurnal_fits),
    ("bands", "Two weeks with the 90 % bands of the modelled mean (parameters) and of observations (parameters and errors).",
     fit_data_figures.bands),
    ("coverage", "Share of observed values inside the central band; on the diagonal the bands are honest, below it too narrow.",
     fit_data_figures.coverage_curves),
    ("residuals", "Residuals at the mode over their standard deviation, in the years of calibration; innovations are what "
                  "remains once the modelled correlation is taken off.", fit_data_figures.residuals),
    ("prior_posterior", "What was believed before and after, each to its own height.", fit_posterior_figures.prior_posterior),
    ("corner", "Pairs of parameters: densities below the diagonal, correlations (in control space) above.",
     fit_posterior_figures.corner),
    ("what_data_tell", "Left: information of the data over that of the prior along each direction (orange: the prior "
                       "dominates). Right: how far each parameter is narrowed.", fit_posterior_figures.what_data_tell),
    ("sensitivities", "Root mean square change of each stream over its errors, per prior standard deviation of a parameter.",
     fit_posterior_figures.sensitivities),
    ("traces", "Walkers of the independent ensembles (one colour each), every kept step or an even selection.",
     fit_posterior_figures.traces),
)


def draw_fit_figures(review: Review, progress: Callable[[str], object] | None = None) -> tuple[list[Drawn], list[str]]:
    """All figures that the fit allows, and a sentence for each that it does not."""
    drawn, left_out = [], []
    for name, caption, draw in FIGURES:
        if name == SEASON and not has_season(review.fit.target):
            continue  # not missed: the problem asks for none
        if progress:
            progress(f"figure {name.replace('_', ' ')}")
        try:
            drawn.append(Drawn(name, caption, png(draw(review))))  # type: ignore[arg-type]
        except ValueError as error:
            left_out.append(f"Figure {name.replace('_', ' ')} is left out: {error}.")
    return drawn, left_out


def fit_html(review: Review, figures: Sequence[Drawn] = (), notes: Sequence[str] = (), files: Sequence[str] = ()) -> str:
    """The page as text; `notes` are further warnings, `files` names what lies beside it. All data are escaped."""
    fit = review.fit
    target, problem = fit.target, fit.target.problem
    tower = target.columns.tower
    table = stream_table(fit, review.periods[0].before, review.periods[0].after)
    found = review.information
    return rendered(
        TEMPLATE,
        site=tower.site.name or tower.site.site_id, title=problem.title, synthetic=tower.synthetic,
        years=", ".join(map(str, target.years)), validation=", ".join(map(str, problem.validation)),
        method=fit.method, converged=fit.status == "converged", status=fit.status.replace("_", " "),
        message=fit.message.rstrip("."), runs=fit.runs, seconds=f"{fit.seconds:.1f}",
        failed=target.failed, warnings=[*warnings(review), *notes],
        scores=[_score_cells(one) for one in review.scores], parameters=_parameters(review),
        months=fit_season.month_rows(review),
        degrees="" if found is None else f"{found.degrees_of_freedom:.2f}", size=0 if found is None else len(found.names),
        unidentified=[one.replace("_", " ") for one in unidentified(review)], streams=_streams(review, table),
        footprint=footprint_rows(review), sectors=sector_table(target.observations, target.years), coverage=_coverage(review),
        figures=figures, stages=[(one.name, one.runs, f"{one.seconds:.1f}", one.message) for one in fit.stages],
        diagnostics=_diagnostics(review),
        provenance=[("tower", f"{tower.site.site_id} {tower.site.name}".strip()),
                    ("plant types", ", ".join(f"{code} {share:g}" for code, share in target.columns.shares.items())),
                    ("soil", tower.site.soil_class),
                    ("processes", ", ".join(f"{key}={value}" for key, value in target.columns.options.differences().items())
                     or "default"),
                    ("seed", str(fit.seed)), ("rule of stream weights", problem.weights),
                    ("digest of the problem", problem.digest()), ("hash of forcing and observations", data_hash(target))],
        problem=problem_text(problem), files=files)


def warnings(review: Review) -> list[str]:
    """What a reader must know before the numbers."""
    fit = review.fit
    made = []
    if fit.status == "not_converged":
        made.append(f"The posterior is not converged: {fit.message}")
    elif fit.status == "approximate":
        made.append(f"The posterior is a normal approximation that nothing judged ({fit.method}).")
    if fit.sampling is not None and fit.sampling.restarted:
        made.append(f"{fit.sampling.restarted} stuck walkers were put back among the others in burn-in.")
    made += [words[:1].upper() + words[1:] + "." for words in fit.warnings]
    for one in review.scores:
        if one.period == "validation" and one.reduction < -0.1:
            made.append(f"{readable_name(one.stream)} ({_scale(one.scale)}) got worse by {-one.reduction:.0%} in the years of "
                        "validation.")
    for (period, stream, scale), share in review.coverage(0.9).items():
        if period == "validation" and not 0.85 <= share <= 0.95:
            made.append(f"The 90 % band of {readable_name(stream)} ({_scale(scale)}) holds {share:.0%} of the years of "
                        "validation.")
    space = fit.target.space
    for k, name in enumerate(space.names):
        best, low, high = space.physical(fit.mode[None])[0, k], space.priors[k].low, space.priors[k].high
        inside = space.priors[k].cumulative(best)
        near = NEAR_AN_END * (high - low) if np.isfinite(high - low) else 0.0
        end = next((end for end in (low, high) if abs(best - end) < near), None)
        if end is not None:
            made.append(f"The mode of {name.replace('_', ' ')} ({best:.3g}) lies at an end of its range ({end:g}), where the "
                        "data push it: the model lacks something, or the range is too narrow.")
        elif not 0.005 < float(inside) < 0.995:
            made.append(f"The mode of {name.replace('_', ' ')} lies far out in its prior; look whether the model or the data "
                        "are wrong before it is believed.")
    return [*made, *review.notes]


def footprint_rows(review: Review) -> list[tuple[str, str]]:
    """Operator, thresholds and what of the half hours was rejected, by reason."""
    target = review.fit.target
    choice = target.problem.footprint
    rows = [("operator", choice.operator + (": one homogeneous land, no footprint" if choice.operator == "site" else ""))]
    given = target.observations
    if given is not None:
        wanted = ("footprint_model", "model", "legend", "target_class", "target", "least_captured_mass",
                  "least_target_fraction", "largest_location_bias", "solution")
        rows += [(name.replace("_", " "), str(given.attrs[name])) for name in wanted if str(given.attrs.get(name, ""))]
        if "class_plant_type" in given:
            shares = given["class_fraction"].mean("time", skipna=True).values
            rows.append(("land in the footprints", ", ".join(
                f"{code or 'no plants'} {float(share):.0%}" for code, share in zip(
                    given["class_plant_type"].values, shares, strict=True) if float(share) > 0.005)))
        rows += _rejections(given, target.years)
    for stream in target.streams:
        total = stream.observed.size + sum(stream.left_out.values())
        rejected = stream.left_out.get("no weight by its footprint", 0)
        if given is not None:
            rows.append((f"{readable_name(stream.name)}: rejected by its footprint",
                         f"{rejected} of {total} ({rejected / max(total, 1):.1%})"))
    return rows


def _rejections(given: xr.Dataset, years: Sequence[int]) -> list[tuple[str, str]]:
    """Half hours of some years that footprints reject, by reason (one may have several)."""
    if "rejection" not in given:
        return []
    codes = given["rejection"].values[np.isin(given["time"].dt.year.values, list(years))]
    return [(f"half hours with {text}", f"{int((codes & int(reason) != 0).sum())} of {codes.size} "
             f"({float((codes & int(reason) != 0).mean()):.1%})") for reason, text in REJECTION_TEXTS.items()
            if codes.size and (codes & int(reason)).any()]


# ---------------------------------------------------------------------------------------------- cells


def _score_cells(one: StreamScore) -> list[str]:
    reduction = f"{one.reduction:.0%}" if np.isfinite(one.reduction) else "–"
    return [readable_name(one.stream), one.period, _scale(one.scale), str(one.n), *map(_number, one.rmse), reduction,
            *map(_number, one.bias), *map(_number, one.r), one.unit]


def _scale(scale: str) -> str:
    return SCALE_WORDS[scale]


def _parameters(review: Review) -> list[list[str]]:
    fit, space = review.fit, review.fit.target.space
    values, best = fit.physical(), space.physical(fit.mode[None])[0]
    narrowing = fit.draws.std(axis=0) / np.sqrt(np.diag(space.prior_moments()[1]))
    rows = []
    for k, name in enumerate(space.names):
        low, high = np.quantile(values[:, k], (0.05, 0.95))
        unit = unit_of(name)
        rows.append([name.replace("_", " "), "" if unit == "1" else unit, *map(_number, (
            space.default[k], best[k], values[:, k].mean(), values[:, k].std(), low, high, narrowing[k])),
            " ".join(f"{key} {value:.4g}" if isinstance(value, float) else str(value)
                     for key, value in space.priors[k].as_table().items())])
    for one in space.rows:
        if one.prior is None:
            said = f"= {one.row.factor:g} × {one.row.tie.replace('_', ' ')}" if one.row.tie else "fixed"
            value = space.parameters(fit.mode[None])[one.row.key][0]
            rows.append([one.row.key.replace("_", " "), unit_of(one.row.key), _number(one.default), _number(value),
                         "", "", "", "", "", said])
    return rows


def _streams(review: Review, table: xr.Dataset) -> list[list[str]]:
    rows = []
    for k, stream in enumerate(review.fit.target.streams):
        one = table.isel(stream=k)
        sigma = stream.choice.sigma
        left_out = "; ".join(f"{count} {reason}" for reason, count in stream.left_out.items() if count) or "nothing"
        name = readable_name(stream.name) + ("" if stream.choice.average == "step" else f", {stream.choice.average} means")
        size, weight, scale, correlation, before, after = (_number(float(one[key])) for key in (
            "n_eff", "stream_weight", "scale", "correlation", "chi2_per_n_default", "chi2_per_n_mode"))
        rows.append([name, stream.unit, str(stream.observed.size), size, weight,
                     f"{stream.choice.error_model}, sigma {sigma.rule if sigma else ''}", scale, correlation, before, after,
                     left_out])
    return rows


def _coverage(review: Review) -> list[list[str]]:
    half, most = review.coverage(0.5), review.coverage(0.9)
    return [[readable_name(stream), period, _scale(scale), f"{half[period, stream, scale]:.1%}", f"{share:.1%}"]
            for (period, stream, scale), share in most.items()]


def _diagnostics(review: Review) -> list[list[str]]:
    sampling = review.fit.sampling
    if sampling is None or sampling.verdict is None:
        return []
    verdict = sampling.verdict
    return [[name.replace("_", " "), f"{verdict.rhat[k]:.3f}", f"{verdict.bulk[k]:.0f}", f"{verdict.tail[k]:.0f}",
             f"{verdict.autocorrelation[k]:.0f}"] for k, name in enumerate(verdict.names)]


def _number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"
