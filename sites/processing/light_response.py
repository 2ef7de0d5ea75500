"""Light response of canopy photosynthesis after Lasslop et al. (2010), and its fit to daytime fluxes.

    GPP  = alpha beta Rg / (alpha Rg + beta)                      rectangular hyperbola, Lasslop et al. 2010, eq. 4
    beta = beta0 exp(-k (VPD - VPD0)) for VPD > VPD0, else beta0   VPD0 = 10 hPa, eq. 5 (Koerner 1995)
    NEE  = R_ref f(T; E0) - GPP                                    f of `lloyd_taylor`

The parameters come in the order k (hPa-1), beta0 (umol m-2 s-1), alpha (umol J-1), R_ref (umol m-2 s-1). The cost is

    sum ((NEE - model) / sd)^2 + sum ((parameter - prior) / prior sd)^2

Lasslop G. et al. (2010) Global Change Biol. 16:187.
"""

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from terraflux.model.weave.kernels import kernel

VPD_THRESHOLD = 10.0
"""Vapour pressure deficit below which photosynthesis is not limited by it, hPa."""

K, BETA, ALPHA, RREF = 0, 1, 2, 3
PARAMETERS = ("k", "beta", "alpha", "rref")

FITTED = 0
NOT_CONVERGED = 1
OUT_OF_BOUNDS = 2


def light_response(
    radiation: ArrayLike, vapour_pressure_deficit: ArrayLike, k: ArrayLike, beta: ArrayLike, alpha: ArrayLike
) -> NDArray[np.float64]:
    """Gross primary production, umol m-2 s-1, from radiation (W m-2) and vapour pressure deficit (hPa); arguments broadcast.

    Where k is zero the deficit may be missing. Without light there is no production.
    """
    rg = np.asarray(radiation, dtype=float)
    rg = np.where(rg < 0.0, 0.0, rg)
    excess = np.maximum(np.asarray(vapour_pressure_deficit, dtype=float) - VPD_THRESHOLD, 0.0)
    excess = np.where(np.asarray(k) == 0.0, 0.0, excess)
    saturated = np.asarray(beta) * np.exp(-np.asarray(k) * excess)
    initial = np.asarray(alpha) * rg
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(initial == 0.0, 0.0 * rg, initial * saturated / (initial + saturated))


@numba.njit(error_model="numpy")
def _model(theta, rg, excess, response, gradient):
    """Modelled NEE of one record; its derivatives go into `gradient`."""
    damp = np.exp(-theta[K] * excess) if excess > 0.0 else 1.0
    saturated = theta[BETA] * damp
    initial = theta[ALPHA] * rg
    below = initial + saturated
    gpp = initial * saturated / below
    by_saturated = (initial / below) ** 2
    gradient[K] = by_saturated * saturated * excess
    gradient[BETA] = -by_saturated * damp
    gradient[ALPHA] = -((saturated / below) ** 2) * rg
    gradient[RREF] = response
    return theta[RREF] * response - gpp


@numba.njit(error_model="numpy")
def _cost(theta, rg, excess, response, nee, sd, rows, prior, prior_sd, gradient):
    total = 0.0
    for j in range(rows.size):
        i = rows[j]
        r = (nee[i] - _model(theta, rg[i], excess[i], response[i], gradient)) / sd[i]
        total += r * r
    for p in range(4):
        r = (theta[p] - prior[p]) / prior_sd[p]
        total += r * r
    return total


@numba.njit(error_model="numpy")
def _solve(matrix, right, free, damping, step):
    """Solve the damped normal equations by Cholesky for the free parameters; False where they are not positive definite."""
    index = np.empty(4, np.int64)
    m = 0
    for p in range(4):
        step[p] = 0.0
        if free[p]:
            index[m] = p
            m += 1
    lower = np.zeros((4, 4))
    work = np.zeros(4)
    for a in range(m):
        for b in range(a + 1):
            s = matrix[index[a], index[b]]
            if a == b:
                s *= 1.0 + damping
            for c in range(b):
                s -= lower[a, c] * lower[b, c]
            if a == b:
                if not s > 0.0:
                    return False
                lower[a, a] = np.sqrt(s)
            else:
                lower[a, b] = s / lower[b, b]
    for a in range(m):
        s = right[index[a]]
        for c in range(a):
            s -= lower[a, c] * work[c]
        work[a] = s / lower[a, a]
    for a in range(m - 1, -1, -1):
        s = work[a]
        for c in range(a + 1, m):
            s -= lower[c, a] * work[c]
        work[a] = s / lower[a, a]
        step[index[a]] = work[a]
    return True


@kernel
def fit_light_response(rg, excess, response, nee, sd, rows, prior, prior_sd, free, first, covariance):
    """(cost, status) of a fit by Levenberg-Marquardt that moves `first` (4) to the best parameters in place.

    `rg` W m-2, `excess` = max(VPD - VPD0, 0) hPa, `response` of respiration to temperature, `nee` and `sd` umol m-2 s-1: one
    value a record, finite; `rows` which records count (a record may come twice). `free` says which parameters move, `prior`
    and `prior_sd` hold them. `covariance` (4, 4) takes the inverse of the curvature (unit variance: the sds are errors).
    """
    matrix = np.zeros((4, 4))
    right = np.zeros(4)
    gradient = np.zeros(4)
    step = np.zeros(4)
    trial = np.zeros(4)
    cost = _cost(first, rg, excess, response, nee, sd, rows, prior, prior_sd, gradient)
    damping = 1e-3
    status = NOT_CONVERGED
    for _ in range(100):
        for p in range(4):
            right[p] = (prior[p] - first[p]) / prior_sd[p] ** 2
            for q in range(4):
                matrix[p, q] = 0.0
            matrix[p, p] = 1.0 / prior_sd[p] ** 2
        for j in range(rows.size):
            i = rows[j]
            weight = 1.0 / (sd[i] * sd[i])
            r = (nee[i] - _model(first, rg[i], excess[i], response[i], gradient)) * weight
            for p in range(4):
                right[p] += gradient[p] * r
                for q in range(p + 1):
                    matrix[p, q] += gradient[p] * gradient[q] * weight
        accepted = False
        change = np.inf
        for _ in range(30):
            if _solve(matrix, right, free, damping, step):
                for p in range(4):
                    trial[p] = first[p] + step[p]
                there = _cost(trial, rg, excess, response, nee, sd, rows, prior, prior_sd, gradient)
                if there <= cost:
                    change = cost - there
                    cost = there
                    for p in range(4):
                        first[p] = trial[p]
                    accepted = True
                    break
            damping = max(damping, 1e-9) * 8.0
        if not accepted:
            if np.isfinite(cost):
                status = FITTED
            break
        damping *= 0.1
        if change <= 1e-9 * cost:
            status = FITTED
            break
    for p in range(4):
        for q in range(4):
            covariance[p, q] = 0.0
    for p in range(4):
        if free[p]:
            for q in range(4):
                right[q] = 1.0 if q == p else 0.0
            if _solve(matrix, right, free, 0.0, step):
                for q in range(4):
                    covariance[p, q] = step[q]
            else:
                status = NOT_CONVERGED
    return cost, status


@kernel
def fit_within_bounds(
    rg, excess, response, nee, sd, rows, prior, prior_sd, free, starts, last_alpha, largest_alpha, largest_beta, theta,
    covariance,
):
    """(status, refit): the best fit from several first guesses, refitted with what leaves its bounds held.

    Arguments as in `fit_light_response`; `starts` (guess, 4). Where k comes out negative it is held at zero; where alpha
    exceeds `largest_alpha` it is held at `last_alpha` (if finite). `free` (4) tells on return what was free, `refit` adds 1
    for a held k and 2 for a held alpha. Status FITTED, NOT_CONVERGED, or OUT_OF_BOUNDS where alpha, beta or R_ref is
    negative or beta above `largest_beta` (Lasslop et al. 2010, table A1).
    """
    refit = 0
    trial = np.zeros(4)
    trial_covariance = np.zeros((4, 4))
    for _ in range(4):
        best = np.inf
        for g in range(starts.shape[0]):
            for p in range(4):
                trial[p] = starts[g, p]
            if not free[K]:
                trial[K] = 0.0
            if not free[ALPHA]:
                trial[ALPHA] = last_alpha
            cost, status = fit_light_response(
                rg, excess, response, nee, sd, rows, prior, prior_sd, free, trial, trial_covariance
            )
            if status == FITTED and cost < best:
                best = cost
                theta[:] = trial
                covariance[:, :] = trial_covariance
        if not np.isfinite(best):
            theta[:] = np.nan
            return NOT_CONVERGED, refit
        if theta[K] < 0.0:
            free[K] = False
            refit |= 1
        elif theta[ALPHA] > largest_alpha and free[ALPHA] and np.isfinite(last_alpha):
            free[ALPHA] = False
            refit |= 2
        else:
            break
    if theta[ALPHA] < 0.0 or theta[RREF] < 0.0 or theta[BETA] < 0.0 or theta[BETA] > largest_beta:
        return OUT_OF_BOUNDS, refit
    return FITTED, refit


@kernel
def bootstrap_light_response(
    rg, excess, responses, nee, sd, draws, prior, prior_sd, vpd, best, last_alpha, largest_alpha, largest_beta, found
):
    """Refit resampled records within the bounds: `draws` (draw, record) holds their rows.

    `responses` (draw, record) is the temperature response of each draw, `vpd` whether k is fitted. Every draw starts at
    `best`; `found` (draw, 4) takes the parameters, NaN where a draw failed.
    """
    covariance = np.zeros((4, 4))
    free = np.ones(4, np.bool_)
    starts = np.zeros((1, 4))
    for d in range(draws.shape[0]):
        free[:] = True
        free[K] = vpd
        starts[0] = best
        status, _ = fit_within_bounds(
            rg, excess, responses[d], nee, sd, draws[d], prior, prior_sd, free, starts, last_alpha, largest_alpha,
            largest_beta, found[d], covariance,
        )
        if status != FITTED:
            found[d] = np.nan
