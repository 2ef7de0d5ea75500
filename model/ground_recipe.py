"""The ground's part of the time step: snow, heat and water below the canopy. Read it like a flow chart."""

from terraflux.model import ground_energy, ground_heat, snow, soil_water, thaw
from terraflux.model.soil_freezing import (
    FREEZING,
    below_thawed,
    below_thawed_before,
    far_from_freezing,
    frozen_air,
    near_freezing,
    thawed,
)
from terraflux.model.soil_hydraulics import SOIL_HYDRAULICS, driest_wetness, gradual_air_entry
from terraflux.model.soil_properties import campbell_johansen, icy, icy_surface, johansen_with_ice, on_top, thawed_constants
from terraflux.model.soil_thermal import SOIL_CONDUCTIVITY, solid_logarithm
from terraflux.model.soil_water import MOST_SUBSTEPS, WATER_BOTTOM
from terraflux.model.weave import Fused, Item, Layers, Process, Repeat, RepeatPerLane, SweepDown, SweepUp, When

LAST_PASSES = 2


def snow_arrives() -> list[Item]:
    """New snow joins the pack, layers are cut anew and settle."""
    return [
        snow.begin_snow,
        Layers(snow.empty_layer),
        When("snow_present",
             Fused(snow.snowfall, snow.reshape_layers),
             SweepDown(snow.load_above, first=snow.no_load),
             Layers(Fused(snow.compaction, snow.snow_conduction), where=snow.holds_snow)),
        snow.snow_totals,
    ]


def prepare_soil(deep_layers: int) -> list[Item]:
    """What does not change within a run."""
    deep = ground_heat.next_deep_bottom
    return [ground_heat.reciprocal_of_time_step,
            SweepDown(soil_water.reciprocals, first=soil_water.reciprocals_top),
            Layers(Fused(solid_logarithm, gradual_air_entry, driest_wetness, thawed_constants)),
            *([SweepDown(deep, first=deep.with_names(deep_bottom_above="layer_bottom_bottom"))] if deep_layers else [])]


def soil_properties(hydraulics: str, conductivity: str) -> list[Item]:
    """Retention, conduction and heat capacity of the present moisture and ice.

    Retention of frozen layers that nobody asks for waits for `soil_water_balance`.
    """
    retention, conduction = SOIL_HYDRAULICS[hydraulics], SOIL_CONDUCTIVITY[conductivity]
    if not share_logarithm(hydraulics, conductivity):
        return [Layers(Fused(retention, conduction))]
    return [Layers(campbell_johansen), Layers(johansen_with_ice, where=icy),
            icy_surface, When("icy_surface", on_top(retention))]


def share_logarithm(hydraulics: str, conductivity: str) -> bool:
    """Are retention and conduction those of `campbell_johansen`, which also tells where water begins to freeze?"""
    return (hydraulics, conductivity) == ("campbell", "johansen")


def heat_conduction(deep_layers: int, soil_top: dict[str, str], surface: list[Item],
                    soil: tuple[Process, Process]) -> list[Item]:
    """One implicit solve of the stacked column under the `surface` items, which set skin_value and skin_ratio.

    `soil_top` renames what lies above the top soil layer, `soil` are the elimination of a soil layer and of the last one.
    """
    forward, back = ground_heat.heat_forward, ground_heat.heat_back
    soil_forward, soil_bottom = soil
    last_of_soil = soil_bottom if not deep_layers else soil_forward.with_names(conductance_below="deep_conductance_top")
    back_of_soil = (ground_heat.heat_back_bottom if not deep_layers else back.with_names(
        iterate_temperature_below="deep_iterate_temperature_top", heat_flux_below="deep_heat_flux_top"))
    under_soil = {"sweep_value_above": "soil_sweep_value_bottom", "sweep_ratio_above": "soil_sweep_ratio_bottom"}
    under_skin = {"sweep_value_above": "skin_value", "sweep_ratio_above": "skin_ratio"}
    deep_down = [SweepDown(forward.of("deep"), first=forward.of("deep").with_names(**under_soil),
                           last=ground_heat.heat_bottom.of("deep"))] if deep_layers else []
    deep_up = [SweepUp(back.of("deep"), first=ground_heat.heat_back_bottom.of("deep"),
                       last=back.of("deep").with_names(**under_soil))] if deep_layers else []
    return [
        *surface,
        SweepDown(forward.of("snow"), first=forward.of("snow").with_names(**under_skin),
                  last=forward.of("snow").with_names(conductance_below="soil_conductance_top")),
        SweepDown(soil_forward.of("soil"), first=soil_forward.of("soil").with_names(**soil_top), last=last_of_soil.of("soil")),
        *deep_down,
        *deep_up,
        SweepUp(back.of("soil"), first=back_of_soil.of("soil"), last=back.of("soil").with_names(**soil_top)),
        SweepUp(back.of("snow"), first=back.of("snow").with_names(iterate_temperature_below="soil_iterate_temperature_top",
                                                                heat_flux_below="soil_heat_flux_top"),
                last=back.of("snow").with_names(**under_skin)),
        ground_heat.surface_back.with_names(iterate_temperature="snow_iterate_temperature_top"),
    ]


def soil_from_heat(freezing: str) -> list[Item]:
    """Temperature and ice of the soil from its heat after the last solve; freezing costs only layers that are cold."""
    frozen = FREEZING[freezing]
    in_the_end = frozen.in_the_end.with_names(soil_iterate_temperature="soil_temperature")
    return [Layers(thawed), When("ground_freezing", *_once_or_twice(in_the_end, frozen.again))]


def _once_or_twice(from_heat: Process, again: Process | None) -> list[Item]:
    return [Layers(from_heat, where=below_thawed), *([Layers(from_heat, where=again)] if again else [])]


def soil_between_solves(freezing: str, noticed: Process | None = None) -> list[Item]:
    """Temperature and ice of freezing soil from its heat; `noticed` tells if that is not what conduction was solved for.

    Where nothing freezes, conduction has left the temperature that holds the heat.
    """
    frozen = FREEZING[freezing]
    from_heat = _once_or_twice(frozen.from_heat, frozen.again)
    if noticed is None:
        return [When("ground_freezing", *from_heat)]
    return [When("ground_freezing", Layers(ground_heat.solved.of("soil")), *from_heat, Layers(noticed.of("soil")))]


def conduction_with_freezing(freezing: str, deep_layers: int, passes: int, surface: list[Item],
                             freezing_point_known: bool = False) -> list[Item]:
    """Heat of snow, soil and deep layers after the step, under a surface of the items given, solved `passes` times.

    Columns in which a layer changed phase between the first passes are solved once more, or thrice where the second pass
    changed it too: each layer that crosses 0 degC takes a pass to be noticed by those below.
    """
    frozen = FREEZING[freezing]
    between = ground_heat.conductance_between
    under_snow = {"sweep_value_above": "snow_sweep_value_bottom", "sweep_ratio_above": "snow_sweep_ratio_bottom"}
    deep_begin = [Layers(ground_heat.begin_deep),
                  SweepDown(between.of("deep"),
                            first=between.of("deep").with_names(half_resistance_above="soil_half_resistance_bottom"))]
    deep_again = [Layers(ground_heat.deep_from_heat)] if deep_layers else []
    first = heat_conduction(deep_layers, under_snow, surface, frozen.first_solve)
    conduct = heat_conduction(deep_layers, under_snow, surface, frozen.solve)
    watched = Fused(ground_heat.solved.of("snow"), snow.snow_from_heat, snow.snow_phase_changed)
    watched_again = Fused(ground_heat.solved.of("snow"), snow.snow_from_heat, snow.snow_phase_still_changes)
    last = When("heat_unsolved", Repeat(LAST_PASSES, *soil_between_solves(freezing), *deep_again, Layers(snow.snow_from_heat),
                                        *conduct))
    more = When("heat_unsettled", ground_heat.nearly_solved,
                *soil_between_solves(freezing, ground_heat.phase_still_changes), *deep_again, Layers(watched_again),
                *conduct, last, few=True)
    again: list[Item] = [
        Repeat(passes - 1, ground_heat.settled, *soil_between_solves(freezing, ground_heat.phase_changed), *deep_again,
               Layers(watched), *conduct),
        more] if passes > 1 else []
    return [
        frozen_air,
        *([] if freezing_point_known else [Layers(far_from_freezing)]),
        Layers(Fused(*frozen.begin)),
        SweepDown(between.of("snow"), first=ground_heat.conductance_to_surface.of("snow")),
        SweepDown(between.of("soil"),
                  first=between.of("soil").with_names(half_resistance_above="snow_half_resistance_bottom")),
        *(deep_begin if deep_layers else []),
        When("ground_freezing", *(Layers(one, where=near_freezing) for one in frozen.point if not freezing_point_known),
             Layers(frozen.first, where=below_thawed_before)),
        Layers(snow.snow_from_heat),
        *first,
        *again,
    ]


def ground_heat_balance(freezing: str, deep_layers: int, passes: int, freezing_point_known: bool = False) -> list[Item]:
    """Surface energy balance, conduction and phase change; the skin, snow, soil and deep layers as one column."""
    surface: list[Item] = [Fused(ground_energy.surface_balance,
                                 ground_heat.surface_forward.with_names(conductance="snow_conductance_top"))]
    return [
        ground_energy.drying_surface,
        *conduction_with_freezing(freezing, deep_layers, passes, surface, freezing_point_known),
        ground_energy.surface_fluxes,
        When("snow_present",
             snow.exchange_with_air,
             SweepDown(snow.melt_and_drain),
             snow.hand_to_soil),
        snow.snow_totals,
        *soil_from_heat(freezing),
        *([Layers(Fused(ground_heat.deep_from_heat, ground_heat.end_deep))] if deep_layers else []),
    ]


def soil_water_balance(hydraulics: str, bottom: str) -> list[Item]:
    """Infiltration, flow between layers, drainage and runoff; wet steps take sub-steps.

    Retention stands as `soil_properties` left it until ice or moisture change.
    """
    retention = Layers(SOIL_HYDRAULICS[hydraulics])
    return [
        soil_water.begin_soil_water,
        Layers(soil_water.layer_sinks),
        Layers(soil_water.heat_before_flow),
        When("ground_freezing", Layers(SOIL_HYDRAULICS[hydraulics], where=below_thawed)),
        soil_water.evaporation_sink,
        SweepDown(soil_water.estimate_change, first_is_done=True),
        soil_water.choose_substeps,
        RepeatPerLane("water_substeps", MOST_SUBSTEPS,
                      When("later_substep", retention),
                      WATER_BOTTOM[bottom],
                      SweepDown(soil_water.water_forward, first=soil_water.water_top, last=soil_water.water_bottom),
                      SweepUp(soil_water.water_back, last=soil_water.water_back_top, last_is_done=True),
                      soil_water.end_substep,
                      SweepUp(soil_water.push_up),
                      SweepDown(soil_water.borrow_below),
                      soil_water.settle_substep),
        soil_water.end_soil_water,
        Layers(soil_water.heat_after_flow),
        Layers(soil_water.layer_moisture),
    ]


def thaw_depth(deep_layers: int) -> list[Item]:
    """Active layer and frozen shares near the surface."""
    soil = thaw.thaw_front.with_names(temperature="soil_temperature", thickness="layer_thickness", bottom="layer_bottom")
    deep = thaw.thaw_front.with_names(temperature="deep_temperature", thickness="deep_thickness", bottom="deep_bottom")
    first = deep.with_names(temperature_above="soil_temperature_bottom", thickness_above="layer_thickness_bottom")
    return [
        thaw.begin_thaw,
        Layers(thaw.frozen_near_surface),
        SweepDown(soil, first=thaw.thaw_front_top),
        *([SweepDown(deep, first=first)] if deep_layers else []),
        thaw.frozen_shares,
    ]
