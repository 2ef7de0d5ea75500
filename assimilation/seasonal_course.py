"""The season that a calibration found: as a run carries it, and as values of the parameters over the year.

    season = fitted_season(fit.target, fit.mode)
    for course in seasonal_courses(fit):
        print(course.key, course.monthly(course.mode))
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.assimilation.fit import Fit
from terraflux.assimilation.posterior_file import unit_of
from terraflux.assimilation.seasonal import SeasonalColumns
from terraflux.assimilation.seasonal_space import ACTS_ON, SeasonalSpace
from terraflux.assimilation.tower_problem import TowerProblem
from terraflux.drivers.season import Season

Floats = NDArray[np.float64]
MOST_DRAWS = 300
BAND = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class SeasonalCourse:
    """One parameter with a season, day by day over the years of calibration.

    `key` is name or name@PLANT, `default` what it was before, without season; `days` (D,); `mode`, `low`, `high` (D,) are
    its values at the best point and the ends of the central 90 % of the posterior.
    """

    key: str
    unit: str
    default: float
    days: NDArray[np.datetime64]
    mode: Floats
    low: Floats
    high: Floats

    @property
    def months(self) -> NDArray[np.int64]:
        """Calendar months (1..12) of which there are days."""
        return np.unique(self._month)

    def monthly(self, values: Floats) -> Floats:
        """Means of daily values (D,) over each of `months`."""
        return np.asarray([values[self._month == month].mean() for month in self.months])

    @property
    def _month(self) -> NDArray[np.int64]:
        return np.asarray(self.days.astype("datetime64[M]").astype(np.int64) % 12 + 1)


def has_season(target: TowerProblem) -> bool:
    """Whether a tower problem has a season."""
    return isinstance(target.space, SeasonalSpace) and isinstance(target.columns, SeasonalColumns)


def fitted_season(target: TowerProblem, control: ArrayLike) -> Season:
    """The season of one control vector (p,)."""
    space, columns = target.space, target.columns
    assert isinstance(space, SeasonalSpace) and isinstance(columns, SeasonalColumns)
    weights = space.weights(np.asarray(control, np.float64)[np.newaxis])[0]
    return Season(columns.basis, {plant: tuple(map(float, own)) for plant, own in zip(space.plants, weights, strict=True)})


def seasonal_courses(fit: Fit) -> list[SeasonalCourse]:
    """A course for every parameter of the problem that the season multiplies; none without a season."""
    target = fit.target
    space, columns = target.space, target.columns
    if not (isinstance(space, SeasonalSpace) and isinstance(columns, SeasonalColumns)):
        return []
    per_day = max(round(86400.0 / columns.time_step), 1)
    noon = np.arange(target.span.start + per_day // 2, target.span.stop, per_day)
    days, terms = columns.times[noon].astype("datetime64[D]"), columns.terms[noon]
    chosen = fit.draws[np.linspace(0, len(fit.draws) - 1, min(MOST_DRAWS, len(fit.draws))).astype(int)]
    control = np.concatenate([np.asarray(fit.mode)[np.newaxis], chosen])
    level, weights = space.parameters(control), space.weights(control)
    courses = []
    for one in space.rows:
        if one.row.name not in ACTS_ON[columns.options.photosynthesis]:
            continue
        for number, plant in enumerate(space.plants):
            own = one.row.plant_type
            if plant and own and plant != own:
                continue
            values = level[one.row.key][:, np.newaxis] * np.exp(weights[:, number] @ terms.T)
            low, high = np.quantile(values[1:], BAND, axis=0)
            courses.append(SeasonalCourse(one.row.key if own or not plant else f"{one.row.name}@{plant}", unit_of(one.row.key),
                                          float(one.default), days, values[0], low, high))
    return courses
