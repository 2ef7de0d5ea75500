"""A small column for the tests of the engine: air, two snow layers, four soil layers and one store of water."""

import numpy as np
import pytest

from terraflux.model.weave import (
    RecipeError,
    Repeat,
    RepeatPerLane,
    Stream,
    SweepDown,
    SweepUp,
    Table,
    Variable,
    When,
    process,
    weave,
)
from terraflux.model.weave.lane_math import exp, sqrt, tanh

HALF = 0.5
FREEZING = 273.15


def smooth_step(x):
    """0 for cold, 1 for warm."""
    return HALF * (1.0 + tanh(x))


@process(returns="decay")
def decay(rate, time_step):
    return exp(-rate * time_step)


@process(returns=("openness", "drips", "snow_flag"))
def begin(air_temperature, water):
    drips = 3.0 if air_temperature > 280.0 else 1.0
    return smooth_step(0.1 * (air_temperature - FREEZING)) + sqrt(water), drips, 1.0 if air_temperature < 275.0 else 0.0


@process(returns="water")
def leak(water, decay, rain):
    return water * decay + rain


@process(returns="temperature")
def relax(temperature, air_temperature, conductance):
    return temperature + conductance * (air_temperature - temperature)


@process(returns=("ratio", "value"))
def forward_top(soil_temperature, snow_temperature_bottom, conductance):
    return conductance, (soil_temperature + conductance * snow_temperature_bottom) / (1.0 + conductance)


@process(returns=("ratio", "value"))
def forward(soil_temperature, ratio_above, value_above, conductance):
    return conductance * ratio_above, (soil_temperature + conductance * value_above) / (1.0 + conductance)


@process(returns="soil_temperature")
def bottom(soil_temperature, value_above):
    return 0.5 * (soil_temperature + value_above)


@process(returns="soil_temperature")
def back(soil_temperature_below, ratio, value):
    return value + 0.01 * ratio * (soil_temperature_below - value)


@process(returns=("water", "melt"))
def melting(water, air_temperature):
    melt = water * 0.01 * exp((air_temperature - 275.0) * 0.1)
    return water - melt, melt


STEP = [
    begin,
    Repeat(2, leak),
    SweepDown(relax.of("snow")),
    SweepDown(forward, first=forward_top, last=bottom),
    SweepUp(back, last_is_done=True),
    When("snow_flag", melting),
    RepeatPerLane("drips", 3, leak),
]
VARIABLES = [
    Variable("air_temperature", "forcing", "K", "air temperature"),
    Variable("water", "state", "kg m-2", "water", bounds=(0.0, 1000.0)),
    Variable("rain", "forcing", "kg m-2", "rain"),
    Variable("openness", "diagnostic", "1", "openness"),
    Variable("time_step", "setting", "s", "time step", value=1800.0),
    Variable("rate", "parameter", "s-1", "rate"),
    Variable("decay", "derived", "1", "decay"),
    Variable("soil_temperature", "state", "K", "soil temperature", "soil", bounds=(200.0, 340.0)),
    Variable("snow_temperature", "state", "K", "snow temperature", "snow", bounds=(200.0, 340.0)),
    Variable("conductance", "parameter", "1", "conductance"),
    *(Variable(name, "diagnostic", "1", name) for name in ("drips", "snow_flag", "melt", "idle")),
    Variable("ratio", "diagnostic", "1", "ratio", "soil"),
    Variable("value", "diagnostic", "K", "value", "soil"),
]
OUTPUTS = ("water", "soil_temperature", "melt", "openness", "decay")


class Toy:
    """The toy column with forcing, parameters and a first state for some columns."""

    table = Table(VARIABLES, layers={"soil": 4, "snow": 2})
    step = STEP
    prepare = decay
    outputs = OUTPUTS
    columns, steps = 75, 60

    def __init__(self, folder):
        self.folder = folder
        random = np.random.default_rng(1)
        shape = (self.steps, self.columns)
        self.forcing = np.stack([270.0 + 15.0 * random.random(shape), random.random(shape)], 1)
        self.parameters = np.stack([1e-5 * random.random(self.columns), 0.1 * random.random(self.columns)])
        self.observed = 12.0 + random.normal(0, 2, (self.steps // 5, self.columns))
        self.observed[::3] = np.nan
        self._woven = {}

    def state(self, columns=slice(None)):
        rows = [10.0] + [280.0] * 4 + [271.0] * 2
        return np.repeat(np.array(rows)[:, None], self.columns, 1)[:, columns].copy()

    def woven(self, lanes=32, **options):
        key = lanes, *sorted(options.items())
        if key not in self._woven:
            self._woven[key] = weave(self.step, self.table, [self.prepare], lanes, folder=self.folder, **options)
        return self._woven[key]

    def run(self, model, chosen=slice(None), **options):
        """(result, state after the run) with daily windows and a stream."""
        stream = Stream("water", np.arange(self.steps) // 5, self.observed[:, chosen], 2.0)
        given = {"outputs": self.outputs, "windows": 10, "streams": [stream], **options}
        state = self.state(chosen)
        result = model.run(self.forcing[:, :, chosen], self.parameters[:, chosen], state, **given)
        return result, state


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    return Toy(tmp_path_factory.mktemp("woven"))


@pytest.fixture(scope="session")
def refused(tmp_path_factory):
    """The message with which a recipe over given variables is refused."""
    folder = tmp_path_factory.mktemp("refused")

    def message(recipe, variables=VARIABLES, layers=None, prepare=(decay,)):
        table = Table(variables, layers or {"soil": 4, "snow": 2})
        with pytest.raises(RecipeError) as caught:
            weave(recipe, table, prepare, 1, python=True, folder=folder)
        return str(caught.value)

    return message
