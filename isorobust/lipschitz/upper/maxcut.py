"""Two-layer networks with one output: LipSDP-Neuron as the MaxCut problem it is.

f = a'phi(W x + b) with phi'(z_i) in [low_i, high_i]: grad f = (C's)/2 for an s in
[-1, 1]^(k+1) with s_k = 1, where C [k + 1, d] has the rows (high_i - low_i) a_i w_i
and, last, sum_i (low_i + high_i) a_i w_i. So the formal constant (the largest gradient
over all patterns, reachable or not) is max_{s in {+-1}} |C's| / 2, and for every y > 0

    |C's|^2 <= (sum y) lambda_max(C' Y^-1 C).

The least of the right side is LipSDP-Neuron (Fazlyab et al. 2019; Wang et al. 2022);
any y gives a certificate. The y come from the SDP's other side, unit vectors v_i with
the largest |sum_i c_i v_i'|_F <= 2 LipSDP, by a power method with momentum.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.lipschitz.domain import RD, UNIT, Domain, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import leaves
from isorobust.lipschitz.upper.norms import spectral_norm

ROUNDS = 200  # of the search: within 1.1e-6 of LipSDP on 180 networks, k up to 256
FLOOR = 1e-9  # no y is a smaller share of the largest: they may come from float32

Sectors = list[tuple[Any, Any]]


def applies(net: Network) -> bool:
    """Whether the network has two layers and one output."""
    return len(net.layers) == 2 and net.outputs == 1


def search(net: Network, sectors: Sectors) -> tuple[jax.Array, jax.Array]:
    """Multipliers (y [k], y_last []) of `certified`; jax, ONE network, float32.

    Zero (dead or padded) units get y = 0.
    """
    (w, _), (a, _) = net.layers
    c = factor(w / _largest(w), a[0] / _largest(a), *sectors[0])
    y = duals(c, vectors(c, ROUNDS))
    return y[:-1], y[-1]


def certified(
    net: Network,
    domain: Domain = RD,
    multipliers: tuple[Any, Any] | None = None,
) -> float:
    """LipSDP-Neuron's bound at the multipliers (y [k], y_last []), any of them.

    min over y of sqrt((sum y) lambda_max(C' Y^-1 C)) / 2: the Euclidean constant on R^d
    or a ball. None: they are looked for here, until bound and primal value are within
    1e-8. Holds for whatever multipliers, in float64; inf for deeper networks, for
    several outputs and where a weight isn't finite.
    """
    problem = posed(net, domain)
    if problem is None:
        return np.inf
    if multipliers is not None:
        y = np.append(*(np.asarray(part, float) for part in multipliers))[problem.rows]
        if np.isfinite(y).all() and y.max() > 0:
            return problem.bound(y)
    return problem.bound(leaves.settled(problem.c))


class Problem(NamedTuple):
    """max of |c's| over s in {+-1}^m, which is 2^-exponent of the formal constant.

    c [m, min(m, d)]: C without zero rows (but with its last), turned and scaled; slack:
    what rounding has done to |c's|; rows [m]: where the rows are in C
    """

    c: np.ndarray
    rows: np.ndarray
    exponent: int
    slack: float

    def bound(self, y: np.ndarray) -> float:
        """The certificate at y [m]."""
        y = np.maximum(y, FLOOR * y.max() or 1.0)
        norm = spectral_norm(self.c / np.sqrt(y)[:, None])
        return self.outward(math.sqrt(y.sum()) * norm)

    def outward(self, value: float) -> float:
        """|c's| as a Lipschitz constant, from above."""
        value = value * (1 + 4 * len(self.c) * UNIT) + self.slack
        if value == 0:
            return 0.0
        with np.errstate(over="ignore", under="ignore"):
            value = float(np.ldexp(value, self.exponent))
        return math.nextafter(value, np.inf) if np.isfinite(value) else np.inf


def posed(net: Network, domain: Domain) -> Problem | None:
    """The network's problem; None where there is none (see `certified`).

    Units are scaled by powers of two one by one, so that neither large nor small
    weights overflow or vanish. Where m < d, c is the transposed R of a QR
    decomposition, with the same products of rows. slack = 8 steps u sum_i (|low_i| +
    |high_i|) |a_i| |w_i| is more than what rounding does to a row, to a sum of rows
    with signs (steps: k + d) and in the QR decomposition (k d more).
    """
    if not applies(net):
        return None
    (w, _), (a, _) = net.layers
    if not (np.isfinite(w).all() and np.isfinite(a).all()):
        return None
    low, high = slopes(net, domain)[0]
    (w, height), (a, size) = _mantissas(w), _mantissas(a.T)
    a, powers = a[:, 0], height + size
    alive = (a != 0) & np.any(w != 0, axis=1)
    exponent = int(powers[alive].max()) if alive.any() else 0
    w = np.ldexp(w, np.clip(powers - exponent, -1100, 0)[:, None])
    c = factor(w, a, low, high)
    rows = np.flatnonzero(np.append(np.any(c[:-1] != 0, axis=1), True))
    c = c[rows]
    steps = sum(w.shape)
    if len(c) < c.shape[1]:
        steps += c.size
        c = np.asarray(np.linalg.qr(c.T, mode="r")).T
    reach = (np.abs(low) + np.abs(high)) * np.abs(a) * np.linalg.norm(w, axis=1)
    return Problem(c, rows, exponent - 1, 8 * steps * UNIT * float(reach.sum()))


def factor(w: Any, a: Any, low: Any, high: Any) -> Any:
    """C [k + 1, d] of w [k, d], a [k], low, high [k]; numpy or jax."""
    rows = a[:, None] * w
    last = ((low + high)[:, None] * rows).sum(axis=0)
    both = [(high - low)[:, None] * rows, last[None]]
    return (jnp if isinstance(rows, jax.Array) else np).concatenate(both)


def vectors(c: jax.Array, rounds: int) -> jax.Array:
    """Unit rows V [k + 1, r] near the SDP's optimum: max <C C', V V'> (one network).

    The power method V <- rows of C C' U made unit, U = V + t / (t + 10) (V - V_before)
    in round t. Rows of C that are zero (dead or padded units) stay zero in V.
    """
    c = c / _largest(c)
    k, d = c.shape
    # V' [r, k + 1] is the faster shape on a CPU; C C' is less work where k < 2 d
    gram = c @ c.T if k <= 2 * d else None
    start = jax.random.normal(jax.random.key(0), (leaves.rank(k), k), c.dtype)
    first = _unit(start * (jnp.sum(c**2, axis=1) > 0)[None])

    def go(t: jax.Array, pair: tuple[jax.Array, jax.Array]) -> Any:
        ahead, v = pair
        new = _unit((ahead @ c) @ c.T if gram is None else ahead @ gram)
        return new + leaves.momentum(t) * (new - v), new

    return jax.lax.fori_loop(0, rounds, go, (first, first))[1].T


def duals(c: jax.Array, v: jax.Array) -> jax.Array:
    """The multipliers y [k + 1] that belong to V: |rows of C C'V|, up to a factor."""
    c = c / _largest(c)
    return jnp.sqrt(jnp.sum((c @ (c.T @ v)) ** 2, axis=1))


def _unit(columns: jax.Array) -> jax.Array:
    """Columns made unit; zero columns stay."""
    square = jnp.sum(columns**2, axis=0, keepdims=True)
    root = jax.lax.rsqrt(jnp.where(square > 0, square, 1))
    return columns * jnp.where(square > 0, root, 0)


def _largest(array: jax.Array) -> jax.Array:
    """The largest entry's size; 1e-30 of a zero array."""
    return jnp.maximum(jnp.max(jnp.abs(array)), 1e-30)


def _mantissas(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(rows / 2^e, e [k]): exact, the largest entry of a row between 1/2 and 1."""
    e = np.frexp(np.abs(rows).max(axis=1))[1]
    return np.ldexp(rows, -e[:, None]), e
