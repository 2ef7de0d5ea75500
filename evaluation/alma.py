"""Tower simulations in the layout of PLUMBER2 and modelevaluation.org: ALMA names on a grid of one cell.

Dimensions are time, then layers, then y and x of size one, with latitude and longitude (y, x); times are seconds since the
first year begins, starts of steps in local standard time as in PLUMBER2's own files. Signs are ALMA's traditional ones: Qle,
Qh and NEE upward, Rnet, SWnet and LWnet downward, Qg into the ground. Carbon is in umol m-2 s-1 of CO2, as PLUMBER2's flux
files have it (Ukkola et al. 2022, Earth Syst. Sci. Data 14:449; ALMA proper would have kg m-2 s-1 of carbon).
"""

import xarray as xr

NET = {"SWnet": ("SWdown", "SWup", "surface_net_downward_shortwave_flux", "net shortwave radiation"),
       "LWnet": ("LWdown", "LWup", "surface_net_downward_longwave_flux", "net longwave radiation")}
PLACE = ("latitude", "longitude", "elevation")
CELL = ("y", "x")


def on_one_cell(made: xr.Dataset) -> xr.Dataset:
    """A dataset of ALMA names along time (`cf_dataset`) on a grid of one cell, with net radiation where its parts are there.

    Raises ValueError where the simulation does not say where it is.
    """
    missing = [name for name in ("latitude", "longitude") if name not in made.coords]
    if missing:
        raise ValueError(f"the simulation has no attribute {missing[0]!r}; files of PLUMBER2 tell where the tower stands")
    whole = made.rename({"Reco": "Resp"}) if "Reco" in made else made
    whole = whole.assign({name: _net(made, *parts) for name, parts in NET.items() if set(parts[:2]) <= set(made.data_vars)})
    bounds = {str(one.attrs["bounds"]) for one in whole.coords.values() if "bounds" in one.attrs}
    fields = {str(name): one for name, one in whole.data_vars.items() if name not in bounds and "time" in one.dims}
    result = xr.Dataset({name: _placed(one) for name, one in fields.items()} | {name: whole[name].variable for name in bounds},
                        {str(name): one.variable for name, one in whole.coords.items() if name not in (*PLACE, "station_id")},
                        dict(whole.attrs))
    result = result.assign_coords({name: (CELL, whole[name].to_numpy().reshape(1, 1), whole[name].attrs)
                                   for name in PLACE if name in whole.coords})
    # CF knows the axes of a grid by their units; readers of PLUMBER2 files look at latitude and longitude alone.
    for name, place in zip(CELL, PLACE[:2]):
        one = whole[place]
        result = result.assign_coords({name: ((name,), one.to_numpy().reshape(1), {**one.attrs, "axis": name.upper()})})
    result.attrs.pop("featureType", None)
    for name, attribute in (("site_code", "site_id"), ("site_name", "site_name")):
        if whole.attrs.get(attribute):
            result.attrs[name] = whole.attrs[attribute]
    return result


def _net(made: xr.Dataset, down: str, up: str, standard_name: str, long_name: str) -> xr.DataArray:
    values = made[down] - made[up]
    values.attrs = {"units": "W m-2", "long_name": long_name, "standard_name": standard_name, "cell_methods": "time: mean"}
    return values


def _placed(values: xr.DataArray) -> xr.Variable:
    """Time first, layers next, then a cell of its own."""
    data = values.variable
    return xr.Variable((*data.dims, *CELL), data.to_numpy()[..., None, None], data.attrs)
