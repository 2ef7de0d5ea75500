"""The finished national example at 0.5 degrees over 34 years, written to docs/results/nation.md, nation.json and figures.

    .venv/bin/python docs/results/make_nation.py --work FOLDER [--attribution] [--members 4] [--data-folder PATH_TO_SHARED_DATA]

Runs `terraflux region example` in the work folder, or goes on with it, and writes the page from its numbers. Country and
weather are invented: nothing here says how well the model does anywhere, and nothing was tuned to the published numbers beside
it.
"""

import argparse
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from terraflux.cli.progress import Progress
from terraflux.drivers.safe_write import write_text
from terraflux.nation_choices import NationChoices
from terraflux.nation_stages import NationalExample
from terraflux.report.nation_page import method, tables
from terraflux.report.write_nation import COMPARISONS, SUMMARY

HERE = Path(__file__).resolve().parent
FIGURES = {"gpp/figures/mean_maps": "Gross primary production, means of the years (synthetic).",
           "gpp/figures/trend_maps": "Its trends; dots: significant, the false-discovery rate under control (synthetic).",
           "et/figures/mean_maps": "Evapotranspiration, means of the years (synthetic).",
           "et/figures/trend_maps": "Its trends (synthetic).",
           "gpp/figures/series": "Yearly production of regions with Theil-Sen lines (synthetic).",
           "comparison_gpp_months/figures/difference_maps": "The nation minus a made-up product, production (synthetic).",
           "comparison_et_months/figures/taylor_pattern": "Evapotranspiration beside a made-up product (synthetic)."}
COLOURS = 128
MOST_BYTES = 1_000_000


def page(numbers: Mapping[str, Any], stages: Mapping[str, Any], figures: Mapping[str, str]) -> str:
    """The page as text."""
    choices = numbers["choices"]
    parts = ["# A synthetic nation, calibrated and run for decades",
             "Written by `docs/results/make_nation.py`; `nation.json` holds every figure. **SYNTHETIC**: country, weather and "
             "products are invented. No number is of a real place, no product is MODIS or MTE, and nothing was tuned to the "
             "published numbers, which stand here for their size only.",
             f"Command: `{command(choices)}`"]
    for heading, lead, head, rows in tables(choices, stages, numbers["regional"], numbers["agreement"], numbers["effects"]):
        parts += [f"## {heading}", lead, "\n".join(["| " + " | ".join(head) + " |", "|" + "---|" * len(head),
                                                    *("| " + " | ".join(row) + " |" for row in rows)])]
    parts += ["## Maps and series", *(f"![{caption}](figures/{name})\n\n{caption}" for name, caption in figures.items())]
    parts += ["## How it was done", "\n".join(f"- {line}" for line in method(choices, stages))]
    return "\n\n".join(part for part in parts if part) + "\n"


def command(choices: Mapping[str, Any]) -> str:
    """The command that makes the example."""
    default, words = asdict(NationChoices()), ["terraflux region example FOLDER"]
    if (choices["first"], choices["last"]) != (default["first"], default["last"]):
        words.append(f"--years {choices['first']}-{choices['last']}")
    for name in ("resolution", "coarse", "seed", "every", "spin_up_years", "members"):
        if choices[name] != default[name]:
            words.append(f"--{name.replace('_', '-')} {choices[name]:g}")
    return " ".join([*words, *(["--attribution"] if choices["attribution"] else [])])


def small_figures(work: Path, out: Path) -> dict[str, str]:
    """Figures with few colours beside the page; returns {name: caption} of those that the example has."""
    from PIL import Image

    made = {}
    for place, caption in FIGURES.items():
        source = work / f"{place}.png"
        if source.is_file():
            name = f"nation_{place.replace('/figures/', '_')}.png"
            out.mkdir(parents=True, exist_ok=True)
            with Image.open(source) as image:
                image.convert("RGB").quantize(COLOURS).save(out / name, optimize=True)
            made[name] = caption
    return made


def main() -> None:
    """Run what is missing and write the results."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--resolution", type=float, default=0.5)
    parser.add_argument("--coarse", type=float, default=2.0)
    parser.add_argument("--first", type=int, default=1979)
    parser.add_argument("--last", type=int, default=2012)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--spin-up-years", type=int, default=5)
    parser.add_argument("--members", type=int, default=0)
    parser.add_argument("--attribution", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--data-folder", type=Path)
    chosen = parser.parse_args()
    choices = NationChoices(chosen.resolution, chosen.first, chosen.last, max(chosen.coarse, chosen.resolution), 1,
                            chosen.every, chosen.spin_up_years, chosen.attribution, chosen.members)
    with Progress() as progress:
        example = NationalExample(chosen.work, choices, threads=chosen.threads, data=chosen.data_folder, progress=progress)
        print(example.run())
    numbers = json.loads((chosen.work / SUMMARY).read_text(encoding="utf-8"))
    figures = small_figures(chosen.work, chosen.out / "figures")
    write_text(chosen.out / "nation.md", page(numbers, example.ledger.stages, figures))
    shutil.copyfile(chosen.work / SUMMARY, chosen.out / "nation.json")
    written = [chosen.out / "nation.md", chosen.out / "nation.json", *(chosen.out / "figures" / name for name in figures)]
    size = sum(path.stat().st_size for path in written)
    print(f"{len(written)} files, {size / 1e6:.2f} MB{', more than wanted' if size > MOST_BYTES else ''}; "
          f"{len(COMPARISONS)} comparisons")


if __name__ == "__main__":
    main()
