"""What a homogeneous run cannot see: the error of a half hour by a footprint of other shares than the modelled land.

    mixed = tower_columns(tower, classes=observed)                 # one column per land-cover class
    wider = inflated(observed, mixed, target_class=1)              # observations for the operator "inflation"

sigma_rep = |sum over classes p of (w_p - W_p) f_p|, w_p the share of class p in the captured footprint, W_p that in the
modelled land, f_p the flux of the class from runs with default parameters or with draws from their prior (specification,
2.4), frozen before the fit. Unlike the operator of `sites.tower_observations`, which goes through a vegetation index, this
takes the model's own contrast between the classes.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.laplace import DIFFERENCE, LaplacePosterior
from terraflux.assimilation.observed_streams import CARBON_PER_MICROMOLE
from terraflux.assimilation.parameter_rows import ProblemError
from terraflux.assimilation.parameter_space import ParameterSpace
from terraflux.assimilation.residuals import LeastSquares, sensitivity
from terraflux.assimilation.tower_columns import TowerColumns, class_shares
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.model.weave.streams import Stream as ModelStream
from terraflux.sites.observation_weights import observation_weights
from terraflux.sites.observations import ClassFractions, Stream, observations

Floats = NDArray[np.float64]
ClassParameters = Mapping[str, Mapping[str, ArrayLike]]
KEPT = ("wind_direction", "footprint_reason", "footprint_caution")
"""What is known of a row whatever the operator."""
CARBON_STREAMS = ("net_ecosystem_exchange", "gross_primary_production")


def class_fluxes(columns: TowerColumns, names: Sequence[str], parameters: ClassParameters | None = None) -> dict[str, Floats]:
    """{stream: fluxes (classes, runs, steps)} of every plant type of `columns` over the record, in units of the observations.

    `parameters` {plant type: {name: value, or values (runs,)}} replace defaults. Raises ProblemError where a column fails.
    """
    steps = columns.times.size
    streams = [ModelStream(name, np.arange(steps)) for name in names]
    runs = max((np.size(value) for given in (parameters or {}).values() for value in given.values()), default=1)
    found: dict[str, list[Floats]] = {name: [] for name in names}
    for plant in columns.sets:
        given = dict((parameters or {}).get(plant, {}))
        theta = np.empty((runs, len(given)))
        for place, value in enumerate(given.values()):
            theta[:, place] = value
        run = columns.evaluator(plant, tuple(given), slice(0, steps), streams).evaluate(theta)
        if run.failed.any():
            raise ProblemError(f"the model fails for the class {plant} at {columns.tower.site.site_id} in {run.failed.sum()} "
                               f"of {runs} runs")
        for name in names:
            found[name].append(run.values[name] / (CARBON_PER_MICROMOLE if name in CARBON_STREAMS else 1.0))
    return {name: np.stack(rows) for name, rows in found.items()}


def prior_parameters(space: ParameterSpace, columns: TowerColumns, count: int, seed: int = 0) -> ClassParameters:
    """Parameters (count,) of every plant type drawn from the prior of a problem for the operator mixture."""
    values = space.expand(space.draw(np.random.default_rng(seed), count))
    made = {}
    for plant in columns.sets:
        names, places = space.columns_of(plant)
        made[plant] = dict(zip(names, values[:, places].T, strict=True))
    return made


def class_mismatch(observed: xr.Dataset, columns: TowerColumns, land: Mapping[str, float],
                   parameters: ClassParameters | None = None) -> dict[str, Floats]:
    """{stream: sum over classes of (w_p - W_p) f_p, (runs, rows)}: what a run of the modelled land lacks.

    NaN where a row has no footprint. `columns` are one per vegetated class, `land` {plant type: share} is the land that the
    homogeneous run stands for.
    """
    plants = list(columns.sets)
    if any(plant not in plants for plant in land) or abs(sum(land.values()) - 1.0) > 1e-6:
        raise ProblemError(f"the shares of the modelled land sum to {sum(land.values()):g} over {', '.join(land)}; they must "
                           f"sum to 1 over {', '.join(plants)}")
    fluxes = class_fluxes(columns, str(observed.attrs["streams"]).split(), parameters)
    times = observed["time"].values
    place = np.clip(np.searchsorted(columns.times, times), 0, columns.times.size - 1)
    present = columns.times[place] == times
    surplus = shares_of_plants(observed, plants) - np.array([land.get(plant, 0.0) for plant in plants])
    return {name: np.where(present, np.einsum("tp,prt->rt", surplus, flux[:, :, place]), np.nan)
            for name, flux in fluxes.items()}


def shares_of_plants(observed: xr.Dataset, plants: list[str]) -> Floats:
    """Share of every plant type in the modelled part of each footprint (rows, plants); NaN without a footprint."""
    fraction = observed["class_fraction"].transpose("time", "land_cover_class").values
    place = class_shares(observed, plants)
    phi = np.stack([fraction[:, place == k].sum(axis=1) for k in range(len(plants))], axis=1)
    whole = phi.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(whole > 0.0, phi / whole, np.nan))


def class_fractions(observed: xr.Dataset) -> ClassFractions:
    """The class fractions of a dataset of observations."""
    return ClassFractions(observed["class_fraction"].transpose("time", "land_cover_class").values,
                          [int(code) for code in observed["class_code"].values],
                          [str(name) for name in observed["class_name"].values],
                          [str(plant) for plant in observed["class_plant_type"].values])


def for_operator(observed: xr.Dataset, operator: str, *, target_class: int | None = None,
                 representativeness: Mapping[str, ArrayLike] | None = None, location_bias: ArrayLike | None = None,
                 least_target_fraction: float | None = None) -> xr.Dataset:
    """Observations made anew for another footprint operator, from values, errors and class fractions of a dataset.

    Raises ValueError as `observation_weights` and `observations`: operators are not mixed.
    """
    rows = observed.sizes["time"]
    classes = class_fractions(observed)
    if operator == "site":
        weights = observation_weights("site", rows=rows)
    else:
        if target_class is None and operator != "mixture":
            raise ValueError(f"the operator {operator!r} models one class; give target_class")
        target = np.where(classes.captured() >= 0.0, 1.0, np.nan) if target_class is None else classes.of(target_class)
        weights = observation_weights(operator, classes.captured(), target, location_bias,
                                      least_target_fraction=least_target_fraction)
    streams = []
    for name in str(observed.attrs["streams"]).split():
        extra = None if representativeness is None else representativeness[name]
        streams.append(Stream(name, observed[name].values, observed[f"{name}_random_sigma"].values,
                              observed[f"{name}_quality"].values, extra))
    made = observations(observed["time"].values, int(observed.attrs["step_seconds"]), streams, weights,
                        site_id=str(observed.attrs["site_id"]), utc_offset_hours=float(observed.attrs["utc_offset_hours"]),
                        classes=classes, target_class=target_class,
                        footprint_model=str(observed.attrs.get("footprint_model", "")),
                        maximum_quality=int(observed.attrs.get("maximum_quality", 0)))
    return made.assign({name: observed[name] for name in KEPT if name in observed})


def inflated(observed: xr.Dataset, columns: TowerColumns, target_class: int,
             parameters: ClassParameters | None = None) -> xr.Dataset:
    """Observations for the operator "inflation": one class is modelled, what others add to a half hour is error.

    sigma_rep is the root mean square of the mismatch over the runs that `parameters` ask for (see `class_fluxes`).
    """
    classes = class_fractions(observed)
    if target_class not in classes.code:
        raise ValueError(f"class {target_class} is not among the classes {', '.join(map(str, classes.code))}")
    plant = classes.plant_type[list(classes.code).index(target_class)]
    mismatch = class_mismatch(observed, columns, {plant: 1.0}, parameters)
    return for_operator(observed, "inflation", target_class=target_class, representativeness={
        name: np.sqrt(np.mean(one**2, axis=0)) for name, one in mismatch.items()})


def shared_error(target: TowerProblem, normal: LaplacePosterior, observed: xr.Dataset, mismatch: Mapping[str, Floats]
                 ) -> Floats:
    """Covariance (p, p) that the mismatch of `class_mismatch` adds to a normal posterior, as one error that all rows share.

    Inflation treats what other classes add as new in every half hour; in truth it has the same sign whenever the wind comes
    from there. To first order a mismatch d shifts the posterior by H^-1 J^T R^-1 d; the covariance is the mean of the outer
    products of these shifts over the runs (a consider covariance: Schmidt 1966, Adv. Control Systems 3:293).
    """
    fixed = target.with_noise(normal.mean)
    squares = LeastSquares(fixed)
    columns = target.mean_columns
    centre = normal.mean[columns]
    slopes = sensitivity(squares, centre, DIFFERENCE, squares.predict(centre[None])[0])
    times = observed["time"].values
    runs = len(next(iter(mismatch.values())))
    d = np.zeros((runs, target.observed.size))
    for one in target.streams:
        if one.choice.variable not in mismatch or one.choice.average != "step":
            continue
        place = np.searchsorted(times, one.when)
        d[:, target.parts[one.name]] = mismatch[one.choice.variable][:, place]
    if not np.isfinite(d).all():
        raise ProblemError("an observation in use has no footprint, so its mismatch is unknown; give it no weight")
    shifts = np.zeros((runs, normal.mean.size))
    shifts[:, columns] = (squares.scaled(d) * squares.information()) @ slopes.T
    shifts = shifts @ normal.covariance
    return np.asarray(shifts.T @ shifts / runs)
