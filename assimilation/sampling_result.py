"""What a sampler returns, and how it is written for arviz and other readers."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.convergence import mean_standard_error
from terraflux.assimilation.stop_rule import Verdict
from terraflux.drivers.safe_write import replacing

Transform = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass
class SamplingResult:
    """Draws from a posterior and how far they can be trusted.

    `controls` (chains, draws, parameters) are kept draws of the unconstrained control vector, `log_density` (chains, draws)
    their log posterior, `companions` (chains, draws, k) what came with it. `ensemble` (chains,) says which independent
    ensemble a chain (walker) belongs to. `weights` (chains, draws), summing to 1, belong to importance sampling; None for
    equal weights. `runs` counts replicas evaluated, `failed` those without a finite posterior, `steps` all steps of the
    chains, `restarted` walkers put back in burn-in. `status` is "converged" or "not_converged", `message` says why;
    `verdict` holds R-hat and effective sample sizes. `acceptance` (ensembles,) is the accepted share of proposals.
    """

    method: str
    status: str
    message: str
    names: tuple[str, ...]
    controls: NDArray[np.float64]
    log_density: NDArray[np.float64]
    ensemble: NDArray[np.int64]
    runs: int
    failed: int
    steps: int
    acceptance: NDArray[np.float64]
    verdict: Verdict | None = None
    weights: NDArray[np.float64] | None = None
    companions: NDArray[np.float64] | None = None
    warnings: tuple[str, ...] = ()
    restarted: int = 0
    seconds: float = 0.0
    details: dict[str, float] = field(default_factory=dict)

    @property
    def converged(self) -> bool:
        """Whether the stop rule was satisfied."""
        return self.status == "converged"

    @property
    def flat(self) -> NDArray[np.float64]:
        """All draws, (chains x draws, parameters)."""
        return self.controls.reshape(-1, self.controls.shape[-1])

    @property
    def flat_weights(self) -> NDArray[np.float64]:
        """Weight of every draw of `flat`; they sum to 1."""
        count = self.flat.shape[0]
        return np.full(count, 1.0 / count) if self.weights is None else self.weights.reshape(-1)

    def mean(self) -> NDArray[np.float64]:
        """Posterior mean of the control vector; shape (parameters,)."""
        return np.asarray(self.flat_weights @ self.flat)

    def covariance(self) -> NDArray[np.float64]:
        """Posterior covariance of the control vector; shape (parameters, parameters)."""
        return np.atleast_2d(np.cov(self.flat, rowvar=False, aweights=self.flat_weights, ddof=0))

    def equal_draws(self, count: int, seed: int) -> NDArray[np.float64]:
        """`count` draws of equal weight (count, parameters), by systematic resampling of all draws in random order."""
        generator = np.random.default_rng(seed)
        order = generator.permutation(self.flat.shape[0])
        edges = np.cumsum(self.flat_weights[order])
        points = (np.arange(count) + generator.random()) / count * edges[-1]
        return self.flat[order[np.minimum(np.searchsorted(edges, points, side="right"), order.size - 1)]]

    def summary(self) -> str:
        """A table of mean, standard deviation and diagnostics, one parameter a line, under a line on the whole."""
        deviation = np.sqrt(np.diag(self.covariance()))
        lines = [f"{self.method}: {self.status} after {self.runs} runs ({self.failed} failed). {self.message}",
                 f"{'parameter':<24}{'mean':>12}{'sd':>12}{'mcse':>10}{'R-hat':>9}{'ESS bulk':>10}{'ESS tail':>10}"]
        error = np.full(len(self.names), np.nan)
        if self.weights is None:
            error = np.asarray(mean_standard_error(self.controls))
        for i, (name, mean) in enumerate(zip(self.names, self.mean(), strict=True)):
            found = (np.nan, np.nan, np.nan)
            if self.verdict is not None:
                found = (self.verdict.rhat[i], self.verdict.bulk[i], self.verdict.tail[i])
            lines.append(f"{name:<24}{mean:>12.5g}{deviation[i]:>12.5g}{error[i]:>10.2g}{found[0]:>9.3f}{found[1]:>10.0f}"
                         f"{found[2]:>10.0f}")
        return "\n".join([*lines, *(f"warning: {words}" for words in self.warnings)])

    def groups(self, transform: Transform | None = None, most_draws: int = 200_000) -> dict[str, Any]:
        """Datasets by group name: posterior, unconstrained_posterior, sample_stats (not for weighted draws), diagnostics.

        `transform` maps controls (n, parameters) to physical values of the same shape; without it `posterior` holds the
        controls. Chains are walkers, with their ensemble as a coordinate; R-hat across ensembles is in `diagnostics`
        (R-hat across walkers is larger, for walkers are short). Chains are thinned evenly to `most_draws` in all; weighted
        draws are resampled to equal weight.
        """
        import xarray as xr

        controls: NDArray[np.float64] = self.controls
        density: NDArray[np.float64] | None = self.log_density
        if self.weights is not None:
            count = min(max(int(1.0 / float((self.flat_weights**2).sum())), 100), most_draws)
            controls, density = self.equal_draws(count, seed=0)[np.newaxis], None
        else:
            step = max(int(np.ceil(controls.shape[0] * controls.shape[1] / most_draws)), 1)
            controls, density = controls[:, ::step], self.log_density[:, ::step]
        ensemble = self.ensemble if self.weights is None else np.zeros(1, np.int64)
        physical = controls
        if transform is not None:
            physical = np.asarray(transform(controls.reshape(-1, controls.shape[-1]))).reshape(controls.shape)
        coordinates = {"chain": np.arange(controls.shape[0]), "draw": np.arange(controls.shape[1]),
                       "ensemble": ("chain", ensemble)}
        groups = {"posterior": self._draws(physical, coordinates),
                  "unconstrained_posterior": self._draws(controls, coordinates)}
        if density is not None:
            groups["sample_stats"] = xr.Dataset({"lp": (("chain", "draw"), density)}, coordinates)
        groups["diagnostics"] = self._diagnostics()
        stamp = {"created_at": datetime.now(UTC).isoformat(timespec="seconds"), "inference_library": "terraflux",
                 "sampler": self.method, "status": self.status, "message": self.message, "runs": self.runs,
                 "failed_runs": self.failed, "warnings": "; ".join(self.warnings)}
        return {name: group.assign_attrs(stamp) for name, group in groups.items()}

    def to_netcdf(self, path: str | os.PathLike[str], transform: Transform | None = None,
                  most_draws: int = 200_000) -> Path:
        """Write the `groups` as `arviz.from_netcdf` reads them.

        Whole or not at all; raises OSError where the folder cannot be written.
        """
        return write_groups(path, self.groups(transform, most_draws))

    def _draws(self, values: NDArray[np.float64], coordinates: dict):
        import xarray as xr

        return xr.Dataset({name: (("chain", "draw"), values[:, :, i]) for i, name in enumerate(self.names)}, coordinates)

    def _diagnostics(self):
        import xarray as xr

        data = {"acceptance": ("ensemble_number", self.acceptance)}
        labels = list(self.names)
        if self.verdict is not None:
            labels = list(self.verdict.names)
            verdict = self.verdict
            data |= {"rhat": ("quantity", verdict.rhat), "ess_bulk": ("quantity", verdict.bulk),
                     "ess_tail": ("quantity", verdict.tail), "autocorrelation_time": ("quantity", verdict.autocorrelation)}
        described = xr.Dataset(data, {"quantity": np.array(labels, dtype=str)})
        return described.assign_attrs({f"detail_{name}": value for name, value in self.details.items()})


def write_groups(path: str | os.PathLike[str], groups: Mapping[str, Any], attributes: Mapping[str, Any] | None = None,
                 compressed: bool = False) -> Path:
    """Write datasets as groups of one netCDF file, with attributes of the file itself; whole or not at all.

    Raises OSError where the folder cannot be written.
    """
    import xarray as xr

    with replacing(path) as temporary:
        told = {"Conventions": "CF-1.8", "title": "draws and diagnostics", "history": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} "
                "written by terraflux"} | dict(attributes or {})
        xr.Dataset(attrs=told).to_netcdf(temporary, mode="w", engine="netcdf4")
        for name, group in groups.items():
            packed = {key: {"zlib": True, "complevel": 2} for key, one in group.data_vars.items()
                      if compressed and one.dtype.kind in "fi" and one.ndim}
            group.to_netcdf(temporary, mode="a", group=name, engine="netcdf4", encoding=packed)
    return Path(path)
