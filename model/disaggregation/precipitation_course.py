"""How the precipitation of a day falls, by registered short name.

A course is a function of the share of the day that has passed (0..1) and of the key of cell and date: the share of the day's
precipitation that has fallen by then, 0 at 0 and 1 at 1, never falling. Steps take differences of it.
"""

from collections.abc import Callable

from terraflux.model.disaggregation.random_numbers import branched, share_of

SHORTEST_EVENT, EVENT_RANGE = 0.125, 0.5  # of a day: 3 to 15 hours
DURATION_KEY, PLACE_KEY = 101.0, 202.0
LEVELS = 5  # halvings of the day, down to 45 minutes
ONE_SIDED = 0.5  # chance that all rain of an interval falls in one half of it


def uniform_fall(passed, bits):
    """Rain at the same rate all day."""
    return passed + 0.0 * bits


def triangle_until(place):
    """Share of an event that has fallen at a place (0..1, and beyond) in it: its rate rises and falls on straight lines."""
    inside = min(max(place, 0.0), 1.0)
    left = 1.0 - inside
    return 2.0 * inside * inside if inside < 0.5 else 1.0 - 2.0 * left * left


def triangular_fall(passed, bits):
    """One event of 3 to 15 hours at any hour; what would fall after midnight falls in the first hours of the same day."""
    duration = SHORTEST_EVENT + EVENT_RANGE * share_of(branched(bits, DURATION_KEY))
    begin = share_of(branched(bits, PLACE_KEY))
    fallen = triangle_until((passed - begin) / duration) + triangle_until((passed - begin + 1.0) / duration)
    return fallen - triangle_until((1.0 - begin) / duration)


def cascade_share(bits, branch):
    """What the first half of an interval takes of its rain: all, nothing, or a uniform random share."""
    luck = share_of(branched(bits, branch))
    return min(max((luck - 0.5 * ONE_SIDED) / (1.0 - ONE_SIDED), 0.0), 1.0)


def cascade_fall(passed, bits):
    """A random cascade: every interval gives its rain to one half of it, or shares it by a uniform random number.

    After Olsson (1998, Hydrol. Earth Syst. Sci. 2, 19-30), with the same chances on all levels: a quarter for each side alone.
    """
    fallen, share, place, branch = 0.0 * bits, 1.0 + 0.0 * bits, 1.0 * passed, 1.0 + 0.0 * bits
    for _level in range(LEVELS):
        first = cascade_share(bits, branch)
        later = 2.0 * place >= 1.0
        fallen = fallen + share * first if later else fallen
        share = share * (1.0 - first) if later else share * first
        branch = 2.0 * branch + 1.0 if later else 2.0 * branch
        place = 2.0 * place - 1.0 if later else 2.0 * place
    return fallen + share * place


PRECIPITATION_COURSE: dict[str, Callable[[float, float], float]] = {
    "uniform": uniform_fall, "triangular": triangular_fall, "cascade": cascade_fall,
}
