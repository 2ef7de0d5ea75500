"""The column model as an ensemble filter sees it: members as columns, segments of time, soil water that can be changed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.drivers.datasets import forcing_array
from terraflux.drivers.tower import Tower
from terraflux.model.closure import WATER_DENSITY
from terraflux.model.column import column_model
from terraflux.model.initial_state import initial_state
from terraflux.model.options import Options
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameters import parameters as parameter_set
from terraflux.model.soil_thermal import WATER_VOLUME_HEAT
from terraflux.model.soil_water import DRIEST_LIQUID
from terraflux.model.spinup_run import state_rows
from terraflux.model.weave import Model

Floats = NDArray[np.float64]
WATER_LOST = ("evapotranspiration", "surface_runoff", "drainage")


@dataclass(frozen=True)
class Segment:
    """A stretch of time that was run: total `rain` and `lost` (mm, per member) and members that failed, with the reason."""

    rain: Floats
    lost: Floats
    failed: dict[int, str]


@dataclass(frozen=True)
class SoilColumn:
    """A column: its model, parameters, forcing [time, row, 1], first state [row], step (s) and times of the steps' start."""

    model: Model
    parameters: ParameterSet
    forcing: Floats
    state: Floats
    time_step: float
    times: NDArray[np.datetime64]

    @classmethod
    def from_tower(cls, tower: Tower, parameters: ParameterSet | Mapping[str, ArrayLike] | None = None,
                   options: Options | Mapping[str, object] | None = None, *, cycles: int = 1,
                   initial: Mapping[str, ArrayLike] | None = None) -> "SoilColumn":
        """The column of a tower of one plant type, its heat and water settled by `cycles` of the forcing.

        `parameters` and `options` as for a run of the tower. Raises ValueError for a mixture of plant types without a
        complete parameter set.
        """
        site = tower.site
        leaves = {"phenology": tower.forcing.attrs.get("leaf_area_option", "prescribed")}
        if not isinstance(options, Options):
            options = Options.from_mapping({**leaves, **site.options, **(options or {})})
        if not isinstance(parameters, ParameterSet):
            if len(site.mixture) > 1:
                raise ValueError(f"{site.site_id} mixes {', '.join(site.mixture)}: pass the ParameterSet of one plant type")
            given: dict[str, Any] = {"canopy_height": site.canopy_height, "measurement_height": site.measurement_height,
                                     **site.parameters, **(parameters or {})}
            if options.deep_layers:
                given.setdefault("deep_thickness", f"permafrost{options.deep_layers}")
            if options.soil_hydraulics == "van_genuchten":
                given.setdefault("hydraulics", "van_genuchten")
            parameters = parameter_set(next(iter(site.mixture)), site.soil_class, **given)
        model = column_model(options)
        forcing = forcing_array(tower.forcing, model.table)
        state = initial_state(model.table, parameters, float(tower.forcing["air_temperature"].mean()), **(initial or {}))
        column = cls(model, parameters, forcing, state, float(tower.forcing.attrs["time_step_seconds"]),
                     tower.forcing["time"].values)
        members = column.ensemble(1)
        for _ in range(cycles):
            column.run(members, 0, len(column.times))
        return replace(column, state=members[:, 0].copy())

    def ensemble(self, members: int) -> Floats:
        """Copies of the first state [row, member]."""
        return np.ascontiguousarray(np.repeat(self.state[:, None], members, axis=1))

    def vectors(self, members: int) -> Floats:
        """Copies of the parameters [row, member]."""
        return np.repeat(self.parameters.vector(self.model.table)[:, None], members, axis=1)

    def run(self, states: Floats, first: int, last: int, forcing: Floats | None = None, threads: int | None = None) -> Segment:
        """Runs all members from step `first` to before `last`, changing `states` [row, member] in place.

        `forcing` [time, row, member] of that stretch replaces the column's own.
        """
        weather = self.forcing[first:last] if forcing is None else forcing
        members, steps = states.shape[1], last - first
        result = self.model.run(weather, self.vectors(members), states, {"time_step": self.time_step},
                                outputs=dict.fromkeys(WATER_LOST, "sum"), windows=steps, threads=threads, on_error="status",
                                times=list(self.times[first:last]))
        row = [variable.name for variable in self.model.table.of_kind("forcing")].index("precipitation")
        rain = np.broadcast_to(weather[:, row].sum(0), (members,)) * self.time_step
        lost = sum((result[name][0] for name in WATER_LOST), np.zeros(members)) * self.time_step
        return Segment(rain, lost, {failure.column: str(failure) for failure in result.failures})

    def trajectory(self, steps: ArrayLike) -> Floats:
        """Soil moisture (m3 m-3) [time, layer] of the column itself at the start of these steps, which must increase.

        Raises ArithmeticError, naming variable and time, if the column fails.
        """
        states, place, kept = self.ensemble(1), 0, []
        for step in np.asarray(steps).tolist():
            if step > place and (failed := self.run(states, place, step).failed):
                raise ArithmeticError(f"the column failed: {failed[0]}")
            place = step
            kept.append(self.moisture(states)[0])
        return np.array(kept)

    @property
    def thickness(self) -> Floats:
        """Thickness (m) of the soil layers."""
        return np.asarray(self.parameters["layer_thickness"], np.float64)

    @property
    def depths(self) -> Floats:
        """Depth (m) of the middle of the soil layers."""
        return np.cumsum(self.thickness) - 0.5 * self.thickness

    def _part(self, states: Floats, name: str) -> Floats:
        return states[state_rows(self.model, name)]

    def moisture(self, states: Floats) -> Floats:
        """Liquid and frozen soil water (m3 m-3) [member, layer]."""
        return (self._part(states, "soil_liquid") + self._part(states, "soil_ice")).T.copy()

    def frozen(self, states: Floats) -> NDArray[np.bool_]:
        """Whether a layer holds ice [member, layer]."""
        return self._part(states, "soil_ice").T > 0.0

    def moisture_bounds(self, states: Floats) -> tuple[Floats, Floats]:
        """Least and most soil water (m3 m-3) [member, layer] that the ice in a layer allows."""
        ice = self._part(states, "soil_ice").T
        full = np.maximum(np.asarray(self.parameters["porosity"]), ice)
        dry = np.maximum(np.asarray(self.parameters["residual_moisture"]), ice + DRIEST_LIQUID)
        return np.minimum(dry, full), full

    def set_moisture(self, states: Floats, wanted: Floats) -> tuple[Floats, Floats]:
        """Brings soil water to `wanted` [member, layer], clipped to its bounds, by liquid of the layer's temperature.

        Layers that hold ice stay as they are. Returns water (mm) and heat (J m-2) that this added to each member.
        """
        rows = state_rows(self.model, "soil_liquid")
        wanted = np.where(self.frozen(states), self.moisture(states), wanted)
        ice, temperature = self._part(states, "soil_ice"), self._part(states, "soil_temperature")
        before = states[rows].copy()
        states[rows] = np.maximum(np.clip(wanted, *self.moisture_bounds(states)).T - ice, 0.0)
        added = (states[rows] - before) * self.thickness[:, None]
        return WATER_DENSITY * added.sum(0), WATER_VOLUME_HEAT * (added * temperature).sum(0)

    def stored_water(self, states: Floats) -> Floats:
        """All water (mm) of each member: canopy, pond, snow and soil."""
        above = sum(self._part(states, name).sum(0) for name in ("canopy_liquid", "canopy_snow", "ponded_water", "snow_mass"))
        soil = (self._part(states, "soil_liquid") + self._part(states, "soil_ice")) * self.thickness[:, None]
        return above + WATER_DENSITY * soil.sum(0)
