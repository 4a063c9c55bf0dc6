"""The benchmarks: peers train alike, the mixed grid is as promised, files are small."""

import ast
import importlib
from pathlib import Path

import jax
import numpy as np
import pytest

from isorobust.experiment import load

FOLDER = Path(__file__).parent.parent / "benchmarks"
FILES = sorted(FOLDER.glob("*.py"))
PEERS = ("plain", "mapped", "stepped", "flax_loop")


@pytest.mark.parametrize("name", PEERS)
def test_peers_train_as_the_suite_does(name: str, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    peers, suite = (importlib.import_module(m) for m in ("jax_peers", "suite"))
    networks = suite.trials(networks=6, n=40, d=3, width=5)
    fleet = suite.Fleet(networks)
    fleet.advance(40)
    with jax.numpy_rank_promotion("allow"):
        peer = getattr(peers, name)(suite.problem(networks))
        peer.ways[""](40)
        found = peer.weights()
    for key, array in suite.weights(fleet.params()).items():
        np.testing.assert_allclose(found[key], array, atol=1e-4)


def test_the_mixed_grid_is_as_promised() -> None:
    grid = load(f"{FOLDER}/grid.py:mixed")
    assert len(grid.cells) == 62 and len(grid.trials()) == 248
    assert all(c.model.num_params(c.d) >= 1.5 * c.n for c in grid.cells)


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_files_and_functions_are_small(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name
