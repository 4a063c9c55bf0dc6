"""Branch and bound over the signs of undecided units: tighter than LipSDP (numpy)."""

from dataclasses import dataclass

import numpy as np

from isorobust.lipschitz.domain import RD, Domain
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import leaves as at
from isorobust.lipschitz.upper.leaves import Leaves
from isorobust.lipschitz.upper.maxcut import Problem, certified, posed

LEAVES = 1024  # that `branched` may look at
FRONT = 16  # leaves that branch at once
KEPT = 32  # patterns
ROOT, ROUNDS = 200, 25  # of the power method, at the root and after a branching
CLOSED = 1e-9  # relative distance to the best pattern where a leaf is left


def branched(net: Network, domain: Domain = RD, leaves: int = LEAVES) -> float:
    """The formal constant of a two-layer network, or the best bound on it.

    max over sign patterns of |C's| / 2 (see maxcut.py) by branch and bound: the leaf
    with the largest bound is split at its most undecided unit, until none is above the
    best pattern found (then that IS the formal constant, to 1e-9) or `leaves` are
    spent. A leaf's bound is the certificate of maxcut.py with decided rows merged into
    the last. Bounds the Euclidean constant on R^d or a ball (units that never switch
    there are decided), over all patterns, reachable or not. Never above `certified`;
    inf where that is.
    """
    problem = posed(net, domain)
    if problem is None:
        return np.inf
    tree = explored(problem, leaves)
    return min(certified(net, domain), problem.outward(tree.bound))


def patterns(net: Network, domain: Domain = RD, leaves: int = LEAVES) -> np.ndarray:
    """The best patterns found [n, k], best first: 1 where a unit has its high slope.

    Where `branched` is exact, the first has its value, and attains it if some x has
    that pattern. Rows of units that make no difference are 1. [0, k]: not two layers.
    """
    problem = posed(net, domain)
    k = len(net.layers[0][0])
    if problem is None:
        return np.zeros((0, k))
    tree = explored(problem, leaves)
    found = np.ones((len(tree.patterns), k + 1))
    found[:, problem.rows] = tree.patterns
    return (found[:, :-1] > 0).astype(float)


@dataclass(frozen=True)
class Tree:
    """What a branch and bound found.

    bound: certified, of |c's|; patterns [n, m]: the best signs, best first; best: the
    largest |c's| among them; leaves: how many were looked at
    """

    bound: float
    patterns: np.ndarray
    best: float
    leaves: int


def explored(problem: Problem, leaves: int) -> Tree:
    """Branch and bound of max |c's|."""
    c = problem.c
    open_ = at.root(c, ROOT)
    spent, closed = 1, 0.0  # closed: the largest bound of a leaf that was left
    draws = np.random.default_rng(0).standard_normal((32, open_.v.shape[1]))
    kept = _better(c, draws @ open_.v[0], None)
    while True:
        done = open_.bound <= kept[1][0] * (1 + CLOSED)
        closed = max(closed, open_.bound.max(initial=0, where=done))
        open_ = open_[~done]
        if not len(open_) or spent >= leaves:
            break
        order = np.argsort(-open_.bound, kind="stable")
        front, rest = open_[order[:FRONT]], open_[order[FRONT:]]
        split = _split(c, front)
        kept = _better(c, split.v[:, 0], kept)
        spent += len(split)
        open_ = at.joined(rest, split)
    bound = max(closed, open_.bound.max(initial=0))
    return Tree(float(bound), kept[0], float(kept[1][0]), spent)


def _split(c: np.ndarray, front: Leaves) -> Leaves:
    """Each leaf's two children, never above it.

    Decided is the unit with the largest (1 - v_i1^2) y_i; where none is free, the leaf
    is a pattern, and its children are itself.
    """
    score = np.where(front.signs == 0, (1 - front.v[:, 0] ** 2) * front.y, -1)
    unit = score.argmax(axis=1)
    signs = np.concatenate([front.signs, front.signs])
    every = np.arange(len(front))
    signs[every, unit], signs[every + len(front), unit] = 1, -1
    signs[:, -1] = 1
    v = at.pinned(np.concatenate([front.v, front.v]), signs)
    new = at.settle(c, v, signs, ROUNDS)
    bound = np.minimum(new.bound, np.concatenate([front.bound, front.bound]))
    return Leaves(new.v, new.signs, new.y, bound)


def _better(
    c: np.ndarray, signs: np.ndarray, kept: tuple[np.ndarray, np.ndarray] | None
) -> tuple[np.ndarray, np.ndarray]:
    """(patterns, |c's|), best first: those kept and what the signs are rounded to."""
    s, value = at.rounded(c, signs)
    if kept is not None:
        s, value = np.concatenate([kept[0], s]), np.concatenate([kept[1], value])
    s, first = np.unique(s, axis=0, return_index=True)
    order = np.argsort(-value[first], kind="stable")[:KEPT]
    return s[order], value[first][order]
