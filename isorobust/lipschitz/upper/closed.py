"""Upper bounds in closed form (numpy, float64); contract: upper/__init__.py."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from isorobust.lipschitz.domain import RD, UNIT, Domain, Sectors, slopes
from isorobust.lipschitz.network import Network, balanced
from isorobust.lipschitz.norms import lengths, looped, shifted, spectral_norm
from isorobust.lipschitz.upper.chain import exponent, recursion


def product(net: Network, domain: Domain = RD) -> float:
    """The product of the layers' spectral norms and the units' largest slopes.

    prod_i |W_i S_i|, S_i the diagonal of max |phi'| on the domain (Szegedy et al.
    2014); the smaller of before and after balancing.
    """
    return _least(_product, net, domain)


def liplt(net: Network, domain: Domain = RD) -> float:
    """LipLT (Fazlyab et al. 2023): the loop-transformed recursion of norms.looped.

    The smaller of before and after balancing.
    """
    return _least(_liplt, net, domain)


def path(net: Network, domain: Domain = RD) -> float:
    """The path norm |W_D| ... |W_2| r with r_j = |w_j| (rows of W_1), times slopes.

    Every gradient is a sum over paths, so its length is at most the sum of the paths'
    weights times the length of the first row: sum_j |a_j| |w_j| for two layers. Of K
    outputs: the root of the sum of their squares, which bounds the Frobenius norm of
    the derivative. Unchanged by rescaling units.
    """
    return _least(_path, net, domain, balance=False)


def eclipse(net: Network, domain: Domain = RD) -> float:
    """ECLipsE-Fast (Xu & Sivaranjani 2024): the chain with equal multipliers.

    chain.recursion with T = t I, t lambda_max(S) = r / (|c| + r) at every layer, c, r =
    (high +- low) / 2 at their largest: 1/2 for slopes in [0, 1]. The smaller of before
    and after balancing.
    """
    return _least(_eclipse, net, domain)


def interval(net: Network, domain: Domain = RD) -> float:
    """The interval Jacobian: every entry of the derivative in an interval of its own.

    Interval arithmetic of W_D S_{D-1} ... S_1 W_1 for slopes in their sectors; then the
    norm of the largest absolute values. Of two layers with slopes in [0, 1] and one
    output it is sum_j max(sum_i (a_i w_ij)_+, sum_i (a_i w_ij)_-)^2, its root. Tight
    where few units may still switch. Unchanged by rescaling units.
    """
    return _least(_interval, net, domain, balance=False)


def _largest(sectors: Sectors) -> list[np.ndarray]:
    return [np.maximum(np.abs(low), np.abs(high)) for low, high in sectors]


def _product(net: Network, sectors: Sectors) -> float:
    first, *rest = net.weights
    norms = [spectral_norm(w * s) for w, s in zip(rest, _largest(sectors), strict=True)]
    total = spectral_norm(first) * math.prod(norms)
    return total * (1 + 8 * len(net.layers) * UNIT)


def _path(net: Network, sectors: Sectors) -> float:
    first, *rest = net.weights
    reach = lengths(first)
    for weight, s in zip(rest, _largest(sectors), strict=True):
        reach = np.abs(weight) @ (s * reach)
    operations = sum(w.size for w in net.weights)
    total = float(reach[0]) if len(reach) == 1 else float(np.linalg.norm(reach))
    return total * (1 + 4 * operations * UNIT)


def _liplt(net: Network, sectors: Sectors) -> float:
    lips: list[float] = []
    for k in range(len(net.layers)):
        lips.append(looped(net.weights[: k + 1], sectors, lips, spectral_norm))
    return lips[-1]


def _eclipse(net: Network, sectors: Sectors) -> float:
    def equal(i: int, s: np.ndarray, e: np.ndarray) -> np.ndarray:
        low, high = sectors[i]
        c, r = np.abs(high + low).max(), (high - low).max()
        # T = t I of the units themselves, not of their powers of two
        unit = np.ldexp(1.0, e - e.max())
        top = np.linalg.eigvalsh(unit[:, None] * s * unit)[-1]
        return unit**2 * r / ((c + r) * top) if top > 0 and r > 0 else unit

    return recursion(net.weights, sectors, equal, near=0.999)


def _interval(net: Network, sectors: Sectors) -> float:
    low = high = net.weights[0]
    for w, (least, most) in zip(net.weights[1:], sectors, strict=True):
        ends = [s[:, None] * end for s in (least, most) for end in (low, high)]
        low, high = np.minimum.reduce(ends), np.maximum.reduce(ends)
        up, down = np.maximum(w, 0), np.minimum(w, 0)
        slack = np.abs(w) @ np.maximum(np.abs(low), np.abs(high))
        slack *= 4 * (w.shape[1] + 2) * UNIT
        low, high = up @ low + down @ high - slack, up @ high + down @ low + slack
    largest = np.maximum(np.abs(low), np.abs(high))
    return float(lengths(largest)[0]) if len(largest) == 1 else spectral_norm(largest)


def _least(
    bound: Callable[[Network, Sectors], float],
    net: Network,
    domain: Domain,
    balance: bool = True,
) -> float:
    """The least of the bound before and after balancing, which keeps the slopes.

    And of the domain's slopes and those of R^d: narrower ones can give more. Of layers
    in powers of two of their own, so that only the answer can overflow.
    """
    if not all(np.isfinite(w).all() for w in net.weights):
        return math.inf
    powers = [int(exponent(w)) for w in net.weights]
    scaled = zip(net.layers, powers, strict=True)
    raw = replace(net, layers=tuple((np.ldexp(w, -e), b) for (w, b), e in scaled))
    # of weights and slopes alone, which any unit may be rescaled for: as if relu
    even = balanced(replace(raw, activation="relu"), biases=False)
    nets = [raw, even] if balance else [raw]
    sectors = [slopes(net, place) for place in {RD, domain}]
    found = min(bound(one, some) for one in nets for some in sectors)
    return shifted(found, sum(powers))
