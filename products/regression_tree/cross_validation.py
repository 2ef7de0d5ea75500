"""Judging a model on sites it has not seen: spatial blocks, leave-block-out predictions, scores with intervals over sites.

Months of one tower resemble each other, and towers close together do too. Rows drawn at random would flatter any model (Roberts
et al. 2017 Ecography 40:913); a whole block of sites is left out instead.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
EARTH_RADIUS = 6371.0  # km


def site_blocks(latitude: ArrayLike, longitude: ArrayLike, distance: float = 100.0) -> NDArray[np.int64]:
    """Block of each site [site]: sites at most `distance` km apart, or linked by others so close, are one block.

    Latitude and longitude in degrees. Blocks are numbered from 0 in the order of their first site.
    """
    places = np.radians(np.column_stack([np.asarray(latitude, float), np.asarray(longitude, float)]))
    if not np.isfinite(places).all():
        raise ValueError("latitude and longitude must be known for every site; leave out or complete those without")
    half = (places[:, None, :] - places[None, :, :]) / 2.0
    square = np.sin(half[..., 0]) ** 2 + np.cos(places[:, None, 0]) * np.cos(places[None, :, 0]) * np.sin(half[..., 1]) ** 2
    apart = 2.0 * EARTH_RADIUS * np.arcsin(np.sqrt(np.clip(square, 0.0, 1.0)))
    block = np.full(len(places), -1)
    for site in range(len(places)):
        if block[site] >= 0:
            continue
        waiting = [site]
        number = block.max() + 1
        while waiting:
            one = waiting.pop()
            if block[one] < 0:
                block[one] = number
                waiting += np.flatnonzero((apart[one] <= distance) & (block < 0)).tolist()
    return block


def left_out_predictions(model: Any, x: Any, y: ArrayLike, blocks: ArrayLike, sample_weight: ArrayLike | None = None) -> Array:
    """Prediction of every row [row] by a clone of `model` fitted to the rows of all other blocks.

    `model` is any estimator of scikit-learn, `x` an array or data frame, `blocks` the block (site) of each row.
    """
    from sklearn.base import clone

    target = np.asarray(y, np.float64)
    block = np.asarray(blocks)
    kinds = np.unique(block)
    if kinds.size < 2:
        raise ValueError(f"leaving out needs two blocks at least; all {target.size} rows are in one")
    weight = None if sample_weight is None else np.asarray(sample_weight, np.float64)
    prediction = np.empty(target.size)
    for kind in kinds:
        out = block == kind
        extra = {} if weight is None else {"sample_weight": weight[~out]}
        fitted = clone(model).fit(x[~out], target[~out], **extra)
        prediction[out] = fitted.predict(x[out])
    return prediction


def left_out_scores(y: ArrayLike, prediction: ArrayLike, sites: ArrayLike) -> dict[str, float]:
    """Scores of left-out predictions.

    `rmse` and `bias` (unit of y) and `r2` (1 - squares left / squares about the mean) over all rows; `site_rmse` the mean over
    sites of theirs; `between_sites_r2` of site means; `within_sites_r2` of departures from site means.
    """
    target, guess = np.asarray(y, np.float64), np.asarray(prediction, np.float64)
    _, site = np.unique(np.asarray(sites), return_inverse=True)
    rows = np.bincount(site)
    mean = np.bincount(site, target) / rows
    mean_guess = np.bincount(site, guess) / rows
    square = np.bincount(site, (guess - target) ** 2) / rows
    return {
        "rmse": float(np.sqrt(np.mean((guess - target) ** 2))),
        "bias": float(np.mean(guess - target)),
        "r2": _efficiency(target, guess),
        "site_rmse": float(np.sqrt(square).mean()),
        "between_sites_r2": _efficiency(mean, mean_guess),
        "within_sites_r2": 1.0 - float((((guess - mean_guess[site]) - (target - mean[site])) ** 2).sum()
                                       / ((target - mean[site]) ** 2).sum()),
    }


def _efficiency(target: Array, guess: Array) -> float:
    return 1.0 - float(((guess - target) ** 2).sum() / ((target - target.mean()) ** 2).sum())


def rmse_difference(y: ArrayLike, first: ArrayLike, second: ArrayLike, sites: ArrayLike, resamples: int = 2000,
                    seed: int = 0) -> tuple[float, float, float]:
    """RMSE of the first prediction less that of the second, with its 95 % interval from drawing sites with replacement.

    Above zero, the second is better. The interval says whether other sites of the same kind would agree.
    """
    target = np.asarray(y, np.float64)
    _, site = np.unique(np.asarray(sites), return_inverse=True)
    rows = np.bincount(site).astype(float)
    squares = [np.bincount(site, (np.asarray(one, np.float64) - target) ** 2) for one in (first, second)]
    drawn = np.random.default_rng(seed).multinomial(rows.size, np.full(rows.size, 1.0 / rows.size), size=resamples)
    one, two = (np.sqrt(drawn @ square / (drawn @ rows)) for square in squares)
    low, high = np.quantile(one - two, [0.025, 0.975])
    whole = [np.sqrt(square.sum() / rows.sum()) for square in squares]
    return float(whole[0] - whole[1]), float(low), float(high)
