"""One footprint: the density around the tower, its crosswind integral, its peak, its source areas and the mass it captures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from terraflux.sites.footprint import flux_footprint_prediction as ffp
from terraflux.sites.footprint.climatology import climatology, smoothed
from terraflux.sites.footprint.grid import Grid
from terraflux.sites.footprint.kernel import FootprintRows, wind_coordinates
from terraflux.sites.footprint.models import Rows, attributes, footprint_rows
from terraflux.sites.footprint.source_area import SourceArea, contour_levels, source_areas
from terraflux.sites.footprint.streaming import Sampling, refinement
from terraflux.sites.footprint.validity import Caution, texts

if TYPE_CHECKING:
    import xarray

Floats = NDArray[np.float64]

UPWIND = 90.0
"""Wind direction (degrees) that lays x upwind: the frame of a footprint whose wind direction is not given."""
NORMS = ("none", "domain", "contour")


@dataclass(frozen=True)
class Footprint:
    """A single footprint.

    `x`, `y`: nodes (m) east and north of the tower, or upwind and across the wind if `frame` is "wind". `density` f (m-2,
    shape (y, x)). `distance` (m) and `crosswind_integrated` fy (m-1). `x_max`: distance of the peak of fy (m). `fetch`:
    {fraction: m}, of unit mass. `source_areas`: one per fraction asked for. `captured_mass`: sum of f dA over the grid (-)
    before any norm; `total_mass`: integral of the model's fy (-). `factor`: what the norm multiplied the density by.
    `reason`: 0, or the codes of why there is no footprint; then the densities are NaN. `why`, `cautions`: in words.
    """

    model: str
    frame: str
    x: Floats
    y: Floats
    density: Floats
    distance: Floats
    crosswind_integrated: Floats
    x_max: float
    fetch: dict[float, float]
    source_areas: tuple[SourceArea, ...]
    captured_mass: float
    total_mass: float
    norm: str
    factor: float
    reason: int
    caution: int
    attributes: dict[str, str]

    @property
    def valid(self) -> bool:
        """Whether there is a footprint."""
        return self.reason == 0

    @property
    def why(self) -> list[str]:
        """Why there is no footprint, in words."""
        return texts(self.reason)

    @property
    def cautions(self) -> list[str]:
        """Rules of the paper that the inputs break and inputs that were estimated, in words."""
        return texts(self.caution, Caution)

    def to_dataset(self) -> "xarray.Dataset":
        """The fields as an xarray Dataset with units, the masses and the reasons as attributes."""
        import xarray as xr

        along, across = ("upwind", "crosswind") if self.frame == "wind" else ("x", "y")
        return xr.Dataset(
            {
                "density": ((across, along), self.density, {"units": "m-2", "long_name": "flux footprint"}),
                "crosswind_integrated": (("distance",), self.crosswind_integrated, {"units": "m-1"}),
            },
            coords={
                along: (along, self.x, {"units": "m"}),
                across: (across, self.y, {"units": "m"}),
                "distance": ("distance", self.distance, {"units": "m", "long_name": "distance upwind of the tower"}),
            },
            attrs={
                **self.attributes, "frame": self.frame, "norm": self.norm, "norm_factor": self.factor,
                "captured_mass": self.captured_mass, "total_mass": self.total_mass, "peak_distance_m": self.x_max,
                "reason": self.reason, "reason_text": "; ".join(self.why), "caution_text": "; ".join(self.cautions),
            },
        )  # fmt: skip


def footprint(
    model: str,
    *,
    wind_direction: float | None = None,
    grid: Grid | tuple[Floats, Floats] | None = None,
    fractions: Sequence[float] = (0.5, 0.8),
    fraction_of: str = "unit",
    rule: str = "nearest",
    cells: str = "point",
    smooth: bool = False,
    norm: str = "none",
    **inputs: Any,
) -> Footprint:
    """The footprint of one half hour; inputs and options of the model as in `models.footprint_rows`, all scalars.

    wind_direction: degrees the wind blows from; None lays x upwind (`frame` "wind"). grid: a `Grid`, or nodes (x, y) in m;
    None chooses one: for "ffp" without a direction that of the published program, which stops at X* = 30, else one
    that reaches 80 % of the flux or 20 peak distances, whichever is less. fractions, fraction_of, rule: source areas
    (`source_area`). cells: "point" values at nodes (warns where they alias) or "integrated" means over cells.
    smooth: the published smoothing of FFP, twice. norm: "none", "domain" (divide by the captured mass) or "contour"
    (keep the largest source area only and divide by its mass); the captured mass is reported before it.

    An impossible half hour raises nothing: `result.valid` is False and `result.why` says why.

    >>> one = footprint("ffp", measurement_height=20.0, roughness_length=0.1, obukhov_length=-100.0, sigma_v=0.6,
    ...                 friction_velocity=0.4, boundary_layer_height=2000.0)
    >>> round(one.x_max, 4), round(one.captured_mass, 4), round(one.fetch[0.8], 1)
    (84.085, 0.9523, 654.1)
    """
    if norm not in NORMS:
        raise ValueError(f'norm of a footprint must be one of {", ".join(NORMS)}, not "{norm}"')
    sampling = Sampling(mode="exact", cells=cells, threads=1)
    published = model == "ffp" and wind_direction is None and grid is None
    if published:
        inputs = {"truncation": ffp.TRUNCATION, **inputs}
    rows = footprint_rows(model, wind_direction=UPWIND if wind_direction is None else wind_direction, **inputs)
    if len(rows) != 1:
        raise ValueError(f"a single footprint has one row, the inputs make {len(rows)}; use climatology.climatology for many")
    chosen = _grid(rows, grid, published, wind_direction is None)
    density = _density(rows, chosen, sampling)
    density = smoothed(density) if smooth else density
    captured = float(density.sum() * chosen.cell_area)
    distance = _distances(chosen)
    areas = tuple(source_areas(chosen.x, chosen.y, density, fractions, fraction_of, rule))
    density, factor = _normed(density, chosen.cell_area, norm, fractions, fraction_of, rule)
    if factor != 1.0:
        areas = tuple(replace(area, level=area.level * factor) for area in areas)
    fetch = rows.fetch(np.asarray(fractions))[0]
    return Footprint(
        model=rows.model, frame="wind" if wind_direction is None else "east_north", x=chosen.x, y=chosen.y, density=density,
        distance=distance, crosswind_integrated=rows.crosswind_integrated(distance)[0], x_max=float(rows.peak_distance()[0]),
        fetch=dict(zip(map(float, fractions), map(float, fetch), strict=True)), source_areas=areas, captured_mass=captured,
        total_mass=float(rows.captured_mass()[0]), norm=norm, factor=factor, reason=int(rows.reason[0]),
        caution=int(rows.caution[0]), attributes=attributes(rows),
    )  # fmt: skip


def _density(rows: Rows, grid: Grid, sampling: Sampling) -> Floats:
    if not rows.valid[0]:
        return np.full(grid.shape, np.nan)
    if sampling.cells == "integrated":
        return climatology(rows, grid, mode="exact", cells="integrated", threads=1).density
    refinement(rows, grid, sampling)
    east, north = np.meshgrid(grid.x, grid.y)
    upwind, crosswind = wind_coordinates(east, north, rows.wind_direction[0] - grid.true_north)
    return rows.density(upwind, crosswind)[0]


def _normed(
    density: Floats, cell_area: float, norm: str, fractions: Sequence[float], of: str, rule: str
) -> tuple[Floats, float]:
    """Density after the norm, and the factor."""
    if norm == "none" or not np.isfinite(density).all():
        return density, 1.0
    kept = density
    if norm == "contour":
        level = contour_levels(density, cell_area, [max(fractions)], of, rule)[0]
        if np.isnan(level):
            raise ValueError(
                f'the grid holds less than {max(fractions):g} of {of} mass: norm="contour" needs a wider grid, a smaller '
                'fraction or fraction_of="captured"'
            )
        kept = np.where(density >= level, density, 0.0)
    mass = float(kept.sum() * cell_area)
    if mass <= 0.0:
        raise ValueError("the footprint has no mass on the grid, which no norm can mend: is the tower on the grid?")
    return kept / mass, 1.0 / mass


def _grid(rows: Rows, grid: Grid | tuple[Floats, Floats] | None, published: bool, along_wind: bool) -> Grid:
    if isinstance(grid, Grid):
        return grid
    if grid is not None:
        return Grid(np.asarray(grid[0], float), np.asarray(grid[1], float))
    if not rows.valid[0]:
        return Grid.square(100.0, 10.0)
    if published and isinstance(rows, FootprintRows):
        upwind, crosswind = ffp.published_grid(rows)
        return Grid(upwind, crosswind)
    peak = float(rows.peak_distance()[0])
    reach = float(np.fmin(rows.fetch(0.8)[0], 20.0 * peak))
    step = max(peak / 10.0, reach / 400.0)
    half = float(np.clip(4.0 * rows.spread(reach)[0], 5.0 * step, reach))
    if along_wind:
        lines = int(np.ceil(half / step))
        upwind = step * np.arange(1.0, np.ceil(reach / step) + 1.0)
        return Grid(upwind, step * np.arange(-lines, lines + 1.0))
    return Grid.square(float(np.hypot(reach, half)), step)


def _distances(grid: Grid) -> Floats:
    """Distances upwind (m) of the crosswind integral: the nodes upwind, or as many out to the reach of the grid."""
    ahead = grid.x[grid.x > 0.0]
    if ahead.size and grid.x[0] > 0.0:
        return ahead
    step = min(grid.step)
    return step * np.arange(1.0, np.floor(grid.reach / step) + 1.0)
