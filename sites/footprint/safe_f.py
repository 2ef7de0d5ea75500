"""Two candidates for SAFE-f, the "simple analytical footprint model on Eulerian coordinates" of Chen et al. (2009).

Chen et al. (2009), Bound.-Layer Meteorol. 130, 137-167, describe a solution of the Eulerian advection-diffusion equation
u(z) dC/dx = d/dz(K(z) dC/dz) with a Gaussian factor across the wind. Which closed form they use could not be verified:
neither code nor the full text is public. So there are two, always named with their solution:

`safe_f(solution="powerlaw")`    power laws of wind and diffusivity, the solution of van Ulden (1978) as in `kormann_meixner`
`safe_f(solution="horst_weil")`  similarity profiles, the approximate solution of Horst and Weil (1992, 1994)
"""

import numpy as np

from terraflux.sites.footprint import horst_weil, kormann_meixner
from terraflux.sites.footprint.kernel import FootprintRows
from terraflux.sites.footprint.lateral_spread import LATERAL
from terraflux.sites.footprint.row_inputs import RowInputs
from terraflux.sites.footprint.tabulated import TabulatedRows, tabulated

SOLUTIONS = ("powerlaw", "horst_weil")
UNVERIFIED = "the match of this solution to the published SAFE-f (Chen et al. 2009) is unverified"
"""Statement that every output of these models carries."""


def label(solution: str) -> str:
    """Name under which a solution is reported: `safe_f(solution="powerlaw")`."""
    return f'safe_f(solution="{solution}")'


def footprint_rows(
    inputs: RowInputs,
    solution: str = "powerlaw",
    lateral: str = "plume_speed",
    exponents: str = "analytic",
    stability_limit: float = kormann_meixner.STABILITY_LIMIT,
) -> FootprintRows | TabulatedRows:
    """Rows of one of the two candidates; the match to the published SAFE-f is unverified.

    solution: "powerlaw" or "horst_weil". lateral: "plume_speed", "sigma_theta" or "pasquill" (`lateral_spread`).
    exponents: "analytic" or "numeric" match of the power laws, for "powerlaw" only. stability_limit: largest |zm/L|.
    `horst_weil` and `pasquill` have no closed form and come as `TabulatedRows`.
    """
    if solution not in SOLUTIONS:
        raise ValueError(f'solution must be one of {", ".join(SOLUTIONS)}, not "{solution}"')
    if lateral not in LATERAL:
        raise ValueError(f'lateral must be one of {", ".join(LATERAL)}, not "{lateral}"')
    name = label(solution)
    if solution == "horst_weil":
        if exponents != "analytic":
            raise ValueError(f'exponents="{exponents}" belongs to solution="powerlaw"; horst_weil has no power laws')
        return horst_weil.footprint_rows(inputs, name, lateral, stability_limit)
    closed = "plume_speed" if lateral == "pasquill" else lateral
    rows = kormann_meixner.footprint_rows(inputs, exponents, stability_limit, closed, name)
    if lateral != "pasquill":
        return rows
    speed, _, _ = kormann_meixner.wind_and_roughness(inputs)
    return tabulated(rows, LATERAL[lateral], inputs.sigma_v, speed, plume_speed_at=np.ones_like)
