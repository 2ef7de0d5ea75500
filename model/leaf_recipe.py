"""The leaves' part of the time step: rounds of photosynthesis, conductance and leaf energy balance, as many as it takes.

Leaves in the dark keep their stomata shut, so at night only the energy balance goes round. Three rounds settle most leaves;
those that are not settled go on, up to the number of rounds that the options allow.
"""

from terraflux.model import leaf_energy, photosynthesis
from terraflux.model.weave import Fused, Item, Process, Repeat, When

FIRST_ROUNDS = 3


def twins(*processes: Process) -> Fused:
    """The processes for sunlit leaves, then for shaded leaves, in one loop."""
    return Fused(*(one.of(twin) for twin in ("sunlit", "shaded") for one in processes))


def assimilation(scheme: Process, *season: Process) -> list[Item]:
    """Assimilation of both leaf classes; Farquhar's in parts small enough for the processor to overlap them."""
    if scheme is not photosynthesis.farquhar:
        return [twins(scheme, *season)]
    return [
        twins(photosynthesis.leaf_kinetics),
        When("c4_pathway", twins(photosynthesis.tropical_kinetics)),
        twins(photosynthesis.leaf_assimilation, *season),
    ]


def leaf_rounds(rounds: int, scheme: Process, conductance: Process, season: tuple[Process, ...] = ()) -> list[Item]:
    """At most `rounds` rounds from `begin_leaf` to settled leaves; needs the flags daylight and night."""
    by_day: list[Item] = [*assimilation(scheme, *season), twins(leaf_energy.remember_inside, conductance),
                          twins(leaf_energy.leaf_energy)]
    by_night: list[Item] = [twins(leaf_energy.leaf_energy)]
    return [
        twins(photosynthesis.shut_leaf),
        When("daylight", *_until_settled(rounds, by_day, leaf_energy.leaves_settled_by_day)),
        When("night", *_until_settled(rounds, by_night, leaf_energy.leaves_settled),
             twins(photosynthesis.leaf_in_the_dark)),
    ]


def _until_settled(rounds: int, one_round: list[Item], settled: Process) -> list[Item]:
    first = min(rounds, FIRST_ROUNDS)
    if rounds == first:
        return [Repeat(first, *one_round)]
    more = Repeat(rounds - first, settled, When("leaves_unsettled", *one_round))
    return [Repeat(first, *one_round), more]
