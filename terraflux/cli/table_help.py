"""Help texts that list real choices: filled in from the tables of the model when help is asked for, and only then."""

from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand


def plant_types() -> str:
    """Codes of the plant types."""
    from terraflux.model.parameters import plant_types as known

    return ", ".join(known())


def soil_classes() -> str:
    """Names of the soil classes."""
    from terraflux.model.parameters import soil_classes as known

    return ", ".join(known())


def schemes() -> str:
    """Processes with their alternatives."""
    from terraflux.model.options import ALTERNATIVES, Options

    default = Options()
    return "; ".join(f"{process}: " + ", ".join(f"{name} (default)" if name == getattr(default, process) else name
                                                for name in known) for process, known in ALTERNATIVES.items())


def options() -> str:
    """Numeric options with their defaults."""
    from dataclasses import fields

    from terraflux.model.options import ALTERNATIVES, Options

    return ", ".join(f"{one.name}={one.default}" for one in fields(Options) if one.name not in ALTERNATIVES)


def completions() -> str:
    """Choices for completing the forcing with their defaults."""
    from dataclasses import fields

    from terraflux.drivers.completion_choices import Completion

    return ", ".join(f"{one.name}={one.default}" for one in fields(Completion) if one.default is not None)


def formats() -> str:
    """Short names of the tower formats."""
    from terraflux.drivers.tower import READERS

    return ", ".join((*READERS, "toml"))


def kinds() -> str:
    """Kinds of the synthetic tower."""
    from terraflux.drivers.synthetic_tower import KINDS

    return ", ".join(KINDS)


def footprint_models() -> str:
    """Short names of the footprint models."""
    from terraflux.sites.footprint.models import MODELS

    return ", ".join(MODELS)


def legends() -> str:
    """Built-in legends of land cover."""
    from terraflux.sites.land_cover import LEGENDS

    return ", ".join(LEGENDS)


def records() -> str:
    """Short names of the formats of tower records."""
    from terraflux.sites.records.formats import FORMATS

    return ", ".join(FORMATS)


def processing_choices() -> str:
    """Choices of the processing with their defaults."""
    from dataclasses import fields

    from terraflux.sites.processing_choices import ProcessingChoices

    return ", ".join(f"{one.name}={','.join(one.default) if isinstance(one.default, tuple) else one.default}"
                     for one in fields(ProcessingChoices))


def operators() -> str:
    """Names of the observation operators."""
    from terraflux.sites.observation_weights import OPERATORS

    return ", ".join(OPERATORS)


def streams() -> str:
    """Variables that observations may hold; the first three by default."""
    from terraflux.sites.tower_observations import DEFAULT_STREAMS, SOURCES

    return ", ".join(f"{name} (default)" if name in DEFAULT_STREAMS else name for name in SOURCES)


def quantities() -> str:
    """Quantities of gridded products."""
    from terraflux.evaluation.comparison.quantities import QUANTITIES

    return ", ".join(QUANTITIES)


def products() -> str:
    """Short names of gridded products to compare with."""
    from terraflux.evaluation.comparison.profiles import profiles

    return ", ".join(profiles())


def qualities() -> str:
    """Rules for quality bits."""
    from terraflux.evaluation.comparison.quality_bits import QUALITIES

    return ", ".join(QUALITIES)


def fit_methods() -> str:
    """Ways to calibrate."""
    from terraflux.assimilation.fit import METHODS
    from terraflux.assimilation.samplers import SAMPLERS

    solvers = ", ".join(name for name in METHODS if name != "auto" and name not in SAMPLERS)
    return (f"auto (optimum, normal posterior, weighted draws, and a sampler where these do not suffice), a solver ({solvers}) "
            f"or a sampler ({', '.join(SAMPLERS)}).")


CHOICES: dict[str, Callable[[], str]] = {
    "{plant_types}": plant_types,
    "{soil_classes}": soil_classes,
    "{schemes}": schemes,
    "{options}": options,
    "{completions}": completions,
    "{formats}": formats,
    "{kinds}": kinds,
    "{footprint_models}": footprint_models,
    "{legends}": legends,
    "{records}": records,
    "{processing_choices}": processing_choices,
    "{operators}": operators,
    "{streams}": streams,
    "{fit_methods}": fit_methods,
    "{quantities}": quantities,
    "{products}": products,
    "{qualities}": qualities,
}


def filled(text: str) -> str:
    """A help text with its choices in place of `{plant_types}` and the like."""
    for mark, choices in CHOICES.items():
        if mark in text:
            text = text.replace(mark, choices())
    return text


class TableCommand(TyperCommand):
    """A command whose help lists the choices of the model's tables."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Fill in the choices, then write the help."""
        for parameter in self.params:
            text = getattr(parameter, "help", None)
            if text:
                parameter.help = filled(text)  # type: ignore[attr-defined]
        super().format_help(ctx, formatter)
