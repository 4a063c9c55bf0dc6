"""Upper bounds in closed form (numpy, float64); contract: upper/__init__.py."""

import math
from collections.abc import Callable

import numpy as np

from isorobust.lipschitz.domain import RD, UNIT, Domain, slopes
from isorobust.lipschitz.network import Network, balanced
from isorobust.lipschitz.upper.norms import rounding, spectral_norm

Slopes = list[tuple[np.ndarray, np.ndarray]]


def product(net: Network, domain: Domain = RD) -> float:
    """The product of the layers' spectral norms and the units' largest slopes.

    prod_i |W_i S_i|, S_i the diagonal of max |phi'| on the domain (Szegedy et al.
    2014); for homogeneous activations the smaller of before and after balancing.
    """
    return _least(_product, net, domain)


def liplt(net: Network, domain: Domain = RD) -> float:
    """LipLT (Fazlyab et al. 2023): the loop-transformed recursion.

    phi(z) = m z + r psi(z) with m, r = (high +- low) / 2 a unit and psi 1-Lipschitz, so
    with M, R their diagonals L_k = |W_k M W_{k-1} ... W_0| + sum_{j<k} |W_k M ... M
    W_{j+1} R| L_j; on R^d with slopes in [0, 1], M = R = I / 2. The smaller of before
    and after balancing.
    """
    return _least(_liplt, net, domain)


def path(net: Network, domain: Domain = RD) -> float:
    """The path norm |W_D| ... |W_2| r with r_j = |w_j| (rows of W_1), times slopes.

    Every gradient is a sum over paths, so its length is at most the sum of the paths'
    weights times the length of the first row: sum_j |a_j| |w_j| for two layers. Of K
    outputs: the root of the sum of their squares, which bounds the Frobenius norm of
    the derivative. Unchanged by rescaling units.
    """
    (first, *rest), largest = net.weights, _largest(slopes(net, domain))
    reach = np.linalg.norm(first, axis=1)
    for weight, s in zip(rest, largest, strict=True):
        reach = np.abs(weight) @ (s * reach)
    operations = sum(w.size for w in net.weights)
    total = float(reach[0]) if len(reach) == 1 else float(np.linalg.norm(reach))
    return total * (1 + 4 * operations * UNIT)


def _largest(sectors: Slopes) -> list[np.ndarray]:
    return [np.maximum(np.abs(low), np.abs(high)) for low, high in sectors]


def _product(net: Network, sectors: Slopes) -> float:
    first, *rest = net.weights
    norms = [spectral_norm(w * s) for w, s in zip(rest, _largest(sectors), strict=True)]
    total = spectral_norm(first) * math.prod(norms)
    return total * (1 + 8 * len(net.layers) * UNIT)


def _liplt(net: Network, sectors: Slopes) -> float:
    middle = [(high + low) / 2 for low, high in sectors]
    radius = [(high - low) / 2 * (1 + 2 * UNIT) for low, high in sectors]
    weights = net.weights
    lips: list[float] = []
    for k in range(len(weights)):
        chain, size, terms = weights[k], float(np.linalg.norm(weights[k])), []
        for j in range(k - 1, -1, -1):
            # here chain = W_k M ... W_{j+1}; its norm carries its products' rounding
            slack = rounding(chain, size)
            terms.append(spectral_norm(chain * radius[j], slack) * lips[j])
            chain = (chain * middle[j]) @ weights[j]
            size *= float(np.linalg.norm(weights[j]))
        head = spectral_norm(chain, rounding(chain, size))
        lips.append((head + sum(terms)) * (1 + 8 * (k + 1) * UNIT))
    return lips[-1]


def _least(
    bound: Callable[[Network, Slopes], float], net: Network, domain: Domain
) -> float:
    """The smaller of the bound before and after balancing, which keeps the slopes."""
    sectors = slopes(net, domain)
    raw, even = bound(net, sectors), balanced(net, biases=False)
    return float(raw if even is net else min(raw, bound(even, sectors)))
