"""Every figure of a report by name, with its caption."""

from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr

from terraflux.report import agreement, cycles, ground, weather
from terraflux.report.style import png

FIGURE_NAMES = ("seasonal_cycle", "diurnal_cycle", "daily_scatter", "energy_closure", "running_sums",
                "soil_temperature", "soil_water", "snow", "forcing")


@dataclass(frozen=True)
class Drawn:
    """A drawn figure: name (also of its file), caption, PNG."""

    name: str
    caption: str
    png: bytes


def _recipes(simulated: xr.Dataset, observed: xr.Dataset | None,
             forcing: xr.Dataset | None) -> list[tuple[str, str, Callable[[], object]]]:
    recipes: list[tuple[str, str, Callable[[], object]]] = [
        ("seasonal_cycle", "Mean course over the year; over steps with an observation where there are enough.",
         lambda: cycles.seasonal_cycle(simulated, observed)),
        ("diurnal_cycle", "Mean course over the day by season.", lambda: cycles.diurnal_cycle(simulated, observed)),
        ("energy_closure", "Turbulent against available energy at each step.",
         lambda: agreement.energy_closure(simulated, observed)),
        ("running_sums", "Running sums of carbon and water.", lambda: agreement.cumulative(simulated, observed)),
        ("soil_temperature", "Soil temperature over time and depth; the line is 0 °C.",
         lambda: ground.soil_temperature_section(simulated)),
        ("soil_water", "Soil water over time and depth.", lambda: ground.soil_moisture_section(simulated)),
        ("snow", "Snow on the ground.", lambda: ground.snow(simulated, observed)),
    ]
    if observed is not None:
        recipes.insert(2, ("daily_scatter", "Daily means, simulated against observed; measured values only.",
                           lambda: agreement.daily_scatter(simulated, observed)))
    if forcing is not None:
        recipes.append(("forcing", "The forcing, daily, and where its values come from.",
                        lambda: weather.forcing_overview(forcing)))
    return recipes


def draw_figures(simulated: xr.Dataset, observed: xr.Dataset | None = None, forcing: xr.Dataset | None = None,
                 progress: Callable[[str], None] | None = None) -> tuple[list[Drawn], list[str]]:
    """All figures the data allow, and a sentence for each that they do not. `progress` is told each name."""
    drawn, left_out = [], []
    for name, caption, draw in _recipes(simulated, observed, forcing):
        if progress:
            progress(name)
        try:
            figure = draw()
        except ValueError as error:
            left_out.append(f"Figure {name.replace('_', ' ')} is left out: {error}.")
            continue
        drawn.append(Drawn(name, caption, png(figure)))  # type: ignore[arg-type]
    return drawn, left_out
