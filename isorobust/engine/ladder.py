"""The ladder of padded shapes: a trial's rung is a function of its cell alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from isorobust.experiment import Cell

LADDER = 1  # raise it with any change of the rungs: padding changes bits
LEAST = {"n": 64, "d": 8, "width": 8}


@dataclass(frozen=True)
class Rung:
    """A padded shape: n points, d coordinates, hidden layers of `width` units."""

    n: int
    d: int
    width: int

    def __str__(self) -> str:
        return f"{self.n}x{self.d}x{self.width}"


def rung(cell: Cell) -> Rung:
    """The rung of a cell: each size rounded up to a power of two.

    A model that doesn't pad (a zero unit wouldn't stay zero) keeps its exact width.
    """
    width = cell.model.width
    return Rung(
        n=_climb(cell.n, LEAST["n"]),
        d=_climb(cell.d, LEAST["d"]),
        width=_climb(width, LEAST["width"]) if cell.model.pads else width,
    )


def measuring(shape: Rung) -> Rung:
    """The rung on which a trained rung is measured: each size up to a power of four.

    Looking for witnesses costs milliseconds and compiling the search most of a second,
    so fewer and larger shapes win (the values are float64 at the exact shape anyway).
    """
    return Rung(*(_even(size) for size in (shape.n, shape.d, shape.width)))


def _climb(size: int, least: int) -> int:
    return max(least, 1 << (size - 1).bit_length())


def _even(size: int) -> int:
    """The next power of four, for a power of two."""
    return size << (size.bit_length() - 1) % 2


def pad(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array with zeros appended on every axis up to `shape`."""
    return np.pad(
        array, [(0, big - has) for has, big in zip(array.shape, shape, strict=True)]
    )


def pad_tree(tree: Any, shapes: Any) -> Any:
    """A nested dict of arrays padded to the nested dict of shapes of the same names."""
    if isinstance(tree, dict):
        return {name: pad_tree(tree[name], shapes[name]) for name in tree}
    return pad(tree, np.shape(shapes))


def cut_tree(tree: Any, like: Any) -> Any:
    """The corner of every padded array that has the shape of its namesake in `like`."""
    if isinstance(tree, dict):
        return {name: cut_tree(tree[name], like[name]) for name in tree}
    return tree[tuple(slice(0, size) for size in np.shape(like))]
