"""Benchmarks obey their own equations and never see the site they predict."""

import numpy as np
import pytest
import xarray as xr

from terraflux.evaluation.benchmarks import BENCHMARKS, benchmark_table, leave_one_site_out, mean_rank, share_won
from terraflux.evaluation.empirical_benchmarks import EMPIRICAL, k_means, predictors
from terraflux.evaluation.physical_benchmarks import (
    BUCKET_CAPACITY,
    manabe_bucket,
    penman_monteith,
    saturation_pressure,
    saturation_slope,
)


def observed_like(forcing, latent):
    quality = np.zeros(forcing.sizes["time"], dtype="int8")
    return xr.Dataset({"latent_heat": ("time", latent, {"units": "W m-2"}), "latent_heat_quality": ("time", quality)},
                      coords={"time": forcing["time"]})


def sites(make_forcing, law, count=3):
    made = {}
    for number in range(count):
        forcing = make_forcing(seed=number)
        made[f"site{number}"] = (forcing, observed_like(forcing, law(forcing, number)))
    return made


def test_saturation_pressure_matches_the_table_of_fao_56():
    # FAO-56 annex 2, tables 2.3 and 2.4: 20 degC 2.338 kPa and 0.1447 kPa K-1, 30 degC 4.243 and 0.243.
    assert saturation_pressure(np.array([20.0, 30.0])) == pytest.approx([2.338, 4.243], abs=1e-3)
    assert saturation_slope(np.array([20.0, 30.0])) == pytest.approx([0.1447, 0.2434], abs=1e-3)


def test_slope_is_the_derivative_of_saturation_pressure():
    t = np.linspace(-20.0, 40.0, 13)
    numeric = (saturation_pressure(t + 1e-4) - saturation_pressure(t - 1e-4)) / 2e-4
    assert saturation_slope(t) == pytest.approx(numeric, rel=1e-4)


def test_one_variable_regression_recovers_a_line_seen_at_other_sites(make_forcing):
    made = sites(make_forcing, lambda forcing, number: 5.0 + 0.3 * forcing["shortwave_down"].to_numpy())
    predicted = leave_one_site_out(made, "latent_heat", "1lin")["site1"]
    assert predicted.to_numpy() == pytest.approx(made["site1"][1]["latent_heat"].to_numpy(), abs=1e-9)


def test_the_predicted_site_takes_no_part_in_the_fit(make_forcing):
    made = sites(make_forcing, lambda forcing, number: 5.0 + 0.3 * forcing["shortwave_down"].to_numpy())
    before = leave_one_site_out(made, "latent_heat", "3km27")["site0"]
    made["site0"][1]["latent_heat"][:] = 1e4
    after = leave_one_site_out(made, "latent_heat", "3km27")["site0"]
    assert np.array_equal(before, after)


def test_two_variables_explain_what_one_cannot(make_forcing):
    made = sites(make_forcing, lambda forcing, number: forcing["shortwave_down"].to_numpy() * 0.2
                 + 4.0 * forcing["air_temperature"].to_numpy())
    truth = made["site2"][1]["latent_heat"].to_numpy()
    error = {name: np.abs(leave_one_site_out(made, "latent_heat", name)["site2"].to_numpy() - truth).max()
             for name in ("1lin", "2lin")}
    assert error["2lin"] < 1e-8 < error["1lin"]


def test_clusters_follow_a_bend_that_a_line_cannot(make_forcing):
    made = sites(make_forcing, lambda forcing, number: np.minimum(forcing["shortwave_down"].to_numpy(), 300.0))
    truth = made["site0"][1]["latent_heat"].to_numpy()
    error = {name: np.sqrt(np.mean((leave_one_site_out(made, "latent_heat", name)["site0"].to_numpy() - truth) ** 2))
             for name in ("1lin", "3km27")}
    assert error["3km27"] < 0.5 * error["1lin"]


def test_clusters_are_the_same_for_the_same_seed_and_find_separate_groups():
    generator = np.random.default_rng(3)
    groups = np.array([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    points = np.concatenate([centre + generator.normal(0.0, 0.1, (200, 2)) for centre in groups])
    first, again = k_means(points, 3, seed=5), k_means(points, 3, seed=5)
    assert np.array_equal(first, again)
    nearest = np.sqrt(((groups[:, None] - first[None]) ** 2).sum(axis=2)).min(axis=1)
    assert nearest == pytest.approx(0.0, abs=0.05)


def test_relative_humidity_lies_between_nought_and_a_hundred(make_forcing):
    humidity = predictors(make_forcing(warm=-5.0), ["relative_humidity"])
    assert humidity.min() >= 0.0
    assert humidity.max() <= 100.0


def test_only_measured_values_train_a_benchmark(make_forcing):
    made = sites(make_forcing, lambda forcing, number: 0.3 * forcing["shortwave_down"].to_numpy())
    for _, observed in made.values():
        observed["latent_heat"][::7] = 1e5
        observed["latent_heat_quality"][::7] = 2
    fitted = EMPIRICAL["1lin"]().fit(list(made.values()), "latent_heat")
    assert fitted.coefficients_ == pytest.approx([0.0, 0.3], abs=1e-9)


def test_penman_monteith_closes_the_energy_balance_and_evaporates_more_in_dry_air(forcing):
    fluxes = penman_monteith(forcing)
    net = (0.77 * forcing["shortwave_down"] + forcing["longwave_down"]
           - 5.670374e-8 * (forcing["air_temperature"] + 273.15) ** 4)
    assert (fluxes["latent_heat"] + fluxes["sensible_heat"]).to_numpy() == pytest.approx(net.to_numpy(), abs=1e-9)
    dry = forcing.assign(vapour_pressure=0.5 * forcing["vapour_pressure"])
    assert (penman_monteith(dry)["latent_heat"] > fluxes["latent_heat"]).all()


def test_penman_monteith_agrees_with_the_hourly_equation_of_fao_56():
    # FAO-56 equation 53 (hourly, wind at 2 m): 0.408 D (Rn - G) + g 37/(T + 273) u (es - ea) over D + g (1 + 0.34 u),
    # in mm per hour with radiation in MJ m-2 h-1. It rounds constants (208/u for the resistance, virtual temperature
    # 1.01 (T + 273), latent heat 2.45 MJ kg-1), each within a few per cent.
    temperature, vapour, wind, pressure = 38.0, 3.445, 3.3, 101300.0
    net_megajoule = 1.749
    emission = 5.670374e-8 * (temperature + 273.15) ** 4
    time = np.array(["2005-10-01T14:00"], dtype="datetime64[ns]")
    shortwave = 0.0
    longwave = net_megajoule * 1e6 / 3600.0 + emission
    fields = {"shortwave_down": shortwave, "longwave_down": longwave, "air_temperature": temperature,
              "vapour_pressure": vapour, "air_pressure": pressure, "wind_speed": wind, "precipitation": 0.0}
    forcing = xr.Dataset({name: ("time", [number]) for name, number in fields.items()}, coords={"time": time})
    forcing.attrs["measurement_height"] = 2.01
    latent = penman_monteith(forcing)["latent_heat"].item()
    slope, psychrometric = float(saturation_slope(np.float64(temperature))), 0.665e-6 * pressure
    saturated = float(saturation_pressure(np.float64(temperature)))
    dry = psychrometric * 37.0 / (temperature + 273.0) * wind * (saturated - vapour)
    hourly = (0.408 * slope * net_megajoule + dry) / (slope + psychrometric * (1.0 + 0.34 * wind))
    assert latent * 3600.0 / 2.45e6 == pytest.approx(hourly, rel=0.03)


def test_the_bucket_keeps_its_water(forcing):
    made = manabe_bucket(forcing, 1800.0, spin_up_years=0)
    latent_heat = 2.501e6 - 2361.0 * forcing["air_temperature"].to_numpy()
    evaporated = (made["latent_heat"].to_numpy() / latent_heat * 1800.0).sum()
    rain = float(forcing["precipitation"].sum()) * 1800.0
    left = made["bucket_water"].to_numpy()[-1] - BUCKET_CAPACITY
    assert (forcing["air_temperature"] > 0.0).all()
    assert left == pytest.approx(rain - evaporated - float(made["bucket_runoff"].sum()), abs=1e-8)
    assert made["bucket_water"].max() <= BUCKET_CAPACITY
    assert made["bucket_water"].min() >= 0.0


def test_a_dry_bucket_evaporates_less_than_a_full_one(forcing):
    drought = forcing.assign(precipitation=0.0 * forcing["precipitation"])
    spun = manabe_bucket(drought, 1800.0, spin_up_years=3)
    full = manabe_bucket(forcing.assign(precipitation=forcing["precipitation"] + 1e-3), 1800.0)
    assert float(spun["latent_heat"].mean()) < 0.3 * float(full["latent_heat"].mean())
    assert float(spun["sensible_heat"].mean()) > float(full["sensible_heat"].mean())


def test_snow_gathers_in_frost_and_melts_in_warmth(make_forcing):
    cold, warm = make_forcing(days=20, warm=-15.0), make_forcing(days=40, start="2005-01-21", warm=12.0)
    cold["shortwave_down"] *= 0.1
    cold["longwave_down"] -= 100.0
    record = xr.concat([cold, warm], dim="time")
    made = manabe_bucket(record, 1800.0, spin_up_years=0)
    assert made["bucket_snow"].isel(time=48 * 20 - 1) > 5.0
    assert made["bucket_snow"].isel(time=-1) == 0.0
    assert np.isfinite(made["latent_heat"]).all()


def test_every_contender_is_scored_on_the_same_steps_and_the_truth_wins(make_forcing):
    made = sites(make_forcing, lambda forcing, number: 100.0 + number + 80.0 * np.sin(np.arange(forcing.sizes["time"])))
    simulations = {}
    for site, (_forcing, observed) in made.items():
        observed["latent_heat"][:50] = np.nan
        simulations[site] = xr.Dataset({"latent_heat": observed["latent_heat"].fillna(0.0)}).isel(time=slice(20, None))
        simulations[site].attrs["time_step_seconds"] = 1800.0
        simulations[site]["latent_heat"].attrs["units"] = "W m-2"
    table = benchmark_table(simulations, made, "latent_heat")
    assert set(table["contender"]) == {"terraflux", *BENCHMARKS}
    assert table["n"].nunique() == 1
    assert table["n"].iloc[0] == 48 * 60 - 50
    won = share_won(table)
    assert (won == 1.0).all()
    assert mean_rank(table)["terraflux"] == 1.0
    assert mean_rank(table).sum() == pytest.approx(sum(range(1, 7)))


def test_benchmarks_refuse_what_they_cannot_do(make_forcing):
    made = sites(make_forcing, lambda forcing, number: forcing["shortwave_down"].to_numpy(), count=1)
    with pytest.raises(ValueError, match="give at least two"):
        leave_one_site_out(made, "latent_heat", "1lin")
    with pytest.raises(ValueError, match="not gross_primary_production"):
        leave_one_site_out(made, "gross_primary_production", "manabe")
    with pytest.raises(ValueError, match="unknown benchmark 'lstm'"):
        leave_one_site_out(made, "latent_heat", "lstm")
    with pytest.raises(ValueError, match="no training site has measured values of 'sensible_heat'"):
        EMPIRICAL["1lin"]().fit(list(made.values()), "sensible_heat")
    with pytest.raises(ValueError, match="has not been fitted"):
        EMPIRICAL["3km27"]().predict(make_forcing())
