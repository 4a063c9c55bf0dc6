"""Where a Lipschitz constant is asked for, and the slopes that units can have there."""

import math
from dataclasses import dataclass

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.network import Network

UNIT = np.finfo(float).eps


@dataclass(frozen=True)
class Domain:
    """R^d, the ball |x| <= radius, or the unit sphere.

    On R^d and a ball (both convex) the constant is sup |grad f|, the Euclidean one. On
    the sphere it is the geodesic one, sup of the tangential part |(I - x x')grad f(x)|
    over |x| = 1, which is at most the chordal (Euclidean) constant of the sphere, which
    is at most pi / 2 times the geodesic one and at most that of the unit ball.
    """

    radius: float = math.inf
    sphere: bool = False

    @staticmethod
    def parse(text: str) -> "Domain":
        """The domain that str() writes: rd, ball:R or sphere.

        Raises ValueError, which says what is allowed.
        """
        if text in ("rd", "sphere"):
            return RD if text == "rd" else SPHERE
        kind, _, radius = text.partition(":")
        try:
            if kind == "ball" and 0 < float(radius) < math.inf:
                return Domain(float(radius))
        except ValueError:
            pass
        raise ValueError(f"{text!r}: must be rd, sphere, or ball:R with R > 0")

    def __str__(self) -> str:
        if self.sphere:
            return "sphere"
        return "rd" if math.isinf(self.radius) else f"ball:{self.radius:g}"


RD = Domain()
SPHERE = Domain(1.0, sphere=True)


def slopes(net: Network, domain: Domain = RD) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per hidden layer (low [k], high [k]): phi' of its units lies between on `domain`.

    On R^d those of the activation; on a ball (and the sphere in it) those that it has
    on the pre-activations' intervals: a unit that never switches has low = high.
    """
    kind, found = ACTIVATIONS[net.activation], []
    finite = math.isfinite(domain.radius)
    boxes = intervals(net, domain.radius) if finite else None
    for i, (w, _) in enumerate(net.layers[:-1]):
        low, high = np.full(len(w), kind.low), np.full(len(w), kind.high)
        if boxes is not None:
            low, high = kind.slopes(*boxes[i])
        if net.linear is not None:
            low, high = (np.where(net.linear[i] > 0, 1.0, end) for end in (low, high))
        found.append((low, high))
    return found


def intervals(net: Network, radius: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per hidden layer (low [k], high [k]) of the pre-activations on |x| <= radius.

    First layer: b +- radius |w|, which is attained. Later ones: interval arithmetic.
    Widened by more than the rounding.
    """
    kind = ACTIVATIONS[net.activation]
    boxes: list[tuple[np.ndarray, np.ndarray]] = []
    for i, (w, b) in enumerate(net.layers[:-1]):
        if i == 0:
            centre, spread = b, radius * np.linalg.norm(w, axis=1)
        else:
            low, high = boxes[-1]
            if net.linear is not None:
                carried = net.linear[i - 1] > 0
                least, most = kind.values(low, high)
                low = np.where(carried, low, least)
                high = np.where(carried, high, most)
            else:
                low, high = kind.values(low, high)
            centre = w @ ((low + high) / 2) + b
            spread = np.abs(w) @ ((high - low) / 2)
        size = np.abs(b) + np.abs(centre) + spread
        spread = spread + 8 * w.shape[1] * UNIT * size
        boxes.append((centre - spread, centre + spread))
    return boxes
