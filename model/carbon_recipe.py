"""The carbon part of the time step: respiration, growth, litter and soil. Read it like a flow chart."""

from terraflux.model import carbon_allocation, decomposition, respiration, shallow_soil
from terraflux.model.weave import Fused, Item, Layers, SweepDown


def prepare_carbon() -> list[Item]:
    """What does not change within a run; needs layer_bottom."""
    return [
        Layers(shallow_soil.shallow_layers),
        Fused(decomposition.litter_quality, respiration.respiration_response, respiration.labile_retention),
    ]


def carbon() -> list[Item]:
    """All pools and fluxes of carbon; needs gross production, leaf respiration and the state of the soil."""
    return [
        SweepDown(shallow_soil.next_shallow_layer, first=shallow_soil.first_shallow_layer),
        Fused(respiration.organ_respiration, respiration.plant_respiration),
        carbon_allocation.vegetation_carbon,
        decomposition.decomposition_pace,
        decomposition.decomposition,
        respiration.ecosystem_exchange,
    ]
