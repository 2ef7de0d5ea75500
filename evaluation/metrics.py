"""Measures of agreement between simulated and observed values.

Every function takes two 1-D arrays of the same unit and length without missing values, simulated first, and returns a
float: NaN where the measure is undefined (no values, constant observations). `METRICS` lists them by short name with
the value of a perfect simulation; errors keep the unit of the values, the others have none.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

PDF_BINS = 50


def bias(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Mean of simulated minus observed."""
    return float(np.mean(simulated - observed)) if observed.size else np.nan


def root_mean_square_error(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Root of the mean squared difference."""
    return float(np.sqrt(np.mean((simulated - observed) ** 2))) if observed.size else np.nan


def correlation(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Pearson correlation; NaN for fewer than two pairs or a constant series."""
    if observed.size < 2:
        return np.nan
    a, b = simulated - simulated.mean(), observed - observed.mean()
    norm = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / norm) if norm > 0.0 else np.nan


def nash_sutcliffe(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Nash-Sutcliffe efficiency (Nash and Sutcliffe 1970, J. Hydrol. 10:282): 1 - squared error / observed variance."""
    if observed.size < 2:
        return np.nan
    spread = np.sum((observed - observed.mean()) ** 2)
    return float(1.0 - np.sum((simulated - observed) ** 2) / spread) if spread > 0.0 else np.nan


def kling_gupta_2009(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Kling-Gupta efficiency of Gupta et al. (2009, J. Hydrol. 377:80): r, ratio of standard deviations, of means."""
    return _kling_gupta(simulated, observed, by_variation=False)


def kling_gupta_2012(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Kling-Gupta efficiency of Kling et al. (2012, J. Hydrol. 424:264): ratio of coefficients of variation instead.

    Both efficiencies divide by the observed mean: they say little where it is near nought (net exchange, degC).
    """
    return _kling_gupta(simulated, observed, by_variation=True)


def _kling_gupta(simulated: np.ndarray, observed: np.ndarray, by_variation: bool) -> float:
    r = correlation(simulated, observed)
    if np.isnan(r) or observed.mean() == 0.0 or (by_variation and simulated.mean() == 0.0):
        return np.nan
    beta = simulated.mean() / observed.mean()
    alpha = simulated.std() / observed.std()
    spread = alpha / beta if by_variation else alpha
    return float(1.0 - np.sqrt((r - 1.0) ** 2 + (spread - 1.0) ** 2 + (beta - 1.0) ** 2))


def normalised_mean_error(simulated: np.ndarray, observed: np.ndarray) -> float:
    """PLUMBER's NME (Best et al. 2015, J. Hydrometeorol. 16:1425): sum |M - O| / sum |mean(O) - O|."""
    if observed.size < 2:
        return np.nan
    spread = np.sum(np.abs(observed.mean() - observed))
    return float(np.sum(np.abs(simulated - observed)) / spread) if spread > 0.0 else np.nan


def mean_bias_error(simulated: np.ndarray, observed: np.ndarray) -> float:
    """PLUMBER's MBE: magnitude of the mean difference."""
    return abs(bias(simulated, observed))


def standard_deviation_difference(simulated: np.ndarray, observed: np.ndarray) -> float:
    """PLUMBER's SD: |1 - sd(M) / sd(O)|."""
    if observed.size < 2 or observed.std() == 0.0:
        return np.nan
    return float(abs(1.0 - simulated.std() / observed.std()))


def percentile_5_difference(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Simulated minus observed 5th percentile."""
    return float(np.percentile(simulated, 5) - np.percentile(observed, 5)) if observed.size else np.nan


def percentile_95_difference(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Simulated minus observed 95th percentile."""
    return float(np.percentile(simulated, 95) - np.percentile(observed, 95)) if observed.size else np.nan


def skewness_difference(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Simulated minus observed skewness (third standardised moment)."""
    return _moment(simulated, 3) - _moment(observed, 3)


def kurtosis_difference(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Simulated minus observed kurtosis (fourth standardised moment)."""
    return _moment(simulated, 4) - _moment(observed, 4)


def _moment(values: np.ndarray, order: int) -> float:
    if values.size < 2 or values.std() == 0.0:
        return np.nan
    return float(np.mean(((values - values.mean()) / values.std()) ** order))


def probability_overlap(simulated: np.ndarray, observed: np.ndarray) -> float:
    """Common area of both distributions, sum of min(f_M, f_O) (Perkins et al. 2007, J. Climate 20:4356).

    Histograms of `PDF_BINS` equal bins from the lowest to the highest value of both; undefined for fewer values than
    bins, whose histograms would hardly touch.
    """
    if observed.size < PDF_BINS:
        return np.nan
    low = min(simulated.min(), observed.min())
    high = max(simulated.max(), observed.max())
    if high <= low:
        return 1.0
    edges = np.linspace(low, high, PDF_BINS + 1)
    shares = [np.histogram(values, edges)[0] / values.size for values in (simulated, observed)]
    return float(np.minimum(*shares).sum())


@dataclass(frozen=True)
class Metric:
    """A measure: its function, the value of a perfect simulation, and whether it has the unit of the values."""

    function: Callable[[np.ndarray, np.ndarray], float]
    perfect: float
    has_unit: bool = False

    def distance(self, value: float) -> float:
        """How far a value is from perfect; the smaller wins."""
        return abs(value - self.perfect)


METRICS = {
    "bias": Metric(bias, 0.0, True),
    "rmse": Metric(root_mean_square_error, 0.0, True),
    "r": Metric(correlation, 1.0),
    "nse": Metric(nash_sutcliffe, 1.0),
    "kge_2009": Metric(kling_gupta_2009, 1.0),
    "kge_2012": Metric(kling_gupta_2012, 1.0),
    "nme": Metric(normalised_mean_error, 0.0),
    "mbe": Metric(mean_bias_error, 0.0, True),
    "sd_difference": Metric(standard_deviation_difference, 0.0),
    "percentile_5_difference": Metric(percentile_5_difference, 0.0, True),
    "percentile_95_difference": Metric(percentile_95_difference, 0.0, True),
    "skewness_difference": Metric(skewness_difference, 0.0),
    "kurtosis_difference": Metric(kurtosis_difference, 0.0),
    "probability_overlap": Metric(probability_overlap, 1.0),
}

PLUMBER_COMMON = ("mbe", "nme", "sd_difference", "r")
"""Common metrics of PLUMBER and PLUMBER2 (Best et al. 2015; Abramowitz et al. 2024, Biogeosciences 21:5517)."""
