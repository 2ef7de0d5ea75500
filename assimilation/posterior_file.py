"""posterior.nc: what a calibration found, in groups that arviz and xarray read, with all that is needed to trust it.

    posterior                physical values (chain, draw), with units, defaults and modes as attributes
    unconstrained_posterior  the control vectors u they come from
    sample_stats             log posterior of the draws, and the misfit of each stream where a sampler ran
    prior                    physical draws from the prior
    observed_data            observations of each stream, along their own time
    constant_data            their errors and weights; modelled with the defaults and at the mode
    log_likelihood           terms of single observations for some draws, where they are not too many
    diagnostics              R-hat and effective sizes, where a sampler ran
    streams                  n, n_eff, weight, misfit and chi2/n of each stream, before and after
    stages                   what each rung of the ladder cost and found

Attributes of the file: digest of the problem and its text, hash of forcing and observations, version, seed, rule of weights.
"""

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from terraflux.assimilation.checkpoint import array_hash
from terraflux.assimilation.fit import Fit
from terraflux.assimilation.likelihood import neighbour_correlation, standardised, stream_terms
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem_file import problem_text
from terraflux.assimilation.sampling_result import write_groups
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.safe_files import open_netcdf
from terraflux.model.parameter_table import parameter_entries

Floats = NDArray[np.float64]
PRIOR_DRAWS = 1000
POINTWISE_DRAWS = 100
MOST_POINTWISE = 4_000_000
"""Numbers of the group log_likelihood; fewer draws are kept where observations are many."""
FORMAT = "terraflux posterior 1"


def data_hash(target: TowerProblem) -> str:
    """SHA-256 of forcing, first state and observations of a tower problem."""
    columns = target.columns
    return array_hash(columns.forcing, columns.times.astype(np.int64), columns.state, target.observed, target.sigma,
                      *(one.weight for one in target.streams), *(one.index for one in target.streams))


def unit_of(name: str) -> str:
    """Unit of an element of the control vector: that of its parameter; "1" for noise."""
    entry = parameter_entries().get(name.partition("@")[0])
    return entry.unit if entry is not None else "1"


def long_name_of(name: str) -> str:
    """What an element of the control vector is, in words."""
    entry = parameter_entries().get(name.partition("@")[0])
    if entry is not None:
        return entry.long_name
    stream, _, what = name.rpartition(".")
    words = {"scale": "factor on random errors", "correlation": "correlation of neighbouring errors",
             "factor": "closure factor on modelled values"}
    return f"{words.get(what, what)} of {stream.replace('_', ' ').replace('+', ' and ')}" if stream else name


def stream_table(fit: Fit, default: Floats, mode: Floats) -> xr.Dataset:
    """Numbers of each stream; `default` and `mode` (n,) are modelled observations.

    chi2/n is the mean squared residual over its variance, scale included; n_eff = n (1 - phi)/(1 + phi) with the
    correlation phi of neighbouring errors, as modelled or, where it is not, as found in the residuals at the mode.
    """
    target = fit.target
    columns: dict[str, list[float]] = {name: [] for name in ("n", "n_eff", "correlation", "scale", "chi2_per_n_default",
                                                             "chi2_per_n_mode", "sum_of_weights")}
    noises = [target.space.noise(u[None]) for u in (target.space.default_control(), fit.mode)]
    for one in target.streams:
        part = target.parts[one.name]
        noise = noises[1].get(one.name, {})
        scale = noise.get("scale", np.ones(1))
        chi = [standardised(one, values[None, part], at.get(one.name, {}).get("scale", np.ones(1)))[0][0]
               for values, at in zip((default, mode), noises, strict=True)]
        modelled = float(noise.get("correlation", np.zeros(1))[0])
        phi = modelled if modelled > 0.0 else max(neighbour_correlation(one, chi[1]), 0.0)
        count = one.observed.size
        for name, value in (("n", count), ("n_eff", count * (1.0 - phi) / (1.0 + phi)), ("correlation", phi),
                            ("scale", float(scale[0])), ("chi2_per_n_default", float(np.mean(chi[0] ** 2))),
                            ("chi2_per_n_mode", float(np.mean(chi[1] ** 2))), ("sum_of_weights", float(one.weight.sum()))):
            columns[name].append(value)
    names = np.array([one.name for one in target.streams], dtype=str)
    data: dict[str, Any] = {name: ("stream", np.array(values)) for name, values in columns.items()}
    data |= {"stream_weight": ("stream", target.stream_weight), "misfit_default": ("stream", fit.default_misfit),
             "misfit_mode": ("stream", fit.mode_misfit)}
    table = xr.Dataset(data, {"stream": names})
    table["unit"] = ("stream", np.array([one.unit for one in target.streams], dtype=str))
    table["left_out"] = ("stream", np.array([json.dumps(dict(one.left_out)) for one in target.streams], dtype=str))
    return table.assign_attrs(rule_of_weights=target.problem.weights)


def posterior_groups(fit: Fit, default: Floats, mode: Floats, predicted: tuple[Floats, Floats] | None = None,
                     most_draws: int = 20_000) -> dict[str, xr.Dataset]:
    """All groups of the file.

    `default` and `mode` (n,) are modelled observations; `predicted` is (control vectors (D, p), modelled observations
    (D, n)) for the group log_likelihood.
    """
    target, space = fit.target, fit.target.space
    if fit.sampling is not None:
        groups: dict[str, xr.Dataset] = fit.sampling.groups(space.physical, most_draws)
        _add_companions(groups, fit)
    else:
        groups = _draw_groups(fit)
    best = space.physical(fit.mode[None])[0]
    for name in ("posterior", "unconstrained_posterior"):
        for k, parameter in enumerate(space.names):
            attributes: dict[str, Any] = {"long_name": long_name_of(parameter), "units": unit_of(parameter),
                                          "default": float(space.default[k]), "mode": float(best[k])}
            if name != "posterior":
                attributes = {"long_name": f"control of: {long_name_of(parameter)}", "units": "1", "mode": float(fit.mode[k])}
            groups[name][parameter].attrs |= attributes
    prior = space.physical(space.draw(np.random.default_rng([fit.seed, 7]), PRIOR_DRAWS))
    groups["prior"] = xr.Dataset(
        {name: (("chain", "draw"), prior[None, :, k], {"long_name": long_name_of(name), "units": unit_of(name),
                                                       "prior": json.dumps(space.priors[k].as_table())})
         for k, name in enumerate(space.names)}, {"chain": [0], "draw": np.arange(PRIOR_DRAWS)})
    groups |= _data_groups(target, default, mode)
    if predicted is not None:
        groups["log_likelihood"] = _pointwise(target, *predicted)
    groups["streams"] = stream_table(fit, default, mode)
    groups["stages"] = xr.Dataset(
        {"runs": ("stage", np.array([one.runs for one in fit.stages])),
         "seconds": ("stage", np.array([one.seconds for one in fit.stages]), {"units": "s"}),
         "message": ("stage", np.array([one.message for one in fit.stages], dtype=str))},
        {"stage": np.array([one.name for one in fit.stages], dtype=str)})
    return groups


def posterior_attributes(fit: Fit, *, version: str = "", history: str = "") -> dict[str, Any]:
    """Attributes of the file."""
    target, site = fit.target, fit.target.columns.tower.site
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "Conventions": "CF-1.8", "title": f"Posterior of parameters at {site.site_id}"
        + (" (SYNTHETIC tower, not a real place)" if target.columns.tower.synthetic else ""),
        "source": f"terraflux {version}".strip(), "history": f"{now} {history or 'written'}", "created_at": now,
        "inference_library": "terraflux", "inference_library_version": version, "format": FORMAT,
        "site_id": site.site_id, "site_name": site.name, "latitude": site.latitude, "longitude": site.longitude,
        "plant_types": json.dumps(dict(target.columns.shares)), "years": ", ".join(map(str, target.years)),
        "validation_years": ", ".join(map(str, target.problem.validation)), "method": fit.method,
        "status": fit.status, "message": fit.message, "warnings": "; ".join(fit.warnings), "seed": fit.seed,
        "runs": fit.runs, "failed_runs": target.failed, "seconds": fit.seconds, "log_posterior_at_mode": fit.log_posterior,
        "rule_of_weights": target.problem.weights, "footprint_operator": target.problem.footprint.operator,
        "options": json.dumps(target.columns.options.differences(), default=str),
        "problem_digest": target.problem.digest(), "problem": problem_text(target.problem), "data_hash": data_hash(target),
        "pareto_k": fit.check.shape if fit.check is not None else float("nan"),
    }


def write_posterior(path: str | os.PathLike[str], fit: Fit, default: Floats, mode: Floats,
                    predicted: tuple[Floats, Floats] | None = None, *, version: str = "", history: str = "") -> Path:
    """Write the file, whole or not at all; arguments as of `posterior_groups`. Raises OSError."""
    return write_groups(path, posterior_groups(fit, default, mode, predicted),
                        posterior_attributes(fit, version=version, history=history), compressed=True)


def read_attributes(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Attributes of a posterior.nc.

    Raises ForcingError for a file that cannot be read, ProblemError for one that is no posterior of terraflux.
    """
    with open_netcdf(path) as head:
        attributes = {str(name): value for name, value in head.attrs.items()}
    if attributes.get("format") != FORMAT:
        raise ProblemError(f"{path} is no {FORMAT!r}; give a posterior.nc that `terraflux fit` wrote")
    return attributes


def read_posterior(path: str | os.PathLike[str]) -> tuple[xr.Dataset, xr.Dataset, Mapping[str, Any]]:
    """Physical draws, control vectors (both with dimensions chain and draw) and attributes of a posterior.nc.

    Raises as `read_attributes`.
    """
    attributes = read_attributes(path)
    made = []
    for group in ("posterior", "unconstrained_posterior"):
        with xr.open_dataset(path, group=group, engine="netcdf4") as opened:
            made.append(opened.load())
    return made[0], made[1], attributes


# ---------------------------------------------------------------------------------------------- groups


def _draw_groups(fit: Fit) -> dict[str, xr.Dataset]:
    """Draws of equal weight as one chain; their log posterior where weighted draws know it."""
    names, values = fit.target.space.names, fit.physical()
    coordinates = {"chain": [0], "draw": np.arange(len(fit.draws))}
    groups = {group: xr.Dataset({name: (("chain", "draw"), table[None, :, k]) for k, name in enumerate(names)}, coordinates)
              for group, table in (("posterior", values), ("unconstrained_posterior", fit.draws))}
    if fit.check is not None:
        known = {row.tobytes(): value for row, value in zip(fit.check.draws, fit.check.log_posterior, strict=True)}
        density = np.array([known.get(row.tobytes(), np.nan) for row in fit.draws])
        groups["sample_stats"] = xr.Dataset({"lp": (("chain", "draw"), density[None])}, coordinates)
    return groups


def _add_companions(groups: dict[str, xr.Dataset], fit: Fit) -> None:
    """Misfits of the streams, which travelled with the chains, beside the log posterior."""
    sampling = fit.sampling
    assert sampling is not None
    if "sample_stats" not in groups or sampling.companions is None:
        return
    stats = groups["sample_stats"]
    step = max(sampling.companions.shape[1] // stats.sizes["draw"], 1)
    kept = sampling.companions[:, ::step][:, :stats.sizes["draw"]]
    if kept.shape[1] != stats.sizes["draw"] or kept.shape[2] != len(fit.target.streams):
        return
    names = np.array([one.name for one in fit.target.streams], dtype=str)
    stats["misfit"] = (("chain", "draw", "stream"), kept, {"long_name": "negative log-likelihood of the stream"})
    stats.coords["stream"] = names


def _data_groups(target: TowerProblem, default: Floats, mode: Floats) -> dict[str, xr.Dataset]:
    observed, constant = xr.Dataset(), xr.Dataset()
    for one in target.streams:
        part, along = target.parts[one.name], f"{one.name}_time"
        about = {"long_name": one.name.replace("_", " "), "units": one.unit}
        times = one.when.astype("datetime64[ns]")
        where = (along, times, {"long_name": "start of the mean, local standard time"})
        observed[one.name] = (along, one.observed, about)
        observed.coords[along] = where
        for label, values, words in (
                ("sigma", one.sigma, "standard deviation of the random error"),
                ("extra_sigma", one.extra_sigma, "standard deviation of the representativeness error"),
                ("weight", one.weight, "weight of the observation"), ("default", default[part], "modelled with the defaults"),
                ("mode", mode[part], "modelled with the mode of the posterior")):
            constant[f"{one.name}_{label}"] = (along, values, {"long_name": words,
                                                               "units": "1" if label == "weight" else one.unit})
        constant.coords[along] = where
    return {"observed_data": observed, "constant_data": constant}


def _pointwise(target: TowerProblem, controls: Floats, predicted: Floats) -> xr.Dataset:
    """Terms of the log-likelihood of single observations; given the one before where errors are correlated."""
    count = int(np.clip(MOST_POINTWISE // max(target.observed.size, 1), 1, len(controls)))
    chosen = np.linspace(0, len(controls) - 1, count).astype(int)
    noise = target.space.noise(controls[chosen])
    made = xr.Dataset(coords={"chain": [0], "draw": np.arange(count)})
    for one in target.streams:
        terms = -stream_terms(one, np.asarray(predicted[chosen][:, target.parts[one.name]], np.float64),
                              noise.get(one.name, {})) * one.weight
        made[one.name] = (("chain", "draw", f"{one.name}_time"), terms[None].astype(np.float32),
                          {"long_name": f"log-likelihood of each observation of {one.name.replace('_', ' ')}, with its own "
                                        "weight, without the weight of the stream"})
        made.coords[f"{one.name}_time"] = one.when.astype("datetime64[ns]")
    return made


