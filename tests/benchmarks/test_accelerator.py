"""The accelerator kit: its cheapest stages run, and no stage takes another down."""

import json
import subprocess
import sys
import time
from pathlib import Path

import accelerator
import pytest
from kit.__main__ import FUNCTIONS
from kit.stage import Stage, read

ROOT = Path(__file__).parent.parent.parent


def test_the_smoke_of_the_cheapest_stages(tmp_path: Path) -> None:
    call = [sys.executable, "benchmarks/accelerator.py", "--smoke", "--minutes=2"]
    call += ["--only=block,loop", f"--out={tmp_path}"]
    told = subprocess.run(call, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "## Network-steps/s over m" in told.stdout
    assert (tmp_path / "summary.md").read_text() in told.stdout
    for name in ("fingerprint", "block", "loop"):
        found = json.loads((tmp_path / f"{name}.json").read_text())
        assert found["stage"]["status"] == "done", found
        assert not found.get("failures")
    loop = read(tmp_path / "loop.json")
    for row in loop["rows"]:
        assert row["ratio"] == pytest.approx(
            loop["ours"] / row["network_steps_per_second"]
        )


def test_a_stage_that_fails_is_recorded(tmp_path: Path) -> None:
    accelerator.ask("nonsense", tmp_path, tmp_path, 60, smoke=True)
    about = read(tmp_path / "nonsense.json")["stage"]
    assert about["status"] == "failed (1)" and "nonsense" in about["output"]


def test_a_stage_that_overruns_is_ended(tmp_path: Path) -> None:
    began = time.monotonic()
    accelerator.ask("block", tmp_path, tmp_path, 1.0, smoke=True)  # it takes many
    assert time.monotonic() - began < 10
    assert read(tmp_path / "block.json")["stage"]["status"] == "overran"
    accelerator.ask("fingerprint", tmp_path, tmp_path, 0.5, smoke=True)
    assert read(tmp_path / "fingerprint.json")["stage"]["status"] == "no time left"


def test_an_error_is_part_of_the_answer(tmp_path: Path) -> None:
    stage = Stage(tmp_path, "block", until=time.monotonic() + 9)
    stage.save(rows=[1])
    assert stage.attempt("division", lambda: 1 / 0) is None
    assert stage.attempt("sum", lambda: 2 + 2) == 4
    found = read(stage.file)
    assert found["rows"] == [1]
    assert found["failures"][0]["error"].startswith("ZeroDivisionError")


def test_every_stage_has_a_share_and_a_function() -> None:
    assert set(accelerator.SHARES) == set(FUNCTIONS)
    assert set(accelerator.FLAGS) | set(accelerator.FRESH) <= set(FUNCTIONS)
    for where in FUNCTIONS.values():
        room, _, function = where.partition(":")
        text = (ROOT / "benchmarks" / "kit" / f"{room}.py").read_text()
        assert f"def {function}(stage: Stage)" in text
