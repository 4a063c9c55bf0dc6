"""Branch and bound over the signs of undecided units: tighter than LipSDP (numpy)."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import Any

import numpy as np

from isorobust.lipschitz.domain import RD, Domain, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import leaves as at
from isorobust.lipschitz.upper.leaves import Leaves
from isorobust.lipschitz.upper.maxcut import certified, posed
from isorobust.lipschitz.upper.reach import Answer, reach

LEAVES = 1024  # that `branched` may look at
FRONT = 16  # leaves that branch at once
ROOT, ROUNDS = 200, 25  # of the power method, at the root and after a branching
MENDED = 32  # flips that may turn a pattern into one with a point
CLOSED = 1e-9  # relative gap at which a bound is a pattern's value


def branched(net: Network, domain: Domain = RD, leaves: int = LEAVES) -> float:
    """The constant of a two-layer network, or the best bound that `leaves` buy.

    max over sign patterns of |C's| / 2 (see maxcut.py) by branch and bound, see
    `explored`. For ReLU, patterns that provably no x of the domain has are left out:
    given leaves enough, the bound IS the Lipschitz constant on R^d or the ball, to 1e-9
    (unless units are in special position, as |x| = relu(x) + relu(-x): then it may be
    the formal one, over all patterns). For other activations it is the formal one.
    Never above `certified`; inf where that is.
    """
    return witnessed(net, domain, leaves)[0]


def witnessed(
    net: Network, domain: Domain = RD, leaves: int = LEAVES
) -> tuple[float, np.ndarray | None]:
    """(`branched`, a point [d] of the best pattern or None): both sides of a bracket.

    What the point is worth is for `lower.attained` to say.
    """
    tree = explored(net, domain, leaves)
    if tree is None:
        return np.inf, None
    return min(certified(net, domain), tree.bound), tree.point


@dataclass(frozen=True)
class Tree:
    """What a branch and bound found.

    bound: certified; pattern [k] of a large gradient: 1 where a unit has its high
    slope, 0 where its low; point [d]: an x inside the domain with that pattern, or
    None; done: that gradient has the length `bound`, to 1e-9, and the pattern isn't
    known to be out of reach; leaves: how many were looked at
    """

    bound: float
    pattern: np.ndarray
    done: bool
    point: np.ndarray | None
    leaves: int


def explored(net: Network, domain: Domain = RD, leaves: int = LEAVES) -> Tree | None:
    """Best-first branch and bound; None where `posed` is.

    A leaf's bound is the certificate of maxcut.py with decided rows merged into the
    last. The leaf with the largest is split at its most undecided unit, and others
    with it, until that bound is a pattern's value: then, if some x has the pattern, no
    leaf is above what is attained; if some units provably can't have their signs
    together, one of them is the other way, and the leaf is split into those cases.
    """
    problem = posed(net, domain)
    if problem is None:
        return None
    c, ask = problem.c, _asks(net, domain, problem.rows)
    heap, spent, done = _pushed([], at.root(c, ROOT)), 1, False
    while spent < leaves:
        front = at.joined(*(heappop(heap)[-1] for _ in heap[:FRONT]))
        tight = front.bound <= front.value * (1 + CLOSED)
        cases = _split(front[~tight])
        if tight[0]:
            best, answer = front.pattern[0], ask(front.pattern[0])
            done = answer.conflict is None
            if done:
                _pushed(heap, front)
                break
            tight[0] = False  # it goes
            cases = at.joined(cases, _detours(front[:1], answer.conflict))
        new = at.joined(front[tight], _settled(c, cases))
        heap, spent = _pushed(heap, new), spent + len(cases)
    open_ = at.joined(*(entry[-1] for entry in heap))
    bound = problem.outward(float(open_.bound.max()))
    if not done:
        best, answer = _mended(c, open_.pattern[np.argmax(open_.value)], ask)
    pattern = np.ones(len(net.layers[0][0]) + 1)
    pattern[problem.rows] = best > 0
    return Tree(bound, pattern[:-1], done, answer.point, spent)


def _pushed(heap: list[Any], leaves: Leaves) -> list[Any]:
    """The heap with the leaves on it: the largest bound first, of equals the newest."""
    newest = min((entry[1] for entry in heap), default=0)
    for i in range(len(leaves)):
        entry = -float(leaves.bound[i]), newest - 1 - i, leaves[i : i + 1]
        heappush(heap, entry)
    return heap


def _asks(net: Network, domain: Domain, rows: np.ndarray) -> Callable:
    """ask(pattern [m]) -> Answer, with rows of c as its units; see reach.py.

    Of an activation other than ReLU nothing is known. Units that never switch on the
    domain have the sign they have there.
    """
    (w, b), _ = net.layers
    low, high = slopes(net, domain)[0]
    signs, row = np.where(high > 0, 1.0, -1.0), np.full(len(w), -1)
    row[rows[:-1]] = np.arange(len(rows) - 1)
    known = (row >= 0) | ((low == high) & np.any(w != 0, axis=1))
    if net.linear is not None:
        known &= net.linear[0] == 0
    units = np.flatnonzero(known)

    def ask(pattern: np.ndarray) -> Answer:
        if not net.kinked or not len(units):
            return Answer(None, None)
        every = signs.copy()
        every[rows[:-1]] = pattern[:-1]
        point, conflict = reach(w[units], b[units], every[units], domain.radius)
        if conflict is not None:
            conflict = row[units[conflict]]
            conflict = conflict[conflict >= 0]
        return Answer(point, conflict)

    return ask


def _mended(c: np.ndarray, pattern: np.ndarray, ask: Callable) -> Any:
    """(pattern, answer): flips, each the cheapest in conflict, until a point is found.

    No unit flips twice.
    """
    gram, pattern, free = c @ c.T, pattern.copy(), np.ones(len(c), bool)
    for _ in range(MENDED):
        answer = ask(pattern)
        units = np.array([], int) if answer.conflict is None else answer.conflict
        units = units[free[units]]
        if not len(units):
            return pattern, answer
        cost = pattern[units] * (gram[units] @ pattern) - np.diag(gram)[units]
        unit = units[np.argmin(cost)]
        pattern[unit], free[unit] = -pattern[unit], False
    return pattern, Answer(None, None)


def _settled(c: np.ndarray, cases: Leaves) -> Leaves:
    """The leaves with their signs in place, their bounds never above those before."""
    if not len(cases):
        return cases
    new = at.settle(c, at.pinned(cases.v, cases.signs), cases.signs, ROUNDS)
    return replace(new, bound=np.minimum(new.bound, cases.bound))


def _split(front: Leaves) -> Leaves:
    """Each leaf twice, with its most undecided unit, (1 - v_i1^2) y_i, either way."""
    score = np.where(front.signs == 0, (1 - front.v[:, 0] ** 2) * front.y, -1)
    unit, every = score.argmax(axis=1), np.arange(len(front))
    signs = np.concatenate([front.signs, front.signs])
    signs[every, unit], signs[every + len(front), unit] = 1, -1
    return replace(at.joined(front, front), signs=signs)


def _detours(leaf: Leaves, units: np.ndarray) -> Leaves:
    """The ways in which one of the units isn't as in the leaf's pattern.

    The first has the first unit turned, the second the first kept and the second
    turned, and so on, for those of them that aren't decided: none where all are.
    """
    free = units[leaf.signs[0, units] == 0]
    free = free[np.argsort(-leaf.y[0, free], kind="stable")]
    ways = leaf[np.zeros(len(free), int)]
    signs, pattern = leaf.signs.repeat(len(free), axis=0), leaf.pattern[0]
    for i, unit in enumerate(free):
        signs[i, unit] = -pattern[unit]
        signs[i + 1 :, unit] = pattern[unit]
    return replace(ways, signs=signs)
