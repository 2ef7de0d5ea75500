"""`terraflux variables`: the table of every quantity."""

from typing import Annotated

import typer


def variables(
    pattern: Annotated[str, typer.Argument(help="Part of a name or meaning; all variables without it.")] = "",
    kind: Annotated[str, typer.Option(help="forcing, setting, parameter, derived, state or diagnostic.")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List the variables of the model: name, unit, layers, kind, bounds, ALMA and CF names, meaning."""
    from terraflux.cli.listing import print_json, print_rows
    from terraflux.model.variables import GROUPS
    from terraflux.model.weave.table import KINDS

    if kind and kind not in KINDS:
        raise ValueError(f"unknown kind {kind!r}; known are {', '.join(KINDS)}")
    found = [variable for group in GROUPS for variable in group
             if (not kind or variable.kind == kind)
             and (pattern.lower() in variable.name.lower() or pattern.lower() in variable.long_name.lower())]
    if not found:
        raise ValueError(f"no variable matches {pattern!r}" + (f" among kind {kind!r}" if kind else ""))
    if json:
        print_json([{"name": one.name, "kind": one.kind, "unit": one.unit, "dimension": one.dimension,
                     "bounds": one.bounds, "alma": one.alma, "standard_name": one.standard_name,
                     "long_name": one.long_name} for one in found])
        return
    rows = [(one.name, one.unit, one.dimension, one.kind, f"{one.bounds[0]:g}..{one.bounds[1]:g}" if one.bounds else "",
             one.alma, one.long_name) for one in found]
    print_rows(("name", "unit", "layers", "kind", "bounds", "ALMA", "meaning"), rows,
               f"{len(found)} variables")
