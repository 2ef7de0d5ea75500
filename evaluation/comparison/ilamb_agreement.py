"""Does terraflux find what ILAMB finds? Every scalar of a study made again from the files that ILAMB read."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from terraflux.drivers.errors import ForcingError
from terraflux.evaluation.comparison.ilamb_numbers import IlambResult, Key, compared, ilamb_numbers, on_union, read_ilamb
from terraflux.evaluation.comparison.ilamb_study import MODELS, STUDY_VARIABLES, IlambStudy, reference_file, region_label
from terraflux.evaluation.comparison.polygons import Shape
from terraflux.evaluation.comparison.read_product import read_product
from terraflux.evaluation.comparison.regions import WHOLE, region_shares


@dataclass(frozen=True)
class Agreement:
    """One confrontation: what ILAMB found, and rows (key, ours, ILAMB's, difference) with the largest difference first.

    Differences are relative for means and totals, of RMSE and bias relative to the mean of the reference, absolute for scores
    and shifts. `lacking` are numbers that only one of the two has.
    """

    variable: str
    result: IlambResult
    rows: list[tuple[Key, float, float, float]]
    lacking: list[Key]

    @property
    def largest(self) -> float:
        """The largest difference."""
        return self.rows[0][3] if self.rows else 0.0


def agreement_with_ilamb(study: IlambStudy, build: str | os.PathLike[str], regions: Sequence[Shape] = ()) -> list[Agreement]:
    """Compare every scalar of a finished study (`run_study`) with ours. `regions` are those that it was written with.

    Reference and model must have the same cells where both reach: on others ILAMB takes the nearest cell, terraflux regrids
    conservatively. Raises ForcingError for a confrontation without results, ValueError for other cells.
    """
    by_title = {STUDY_VARIABLES[name].title.replace(" ", ""): name for name in STUDY_VARIABLES}
    results = {(by_title.get(one.variable, ""), one.source): one for one in read_ilamb(build)}
    found = []
    for name, source in study.confrontations:
        result = results.get((name, source))
        if result is None:
            raise ForcingError(f"ILAMB has no result for {name} against {source}", file=build, variable=name,
                               remedy="look at the log in that folder")
        path = next(iter(sorted(study.folder.glob(f"{MODELS}/{result.model}/{name}_*.nc"))))
        simulated = read_product(path, name, name="simulated")
        reference = read_product(reference_file(study.data, name, source), name, name="reference")
        simulated, reference = on_union(simulated, reference)
        shares = region_shares(regions, simulated.latitude_edges, simulated.longitude_edges)
        ours = ilamb_numbers(simulated, reference, {region_label(key): one for key, one in shares.items() if key != WHOLE},
                             totals=STUDY_VARIABLES[name].totals)
        found.append(Agreement(name, result, compared(ours, result.numbers), sorted(ours.keys() ^ result.numbers.keys())))
    return found
