"""Runs with cases and rules: interrupted, damaged, judged anew, rebuilt without jax."""

import dataclasses
import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from isorobust.cases import Family
from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.models.interpolants import MinNorm
from isorobust.pipeline import Interrupted, run
from isorobust.results.join import collect
from isorobust.results.records import varies
from isorobust.results.rules import Rule, Summary
from isorobust.training import Adam

CASES = tuple(
    Family(Sphere(), BalancedSigns(), MinNorm(m), n, 32)
    for n, m in ((6, 16), (6, 32), (12, 24), (12, 32))
)
SOUND = Rule("no floor is violated", Summary("violated", "sum"), (0.0, 0.0))
WRONG = Rule("MinNorm is 1-Lipschitz", Summary("exact", "largest"), (0.0, 1.0))
SOLVED = Experiment("SOLVED", 1, seeds=2, cases=CASES, rules=(SOUND, WRONG))


def honest(rows: list[dict]) -> list[dict]:
    return [{k: v for k, v in row.items() if not varies(k)} for row in rows]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    found = run(SOLVED, tmp_path_factory.mktemp("solved") / "run")
    assert (found.solved, found.trained, len(found.rows)) == (4, 0, 8)
    return honest(found.rows)


def test_networks_and_cases_in_one_table(tmp_path: Path, reference: list[dict]) -> None:
    cell = Cell(Sphere(), BalancedSigns(), MLP(width=4), 12, 32, Adam(0.3, steps=300))
    both = dataclasses.replace(SOLVED, cells=(cell,), bounds=("random", "product"))
    found = run(both, tmp_path / "run")
    assert honest(found.rows) == reference and len(found.records) == 2
    assert [check.passed for check in found.table.checks] == [True, False]
    assert found.table.checks[0].found.rows == 10
    text = (tmp_path / "run" / "table.md").read_text()
    assert "| no floor is violated | 0 | 0 to 0 | 10 | pass |" in text
    assert "1 of 2 predictions hold." in text and "## MinNorm(); Sphere()" in text
    lines = (tmp_path / "run" / "cases.jsonl").read_text().splitlines()
    assert honest([json.loads(line) for line in lines]) == reference


def test_interrupted_it_goes_on(
    tmp_path: Path, reference: list[dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    stop, folder = threading.Event(), tmp_path / "run"
    once = Family.rows

    def rows(self: Family, *arguments: object) -> list[dict]:
        stop.set()
        return once(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Family, "rows", rows)
    with pytest.raises(Interrupted):
        run(SOLVED, folder, devices=1, stop=stop)
    monkeypatch.undo()
    assert len(collect(folder).rows) == 2
    found = run(SOLVED, folder)
    assert found.solved == 3 and honest(found.rows) == reference
    assert run(SOLVED, folder).solved == 0


def test_a_damaged_case_is_named_and_done_again(
    tmp_path: Path, reference: list[dict], capsys: pytest.CaptureFixture
) -> None:
    folder = tmp_path / "run"
    run(SOLVED, folder)
    file = folder / "cases" / f"{CASES[1].uid}.json"
    file.write_text(file.read_text().replace("MinNorm", "MaxNorm", 1))
    capsys.readouterr()
    found = run(SOLVED, folder)
    assert found.solved == 1 and honest(found.rows) == reference
    assert f"cases/{CASES[1].uid}.json: damaged" in capsys.readouterr().err


def test_other_rules_are_no_other_experiment(tmp_path: Path) -> None:
    run(SOLVED, tmp_path / "run")
    found = run(dataclasses.replace(SOLVED, rules=(SOUND,)), tmp_path / "run")
    assert found.solved == 0 and len(found.table.checks) == 1
    assert collect(tmp_path / "run").rules == [SOUND]


def test_the_report_needs_no_jax(tmp_path: Path) -> None:
    run(SOLVED, tmp_path / "run")
    code = (
        "import sys; sys.modules['jax'] = None; sys.modules['flax'] = None\n"
        "from argparse import Namespace; from isorobust.cli.report import call\n"
        f"runs = [{str(tmp_path / 'run')!r}]\n"
        "call(Namespace(runs=runs, format='md', figure='bracket', out=None))"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    assert done.stdout == (tmp_path / "run" / "table.md").read_text()
