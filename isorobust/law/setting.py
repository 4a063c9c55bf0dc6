"""What the law has to know of one trained network and its data: numbers, no arrays."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist


@dataclass(frozen=True)
class Setting:
    """One network, as the theorems see it.

    n, d, p: points, input dimension, real parameters of the (folded) class
    width, depth: of the network; slope: the largest |phi'| of its activation
    mse: training MSE [label^2]; noise_variance: sigma^2 [label^2]
    signs: every label is +-1; independent: labels are drawn independently of x
    imbalance: (1/n) sum over components of |sum of its labels|
    components, c, radius: number of components of the law of x, isoperimetric constant
        of each (None: unknown), R with |x_i| <= R but for probability delta / 2
    on_sphere: x lives on the unit sphere
    rho: length of all parameters after balancing; largest: the largest |parameter|
    label_gap, pair_square, pair_top: of a matching of n/2 pairs with labels far apart:
        |(y_i - y_j)|, sum |x_i - x_j|^2, and the sum of the min(width, d) largest
        eigenvalues of sum (x_i - x_j)(x_i - x_j)'
    delta: probability with which a floor may fail
    outputs: of the network; of more than one (classes) the law doesn't speak
    """

    n: int
    d: int
    p: int
    width: int
    depth: int
    slope: float
    mse: float
    noise_variance: float
    signs: bool
    independent: bool
    imbalance: float
    components: int
    c: float | None
    radius: float | None
    on_sphere: bool
    rho: float
    largest: float
    label_gap: float
    pair_square: float
    pair_top: float
    delta: float
    outputs: int = 1

    @property
    def epsilon(self) -> float:
        """How far below the noise the fit is: sigma^2 - MSE [label^2]."""
        return self.noise_variance - self.mse

    @property
    def ball(self) -> float:
        """Radius of the parameter ball: rho, or sqrt(p) max(1, W) for deep networks.

        Rounded up to a power of two, so that a class is named before its network: the
        union over all such classes is in `delta` (floors.POST_HOC).
        """
        if self.depth == 2:
            return 2.0 ** math.ceil(math.log2(max(self.rho, 1.0)))
        return self.box * math.sqrt(self.p)

    @property
    def box(self) -> float:
        """W >= 1, a power of two, with every |parameter| <= W."""
        return 2.0 ** math.ceil(math.log2(max(self.largest, 1.0)))

    @property
    def log_sensitivity(self) -> float:
        """log J: |f_w(x) - f_v(x)| <= J |w - v| on the class, for |x| <= R.

        Two layers: J = s sqrt((R^2 + 1) rho^2 + 1), s = max(1, largest slope) [derived:
        |phi(z)| <= s |z|, Cauchy-Schwarz]. Deeper: J = R (s W p)^D (Bubeck & Sellke
        2021, section 3, with Q = 1: no weight is shared).
        """
        if self.radius is None:
            raise ValueError("the sensitivity needs a radius")
        s = max(1.0, self.slope)
        if self.depth == 2:
            return math.log(s * math.sqrt((self.radius**2 + 1) * self.ball**2 + 1))
        return math.log(max(self.radius, 1.0)) + self.depth * math.log(
            s * self.box * self.p
        )


def matching(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(i, j): disjoint pairs with labels far apart and points close together.

    Signs are matched + with -; other labels above the median with below. Among those,
    the matching of least sum |x_i - x_j|^2, which makes the data floor largest.
    """
    if np.all(np.abs(y) == 1):
        high, low = np.flatnonzero(y > 0), np.flatnonzero(y < 0)
    else:
        order = np.argsort(y, kind="stable")
        half = len(y) // 2
        low, high = order[:half], order[len(y) - half :]
    rows, columns = linear_sum_assignment(cdist(x[high], x[low], "sqeuclidean"))
    return high[rows], low[columns]


def pair_numbers(x: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """(label_gap, eigenvalues [d] of sum (x_i - x_j)(x_i - x_j)', largest first)."""
    i, j = matching(x, y)
    apart = x[i] - x[j]
    eigenvalues = np.linalg.eigvalsh(apart.T @ apart)[::-1]
    return float(np.linalg.norm(y[i] - y[j])), np.maximum(eigenvalues, 0.0)
