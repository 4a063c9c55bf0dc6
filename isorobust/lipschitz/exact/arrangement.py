"""Two-layer ReLU networks as what they are: hyperplanes with a jump of the gradient.

The derivative on a cell is base + sum of the jumps of the hyperplanes that the cell is
on the positive side of; each jump is parallel to its hyperplane's normal.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from isorobust.lipschitz.network import Network

SAME = 1e-13  # hyperplanes that differ by less are one
INDEPENDENT = 1e-9  # the least singular value of independent normals, at least


@dataclass(frozen=True, eq=False)
class Arrangement:
    """Hyperplanes n_i.x + t_i = 0, n [k, d] of length 1, t [k]; jumps g_i n_i'.

    g [k, K], base [K, d]
    """

    n: np.ndarray
    t: np.ndarray
    g: np.ndarray
    base: np.ndarray

    def derivatives(self, on: np.ndarray) -> np.ndarray:
        """[..., K, d] for patterns on [..., k]."""
        return self.base + np.einsum("...i,iK,id->...Kd", on, self.g, self.n)


def arrangement(net: Network) -> Arrangement:
    """Of a two-layer network: equal hyperplanes merged, jumps of zero left out."""
    (w, b), (a, _) = net.layers
    base = np.zeros((len(a), net.d))
    if net.linear is not None:
        carried = np.asarray(net.linear[0]) > 0
        base = a[:, carried] @ w[carried]
        w, b, a = w[~carried], b[~carried], a[:, ~carried]
    size = np.linalg.norm(w, axis=1)
    planes = np.column_stack([w, b]) / size[:, None]
    unique: list[np.ndarray] = []
    jumps: list[np.ndarray] = []
    for plane, jump in zip(planes, a.T * size[:, None], strict=True):
        for i, known in enumerate(unique):
            sign = 1.0 if plane[:-1] @ known[:-1] > 0 else -1.0
            if np.abs(plane - sign * known).max() <= SAME * (1 + abs(known[-1])):
                jumps[i] = jumps[i] + jump
                if sign < 0:  # relu(-z) = relu(z) - z
                    base = base + np.outer(jump, plane[:-1])
                break
        else:
            unique.append(plane)
            jumps.append(jump)
    g = np.array(jumps).reshape(-1, len(a))
    n = np.array(unique).reshape(-1, net.d + 1)
    keep = np.abs(g).max(axis=1) > SAME * np.abs(a.T * size[:, None]).max(initial=0.0)
    return Arrangement(n[keep, :-1], n[keep, -1], g[keep], base)


def formal(
    net: Network, budget: int, radius: float = np.inf
) -> tuple[float, np.ndarray] | None:
    """Exact where all patterns count: the largest gradient of any 0/1 pattern.

    They do where the hyperplanes' normals are independent (every pattern is reached),
    and for one output whose jumps have one sign (f convex or concave): along the best
    pattern's own gradient g, no unit has n.g = 0, else it would make g longer, and so
    the far end of the ray along g has that pattern.
    """
    if len(net.layers) != 2 or np.isfinite(radius):
        return None
    planes = arrangement(net)
    n, k = planes.n, len(planes.n)
    independent = k <= net.d and np.linalg.svd(n)[1].min(initial=1.0) > INDEPENDENT
    bent = net.outputs == 1 and (np.all(planes.g > 0) or np.all(planes.g < 0))
    if not (independent or bent) or k > math.log2(1 + 1000 * budget):
        return None
    best, on = -1.0, np.zeros(k)
    step = min(k, 16)
    low = np.array(list(itertools.product((0.0, 1.0), repeat=step)))
    for high in itertools.product((0.0, 1.0), repeat=k - step):
        patterns = np.hstack([low, np.tile(high, (len(low), 1))])
        size = lengths(planes.derivatives(patterns))
        if size.max() > best:
            best, on = float(size.max()), patterns[size.argmax()]
    if independent:
        goal = (2 * on - 1) * (1 + np.abs(planes.t)) - planes.t
        return best, np.linalg.lstsq(n, goal)[0]
    # f convex: the ray along the gradient; concave: against it
    ray = planes.derivatives(on)[0] * np.sign(planes.g.sum()) / max(best, 1e-300)
    rate = np.abs(n @ ray)
    far = np.max(np.abs(planes.t) / np.where(rate > 0, rate, np.inf), initial=0.0)
    return best, (1 + 2 * far) * ray


def lengths(derivatives: np.ndarray) -> np.ndarray:
    """Spectral norms [...] of [..., K, d]."""
    if derivatives.shape[-2] == 1:
        return np.sqrt(np.sum(derivatives[..., 0, :] ** 2, axis=-1))
    return np.linalg.norm(derivatives, 2, axis=(-2, -1))
