"""Land cover of footprint and target area compared (Chu et al. 2021, AFM 301-302:108350), with a distance that needs no counts.

Chu's classes: HIGH where the class holds >= 80 % of both footprint and target area and a chi-square test does not tell the two
compositions apart (p >= 0.05), MEDIUM where it holds >= 50 % of both, LOW otherwise. The test needs counts, and its p depends
on how many one declares: `pseudo_count` (default 100, as if the shares were percentages) replaces the number of cells, which
would make the answer hang on the grid. The Bray-Curtis distance, half the sum of |p - q|, has no such number.
"""

from dataclasses import dataclass

import numpy as np

from terraflux.sites.raster_grid import Raster, RasterError
from terraflux.sites.representativeness.target_vegetation import class_shares

HIGH_SHARE, MEDIUM_SHARE, SIGNIFICANCE = 0.8, 0.5, 0.05
PSEUDO_COUNT = 100.0


@dataclass(frozen=True)
class LandCoverSimilarity:
    """`footprint` and `area`: share (0..1) of every class code. `footprint_share`, `area_share` of the class that is compared.

    `chi_square` with `degrees` of freedom and `probability` (p); `bray_curtis` 0 (equal) to 1 (disjoint); `rating` HIGH,
    MEDIUM or LOW.
    """

    footprint: dict[int, float]
    area: dict[int, float]
    target: tuple[int, ...]
    footprint_share: float
    area_share: float
    chi_square: float
    degrees: int
    probability: float
    bray_curtis: float
    rating: str


def land_cover_similarity(footprint: np.ndarray, classes: Raster, area: np.ndarray, target: tuple[int, ...] | None = None, *,
                          pseudo_count: float = PSEUDO_COUNT) -> LandCoverSimilarity:
    """Compares footprint-weighted and area composition of a class raster within `area` (ny, nx; bool).

    `target` class codes (together one class); without them the class that holds most of the footprint.
    """
    from scipy.stats import chi2

    seen, _ = class_shares(footprint, classes)
    inside = classes.values[np.asarray(area, dtype=bool) & np.isfinite(classes.values)].astype(np.int64)
    if not seen or inside.size == 0:
        raise RasterError("footprint or target area has no class", file=classes.source, variable=classes.name,
                          remedy="check the legend and the nodata code")
    codes, counts = np.unique(inside, return_counts=True)
    there = {int(code): float(count) / inside.size for code, count in zip(codes, counts)}
    every = sorted(set(seen) | set(there))
    p, q = (np.array([shares.get(code, 0.0) for code in every]) for shares in (seen, there))
    chosen = tuple(target) if target else (every[int(np.argmax(p))],)
    expected = 0.5 * (p + q)
    used = expected > 0
    statistic = pseudo_count * float((((p - q)[used] / 2) ** 2 / expected[used]).sum()) * 2.0
    degrees = int(used.sum()) - 1
    probability = float(chi2.sf(statistic, degrees)) if degrees > 0 else 1.0
    mine, theirs = (float(sum(shares.get(code, 0.0) for code in chosen)) for shares in (seen, there))
    least = min(mine, theirs)
    rating = ("HIGH" if least >= HIGH_SHARE and probability >= SIGNIFICANCE else
              "MEDIUM" if least >= MEDIUM_SHARE else "LOW")
    return LandCoverSimilarity(seen, there, chosen, mine, theirs, statistic, degrees, probability,
                               0.5 * float(np.abs(p - q).sum()), rating)
