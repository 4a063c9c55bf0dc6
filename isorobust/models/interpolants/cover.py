"""One real parameter that names every cell's sign: parameters don't count, bits do."""

import itertools
import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.door import Between
from isorobust.models.interpolants.solution import Solution

__all__ = ["OneParameterCover"]

MOST_NODES = 2**22
MOST_AXES = 12  # a point has 2^d nodes around it


@dataclass(frozen=True)
class OneParameterCover:
    """f_a(x) = sum_c (2 bit_c(a) - 1) bump_c(x): a in [0, 1) has N binary digits.

    The cover is fixed: the nodes of a grid of `cells` intervals of h = 2 / cells along
    each axis of [-1, 1]^d, N = (cells + 1)^d, bump_c(x) = prod_j (1 - |x_j - c_j|/h)_+
    (x clipped to the cube), which sum to 1. p = 1, yet f_a fits any labels once no node
    is shared by points of both signs: all corners of a point's cell take its sign. In
    general bit_c is the sign of sum_i y_i bump_c(x_i), and the MSE says what is left.

    Lip on R^d is exact: along each axis f_a is linear within a cell, so |grad f|^2 is
    convex along each axis and largest in a corner, where df/dx_j is 0 or +-2/h:

        Lip = (2/h) sqrt(max over nodes of the axes along which a neighbour differs)

    J: neighbours a, a' = a + 2^-N may differ in every digit (a carry), so on the 2^N
    parameters of the class |f_a - f_a'| <= 2 <= J |a - a'|, J = 2^(N + 1), attained.
    log J = (N + 1) ln 2 is the number of bits: the law with p log J stands, sqrt(nd/p)
    doesn't. [derived] After Bubeck & Sellke 2021, section 4: why the theorem bounds J.
    over_law := Lip / (epsilon sqrt(nd/p)), over_bits := Lip / (epsilon sqrt(nd/N)).
    The law in p is broken where over_law < 1. Not for exact fits at d = 2 or 3: there
    two of n random points lie ~ n^(-2/(d-1)) apart, and labels alone force a larger
    constant than sqrt(nd).
    """

    cells: Annotated[int, Between(1, 2**20)] = 4

    sizes = ("cells",)
    shown = ("over_law", "over_bits")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set, exact; Solution.bits = N."""
        s, n, d = x.shape
        nodes = (self.cells + 1) ** d
        parameters = [self._parameter(*pair) for pair in zip(x, y, strict=True)]
        signs = [self._signs(a, d) for a in parameters]

        def function(i: int, points: np.ndarray) -> np.ndarray:
            return sum(bump * signs[i][c] for c, bump in self._bumps(points))

        fits = np.stack([function(i, x[i]) for i in range(s)])
        mse = np.mean((fits - y) ** 2, axis=1)
        lipschitz = np.array([self._constant(v, d) for v in signs])
        law = (np.mean(y**2, axis=1) - mse) * math.sqrt(n * d)
        over = lipschitz / np.where(law > 0, law, np.nan)
        return Solution(
            p=1,
            mse=mse,
            lower=lipschitz,
            upper=lipschitz,
            rho=np.ones(s),
            log_j=np.full(s, (nodes + 1) * math.log(2)),
            bits=float(nodes),
            columns={"over_law": over, "over_bits": over * math.sqrt(nodes)},
            function=function,
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        nodes = (self.cells + 1) ** case.d
        if nodes > MOST_NODES:
            return f"family.cells = {self.cells}: (cells + 1)^d must be <= {MOST_NODES}"
        if case.d > MOST_AXES:
            return f"d = {case.d}: a cover of cells needs d <= {MOST_AXES}"
        return None

    def _parameter(self, x: np.ndarray, y: np.ndarray) -> int:
        """a 2^N, a whole number of N bits: no float holds it."""
        nodes = (self.cells + 1) ** x.shape[1]
        pull = np.zeros(nodes)
        for c, bump in self._bumps(x):
            np.add.at(pull, c, y * bump)
        return int.from_bytes(np.packbits(pull > 0).tobytes(), "big")

    def _signs(self, a: int, d: int) -> np.ndarray:
        """The sign of every node [N], digit by digit of a."""
        nodes = (self.cells + 1) ** d
        digits = np.frombuffer(a.to_bytes((nodes + 7) // 8, "big"), np.uint8)
        return 2.0 * np.unpackbits(digits)[:nodes] - 1.0

    def _bumps(self, x: np.ndarray) -> Any:
        """(nodes [n], bumps [n]): the 2^d nodes around each point, in turn."""
        d = x.shape[1]
        place = (np.clip(x, -1, 1) + 1) / 2 * self.cells
        low = np.minimum(np.floor(place), self.cells - 1).astype(int)
        beyond = place - low
        strides = (self.cells + 1) ** np.arange(d)
        for corner in itertools.product((0, 1), repeat=d):
            up = np.array(corner)
            yield (low + up) @ strides, np.prod(1 - np.abs(beyond - up), axis=1)

    def _constant(self, signs: np.ndarray, d: int) -> float:
        """Lip of the function with these signs on the nodes."""
        grid = signs.reshape((self.cells + 1,) * d)
        axes = np.zeros(grid.shape, int)
        for j in range(d):
            differs = np.diff(grid, axis=j) != 0
            rim = [(1, 1) if i == j else (0, 0) for i in range(d)]
            near = np.pad(differs, rim)
            axes += np.delete(near, 0, axis=j) | np.delete(near, -1, axis=j)
        return self.cells * math.sqrt(axes.max())
