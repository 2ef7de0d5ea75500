"""`terraflux doctor`: is everything here that a run needs?"""

from typing import Annotated

import typer

PACKAGES = ("numpy", "numba", "llvmlite", "scipy", "xarray", "netCDF4", "pandas", "matplotlib", "emcee", "typer",
            "rich", "jinja2")
VECTORS = ("avx512f", "avx2", "fma", "neon", "sve")


def doctor(json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False) -> int:
    """Check versions, cache folder, processor and whether the model is compiled; exit code 1 where something fails."""
    from terraflux.cli.listing import print_json, print_rows

    checks = [*_versions(), *_processor(), *_cache(), _compiled(), _data()]
    if json:
        print_json([{"check": name, "finding": finding, "good": good} for name, finding, good in checks])
    else:
        print_rows(("check", "finding", ""), [(name, finding, "ok" if good else "PROBLEM")
                                              for name, finding, good in checks], "terraflux doctor")
    return 0 if all(good for *_, good in checks) else 1


def _versions() -> list[tuple[str, str, bool]]:
    import platform
    import sys
    from importlib import metadata

    from terraflux.evaluation.cf_attributes import version

    checks = [("terraflux", version(), version() != "unknown"),
              ("Python", f"{platform.python_version()} ({sys.executable})", sys.version_info >= (3, 11))]
    for package in PACKAGES:
        try:
            checks.append((package, metadata.version(package), True))
        except metadata.PackageNotFoundError:
            checks.append((package, "not installed", False))
    return checks


def _processor() -> list[tuple[str, str, bool]]:
    import os
    import platform

    import llvmlite.binding

    features = llvmlite.binding.get_host_cpu_features()
    vectors = [name for name in VECTORS if features.get(name)]
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    model = llvmlite.binding.get_host_cpu_name()
    return [("processor", f"{model} ({platform.machine()}), {usable} usable cores", True),
            ("vector instructions", ", ".join(vectors) or "none found; runs are slower", True)]


def _cache() -> list[tuple[str, str, bool]]:
    from terraflux.model.weave.cache import cache_folder

    try:
        folder = cache_folder()
    except OSError as error:
        return [("cache folder", f"cannot be written: {error}; set TERRAFLUX_CACHE", False)]
    modules = [path for path in folder.glob("woven_*") if path.is_dir()]
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return [("cache folder", f"{folder}: {len(modules)} woven modules, {size / 1e6:.1f} MB", True)]


def _compiled() -> tuple[str, str, bool]:
    from terraflux.model.column import column_model
    from terraflux.model.weave.cache import is_compiled

    try:
        module = column_model().woven(1).module
    except OSError as error:
        return "column model", f"cannot be woven: {error}", False
    if is_compiled(module):
        return "column model", "compiled for one column with default options", True
    return "column model", "not compiled yet; the first run does it", True


def _data() -> tuple[str, str, bool]:
    import os
    from pathlib import Path

    named = os.environ.get("TERRAFLUX_SHARED_DATA")
    if not named:
        return "data folder", "TERRAFLUX_SHARED_DATA is not set; give --data-folder where a tower needs it", True
    found = Path(named).is_dir()
    return "data folder", named if found else f"{named} does not exist", found
