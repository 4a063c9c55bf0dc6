"""What the law has to know of one function and its data: numbers, no arrays."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from isorobust.law import sensitivity

SIDE = 4096  # pairs that are matched at once


@dataclass(frozen=True)
class Setting:
    """One function of a class, as the theorems see it.

    Of the data:
    n, d: points, input dimension; noise_variance: sigma^2 [label^2]
    signs: every label is +-1; independent: labels are drawn independently of x
    imbalance: (1/n) sum over components of |sum of its labels|
    components, c, radius: number of components of the law of x, isoperimetric constant
        of each (None: unknown), R with |x_i| <= R but for probability delta / 2
    on_sphere: x lives on the unit sphere
    label_gap, pair_square: of a matching of n/2 pairs with labels far apart:
        |(y_i - y_j)|, sum |x_i - x_j|^2
    delta: probability with which a floor may fail
    label_bound: M with |y| <= M, known before the draw
    noise_square, noise_size, noise_signal, noise_imbalance: of y = g(x) + z, means over
        the points of z^2, |z|, g z, and `imbalance` of z (None: z isn't known)
    noise_independent: z is independent of x

    Of the function and its class:
    p: real parameters of the (folded) class; mse: training MSE [label^2]
    outputs: of more than one (classes) the law doesn't speak
    rho: length of all parameters, after balancing where that is free (None: unknown)
    log_j: log J, |f_w(x) - f_v(x)| <= J |w - v| for all of the ball of radius `ball`
        (NOT of rho) and |x| <= R; None: that of a network by width and depth
    width, depth: of the network (None: it is none); slope: largest |phi'|; shared: how
        many entries of its layers the most shared parameter fills
    bits: log2 |F| of a finite class, named before the data is seen
    rank: f = g(P x) with rank P = rank (None: min(width, d), or d without a width)
    pair_top: the sum of the `seen` largest eigenvalues of sum (x_i - x_j)(x_i - x_j)'
        over the matching (None: pair_square)
    """

    n: int
    d: int
    p: int
    mse: float
    noise_variance: float
    signs: bool
    independent: bool
    imbalance: float
    components: int
    c: float | None
    radius: float | None
    on_sphere: bool
    label_gap: float
    pair_square: float
    delta: float
    pair_top: float | None = None
    outputs: int = 1
    width: int | None = None
    depth: int = 2
    slope: float = 1.0
    rho: float | None = None
    shared: int = 1
    log_j: float | None = None
    bits: float | None = None
    rank: int | None = None
    label_bound: float = 1.0
    noise_square: float | None = None
    noise_size: float = 0.0
    noise_signal: float = 0.0
    noise_imbalance: float = 0.0
    noise_independent: bool = False

    @property
    def epsilon(self) -> float:
        """How far below the noise the fit is: sigma^2 - MSE [label^2]."""
        return self.noise_variance - self.mse

    @property
    def seen(self) -> int:
        """How many directions of x the function sees, at most."""
        first = self.d if self.width is None else self.width
        return min(self.d, first if self.rank is None else self.rank)

    @property
    def has_ball(self) -> bool:
        """Whether the class is a ball of parameters with a known J."""
        known = self.log_j is not None or self.width is not None
        return known and self.rho is not None and math.isfinite(self.rho)

    @property
    def ball(self) -> float:
        """Radius of the parameter ball: rho, rounded up to a power of two.

        So that a class is named before its network: the union over all such classes is
        in `delta` (floors.POST_HOC).
        """
        if self.rho is None:
            raise ValueError("the ball needs rho")
        return rounded_up(self.rho)

    @property
    def log_sensitivity(self) -> float:
        """log J: |f_w(x) - f_v(x)| <= J |w - v| on the class, for |x| <= R."""
        if self.log_j is not None:
            return self.log_j
        if self.radius is None:
            raise ValueError("the sensitivity needs a radius")
        # sharing stretches |w| to at most sqrt(Q) times its length
        spread = math.sqrt(self.shared)
        reach = spread * self.ball
        if self.depth == 2:
            log_j = sensitivity.two_layer(reach, self.radius, self.slope)
        else:
            log_j = sensitivity.deep_ball(reach, self.depth, self.radius, self.slope)
        return math.log(spread) + log_j


def rounded_up(size: float) -> float:
    """The least power of two that is >= size and >= 1."""
    return 2.0 ** math.ceil(math.log2(max(size, 1.0)))


def of_data(
    x: np.ndarray,
    y: np.ndarray,
    component: np.ndarray,
    seen: int,
    noise: np.ndarray | None = None,
) -> dict:
    """The fields of a Setting that points x [n, d] and labels y [n] give.

    component: [n] whole numbers; seen: directions of x that the function sees, at most;
    noise: [n] z of y = g(x) + z, or None where it isn't known.
    """
    gap, eigenvalues = pair_numbers(x, y)
    fields = {
        "n": len(x),
        "d": x.shape[1],
        "signs": bool(np.all(np.abs(y) == 1)),
        "imbalance": imbalance(y, component),
        "label_gap": gap,
        "pair_square": float(eigenvalues.sum()),
        "pair_top": float(eigenvalues[:seen].sum()),
    }
    if noise is None:
        return fields
    return fields | {
        "noise_square": float(np.mean(noise**2)),
        "noise_size": float(np.mean(np.abs(noise))),
        "noise_signal": float(np.mean((y - noise) * noise)),
        "noise_imbalance": imbalance(noise, component),
    }


def imbalance(y: np.ndarray, component: np.ndarray) -> float:
    """(1/n) sum over components of |sum of y in it|, of y [n]."""
    sums = [abs(y[component == c].sum()) for c in np.unique(component)]
    return float(sum(sums) / len(y))


def matching(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(i, j): disjoint pairs with labels far apart and points close together.

    Signs are matched + with -; other labels above the median with below. Among those,
    the matching of least sum |x_i - x_j|^2, which makes the data floor largest; of more
    than SIDE pairs, such matchings of SIDE pairs at a time (costs grow as their cube).
    """
    if np.all(np.abs(y) == 1):
        high, low = np.flatnonzero(y > 0), np.flatnonzero(y < 0)
    else:
        order = np.argsort(y, kind="stable")
        half = len(y) // 2
        low, high = order[:half], order[len(y) - half :]
    pairs = min(len(high), len(low))
    if pairs <= SIDE:
        return _matched(x, high, low)
    cuts = range(SIDE, pairs, SIDE)
    parts = zip(np.split(high[:pairs], cuts), np.split(low[:pairs], cuts), strict=True)
    found = [_matched(x, some, others) for some, others in parts]
    one, other = zip(*found, strict=True)
    return np.concatenate(one), np.concatenate(other)


def _matched(
    x: np.ndarray, high: np.ndarray, low: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    rows, columns = linear_sum_assignment(cdist(x[high], x[low], "sqeuclidean"))
    return high[rows], low[columns]


def pair_numbers(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """(label_gap, eigenvalues [d] of sum (x_i - x_j)(x_i - x_j)', largest first)."""
    i, j = matching(x, y)
    apart = x[i] - x[j]
    eigenvalues = np.linalg.eigvalsh(apart.T @ apart)[::-1]
    return float(np.linalg.norm(y[i] - y[j])), np.maximum(eigenvalues, 0.0)
