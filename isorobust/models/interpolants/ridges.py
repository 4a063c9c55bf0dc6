"""One cap a point on the sphere: networks of width n that are as smooth as they get."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.door import Between
from isorobust.models.interpolants.solution import Solution, named_ball

__all__ = ["Caps"]

MOST = 200_000  # sets of caps of one size that are listed
LOOKED = 1000  # of them, the most promising, whose corner is looked at
CHUNK = 512  # sets extended at a time
INSIDE = 1e-12  # how far within a cap its edge is looked at
SLACK = 1e-12  # roundoff: a set of caps this far from meeting is kept


@dataclass(frozen=True)
class Caps:
    """f(x) = sum_i (y_i / s) relu(u_i . x - (1 - s)), u_i = x_i / |x_i|; on the sphere.

    s = .1: Bubeck, Li & Nagaraj 2021, section 3.2. s = .25: the ramps of Shmalo 2026
    (arXiv:2607.07778); their second unit, relu(u_i . x - 1), is silent on the sphere.
    Fits exactly iff u_i . u_j <= b := 1 - s for all pairs. Where caps are disjoint,
    u_i . u_j <= 2 b^2 - 1 (s = .1: .62, s = .25: .125), the tangential gradient of one
    cap at its edge is all there is: Lip_S = predicted = max |y| sqrt((2 - s) / s).
    Where they meet: `bracket`.

    Class: a_i and w_i of sum a_i relu(w_i . x - b / sqrt s), p = n (d + 1), J = R rho
    (|relu(w . x - beta)| <= |w| R for beta >= 0). [derived]
    overlaps: pairs of caps that meet; deepest: an upper bound of how many meet in a
    point (nan: not listed)
    """

    s: Annotated[float, Between(0.01, 0.99)] = 0.1

    sizes = ()
    shown = ("predicted", "overlaps", "deepest")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, a bracket on the sphere: exact for disjoint caps."""
        count, n, d = x.shape
        u = x / np.linalg.norm(x, axis=2, keepdims=True)
        b = 1 - self.s

        def value(i: int, points: np.ndarray) -> np.ndarray:
            return np.maximum(points @ u[i].T - b, 0) @ y[i] / self.s

        left = np.array([value(i, x[i]) - y[i] for i in range(count)])
        found = [bracket(u[i], y[i] / self.s, b, rng) for i in range(count)]
        lower, upper, deepest = map(np.array, zip(*found, strict=True))
        meet = np.sum(u @ u.mT > 2 * b**2 - 1, axis=(1, 2)) - n
        rho = np.sqrt((n + np.sum(y**2, axis=1)) / self.s)
        one = math.sqrt((2 - self.s) / self.s)
        return Solution(
            p=n * (d + 1),
            mse=np.mean(left**2, axis=1),
            lower=lower,
            upper=upper,
            domain="sphere",
            rho=rho,
            log_j=np.log(radius * named_ball(rho)),
            columns={
                "predicted": np.abs(y).max(axis=1) * one,
                "overlaps": meet / 2,
                "deepest": deepest,
            },
            function=value,
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        if not case.distribution.on_sphere:
            kind = type(case.distribution).__name__
            return f"distribution = {kind}: Caps need points on the sphere"
        return None


def bracket(
    u: np.ndarray, a: np.ndarray, b: float, rng: np.random.Generator
) -> tuple[float, float, float]:
    """(lower, upper, deepest) of sum_i a_i relu(u_i . x - b) on the sphere; u [n, d].

    The gradient of a point is V - (V . x) x, V = sum a_i u_i over its active set A,
    u_i . x > b. Upper: the largest |V|^2 - m^2 over all A that can be active, where
    |V . x| >= m since b <= u_i . x <= 1. A set can't be if |sum_A u_i| < |A| b, or if a
    part of it can't. With more than MOST sets of a size, from |sum_A u_i| >= |A| b:
    |A| <= |U|^2 / b^2 =: q, so Lip <= max |a| min(q sqrt(1 - b^2), sqrt(q) |U|).
    Lower: the gradient where u_i . x = b on A and in the middle of A, for single caps
    and the most promising sets; whatever else is active there counts too. [derived]
    """
    gram = u @ u.T
    levels = list(_sets(gram, b))
    lower = upper = 0.0
    for sets in levels:
        if sets is None:
            break
        squares = _squares(gram, a, b, sets)
        upper = max(upper, math.sqrt(squares.max()))
        promising = sets[np.argsort(-squares, kind="stable")[:LOOKED]]
        corners = _corners(u, promising, b * (1 + INSIDE), rng)
        lower = max(lower, float(tangential(u, a, b, corners).max(initial=0.0)))
    if levels[-1] is None:
        size = float(np.linalg.norm(u, 2))
        q = min(float(math.floor((size / b) ** 2)), len(u))
        steepest = float(np.abs(a).max())
        upper = steepest * min(q * math.sqrt(1 - b**2), math.sqrt(q) * size)
        return lower, upper, math.nan
    if len(levels) == 1:
        lower = upper  # the edge of a cap that meets no other: a limit, to roundoff
    return min(lower, upper), upper, float(len(levels))


def tangential(
    u: np.ndarray, a: np.ndarray, b: float | np.ndarray, points: np.ndarray
) -> np.ndarray:
    """|(I - x x') grad f(x)| [k] of sum_i a_i relu(u_i . x - b) at unit x [k, d]."""
    gradient = (a * (points @ u.T > b)) @ u
    return np.linalg.norm(flattened(points, gradient), axis=1)


def flattened(x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """v [k, d] less its part along unit x [k, d]."""
    return v - np.sum(v * x, axis=1, keepdims=True) * x


def _sets(gram: np.ndarray, b: float) -> Iterator[np.ndarray | None]:
    """[count, size] indices of the caps that may share a point, size 1, 2, ...

    A size with more than MOST sets gives None and ends.
    """
    n = len(gram)
    sets, squares = np.arange(n)[:, None], np.ones(n)
    while len(sets):
        yield sets
        size, larger = sets.shape[1] + 1, [np.empty((0, sets.shape[1] + 1), int)]
        found = [np.empty(0)]
        for start in range(0, len(sets), CHUNK):
            these = sets[start : start + CHUNK]
            rows = gram[these]
            length = squares[start : start + CHUNK, None] + 2 * rows.sum(axis=1) + 1
            meets = length >= (size * b) ** 2 - SLACK
            meets &= np.all(rows >= 2 * b**2 - 1 - SLACK, axis=1)
            meets &= np.arange(n) > these[:, -1:]
            which, added = np.nonzero(meets)
            larger.append(np.column_stack([these[which], added]))
            found.append(length[which, added])
            if sum(map(len, larger)) > MOST:
                yield None
                return
        sets, squares = np.concatenate(larger), np.concatenate(found)


def _squares(gram: np.ndarray, a: np.ndarray, b: float, sets: np.ndarray) -> np.ndarray:
    """|V|^2 - m^2 [count], m the least |V . x| where b <= u_i . x <= 1 on the set."""
    weight = a[sets]
    pairs = gram[sets[:, :, None], sets[:, None, :]]
    length = np.einsum("ci,cij,cj->c", weight, pairs, weight)
    up, down = np.maximum(weight, 0).sum(axis=1), np.maximum(-weight, 0).sum(axis=1)
    least = np.maximum(0, np.maximum(up * b - down, down * b - up))
    return np.maximum(length - least**2, 0)


def _corners(
    u: np.ndarray, sets: np.ndarray, t: float, rng: np.random.Generator
) -> np.ndarray:
    """Unit points [k, d] of sets: their middles, and where u_i . x = t, else random."""
    frame = np.linalg.qr(u[sets].mT)[0]  # [k, d, size]
    heights = np.full((*sets.shape, 1), t)
    inverse = np.linalg.pinv(u[sets])
    middle = (inverse @ heights)[..., 0]
    free = rng.standard_normal(middle.shape)
    free -= (frame @ (frame.mT @ free[..., None]))[..., 0]
    left = 1 - np.sum(middle**2, axis=1)
    there = (left > 0) & (sets.shape[1] < u.shape[1])
    free, middle, left = free[there], middle[there], left[there]
    free *= np.sqrt(left / np.sum(free**2, axis=1))[:, None]
    centre = u[sets].sum(axis=1)
    centre /= np.linalg.norm(centre, axis=1, keepdims=True)
    return np.concatenate([middle + free, centre])
