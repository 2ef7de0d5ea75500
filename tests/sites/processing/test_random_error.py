"""Random error by similar rows, by paired days, by a line."""

import numpy as np
import pytest

from terraflux.sites.processing.random_error import ErrorMethod, linear_error, paired_days, random_error


def weather(days=60, noise=1.5, seed=0, per_day=48):
    generator = np.random.default_rng(seed)
    hours = np.arange(days * per_day) / per_day * 24.0
    radiation = 500.0 * np.maximum(0.0, np.sin((hours % 24.0 - 6.0) / 12.0 * np.pi))
    temperature = 12.0 + radiation / 60.0 + generator.normal(0.0, 0.5, hours.size)
    vpd = radiation / 50.0 + generator.uniform(0.0, 1.0, hours.size)
    flux = np.where(radiation > 0.0, -10.0, 3.0) + generator.normal(0.0, noise, hours.size)
    return flux, {"radiation": radiation, "temperature": temperature, "vpd": vpd}


def test_known_noise_is_recovered():
    flux, company = weather(noise=1.5)
    error = random_error(flux, **company)
    night = (company["radiation"] == 0.0) & (error.method == ErrorMethod.SIMILAR_WEATHER)
    assert np.median(error.sigma[night]) == pytest.approx(1.5, rel=0.05)


@pytest.mark.parametrize(("per_day", "step"), [(48, 30.0), (24, 60.0)])
def test_similar_weather_follows_the_rules(per_day, step):
    flux, company = weather(per_day=per_day)
    generator = np.random.default_rng(1)
    flux[generator.random(flux.size) < 0.5] = np.nan
    error = random_error(flux, **company, step_minutes=step)
    radiation, near = company["radiation"], per_day // 24
    for row in generator.choice(np.flatnonzero(np.isfinite(flux)), 100, replace=False):
        rows = np.concatenate([np.arange(row + d * per_day - near, row + d * per_day + near + 1) for d in range(-7, 8)])
        rows = rows[(rows >= 0) & (rows < flux.size)]
        tolerance = max(20.0, min(50.0, radiation[row]))
        like = np.isfinite(flux[rows]) & (np.abs(radiation[rows] - radiation[row]) < tolerance)
        like &= np.abs(company["temperature"][rows] - company["temperature"][row]) < 2.5
        like &= np.abs(company["vpd"][rows] - company["vpd"][row]) < 5.0
        if like.sum() > 5:
            assert error.method[row] == ErrorMethod.SIMILAR_WEATHER and error.count[row] == like.sum()
            assert error.sigma[row] == pytest.approx(np.std(flux[rows[like]], ddof=1), rel=1e-10)
        else:
            assert error.method[row] != ErrorMethod.SIMILAR_WEATHER


def test_filled_rows_take_the_median_of_similar_fluxes():
    flux, company = weather()
    filled = flux.copy()
    flux[1000:1010] = np.nan
    error = random_error(flux, **company, filled=filled)
    measured_only = random_error(flux, **company)
    row = 1005
    near = np.arange(row - 14 * 48, row + 14 * 48 + 1)
    known = error.method[near] == ErrorMethod.SIMILAR_WEATHER
    like = near[known & (np.abs(filled[near] - filled[row]) <= max(0.2 * abs(filled[row]), 2.0))]
    assert error.method[row] == ErrorMethod.SIMILAR_FLUX
    assert error.sigma[row] == pytest.approx(np.median(error.sigma[like]))
    assert error.count[row] == like.size
    assert measured_only.method[row] == ErrorMethod.NONE and np.isnan(measured_only.sigma[row])


def test_heat_needs_ten_watts_of_likeness_and_carbon_two_units():
    flux, company = weather()
    filled = flux.copy()
    flux[1000] = np.nan
    carbon, heat = (random_error(flux, **company, filled=filled, kind=kind) for kind in ("nee", "le"))
    assert heat.count[1000] > carbon.count[1000] > 0


def test_rows_without_weather_or_company_keep_no_error():
    flux, company = weather(days=20)
    nothing = {name: np.full(flux.size, np.nan) for name in company}
    error = random_error(flux, **nothing)
    assert np.isnan(error.sigma).all() and (error.method == 0).all()
    assert (random_error(np.full(flux.size, np.nan), **company).method == 0).all()
    with pytest.raises(ValueError, match="choose one of nee, le, h"):
        random_error(flux, **company, kind="co2")


def test_paired_days_recover_the_spread_of_one_error():
    generator = np.random.default_rng(3)
    days, scale = 400, 0.8
    clock = np.tile(np.arange(48.0), days)
    flux = np.sin(clock / 48.0 * 2.0 * np.pi) + generator.laplace(0.0, scale, clock.size)
    pairs = paired_days(flux, ppfd=clock, temperature=clock, wind_speed=np.full(clock.size, 2.0))
    assert pairs.row.size == (days - 1) * 48
    assert pairs.sigma == pytest.approx(np.sqrt(2.0) * scale, rel=0.03)


def test_pairs_need_like_light_temperature_and_wind():
    rows = 48 * 4
    base = {"ppfd": np.zeros(rows), "temperature": np.zeros(rows), "wind_speed": np.zeros(rows)}
    assert paired_days(np.zeros(rows), **base).row.size == 48 * 3
    for name, step in (("ppfd", 75.5), ("temperature", 3.1), ("wind_speed", 1.1)):
        changed = base[name].copy()
        changed[48:96] = step
        assert paired_days(np.zeros(rows), **(base | {name: changed})).row.tolist() == list(range(96, 144))
    gappy = np.zeros(rows)
    gappy[100] = np.nan
    assert {52, 100} & set(paired_days(gappy, **base).row.tolist()) == set()


def test_a_record_of_a_day_has_no_pairs():
    pairs = paired_days(np.zeros(40), ppfd=np.zeros(40), temperature=np.zeros(40), wind_speed=np.zeros(40))
    assert pairs.row.size == 0 and np.isnan(pairs.sigma) and np.isnan(pairs.laplace_scale)


def test_a_line_grows_with_the_flux_on_both_sides_and_is_always_positive():
    flux = np.linspace(-40.0, 40.0, 81)
    for kind in ("nee", "h", "le"):
        for surface in ("forest", "grass"):
            sigma = linear_error(flux, kind, surface)
            assert (sigma > 0.0).all()
            assert (np.diff(sigma[flux >= 0.0]) > 0.0).all() and (np.diff(sigma[flux < 0.0]) <= 0.0).all()
    assert np.isnan(linear_error([np.nan], "le", "grass")[0])
    with pytest.raises(ValueError, match="forest or grass"):
        linear_error(flux, "nee", "sea")
