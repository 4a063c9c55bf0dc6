"""How far each point of ONE network is from a change of sign: attained radii (numpy).

|f(x_i)| / Lip <= the true l2 distance from x_i to the nearest sign change <= the radius
found here, the length of a perturbation that flips the sign for certain. On R^d,
whatever the points' domain. Float64; nothing here is a lower bound on the distance.
"""

from dataclasses import dataclass

import numpy as np

from isorobust.lipschitz import network
from isorobust.lipschitz.network import Network

ROUNDS = 12  # balls that projected gradient descent looks in, one after another
STEPS = 8  # of it in a ball
SHRINK = 0.7  # the first ball's radius over the best radius so far; then nearer to 1
HALVINGS = 16  # of a bisection: radii are at most 2e-5 too long
CLEAR = 1e-9  # how far below 0 a flip has to be, relative to |f(x_i)|


@dataclass(frozen=True)
class Radii:
    """Of the points that are classified as labelled, m of n.

    size: |f(x_i)| less its rounding [m]; radius: length of the perturbation [m], inf
    where none was found; steepest: the pair of points [2, d] of the largest size over
    radius, a chord whose slope is a lower bound on the Lipschitz constant (None: none)
    """

    size: np.ndarray
    radius: np.ndarray
    steepest: np.ndarray | None

    @property
    def numbers(self) -> dict:
        """Sizes and radii as JSON knows them: None where no flip was found."""
        found = [r if np.isfinite(r) else None for r in self.radius.tolist()]
        return {"sizes": self.size.tolist(), "radii": found}


def radii(net: Network, x: np.ndarray, y: np.ndarray) -> Radii:
    """Radii of the points x [n, d] with y f(x) > 0, y [n] labels of either sign.

    Starts from the nearest point of the other sign and from the ray along the gradient;
    then projected gradient descent in ever smaller balls, each success shortened by
    bisection. A flip counts where f is beyond 0 by more than its rounding.
    """
    f, error = (part[:, 0] for part in network.enclosed(net, x))
    right = y * f > 0
    right &= np.abs(f) > error
    if not right.any():
        return Radii(np.zeros(0), np.zeros(0), None)
    at, sign, size = x[right], np.sign(f[right]), np.abs(f[right])
    flip = _Flip(net, at, sign, CLEAR * size)
    best = flip.shortened(_neighbours(at, sign, x, f))
    gradient = network.gradient(net, at)
    square = np.sum(gradient**2, axis=1, keepdims=True) + 1e-300
    along = -(sign * size)[:, None] * gradient / square
    for stretch in (1.2, 3.0):  # the linear guess, and beyond
        best = _shorter(best, flip.shortened(stretch * along))
    for i in range(ROUNDS):
        ball = SHRINK ** (1 / (1 + i / 2))
        best = _shorter(best, flip.shortened(flip.descended(ball * best)))
    length = np.linalg.norm(best, axis=1)
    sure, doubt = (part[:, 0] for part in network.enclosed(net, at + best))
    found = np.isfinite(length) & (sign * sure + doubt < 0)
    length = np.where(found, length, np.inf)
    size = size - error[right]
    if not found.any():
        return Radii(size, length, None)
    top = int(np.argmax(size / length))
    return Radii(size, length, np.stack([at[top], at[top] + best[top]]))


def _neighbours(
    at: np.ndarray, sign: np.ndarray, x: np.ndarray, f: np.ndarray
) -> np.ndarray:
    """From each point [m, d] to the nearest one of x [n, d] where f is of the other
    sign; nan where there is none.
    """
    square = np.sum(at**2, axis=1)[:, None] - 2 * at @ x.T + np.sum(x**2, axis=1)
    other = sign[:, None] * f[None] < 0
    square = np.where(other, square, np.inf)
    moves = x[np.argmin(square, axis=1)] - at
    return np.where(other.any(axis=1, keepdims=True), moves, np.nan)


def _shorter(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Row by row the shorter of two moves [m, d]; nan is no move."""
    lengths = [np.linalg.norm(move, axis=1) for move in (one, other)]
    first, second = (np.where(np.isnan(size), np.inf, size) for size in lengths)
    return np.where((second < first)[:, None], other, one)


@dataclass(frozen=True)
class _Flip:
    """What flips the sign at points x [m, d]: sign f(x + move) < -clear."""

    net: Network
    x: np.ndarray
    sign: np.ndarray
    clear: np.ndarray

    def holds(self, move: np.ndarray) -> np.ndarray:
        """Whether each move [m, d] flips; nan doesn't."""
        value = network.value(self.net, self.x + move)
        return np.asarray(self.sign * value < -self.clear)

    def shortened(self, move: np.ndarray) -> np.ndarray:
        """Moves [m, d] cut back by bisection along themselves; nan where none flips."""
        low, high = np.zeros(len(move)), np.ones(len(move))
        works = self.holds(move)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            flips = self.holds(middle[:, None] * move)
            low, high = np.where(flips, low, middle), np.where(flips, middle, high)
        return np.where(works[:, None], high[:, None] * move, np.nan)

    def descended(self, start: np.ndarray) -> np.ndarray:
        """Projected gradient descent on sign f in balls that `start` [m, d] ends at.

        Steps of normalised gradients, shrinking, each followed by going back to the
        sphere around x: the best of a ball lies on its surface.
        """
        ball = np.linalg.norm(start, axis=1, keepdims=True)
        move = start
        for step in np.geomspace(1.0, 0.1, STEPS):
            slope = self.sign[:, None] * network.gradient(self.net, self.x + move)
            move = move - step * ball * _unit(slope)
            move = ball * _unit(move)
        return move


def _unit(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + 1e-300))
