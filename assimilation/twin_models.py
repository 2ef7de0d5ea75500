"""A small land model with ten parameters and one invented year, for trials of solvers and samplers in seconds.

Half-hourly GPP = light response(PAR) x bell(T) x VPD x soil moisture; Reco = R10 Q10^((T - 10)/10) x soil moisture; the
canopy transpires through a conductance of the form of Medlyn et al. (2011), the soil evaporates with net radiation, and one
bucket keeps the water. It is no part of the land model: its parameters mean nothing elsewhere. Two sets of observations:
`dense_twin` (half-hourly NEE and LE with gaps, daily soil water: nearly normal posterior) and `sparse_twin` (60 daily NEE,
30 soil water: curved, held by its uniform priors). Controls are logits of parameters between their bounds.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terraflux.model.weave.kernels import kernel
from terraflux.model.weave.lane_math import exp
from terraflux.model.weave.threads import run_ranges

Floats = NDArray[np.float64]

STEPS_PER_DAY = 48
LANES = 32
"""Replicas that are run side by side."""
PARAMETERS: dict[str, tuple[float, float, float]] = {
    "quantum_yield": (0.01, 0.10, 0.045),  # mol mol-1
    "maximum_assimilation": (5.0, 60.0, 28.0),  # umol m-2 s-1
    "optimum_temperature": (10.0, 35.0, 21.0),  # degC
    "vpd_scale": (0.3, 5.0, 1.6),  # kPa
    "moisture_half": (0.05, 0.60, 0.28),  # of the bucket
    "respiration_10": (0.3, 8.0, 2.6),  # umol m-2 s-1
    "q10": (1.1, 4.0, 2.0),
    "stomatal_slope": (0.5, 10.0, 3.6),  # kPa^0.5
    "soil_evaporation": (0.02, 0.8, 0.25),  # of net radiation
    "bucket_depth": (40.0, 400.0, 150.0),  # mm of water
}
"""Name: lowest and highest value, and the truth of the twins."""
LOW, HIGH, TRUTH = np.array(list(PARAMETERS.values())).T
STREAMS = ("NEE", "LE", "SWC")
_TWO_PI = 6.283185307179586


@kernel
def _run_block(weather: Floats, theta: Floats, plan: Any, sums: Floats, predicted: Floats, keep: bool) -> None:
    """Runs LANES replicas; theta (10, LANES). plan: closing index (3, T), share (3, T), observed, precision per datum."""
    closing, share, observed, precision = plan
    lanes = theta.shape[1]
    water = 0.7 * theta[9]
    logarithm_q10 = np.log(theta[6]) / 10.0
    running = np.zeros((3, lanes))
    fluxes = np.zeros((3, lanes))
    for t in range(weather.shape[0]):
        light, warm, dry = weather[t, 0], weather[t, 1], weather[t, 2]
        radiation, rain = weather[t, 3], weather[t, 4]
        root_dry, molar_deficit = np.sqrt(dry), dry / 101.3
        for r in range(lanes):
            wetness = water[r] / theta[9, r]
            bell = (warm - theta[2, r]) / 13.0
            slope = theta[0, r] * light
            stress = 1.0 / (1.0 + exp((theta[4, r] - wetness) / 0.06))
            uptake = slope * theta[1, r] / (slope + theta[1, r]) * exp(-bell * bell) / (1.0 + dry / theta[3, r]) * stress
            release = theta[5, r] * exp(logarithm_q10[r] * (warm - 10.0)) * wetness / (wetness + 0.15)
            conductance = 0.005 * stress + 1.6 * (1.0 + theta[7, r] / root_dry) * uptake / 400.0
            latent = 44000.0 * conductance * molar_deficit + theta[8, r] * wetness * radiation
            spill = exp((wetness - 1.0) * 30.0) * 0.02 * theta[9, r]
            water[r] = max(water[r] + rain - latent * (1800.0 / 2.45e6) - spill, 1e-3)
            fluxes[0, r] = release - uptake
            fluxes[1, r] = latent
            fluxes[2, r] = 0.05 + 0.4 * wetness
        for s in range(3):
            part = share[s, t]
            if part == 0.0:
                continue
            end = closing[s, t]
            if end < 0:
                for r in range(lanes):
                    running[s, r] += part * fluxes[s, r]
                continue
            for r in range(lanes):
                value = running[s, r] + part * fluxes[s, r]
                gap = (observed[end] - value) * precision[end]
                sums[r] += 0.5 * gap * gap
                running[s, r] = 0.0
                if keep:
                    predicted[end, r] = value


@dataclass
class Twin:
    """Observations of the small model in one year, with the truth known; a problem of least squares.

    `streams` says where NEE (umol m-2 s-1), LE (W m-2) and SWC (m3 m-3) lie in `observed`. `runs` counts replicas.
    """

    weather: Floats
    plan: tuple[Any, ...]
    observed: Floats
    sigma: Floats
    streams: dict[str, slice]
    threads: int = 1
    names: tuple[str, ...] = tuple(PARAMETERS)
    truth: Floats = field(default_factory=lambda: to_control(TRUTH))
    runs: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        count = len(self.names)
        self.prior_mean, self.prior_covariance = np.zeros(count), np.eye(count) * np.pi**2 / 3.0
        self._constant = float(np.log(self.sigma).sum()) + 0.5 * self.observed.size * float(np.log(_TWO_PI))

    def _run(self, u: Floats, keep: bool) -> tuple[Floats, Floats]:
        theta = to_parameters(np.asarray(u, np.float64))
        rows, count = theta.shape
        self.runs += rows
        blocks = -(-rows // LANES)
        padded = np.concatenate([theta, np.broadcast_to(theta[:1], (blocks * LANES - rows, count))])
        sums = np.zeros(blocks * LANES)
        predicted = np.empty((rows if keep else 0, self.observed.size))

        def work(first: int, last: int) -> None:
            buffer = np.empty((self.observed.size if keep else 0, LANES))
            for block in range(first, last):
                here = slice(block * LANES, (block + 1) * LANES)
                _run_block(self.weather, np.ascontiguousarray(padded[here].T), self.plan, sums[here], buffer, keep)
                if keep:
                    part = predicted[here]
                    part[...] = buffer[:, : part.shape[0]].T

        run_ranges(work, blocks, self.threads)
        return sums[:rows], predicted

    def predict(self, u: Floats) -> Floats:
        """Modelled observations; shape (R, n)."""
        return self._run(u, keep=True)[1]

    def log_density(self, u: Floats) -> Floats:
        """Log posterior density in u with normal errors, summed in the time loop; shape (R,)."""
        total = self.log_prior(u) - self._run(u, keep=False)[0] - self._constant
        return np.where(np.isfinite(total), total, -np.inf)

    def log_prior(self, u: Floats) -> Floats:
        """Uniform priors between the bounds are standard logistic in u; shape (R,)."""
        size = np.abs(u)
        return np.asarray(-np.sum(size + 2.0 * np.log1p(np.exp(-size)), axis=1))

    def prior_gradient_hessian(self, u: Floats) -> tuple[Floats, Floats]:
        """Gradient (R, p) and diagonal of the Hessian (R, p) of the log prior."""
        half = np.tanh(0.5 * u)
        return -half, -0.5 * (1.0 - half**2)

    def prior_draws(self, count: int, seed: int) -> Floats:
        """Controls drawn from the prior; shape (count, p)."""
        return np.random.default_rng(seed).logistic(size=(count, len(self.names)))


def to_parameters(u: Floats) -> Floats:
    """Parameters of controls: between the bounds by the logistic function."""
    return np.asarray(LOW + (HIGH - LOW) * (0.5 + 0.5 * np.tanh(0.5 * u)))


def to_control(theta: Floats) -> Floats:
    """Controls of parameters: logits of their places between the bounds."""
    share = (theta - LOW) / (HIGH - LOW)
    return np.asarray(np.log(share / (1.0 - share)))


def invented_weather(seed: int = 1, days: int = 365) -> Floats:
    """A temperate year: PAR (umol m-2 s-1), T (degC), VPD (kPa), net radiation (W m-2), rain (mm per half hour); (T, 5)."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), STEPS_PER_DAY)
    hour = np.tile(np.arange(STEPS_PER_DAY) / 2.0 + 0.25, days)
    season = np.cos(_TWO_PI * (day - 172.0) / 365.0)
    wet = random.random(days) < 0.28
    clear = np.clip(np.where(wet, 0.25, 0.75) + 0.15 * random.standard_normal(days), 0.1, 1.0)[day]
    sine = np.sin(0.9) * np.sin(0.41 * season) + np.cos(0.9) * np.cos(0.41 * season) * np.cos((hour - 12.0) * np.pi / 12.0)
    par = 2300.0 * np.maximum(sine, 0.0) * clear
    anomaly = np.zeros(days)
    for d in range(1, days):
        anomaly[d] = 0.8 * anomaly[d - 1] + 1.8 * random.standard_normal()
    warm = 10.0 + 9.5 * season + anomaly[day] + 5.0 * clear * np.cos((hour - 15.0) * np.pi / 12.0)
    saturation = 0.611 * np.exp(17.27 * warm / (warm + 237.3))
    low = np.repeat(warm.reshape(days, -1).min(axis=1), STEPS_PER_DAY)
    deficit = np.maximum(saturation - 0.95 * 0.611 * np.exp(17.27 * low / (low + 237.3)), 0.05)
    radiation = np.maximum(0.32 * par - 30.0, 0.0)
    rain = np.zeros(days * STEPS_PER_DAY)
    for start in np.flatnonzero(wet) * STEPS_PER_DAY:
        hours = random.integers(0, STEPS_PER_DAY, 8) + start
        np.add.at(rain, hours, random.gamma(0.8, 9.0) / 8.0)
    return np.stack([par, warm, deficit, radiation, rain], axis=1)


def _half_hours(chosen: NDArray[np.bool_], first: int) -> tuple[NDArray[np.int64], Floats]:
    closing = np.full(chosen.size, -1, np.int64)
    closing[chosen] = first + np.arange(chosen.sum())
    return closing, chosen.astype(np.float64)


def _days(chosen: NDArray[np.int64], first: int, steps: int) -> tuple[NDArray[np.int64], Floats]:
    closing, share = np.full(steps, -1, np.int64), np.zeros(steps)
    for number, day in enumerate(np.sort(chosen)):
        share[day * STEPS_PER_DAY : (day + 1) * STEPS_PER_DAY] = 1.0 / STEPS_PER_DAY
        closing[(day + 1) * STEPS_PER_DAY - 1] = first + number
    return closing, share


def _twin(rows: list[tuple[NDArray[np.int64], Floats]], noise: Any, weather: Floats, seed: int) -> Twin:
    """Runs the truth on a plan of observations and adds normal noise of the standard deviation `noise(stream, truth)`."""
    closing, share = np.stack([row[0] for row in rows]), np.stack([row[1] for row in rows])
    count = int(closing.max()) + 1
    streams = {}
    for name, row in zip(STREAMS, closing, strict=True):
        if np.any(row >= 0):
            streams[name] = slice(int(row[row >= 0].min()), int(row.max()) + 1)
    blank = np.ones(count)
    clean = Twin(weather, (closing, share, blank, blank), blank, blank, streams).predict(to_control(TRUTH)[np.newaxis])[0]
    sigma = np.empty(count)
    for name, part in streams.items():
        sigma[part] = noise(name, clean[part])
    observed = clean + sigma * np.random.default_rng(seed).standard_normal(count)
    return Twin(weather, (closing, share, observed, 1.0 / sigma), observed, sigma, streams)


def dense_twin(seed: int = 0) -> Twin:
    """About 19 600 data: 55 % of half hours of NEE and of LE, daily soil water. `seed` is that of the noise."""
    weather = invented_weather()
    random = np.random.default_rng(7)
    steps = weather.shape[0]
    taken = [np.asarray(random.random(steps) < 0.55) for _ in range(2)]
    counts = [int(np.sum(mask)) for mask in taken]
    rows = [_half_hours(taken[0], 0), _half_hours(taken[1], counts[0]), _days(np.arange(365), sum(counts), steps)]

    def noise(name: str, truth: Floats) -> Any:
        return {"NEE": 1.0 + 0.15 * np.abs(truth), "LE": 12.0 + 0.15 * np.abs(truth), "SWC": 0.03}[name]

    return _twin(rows, noise, weather, seed)


def sparse_twin(seed: int = 0) -> Twin:
    """90 data: daily NEE of 60 days and soil water of 30. `seed` is that of the noise."""
    weather = invented_weather()
    random = np.random.default_rng(8)
    steps = weather.shape[0]
    chosen = [random.choice(365, count, replace=False) for count in (60, 30)]
    nothing = np.full(steps, -1, np.int64), np.zeros(steps)
    rows = [_days(chosen[0], 0, steps), nothing, _days(chosen[1], 60, steps)]
    return _twin(rows, lambda name, truth: {"NEE": 0.4, "SWC": 0.03}[name], weather, seed)
