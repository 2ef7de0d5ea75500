"""Vegetation carbon: what growth makes of labile carbon goes to leaves, stems, coarse and fine roots, which shed litter.

Shares and turnover are fixed per plant type (Ju & Chen 2005). Maintenance that no labile carbon can pay, as in winter, is
taken from the pools by the same shares; what a nearly empty pool cannot give is drawn from the others in proportion to
their size. Turnover is exponential, so no pool turns negative.
"""

from terraflux.model.weave import process
from terraflux.model.weave.lane_math import expm1

SECONDS_PER_YEAR = 365.25 * 86400.0
PER_YEAR = 1.0 / SECONDS_PER_YEAR  # s-1
EMPTY = 1e-30  # g m-2, guards a division


def allocation_shares(allocation_foliage, allocation_stem, allocation_coarse_root, allocation_fine_root):
    """Shares of foliage, stem, coarse and fine root, scaled to sum to 1; all to foliage if none is given."""
    total = allocation_foliage + allocation_stem + allocation_coarse_root + allocation_fine_root
    scale = 1.0 / max(total, EMPTY)
    stem = allocation_stem * scale
    coarse_root = allocation_coarse_root * scale
    fine_root = allocation_fine_root * scale
    return 1.0 - (stem + coarse_root + fine_root), stem, coarse_root, fine_root


@process(returns=("foliage_carbon", "stem_carbon", "coarse_root_carbon", "fine_root_carbon", "foliage_litterfall",
                  "wood_litterfall", "fine_root_litterfall"))
def vegetation_carbon(foliage_carbon, stem_carbon, coarse_root_carbon, fine_root_carbon, allocated_production,
                      allocation_foliage, allocation_stem, allocation_coarse_root, allocation_fine_root,
                      turnover_foliage, turnover_stem, turnover_coarse_root, turnover_fine_root, time_step):
    """Vegetation pools (g m-2) after growth and turnover, and litter shed (g m-2 s-1)."""
    to_foliage, to_stem, to_coarse_root, to_fine_root = allocation_shares(
        allocation_foliage, allocation_stem, allocation_coarse_root, allocation_fine_root)
    needed = -allocated_production * time_step
    from_foliage = min(needed * to_foliage, foliage_carbon)
    from_stem = min(needed * to_stem, stem_carbon)
    from_coarse_root = min(needed * to_coarse_root, coarse_root_carbon)
    from_fine_root = min(needed * to_fine_root, fine_root_carbon)
    foliage = foliage_carbon - from_foliage
    stem = stem_carbon - from_stem
    coarse_root = coarse_root_carbon - from_coarse_root
    fine_root = fine_root_carbon - from_fine_root
    missing = needed - (from_foliage + from_stem + from_coarse_root + from_fine_root)
    kept = 1.0 - min(max(missing, 0.0) / max(foliage + stem + coarse_root + fine_root, EMPTY), 1.0)
    foliage, stem, coarse_root, fine_root = foliage * kept, stem * kept, coarse_root * kept, fine_root * kept

    years = time_step * PER_YEAR
    foliage_shed = -expm1(-turnover_foliage * years) * foliage
    stem_shed = -expm1(-turnover_stem * years) * stem
    coarse_root_shed = -expm1(-turnover_coarse_root * years) * coarse_root
    fine_root_shed = -expm1(-turnover_fine_root * years) * fine_root
    per_step = 1.0 / time_step
    return (foliage - foliage_shed, stem - stem_shed, coarse_root - coarse_root_shed, fine_root - fine_root_shed,
            foliage_shed * per_step, (stem_shed + coarse_root_shed) * per_step, fine_root_shed * per_step)
