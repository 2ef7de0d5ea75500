"""exp, log, pow and their kin in a form that LLVM can vectorise: no branch, no call, the same bits in any lane.

The C library's functions are opaque calls, so a loop that uses them runs one lane at a time. These are straight lines
of arithmetic. Multiply-adds are written out with `fma` instead of being left to the compiler's 'contract' flag: the
rounding is then part of the source and does not depend on how a loop was unrolled, fused or vectorised.
NaN passes through every function, so that trouble in one process is still visible in the state at the end of the step.

Method: argument reduction by ln 2 and polynomials of Chebyshev, as in Muller (2016), Elementary Functions, ch. 3 and 11.
"""

import math
from typing import Any

import numpy as np
from llvmlite import ir
from numba import extending, njit, types

__all__ = ["ceil", "exp", "expm1", "floor", "fma", "log", "pow_positive", "sqrt", "tanh"]

LOG2_E = 1.4426950408889634
LN2 = 0.6931471805599453
LN2_HIGH, LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10  # their sum is ln 2 to 80 bits
WHOLE = 6755399441055744.0  # 1.5 * 2**52: adding it leaves the nearest integer in the low bits
ROUND = WHOLE + 1023.0  # there with the bias of an exponent
WHOLE_BITS = 0x4338000000000000
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
INFINITY = math.inf
intrinsic: Any = extending.intrinsic


@intrinsic
def bits_of(typing_context: Any, x: Any) -> Any:
    """The 64 bits of a float, as an integer."""
    return types.int64(types.float64), lambda c, b, s, args: b.bitcast(args[0], ir.IntType(64))


@intrinsic
def float_of(typing_context: Any, bits: Any) -> Any:
    """The float that has these 64 bits."""
    return types.float64(types.int64), lambda c, b, s, args: b.bitcast(args[0], ir.DoubleType())


@intrinsic
def fused(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """LLVM's fused multiply-add."""
    return types.float64(types.float64, types.float64, types.float64), lambda ctx, build, sig, args: build.fma(*args)


lane_function = njit(error_model="numpy", forceinline=True)
# (e**r - 1 - r)/r**2 on -ln(2)/2 .. ln(2)/2, Chebyshev: e**r is off by 1.6e-17
E2, E3, E4, E5, E6 = (0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062, 0.0013888888917213717)
E7, E8, E9, E10, E11 = (0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
                        2.510038549551032e-08)
# 1/x on 1 + sqrt(1/2) .. 1 + sqrt(2), relative error 1.3e-3: (1 - T3((x - m)/h)/T3(-m/h))/x, Chebyshev's T3, middle m, half h
R0, R1, R2 = 1.4777559147244488, -0.7224441133556709, 0.11686289071326848
# (2 artanh(f)/f - 2)/f**2 in f**2 for f of 0 .. (sqrt(2) - 1)/(sqrt(2) + 1), Chebyshev: the logarithm is off by 5e-18
L3, L5, L7, L9 = 0.666666666666667, 0.39999999999899444, 0.2857142862600327, 0.22222211130259878
L11, L13, L15 = 0.18182889455674947, 0.15331710618210773, 0.14616585424888623


@lane_function
def fma(a: float, b: float, c: float) -> float:
    """a * b + c, rounded once."""
    return fused(a, b, c)


@lane_function
def sqrt(x: float) -> float:
    """Square root; NaN below 0."""
    return math.sqrt(x)


@lane_function
def floor(x: float) -> float:
    """Largest whole number not above x, as a float."""
    return np.floor(x)


@lane_function
def ceil(x: float) -> float:
    """Smallest whole number not below x, as a float."""
    return np.ceil(x)


@lane_function
def exp(x: float) -> float:
    """e**x within 3 units in the last place; x is held between -708 and 708, so the result is finite and not 0."""
    x = min(max(x, -708.0), 708.0)
    shifted = fma(x, LOG2_E, ROUND)
    n = shifted - ROUND  # nearest integer to x / ln 2
    r = fma(-n, LN2_LOW, fma(-n, LN2_HIGH, x))  # |r| <= ln 2 / 2
    p = fma(fma(fma(fma(E11, r, E10), r, E9), r, E8), r, E7)
    p = fma(fma(fma(fma(fma(p, r, E6), r, E5), r, E4), r, E3), r, E2)
    p = fma(fma(p, r, 1.0), r, 1.0)
    return p * float_of(bits_of(shifted) << 52)  # times 2**n


@lane_function
def expm1(x: float) -> float:
    """e**x - 1 within 4 units in the last place, also for small x; x is held between -708 and 708."""
    x = min(max(x, -708.0), 708.0)
    shifted = fma(x, LOG2_E, ROUND)
    n = shifted - ROUND
    r = fma(-n, LN2_LOW, fma(-n, LN2_HIGH, x))
    p = fma(fma(fma(fma(E11, r, E10), r, E9), r, E8), r, E7)
    p = fma(fma(fma(fma(fma(p, r, E6), r, E5), r, E4), r, E3), r, E2)
    p = fma(p * r, r, r)
    power = float_of(bits_of(shifted) << 52)
    return fma(p, power, power - 1.0)


@lane_function
def log(x: float) -> float:
    """Natural logarithm within 3 units in the last place; NaN unless x > 0 (also for 0); not for subnormal x.

    The quotient (m - 1)/(m + 1) comes from a parabola, a step of Halley and its remainder: nine multiply-adds, where a division
    of whole registers would keep the next one waiting.
    """
    bits = bits_of(x)
    above_root = bits - SQRT_HALF_BITS
    exponent = float_of((above_root >> 52) + WHOLE_BITS) - WHOLE
    mantissa = float_of((above_root & 0x000FFFFFFFFFFFFF) + SQRT_HALF_BITS)  # sqrt(1/2) .. sqrt(2)
    above, below = mantissa - 1.0, mantissa + 1.0
    per = fma(fma(R2, below, R1), below, R0)
    rest = fma(-below, per, 1.0)
    per = fma(per, fma(rest, rest, rest), per)
    f = above * per
    f = fma(fma(-below, f, above), per, f)
    s = f * f
    p = fma(fma(fma(fma(L15, s, L13), s, L11), s, L9), s, L7)
    p = fma(fma(fma(p, s, L5), s, L3), s, 2.0)
    result = fma(exponent, LN2, f * p)
    result = result if x < INFINITY else x
    return result if x > 0.0 else math.nan


@lane_function
def pow_positive(x: float, a: float) -> float:
    """x**a for x > 0, as exp(a log x): relative error about 1e-15 times 1 + |a log x|; NaN unless x > 0."""
    return exp(a * log(x))


@lane_function
def tanh(x: float) -> float:
    """Hyperbolic tangent within 4 units in the last place, through expm1 of -2 |x|."""
    size = abs(x)
    below = expm1(-2.0 * size)
    result = -below / (below + 2.0)
    return result if x >= 0.0 else -result
