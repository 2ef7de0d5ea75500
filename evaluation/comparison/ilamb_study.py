"""A study that ILAMB runs on exported files: its configuration, its regions, and the command.

    study = write_study("export", data="ilamb_root", regions=regions_of_china())
    results = read_ilamb(run_study(study, ["ilamb-run"]))

`export` holds MODELS/<model>/*.nc (`terraflux region export --ilamb`); `data` is what ILAMB calls ILAMB_ROOT, with
reference files below DATA/<variable>/<source>/. Every reference of a variable that a model has is entered. Nothing is fetched:
`--skip_plots` keeps ILAMB from the coastlines that cartopy would load from the network.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from terraflux.drivers.errors import ForcingError
from terraflux.drivers.safe_write import replacing, write_text
from terraflux.evaluation.comparison.polygons import Shape
from terraflux.evaluation.comparison.regions import region_shares

CONFIGURATION, REGIONS, MODELS = "ilamb.cfg", "regions.nc", "MODELS"
GLOBAL = "global"
WATER = "kg m-2 d-1"
"""Not mm d-1, for which ILAMB divides by a density of 998.2 kg m-3."""


@dataclass(frozen=True)
class StudyVariable:
    """How ILAMB asks for a variable: heading, title, its name for it and others, units of tables and maps, and whether tables
    give totals."""

    heading: str
    title: str
    names: tuple[str, ...]
    table_unit: str
    plot_unit: str
    totals: bool = False


def _carbon(title: str, *names: str, totals: bool = True) -> StudyVariable:
    return StudyVariable("Carbon", title, names, "Pg yr-1" if totals else "g m-2 d-1", "g m-2 d-1", totals)


STUDY_VARIABLES: dict[str, StudyVariable] = {
    "gpp": _carbon("Gross primary productivity", "gpp"),
    "npp": _carbon("Net primary productivity", "npp"),
    "reco": _carbon("Ecosystem respiration", "reco"),
    "ra": _carbon("Autotrophic respiration", "ra"),
    "rh": _carbon("Heterotrophic respiration", "rh"),
    "nee": _carbon("Net ecosystem exchange", "nee", totals=False),
    "cVeg": StudyVariable("Carbon", "Biomass", ("biomass", "cVeg"), "Pg", "kg m-2", True),
    "cLitter": StudyVariable("Carbon", "Litter carbon", ("cLitter",), "Pg", "kg m-2", True),
    "cSoil": StudyVariable("Carbon", "Soil carbon", ("cSoilAbove1m", "cSoil"), "Pg", "kg m-2", True),
    "lai": StudyVariable("Carbon", "Leaf area index", ("lai",), "1", "1"),
    "evspsbl": StudyVariable("Water", "Evapotranspiration", ("et", "evspsbl"), WATER, WATER),
    "tran": StudyVariable("Water", "Transpiration", ("tran",), WATER, WATER),
    "mrro": StudyVariable("Water", "Runoff", ("runoff", "mrro"), WATER, WATER),
    "mrso": StudyVariable("Water", "Soil water", ("mrso",), "kg m-2", "kg m-2"),
    "snw": StudyVariable("Water", "Snow water equivalent", ("swe", "snw"), "kg m-2", "kg m-2"),
    "hfls": StudyVariable("Energy", "Latent heat", ("hfls", "le"), "W m-2", "W m-2"),
    "hfss": StudyVariable("Energy", "Sensible heat", ("hfss", "sh"), "W m-2", "W m-2"),
    "hfdsl": StudyVariable("Energy", "Ground heat flux", ("hfdsl",), "W m-2", "W m-2"),
    "rns": StudyVariable("Energy", "Net radiation", ("rns",), "W m-2", "W m-2"),
    "rsus": StudyVariable("Energy", "Upwelling shortwave radiation", ("rsus",), "W m-2", "W m-2"),
    "rlus": StudyVariable("Energy", "Upwelling longwave radiation", ("rlus",), "W m-2", "W m-2"),
    "tas": StudyVariable("Forcing", "Air temperature", ("tas",), "K", "K"),
    "pr": StudyVariable("Forcing", "Precipitation", ("pr",), WATER, WATER),
    "rsds": StudyVariable("Forcing", "Downwelling shortwave radiation", ("rsds",), "W m-2", "W m-2"),
    "rlds": StudyVariable("Forcing", "Downwelling longwave radiation", ("rlds",), "W m-2", "W m-2"),
}
"""By the name of the exported file. Net biome production is exported too; ILAMB compares it by a confrontation of its own."""


@dataclass(frozen=True)
class IlambStudy:
    """A study in `folder` against references below `data`: `confrontations` are (file name, source), `regions` their labels."""

    folder: Path
    data: Path
    confrontations: tuple[tuple[str, str], ...]
    regions: tuple[str, ...]

    def arguments(self, build: str | os.PathLike[str]) -> list[str]:
        """Arguments of `ilamb-run` from within the folder of the study."""
        named = ["--define_regions", REGIONS] if self.regions else []
        return ["--config", CONFIGURATION, "--model_root", MODELS, *named, "--regions", GLOBAL, *self.regions,
                "--build_dir", os.fspath(build), "--skip_plots"]


def write_study(folder: str | os.PathLike[str], data: str | os.PathLike[str], *, regions: Sequence[Shape] = (),
                boundary: Shape | None = None) -> IlambStudy:
    """Write `ilamb.cfg` and, with `regions`, `regions.nc` beside MODELS/ in `folder`.

    A cell belongs to the region that holds more than half of it. Raises ForcingError where there are no exported files, or
    no reference for any of them.
    """
    home, root = Path(folder), Path(data)
    exported = {path.stem.partition("_")[0]: path for path in sorted(home.glob(f"{MODELS}/*/*.nc"))}
    if not exported:
        raise ForcingError("there are no files of a model here", file=home / MODELS,
                           remedy="write them with terraflux region export --ilamb")
    chosen = [(name, source, path) for name, wanted in STUDY_VARIABLES.items() if name in exported
              for source, path in _references(root, wanted.names)]
    if not chosen:
        raise ForcingError("there is no reference file for any exported variable", file=root / "DATA",
                           variable=", ".join(sorted(set(exported) & set(STUDY_VARIABLES))),
                           remedy="put references at DATA/<variable>/<source>/<variable>.nc, as ilamb-fetch does")
    write_text(home / CONFIGURATION, _configuration(root, chosen))
    labels: tuple[str, ...] = ()
    if regions:
        labels = _write_regions(home / REGIONS, exported[chosen[0][0]], regions, boundary)
    return IlambStudy(home, root, tuple((name, source) for name, source, _ in chosen), labels)


def _references(root: Path, names: Sequence[str]) -> list[tuple[str, Path]]:
    """Source and file of every reference of a variable: DATA/<any of its names>/<source>/<any of its names>.nc."""
    found: dict[str, Path] = {}
    for folder in names:
        for name in names:
            for path in sorted(root.glob(f"DATA/{folder}/*/{name}.nc")):
                found.setdefault(path.parent.name, path)
    return sorted(found.items())


def reference_file(data: str | os.PathLike[str], name: str, source: str) -> Path:
    """The reference of an exported variable from a source. Raises ForcingError where there is none."""
    found = dict(_references(Path(data), STUDY_VARIABLES[name].names))
    if source not in found:
        raise ForcingError(f"there is no reference of {name} from {source}", file=Path(data) / "DATA", variable=name,
                           remedy=f"the sources are {', '.join(found) or 'none'}")
    return found[source]


def _configuration(root: Path, chosen: Sequence[tuple[str, str, Path]]) -> str:
    lines = ["# Written by terraflux. Paths of references are relative to ILAMB_ROOT."]
    heading = title = ""
    for name, source, path in chosen:
        one = STUDY_VARIABLES[name]
        if one.heading != heading:
            heading, title = one.heading, ""
            lines += ["", f"[h1: {heading}]"]
        if one.title != title:
            title = one.title
            lines += ["", f"[h2: {title}]", f'variable = "{one.names[0]}"']
            lines += [f'alternate_vars = "{", ".join(one.names[1:])}"'] if len(one.names) > 1 else []
        lines += ["", f"[{source}]", f'source = "{path.relative_to(root).as_posix()}"', f'table_unit = "{one.table_unit}"',
                  f'plot_unit = "{one.plot_unit}"', f"space_mean = {not one.totals}", "skip_iav = False"]
        if one.table_unit == "Pg":
            # Pools come yearly; errors of mean years need months.
            lines += ["skip_rmse = True"]
    return "\n".join(lines) + "\n"


def region_label(name: str) -> str:
    """The name of a region as ILAMB wants labels: lower case, no spaces.

    >>> region_label("Tibetan Plateau")
    'tibetan_plateau'
    """
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def _write_regions(path: Path, like: Path, regions: Sequence[Shape], boundary: Shape | None) -> tuple[str, ...]:
    """Numbers of regions on the grid of a file, as ILAMB's --define_regions reads them; labels of those that have cells."""
    import netCDF4

    with netCDF4.Dataset(like) as file:
        centres = {name: np.asarray(file[name][:], dtype=float) for name in ("lat", "lon")}
        bounds = {name: np.asarray(file[f"{name}_bnds"][:], dtype=float) for name in ("lat", "lon")}
    edges = [np.append(bounds[name][:, 0], bounds[name][-1, 1]) for name in ("lat", "lon")]
    shares = region_shares(regions, edges[0], edges[1], boundary)
    number = np.full((centres["lat"].size, centres["lon"].size), -1, dtype=np.int32)
    kept = [one.name for one in regions if (shares[one.name] > 0.5).any()]
    for place, name in enumerate(kept):
        number[shares[name] > 0.5] = place
    labels = tuple(region_label(name) for name in kept)
    if len(set(labels)) < len(labels) or GLOBAL in labels:
        raise ForcingError("two regions have the same label", variable=", ".join(labels), remedy="give them distinct names")
    with replacing(path) as draft, netCDF4.Dataset(draft, "w") as file:
        file.setncatts({"Conventions": "CF-1.8", "title": "regions of terraflux for ILAMB", "history": "written by terraflux"})
        for name, long_name, unit in (("lat", "latitude", "degrees_north"), ("lon", "longitude", "degrees_east")):
            file.createDimension(name, centres[name].size)
            axis = file.createVariable(name, "f8", (name,))
            axis.setncatts({"units": unit, "standard_name": long_name, "long_name": long_name})
            axis[:] = centres[name]
        file.createDimension("region", len(kept))
        for name, values, text in (("label", labels, "label of the region"), ("region_name", kept, "name of the region")):
            strings: Any = file.createVariable(name, str, ("region",))
            strings.long_name = text
            strings[:] = np.array(values, dtype=object)
        index = file.createVariable("region_number", "i4", ("lat", "lon"), fill_value=-1)
        index.setncatts({"long_name": "number of the region", "labels": "label", "names": "region_name"})
        index[:] = np.ma.masked_equal(number, -1)
    return labels


def run_study(study: IlambStudy, program: Sequence[str | os.PathLike[str]], build: str = "_build",
              timeout: float = 3600.0) -> Path:
    """Run ILAMB on a study and return its build folder. `program` is the command, such as ["ilamb-run"].

    The build folder must be new: ILAMB loads pickles that it finds in it. Raises ForcingError where it is not, or where ILAMB
    leaves with an error.
    """
    place = study.folder / build
    if place.exists():
        raise ForcingError("the build folder exists; ILAMB would load what it finds in it", file=place,
                           remedy="delete it, or name another")
    environment = {**os.environ, "ILAMB_ROOT": str(study.data.resolve()), "MPLBACKEND": "Agg"}
    command = [*(os.fspath(part) for part in program), *study.arguments(build)]
    told = subprocess.run(command, cwd=study.folder, env=environment, text=True,
                          capture_output=True, timeout=timeout, check=False)
    if told.returncode != 0 or not place.is_dir():
        raise ForcingError(f"ILAMB left with {told.returncode}: {told.stderr.strip()[-500:] or told.stdout.strip()[-500:]}",
                           file=study.folder / CONFIGURATION, remedy="look at the log in the build folder")
    return place
