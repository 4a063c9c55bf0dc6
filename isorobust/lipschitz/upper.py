"""Upper bounds: certified over-estimates of |grad f| on all of R^d (numpy, float64).

Each function of `__all__` has the signature bound(layers, activation) -> float and
bounds the Euclidean Lipschitz constant of ONE network on R^d (into R or R^K), hence on
every subset (and the geodesic one on the unit sphere). Rounding is covered by a stated
margin.
"""

import math

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.network import Layers, balanced

__all__ = ["liplt", "path", "product"]

UNIT = np.finfo(float).eps


def spectral_norm(matrix: np.ndarray, slack: float = 0.0) -> float:
    """sigma_1 of the matrix [a, b], from above; slack: an absolute error already in it.

    sigma_1^2 is the largest eigenvalue of the smaller Gram matrix G. Forming G errs by
    at most (a + b) u |A|_F^2 and eigvalsh by a small multiple of u |G| (Weyl); the
    margin is four times the former. The matrix is scaled by a power of two before, so
    that squares neither overflow nor vanish; inf where an entry isn't finite. Never a
    truncated power iteration, which is below the truth.
    """
    largest_entry = np.abs(matrix).max()
    if largest_entry == 0 or not np.isfinite(largest_entry):
        return float(largest_entry) + slack
    scale = 2.0 ** np.frexp(largest_entry)[1]
    small = (matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T) / scale
    gram = small @ small.T
    largest = gram[0, 0] if len(gram) == 1 else np.linalg.eigvalsh(gram)[-1]
    margin = 4 * sum(matrix.shape) * UNIT * np.trace(gram)
    root = math.sqrt(max(float(largest), 0.0) + margin)
    return float(scale) * root * (1 + 4 * UNIT) + slack


def product(layers: Layers, activation: str) -> float:
    """The product of the layers' spectral norms and the activations' largest slopes.

    prod_i |W_i| max|phi'|^(D-1) (Szegedy et al. 2014); for homogeneous activations the
    smaller of it before and after balancing the units.
    """
    return _least(_product, layers, activation)


def liplt(layers: Layers, activation: str) -> float:
    """LipLT (Fazlyab et al. 2023): the loop-transformed recursion.

    phi(z) = m z + r psi(z) with m, r = (high +- low) / 2 and psi 1-Lipschitz, so
    L_k = m^k |W_k ... W_0| + sum_{j<k} r m^(k-1-j) |W_k ... W_{j+1}| L_j; with slopes
    in [0, 1], m = r = 1/2. The smaller of before and after balancing.
    """
    return _least(_liplt, layers, activation)


def path(layers: Layers, activation: str) -> float:
    """The path norm |W_D| ... |W_2| r with r_j = |w_j| (rows of W_1), times slopes.

    Every gradient is a sum over paths, so its length is at most the sum of the paths'
    weights times the length of the first row: sum_j |a_j| |w_j| for two layers. Of K
    outputs: the root of the sum of their squares, which bounds the Frobenius norm of
    the derivative. Unchanged by rescaling units.
    """
    (first, _), *rest = layers
    reach = np.linalg.norm(first, axis=1)
    for weight, _ in rest:
        reach = np.abs(weight) @ reach
    operations = sum(w.size for w, _ in layers)
    total = float(reach[0]) if len(reach) == 1 else float(np.linalg.norm(reach))
    return total * _slope(layers, activation) * (1 + 4 * operations * UNIT)


def _slope(layers: Layers, activation: str) -> float:
    kind = ACTIVATIONS[activation]
    return max(abs(kind.low), abs(kind.high)) ** (len(layers) - 1)


def _product(layers: Layers, activation: str) -> float:
    norms = math.prod(spectral_norm(w) for w, _ in layers)
    return norms * _slope(layers, activation) * (1 + 8 * len(layers) * UNIT)


def _liplt(layers: Layers, activation: str) -> float:
    kind = ACTIVATIONS[activation]
    middle = (kind.high + kind.low) / 2
    radius = (kind.high - kind.low) / 2
    weights = [w for w, _ in layers]
    lips: list[float] = []
    for k in range(len(weights)):
        chain, size, terms = weights[k], np.linalg.norm(weights[k]), []
        for j in range(k - 1, -1, -1):
            # here chain = W_k ... W_{j+1}; |chain| carries the rounding of its products
            slack = _rounding(chain, size)
            norm = spectral_norm(chain, slack)
            terms.append(radius * middle ** (k - 1 - j) * norm * lips[j])
            chain, size = chain @ weights[j], size * np.linalg.norm(weights[j])
        head = middle**k * spectral_norm(chain, _rounding(chain, size))
        lips.append((head + sum(terms)) * (1 + 8 * (k + 1) * UNIT))
    return lips[-1]


def _rounding(chain: np.ndarray, size: np.floating) -> float:
    """Frobenius error of a product; size: the product of the Frobenius norms."""
    return 8 * max(chain.shape) * UNIT * float(size)


def _least(bound: object, layers: Layers, activation: str) -> float:
    assert callable(bound)
    raw = bound(layers, activation)
    if not ACTIVATIONS[activation].homogeneous:
        return float(raw)
    return float(
        min(raw, bound(balanced(layers, activation, biases=False), activation))
    )
