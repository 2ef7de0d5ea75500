"""Hydraulic and thermal properties of soil from sand, clay, pore volume and organic matter."""

from collections.abc import Mapping

PARTICLE_DENSITY = 2700.0  # kg m-3 (Johansen 1975)
QUARTZ = 7.7  # W m-1 K-1
OTHER_MINERALS = 2.0  # W m-1 K-1
SAND_HEAT_CAPACITY = 2.128e6  # J m-3 K-1 (de Vries 1963)
CLAY_HEAT_CAPACITY = 2.385e6  # J m-3 K-1


def cosby(sand: float, clay: float) -> dict[str, float]:
    """Campbell parameters from texture, Cosby et al. (1984), table 4, univariate regressions.

    `sand` and `clay` are shares (0..1) of the mineral soil. Returns porosity (m3 m-3), saturated_potential (m,
    negative), retention_exponent (1) and saturated_conductivity (m s-1). Raises ValueError for impossible shares.
    """
    if not (0.0 <= sand <= 1.0 and 0.0 <= clay <= 1.0 and sand + clay <= 1.0 + 1e-9):
        raise ValueError(f"sand {sand!r} and clay {clay!r} are no shares of one soil")
    sand_percent, clay_percent = 100.0 * sand, 100.0 * clay
    return {
        "porosity": 0.489 - 0.00126 * sand_percent,
        "saturated_potential": -0.01 * 10.0 ** (1.88 - 0.0131 * sand_percent),
        "retention_exponent": 2.91 + 0.159 * clay_percent,
        "saturated_conductivity": 0.0070556e-3 * 10.0 ** (-0.884 + 0.0153 * sand_percent),
    }


def solid_conductivity(sand: float) -> float:
    """Thermal conductivity (W m-1 K-1) of mineral solids, Johansen (1975), with sand for quartz."""
    return QUARTZ**sand * OTHER_MINERALS ** (1.0 - sand)


def dry_conductivity(porosity: float) -> float:
    """Thermal conductivity (W m-1 K-1) of dry mineral soil from its pore volume (m3 m-3), Johansen (1975)."""
    bulk_density = PARTICLE_DENSITY * (1.0 - porosity)
    return (0.135 * bulk_density + 64.7) / (PARTICLE_DENSITY - 0.947 * bulk_density)


def solid_heat_capacity(sand: float, clay: float) -> float:
    """Heat capacity (J m-3 K-1) of mineral solids, de Vries (1963), as in Lawrence & Slater (2008)."""
    if sand + clay <= 0.0:
        return 0.5 * (SAND_HEAT_CAPACITY + CLAY_HEAT_CAPACITY)
    return (SAND_HEAT_CAPACITY * sand + CLAY_HEAT_CAPACITY * clay) / (sand + clay)


def mixed(mineral: Mapping[str, float], organic: Mapping[str, float], organic_fraction: float) -> dict[str, float]:
    """Properties of soil with a share of organic matter, linear between mineral and organic (Lawrence & Slater 2008).

    Both mappings have the same keys; `organic_fraction` is a share of volume. Raises ValueError outside 0..1.
    """
    if not 0.0 <= organic_fraction <= 1.0:
        raise ValueError(f"organic_fraction {organic_fraction!r} is outside 0..1")
    mineral_fraction = 1.0 - organic_fraction
    return {name: mineral_fraction * value + organic_fraction * organic[name] for name, value in mineral.items()}
