"""1-Lipschitz functions to look at a law through: each is so on all of R^d.

(`angle` alone is so along the unit sphere.) A function that varies more than
sqrt(c / d) shows that a law doesn't have the isoperimetric constant c.
"""

import math
from collections.abc import Iterator

import numpy as np

__all__ = ["bank"]

COORDINATES = 400_000  # entries that the pooled coordinate is content with
HALF_CUBE = 1_000_000  # entries that are sorted for the distance to the half-cube
WIDTH = 64
NETWORKS = 4


def bank(
    x: np.ndarray, aside: np.ndarray, on_sphere: bool, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray]]:
    """(name, values [rows, r]) of each function at the points x [n, d].

    r > 1: r functions, of which the law has to hold for the mean of their moments.
    aside: [m, d] other points of the law, from which directions and centres are taken,
    so that no function knows the points it is evaluated at.
    """
    n, d = x.shape
    yield "coordinate", x[:, : math.ceil(COORDINATES / n)]
    diagonal = np.full(d, 1 / math.sqrt(d))
    leading = _leading(aside)
    mean = aside.mean(axis=0) / max(float(np.linalg.norm(aside.mean(axis=0))), 1e-300)
    for name, direction in (
        ("diagonal", diagonal),
        ("leading direction", leading),
        ("mean direction", mean),
    ):
        yield name, (x @ direction)[:, None]
    yield "distance to a half-space", np.maximum(x @ leading, 0.0)[:, None]
    yield "distance to a point", np.linalg.norm(x - aside[0], axis=1)[:, None]
    yield "norm", np.linalg.norm(x, axis=1)[:, None]
    yield "largest coordinate", np.abs(x).max(axis=1)[:, None]
    yield "distance to the orthant", np.linalg.norm(np.minimum(x, 0), axis=1)[:, None]
    few = max(2000, HALF_CUBE // d)
    yield "distance to the half-cube", _half_cube(x[:few])[:, None]
    yield "random networks", _networks(x, rng)
    if on_sphere:
        yield "angle", np.arccos(np.clip(x @ leading, -1.0, 1.0))[:, None]


def _leading(x: np.ndarray) -> np.ndarray:
    """The unit direction [d] in which x [m, d] varies most, by power iteration."""
    centred = x - x.mean(axis=0)
    u = centred[np.linalg.norm(centred, axis=1).argmax()]
    for _ in range(30):
        u = u / np.linalg.norm(u)
        u = centred.T @ (centred @ u)
    return u / np.linalg.norm(u)


def _half_cube(x: np.ndarray) -> np.ndarray:
    """Distance [n] of x [n, d] to the corners {-a, a}^d, a = 1 / sqrt(d), of sum >= 0.

    The nearest corner has the signs of x; if its sum is negative, those negative signs
    are flipped that cost least: a flip costs (|x_j| + a)^2 - (|x_j| - a)^2 = 4 a |x_j|.
    """
    d = x.shape[1]
    a = 1 / math.sqrt(d)
    negative = x < 0
    flips = np.maximum(2 * negative.sum(axis=1) - d + 1, 0) // 2
    cost = np.sort(np.where(negative, 4 * a * np.abs(x), np.inf), axis=1)
    cost[np.arange(d) >= flips[:, None]] = 0.0
    return np.sqrt(((np.abs(x) - a) ** 2).sum(axis=1) + cost.sum(axis=1))


def _networks(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """[n, r] networks u.|V |W'x + b||: W, V orthonormal, |u| = 1; |.| is 1-Lipschitz.

    The biases b are of the order of one coordinate's spread.
    """
    d = x.shape[1]
    width = min(WIDTH, d)
    w = np.linalg.qr(rng.standard_normal((d, width)))[0]
    bias = rng.standard_normal(width) * float(np.std(x[:1000] @ w))
    v = np.linalg.qr(rng.standard_normal((width, width)))[0]
    u = rng.standard_normal((width, NETWORKS))
    u /= np.linalg.norm(u, axis=0)
    return np.abs(np.abs(x @ w + bias) @ v) @ u
