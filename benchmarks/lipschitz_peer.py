"""The peers of lipschitz_speed.py, run with Pythons of their own: no jax, no isorobust.

python lipschitz_peer.py NAME problem.npz COUNT: bounds the first COUNT networks and
tells a line of JSON: {version, values, seconds}. problem.npz: weight_0 [N, k, d],
bias_0 [N, k], weight_1 ... of N ReLU networks with one output.
"""

import contextlib
import itertools
import sys
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from peer import tell

Weights = list[np.ndarray]
Bound = Callable[[Weights, Weights], float]


def lmi(solver: str, **options: Any) -> Bound:
    """LipSDP-Neuron as Fazlyab et al. (2019) state it, in cvxpy; slopes in [0, 1].

    min rho: the block matrix with diagonal rho I, 2 T_1, ..., 2 T_l - a a' and -W_i'T_i
    beside it is positive semidefinite, T_i >= 0 diagonal.
    """

    def bound(weights: Weights, biases: Weights) -> float:
        import cvxpy as cp  # type: ignore[import-not-found]  # in .venv-lipsdp alone

        *hidden, last = weights
        rho = cp.Variable(nonneg=True)
        own = [cp.diag(cp.Variable(len(w), nonneg=True)) for w in hidden]
        blocks: Any = [
            [np.zeros((p.shape[1], q.shape[1])) for q in weights] for p in weights
        ]
        blocks[0][0] = rho * np.eye(hidden[0].shape[1])
        for i, (w, t) in enumerate(zip(hidden, own, strict=True)):
            blocks[i + 1][i + 1] = 2 * t
            blocks[i][i + 1] = -w.T @ t
            blocks[i + 1][i] = blocks[i][i + 1].T
        blocks[-1][-1] = blocks[-1][-1] - last.T @ last
        problem = cp.Problem(cp.Minimize(rho), [cp.bmat(blocks) >> 0])
        problem.solve(solver=solver, **options)
        return float(np.sqrt(rho.value))

    return bound


def maxcut(solver: str, **options: Any) -> Bound:
    """The same number of two layers as a MaxCut problem: max <C C', X> / 4, X_ii = 1.

    That is this suite's form of it, given to a solver.
    """

    def bound(weights: Weights, biases: Weights) -> float:
        import cvxpy as cp

        c = factor(weights)
        x = cp.Variable((len(c), len(c)), PSD=True)
        problem = cp.Problem(cp.Maximize(cp.trace(c @ c.T @ x)), [cp.diag(x) == 1])
        problem.solve(solver=solver, **options)
        return float(np.sqrt(problem.value) / 2)

    return bound


def dual(solver: str, **options: Any) -> Bound:
    """The MaxCut problem's dual, which has k + 1 variables: min sum y, Y >= C C'."""

    def bound(weights: Weights, biases: Weights) -> float:
        import cvxpy as cp

        c = factor(weights)
        y = cp.Variable(len(c))
        problem = cp.Problem(cp.Minimize(cp.sum(y)), [cp.diag(y) >> c @ c.T])
        problem.solve(solver=solver, **options)
        return float(np.sqrt(problem.value) / 2)

    return bound


def factor(weights: Weights) -> np.ndarray:
    """C [k + 1, d]: a_i w_i and their sum."""
    w, a = weights
    return np.concatenate([a[0][:, None] * w, a @ w])


def eclipse(method: str) -> Bound:
    """eclipse-nn's estimators."""

    def bound(weights: Weights, biases: Weights) -> float:
        import torch  # type: ignore[import-not-found]  # in .venv-lipschitz-torch
        from eclipse_nn.LipConstEstimator import (  # type: ignore[import-not-found]
            LipConstEstimator,
        )

        layers = [torch.from_numpy(np.ascontiguousarray(w)) for w in weights]
        return float(LipConstEstimator(weights=layers).estimate(method))

    return bound


def clever(weights: Weights, biases: Weights) -> float:
    """ART's CLEVER at 0, in a ball of radius 1000; on neither side of the constant.

    f and -f are two classes: clever_u is the margin 2 |f| over its extrapolated slope.
    """
    import torch
    from art.estimators.classification import (  # type: ignore[import-not-found]
        PyTorchClassifier,
    )
    from art.metrics import clever_u  # type: ignore[import-not-found]

    nn, (w, a) = torch.nn, weights
    k, d = w.shape
    model = nn.Sequential(nn.Linear(d, k), nn.ReLU(), nn.Linear(k, 2))
    parts = (w, biases[0], np.concatenate([a, -a]), np.append(biases[1], -biases[1]))
    for parameter, part in zip(model.parameters(), parts, strict=True):
        parameter.data = torch.tensor(part, dtype=torch.float32)
    classes = PyTorchClassifier(model, nn.CrossEntropyLoss(), (d,), 2)
    x = np.zeros(d, np.float32)
    score = clever_u(classes, x, 50, 100, 1e3, 2, verbose=False)
    return abs(float(model(torch.tensor(x))[0])) / score


PEERS: dict[str, tuple[str, Bound]] = {
    "LipSDP LMI, CVXOPT": ("cvxopt", lmi("CVXOPT")),
    "LipSDP LMI, Clarabel": ("clarabel", lmi("CLARABEL")),
    "LipSDP LMI, SCS": ("scs", lmi("SCS", eps=1e-7, max_iters=200_000)),
    "MaxCut form, SCS": ("scs", maxcut("SCS", eps=1e-7, max_iters=200_000)),
    "MaxCut dual, CVXOPT": ("cvxopt", dual("CVXOPT")),
    "ECLipsE": ("eclipse-nn", eclipse("ECLipsE")),
    "ECLipsE-Fast": ("eclipse-nn", eclipse("ECLipsE_Fast")),
    "ART CLEVER": ("adversarial-robustness-toolbox", clever),
}


def main() -> None:
    """The peer that the command line names."""
    name, path, count = sys.argv[1:]
    package, bound = PEERS[name]
    warnings.simplefilter("ignore")
    with np.load(path) as file:
        depth = len(file.files) // 2
        layers = [
            [file[f"{kind}_{i}"].astype(float) for i in range(depth)]
            for kind in ("weight", "bias")
        ]
    sizes = range(3, 3 + depth)  # a tiny network first: imports and the like
    tiny = [np.ones((q, p)) for p, q in itertools.pairwise([*sizes, 1])]
    values, seconds = [], []
    with contextlib.redirect_stdout(sys.stderr):  # of those that chat
        bound(tiny, [np.ones(len(w)) for w in tiny])
        for i in range(int(count)):
            began = time.process_time()
            values.append(bound(*([part[i] for part in kind] for kind in layers)))
            seconds.append(time.process_time() - began)
    tell(version=f"{package} {version(package)}", values=values, seconds=seconds)


if __name__ == "__main__":
    main()
