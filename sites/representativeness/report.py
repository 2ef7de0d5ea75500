"""The results of an assessment: plain records, and the one long table that all of them can be written to."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from terraflux.sites.representativeness.anisotropy import Anisotropy
from terraflux.sites.representativeness.dispersion_variance import DispersionOperator
from terraflux.sites.representativeness.footprint_shape import FootprintShape
from terraflux.sites.representativeness.frequency_distribution import Distributions
from terraflux.sites.representativeness.geostatistical_attributes import GeostatisticalAttributes
from terraflux.sites.representativeness.land_cover_similarity import LandCoverSimilarity
from terraflux.sites.representativeness.location_bias import LocationBias
from terraflux.sites.representativeness.target_vegetation import TargetVegetation
from terraflux.sites.representativeness.variogram import Variogram
from terraflux.sites.representativeness.variogram_models import VariogramModel
from terraflux.sites.representativeness.vegetation_index_regression import IndexRegression
from terraflux.sites.representativeness.window_size import WindowSizes

COLUMNS = ("code", "period", "raster", "radius", "measure", "value", "unit", "note")


@dataclass
class PeriodAssessment:
    """Measures of one climatology, by name of the raster; what is absent has its reason in `notes`."""

    period: str
    shape: FootprintShape
    bias: dict[str, list[LocationBias]] = field(default_factory=dict)
    distributions: dict[str, Distributions] = field(default_factory=dict)
    dispersion_variance: dict[str, float] = field(default_factory=dict)
    class_shares: dict[str, dict[int, float]] = field(default_factory=dict)
    target: dict[str, list[TargetVegetation]] = field(default_factory=dict)
    similarity: dict[str, LandCoverSimilarity] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class SurfaceAssessment:
    """What a raster says by itself, in the scene of the reference period; None where it could not be had (see `notes`)."""

    name: str
    kind: str = "continuous"
    units: str = "1"
    windows: WindowSizes | None = None
    variogram: Variogram | None = None
    model: VariogramModel | None = None
    anisotropy: Anisotropy | None = None
    attributes: GeostatisticalAttributes | None = None
    regression: IndexRegression | None = None
    operator: DispersionOperator | None = field(default=None, repr=False)
    notes: list[str] = field(default_factory=list)


@dataclass
class RepresentativenessReport:
    """One tower: `periods` and `surfaces` by name, overlaps (0..1), and the target area and class they refer to.

    `reference` names the period that ranking uses; `target_radius` m; `target_shape` "square" or "circle".
    """

    code: str
    reference: str
    target_radius: float
    target_shape: str
    target_codes: tuple[int, ...]
    target_name: str
    periods: dict[str, PeriodAssessment]
    surfaces: dict[str, SurfaceAssessment]
    season_overlap: float | None = None
    day_night_overlap: float | None = None
    notes: list[str] = field(default_factory=list)

    def bias_at_target(self, raster: str, period: str | None = None) -> LocationBias | None:
        """The bias of a raster at the target radius, in the reference period unless another is named."""
        found = self.periods[period or self.reference].bias.get(raster, [])
        return next((one for one in found if abs(one.radius - self.target_radius) < 1e-6), None)

    def rows(self) -> list[dict[str, Any]]:
        """Every measure as one flat record with the keys of `COLUMNS`; text results stand in `note`."""
        return [dict(zip(COLUMNS, (self.code, *row))) for row in self._rows()]

    def table(self) -> Any:
        """The same as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(self.rows(), columns=list(COLUMNS))

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        nan = float("nan")
        for name, overlap in (("O80_season", self.season_overlap), ("O80_daynight", self.day_night_overlap)):
            if overlap is not None:
                yield "", "", nan, name, overlap, "1", ""
        for note in self.notes:
            yield "", "", nan, "note", nan, "", note
        for period, one in self.periods.items():
            yield from ((period, *row) for row in _period_rows(one, self.target_radius))
        for name, surface in self.surfaces.items():
            yield from (("", name, nan, *row) for row in _surface_rows(surface))


def _period_rows(one: PeriodAssessment, radius: float) -> Iterator[tuple[Any, ...]]:
    """(raster, radius, measure, value, unit, note) of a period."""
    nan = float("nan")
    shape = one.shape
    yield "", nan, "captured_mass", shape.captured_mass, "1", ""
    for measure, value, unit in (("X80", shape.farthest, "m"), ("A80", shape.area, "m2"), ("S80", shape.symmetry, "1")):
        yield "", nan, measure, value, unit, shape.reason
    for name, biases in one.bias.items():
        for bias in biases:
            text = bias.rating if not bias.reason else f"{bias.rating}: {bias.reason}"
            yield name, bias.radius, "footprint_value", bias.footprint_value, "", ""
            yield name, bias.radius, "area_value", bias.area_value, "", ""
            yield name, bias.radius, "location_bias", bias.percent, "%", text
            yield name, bias.radius, "absolute_bias", bias.absolute_bias, "", ""
            if bias.flux_bias == bias.flux_bias:  # a sensitivity was given
                yield name, bias.radius, "flux_bias", bias.flux_bias, "flux", ""
            yield name, bias.radius, "retained_weight", bias.retained_weight, "1", ""
            yield name, bias.radius, "area_coverage", bias.area_coverage, "1", ""
    for name, both in one.distributions.items():
        yield name, radius, "kolmogorov_smirnov", both.kolmogorov_smirnov, "1", ""
        yield name, radius, "hellinger", both.hellinger, "1", ""
    for name, variance in one.dispersion_variance.items():
        yield name, radius, "dispersion_variance", variance, "", ""
        yield name, radius, "representativeness_sigma", variance**0.5, "", ""
    for name, shares in one.class_shares.items():
        for code, share in shares.items():
            yield name, nan, f"class_share_{code}", share, "1", ""
    for name, targets in one.target.items():
        for target in targets:
            yield name, nan, f"PTVT_{100 * target.share:.0f}", target.by_area, "%", target.reason
            yield name, nan, f"FTVT_{100 * target.share:.0f}", target.by_footprint, "%", target.reason
    for name, alike in one.similarity.items():
        yield name, radius, "footprint_class_share", alike.footprint_share, "1", ""
        yield name, radius, "area_class_share", alike.area_share, "1", ""
        yield name, radius, "chi_square_probability", alike.probability, "1", f"chi-square {alike.chi_square:.4g}"
        yield name, radius, "bray_curtis", alike.bray_curtis, "1", ""
        yield name, radius, "land_cover_rating", nan, "", alike.rating
    for note in one.notes:
        yield "", nan, "note", nan, "", note


def _surface_rows(surface: SurfaceAssessment) -> Iterator[tuple[Any, ...]]:
    """(measure, value, unit, note) of a raster by itself."""
    nan = float("nan")
    if surface.windows is not None:
        yield "characteristic_scale", surface.windows.characteristic_scale, "m", surface.windows.note
    if surface.model is not None:
        yield "variogram_range", surface.model.range, "m", f"{surface.model.name} {surface.model.note}".strip()
        yield "variogram_partial_sill", surface.model.partial_sill, "", surface.model.name
        yield "variogram_nugget", surface.model.nugget, "", surface.model.name
    if surface.anisotropy is not None:
        found = surface.anisotropy
        yield "anisotropy_ratio", found.ratio, "1", found.note
        yield "direction_of_longest_range", found.direction, "degrees from east", found.note
    if surface.attributes is not None:
        roman = surface.attributes
        for measure, value in (("R_CV", roman.relative_variation), ("R_SE", roman.scale_requirement),
                               ("R_ST", roman.relative_strength), ("R_SV", roman.relative_structure),
                               ("Roman_score", roman.score)):
            yield measure, value, "1", "; ".join(part for part in (roman.note, roman.definitions) if part)
    if surface.regression is not None:
        fit = surface.regression
        for measure, value in (("RMA_slope", fit.slope), ("RMA_intercept", fit.intercept), ("RMA_R2", fit.determination)):
            yield measure, value, "1", f"{fit.rating} {fit.reason}".strip()
    for note in surface.notes:
        yield "note", nan, "", note
