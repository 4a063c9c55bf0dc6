"""Linear families on a random projection: exact constants, exact theory."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np

from isorobust.door import AtLeast
from isorobust.models.interpolants.solution import Solution

__all__ = ["MinNorm"]


@dataclass(frozen=True)
class MinNorm:
    """f(x) = w . Q'x of least norm through all points; Q [d, m] random orthonormal.

    n < m <= d. Lip = |w| exactly, p = m, and for x uniform on the sphere or N(0, I/d)
    E Lip^2 = n d / (m - n - 1) (inverse Wishart): Lip / sqrt(nd/p) is
    (1 - (n + 1) / p)^(-1/2) =: load. [derived]
    """

    m: Annotated[int, AtLeast(1)] = 128

    sizes = ("m",)
    shown = ("load", "over_load")

    def solve(
        self, x: np.ndarray, y: np.ndarray, radius: float, rng: np.random.Generator
    ) -> Solution:
        """One function a data set; J = R."""
        s, n, d = x.shape
        project = np.linalg.qr(rng.standard_normal((s, d, self.m)))[0]
        z = x @ project
        w = z.mT @ np.linalg.solve(z @ z.mT, y[..., None])
        mse = np.mean((z @ w - y[..., None])[..., 0] ** 2, axis=1)
        lipschitz = np.linalg.norm(w[..., 0], axis=1)
        load = (1 - (n + 1) / self.m) ** -0.5
        theory = load * math.sqrt(n * d / self.m)
        return Solution(
            p=self.m,
            mse=mse,
            lower=lipschitz,
            upper=lipschitz,
            rho=lipschitz,
            log_j=np.full(s, math.log(radius)),
            rank=self.m,
            columns={"load": np.full(s, load), "over_load": lipschitz / theory},
        )

    def objection(self, case: Any) -> str | None:
        """What is wrong with a case of this family."""
        if not case.n + 1 < self.m <= case.d:
            return f"family.m = {self.m}: must be within n + 2 and d = {case.d}"
        return None
