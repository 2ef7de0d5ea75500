"""How fast trends of maps are, and how often their tests cry wolf.

    python benchmarks/trends.py                      cells per CPU second, and the size of both tests
    python benchmarks/trends.py --json result.json   writes what was found
    python benchmarks/trends.py --series 100000      more series for the size

Size: of series of 34 years without a trend (first-order autoregression in its steady state) the share that is called
significant at 5 %; power: the same with a trend of 0.05 standard deviations a year. Speed: CPU time of one thread over 90 000
series, best of several.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.signal import lfilter

from terraflux.evaluation.trends.kernel import COLUMNS, series_trends

YEARS = np.arange(1979.0, 2013.0)
CELLS, REPEATS, QUANTILE, LEAST = 90_000, 5, 1.959963984540054, 10
CORRELATIONS = (0.0, 0.3, 0.5, 0.7)
WARM_UP = 100
SLOPE = 0.05


def speed(intervals: bool) -> float:
    """Cells per CPU second."""
    series = np.random.default_rng(0).normal(size=(CELLS, YEARS.size))
    series_trends(series[:1], YEARS, LEAST, QUANTILE, intervals)
    taken = []
    for _ in range(REPEATS):
        began = time.process_time()
        series_trends(series, YEARS, LEAST, QUANTILE, intervals)
        taken.append(time.process_time() - began)
    return CELLS / min(taken)


def sizes(count: int, slope: float = 0.0) -> dict[str, dict[str, float]]:
    """Share of series called significant at 5 %, by lag-one correlation and test; `slope` in standard deviations a year."""
    generator = np.random.default_rng(11)
    found = {}
    for correlation in CORRELATIONS:
        noise = generator.normal(size=(count, WARM_UP + YEARS.size))
        series = np.ascontiguousarray(lfilter([1.0], [1.0, -correlation], noise, axis=1)[:, WARM_UP:])
        series = series * np.sqrt(1.0 - correlation**2) + slope * (YEARS - YEARS[0])
        trends = series_trends(series, YEARS, LEAST, QUANTILE, False)
        found[f"{correlation:g}"] = {name: float(np.mean(trends[:, COLUMNS.index(name)] < 0.05)) for name in ("p_plain", "p")}
    return found


def main() -> None:
    """Measure, print, and write where asked to."""
    words = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    words.add_argument("--json", type=Path, help="file to write")
    words.add_argument("--series", type=int, default=20_000, help="series for each size")
    given = words.parse_args()
    result: dict[str, Any] = {"cells_per_cpu_second": speed(False), "cells_per_cpu_second_with_intervals": speed(True),
                              "series": given.series, "size_at_5_percent": sizes(given.series),
                              "power_at_5_percent": sizes(given.series, SLOPE)}
    print(f"{result['cells_per_cpu_second']:,.0f} cells of {YEARS.size} years per CPU second, "
          f"{result['cells_per_cpu_second_with_intervals']:,.0f} with both confidence intervals")
    for correlation, size in result["size_at_5_percent"].items():
        power = result["power_at_5_percent"][correlation]
        print(f"lag-one correlation {correlation:>3}: size plain {size['p_plain']:.3f}, with correlation {size['p']:.3f};"
              f" power {power['p_plain']:.3f}, {power['p']:.3f}")
    if given.json:
        given.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
