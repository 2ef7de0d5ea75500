"""Run ILAMB on a small region and hold every number of it against ours. Everything here is SYNTHETIC.

    python docs/evaluation/run_ilamb.py --program ilamb-run --folder ilamb_study

Makes two years of the synthetic nation, references from them (a month later, other levels, some cells missing), the layout of
`terraflux region export --ilamb`, runs ILAMB offline, and prints the largest difference of each variable. Leaves with 1
where one exceeds 1e-5.
"""

import argparse
import shlex
import time
from collections.abc import Collection
from pathlib import Path

import netCDF4
import numpy as np

from terraflux.evaluation.comparison.ilamb_agreement import agreement_with_ilamb
from terraflux.evaluation.comparison.ilamb_study import STUDY_VARIABLES, run_study, write_study
from terraflux.evaluation.comparison.regions import regions_of_china
from terraflux.region.configuration import choices_from
from terraflux.region.export import export_region
from terraflux.region.ilamb_names import EXPORTED
from terraflux.region.run import run_region

TOLERANCE = 1e-5
POOLS = ("cVeg", "cLitter", "cSoil")


def make_run(folder: Path, degrees: float, variables: Collection[str] = STUDY_VARIABLES) -> Path:
    """Two years of the synthetic nation, one of them a leap year, with what the export of `variables` needs."""
    wanted = [one for one in EXPORTED if one.name in variables]
    parts = {kind: sorted({part for one in wanted if (one.name in POOLS) == (kind == "annual") for part in one.parts})
             for kind in ("monthly", "annual")}
    days = {"first": "2000-01-01", "last": "2001-12-31", "spin_up_years": 0, "threads": 1}
    choices = choices_from({"forcing": {"synthetic": degrees}, "output": parts, "run": days}, folder=folder)
    result = run_region(choices, folder=folder / "run")
    if result.status != "done":
        raise SystemExit("\n".join(result.troubles))
    return result.folder


def make_references(models: Path, data: Path) -> None:
    """Invented references in the layout of ILAMB: exported files a month late, with other levels and fewer cells."""
    generator = np.random.default_rng(5)
    for path in sorted(models.glob("*_*.nc")):
        name = path.stem.partition("_")[0]
        if name not in STUDY_VARIABLES:
            continue
        target = data / "DATA" / name / "SYNTHETIC" / f"{name}.nc"
        target.parent.mkdir(parents=True)
        target.write_bytes(path.read_bytes())
        with netCDF4.Dataset(target, "a") as file:
            values = np.ma.filled(file[name][:].astype(float), np.nan)
            values *= 1.0 + (0.01 if name == "tas" else 0.3) * generator.normal(size=values.shape)
            values[:, generator.random(values.shape[1:]) < 0.2] = np.nan
            file[name][:] = np.ma.masked_invalid(np.roll(values, 1, axis=0))
            file.title = f"SYNTHETIC reference of {name}, no observation"
            # Reference files of ILAMB stand alone.
            del file.external_variables, file[name].cell_measures


def main() -> int:
    """Make, run, compare, print."""
    choice = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    choice.add_argument("--program", default="ilamb-run", help="command that starts ILAMB")
    choice.add_argument("--folder", type=Path, default=Path("ilamb_study"), help="new folder for everything")
    choice.add_argument("--degrees", type=float, default=4.0, help="size of cells")
    given = choice.parse_args()
    given.folder.mkdir(parents=True)
    run = make_run(given.folder, given.degrees)
    export_region(run, given.folder / "MODELS" / "terraflux")
    make_references(given.folder / "MODELS" / "terraflux", given.folder / "ILAMB_ROOT")
    study = write_study(given.folder, given.folder / "ILAMB_ROOT", regions=regions_of_china())
    begin = time.perf_counter()
    build = run_study(study, shlex.split(given.program))
    print(f"ILAMB took {time.perf_counter() - begin:.0f} s for {len(study.confrontations)} variables")
    found = agreement_with_ilamb(study, build, regions_of_china())
    print("| variable | numbers | largest difference | of |\n|---|---|---|---|")
    for one in found:
        key = one.rows[0][0]
        print(f"| {one.variable} | {len(one.rows)} | {one.largest:.1e} | {key[1]}, {key[2]} |")
    lacking = sum(len(one.lacking) for one in found)
    print(f"{sum(len(one.rows) for one in found)} numbers; only in one of the two: {lacking}")
    return int(lacking > 0 or max(one.largest for one in found) > TOLERANCE)


if __name__ == "__main__":
    raise SystemExit(main())
