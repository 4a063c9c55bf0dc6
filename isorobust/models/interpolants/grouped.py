"""One neuron a group of points: between one direction for all and one a point."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.door import AtLeast
from isorobust.models.interpolants import ridges
from isorobust.models.interpolants.solution import Solution, named_ball

__all__ = ["Groups"]

THRESHOLD = 0.5
RANDOM = 64  # random starts of the ascent, besides points of the data
DATA = 192  # points of the data that it starts from, at most
STEPS = 100
SMOOTH = (0.2, 0.01)  # width of the smoothed gates, first and last


@dataclass(frozen=True)
class Groups:
    """f(x) = sum_g 2 xi_g relu(w_g . x - 1/2) with k neurons; on the sphere.

    Points of one sign are dealt into groups of m = n / k (sizes differ by one at most);
    w_g is the least-norm solution of w . x_i = (1 + |y_i|) / 2 on group g, xi_g its
    sign (Bubeck, Li & Nagaraj 2021, Theorem 3, appendix C). Exact iff w_g . x_i <= 1/2
    off the group, which takes m <~ d / (8 ln(nk)); the MSE says what is left.
    k = n: Caps(s=.5). Theorem 3: Lip_S <= C n log(d) / k; p = k (d + 2).

    lower: the largest tangential gradient at points of the data and along an ascent;
    upper: `certified`. at_data: its largest at the data; at_data_law = 2 sqrt(n / k);
    n_over_k = n / k; worst = max |f(x_i) - y_i|
    """

    k: Annotated[int, AtLeast(2)] = 128

    sizes = ("k",)
    shown = ("n_over_k", "at_data", "at_data_law")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, a bracket on the sphere."""
        s, n, d = x.shape
        u = x / np.linalg.norm(x, axis=2, keepdims=True)
        error, lower, upper, at_data, rho = np.zeros((5, s, n))[..., 0]
        worst = np.zeros(s)
        networks = [self.neurons(x[i], y[i]) for i in range(s)]

        def value(i: int, points: np.ndarray) -> np.ndarray:
            w, sign = networks[i]
            return 2 * np.maximum(points @ w.T - THRESHOLD, 0) @ sign

        for i, (w, sign) in enumerate(networks):
            left = value(i, x[i]) - y[i]
            error[i], worst[i] = np.mean(left**2), np.abs(left).max()
            at_data[i] = tangential(w, sign, u[i]).max()
            starts = rng.standard_normal((RANDOM, d))
            some = u[i, rng.permutation(n)[:DATA]]
            starts /= np.linalg.norm(starts, axis=1, keepdims=True)
            lower[i] = max(at_data[i], ascent(w, sign, np.concatenate([some, starts])))
            upper[i] = certified(w)
            # balanced: both layers of a neuron of the same length
            lengths = np.sqrt(np.sum(w**2, axis=1) + THRESHOLD**2)
            rho[i] = math.sqrt(2 * np.sum(2 * lengths))
        n_over_k = np.full(s, n / self.k)
        return Solution(
            p=self.k * (d + 2),
            mse=error,
            lower=lower,
            upper=upper,
            domain="sphere",
            rho=rho,
            log_j=np.log(named_ball(rho) * math.hypot(radius, 1)),
            columns={
                "n_over_k": n_over_k,
                "at_data": at_data,
                "at_data_law": 2 * np.sqrt(n_over_k),
                "worst": worst,
            },
            function=value,
        )

    def neurons(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(w [k, d], sign [k]): the groups of each sign in proportion to its points."""
        high, low = np.flatnonzero(y >= 0), np.flatnonzero(y < 0)
        above = round(self.k * len(high) / len(y))
        least, most = min(len(high), 1), self.k - min(len(low), 1)
        above = min(max(above, least), most)
        groups = [(g, 1.0) for g in np.array_split(high, above)] if above else []
        below = self.k - above
        groups += [(g, -1.0) for g in np.array_split(low, below)] if below else []
        w = [np.linalg.lstsq(x[g], (1 + np.abs(y[g])) / 2)[0] for g, _ in groups]
        return np.array(w), np.array([sign for _, sign in groups])

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        if not case.distribution.on_sphere:
            kind = type(case.distribution).__name__
            return f"distribution = {kind}: Groups need points on the sphere"
        if not case.n / case.d <= self.k <= case.n:
            least = math.ceil(case.n / case.d)
            return f"family.k = {self.k}: must be between n / d = {least} and n"
        return None


def tangential(w: np.ndarray, sign: np.ndarray, x: np.ndarray) -> np.ndarray:
    """|(I - x x') grad f(x)| [b] of sum_g 2 xi_g relu(w_g . x - 1/2) at unit x [b, d].

    Gates are as they are at x, so for almost every x: a value that Lip_S attains.
    """
    return ridges.tangential(w, 2 * sign, THRESHOLD, x)


def ascent(w: np.ndarray, sign: np.ndarray, x: np.ndarray) -> float:
    """The largest `tangential` on the way up from unit points x [b, d].

    Steps follow the gradient of |(I - x x') V(x)|^2 / 2, V = sum 2 xi_g gate_g w_g with
    logistic gates of falling width, whose true value is taken at each step. No more
    than a lower bound.
    """
    best = float(tangential(w, sign, x).max())
    for step in range(STEPS):
        share = step / STEPS
        width = SMOOTH[0] * (SMOOTH[1] / SMOOTH[0]) ** share
        gate = 0.5 * (1 + np.tanh((x @ w.T - THRESHOLD) / (2 * width)))
        v = 2 * (sign * gate) @ w
        flat = ridges.flattened(x, v)
        turn = sign * gate * (1 - gate) * (flat @ w.T) * (2 / width)
        up = ridges.flattened(x, turn @ w - np.sum(v * x, axis=1, keepdims=True) * v)
        length = np.linalg.norm(up, axis=1, keepdims=True)
        x = x + 0.1 * (1 - share) * up / np.maximum(length, 1e-30)
        x = x / np.linalg.norm(x, axis=1, keepdims=True)
        best = max(best, float(tangential(w, sign, x).max()))
    return best


def certified(w: np.ndarray) -> float:
    """An upper bound of Lip_S of sum_g 2 xi_g relu(w_g . x - 1/2).

    Neurons A active in a unit x: |A| / 2 < sum_A w_g . x <= sqrt|A| |W|, |W| the
    spectral norm. So |A| <= q := 4 |W|^2 (and <= k), and |sum_A 2 xi_g w_g| is at most
    2 sqrt(q) |W| and twice the q longest |w_g|. [derived] Never above the path norm
    sum |a_g| |w_g|, nor above |a| |W| (Bubeck, Li & Nagaraj 2021, Theorem 5).
    """
    size = float(np.linalg.norm(w, 2))
    q = min(math.floor(4 * size**2 * (1 + 1e-12)), len(w))
    longest = np.sort(np.linalg.norm(w, axis=1))[::-1][:q]
    return float(2 * min(math.sqrt(q) * size, longest.sum()))
