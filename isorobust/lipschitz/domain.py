"""Where a Lipschitz constant is asked for, and the slopes that units can have there."""

import math
from dataclasses import dataclass

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.network import Network, passed
from isorobust.lipschitz.norms import UNIT, lengths, looped, spectral_norm


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
        if math.isinf(self.radius):
            return "rd"
        return f"ball:{float(self.radius)!r}".removesuffix(".0")


RD = Domain()
SPHERE = Domain(1.0, sphere=True)


Sectors = list[tuple[np.ndarray, np.ndarray]]


def slopes(net: Network, domain: Domain = RD) -> Sectors:
    """Per hidden layer (low [k], high [k]): phi' of its units lies between on `domain`.

    On R^d those of the activation; on a ball (and the sphere in it) those that it has
    on the pre-activations' intervals: a unit that never switches has low = high.
    """
    if math.isfinite(domain.radius):
        with np.errstate(over="ignore", invalid="ignore"):
            return _bounded(net, domain.radius)[1]
    kind = ACTIVATIONS[net.activation]
    ends = [
        (np.full(len(w), kind.low), np.full(len(w), kind.high)) for w in net.weights
    ]
    return [_carried(net, i, *pair) for i, pair in enumerate(ends[:-1])]


def intervals(net: Network, radius: float) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per hidden layer (low [k], high [k]) of the pre-activations on |x| <= radius.

    First layer: b +- radius |w|, which is attained. Later ones: the tighter, at either
    end, of interval arithmetic and of z(0) +- radius L, L the unit's own Lipschitz
    constant on the ball by LipLT. Widened by more than the rounding.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return _bounded(net, radius)[0]


def _bounded(
    net: Network, radius: float
) -> tuple[list[tuple[np.ndarray, np.ndarray]], Sectors]:
    """(intervals, slopes) on |x| <= radius, layer by layer: each needs those before."""
    kind = ACTIVATIONS[net.activation]
    # a cube around the ball and its centre, which is known but for `error`
    box = (np.full(net.d, -radius), np.full(net.d, radius))
    centre, error = np.zeros(net.d), np.zeros(net.d)
    boxes: list[tuple[np.ndarray, np.ndarray]] = []
    sectors: Sectors = []
    lips: list[float] = []
    for i, (w, b) in enumerate(net.layers[:-1]):
        z, error = _affine(w, b, centre, error)
        reach = radius * looped(net.weights[: i + 1], sectors, lips, lengths)
        reach = error + reach * (1 + 2 * UNIT)
        middle, spread = _affine(w, b, (box[0] + box[1]) / 2, (box[1] - box[0]) / 2)
        low = np.maximum(z - reach, middle - spread)
        high = np.minimum(z + reach, middle + spread)
        margin = 4 * UNIT * (np.abs(z) + np.abs(middle))
        boxes.append((_known(low - margin, -math.inf), _known(high + margin, math.inf)))
        least, most = kind.slopes(*boxes[-1])
        ends = _known(least, kind.low), _known(most, kind.high)
        sectors.append(_carried(net, i, *ends))
        lips.append(looped(net.weights[: i + 1], sectors, lips, spectral_norm))
        box = _values(net, i, *boxes[-1])
        centre = passed(net, i, z)
        # phi moves an error by at most its steepest slope; its own rounding besides
        steepest = max(abs(kind.low), abs(kind.high), 1.0)
        error = steepest * error + 8 * UNIT * np.abs(z)
    return boxes, sectors


def _known(ends: np.ndarray, else_: float) -> np.ndarray:
    """Ends [k], and `else_` where they overflowed into nan."""
    return np.where(np.isnan(ends), else_, ends)


def _affine(
    w: np.ndarray, b: np.ndarray, middle: np.ndarray, spread: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(middle, spread) of w h + b for h within middle +- spread; rounding covered."""
    size = np.abs(w) @ (np.abs(middle) + spread) + np.abs(b)
    margin = 4 * (w.shape[1] + 4) * UNIT * size
    return w @ middle + b, np.abs(w) @ spread + margin


def _carried(net: Network, i: int, low: np.ndarray, high: np.ndarray) -> tuple:
    """Slopes (low [k], high [k]) of hidden layer i; 1 where it is linear."""
    if net.linear is None:
        return low, high
    low, high = (np.where(net.linear[i] > 0, 1.0, end) for end in (low, high))
    return low, high


def _values(
    net: Network, i: int, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(least, largest) output of hidden layer i's units on [low, high]."""
    least, most = ACTIVATIONS[net.activation].values(low, high)
    margin = 8 * UNIT * np.maximum(np.abs(low), np.abs(high))
    least, most = least - margin, most + margin
    if net.linear is None:
        return least, most
    carried = net.linear[i] > 0
    return np.where(carried, low, least), np.where(carried, high, most)
