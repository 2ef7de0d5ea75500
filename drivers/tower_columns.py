"""From a tower to columns: which processes, which parameters, which years to cycle. Shared by simulation and assimilation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike

from terraflux.drivers.tower import Tower
from terraflux.model.options import Options
from terraflux.model.parameter_set import ParameterSet
from terraflux.model.parameter_table import ParameterError
from terraflux.model.parameters import parameters as parameter_set


def tower_options(tower: Tower, given: Options | Mapping[str, object] | None) -> Options:
    """The processes of a site: what it calls for, `given` on top; OptionError for what does not exist.

    Without prescribed leaf area the phenology is prognostic unless chosen.
    """
    if isinstance(given, Options):
        return given
    values = {**tower.site.options, **(given or {})}
    if "phenology" not in values:
        values["phenology"] = tower.forcing.attrs.get("leaf_area_option", "prescribed")
    return Options.from_mapping(values)


def tower_parameters(tower: Tower, options: Options, overrides: Mapping[str, ArrayLike] | None = None
                     ) -> dict[str, tuple[float, ParameterSet]]:
    """Area share and parameters of every plant type of a site, by code.

    The site's facts and parameters come first, `overrides` on top; those named "parameter@PLANT" go to that plant type
    alone. Raises ParameterError for what does not exist.
    """
    site = tower.site
    given = dict(overrides or {})
    own = {code: {name.partition("@")[0]: given.pop(name) for name in list(given) if name.partition("@")[2] == code}
           for code in site.mixture}
    strange = next((name for name in given if "@" in name), None)
    if strange is not None:
        raise ParameterError(f"{strange}: {site.site_id} has no plant type {strange.partition('@')[2]!r}, only "
                             f"{', '.join(site.mixture)}")
    extra: dict[str, Any] = {"canopy_height": site.canopy_height, "measurement_height": site.measurement_height,
                             **site.parameters, **given}
    if options.deep_layers and "deep_thickness" not in extra:
        extra["deep_thickness"] = "permafrost8"
    if options.soil_hydraulics == "van_genuchten":
        extra.setdefault("hydraulics", "van_genuchten")
    return {code: (share, parameter_set(code, site.soil_class, **{**extra, **own[code]}))
            for code, share in site.mixture.items()}


def whole_years(forcing: xr.Dataset) -> slice:
    """The steps of as many whole years as the record holds, from its start; all steps of a shorter record."""
    times = forcing["time"].values
    step = np.timedelta64(int(forcing.attrs["time_step_seconds"]), "s")
    years = 0
    start = times[0].astype("datetime64[s]")
    while True:
        month = start.astype("datetime64[M]")
        end = (month + 12 * (years + 1)).astype("datetime64[s]") + (start - month.astype("datetime64[s]"))
        if end > times[-1].astype("datetime64[s]") + step:
            break
        years += 1
    if not years:
        return slice(None)
    month = start.astype("datetime64[M]")
    end = (month + 12 * years).astype("datetime64[s]") + (start - month.astype("datetime64[s]"))
    return slice(0, int(np.searchsorted(times.astype("datetime64[s]"), end)))
