"""The ladder of padded shapes: a trial's rung is a function of its cell alone."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from isorobust.experiment import Cell

LADDER = 2  # raise it with any change of the rungs: padding changes bits
# ladder -> the least rung (n, d, width), and the ratio of neighbouring sizes
LADDERS = {
    "fine": ((64, 8, 8), 2),
    "coarse": ((512, 32, 32), 2),
    "measuring": ((128, 32, 16), 4),
}


@dataclass(frozen=True)
class Rung:
    """A padded shape: n points, d coordinates, hidden layers of `width` units."""

    n: int
    d: int
    width: int

    def __str__(self) -> str:
        return f"{self.n}x{self.d}x{self.width}"


def rung(cell: Cell) -> Rung:
    """The rung of a cell on the ladder that the cell names.

    "fine": powers of two; "coarse": the same from (512, 32, 32) on, for sweeps of many
    small shapes, whose compiling outweighs their training; "exact": every shape is a
    rung. A model that doesn't pad (a zero unit wouldn't stay zero) keeps its exact
    width.
    """
    exact = Rung(cell.n, cell.d, cell.model.width)
    padded = _climb(exact, cell.ladder)
    return padded if cell.model.pads else Rung(padded.n, padded.d, exact.width)


def measuring(shape: Rung) -> Rung:
    """The rung on which a trained rung is measured: powers of four.

    Looking for witnesses costs milliseconds and compiling the search most of a second,
    so fewer and larger shapes win (the values are float64 at the exact shape anyway).
    """
    return _climb(shape, "measuring")


def _climb(shape: Rung, ladder: str) -> Rung:
    if ladder == "exact":
        return shape
    least, ratio = LADDERS[ladder]
    sizes = []
    for size, step in zip((shape.n, shape.d, shape.width), least, strict=True):
        while step < size:
            step *= ratio
        sizes.append(step)
    return Rung(*sizes)


def pad(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The array with zeros appended on every axis up to `shape`."""
    if array.shape == shape:
        return array
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


def real(params: Any, like: Any) -> Any:
    """The unpadded parameters, of the shapes of `like`, in float64."""
    return jax.tree.map(lambda a: np.asarray(a, float), cut_tree(params, like))
