"""Values that depend on x affinely: what a model's operations do to them (numpy)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse

MOST = 1 << 25  # entries of a matrix: a quarter of a GB in float64


@dataclass(frozen=True, eq=False)
class Affine:
    """An array of `shape`, flat: sum over stages s of terms[s] h_s + offset.

    terms: stage -> sparse matrix [size, k_s] (float64); stage 0 is x, the others are
        outputs of activations
    root: another one, if this is a * it + c entry by entry
    lines: the (a, c) of that, the last, and of the steps on the way there
    """

    shape: tuple[int, ...]
    terms: dict[int, Any]
    offset: np.ndarray
    root: "Affine | None" = None
    lines: tuple[tuple[float, float], ...] = ((1.0, 0.0),)


def stage(number: int, shape: tuple[int, ...]) -> Affine:
    """The outputs of a stage themselves."""
    size = int(np.prod(shape))
    return Affine(shape, {number: sparse.eye_array(size, format="csr")}, np.zeros(size))


def constant(value: Any, shape: tuple[int, ...] | None = None) -> Affine:
    """A value that doesn't depend on x."""
    array = np.asarray(value, float)
    array = np.broadcast_to(array, array.shape if shape is None else shape)
    return Affine(array.shape, {}, array.ravel())


def uniform(value: Any) -> float | None:
    """The number that a constant array holds everywhere, or None."""
    array = np.asarray(value)
    same = array.size > 0 and bool(np.all(array == array.flat[0]))
    return float(array.flat[0]) if same else None


def equal(a: Affine, b: Affine) -> bool:
    """Whether two are the same function of the stages, entry by entry."""
    if a is b:
        return True
    same = a.shape == b.shape and a.terms.keys() == b.terms.keys()
    return (
        same
        and np.array_equal(a.offset, b.offset)
        and all((a.terms[s] != b.terms[s]).nnz == 0 for s in a.terms)
    )


def total(a: Affine, b: Affine, sign: float = 1.0) -> Affine:
    """a + sign b."""
    terms = dict(a.terms)
    for s, matrix in b.terms.items():
        terms[s] = terms[s] + sign * matrix if s in terms else sign * matrix
    offset = a.offset + sign * b.offset
    (scale, shift), (other, more) = a.lines[-1], b.lines[-1]
    flat = uniform(b.offset) if not b.terms else None
    if flat is not None:
        line = (scale, shift + sign * flat)
    elif (a.root or a) is (b.root or b) and scale + sign * other != 0:
        line = (scale + sign * other, shift + sign * more)
    else:
        return Affine(a.shape, terms, offset)
    return Affine(a.shape, terms, offset, a.root or a, (*a.lines, line))


def times(a: Affine, factor: Any) -> Affine:
    """a * factor, factor constant: a number or an array that fits."""
    each = np.broadcast_to(np.asarray(factor, float), a.shape).ravel()
    diagonal, flat = sparse.diags_array(each), uniform(each)
    terms = {s: (diagonal @ matrix).tocsr() for s, matrix in a.terms.items()}
    if not flat:
        return Affine(a.shape, terms, each * a.offset)
    scale, shift = a.lines[-1]
    lines = (*a.lines, (scale * flat, shift * flat))
    return Affine(a.shape, terms, each * a.offset, a.root or a, lines)


def contracted(
    a: Affine,
    axes: tuple[int, ...],
    other: np.ndarray,
    shape: tuple[int, ...],
    left: bool,
) -> Affine:
    """sum over `axes` of a (in this order) against the rows of other [r, k] (constant).

    left: the result's axes are a's free ones, then other's; else the other way round.
    """
    free = [i for i in range(len(a.shape)) if i not in axes]
    order = np.arange(len(a.offset)).reshape(a.shape).transpose(*free, *axes).ravel()
    rows = len(a.offset) // len(other)
    matrix = sparse.kron(sparse.eye_array(rows), other.T, format="csr")
    if not left:
        index = np.arange(rows * other.shape[1]).reshape(rows, -1).T.ravel()
        matrix = matrix[index]
    terms = {s: matrix @ old[order] for s, old in a.terms.items()}
    return Affine(shape, terms, matrix @ a.offset[order])


def mapped(a: Affine, function: Callable[[Any], Any], shape: tuple[int, ...]) -> Affine:
    """A linear function (jax, of an array of a's shape), whose matrix is written out.

    Raises OverflowError if the matrix has more than MOST entries.
    """
    inputs, outputs = len(a.offset), int(np.prod(shape))
    if inputs * outputs > MOST:
        raise OverflowError(f"a matrix [{outputs}, {inputs}] is too large to write out")
    units = np.eye(inputs, dtype=jnp.zeros(0).dtype).reshape(inputs, *a.shape)
    with jax.default_matmul_precision("highest"):  # then every product is exact
        columns = np.asarray(jax.lax.map(function, units), float)
    matrix = sparse.csr_array(columns.reshape(inputs, outputs).T)
    terms = {s: matrix @ old for s, old in a.terms.items()}
    return Affine(shape, terms, matrix @ a.offset)


def moved(
    operands: list[Affine], function: Callable[..., Any], shape: tuple[int, ...]
) -> Affine | None:
    """A function that only moves, repeats or drops entries; None if it makes up some.

    It is applied to the entries' numbers.
    """
    numbers, count = [], 0
    for a in operands:
        size = len(a.offset)
        numbers.append(jnp.arange(count, count + size).reshape(a.shape))
        count += size
    index = np.asarray(function(*numbers)).ravel()
    if index.size and (index.min() < 0 or index.max() >= count):
        return None
    terms = {}
    for s in _stages(operands):
        (width,) = {a.terms[s].shape[1] for a in operands if s in a.terms}
        blocks = [
            a.terms[s] if s in a.terms else sparse.csr_array((len(a.offset), width))
            for a in operands
        ]
        terms[s] = sparse.vstack(blocks, format="csr")[index]
    offset = np.concatenate([a.offset for a in operands])[index]
    return Affine(shape, terms, offset)


def _stages(operands: Iterable[Affine]) -> list[int]:
    return sorted({s for a in operands for s in a.terms})
