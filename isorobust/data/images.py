"""MNIST and CIFAR-10 from a folder on this machine; nothing is ever downloaded.

Of real data no law is known: no isoperimetric constant, and so no radius of the law.
Pixels are centred over the chosen classes and scaled so that the mean of |x|^2 is 1.
The identity of such data is its content's hash, not its folder.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from isorobust.data import cifar, idx
from isorobust.data.pictures import Stock, classified, signed, stock
from isorobust.data.sample import Sample
from isorobust.data.stock import misfit, odd_sides, refusal, state

__all__ = ["CIFAR10", "MNIST", "CIFAR10Classes", "MNISTClasses"]


@dataclass(frozen=True)
class MNIST:
    """Digits of MNIST's IDX files (plain or .gz) in `folder`, classes against classes.

    d = rows x columns of the file (784); label +1 for `positive`, -1 for `negative`.
    Fashion-MNIST and KMNIST, whose files have the same names, do as well.
    """

    folder: str = ""
    positive: tuple[int, ...] = (0, 1)
    negative: tuple[int, ...] = (2, 3)
    part: Literal["train", "test"] = "train"

    on_sphere = False
    labelled = True
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different images in random order (all there are, where n is larger)."""
        return signed(self._stock(), self.positive, rng, n)

    def isoperimetry(self, d: int) -> None:
        """None: not known."""
        return None

    def identity(self) -> dict:
        """The content's hash, and which of it."""
        return _sides(self._stock(), self.positive, self.negative)

    def check(self) -> str | None:
        """What is wrong with the fields, or with the files."""
        return odd_sides(self.positive, self.negative, "class") or refusal(self._stock)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this data."""
        return misfit(self.shape, cell)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d) of all there is."""
        return self._stock().pixels.shape

    def _stock(self) -> Stock:
        files = idx.files(self.folder, self.part)
        kept = tuple(map(state, files))
        return stock(idx.read, files, kept, self.positive + self.negative)


@dataclass(frozen=True)
class CIFAR10:
    """Pictures of CIFAR-10's binary version in `folder`, classes against classes.

    d = 3072; label +1 for `positive`, -1 for `negative`; the classes are 0 airplane,
    1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog, 7 horse, 8 ship, 9 truck.
    """

    folder: str = ""
    positive: tuple[int, ...] = (0, 1)
    negative: tuple[int, ...] = (2, 3)
    part: Literal["train", "test"] = "train"

    on_sphere = False
    labelled = True
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different images in random order (all there are, where n is larger)."""
        return signed(self._stock(), self.positive, rng, n)

    def isoperimetry(self, d: int) -> None:
        """None: not known."""
        return None

    def identity(self) -> dict:
        """The content's hash, and which of it."""
        return _sides(self._stock(), self.positive, self.negative)

    def check(self) -> str | None:
        """What is wrong with the fields, or with the files."""
        return odd_sides(self.positive, self.negative, "class") or refusal(self._stock)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this data."""
        return misfit(self.shape, cell)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d) of all there is."""
        return self._stock().pixels.shape

    def _stock(self) -> Stock:
        files = cifar.files(self.folder, self.part)
        kept = tuple(map(state, files))
        return stock(cifar.read, files, kept, self.positive + self.negative)


@dataclass(frozen=True)
class MNISTClasses:
    """MNIST as classes, for target = Classes; the label is the place in `chosen`."""

    folder: str = ""
    chosen: tuple[int, ...] = tuple(range(10))
    part: Literal["train", "test"] = "train"

    on_sphere = False
    labelled = True
    components = 1

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.chosen)

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different images in random order (all there are, where n is larger)."""
        return classified(self._stock(), self.chosen, rng, n)

    def isoperimetry(self, d: int) -> None:
        """None: not known."""
        return None

    def identity(self) -> dict:
        """The content's hash, and which of it."""
        return {"sha256": self._stock().sha256, "chosen": list(self.chosen)}

    def check(self) -> str | None:
        """What is wrong with the fields, or with the files."""
        return _odd_classes(self.chosen) or refusal(self._stock)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this data."""
        if not getattr(cell.target, "classes", False):
            return "distribution = MNISTClasses: needs target = Classes"
        return misfit(self.shape, cell)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d) of all there is."""
        return self._stock().pixels.shape

    def _stock(self) -> Stock:
        files = idx.files(self.folder, self.part)
        return stock(idx.read, files, tuple(map(state, files)), self.chosen)


@dataclass(frozen=True)
class CIFAR10Classes:
    """CIFAR-10 as classes, for target = Classes; the label is the place in `chosen`."""

    folder: str = ""
    chosen: tuple[int, ...] = tuple(range(10))
    part: Literal["train", "test"] = "train"

    on_sphere = False
    labelled = True
    components = 1

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.chosen)

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different images in random order (all there are, where n is larger)."""
        return classified(self._stock(), self.chosen, rng, n)

    def isoperimetry(self, d: int) -> None:
        """None: not known."""
        return None

    def identity(self) -> dict:
        """The content's hash, and which of it."""
        return {"sha256": self._stock().sha256, "chosen": list(self.chosen)}

    def check(self) -> str | None:
        """What is wrong with the fields, or with the files."""
        return _odd_classes(self.chosen) or refusal(self._stock)

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this data."""
        if not getattr(cell.target, "classes", False):
            return "distribution = CIFAR10Classes: needs target = Classes"
        return misfit(self.shape, cell)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d) of all there is."""
        return self._stock().pixels.shape

    def _stock(self) -> Stock:
        files = cifar.files(self.folder, self.part)
        return stock(cifar.read, files, tuple(map(state, files)), self.chosen)


def _sides(of: Stock, positive: tuple[int, ...], negative: tuple[int, ...]) -> dict:
    sides = {"positive": list(positive), "negative": list(negative)}
    return {"sha256": of.sha256, **sides}


def _odd_classes(chosen: tuple[int, ...]) -> str | None:
    if len(set(chosen)) < max(2, len(chosen)) or not set(chosen) <= set(range(10)):
        return f"chosen = {chosen}: must be two or more different classes 0 to 9"
    return None
