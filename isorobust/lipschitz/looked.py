"""Where lower bounds look when nobody says where, and where somebody does."""

import math
from typing import Any

import numpy as np

from isorobust.lipschitz import network
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.rescaled import Rescaled

DATA, DRAWS, MOST = 256, 1000, 4096  # points made up; drawn; taken of the user's


def looked(unit: Rescaled, given: Any, turn: int) -> tuple[Any, Any]:
    """(data, draws) for lower bounds of the rescaled network, float32, weights 1.

    given: the user's (x [n, d], y [n] or None), or None; looked at in turn 0. Points
    without labels get f's own, of the first output.
    """
    net, domain = unit.net, unit.domain
    rng = np.random.Generator(np.random.Philox(key=turn))
    draws = _drawn(rng, DRAWS, net.d, domain)
    if given is None or turn:
        x, y = _drawn(rng, DATA, net.d, domain), None
    else:
        x, y = given
        some = np.linspace(0, len(x) - 1, min(len(x), MOST)).astype(int)
        x, y = x[some] / unit.length, None if y is None else y[some]
        x = _placed(x, domain)
    if y is None:
        y = network.value(net, x).reshape(len(x), -1)[:, 0]
    y = np.nan_to_num(y / np.abs(y).max())
    ones = np.ones(len(x), np.float32), np.ones(DRAWS, np.float32)
    return (np.float32(x), np.float32(y), ones[0]), (np.float32(draws), ones[1])


def _drawn(rng: np.random.Generator, m: int, d: int, domain: Domain) -> np.ndarray:
    """m points [m, d] around the kinks, which are near |w.x| = |w| (rescaled.py)."""
    x = rng.standard_normal((m, d)) * 4.0 ** rng.integers(-1, 3, (m, 1))
    x = _placed(x, domain)
    if math.isfinite(domain.radius) and not domain.sphere:
        x[::2] *= rng.uniform(size=(len(x[::2]), 1))  # not all of them on the surface
    return x


def _placed(x: np.ndarray, domain: Domain) -> np.ndarray:
    """The points [n, d] moved into the domain, along rays from the centre."""
    length = np.linalg.norm(x, axis=1, keepdims=True)
    if domain.sphere:
        x = np.where(length > 0, x, np.eye(1, x.shape[1]))
        return x / np.linalg.norm(x, axis=1, keepdims=True)
    return x * np.minimum(1.0, domain.radius / np.where(length > 0, length, 1.0))
