"""A network at its own scale: no dead units, units of size 1, no blind directions."""

from dataclasses import dataclass, replace

import numpy as np

from isorobust.lipschitz import network
from isorobust.lipschitz.network import Network

FLAT = 1e-13  # a row this small against the terms that it is the sum of is zero
BLIND = 1e-13  # directions seen by less than this, relatively, aren't seen


@dataclass(frozen=True)
class Normal:
    """f(x) = factor * length * net(y) + constant at x = length * basis y.

    So L(f) = factor * L(net): basis [d, r] is orthonormal and spans all directions that
    f depends on. factor and length are powers of two.
    """

    net: Network
    factor: float
    length: float
    basis: np.ndarray

    def point(self, y: np.ndarray) -> np.ndarray:
        """The point [d] of f that belongs to a point [r] of net."""
        return np.asarray(self.length * (self.basis @ y))


def normal(net: Network) -> Normal | None:
    """The ReLU network at its own scale; None where it is constant (or linear).

    Powers of two only, so that scaled weights give the same network: the rows of hidden
    units have entries of at most 1, the last layer too, and the length is the middle
    one of the first layer's biases.
    """
    net = _alive(net)
    chain = [(np.array(w, float), np.array(b, float)) for w, b in net.layers]
    if len(chain) == 1 or any(w.size == 0 for w, _ in chain):
        return None
    for i in range(len(chain) - 1):
        (w, b), (after, c) = chain[i], chain[i + 1]
        size = _power(np.abs(w).max(axis=1))
        chain[i] = (w / size[:, None], b / size)
        chain[i + 1] = (after * size, c)
    factor = float(_power(np.abs(chain[-1][0]).max()))
    chain[-1] = (chain[-1][0] / factor, np.zeros(len(chain[-1][0])))
    biases = np.abs(np.concatenate([b for _, b in chain[:-1]]))
    shifted = biases[: len(chain[0][1])]
    for some in (biases, shifted):  # of the first layer, if it has any
        if some.any():
            length = float(_power(np.median(some[some > 0])))
    if not biases.any():
        length = 1.0
    chain = [(w, b / length) for w, b in chain]
    _, size, seen = np.linalg.svd(chain[0][0])
    r = int(np.sum(size > BLIND * size[0]))
    basis = seen[:r].T if r < net.d else np.eye(net.d)
    chain[0] = (chain[0][0] @ basis, chain[0][1])
    return Normal(replace(net, layers=tuple(chain)), factor, length, basis)


def _alive(net: Network) -> Network:
    """The same function up to a constant, without constant and unused units."""
    chain = [(np.array(w, float), np.array(b, float)) for w, b in net.layers]
    linear = None if net.linear is None else list(net.linear)
    count = len(chain) - 1
    for i in [*range(count), *reversed(range(count))]:
        (w, b), (after, c) = chain[i], chain[i + 1]
        moves, used = (w != 0).any(axis=1), (after != 0).any(axis=0)
        own = replace(net, linear=None if linear is None else tuple(linear))
        still = network.passed(own, i, b)
        chain[i + 1] = (after, c + after @ np.where(moves, 0.0, still))
        keep = moves & used
        chain[i] = (w[keep], b[keep])
        chain[i + 1] = (after[:, keep], chain[i + 1][1])
        if linear is not None:
            linear[i] = np.asarray(linear[i])[keep]
    return Network(
        tuple(chain), net.activation, None if linear is None else tuple(linear)
    )


def _power(size: np.ndarray | float) -> np.ndarray:
    """The power of two above each size."""
    return np.asarray(np.ldexp(1.0, np.frexp(size)[1]))
