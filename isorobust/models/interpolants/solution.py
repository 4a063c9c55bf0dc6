"""What a family says of the functions it fitted to s data sets of one size.

A family is a frozen dataclass with

    solve(x [s, n, d], y [s, n], radius, rng) -> Solution     |x_i| <= radius
    sizes: the names of its fields that are sizes (a table's columns, not its title)
    objection(case) -> what is wrong with a case of it, or None (case: .n, .d, ...)
    shown: names of its `columns` that a table shows
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Solution:
    """s functions of one class, each with its bracket.

    p: real parameters of the class, shared ones counted once, frozen ones not at all
    mse [s]: training MSE [label^2]
    lower, upper [s]: bounds of Lip on `domain`, attained and certified: equal where
        exact, nan where there is none (an upper bound from ascent isn't one)
    domain: "rd" or "sphere" (geodesic: tangential gradients), or "ball"
    rho [s]: length of all parameters; log_j [s]: log J, |f_w(x) - f_v(x)| <= J |w - v|
        on the ball of radius rho, rounded up to a power of two (law.setting.rounded_up)
        so that the class is named before the data, and |x| <= R. None: the floors of
        such classes are silent
    bits: log2 |F| of a finite class (quantised weights), which rho and J don't enter
    rank: f = g(P x) with rank P = r (None: d)
    columns: name -> [s] further numbers, such as "predicted", the family's own theory
    function: (i, points [k, d]) -> [k] values of the i-th function, to look at it
    """

    p: int
    mse: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    domain: str = "rd"
    rho: np.ndarray | None = None
    log_j: np.ndarray | None = None
    bits: float | None = None
    rank: int | None = None
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    function: Callable[[int, np.ndarray], np.ndarray] | None = None


def named_ball(rho: np.ndarray) -> np.ndarray:
    """The power of two >= max(rho, 1) [s] that names a class before its function.

    A J that grows with the weights has to hold on all of that ball.
    """
    return np.exp2(np.ceil(np.log2(np.maximum(rho, 1.0))))
