"""Stocks of pictures kept as bytes: pixels become numbers when they are drawn.

All of CIFAR-10 as float64 would be 1.2 GB; as bytes it is 150 MB.
"""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from isorobust.data.sample import Sample
from isorobust.door import BadInput

__all__ = ["Pictures", "Stock", "classified", "signed", "stock"]

ROWS = 1000  # as many rows at a time are floats


@dataclass(frozen=True)
class Pictures:
    """What a reader found.

    pixels: [N, d] bytes; classes: [N] whole numbers 0 to 9
    sha256: of the pixels and classes as they lie in the file, whatever packs it
    """

    pixels: np.ndarray
    classes: np.ndarray
    sha256: str


@dataclass(frozen=True)
class Stock:
    """The pictures of some classes, with x = scale (pixels - mean), mean |x|^2 = 1.

    pixels: [N, d] bytes; classes: [N]; mean: [d]; scale: one number
    sha256: of all pictures, chosen or not
    """

    pixels: np.ndarray
    classes: np.ndarray
    mean: np.ndarray
    scale: float
    sha256: str

    def draw(self, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        """(x [n, d], class [n]) of n different pictures in random order."""
        rows = rng.permutation(len(self.pixels))[:n]
        return (self.pixels[rows] - self.mean) * self.scale, self.classes[rows]


@functools.lru_cache(maxsize=4)  # a file is read once, not once a trial
def stock(
    read: Callable[[tuple[Path, ...]], Pictures],
    files: tuple[Path, ...],
    kept: tuple[tuple[int, ...], ...],
    chosen: tuple[int, ...],
) -> Stock:
    """The pictures of the chosen classes in files that `read` understands.

    kept: the files' `state`, so that a file that changes is read again. Raises BadInput
    for files that can't be read, a class without pictures, pictures all alike.
    """
    all_of_them = read(files)
    absent = sorted(set(chosen) - set(all_of_them.classes.tolist()))
    where = f"folder = {str(files[0].parent)!r}"
    if absent:
        raise BadInput(f"{where}: holds no picture of class {absent[0]}")
    rows = np.isin(all_of_them.classes, chosen)
    pixels = all_of_them.pixels[rows]
    mean = pixels.mean(axis=0, dtype=float)
    blocks = (pixels[i : i + ROWS] - mean for i in range(0, len(pixels), ROWS))
    square = sum(float(np.sum(block**2)) for block in blocks) / len(pixels)
    if not square:
        raise BadInput(f"{where}: all pictures are alike; they can't be scaled")
    classes = all_of_them.classes[rows]
    return Stock(pixels, classes, mean, 1 / np.sqrt(square), all_of_them.sha256)


def signed(
    of: Stock, positive: tuple[int, ...], rng: np.random.Generator, n: int
) -> Sample:
    """n pictures of the stock, labelled +1 in the positive classes and -1 else."""
    x, classes = of.draw(rng, n)
    return Sample(
        x, np.zeros(len(x), int), np.where(np.isin(classes, positive), 1, -1.0)
    )


def classified(
    of: Stock, chosen: tuple[int, ...], rng: np.random.Generator, n: int
) -> Sample:
    """n pictures of the stock, labelled with the place of their class in `chosen`."""
    x, classes = of.draw(rng, n)
    place = np.zeros(10)
    place[list(chosen)] = np.arange(len(chosen))
    return Sample(x, np.zeros(len(x), int), place[classes])
