"""ILAMB's scores of a time series (Collier et al. 2018, J. Adv. Model. Earth Syst. 10:2731; as coded in ILAMB 2.7.3).

For one place: bias, root mean square error, phase of the annual cycle and interannual variability; at single sites
ILAMB leaves the last out. Inputs are monthly means, whole years, simulated first.
"""

import numpy as np

DAYS_PER_YEAR = 365.0
WEIGHTS = {"bias": 1.0, "rmse": 2.0, "phase": 1.0, "interannual": 1.0, "spatial": 1.0}


def bias_score(simulated: np.ndarray, observed: np.ndarray) -> float:
    """exp(-|mean difference| / standard deviation of the observed series); 0..1."""
    return _decay(abs(simulated.mean() - observed.mean()), observed.std())


def rmse_score(simulated: np.ndarray, observed: np.ndarray) -> float:
    """exp(-centred root mean square error / standard deviation of the observed series); 0..1, blind to bias."""
    centred = (simulated - simulated.mean()) - (observed - observed.mean())
    return _decay(float(np.sqrt(np.mean(centred**2))), observed.std())


def phase_score(simulated: np.ndarray, observed: np.ndarray) -> float:
    """(1 + cos(2 pi shift / 365 d)) / 2 with the shift between the months of the annual-cycle maxima (12 n values)."""
    middle = (np.arange(12) + 0.5) * DAYS_PER_YEAR / 12.0
    shift = middle[np.argmax(annual_cycle(simulated))] - middle[np.argmax(annual_cycle(observed))]
    return float(0.5 * (1.0 + np.cos(2.0 * np.pi * shift / DAYS_PER_YEAR)))


def interannual_score(simulated: np.ndarray, observed: np.ndarray) -> float:
    """exp(-|difference of the departures from the annual cycle| / observed departures); 12 n values."""
    size = [float(np.sqrt(np.mean((values.reshape(-1, 12) - annual_cycle(values)) ** 2)))
            for values in (simulated, observed)]
    return _decay(abs(size[0] - size[1]), size[1])


def annual_cycle(values: np.ndarray) -> np.ndarray:
    """Mean of each month over the years, shape (12,). Raises ValueError unless the series holds whole years."""
    if values.size == 0 or values.size % 12:
        raise ValueError(f"{values.size} monthly values are no whole years")
    return values.reshape(-1, 12).mean(axis=0)


def overall_score(scores: dict[str, float]) -> float:
    """Weighted mean of the scores that exist: RMSE twice, bias, phase, interannual and spatial once.

    Names are those of `WEIGHTS`; raises ValueError for others, or for none.
    """
    unknown = set(scores) - set(WEIGHTS)
    if unknown or not scores:
        raise ValueError(f"scores must be among {', '.join(WEIGHTS)}; got {', '.join(sorted(scores)) or 'none'}")
    return sum(WEIGHTS[name] * value for name, value in scores.items()) / sum(WEIGHTS[name] for name in scores)


def _decay(error: float, scale: float) -> float:
    return float(np.exp(-error / scale)) if scale > 0.0 else float("nan")
