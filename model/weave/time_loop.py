"""The time loop around a woven step. The text below the line is copied into every woven module.

Rows of the workspace `w` hold LANES numbers each; names in capitals are where rows begin, or numbers of rows. The names
above the line stand in for those of the woven module, so that this file can be checked and read like any other.
"""

from typing import Any

import numpy as np

from terraflux.model.weave.lane_math import exp, log, sqrt

LANES = N_FORCING = N_SETTING = N_PARAMETER = N_STATE = N_ASKED = SIZE = 1
REFINED = False
FIRST_SETTING = FIRST_PARAMETER = FIRST_STATE = FIRST_ASKED = CODE = 0


def block_function(function: Any) -> Any:
    """Compiled in the woven module."""
    return function


entry = block_function


def prepare(w: Any) -> None:
    """Woven: computes derived variables."""


def step(w: Any) -> None:
    """Woven: the processes of one time step."""


def check(w: Any) -> None:
    """Woven: writes the number of the first state row outside its bounds to CODE."""


def misfit_of(model: int, residual: float) -> float:
    """Woven: the term of the error model with this number."""
    return 0.0


def refine_size(whole: Any) -> int:
    """Of the refinement: how many rows it holds from one interval to the next."""
    return 0


def refine(
    fine: Any, held: Any, interval: int, forcing: Any, series: Any, arrangement: int, whole: Any, calendar: Any, turns: Any,
    places: Any,
) -> None:
    """Of the refinement: the forcing of all steps of an interval, [step * forcing, lane]."""


# ---- copied from here ------------------------------------------------------------------------------------------------

MEAN, SUM, LAST, MINIMUM, MAXIMUM = 0, 1, 2, 3, 4
ERROR_SCALE, ERROR_CORRELATION, MODELLED_FACTOR = 0, 1, 2  # rows of the noise of a stream
FORGOTTEN = 48.0  # intervals after which a residual foretells nothing
LEAST_CORRELATION = 1e-300
NUMBERS_OF_LINE = 8
OWN, SHARED, SCATTERED = 0, 1, 2  # the series of a block's lanes: side by side, one for all, anything


@entry
def run_blocks(
    first_block, last_block, forcing, forcing_of, settings, parameters, state,
    window_of, window_ends, out_rows, reductions, out,
    stream_rows, observation_of, observation_ends, error_models, value_starts, observed_starts, observed, sigma,
    extra_variance, observation_weight, noise, values, misfit, status, status_value, asked, whole, calendar, turns, places,
):
    """All time steps of the blocks first_block .. last_block - 1, each of LANES columns.

    Lanes past the last column repeat it and are not stored. In a module with a refinement, `forcing` holds intervals of
    whole[0] steps, whose forcing is made when an interval begins.
    """
    w = on_cache_lines(SIZE)
    fine = rows_on_cache_lines(whole[0] * N_FORCING if REFINED else 0)
    held = rows_on_cache_lines(refine_size(whole) if REFINED else 0)
    series = np.zeros(LANES, np.int64)
    window_sums = rows_on_cache_lines(out_rows.shape[0])
    stream_sums = np.zeros((stream_rows.shape[0], LANES))
    stream_steps = np.zeros(stream_rows.shape[0], np.int64)
    lane_misfit = np.zeros((stream_rows.shape[0], LANES))
    lane_noise = np.zeros((stream_rows.shape[0], 3, LANES))
    last_residual = np.zeros((stream_rows.shape[0], LANES))
    last_time = np.zeros((stream_rows.shape[0], LANES))
    for block in range(first_block, last_block):
        first = block * LANES
        lanes = min(LANES, state.shape[1] - first)
        load_column(w, series, first, forcing_of, settings, parameters, state)
        for question in range(N_ASKED):
            w[FIRST_ASKED + question] = asked[question]
        prepare(w)
        arrangement = arrangement_of(series)
        for stream in range(stream_rows.shape[0]):
            stream_steps[stream] = 0
            begin_stream(first, noise[stream], lane_noise[stream], lane_misfit[stream], last_time[stream])
        steps = 0
        for time in range(window_of.shape[0]):
            if REFINED:
                place = time % whole[0]
                if place == 0:
                    refine(fine, held, time // whole[0], forcing, series, arrangement, whole, calendar, turns, places)
                load_refined(w, place, fine)
            else:
                load_forcing(w, time, forcing, series, arrangement)
            step(w)
            check(w)
            if any_lane(w, CODE):
                note_failures(w, time, first, lanes, status, status_value)
            if window_of[time] >= 0:
                add_to_window(w, steps == 0, out_rows, reductions, window_sums)
                steps += 1
                if window_ends[time]:
                    close_window(window_of[time], first, lanes, steps, reductions, window_sums, out)
                    steps = 0
            for stream in range(stream_rows.shape[0]):
                observation = observation_of[stream, time]
                if observation >= 0:
                    add_to_observation(w, stream_rows[stream] * LANES, stream_steps[stream] == 0, stream_sums[stream])
                    stream_steps[stream] += 1
                    if observation_ends[stream, time]:
                        close_observation(stream_sums[stream], stream_steps[stream])
                        per_interval = 1.0 / stream_steps[stream]
                        stream_steps[stream] = 0
                        if value_starts[stream] >= 0:
                            row = value_starts[stream] + observation
                            for lane in range(lanes):
                                values[row, first + lane] = stream_sums[stream, lane]
                        if observed_starts[stream] >= 0:
                            row = observed_starts[stream] + observation
                            add_misfit(error_models[stream], stream_sums[stream], observed[row], sigma[row],
                                       extra_variance[row], observation_weight[row], series, lane_noise[stream],
                                       time, per_interval, last_residual[stream], last_time[stream],
                                       lane_misfit[stream])
        for stream in range(stream_rows.shape[0]):
            for lane in range(lanes):
                misfit[stream, first + lane] = lane_misfit[stream, lane]
        for lane in range(lanes):
            for row in range(N_STATE):
                state[row, first + lane] = w[(FIRST_STATE + row) * LANES + lane]


@block_function
def on_cache_lines(size):
    """Zeros that begin where a cache line of 64 bytes begins, so that no load of a whole register crosses into a second one."""
    whole = np.zeros(size + NUMBERS_OF_LINE)
    start = (-(whole.ctypes.data // 8)) % NUMBERS_OF_LINE
    return whole[start:start + size]


@block_function
def rows_on_cache_lines(rows):
    """[row, lane] of zeros, as `on_cache_lines`."""
    return on_cache_lines(rows * LANES).reshape(rows, LANES)


@block_function
def load_column(w, series, first, forcing_of, settings, parameters, state):
    """Everything that does not change with time; all other rows start at zero."""
    for place in range(SIZE):
        w[place] = 0.0
    for lane in range(LANES):
        column = min(first + lane, state.shape[1] - 1)
        series[lane] = forcing_of[column]
        for row in range(N_SETTING):
            w[(FIRST_SETTING + row) * LANES + lane] = settings[row]
        for row in range(N_PARAMETER):
            w[(FIRST_PARAMETER + row) * LANES + lane] = parameters[row, column]
        for row in range(N_STATE):
            w[(FIRST_STATE + row) * LANES + lane] = state[row, column]


@block_function
def arrangement_of(series):
    """How the series of the lanes lie: OWN, SHARED or SCATTERED."""
    own = True
    shared = True
    for lane in range(LANES):
        own &= series[lane] == series[0] + lane
        shared &= series[lane] == series[0]
    return OWN if own else SHARED if shared else SCATTERED


@block_function
def load_forcing(w, time, forcing, series, arrangement):
    """One time of forcing into the first rows."""
    for row in range(N_FORCING):
        if arrangement == OWN:
            start = series[0]
            for lane in range(LANES):
                w[row * LANES + lane] = forcing[time, row, start + lane]
        elif arrangement == SHARED:
            value = forcing[time, row, series[0]]
            for lane in range(LANES):
                w[row * LANES + lane] = value
        else:
            for lane in range(LANES):
                w[row * LANES + lane] = forcing[time, row, series[lane]]


@block_function
def load_refined(w, place, fine):
    """One step of refined forcing into the first rows."""
    for row in range(N_FORCING):
        for lane in range(LANES):
            w[row * LANES + lane] = fine[place * N_FORCING + row, lane]


@block_function
def any_lane(w, row):
    """Is any lane of the row not zero?"""
    found = 0
    for lane in range(LANES):
        found |= 1 if w[row + lane] != 0.0 else 0
    return found != 0


@block_function
def note_failures(w, time, first, lanes, status, status_value):
    """Keeps the first failure of each column: 1 + state row + N_STATE * time, and the value found there."""
    for lane in range(lanes):
        code = int(w[CODE + lane])
        if code > 0 and status[first + lane] == 0:
            status[first + lane] = code + N_STATE * time
            status_value[first + lane] = w[(FIRST_STATE + code - 1) * LANES + lane]


@block_function
def add_to_window(w, is_first, out_rows, reductions, window_sums):
    """One step into the windows of all outputs."""
    for k in range(out_rows.shape[0]):
        row = max(out_rows[k], 0) * LANES  # so that the compiler need not look for counting from the end
        reduction = reductions[k]
        if is_first or reduction == LAST:
            for lane in range(LANES):
                window_sums[k, lane] = w[row + lane]
        elif reduction == MINIMUM:
            for lane in range(LANES):
                held, now = window_sums[k, lane], w[row + lane]
                window_sums[k, lane] = held if (held <= now) | (held != held) else now
        elif reduction == MAXIMUM:
            for lane in range(LANES):
                held, now = window_sums[k, lane], w[row + lane]
                window_sums[k, lane] = held if (held >= now) | (held != held) else now
        else:
            for lane in range(LANES):
                window_sums[k, lane] += w[row + lane]


@block_function
def close_window(window, first, lanes, steps, reductions, window_sums, out):
    """Results of a window to `out`."""
    for k in range(reductions.shape[0]):
        if reductions[k] == MEAN:
            for lane in range(lanes):
                out[window, k, first + lane] = window_sums[k, lane] / steps
        else:
            for lane in range(lanes):
                out[window, k, first + lane] = window_sums[k, lane]


@block_function
def add_to_observation(w, row, is_first, sums):
    """One step into the mean of an observation."""
    for lane in range(LANES):
        sums[lane] = w[row + lane] if is_first else sums[lane] + w[row + lane]


@block_function
def close_observation(sums, steps):
    """Turns the sum of an observation into its mean."""
    for lane in range(LANES):
        sums[lane] = sums[lane] / steps


@block_function
def begin_stream(first, noise, lane_noise, lane_misfit, last_time):
    """No misfit yet, no residual before the first, and the noise of each column."""
    for lane in range(LANES):
        column = min(first + lane, noise.shape[1] - 1)
        lane_misfit[lane] = 0.0
        last_time[lane] = -1e300
        for row in range(3):
            lane_noise[row, lane] = noise[row, column]


@block_function
def add_misfit(error_model, modelled, observed, sigma, extra_variance, weight, series, noise, time, per_interval,
               last_residual, last_time, lane_misfit):
    """One observation's term of the negative log-likelihood; nothing where the observation or sigma is NaN.

    The standard deviation is sqrt((scale sigma)^2 + extra variance). The residual before, k intervals ago, foretells
    correlation^k of this one.
    """
    for lane in range(LANES):
        known = observed[series[lane]]
        spread = sigma[series[lane]]
        there = (known == known) & (spread == spread)
        scaled = noise[ERROR_SCALE, lane] * (spread if there else 1.0)
        variance = scaled * scaled + extra_variance[series[lane]]
        residual = (noise[MODELLED_FACTOR, lane] * modelled[lane] - (known if there else 0.0)) / sqrt(variance)
        intervals = (time - last_time[lane]) * per_interval
        memory = exp(min(intervals, FORGOTTEN) * log(max(noise[ERROR_CORRELATION, lane], LEAST_CORRELATION)))
        memory = memory if intervals <= FORGOTTEN else 0.0
        fresh = 1.0 - memory * memory
        innovation = (residual - memory * (last_residual[lane] if memory > 0.0 else 0.0)) / sqrt(fresh)
        term = misfit_of(error_model, innovation) + 0.5 * log(variance * fresh)
        lane_misfit[lane] += weight[series[lane]] * term if there else 0.0
        last_residual[lane] = residual if there else last_residual[lane]
        last_time[lane] = time if there else last_time[lane]
