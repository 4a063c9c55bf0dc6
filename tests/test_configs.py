"""Every config: its docstring is a recipe card, and its `:smoke` runs."""

import json
import re
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


@pytest.mark.usefixtures("compiled_soon")
@pytest.mark.parametrize("config", CONFIGS, ids=lambda f: f.stem)
def test_smoke(config: Path, tmp_path: Path) -> None:
    found = run(load(f"{config}:smoke"), tmp_path / "run", devices=1)
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


NUMBER = r"-?(?:\d+\.?\d*|\.\d+)"
INTERVAL = re.compile(rf"({NUMBER})\s\[({NUMBER}),\s({NUMBER})\]")
COUNT = re.compile(r"Found\.\s(?:(\d+) of (\d+)|All (\d+))\b")
RESULTS = Path(__file__).parent.parent / "benchmarks" / "results"


def published(config: Path) -> list[dict]:
    """What the newest table of each of the config's published sizes says."""
    newest = {
        folder.name.split("-cpu-")[1]: folder
        for folder in sorted(RESULTS.glob(f"*-cpu-{config.stem}*"))
    }
    return [json.loads((f / "table.json").read_text()) for f in newest.values()]


def rounds(said: str, value: float) -> bool:
    """Whether `said` is the value at the digits that it has."""
    digits = len(said.partition(".")[2])
    return abs(float(said) - value) <= 0.51 * 10.0**-digits


@pytest.mark.parametrize("config", CONFIGS, ids=lambda f: f.stem)
def test_what_was_found_is_what_is_published(config: Path) -> None:
    """Intervals and counts in the card are those of the tables, to their digits."""
    tables = published(config)
    checks = [check for table in tables for check in table["checks"]]
    known = [tuple(c["found"][k] for k in ("value", "low", "high")) for c in checks]
    known = [numbers for numbers in known if None not in numbers]
    card = config.read_text().split('"""')[1]
    for said in INTERVAL.findall(card.partition("Found.")[2]):
        assert any(all(map(rounds, said, numbers)) for numbers in known), said
    count = COUNT.search(card)
    if count:
        held, of, all_ = count.groups()
        judged = [[c["passed"] is True for c in t["checks"]] for t in tables]
        assert any(
            (sum(passed), len(passed)) == (int(held or all_), int(of or all_))
            for passed in judged
        ), count[0]
