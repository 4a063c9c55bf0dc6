"""Laws of y given x: one frozen dataclass each, labels in [-1, 1] (or class numbers).

Each gives `label(rng, sample)`, whether the labels are independent of x, and the noise
variance sigma^2 = E Var(y|x), below which a fit has to reach for the law to speak.
Where it can, also `noise(sample, y)`, z = y - E[y|x] of labels it gave, and whether z
is independent of x (`noise_independent`): then the law speaks of signals too.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.data.sample import Sample
from isorobust.door import Between

__all__ = ["BalancedSigns", "Classes", "Flipped", "IIDSigns", "Teacher"]


@dataclass(frozen=True)
class BalancedSigns:
    """Random signs, as many +1 as -1 within every component (one more where odd)."""

    independent = True
    noise_independent = True

    def label(self, rng: np.random.Generator, sample: Sample) -> np.ndarray:
        """[n] signs, a random permutation within each component."""
        y = np.empty(len(sample.x))
        for component in np.unique(sample.component):
            rows = np.flatnonzero(sample.component == component)
            signs = np.where(np.arange(len(rows)) % 2 == 0, 1.0, -1.0)
            y[rows] = rng.permutation(signs)
        return y

    def noise_variance(self, sample: Sample) -> float:
        """sigma^2 [label^2]."""
        return 1.0

    def noise(self, sample: Sample, y: np.ndarray) -> np.ndarray:
        """[n] all of y."""
        return y


@dataclass(frozen=True)
class IIDSigns:
    """Independent fair signs."""

    independent = True
    noise_independent = True

    def label(self, rng: np.random.Generator, sample: Sample) -> np.ndarray:
        """[n] signs."""
        return rng.choice([-1.0, 1.0], size=len(sample.x))

    def noise_variance(self, sample: Sample) -> float:
        """sigma^2 [label^2]."""
        return 1.0

    def noise(self, sample: Sample, y: np.ndarray) -> np.ndarray:
        """[n] all of y."""
        return y


@dataclass(frozen=True)
class Teacher:
    """y = g(x) + z: a 1-Lipschitz teacher and signs of size sigma as noise.

    g(x) = clip(<u, x>, -(1 - sigma), 1 - sigma) with u = (1, ..., 1) / sqrt(d), so that
    train and test share the teacher; z = sigma times a random sign, balanced and
    independent of x. |y| <= 1. (By isoperimetry every 1-Lipschitz g has a standard
    deviation of at most ~ 1/sqrt(d): that is the law's point, not a weak teacher.)
    """

    sigma: Annotated[float, Between(0.0, 1.0)] = 0.5

    independent = False
    noise_independent = True

    def signal(self, x: np.ndarray) -> np.ndarray:
        """g(x) [n]; 1-Lipschitz, |g| <= 1 - sigma."""
        limit = 1.0 - self.sigma
        return np.clip(x.sum(axis=1) / math.sqrt(x.shape[1]), -limit, limit)

    def label(self, rng: np.random.Generator, sample: Sample) -> np.ndarray:
        """[n] labels g(x) + z."""
        noise = BalancedSigns().label(rng, sample)
        return self.signal(sample.x) + self.sigma * noise

    def noise_variance(self, sample: Sample) -> float:
        """sigma^2 [label^2]."""
        return self.sigma**2

    def noise(self, sample: Sample, y: np.ndarray) -> np.ndarray:
        """[n] z: +-sigma to the last digit, whatever g(x) + z lost in rounding."""
        return np.copysign(self.sigma, y - self.signal(sample.x))


@dataclass(frozen=True)
class Flipped:
    """The labels that the data came with, each flipped (y -> -y) with chance `share`.

    Var(y|x) = 4 share (1 - share) y^2: flipping is what fixes the noise of real data.
    """

    share: Annotated[float, Between(0.0, 0.5)] = 0.15

    independent = False
    noise_independent = False

    def label(self, rng: np.random.Generator, sample: Sample) -> np.ndarray:
        """[n] labels."""
        flips = rng.random(len(sample.x)) < self.share
        assert sample.label is not None  # objection() refuses drawn x at the door
        return np.where(flips, -sample.label, sample.label)

    def noise_variance(self, sample: Sample) -> float:
        """sigma^2 [label^2], the mean over the sample's points."""
        assert sample.label is not None
        return float(4 * self.share * (1 - self.share) * np.mean(sample.label**2))

    def noise(self, sample: Sample, y: np.ndarray) -> np.ndarray:
        """[n] z: the chance of a flip depends on nothing, its size on x."""
        assert sample.label is not None
        return y - (1 - 2 * self.share) * sample.label

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this target."""
        if getattr(cell.distribution, "labelled", False):
            return None
        kind = type(cell.distribution).__name__
        return f"target = Flipped: {kind} comes without labels; use Digits or NPZ"


@dataclass(frozen=True)
class Classes:
    """Class numbers 0, 1, ..., K - 1 as the data came with them, some of them wrong.

    With chance `share` a point gets one of the other K - 1 classes, each alike. For
    networks with K outputs under cross-entropy. The law speaks of one real output, so
    no noise variance is stated (0) and no floor holds.
    """

    share: Annotated[float, Between(0.0, 1.0)] = 0.0

    independent = False
    classes = True

    def label(self, rng: np.random.Generator, sample: Sample) -> np.ndarray:
        """[n] whole numbers."""
        assert sample.label is not None  # objection() refuses drawn x at the door
        count = int(sample.label.max(initial=0)) + 1
        wrong = rng.random(len(sample.x)) < self.share
        shift = rng.integers(1, max(count, 2), len(sample.x))
        return np.where(wrong, (sample.label + shift) % count, sample.label)

    def noise_variance(self, sample: Sample) -> float:
        """0: not defined for classes."""
        return 0.0

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this target."""
        count = getattr(cell.distribution, "classes", None)
        if count is None:
            kind = type(cell.distribution).__name__
            return f"target = Classes: {kind} has no classes; use DigitClasses"
        if getattr(cell.model, "outputs", 1) != count:
            return f"model.outputs = {cell.model.outputs}: the data has {count} classes"
        if cell.recipe.loss != "cross_entropy":
            return 'recipe.loss: Classes need recipe.loss = "cross_entropy"'
        return None
