"""Every config: its docstring is a recipe card, and its `:smoke` runs."""

from pathlib import Path

import pytest

from isorobust.engine.plan import plan
from isorobust.experiment import load
from isorobust.pipeline import run
from isorobust.results.statistics import FEW

CONFIGS = sorted(Path(__file__).parent.parent.joinpath("configs").glob("[!_]*.py"))


@pytest.mark.parametrize("config", CONFIGS, ids=lambda f: f.stem)
def test_the_recipe_card(config: Path) -> None:
    card = config.read_text().split('"""')[1]
    for word in ("Question", "Prediction", "Command", "Cost", "minutes"):
        assert word in card
    assert f"isorobust run --config=configs/{config.name}" in card


@pytest.mark.parametrize("config", CONFIGS, ids=lambda f: f.stem)
def test_smoke(config: Path, tmp_path: Path) -> None:
    found = run(load(f"{config}:smoke"), tmp_path / "run")
    rows = found.records + found.rows
    assert rows and len(rows) == len(found.records) + found.table.cases
    for row in rows:
        low, high = row.get("lower"), row.get("upper")
        assert low is None or high is None or low <= high * (1 + 1e-9)
        assert not row.get("violated")
    for check in found.table.checks:  # a statistic of no row is a misspelt one
        assert check.found.rows or check.found.reason == FEW, check.claim


def test_the_first_real_table_is_as_promised() -> None:
    whole = plan(load(str(CONFIGS[0].parent / "law.py")))
    cells = [
        c for c in whole.experiment.cells if type(c.distribution).__name__ == "Sphere"
    ]
    ratios = [(c.n * c.d / c.model.folded_params(c.d)) ** 0.5 for c in cells]
    assert len({(c.n, c.d) for c in cells}) >= 7 and len(whole.trials) >= 200
    assert 1.3 < min(ratios) < 1.5 and 7.5 < max(ratios) < 8.5
    assert whole.experiment.seeds == 4 and whole.experiment.delta == 0.01
