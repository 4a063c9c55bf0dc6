"""Real data: the digits of scikit-learn, and a user's own .npz file."""

import functools
import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from isorobust.data.sample import Sample
from isorobust.door import BadInput

__all__ = ["NPZ", "Digits"]


class _Labelled:
    """What real data shares: no known law, so no constant and no radius of a law."""

    on_sphere = False
    labelled = True
    components = 1

    def isoperimetry(self, d: int) -> None:
        """None: the isoperimetric constant of real data is not known."""
        return None

    @property
    def size(self) -> int:
        return len(self._all().x)

    def draw(self, rng: np.random.Generator, n: int, d: int) -> Sample:
        """n different points in random order (all there are, where n is larger)."""
        everything = self._all()
        rows = rng.permutation(len(everything.x))[:n]
        label = everything.label
        assert label is not None
        return Sample(everything.x[rows], everything.component[rows], label[rows])

    def objection(self, cell: Any) -> str | None:
        size, d = self._all().x.shape
        if cell.d != d:
            return f"d = {cell.d}: the data has d = {d}"
        if cell.n > size:
            return f"n = {cell.n}: the data has {size} points"
        return None

    def _all(self) -> Sample:
        raise NotImplementedError


@dataclass(frozen=True)
class Digits(_Labelled):
    """The handwritten digits bundled with scikit-learn, two classes against two.

    d = 64; label +1 for `positive`, -1 for `negative`; pixels centred over the chosen
    classes and scaled so that the mean of |x|^2 is 1. ~ 180 images a class.
    """

    positive: tuple[int, ...] = (0, 1)
    negative: tuple[int, ...] = (2, 3)

    def _all(self) -> Sample:
        return _digits(self.positive, self.negative)

    def check(self) -> str | None:
        chosen = self.positive + self.negative
        if len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(10)):
            return f"positive, negative = {chosen}: must be different digits 0 to 9"
        if not (self.positive and self.negative):
            return "positive, negative: each needs at least one digit"
        return None


@dataclass(frozen=True)
class NPZ(_Labelled):
    """A local .npz file with x [N, d] and y [N], y in [-1, 1].

    Its identity is the SHA-256 of the file, not its path. x is scaled so that the mean
    of |x|^2 is 1 (the law's normalisation); pickled arrays are refused.
    """

    path: str = ""

    def identity(self) -> dict:
        """The content's hash."""
        return {"sha256": hashlib.sha256(Path(self.path).read_bytes()).hexdigest()}

    def check(self) -> str | None:
        try:
            _npz(self.path)
        except BadInput as error:
            return str(error)
        return None

    def _all(self) -> Sample:
        return _npz(self.path)


@functools.cache  # a file is read once, not once a trial
def _digits(positive: tuple[int, ...], negative: tuple[int, ...]) -> Sample:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise BadInput(
            "distribution = Digits: needs scikit-learn; pip install 'isorobust[digits]'"
        ) from None
    images, classes = load_digits(return_X_y=True)
    rows = np.isin(classes, positive + negative)
    label = np.where(np.isin(classes[rows], positive), 1.0, -1.0)
    return Sample(_normalised(images[rows]), classes[rows], label)


@functools.cache  # as above
def _npz(path: str) -> Sample:
    where = f"path = {path!r}"
    try:
        with np.load(path, allow_pickle=False) as file:
            absent = [name for name in ("x", "y") if name not in file]
            if absent:
                raise BadInput(f"{where}: has no array {' and no '.join(absent)}")
            x, y = np.asarray(file["x"], float), np.asarray(file["y"], float)
    except FileNotFoundError:
        raise BadInput(f"{where}: no such file") from None
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"{where}: not a plain .npz of numbers ({error})") from None
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
        raise BadInput(f"{where}: x is all zero")
    return Sample(x / np.sqrt(np.mean(np.sum(x**2, axis=1))), np.zeros(len(x), int), y)


def _normalised(x: np.ndarray) -> np.ndarray:
    centred = x - x.mean(axis=0)
    return centred / np.sqrt(np.mean(np.sum(centred**2, axis=1)))
