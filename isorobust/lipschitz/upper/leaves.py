"""Many relaxations of one problem at once: max |c's| with some of the signs decided.

c [m, d] are the rows of maxcut.py. A leaf decides some s_i, always the last as +1; the
others are relaxed to unit vectors v_i [r] with v_i = s_i e_1 for the decided ones. All
leaves share c, so that a round of the power method is one matrix product (numpy).
"""

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from isorobust.lipschitz.domain import UNIT

FLOOR = 1e-12  # no y is a smaller share of the largest
GAP = 1e-8  # relative, between bound and primal value, where `settled` stops
NEAR = 1e-3  # relative, where a relaxation may be tight
PATIENCE = 40  # blocks of 50 rounds of `settled`


@dataclass(frozen=True)
class Leaves:
    """L leaves and what is known of them.

    v [L, r, m] float32: unit vectors; signs [L, m]: of decided units, else 0
    y [L, m]: multipliers; bound [L]: certified, of |c's| for all s with those signs
    pattern [L, m]: a good s with those signs; value [L]: its |c's|
    """

    v: np.ndarray
    signs: np.ndarray
    y: np.ndarray
    bound: np.ndarray
    pattern: np.ndarray
    value: np.ndarray

    def __getitem__(self, which: Any) -> "Leaves":
        return Leaves(*(getattr(self, field.name)[which] for field in fields(self)))

    def __len__(self) -> int:
        return len(self.bound)


def joined(*parts: Leaves) -> Leaves:
    """All leaves of all parts."""
    lists = zip(*([getattr(p, f.name) for f in fields(p)] for p in parts), strict=True)
    return Leaves(*(np.concatenate(arrays) for arrays in lists))


def root(c: np.ndarray, rounds: int) -> Leaves:
    """The leaf where nothing but the last sign is decided."""
    m, r = len(c), rank(len(c))
    v = np.random.default_rng(0).standard_normal((1, r, m)).astype(np.float32)
    signs = np.zeros((1, m))
    signs[:, -1] = 1
    return settle(
        c, pinned(v / np.linalg.norm(v, axis=1)[:, None], signs), signs, rounds
    )


def settle(c: np.ndarray, v: np.ndarray, signs: np.ndarray, rounds: int) -> Leaves:
    """Leaves from vectors that have the decided ones in place.

    Where the bound nearly is the pattern's value, it is certified once more with the
    pattern in place of v: where the relaxation is tight, that closes the gap at once.
    """
    v = ascend(c, v, signs, rounds)
    y, bound = certify(c, v, signs)
    pattern, value = rounded(c, np.where(signs == 0, v[:, 0], signs), signs == 0)
    near = np.flatnonzero(bound <= value * (1 + NEAR))
    if len(near):
        _, tight = certify(c, pattern[near, None], signs[near])
        bound[near] = np.minimum(bound[near], tight)
    return Leaves(v, signs, y, bound, pattern, value)


def pinned(v: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """v with the decided vectors put to s_i e_1."""
    decided = signs[:, None] != 0
    first = np.zeros_like(v)
    first[:, 0] = signs
    return np.where(decided, first, v)


def ascend(c: np.ndarray, v: np.ndarray, signs: np.ndarray, rounds: int) -> np.ndarray:
    """Rounds of the power method: v_i <- the direction of sum_j (c_i.c_j) v_j.

    Momentum as in maxcut.vectors; in v's dtype.
    """
    kind, free = v.dtype, (signs == 0)[:, None]
    c = c.astype(kind)
    gram = c @ c.T if len(c) <= 2 * c.shape[1] else None
    ahead, tiny = v, np.finfo(kind).tiny
    for t in range(rounds):
        flat = ahead.reshape(-1, len(c))
        z = ((flat @ c) @ c.T if gram is None else flat @ gram).reshape(v.shape)
        size = np.sqrt(np.einsum("lrm,lrm->lm", z, z)) + tiny
        new = np.where(free, z / size[:, None], v)
        ahead = new + kind.type(momentum(t)) * (new - v)
        v = new
    return v


def certify(
    c: np.ndarray, v: np.ndarray, signs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(y [L, m], bound [L]): |c's| <= bound for all s with the decided signs.

    The decided rows make one row c_0 = sum_i s_i c_i; with y > 0 for it (here the y of
    the last row) and the free rows, bound^2 = (sum y) lambda_max(C' Y^-1 C), rounding
    covered as in norms.spectral_norm. Best where the y are |sum_j (c_i.c_j) v_j|, which
    is what they are. float64.
    """
    v = v.astype(float)
    sums = v @ c  # [L, r, d]
    y = np.linalg.norm(sums @ c.T, axis=1)
    merged = signs @ c
    y[:, -1] = np.abs(np.einsum("ld,ld->l", sums[:, 0], merged))
    free = signs == 0
    free[:, -1] = True
    y = np.where(free, np.maximum(y, FLOOR * y.max(axis=1, keepdims=True)), 0)
    rows = np.broadcast_to(c, (len(v), *c.shape)).copy()
    rows[:, -1] = merged
    unknown = np.any(rows * free[..., None] != 0, axis=(1, 2)) & (y.max(axis=1) == 0)
    rows *= np.sqrt(np.divide(1, y, where=free & (y > 0), out=np.zeros_like(y)))[
        ..., None
    ]
    gram = rows.transpose(0, 2, 1) @ rows
    margin = 4 * sum(c.shape) * UNIT * np.trace(gram, axis1=1, axis2=2)
    top = np.maximum(np.linalg.eigvalsh(gram)[:, -1], 0) + margin
    bound = np.sqrt(y.sum(axis=1) * top) * (1 + (len(c) + 8) * UNIT)
    return y, np.where(unknown, np.inf, bound)


def settled(c: np.ndarray) -> np.ndarray:
    """Multipliers y [m] of LipSDP's value, in float64: bound and primal value agree."""
    leaf = root(c, 0)
    v = leaf.v.astype(float)
    for _ in range(PATIENCE):
        v = ascend(c, v, leaf.signs, 50)
        y, bound = certify(c, v, leaf.signs)
        if bound[0] <= np.linalg.norm(v[0] @ c) * (1 + GAP):
            break
    return y[0]


def rounded(
    c: np.ndarray, signs: np.ndarray, free: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(s [L, m], |c's| [L]): patterns that no flip of one free sign improves.

    From the signs given, by flips of the sign that gains most; free [L, m].
    """
    s, gram = np.where(signs < 0, -1.0, 1.0), c @ c.T
    own, z, every = np.diag(gram), s @ gram, np.arange(len(s))
    for _ in range(4 * len(c)):
        gain = np.where(free, own - s * z, 0)
        i = gain.argmax(axis=1)
        move = gain[every, i] > 1e-12 * own.max()
        if not move.any():
            break
        step = np.where(move, 2 * s[every, i], 0)
        z -= step[:, None] * gram[i]
        s[every, i] -= step
    return s, np.linalg.norm(s @ c, axis=1)


def rank(m: int) -> int:
    """Columns of V for m unit vectors: floor(sqrt(2 m)) + 1, but at most 8.

    The first suffice for the optimum (Barvinok-Pataki); more than 8 have changed
    nothing on networks of up to 256 units.
    """
    return min(math.isqrt(2 * m) + 1, 8)


def momentum(t: Any) -> Any:
    """Of round t (numpy or jax), as Nesterov's; 10 was the best of 3 to 20."""
    return t / (t + 10.0)
