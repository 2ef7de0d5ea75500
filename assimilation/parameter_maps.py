"""From posteriors of plant types to parameters everywhere: members, maps and their spread.

    draws = new_site_draws(hierarchies, members=50)            # {plant type: {parameter: (members,)}}
    write_parameter_maps("parameters.nc", draws, fractions)    # fractions: DataArray (plant_type, lat, lon)
    write_plant_parameters("parameters.toml", draws)

A map draws the parameters of a plant type as those of a site not yet seen, mu + tau z: the spread between sites, not the small
uncertainty of the mean, is what an unvisited pixel does not know. All pixels of a plant type share a member's draw, plant
types are independent. A pixel's value is the mean over its plant types by their fractions; plant types without a posterior
keep the parameter table's value. `linear_spread` is the first-order spread of any output, for 2p runs in place of 50.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.hierarchy import Hierarchy
from terraflux.assimilation.hierarchy_file import PlantTypeHierarchy
from terraflux.assimilation.laplace import DIFFERENCE
from terraflux.assimilation.parameter_file import FORMAT as TOML_FORMAT
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.problem_file import toml_value
from terraflux.drivers.errors import nearest
from terraflux.drivers.safe_write import replacing, write_text
from terraflux.model.parameter_table import parameter_entries, plant_types
from terraflux.model.parameters import parameters as parameter_set

Floats = NDArray[np.float64]
Draws = Mapping[str, Mapping[str, ArrayLike]]
FORMAT = "terraflux parameter maps 1"
MEMBERS = 50
LEVELS = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
FULL = 1.0 + 1e-3
"""Fractions of a pixel may add up to a little more than 1 by rounding."""


@dataclass(frozen=True, eq=False)
class ParameterMap:
    """One parameter: `members` (members, lat, lon) and, on (lat, lon), mean, standard deviation and quantiles of them; NaN
    where no plant type grows. `calibrated` (lat, lon) is the part of the plants whose type has a posterior."""

    name: str
    members: Floats
    calibrated: Floats

    @property
    def mean(self) -> Floats:
        """Mean of the members (lat, lon)."""
        return np.asarray(self.members.mean(axis=0))

    @property
    def deviation(self) -> Floats:
        """Standard deviation of the members (lat, lon)."""
        return np.asarray(self.members.std(axis=0, ddof=1))

    def quantile(self, level: float) -> Floats:
        """Quantile of the members (lat, lon)."""
        return np.asarray(np.quantile(self.members, level, axis=0))


def new_site_draws(found: Mapping[str, PlantTypeHierarchy], members: int = MEMBERS, seed: int = 0
                   ) -> dict[str, dict[str, Floats]]:
    """{plant type: {parameter: (members,)}} of sites not yet seen, parameters of a draw together, plant types independent."""
    made = {}
    for number, (code, one) in enumerate(found.items()):
        random = np.random.default_rng([seed, number])
        values = one.space.parameters(new_site_controls(one.hierarchy, members, random))
        made[code] = {key.partition("@")[0]: np.asarray(value) for key, value in values.items()
                      if key.partition("@")[2] in ("", code)}
    return made


def new_site_controls(found: Hierarchy, members: int, random: np.random.Generator) -> Floats:
    """Control vectors (members, p) of sites not yet seen, mu + tau z with z in the middles of the strata of a Latin hypercube.

    Each parameter's range is then met evenly: a few members know their spread better than as many random ones.
    """
    from scipy.special import ndtri
    from scipy.stats.qmc import LatinHypercube

    z = ndtri(LatinHypercube(found.mean.shape[1], scramble=False, rng=random).random(members))
    chosen = random.permutation(np.linspace(0, len(found.mean) - 1, members).round().astype(int))
    return np.asarray(found.mean[chosen] + found.spread[chosen] * z)


def parameter_map(name: str, draws: Draws, fractions: xr.DataArray) -> ParameterMap:
    """The map of one parameter: sum over plant types of fraction times value, over the sum of fractions.

    `fractions` (plant_type, lat, lon) hold codes of the parameter table on `plant_type`, values 0..1 and NaN for 0. Raises
    ProblemError for a plant type or parameter that does not exist, and fractions outside their range.
    """
    codes, share = _shares(fractions)
    members = _members(draws)
    if not any(name in given for given in draws.values()):
        raise ProblemError(f"no plant type has draws of {name!r}; {nearest(name, _names(draws))}")
    whole = share.sum(axis=0)
    total = np.zeros((members, *whole.shape))
    calibrated = np.zeros(whole.shape)
    for code, part in zip(codes, share, strict=True):
        known = name in draws.get(code, {})
        values = np.asarray(draws[code][name], np.float64) if known else np.full(members, _default(code, name))
        total += values[:, None, None] * part
        calibrated += part if known else 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        values, known_part = (np.where(whole > 0.0, one / whole, np.nan) for one in (total, calibrated))
    return ParameterMap(name, values, known_part)


def write_parameter_maps(path: str | os.PathLike[str], draws: Draws, fractions: xr.DataArray, *, history: str = "") -> Path:
    """Write all parameters, one after another, to a CF netCDF file; returns its path.

    For a parameter X: X_mean, X_sd, X_q05, X_q50, X_q95 and X_calibrated (lat, lon), X_members (member, lat, lon), and
    X itself (plant_type, member), the values that the maps are made of and that a regional run takes. Raises ProblemError
    as `parameter_map`, OSError where the file cannot be written.
    """
    codes, _ = _shares(fractions)
    members = _members(draws)
    with replacing(path) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF4") as file:
        _write_axes(file, fractions, codes, members)
        for name in _names(draws):
            made = parameter_map(name, draws, fractions)
            entry = parameter_entries()[name]
            for suffix, (values, what) in _layers(made).items():
                dims = ("member", "lat", "lon") if suffix == "members" else ("lat", "lon")
                _write(file, f"{name}_{suffix}", dims, values, "1" if suffix == "calibrated" else entry.unit,
                       f"{entry.long_name}, {what}")
            table = np.stack([np.asarray(draws[code][name], np.float64) if name in draws.get(code, {})
                              else np.full(members, _default(code, name)) for code in codes])
            _write(file, name, ("plant_type", "member"), table, entry.unit,
                   f"{entry.long_name} of the plant types")
        file.setncatts({"Conventions": "CF-1.8", "format": FORMAT, "title": "Parameters from posteriors of plant types",
                        "parameters": " ".join(_names(draws)), "history": history or "written",
                        "calibrated_plant_types": " ".join(draws)})
    return Path(path)


def write_plant_parameters(path: str | os.PathLike[str], draws: Draws, *, options: Mapping[str, str | int] | None = None
                           ) -> Path:
    """Write the values of plant types as a parameters.toml, rows "name@PLANT" with median as mode, mean, sd and quantiles.

    It is read by `read_parameters`; `options` are the processes that the parameters were fitted with.
    """
    lines = ["# Parameters of plant types at sites not yet seen, from posteriors of towers.",
             f"format = {toml_value(TOML_FORMAT)}", f"plant_types = {toml_value(dict.fromkeys(draws, 1.0))}"]
    if options:
        lines += ["", "[options]", *(f"{key} = {toml_value(value)}" for key, value in options.items())]
    for code, given in draws.items():
        for name, drawn in given.items():
            values = np.asarray(drawn, np.float64)
            lines += ["", f"[parameters.{toml_value(f'{name}@{code}')}]", 'status = "free"',
                      f"unit = {toml_value(parameter_entries()[name].unit)}", f"default = {toml_value(_default(code, name))}",
                      f"mode = {toml_value(float(np.median(values)))}", f"mean = {toml_value(float(values.mean()))}",
                      f"sd = {toml_value(float(values.std(ddof=1)))}",
                      *(f"{key} = {toml_value(float(np.quantile(values, level)))}" for key, level in (
                          ("q05", 0.05), ("q25", 0.25), ("q50", 0.5), ("q75", 0.75), ("q95", 0.95)))]
    return write_text(path, "\n".join(lines) + "\n")


def new_site_moments(found: Hierarchy) -> tuple[Floats, Floats]:
    """Mean (p,) and covariance (p, p), in u, of sites not yet seen: spread between sites and uncertainty of their mean."""
    between = np.diag((found.spread**2).mean(axis=0))
    return np.asarray(found.mean.mean(axis=0)), between + np.atleast_2d(np.cov(found.mean.T))


def linear_spread(outputs: Callable[[Floats], Floats], centre: ArrayLike, covariance: ArrayLike,
                  difference: float = DIFFERENCE) -> Floats:
    """First-order standard deviation (k,) of outputs(u (R, p)) -> (R, k): (g C g^T)^1/2, g by central differences; 2p runs."""
    point, spread = np.asarray(centre, np.float64), np.asarray(covariance, np.float64)
    moves = np.eye(point.size) * difference
    values = np.asarray(outputs(np.concatenate([point + moves, point - moves])), np.float64)
    slopes = (values[:point.size] - values[point.size:]) / (2.0 * difference)
    return np.asarray(np.sqrt(np.einsum("ik,ij,jk->k", slopes, spread, slopes)))


# ---------------------------------------------------------------------------------------------- inside


def _names(draws: Draws) -> list[str]:
    return list(dict.fromkeys(name for given in draws.values() for name in given))


def _members(draws: Draws) -> int:
    sizes = {np.size(values) for given in draws.values() for values in given.values()}
    if len(sizes) != 1 or min(sizes) < 2:
        raise ProblemError(f"plant types have {', '.join(map(str, sorted(sizes))) or 'no'} members; give all the same "
                           "number, 2 or more")
    for code, given in draws.items():
        if code not in plant_types():
            raise ProblemError(f"unknown plant type {code!r}; {nearest(code, plant_types())}")
        for name, values in given.items():
            if name not in parameter_entries():
                raise ProblemError(f"unknown parameter {name!r} of {code}; {nearest(name, parameter_entries())}")
            if not np.isfinite(np.asarray(values, np.float64)).all():
                raise ProblemError(f"draws of {name} of {code} are not all finite; leave failed draws out")
    return sizes.pop()


def _shares(fractions: xr.DataArray) -> tuple[list[str], Floats]:
    missing = [axis for axis in ("plant_type", "lat", "lon") if axis not in fractions.dims]
    if missing or "plant_type" not in fractions.coords:
        raise ProblemError(f"fractions have the axes {', '.join(map(str, fractions.dims))}; they need plant_type (with "
                           "codes), lat and lon")
    codes = [str(code) for code in fractions["plant_type"].values]
    for code in codes:
        if code not in plant_types():
            raise ProblemError(f"unknown plant type {code!r} among the fractions; {nearest(code, plant_types())}")
    share = np.nan_to_num(fractions.transpose("plant_type", "lat", "lon").values.astype(np.float64), nan=0.0)
    if share.min(initial=0.0) < 0.0 or share.sum(axis=0).max(initial=0.0) > FULL:
        raise ProblemError(f"fractions of plant types lie in {share.min():g}..{share.max():g} and sum to up to "
                           f"{share.sum(axis=0).max():g}; give shares of the pixel, 0 to 1")
    return codes, share


def _default(code: str, name: str) -> float:
    """The table's value of a plant type; ProblemError where it goes by soil, so that no one value holds."""
    if code not in parameter_entries()[name].values:
        raise ProblemError(f"{name} does not go by plant type, so {code} has no default of its own; give draws for every "
                           "plant type")
    return float(np.ravel(parameter_set(code, "loam")[name])[0])


def _layers(made: ParameterMap) -> dict[str, tuple[Floats, str]]:
    return {"mean": (made.mean, "mean of members"), "sd": (made.deviation, "standard deviation of members"),
            **{key: (made.quantile(level), f"{level:g} quantile of members") for key, level in LEVELS.items()},
            "calibrated": (made.calibrated, "part of the plants whose type has a posterior"),
            "members": (made.members, "members")}


def _write(file: netCDF4.Dataset, name: str, dims: tuple[str, ...], values: Floats, units: str, long_name: str) -> None:
    variable = file.createVariable(name, "f4", dims, zlib=True, fill_value=np.float32(np.nan))
    variable.setncatts({"units": units, "long_name": long_name})
    variable[:] = values


def _write_axes(file: netCDF4.Dataset, fractions: xr.DataArray, codes: list[str], members: int) -> None:
    for name, standard, units in (("lat", "latitude", "degrees_north"), ("lon", "longitude", "degrees_east")):
        file.createDimension(name, fractions.sizes[name])
        axis = file.createVariable(name, "f8", (name,))
        axis.setncatts({"standard_name": standard, "long_name": standard, "units": units,
                        "axis": "Y" if name == "lat" else "X"})
        axis[:] = fractions[name].values
    for name, size in (("plant_type", len(codes)), ("member", members)):
        file.createDimension(name, size)
    kind = file.createVariable("plant_type", str, ("plant_type",))
    kind.setncatts({"long_name": "plant type of the model"})
    kind[:] = np.array(codes, dtype=object)
    number = file.createVariable("member", "i4", ("member",))
    number.setncatts({"long_name": "member, one draw for all pixels of a plant type", "standard_name": "realization",
                      "units": "1"})
    number[:] = np.arange(members)


