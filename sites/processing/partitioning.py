"""Partitioning of net ecosystem exchange into respiration and photosynthesis: the methods by short name.

>>> sorted(PARTITIONINGS)
['daytime', 'nighttime']
"""

import inspect
from collections.abc import Callable
from typing import Any, Final

from terraflux.sites.processing.daytime_partitioning import DaytimePartitioning, partition_daytime
from terraflux.sites.processing.nighttime_partitioning import NighttimePartitioning, partition_nighttime

PARTITIONINGS: Final[dict[str, Callable[..., Any]]] = {"nighttime": partition_nighttime, "daytime": partition_daytime}
"""nighttime: Reichstein et al. (2005); daytime: Lasslop et al. (2010)."""


def partition(method: str, *, options: Any = None, **series: Any) -> NighttimePartitioning | DaytimePartitioning:
    """Partition by the named method; `series` may hold more than it needs, so one set of columns serves every method.

    Names: nee, nee_quality, nee_spread (umol m-2 s-1), temperature (°C), temperature_quality, vapour_pressure_deficit (hPa),
    radiation and potential_radiation (W m-2), records_per_day, first_record. ValueError names an unknown method, an unknown
    or a missing series.
    """
    if method not in PARTITIONINGS:
        raise ValueError(f"no partitioning '{method}'; choose one of {', '.join(sorted(PARTITIONINGS))}")
    taken = inspect.signature(PARTITIONINGS[method]).parameters
    everything = {name for function in PARTITIONINGS.values() for name in inspect.signature(function).parameters}
    unknown = sorted(set(series) - everything)
    if unknown:
        raise ValueError(f"unknown series {', '.join(unknown)}; known are {', '.join(sorted(everything - {'options'}))}")
    missing = [name for name, parameter in taken.items() if parameter.default is parameter.empty and name not in series]
    if missing:
        raise ValueError(f"partitioning '{method}' needs {', '.join(missing)}")
    chosen = {name: values for name, values in series.items() if name in taken}
    return PARTITIONINGS[method](**chosen, options=options)  # type: ignore[no-any-return]
