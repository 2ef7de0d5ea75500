"""Profiles of products to compare with (`products.toml`), chosen by short name."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from terraflux.drivers.errors import ForcingError, nearest
from terraflux.evaluation.comparison.flux_units import CANONICAL
from terraflux.evaluation.comparison.quantities import QUANTITIES, Quantity, quantity


@dataclass(frozen=True)
class Layer:
    """One quantity of a product: names in files, unit where they state none, packing, and the layer of its quality bits."""

    names: tuple[str, ...]
    unit: str = ""
    scale: float | None = None
    valid: tuple[float, float] | None = None
    quality: str = ""


@dataclass(frozen=True)
class Profile:
    """A product: its layers by quantity, and what a time step is ("auto": told by the file)."""

    name: str
    title: str
    source: str
    step: str
    layers: Mapping[str, Layer]

    def layer(self, wanted: Quantity) -> Layer:
        """The layer of a quantity; for profiles without a list of their own, the names of the table of quantities.

        Raises ForcingError where the product does not have the quantity.
        """
        if not self.layers:
            return Layer(wanted.names, CANONICAL.get(wanted.kind, ""))
        if wanted.name not in self.layers:
            raise ForcingError(f"{self.title} has no {wanted.name}", variable=wanted.name,
                               remedy=f"it has {', '.join(self.layers)}")
        return self.layers[wanted.name]

    def sources_of(self, wanted: Quantity) -> tuple[Quantity, ...]:
        """Quantities that give the wanted one, best first: evapotranspiration also comes from latent heat."""
        chosen = [wanted]
        if wanted.name == "evapotranspiration":
            chosen.append(QUANTITIES["latent_heat"])
        known = tuple(one for one in chosen if not self.layers or one.name in self.layers)
        if not known:
            self.layer(wanted)
        return known


@cache
def profiles() -> Mapping[str, Profile]:
    """All profiles by short name."""
    table = tomllib.loads(files("terraflux.evaluation.comparison").joinpath("products.toml").read_text(encoding="utf-8"))
    found = {}
    for name, facts in table.items():
        layers = {quantity(key).name: Layer(tuple(one["names"]), one.get("unit", ""), one.get("scale"),
                                            tuple(one["valid"]) if "valid" in one else None, one.get("quality", ""))
                  for key, one in facts.get("variables", {}).items()}
        found[name] = Profile(name, facts["title"], facts["source"], facts.get("step", "auto"), layers)
    return found


def profile(name: str) -> Profile:
    """A profile by short name; an unknown one is refused with the nearest."""
    known = profiles()
    if name not in known:
        raise ForcingError(f"the product {name!r} is unknown", remedy=nearest(name, known))
    return known[name]
