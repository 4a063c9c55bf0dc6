"""Stocks of given points: rows drawn in random order, scaled, read again on change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from isorobust.data.sample import Sample
from isorobust.door import BadInput

__all__ = ["misfit", "odd_sides", "refusal", "scaled", "shuffled", "state"]


def shuffled(everything: Sample, rng: np.random.Generator, n: int) -> Sample:
    """n different points in random order (all there are, where n is larger)."""
    rows = rng.permutation(len(everything.x))[:n]
    label = everything.label
    assert label is not None  # real data comes with labels
    return Sample(everything.x[rows], everything.component[rows], label[rows])


def misfit(shape: tuple[int, int], cell: Any) -> str | None:
    """What is wrong with a cell of a stock of `shape` = (N, d)."""
    size, d = shape
    if cell.d != d:
        return f"d = {cell.d}: the data has d = {d}"
    if cell.n > size:
        return f"n = {cell.n}: the data has {size} points"
    return None


def scaled(x: np.ndarray) -> np.ndarray:
    """x [N, d] with the mean of |x|^2 brought to 1."""
    x = x / np.abs(x).max()  # first, so that no square overflows
    return x / np.sqrt(np.mean(np.sum(x**2, axis=1)))


def state(path: str | Path) -> tuple[int, ...]:
    """What changes when the file does, so that what is kept of it is kept no longer."""
    try:
        about = Path(path).stat()
    except OSError:
        return ()
    return about.st_mtime_ns, about.st_size, about.st_ino


def odd_sides(
    positive: tuple[int, ...], negative: tuple[int, ...], kind: str
) -> str | None:
    """What is wrong with two sides of labels 0 to 9; kind: what one is called."""
    chosen, many = positive + negative, {"class": "classes"}.get(kind, kind + "s")
    if len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(10)):
        return f"positive, negative = {chosen}: must be different {many} 0 to 9"
    if not (positive and negative):
        return f"positive, negative: each needs at least one {kind}"
    return None


def refusal(do: Callable[[], object]) -> str | None:
    """What BadInput has to say when this is done; None where it goes well."""
    try:
        do()
    except BadInput as error:
        return str(error)
    return None
