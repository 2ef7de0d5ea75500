"""Figures of a calibration against its observations: seasons, days, residuals, bands and their coverage."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from terraflux.assimilation.observed_streams import ObservedStream
from terraflux.report.fit_review import SCALE_WORDS, Period, Review, autocorrelation, residuals_at_mode
from terraflux.report.style import INK, OBSERVED, QUIET, SIMULATED, date_axis, drawing, titled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
BEFORE, AFTER = "defaults", "calibrated"
LAGS = 48
BAND_DAYS = 14
COVERAGE_LEVELS = np.arange(0.05, 1.0, 0.05)


def seasonal_fits(review: Review) -> "Figure":
    """Monthly means over the observed times, one row per stream, one column per period."""
    streams, periods = review.fit.target.streams, review.periods
    with drawing(9.0, 2.1 * len(streams) + 0.4) as figure:
        panels = figure.subplots(len(streams), len(periods), squeeze=False, sharey="row")
        for row, stream in enumerate(streams):
            for column, period in enumerate(periods):
                panel, one = panels[row][column], _stream(period, stream.name)
                months, place = np.unique(one.when.astype("datetime64[M]"), return_inverse=True)
                middle = months.astype("datetime64[D]") + 14
                for values, colour, style, label in _courses(period, one):
                    panel.plot(middle, np.bincount(place, values) / np.bincount(place), style, color=colour, label=label, ms=3)
                panel.set_title(f"{titled(stream.name, stream.unit)}, {period.name}")
                date_axis(panel)
        figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return figure


def diurnal_fits(review: Review) -> "Figure":
    """Mean course over the day of streams observed by time steps; raises ValueError where there is none."""
    streams = [one for one in review.fit.target.streams if one.choice.average == "step"]
    if not streams:
        raise ValueError("no stream is observed by time steps")
    periods = review.periods
    with drawing(9.0, 2.1 * len(streams) + 0.4) as figure:
        panels = figure.subplots(len(streams), len(periods), squeeze=False, sharey="row", sharex=True)
        for row, stream in enumerate(streams):
            for column, period in enumerate(periods):
                panel, one = panels[row][column], _stream(period, stream.name)
                hour = hour_of(one.when)
                hours, place = np.unique(hour, return_inverse=True)
                for values, colour, style, label in _courses(period, one):
                    panel.plot(hours, np.bincount(place, values) / np.bincount(place), style, color=colour, label=label, ms=2.5)
                panel.set_title(f"{titled(stream.name, stream.unit)}, {period.name}")
                panel.set_xlim(0, 24)
                panel.set_xticks(range(0, 25, 6))
        figure.supxlabel("hour of the day, local standard time")
        figure.legend(*panels[0][0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def residuals(review: Review) -> "Figure":
    """Standardised residuals at the mode in the years of calibration: distribution, memory, hour of day, month."""
    period, fit = review.periods[0], review.fit
    streams = period.target.streams
    with drawing(10.0, 1.95 * len(streams) + 0.4) as figure:
        panels = figure.subplots(len(streams), 4, squeeze=False)
        for row, stream in zip(panels, streams, strict=True):
            residual, fresh = residuals_at_mode(fit, period, stream)
            edges = np.linspace(-5, 5, 51)
            row[0].stairs(np.histogram(np.clip(fresh, -5, 5), edges, density=True)[0], edges, fill=True, color=SIMULATED)
            row[0].plot(edges, np.exp(-0.5 * edges**2) / np.sqrt(2.0 * np.pi), color=INK, lw=1.0)
            row[0].set_title("Innovations")
            row[0].set_ylabel(titled(stream.name, ""), fontsize=8.0)
            lags = np.arange(1, LAGS + 1)
            row[1].plot(lags, autocorrelation(stream, residual, LAGS), color=QUIET, label="residuals")
            row[1].plot(lags, autocorrelation(stream, fresh, LAGS), color=SIMULATED, label="innovations")
            row[1].axhline(0.0, color=INK, lw=0.7)
            row[1].set_title("Autocorrelation by lag")
            row[1].legend(fontsize=7)
            for panel, key, title in ((row[2], hour_of(stream.when), "Mean by hour"),
                                      (row[3], _month(stream), "Mean by month")):
                keys, place = np.unique(key, return_inverse=True)
                counts = np.bincount(place)
                mean = np.bincount(place, residual) / counts
                spread = np.sqrt(np.maximum(np.bincount(place, residual**2) / counts - mean**2, 0.0))
                panel.fill_between(keys, mean - spread, mean + spread, color=SIMULATED, alpha=0.2, lw=0)
                panel.plot(keys, mean, "-o", ms=2.5, color=SIMULATED)
                panel.axhline(0.0, color=INK, lw=0.7)
                panel.set_title(title)
    return figure


def coverage_curves(review: Review) -> "Figure":
    """Share of observations inside the central band against its probability, one panel per period and scale."""
    scales = {scale: None for _, _, scale in review.coverage()}
    shown = [(period, scale) for period in review.periods if period.prediction is not None for scale in scales]
    if not shown:
        raise ValueError("no bands are known")
    with drawing(min(2.6 * len(shown) + 0.6, 10.5), 2.9) as figure:
        panels = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
        for panel, (period, scale) in zip(panels, shown, strict=True):
            assert period.prediction is not None
            streams = {"step": period.prediction.streams, "day": period.prediction.daily,
                       "month": period.prediction.monthly}[scale]
            panel.plot((0, 1), (0, 1), color=INK, lw=0.8, ls=":")
            for k, (name, one) in enumerate(streams.items()):
                share = [one.inside(float(level)).mean() for level in COVERAGE_LEVELS]
                panel.plot(COVERAGE_LEVELS, share, label=titled(name, ""), color=(SIMULATED, OBSERVED, "#6a51a3", QUIET)[k % 4])
            for level in (0.5, 0.9):
                panel.axvline(level, color=QUIET, lw=0.6)
            panel.set_xlim(0, 1)
            panel.set_ylim(0, 1)
            panel.set_title(f"{period.name}, {SCALE_WORDS[scale]}", fontsize=8.5)
        panels[0].set_ylabel("share inside")
        figure.supxlabel("probability of the band")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4, fontsize=8)
    return figure


def bands(review: Review) -> "Figure":
    """Two weeks in the middle of the last period: observations, 90 % band of the modelled mean and of observations."""
    known = [period for period in review.periods if period.prediction is not None]
    if not known:
        raise ValueError("no bands are known")
    period = known[-1]
    assert period.prediction is not None
    streams = period.prediction.streams
    with drawing(9.0, 1.9 * len(streams) + 0.4) as figure:
        panels = figure.subplots(len(streams), 1, squeeze=False)[:, 0]
        for panel, one in zip(panels, streams.values(), strict=True):
            span = one.times[-1] - one.times[0]
            first = one.times[0] + span // 2
            inside = (one.times >= first) & (one.times < first + np.timedelta64(BAND_DAYS, "D"))
            if inside.sum() < 48:
                inside = np.ones(one.times.size, np.bool_)
            when = one.times[inside]
            for band, alpha, label in ((one.observation, 0.2, "90 % of observations"),
                                       (one.parameter, 0.7, "90 % of the mean")):
                panel.fill_between(when, band.quantiles[0, inside], band.quantiles[-1, inside], color=SIMULATED, alpha=alpha,
                                   lw=0, label=label)
            panel.plot(when, one.observed[inside], ".", ms=2.6, color=OBSERVED, label="observed")
            panel.set_title(f"{titled(one.name, one.unit)}, {period.name}")
            date_axis(panel)
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
    return figure


def hour_of(when: NDArray[np.datetime64]) -> Floats:
    """Hour of the day (0..24) of interval starts."""
    return np.asarray((when - when.astype("datetime64[D]")) / np.timedelta64(1, "s") / 3600.0)


def _month(stream: ObservedStream) -> NDArray[np.int64]:
    return np.asarray(stream.when.astype("datetime64[M]").astype(np.int64) % 12 + 1)


def _stream(period: Period, name: str) -> ObservedStream:
    return next(one for one in period.target.streams if one.name == name)


def _courses(period: Period, stream: ObservedStream) -> list[tuple[Floats, str, str, str]]:
    before, after = period.of(stream)
    return [(before, QUIET, "--", BEFORE), (after, SIMULATED, "-", AFTER), (stream.observed, OBSERVED, "o", "observed")]
