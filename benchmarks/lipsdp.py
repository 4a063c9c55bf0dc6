"""LipSDP-Neuron by a solver, run with the Python of .venv-solver: no jax, no isorobust.

The matrix inequality of Fazlyab et al. (2019, theorem 2) for slopes in [0, 1]: with v =
(x, h_1, .., h_m), z_i = W_i h_(i-1) and T_i >= 0 diagonal,

    |W_D h_m|^2 - rho |x|^2 + 2 sum_i h_i' T_i (z_i - h_i) <= 0 for all v

gives L^2 <= rho. Written here from the paper, solved by Clarabel.
"""

import json
import sys

import numpy as np

TOLERANCE = 1e-10


def value(weights: list[np.ndarray]) -> float:
    """The least L [that the inequality gives]; nan where the solver fails."""
    import cvxpy as cp  # type: ignore[import-not-found]  # it lives in .venv-solver alone

    weights, factor = even(weights)
    sizes = [w.shape[1] for w in weights]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    eye = np.eye(int(ends[-1]))
    parts = [eye[ends[i] : ends[i + 1]] for i in range(len(sizes))]
    rho, matrix = cp.Variable(), 0
    for w, before, after in zip(weights, parts, parts[1:], strict=False):
        t = cp.diag(cp.Variable(len(w), nonneg=True))
        cross = after.T @ t @ (w @ before - after)
        matrix = matrix + cross + cross.T
    last = weights[-1] @ parts[-1]
    matrix = matrix + last.T @ last - rho * (parts[0].T @ parts[0])
    problem = cp.Problem(cp.Minimize(rho), [-(matrix + matrix.T) / 2 >> 0])
    names = "tol_gap_abs", "tol_gap_rel", "tol_feas"
    try:
        problem.solve(solver=cp.CLARABEL, **dict.fromkeys(names, TOLERANCE))
    except cp.SolverError:
        return float("nan")
    solved = problem.status in ("optimal", "optimal_inaccurate")
    return factor * float(np.sqrt(rho.value)) if solved else float("nan")


def even(weights: list[np.ndarray]) -> tuple[list[np.ndarray], float]:
    """Units of equal size in and out, layers of size 1: kinder to a solver, the same L.

    (weights, factor): L of the given ones is factor times that of the returned ones.
    """
    weights, factor = [w.copy() for w in weights], 1.0
    for i in range(len(weights) - 1):
        into = np.linalg.norm(weights[i], axis=1)
        out = np.linalg.norm(weights[i + 1], axis=0)
        alive = (into > 0) & (out > 0)
        weights[i], weights[i + 1] = weights[i][alive], weights[i + 1][:, alive]
        t = np.sqrt(out[alive] / into[alive])
        weights[i], weights[i + 1] = weights[i] * t[:, None], weights[i + 1] / t
    for i, w in enumerate(weights):
        size = float(np.linalg.norm(w, 2)) if w.size else 1.0
        weights[i], factor = w / size, factor * size
    return weights, factor


if __name__ == "__main__":
    for line in sys.stdin:  # a network a line: its matrices
        matrices = [np.array(w, float) for w in json.loads(line)]
        print(json.dumps(value(matrices)), flush=True)
