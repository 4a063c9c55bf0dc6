"""LipSDP-Neuron certified: any depth, any outputs, a sector for every unit.

A tangent vector v of the unit ball passes a layer as z = W v, v+ = C z + R p with
|p_i| <= |z_i|; C, R = diag(high +- low) / 2 of the slopes' sectors. If v is in the
ellipsoid {v: v'P^-1 v <= 1}, then z is in that of S = W P W', and for every diagonal
T >= 0 with T^1/2 S T^1/2 < I, v+ is in that of

    P+ = C S (I - T S)^-1 C + R^2 T^-1,      (I - T S)^-1 of S^-1 - T > 0

since z'S^-1 z <= 1 and p'T p <= z'T z. So L^2 <= lambda_max(W_D P W_D'), P_0 = I. The
least over T is LipSDP-Neuron (Fazlyab et al. 2019; the recursion of ECLipsE, Xu &
Sivaranjani 2024, inverted); any T is a certificate. Units with low = high (linear,
dead, never switching) take T = 0 and cost nothing.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import solve_triangular

from isorobust.lipschitz.domain import RD, UNIT, Domain, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import primal

# how near 1 the largest eigenvalue of T^1/2 S T^1/2 may come: at the optimum it often
# is 1, where a distance costs a sixth of itself and rounding pays its inverse
NEAR = (1 - 3e-5, 1 - 3e-4, 1 - 3e-3)


def search(net: Network, sectors: Any, rounds: int = primal.ROUNDS) -> tuple[Any, ...]:
    """T_i [k] per hidden layer near LipSDP-Neuron's; jax or numpy, one network.

    They belong to the weights with every layer scaled by the power of two that brings
    its largest entry into [1/2, 1), so that float32 loses none.
    """
    xp: Any = jnp if isinstance(net.weights[0], jax.Array) else np
    weights = [xp.ldexp(w, -_exponent(w)) for w in net.weights]
    vectors = primal.optimum(weights, sectors, rounds)
    return primal.multipliers(weights, sectors, vectors)


def certified(
    net: Network,
    domain: Domain = RD,
    multipliers: Any = None,
    sectors: Any = None,
) -> float:
    """The certificate of the multipliers (as `search` finds them; None: it does now).

    sectors: per hidden layer (low [k], high [k]), None for those of the domain. The
    Euclidean constant on R^d or the ball. Every rounding error is covered by a margin
    in the Loewner order, some 1e-9 in all at 64 units; inf where that fails or an
    entry isn't finite.
    """
    if not all(np.isfinite(w).all() for w in net.weights):
        return math.inf
    sectors = slopes(net, domain) if sectors is None else sectors
    found = search(net, sectors) if multipliers is None else multipliers
    scale = np.cumsum([_exponent(w) for w in net.weights])

    def given(i: int, _: np.ndarray, e: np.ndarray) -> np.ndarray:
        with np.errstate(over="ignore", under="ignore"):
            return np.ldexp(np.asarray(found[i], float), 2 * (e - scale[i]))

    return min(recursion(net.weights, sectors, given, near) for near in NEAR)


def recursion(
    weights: list[Any],
    sectors: Any,
    prices: Callable[[int, np.ndarray, np.ndarray], np.ndarray],
    near: float,
) -> float:
    """L from above of the T that `prices` gives hidden layer i, made feasible.

    Every vector's coordinates are in powers of two of their own, v_i = 2^e_i v~_i, so
    that nothing overflows: prices(i, S, e) -> T [k], both S and T in these units.
    """
    shape, e = np.eye(weights[0].shape[1]), np.zeros(weights[0].shape[1], int)
    for i, (w, (low, high)) in enumerate(zip(weights, sectors, strict=False)):
        s, e = _image(w, shape, e)
        t = prices(i, s, e)
        passed = _through(s, *_ball(low, high), t, near)
        if passed is None:
            return math.inf
        half = np.frexp(np.diagonal(passed))[1] // 2
        shape, e = np.ldexp(passed, -half[:, None] - half), e + half
    s, e = _image(weights[-1], shape, e)
    top = int(e.max())
    s = np.ldexp(s, e[:, None] + e - 2 * top)
    largest = s[0, 0] if len(s) == 1 else np.linalg.eigvalsh(s)[-1]
    largest = max(float(largest), 0.0) + 4 * len(s) * UNIT * np.trace(s)
    with np.errstate(over="ignore"):
        return float(np.ldexp(math.sqrt(largest) * (1 + 4 * UNIT), top))


def _image(w: Any, shape: Any, e: Any) -> tuple[np.ndarray, np.ndarray]:
    """(S, e) of W P W' [k, k] from above, its rows in powers of two of their own.

    An error |E_ij| <= u m_i m_j is below u k diag(m^2) in the Loewner order, here with
    m = |W| diag(P)^1/2.
    """
    width = np.diagonal(shape)
    w = np.where(width > 0, w, 0.0)
    mantissa, power = np.frexp(w)
    power = np.where(w != 0, power + e, np.iinfo(np.int32).min // 4)
    rows = np.where(np.any(w != 0, axis=1), power.max(axis=1), 0)
    with np.errstate(under="ignore"):
        w = np.ldexp(mantissa, np.maximum(power - rows[:, None], -2000))
    s = w @ shape @ w.T
    m = np.abs(w) @ np.sqrt(width)
    margin = 4 * (w.shape[1] + 4) * len(w) * UNIT * m**2
    return (s + s.T) / 2 + np.diag(margin), rows


def _ball(low: Any, high: Any) -> tuple[np.ndarray, np.ndarray]:
    """(c, r) with [low, high] within [c - r, c + r] in spite of rounding."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    c = (low + high) / 2
    return c, np.maximum(high - c, c - low) * (1 + 2 * UNIT)


def _through(s: Any, c: Any, r: Any, t: Any, near: float) -> np.ndarray | None:
    """P+ [k, k] from above, T scaled down to feasibility; None where it fails."""
    k, size = len(s), np.diagonal(s)
    free = (r > 0) & (size > 0)
    # no unit may have T = 0: a share of 1e-12 costs the others nothing
    share = np.nan_to_num(np.where(free, t * size, 0.0), posinf=1.0)
    share = np.where(free, np.clip(share, 1e-12, 1e6), 0.0)
    root = np.sqrt(share / np.where(free, size, 1.0))
    top = np.linalg.eigvalsh(root[:, None] * s * root)[-1]
    root = root * min(1.0, math.sqrt(near / top)) if top > 0 else root
    half = root[:, None] * s
    inner = half * root
    # L L' <= I - T^1/2 S T^1/2 in spite of the rounding of inner and of Cholesky
    margin = 2 * k * (k + 8) * UNIT
    rest = 1 - margin - min(float(top), near) - margin
    try:
        factor = np.linalg.cholesky((1 - margin) * np.eye(k) - inner)
    except np.linalg.LinAlgError:
        return None
    if not rest > 0:
        return None
    solved = solve_triangular(factor, half, lower=True)
    # |error of a column| <= loss |column|: substitution's backward error times |L^-1|
    loss = (k + 4) * math.sqrt(k) * UNIT / math.sqrt(rest)
    margins = k * (3 * loss + (k + 4) * UNIT) * (solved**2).sum(axis=0)
    full = s + solved.T @ solved + np.diag(margins)
    square = np.divide(r, root, where=free, out=np.zeros(k)) ** 2
    shape = c[:, None] * full * c + np.diag(square * (1 + 8 * UNIT))
    return shape + np.diag(8 * (k + 4) * UNIT * np.diagonal(shape))


def _exponent(w: Any) -> Any:
    """e with max |w| in [2^(e-1), 2^e); 0 for a zero matrix."""
    xp: Any = jnp if isinstance(w, jax.Array) else np
    return xp.frexp(xp.abs(w).max())[1]
