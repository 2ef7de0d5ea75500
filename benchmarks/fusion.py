"""How fast image fusion runs, and how well: microseconds per pixel on one core, errors on invented scenes.

    python benchmarks/fusion.py                     prints the table
    python benchmarks/fusion.py --json result.json  also writes it

Scenes of 150 x 150 pixels after Gao et al. (2006): a background that brightens around a disc, a disc that grows, and the first
crossed by a thin bright line; and a patchwork of two bands with patches finer than a coarse pixel. Times are the least of
several of CPU time, so that other work on the machine disturbs them little, per pixel and band. starfm4py, the reference
program, takes 112, 64.5 and 55.5 microseconds per pixel on these scenes.
"""

import argparse
import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

from terraflux.products.fusion.estarfm import estarfm
from terraflux.products.fusion.starfm import starfm

REFERENCE = {"change": 112.0, "growth": 64.5, "line": 55.5}


def scenes() -> ModuleType:
    """The scenes of the tests."""
    path = Path(__file__).resolve().parents[1] / "tests" / "products" / "fusion" / "conftest.py"
    spec = importlib.util.spec_from_file_location("fusion_scenes", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"cannot read the scenes of {path}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def least_seconds(run: Callable[[], object], repeats: int = 5) -> float:
    """Least CPU seconds of several runs, after one that compiles."""
    run()
    times = []
    for _ in range(repeats):
        begin = time.process_time()
        run()
        times.append(time.process_time() - begin)
    return min(times)


def error(image: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square error."""
    return float(np.sqrt(((image - truth) ** 2).mean()))


def main() -> None:
    """Runs and prints everything."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--json", type=Path, help="file for the results")
    chosen = arguments.parse_args()
    module, result = scenes(), {}
    print("scene        method      us per pixel   RMSE          no change     coarse image")
    for name, peer in REFERENCE.items():
        scene = module.object_scene(name)
        for method, settings in (("starfm4py", {"compat": "starfm4py"}), ("starfm", {"scale": 10000})):
            def run(scene=scene, settings=settings):
                return starfm(*scene.inputs, threads=1, **settings)

            pixel = least_seconds(run) / scene.truth.size * 1e6
            row = {"us_per_pixel": pixel, "speed_up": peer / pixel, "rmse": error(run(), scene.truth),
                   "rmse_no_change": error(scene.fine, scene.truth), "rmse_coarse": error(scene.coarse_target, scene.truth)}
            show(result, name, method, row)
    fine, coarse = module.patchwork_images()
    pairs = [fine[0], fine[2]], [coarse[0], coarse[2]], coarse[1]
    for method, run in (("starfm", lambda: starfm(fine[0], coarse[0], coarse[1], threads=1)),
                        ("starfm 2", lambda: starfm(*pairs, threads=1)), ("estarfm", lambda: estarfm(*pairs, threads=1))):
        show(result, "patchwork", method, {
            "us_per_pixel": least_seconds(run) / fine[1].size * 1e6, "rmse": error(run(), fine[1]),
            "rmse_no_change": error(fine[0], fine[1]), "rmse_coarse": error(coarse[1], fine[1])})
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def show(result: dict, scene: str, method: str, row: dict) -> None:
    """Prints a row and keeps it."""
    print(f"{scene:12} {method:11} {row['us_per_pixel']:8.2f}       {row['rmse']:<12.6g}  {row['rmse_no_change']:<12.6g}  "
          f"{row['rmse_coarse']:<12.6g}" + (f"  {row['speed_up']:.0f} x starfm4py" if "speed_up" in row else ""))
    result[f"{scene}, {method}"] = row


if __name__ == "__main__":
    main()
