"""`terraflux parameters`: the table of every parameter."""

from typing import Annotated

import typer


def parameters(
    pattern: Annotated[str, typer.Argument(help="Part of a name or meaning; all parameters without it.")] = "",
    plant: Annotated[str, typer.Option(help="Show the values of one plant type: {plant_types}")] = "",
    soil: Annotated[str, typer.Option(help="Soil class of the values shown: {soil_classes}")] = "loam",
    sources: Annotated[bool, typer.Option("--sources", help="Show the source of each value.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the parameters of the model: name, value, unit, bounds, prior, meaning and source."""
    import numpy as np

    from terraflux.cli.listing import print_json, print_rows
    from terraflux.model.parameters import parameter_entries
    from terraflux.model.parameters import parameters as parameter_set

    chosen = parameter_set(plant, soil) if plant else None
    found = [entry for entry in parameter_entries().values()
             if pattern.lower() in entry.name.lower() or pattern.lower() in entry.long_name.lower()]
    if not found:
        raise ValueError(f"no parameter matches {pattern!r}")

    def value(name: str) -> list[float]:
        if chosen is not None:
            return [float(number) for number in np.atleast_1d(chosen[name])] if name in chosen else []
        return sorted(set(parameter_entries()[name].values.values()))

    if json:
        print_json([{"name": one.name, "unit": one.unit, "bounds": one.bounds, "group": one.group,
                     "prior": str(one.prior), "source": one.source, "meaning": one.long_name,
                     "value" if chosen is not None else "values": value(one.name) if chosen is not None
                     else dict(one.values)} for one in found])
        return
    rows = []
    for one in found:
        values = value(one.name)
        text = "" if not values else f"{values[0]:g}" if values[0] == values[-1] else f"{values[0]:g}..{values[-1]:g}"
        rows.append((one.name, text, one.unit, f"{one.bounds[0]:g}..{one.bounds[1]:g}", str(one.prior),
                     one.source if sources else one.long_name))
    title = f"{len(found)} parameters, " + (f"{plant} on {soil}; layers from the top to the bottom" if plant
                                            else "range over plant types or soil classes")
    print_rows(("name", "value", "unit", "bounds", "prior", "source" if sources else "meaning"), rows, title)
