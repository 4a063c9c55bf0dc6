"""What values of a 1-Lipschitz function say of a law's isoperimetric constant c."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

__all__ = ["Look", "moments", "tails"]

EFFECTIVE = 200  # points that have to carry an exponential moment
TILTS = np.arange(0.5, 4.01, 0.5)  # t in standard deviations of f
DEEPEST = (64, 256, 1024)  # values in the tails that are looked at
ERRORS = 4.5  # standard errors of a lower limit: 600 looks, each wrong at 3e-6


@dataclass(frozen=True)
class Look:
    """One look at c through one function: c is at least what it shows.

    estimate, error: of 2 d log E exp(t (f - E f)) / t^2 at one t, and its standard
        error; both nan for a tail, which has a lower limit alone
    low: lower confidence limit, 4.5 standard errors down
    variance: of f
    """

    function: str
    estimate: float
    error: float
    low: float
    variance: float = math.nan


def moments(name: str, f: np.ndarray, d: int, most: float) -> Iterator[Look]:
    """Looks at 2 d log E exp(t (f - E f)) / t^2, f [rows, r], for |t| <= most.

    Also its limit d Var f at t = 0. A mean of few large terms is no estimate of an
    exponential moment (its logarithm comes out too small, with too small an error): a t
    counts if (sum w)^2 / sum w^2 >= 200 for the terms w. Standard errors are over rows,
    the mean that f is centred by included.
    """
    n = len(f)
    f = f - f.mean(axis=0)
    variance = float(np.mean(f**2))
    error = d * float(np.mean(f**2, axis=1).std()) / math.sqrt(n)
    yield Look(name, d * variance, error, d * variance - ERRORS * error, variance)
    for tilt in TILTS:
        t = tilt / math.sqrt(variance) if variance else math.inf
        if t > most * (1 + 1e-9):
            return
        for signed in (t, -t):
            terms = np.exp(signed * f)
            if terms.sum() ** 2 < EFFECTIVE * (terms**2).sum():
                continue
            moment = float(terms.mean())
            influence = (terms / moment - signed * f).mean(axis=1)
            unit = 2 * d / t**2
            estimate = unit * math.log(moment)
            error = unit * float(influence.std()) / math.sqrt(n)
            yield Look(name, estimate, error, estimate - ERRORS * error, variance)


def tails(name: str, f: np.ndarray, d: int) -> Iterator[Look]:
    """Looks at d s^2 / (2 log(1 / P(f - E f >= s))), f [rows, r], either side.

    exp(s t) P(f - E f >= s) <= E exp(t (f - E f)) <= exp(t^2 c / (2d)) gives, at t = d
    s / c, that c is at least that: further out than an exponential moment can be
    estimated. s: exceeded by 64, 256, 1024 of the values. One quarter of a Gaussian's c
    is lost this far out; an exponential tail shows ~ log(1 / P) / 4.
    """
    n = len(f)
    f = f - f.mean(axis=0)
    ranks = [k for k in DEEPEST if 4 * k < f.size]
    flat = np.partition(f.ravel(), [r for k in ranks for r in (k, f.size - 1 - k)])
    for k in ranks:
        for s, beyond in (
            (flat[f.size - 1 - k], f >= flat[f.size - 1 - k]),
            (-flat[k], f <= flat[k]),
        ):
            rows = np.bincount(np.nonzero(beyond)[0], minlength=n)
            share = rows / f.shape[1]
            low = share.mean() - ERRORS * share.std() / math.sqrt(n)
            if s > 0 and 0 < low < 0.5:
                limit = d * float(s) ** 2 / (2 * math.log(1 / low))
                yield Look(name, math.nan, math.nan, limit)
