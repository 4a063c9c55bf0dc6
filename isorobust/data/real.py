"""Real data: the digits of scikit-learn, and a user's own .npz file.

Of real data no law is known: no isoperimetric constant, and so no radius of the law.
"""

import functools
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isorobust.data.sample import Sample
from isorobust.data.stock import misfit, odd_sides, refusal, scaled, shuffled, state
from isorobust.door import BadInput

__all__ = ["NPZ", "DigitClasses", "Digits"]


@dataclass(frozen=True)
class Digits:
    """The handwritten digits bundled with scikit-learn, two classes against two.

    d = 64; label +1 for `positive`, -1 for `negative`; pixels centred over the chosen
    classes and scaled so that the mean of |x|^2 is 1. ~ 180 images a class.
    """

    positive: tuple[int, ...] = (0, 1)
    negative: tuple[int, ...] = (2, 3)

    on_sphere = False
    labelled = True
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different images in random order (all there are, where n is larger)."""
        return shuffled(_digits(self.positive, self.negative), rng, n)

    def isoperimetry(self, d: int) -> None:
        """None: not known."""
        return None

    def check(self) -> str | None:
        """What is wrong with the fields."""
        return odd_sides(self.positive, self.negative, "digit")

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this data."""
        return misfit(self.shape, cell)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d) of all there is."""
        return _digits(self.positive, self.negative).x.shape


@dataclass(frozen=True)
class DigitClasses:
    """The handwritten digits of scikit-learn as classes, for target = Classes.

    d = 64; the label is the place of the digit in `digits`; pixels as in `Digits`.
    """

    digits: tuple[int, ...] = tuple(range(10))

    on_sphere = False
    labelled = True
    components = 1

    @property
    def classes(self) -> int:
        """The number of classes."""
        return len(self.digits)

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different images in random order (all there are, where n is larger)."""
        return shuffled(_digit_classes(self.digits), rng, n)

    def isoperimetry(self, d: int) -> None:
        """None: not known."""
        return None

    def check(self) -> str | None:
        """What is wrong with the fields."""
        if len(set(self.digits)) < max(2, len(self.digits)):
            return f"digits = {self.digits}: must be two or more different digits"
        if not set(self.digits) <= set(range(10)):
            return f"digits = {self.digits}: must be digits 0 to 9"
        return None

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this data."""
        if not getattr(cell.target, "classes", False):
            return "distribution = DigitClasses: needs target = Classes"
        return misfit(self.shape, cell)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d) of all there is."""
        return _digit_classes(self.digits).x.shape


@dataclass(frozen=True)
class NPZ:
    """A local .npz file with x [N, d] and y [N], y in [-1, 1].

    Its identity is the SHA-256 of the file, not its path. x is scaled so that the mean
    of |x|^2 is 1 (the law's normalisation); pickled arrays are refused.
    """

    path: str = ""

    on_sphere = False
    labelled = True
    components = 1

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different points in random order (all there are, where n is larger)."""
        return shuffled(_npz(self.path, state(self.path)), rng, n)

    def isoperimetry(self, d: int) -> None:
        """None: not known."""
        return None

    def identity(self) -> dict:
        """The content's hash."""
        return {"sha256": _hash(self.path, state(self.path))}

    def check(self) -> str | None:
        """What is wrong with the fields."""
        return refusal(lambda: _npz(self.path, state(self.path)))

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this data."""
        return misfit(self.shape, cell)

    @property
    def shape(self) -> tuple[int, int]:
        """(N, d) of all there is."""
        return _npz(self.path, state(self.path)).x.shape


@functools.cache  # a file is read once, not once a trial
def _digits(positive: tuple[int, ...], negative: tuple[int, ...]) -> Sample:
    x, digits = _images(positive + negative, "Digits")
    label = np.where(np.isin(digits, positive), 1.0, -1.0)
    return Sample(x, np.zeros(len(x), int), label)


@functools.cache  # as above
def _digit_classes(digits: tuple[int, ...]) -> Sample:
    x, found = _images(digits, "DigitClasses")
    label = np.array([digits.index(digit) for digit in found], float)
    return Sample(x, np.zeros(len(x), int), label)


def _images(chosen: tuple[int, ...], kind: str) -> tuple[np.ndarray, np.ndarray]:
    """(x [N, 64] centred and scaled, digit [N]) of the chosen digits."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise BadInput(
            f"distribution = {kind}: needs scikit-learn; "
            "pip install 'isorobust[digits]'"
        ) from None
    images, digits = load_digits(return_X_y=True)
    rows = np.isin(digits, chosen)
    return scaled(images[rows] - images[rows].mean(axis=0)), digits[rows]


@functools.cache  # as above
def _hash(path: str, kept: tuple[int, ...]) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


@functools.cache  # as above
def _npz(path: str, kept: tuple[int, ...]) -> Sample:
    where = f"path = {path!r}"
    x, y = _arrays(path, where)
    if x.ndim != 2 or y.shape != x.shape[:1] or not x.size:
        raise BadInput(f"{where}: x {x.shape} and y {y.shape} must be [N, d] and [N]")
    for name, array in (("x", x), ("y", y)):
        if not np.isfinite(array).all():
            bad = np.argwhere(~np.isfinite(array))[0].tolist()
            raise BadInput(f"{where}: {name}{bad} is not finite; numbers only")
    if np.abs(y).max() > 1:
        worst = int(np.abs(y).argmax())
        raise BadInput(f"{where}: y[{worst}] = {y[worst]:g}: must be within [-1, 1]")
    if not x.any():
        raise BadInput(f"{where}: x is all zero; it can't be scaled to length 1")
    return Sample(scaled(x), np.zeros(len(x), int), y)


def _arrays(path: str, where: str) -> tuple[np.ndarray, np.ndarray]:
    try:
        with open(path, "rb") as raw, np.load(raw, allow_pickle=False) as file:
            absent = [name for name in ("x", "y") if name not in file]
            if absent:
                raise BadInput(f"{where}: has no array {' and no '.join(absent)}")
            arrays = file["x"], file["y"]
            for name, array in zip(("x", "y"), arrays, strict=True):
                if array.dtype.kind not in "biuf":
                    raise BadInput(f"{where}: {name} is {array.dtype}, not numbers")
            return np.asarray(arrays[0], float), np.asarray(arrays[1], float)
    except BadInput:
        raise
    except FileNotFoundError:
        raise BadInput(f"{where}: no such file") from None
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise BadInput(f"{where}: not a plain .npz of numbers ({error})") from None
