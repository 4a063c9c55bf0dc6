"""The suite as its users call it: networks to their target a minute, and the table."""

import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kit.stage import TOLD, Stage, read, say

ROOT = Path(__file__).resolve().parent.parent.parent
KEPT = ("records.jsonl", "table.md", "table.json", "bracket.svg", "timing.json")
SIZES = {(256, 32): (16, 64), (512, 64): (32, 128), (1024, 128): (64, 256)}


def target(stage: Stage) -> None:
    """Mixed networks through isorobust.run: cold, then again with programs cached.

    The first run compiles everything; the second, larger one finds its programs in
    jax's persistent cache and shows what is left.
    """
    import jax

    from isorobust import run

    with tempfile.TemporaryDirectory() as folder:
        jax.config.update("jax_compilation_cache_dir", f"{folder}/cache")
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        rows: list[dict] = []
        seeds = 2 if stage.smoke else 8
        for name in ("cold", "warm"):
            began = time.perf_counter()
            run(_mixed(seeds, stage.smoke), f"{folder}/{name}")
            seconds = time.perf_counter() - began
            told = _row(Path(folder) / name, name, seconds)
            stage.save(rows=[*rows, told])
            rows.append(told)
            if (
                not stage.smoke
            ):  # so many that the second run takes half of what is left
                training = max(told["train_seconds"] - told["compile_seconds"], 0.1)
                seeds = int(min(512, max(8, seeds * stage.left() / 2 / training)))


def _mixed(seeds: int, smoke: bool) -> Any:
    """Two-layer networks of six shapes (smoke: two), all with a target they reach."""
    from isorobust.data import BalancedSigns, Sphere
    from isorobust.experiment import Cell, Experiment
    from isorobust.models import MLP
    from isorobust.training import Adam

    recipe = Adam(target_mse=0.1, learning_rate=1e-2, steps=4000)
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=width), n, d, recipe)
        for (n, d), widths in ({(64, 16): (8, 16)} if smoke else SIZES).items()
        for width in widths
    )
    return Experiment("KIT", 1, cells, seeds=seeds)


def _row(folder: Path, name: str, seconds: float) -> dict:
    records = [
        json.loads(x) for x in (folder / "records.jsonl").read_text().splitlines()
    ]
    timing = json.loads((folder / "timing.json").read_text())
    reached = sum(row["stop"] == "target" for row in records)
    return {
        "run": name,
        "networks": len(records),
        "reached": reached,
        "total_seconds": seconds,
        "reached_per_minute": 60 * reached / seconds,
        "reached_per_minute_of_training": 60 * reached / timing["train_seconds"],
    } | {key: timing[key] for key in timing if key != "networks"}


def law(stage: Stage) -> None:
    """The table of configs/law.py, as much of it as there is time for.

    Its 60 programs take an accelerator minutes to compile: with less, two pairs (n, d)
    of the sphere; then `:smoke`. A run that isn't done in time counts by what is.
    """
    sizes = [("smoke", 1.0)]
    if not stage.smoke:
        size = "cpu" if stage.left() > WHOLE else "part"
        sizes = [(size, 0.7), *sizes]
    for size, share in sizes:
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            run = Path(folder) / "run"
            ended = _isorobust(_config(folder, size), run, share * stage.left(), stage)
            seconds = time.monotonic() - began
            rows, planned = _collected(run)
            if not rows:
                continue
            place = stage.folder / "law"
            place.mkdir(exist_ok=True)
            for name in KEPT:
                if (run / name).exists():
                    shutil.copy(run / name, place / name)
            stage.save(
                size=size,
                whole=ended == 0,
                networks=len(rows),
                planned=planned,
                seconds=seconds,
                violated=sum(bool(row["violated"]) for row in rows),
                timing=read(run / "timing.json"),
            )
            return
    raise RuntimeError("not one network in time")


def _config(folder: str, size: str) -> str:
    """The config to run: without scikit-learn, it leaves out the digits."""
    whole = f"{ROOT}/configs/law.py:{'smoke' if size == 'smoke' else 'cpu'}"
    if size != "part" and importlib.util.find_spec("sklearn"):
        return whole
    less = Path(folder) / f"{size}.py"
    pairs = PART if size == "part" else None
    less.write_text(LESS.format(whole=whole, pairs=pairs, size=size))
    return str(less)


WHOLE = 400.0  # seconds from which on the whole table is tried
PART = [(256, 32), (512, 64)]
LESS = """# a part of the law's config: the sphere alone
import dataclasses
from isorobust.experiment import load
__all__ = ["sphere"]
def sphere():
    whole, pairs = load({whole!r}), {pairs!r}
    cells = tuple(
        cell for cell in whole.cells if type(cell.distribution).__name__ == "Sphere"
        and (pairs is None or (cell.n, cell.d) in pairs)
    )
    return dataclasses.replace(whole, track="LAW-S-sphere-{size}", cells=cells)
"""


def _isorobust(config: str, run: Path, seconds: float, stage: Stage) -> int | None:
    """`isorobust run` of the config; its exit status, None where time ran out."""
    call = [sys.executable, "-m", "isorobust", "run", f"--config={config}"]
    say(f"law: {config}, at most {seconds:.0f} s")
    with tempfile.TemporaryFile("w+") as told:
        process = subprocess.Popen(
            [*call, f"--workdir={run}"], stdout=subprocess.DEVNULL, stderr=told
        )
        try:
            status = process.wait(max(seconds, 5))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return None
        told.seek(0)
        error = told.read()[-TOLD:]
    if status:
        stage.fail(config, error)
    return status


def _collected(run: Path) -> tuple[list[dict], int]:
    """(records, networks planned); of a run under way, its table is written too."""
    from isorobust.report import FILES, tabulate
    from isorobust.results import records
    from isorobust.results.join import collect

    if not (run / "experiment.json").exists():
        return [], 0
    found = collect(run)
    rows = found.records
    if rows and not (run / "records.jsonl").exists():
        (run / "records.jsonl").write_text(records.write(rows))
        table = tabulate(found)
        for name, render in FILES.items():
            with contextlib.suppress(ImportError):  # a figure without matplotlib
                (run / name).write_text(render(table))
    return rows, found.planned
