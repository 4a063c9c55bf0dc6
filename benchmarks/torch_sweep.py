"""The PyTorch peer of end_to_end.py, run with the Python of .venv-torch: no jax."""

import sys
import time
from typing import Any

import numpy as np
from peer import Arrays, tell
from torch_peer import network, stacked


def fit(torch: Any, problem: Arrays, recipe: Any, fused: bool) -> tuple[int, float]:
    """(steps, MSE) of one network, trained until it reaches its target.

    problem: one network, as peer.serve describes it; recipe: target MSE, rate, budget
    """
    target, rate, budget = float(recipe[0]), float(recipe[1]), int(recipe[2])
    x, y = torch.from_numpy(problem["x"][0]), torch.from_numpy(problem["y"][0])
    model = network(torch, *problem["w1"].shape[1:])
    model.load_state_dict({name: v[0] for name, v in stacked(torch, problem).items()})
    adam = torch.optim.Adam(model.parameters(), lr=rate, fused=fused)
    for step in range(budget + 1):
        loss = torch.mean((model(x).squeeze(1) - y) ** 2)
        mse = loss.item()
        if mse <= target or step == budget:
            break
        adam.zero_grad()
        loss.backward()
        adam.step()
    return step, mse


def main(path: str, how: str) -> None:
    """Fits the networks of the .npz: `recipe` [N, 3], and x_0, y_0, ..., x_1, ..."""
    import torch  # type: ignore[import-not-found]  # it lives in .venv-torch alone

    names = ("x", "y", "w1", "b1", "w2", "b2")
    with np.load(path) as file:
        recipes = file["recipe"]
        problems = [
            {name: file[f"{name}_{i}"] for name in names} for i in range(len(recipes))
        ]
    began = time.perf_counter()
    fits = [
        fit(torch, problem, recipe, how == "fused")
        for problem, recipe in zip(problems, recipes, strict=True)
    ]
    reached = [mse <= recipe[0] for (_, mse), recipe in zip(fits, recipes, strict=True)]
    tell(
        train_seconds=time.perf_counter() - began,
        steps=sum(step for step, _ in fits),
        reached=int(sum(reached)),
        version=f"torch {torch.__version__}",
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
