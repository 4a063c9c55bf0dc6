"""A network within float32's range, by powers of two: the same constant, exactly."""

import math
import sys
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.network import Layers, Network


@dataclass(frozen=True)
class Rescaled:
    """f(x) = 2^exponent length net(x / length), up to a constant.

    So L(f) on the user's domain is 2^exponent L(net) on `domain`. length is a power of
    two, and no weight or bias lost a bit.
    """

    net: Network
    domain: Domain
    exponent: int = 0
    length: float = 1.0

    def above(self, value: float) -> float:
        """2^exponent value, never rounded down."""
        found = _times(value, self.exponent)
        subnormal = value > 0 and found < sys.float_info.min
        return math.nextafter(found, math.inf) if subnormal else found

    def below(self, value: float) -> float:
        """2^exponent value, never rounded up."""
        if not math.isfinite(value):
            return value  # it overflowed: no bound
        found = min(_times(value, self.exponent), sys.float_info.max)
        return math.nextafter(found, 0.0) if found < sys.float_info.min else found


def rescaled(net: Network, domain: Domain) -> Rescaled:
    """The network with the largest entry of every layer near 1, its kinks near |x| = 1.

    Homogeneous activations let every layer be scaled, and (but on the sphere) x as
    well; others only the last layer. What would lose bits stays as it is. A linear map
    becomes a chain through units without activation, because a chain has a middle.
    """
    *hidden, (last, bias) = _chained(net).layers
    # a constant has no say in the slopes
    net = replace(_chained(net), layers=(*hidden, (last, np.zeros(len(bias)))))
    sizes, length = [_exponent(w) for w in net.weights], 0
    if not ACTIVATIONS[net.activation].homogeneous:
        sizes = [*[0] * len(hidden), sizes[-1]]
    layers = _scaled(net.layers, sizes, 0)
    if net.kinked and not domain.sphere:
        length = _distance(layers)
        layers = _scaled(net.layers, sizes, length)
    back = _scaled(layers, [-size for size in sizes], -length)
    radius = _times(domain.radius, -length)
    same = _times(radius, length) == domain.radius and all(
        np.array_equal(new, old)
        for layer, before in zip(back, net.layers, strict=True)
        for new, old in zip(layer, before, strict=True)
    )
    if not same:
        return Rescaled(net, domain)
    domain = domain if domain.sphere else replace(domain, radius=radius)
    return Rescaled(
        replace(net, layers=layers), domain, sum(sizes), _times(1.0, length)
    )


def _chained(net: Network) -> Network:
    """The network; a single layer through K more units without activation."""
    if len(net.layers) > 1:
        return net
    (only,) = net.layers
    out = (np.eye(net.outputs), np.zeros(net.outputs))
    return replace(net, layers=(only, out), linear=(np.ones(net.outputs),))


def _scaled(layers: Layers, sizes: list[int], length: int) -> Layers:
    """W_i 2^-size_i and b_i 2^-(size_1 + ... + size_i + length)."""
    with np.errstate(over="ignore", under="ignore"):
        return tuple(
            (np.ldexp(w, -size), np.ldexp(b, -total - length))
            for (w, b), size, total in zip(
                layers, sizes, accumulate(sizes), strict=True
            )
        )


def _exponent(w: np.ndarray) -> int:
    """The power of two above the largest entry."""
    return int(np.frexp(np.abs(w).max())[1])


def _distance(layers: Layers) -> int:
    """The power of two near the middle distance |b| / |w| of a hidden unit's kink."""
    found: list[float] = []
    for w, b in layers[:-1]:
        size = np.linalg.norm(w, axis=1)
        apart = (size > 0) & (b != 0)
        found += list(np.log2(np.abs(b[apart])) - np.log2(size[apart]))
    return round(float(np.median(found))) if found else 0


def _times(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.inf
