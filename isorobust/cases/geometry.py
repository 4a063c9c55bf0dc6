"""The geometry of a law: how far its points lie apart, how Lipschitz functions vary."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.cases.bank import bank
from isorobust.cases.concentration import Look, moments, tails
from isorobust.data.dataset import generator
from isorobust.door import AtLeast, lacks
from isorobust.experiment import CONTRACTS, describe, digest

__all__ = ["Geometry"]

PAIRED = 1000  # points whose pairs are looked at; the others evaluate the functions
ROWS = 20_000  # points that every function is evaluated at
SURE = 2.0  # standard errors that the named function is chosen by
ISOTROPIC = 2.0  # no isotropic law of distributions.py has a larger c than 6 / pi


@dataclass(frozen=True)
class Geometry:
    """Distances between n points of a law, and what 1-Lipschitz functions say of its c.

    Distances are over sqrt(2) x the root of the mean of |x|^2: two random points lie
    .707 of a diameter apart, not a diameter. [derived] Their standard deviation is
    sqrt(2 Var |x|^2 + 4 tr S^2) / (2 sqrt 2), S the covariance: 1 / sqrt(2d) on the
    sphere, sqrt(2) times that for N(0, I/d).

    c_hat: the largest 2 d log E exp(t (f - E f)) / t^2 over a bank of 1-Lipschitz f and
    over |t| <= 2 sqrt(d), a lower estimate of c (Bubeck & Sellke 2021, Definition 1.1
    in its MGF form), at the f and t where it is largest less two standard errors.
    c_low: the largest lower confidence limit of all looks, tails among them.

    flagged: c_low > c_allowed, at a level below 1 %. c_allowed is the law's own c. A
    law that states none is held against 2, since no isotropic law with E|x|^2 = 1 of
    distributions.py has more than 6 / pi. That it has no c at all no sample can say:
    what is shown is that c isn't O(1) of this size. So ProductLaplace is flagged by its
    tails, which show ~ log(n d) / 4 less what the limit costs: n d ~ 3 10^6 coordinates
    are needed. DiscreteCube is not while its c ~ sqrt(d) / 2 is below 2 (at d = 8), and
    AnisotropicGaussian, whose c is large and stated, never.
    """

    distribution: Any
    d: Annotated[int, AtLeast(2)]
    n: Annotated[int, AtLeast(2 * PAIRED)] = 20_000

    kind = "geometry"
    shown = (
        "d", "n", "d_eff", "mean_over_sqrt2", "diameters", "sd_distance",
        "sd_over_sphere", "near_sqrt2", "least_distance", "largest_distance",
        "sd_function", "c_hat", "c_low", "c", "over_theory", "function", "flagged",
    )  # fmt: skip

    @property
    def uid(self) -> str:
        """Identity: 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return digest(describe(self))

    @property
    def block(self) -> str:
        """The law of x."""
        return f"Geometry; {self.distribution}"

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        words = CONTRACTS["distribution"]
        absent = lacks(self.distribution, words, "distribution")
        if absent:
            return absent
        name = type(self.distribution).__name__
        if getattr(self.distribution, "labelled", False):
            return f"distribution = {name}: has no law to draw from"
        if self.distribution.components > 1:
            return f"distribution = {name}: must be of one component"
        if hasattr(self.distribution, "objection"):
            complaint: str | None = self.distribution.objection(self)
            return complaint
        return None

    def rows(self, seeds: int, delta: float) -> list[dict]:
        """One row a seed."""
        return [self._row(seed) for seed in range(seeds)]

    def _row(self, seed: int) -> dict:
        rng = generator("geometry", self.uid, str(seed))
        x = self.distribution.draw(rng, self.n, self.d).x
        size = math.sqrt(float(np.mean(np.sum(x**2, axis=1))))
        row = {
            "kind": self.kind,
            "block": self.block,
            "cell": self.uid,
            "seed": seed,
            "distribution": type(self.distribution).__name__,
            "n": self.n,
            "d": self.d,
        }
        return row | _distances(x[:PAIRED]) | self._concentration(x, size, rng)

    def _concentration(
        self, x: np.ndarray, size: float, rng: np.random.Generator
    ) -> dict:
        looks = list(self._looks(x, size, rng))
        estimates = [look for look in looks if not math.isnan(look.estimate)]
        best = max(estimates, key=lambda look: look.estimate - SURE * look.error)
        low = max(looks, key=lambda look: look.low)
        c = self.distribution.isoperimetry(self.d)
        allowed = ISOTROPIC if c is None else c
        return {
            "d_eff": None if c is None else self.d / c,
            "sd_function": math.sqrt(best.variance),
            "c_hat": best.estimate,
            "c_error": best.error,
            "function": best.function,
            "c_low": low.low,
            "c_low_function": low.function,
            "c": c,
            "over_theory": None if c is None else best.estimate / c,
            "c_allowed": allowed,
            "flagged": bool(low.low > allowed),
        }

    def _looks(
        self, x: np.ndarray, size: float, rng: np.random.Generator
    ) -> Iterator[Look]:
        aside, rest = x[:PAIRED], x[PAIRED:]
        most = 2 * math.sqrt(self.d) / size
        for name, f in bank(rest[:ROWS], aside, self.distribution.on_sphere, rng):
            yield from moments(name, f, self.d, most)
            yield from tails(name, f, self.d)
        yield from tails("coordinate", rest, self.d)


def _distances(x: np.ndarray) -> dict:
    """Of all pairs of the points x [m, d], over their root mean square length."""
    m, d = x.shape
    square = np.sum(x**2, axis=1)
    size = math.sqrt(float(square.mean()))
    pairs = (square[:, None] + square - 2 * x @ x.T)[np.triu_indices(m, 1)]
    distance = np.sqrt(np.maximum(pairs, 0.0)) / size
    mean, sd = float(distance.mean()), float(distance.std())
    near = np.abs(distance / math.sqrt(2.0) - 1) <= 0.05
    return {
        "size": size,
        "mean_over_sqrt2": mean / math.sqrt(2.0),
        "diameters": mean / 2,
        "sd_distance": sd,
        "sd_over_sphere": sd * math.sqrt(2.0 * d),
        "near_sqrt2": float(near.mean()),
        "least_distance": float(distance.min()),
        "largest_distance": float(distance.max()),
    }
