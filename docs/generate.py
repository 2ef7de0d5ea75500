"""Writes the reference tables docs/reference/variables.md and parameters.md from the model's own tables.

Run `python docs/generate.py` after a change of variables.py or parameters.toml; a test compares files and tables.
"""

from itertools import groupby
from pathlib import Path

from terraflux.model.parameter_table import HYDRAULIC_SETS, parameter_entries, plant_types, soil_class, soil_classes
from terraflux.model.variables import DEEP_LAYERS, SEASONAL_TERMS, variable_table
from terraflux.model.weave.table import Variable

REFERENCE = Path(__file__).resolve().parent / "reference"
KINDS = {
    "forcing": "Forcing: given every step",
    "setting": "Settings: one number for a run",
    "parameter": "Parameters: given per column (see parameters.md for values and sources)",
    "derived": "Derived: computed once per run",
    "state": "States: carried from step to step, all part of a restart",
    "diagnostic": "Diagnostics: means over the time step",
}


def variables_page() -> str:
    """Markdown of every variable, by kind."""
    table = variable_table(deep_layers=DEEP_LAYERS, seasonal_terms=SEASONAL_TERMS)
    lines = ["# Variables", "",
             "Made from `model/variables.py` by `docs/generate.py`; edit there. A layer axis is soil, snow or deep,",
             "or the terms of a season."]
    for kind, title in KINDS.items():
        lines += ["", f"## {title}", "", "| name | unit | layers | bounds | CF standard name | ALMA | meaning |",
                  "|---|---|---|---|---|---|---|"]
        lines += [_variable_row(variable) for variable in table.of_kind(kind)]
    return "\n".join(lines) + "\n"


def _variable_row(variable: Variable) -> str:
    bounds = f"{variable.bounds[0]:g} .. {variable.bounds[1]:g}" if variable.bounds else ""
    cells = (f"`{variable.name}`", variable.unit, variable.dimension, bounds, variable.standard_name, variable.alma,
             variable.long_name)
    return f"| {' | '.join(cells)} |"


def parameters_page() -> str:
    """Markdown of every parameter: unit, bounds, prior and source, then values by plant type and soil class."""
    lines = ["# Parameters", "",
             "Made from `model/parameters.toml` and `model/variables.py` by `docs/generate.py`; edit there. Priors are",
             "centred at the value and cut off at the bounds; the spread is a standard deviation, of the logarithm for",
             "lognormal.", "", "## Units, bounds, priors and sources", "",
             "| name | unit | bounds | prior | meaning | source |", "|---|---|---|---|---|---|"]
    for entry in parameter_entries().values():
        bounds = f"{entry.bounds[0]:g} .. {entry.bounds[1]:g}"
        cells = (f"`{entry.name}`", entry.unit, bounds, str(entry.prior), entry.long_name, entry.source)
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "## Plant types", "", "| code | name |", "|---|---|"]
    lines += [f"| {code} | {name} |" for code, name in plant_types().items()]
    lines += ["", "## Values by plant type", "", f"| name | {' | '.join(plant_types())} |",
              "|---" * (len(plant_types()) + 1) + "|"]
    for entry in parameter_entries().values():
        if entry.group in ("site", "plant") and entry.values:
            lines.append(f"| `{entry.name}` | {' | '.join(f'{entry.values[code]:g}' for code in plant_types())} |")
    lines += ["", "## Values by soil class"]
    for title, rows in groupby(_soil_rows(), key=lambda row: row[0]):
        lines += ["", f"### {title}", "", f"| name | {' | '.join(soil_classes())} |",
                  "|---" * (len(soil_classes()) + 1) + "|"]
        lines += [f"| `{name}` | {' | '.join(cells)} |" for _, name, cells in rows]
    return "\n".join(lines) + "\n"


def _soil_rows() -> list[tuple[str, str, list[str]]]:
    """(title, parameter, values by class) of everything that stands with the soil classes or differs among them."""
    rows = []
    for name in ("sand_fraction", "clay_fraction"):
        rows.append(("Texture", name, [f"{soil_class(soil)[name]:g}" for soil in soil_classes()]))
    for entry in parameter_entries().values():
        if entry.group in ("soil", "deep") and entry.values:
            rows.append(("Other", entry.name, [f"{entry.values[soil]:g}" for soil in soil_classes()]))
    for hydraulic in HYDRAULIC_SETS:
        for name in soil_class("loam")[hydraulic]:
            rows.append((f"Hydraulic set {hydraulic}", name,
                         [f"{soil_class(soil)[hydraulic][name]:g}" for soil in soil_classes()]))
    return rows


PAGES = {"variables.md": variables_page, "parameters.md": parameters_page}


def write() -> None:
    """Writes the pages into docs/reference."""
    REFERENCE.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write()
