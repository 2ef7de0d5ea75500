"""Perturbed weather: size, memory and seams of its errors."""

import numpy as np
import pytest

from terraflux.assimilation.forcing_errors import ForcingErrors, ForcingPerturbation
from terraflux.model.variables import variable_table

TABLE = variable_table()
ROW = {variable.name: row for row, variable in enumerate(TABLE.of_kind("forcing"))}
WEATHER = {"precipitation": 1e-3, "shortwave_down": 300.0, "air_temperature": 15.0, "vapour_pressure": 1.2}


def forcing(steps):
    values = np.zeros((steps, len(ROW), 1))
    for name, value in WEATHER.items():
        values[:, ROW[name]] = value
    return values


def test_errors_have_their_size_memory_and_mean():
    done = ForcingPerturbation(TABLE, ForcingErrors(), 400, 1800.0, 1).perturbed(forcing(1440))
    rain = np.log(done[:, ROW["precipitation"]] / 1e-3)
    assert rain.std() == pytest.approx(0.3, rel=0.05)
    assert done[:, ROW["precipitation"]].mean() == pytest.approx(1e-3, rel=0.03)
    lag = np.corrcoef(rain[:-144].ravel(), rain[144:].ravel())[0, 1]  # 144 half hours are three days
    assert lag == pytest.approx(np.exp(-1.0), abs=0.05)
    assert np.log(done[:, ROW["shortwave_down"]]).std() == pytest.approx(0.1, rel=0.05)
    assert done[:, ROW["air_temperature"]].std() == pytest.approx(0.5, rel=0.05)


def test_dry_stays_dry_and_other_weather_is_untouched():
    given = forcing(10)
    given[:, ROW["precipitation"]] = 0.0
    done = ForcingPerturbation(TABLE, ForcingErrors(), 3, 1800.0).perturbed(given)
    assert (done[:, ROW["precipitation"]] == 0.0).all()
    others = [row for name, row in ROW.items() if name not in WEATHER]
    assert (done[:, others] == given[:, others]).all()


def test_errors_go_on_across_segments_as_if_there_were_none():
    whole = ForcingPerturbation(TABLE, ForcingErrors(), 5, 1800.0, 7).noise(200)
    parts = ForcingPerturbation(TABLE, ForcingErrors(), 5, 1800.0, 7)
    assert np.allclose(np.concatenate([parts.noise(n) for n in (48, 1, 151)]), whole, rtol=0, atol=1e-12)


def test_negative_errors_are_refused():
    with pytest.raises(ValueError, match="negative"):
        ForcingErrors(precipitation=-0.1)
