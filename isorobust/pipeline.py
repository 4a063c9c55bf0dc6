"""The pipeline on one page: plan -> train -> measure -> records -> table."""

import dataclasses
import functools
import importlib.metadata
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isorobust import report
from isorobust.engine import lanes, pages
from isorobust.engine.ladder import LADDER, rung
from isorobust.engine.plan import PAGE, Page, Plan, flops_per_step, plan
from isorobust.engine.spread import spread
from isorobust.engine.store import Store, opened, write_whole
from isorobust.experiment import Cell, Experiment, Trial, describe, digest, validate
from isorobust.progress import Watch
from isorobust.report.table import Table
from isorobust.results import records
from isorobust.results.join import collect


@dataclass(frozen=True)
class Result:
    """What a run leaves behind.

    folder: where; records: one dict a trial, in plan order; table: the table of the
    law; trained: networks that this call trained (0: there was nothing left to do)
    """

    folder: Path
    records: list[dict]
    table: Table
    trained: int


def run(
    experiment: Experiment,
    workdir: str | Path | None = None,
    devices: int | None = None,
) -> Result:
    """Trains, measures and tabulates every network of an experiment.

    workdir: a folder to keep the run in; the same call continues it after any
        interruption, to the same records. Without it, a temporary folder.
    devices: how many devices to use (CPU: XLA devices), all by default; no number of
        them changes a record.

    Raises BadInput for an experiment that can't be, or a folder that holds another.
    """
    validate(experiment, "experiment")
    programs = [lanes.Programs(device) for device in lanes.devices(devices)]
    folder = Path(workdir or tempfile.mkdtemp(prefix="isorobust-"))
    whole = plan(experiment)
    with opened(folder, identity(whole)) as store:
        began = time.perf_counter()
        trained = _train(whole, store, programs)
        train_seconds = time.perf_counter() - began
        measured = _measure(whole, store, programs)
        rows, planned = collect(folder)
        result = Result(folder, rows, publish(folder, rows, planned), trained)
        if trained or measured:
            seconds = (train_seconds, time.perf_counter() - began)
            _write_timing(folder, rows, trained, seconds, programs)
        return result


def identity(whole: Plan) -> dict:
    """What experiment.json says: all that decides a network, its hash, the trials.

    `bounds` stands beside the experiment: asking for others is no other experiment.
    """
    experiment = whole.experiment
    decides = {**describe(experiment), "ladder": LADDER, "page": PAGE}
    del decides["bounds"]
    return {
        "experiment": decides,
        "sha256": digest(decides),
        "bounds": whole.bounds,
        "trials": [_identity(experiment, trial) for trial in whole.trials],
        "pages": {page.name: [t.uid for t in page.trials] for page in whole.pages},
        "command": sys.argv,
        "started_with": provenance(),
    }


def _train(whole: Plan, store: Store, programs: list[lanes.Programs]) -> int:
    """Trains the pages that the store lacks; how many networks that were."""
    todo = [page for page in whole.pages if not store.has_page(page.name)]
    networks = sum(len(page.trials) for page in todo)
    if not todo:
        return 0
    with Watch("train", sum(page.cost for page in todo), networks) as watch:

        def work(page: Page, programs: lanes.Programs) -> tuple[Any, list[dict]]:
            per_step = flops_per_step(page.trials[0].cell, page.rung)
            ticked = 0.0

            def tick(steps: int) -> None:
                nonlocal ticked
                ticked += steps * per_step
                watch.advance(steps * per_step)

            found = pages.train(page, programs, tick)
            watch.advance(page.cost - ticked, len(page.trials))
            return found

        for page, (params, rows) in spread(todo, programs, work):
            about = {"provenance": provenance(), "peak_bytes": _peak_bytes()}
            store.write_page(page.name, params, [row | about for row in rows])
    return networks


def _measure(whole: Plan, store: Store, programs: list[lanes.Programs]) -> int:
    """Measures what the store lacks of every page; how many pages that were."""
    asked = whole.bounds
    missing = {
        page.name: tuple(
            name for name in asked if not store.has(page.name, f"bound_{name}")
        )
        for page in whole.pages
    }
    todo = [p for p in whole.pages if missing[p.name] or not store.has(p.name, "fit")]
    if not todo:
        return 0
    with Watch("measure", len(todo), sum(len(page.trials) for page in todo)) as watch:

        def work(page: Page, programs: lanes.Programs) -> dict[str, list[dict]]:
            params, names = store.params(page.name), missing[page.name]
            delta = whole.experiment.delta
            found = pages.measure(page, params, names, delta, programs)
            watch.advance(1, len(page.trials))
            return found

        for page, parts in spread(todo, programs, work):
            store.write(page.name, parts)
    return len(todo)


def publish(folder: Path, rows: list[dict], planned: int) -> Table:
    """Writes records.jsonl and the table in every format; each whole or not at all."""
    write_whole(folder / "records.jsonl", records.write(rows))
    table = report.tabulate(rows, planned)
    for name, render in report.FILES.items():
        write_whole(folder / name, render(table))
    return table


def _identity(experiment: Experiment, trial: Trial) -> dict:
    """The identity columns of a trial's record."""
    cell, model = trial.cell, trial.cell.model
    return {
        "uid": trial.uid,
        "track": experiment.track,
        "track_version": experiment.version,
        "block": block(cell),
        "cell": cell.uid,
        "seed": trial.seed,
        "distribution": _spoken(cell.distribution),
        "target": _spoken(cell.target),
        "model": type(model).__name__ + ("+bn" if model.batch_norm else ""),
        "width": model.width,
        "depth": model.depth,
        "activation": model.activation,
        "n": cell.n,
        "d": cell.d,
        "p_trained": model.num_params(cell.d),
        "rung": str(rung(cell)),
        "recipe": _spoken(cell.recipe),
        "target_mse": cell.recipe.target_mse,
        "flops_per_step": flops_per_step(cell),
    }


def block(cell: Cell) -> str:
    """The cells that a table may pool: all but sizes and seeds is the same."""
    model = cell.model
    parts = [f"{model.depth}-layer {model.activation}", _spoken(cell.distribution)]
    if model.batch_norm:
        parts[0] += " with batch norm"
    parts += [_spoken(cell.target), _spoken(cell.recipe, brief=True)]
    return "; ".join(parts)


def _spoken(choice: Any, brief: bool = False) -> str:
    """`Path(target_mse=0.1, steps=2500)`: the fields (brief: those not at default)."""
    if hasattr(choice, "identity"):
        named = choice.identity()
    else:
        named = {f.name: getattr(choice, f.name) for f in dataclasses.fields(choice)}
        if brief:
            default = {f.name: f.default for f in dataclasses.fields(choice)}
            named = {
                k: v for k, v in named.items() if k == "target_mse" or v != default[k]
            }
    said = [f"{k}={f'{v:g}' if isinstance(v, float) else v}" for k, v in named.items()]
    return f"{type(choice).__name__}({', '.join(said)})"


def provenance() -> dict:
    """The columns of a record that say what made it; honest runs may differ in them."""
    devices = lanes.devices()
    return {
        "software_isorobust": importlib.metadata.version("isorobust"),
        "software_git": _git(),
        "software_jax": importlib.metadata.version("jax"),
        "software_jaxlib": importlib.metadata.version("jaxlib"),
        "software_python": platform.python_version(),
        "software_xla_flags": os.environ.get("XLA_FLAGS", ""),
        "device_kind": devices[0].device_kind,
        "device_count": len(devices),
        "device_precision": "training: default, bounds: highest and float64",
        "host_cpu": _cpu(),
    }


@functools.cache  # asked once a page
def _git() -> str | None:
    """The commit of the checkout the package runs from, "+dirty" with local changes."""
    here = Path(__file__).parent
    if not (here.parent / ".git").exists():
        return None

    def ask(*words: str) -> str:
        command = ["git", "-C", str(here), *words]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    commit = ask("rev-parse", "--short=12", "HEAD")
    return commit + ("+dirty" if ask("status", "--porcelain", "-uno") else "") or None


@functools.cache
def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return f"{names[0] if names else platform.machine()} x {len(names) or 1}"


def _peak_bytes() -> int:
    """Largest memory of this process so far (the accelerator's, where it tells)."""
    stats = lanes.devices()[0].memory_stats()
    if stats:
        return int(stats["peak_bytes_in_use"])
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _write_timing(
    folder: Path,
    rows: list[dict],
    trained: int,
    seconds: tuple[float, float],
    programs: list[lanes.Programs],
) -> None:
    """timing.json: what the last call that had work to do did, and how fast."""
    train, total = seconds
    # of a resumed run, only the share this call trained counts
    share = trained / len(rows) if rows else 0.0
    flops = share * sum(row["flops"] for row in rows)
    roof = lanes.roof(programs)
    write_whole(
        folder / "timing.json",
        json.dumps(
            {
                "networks": trained,
                "train_seconds": train,
                "total_seconds": total,
                "networks_per_second": trained / train,
                "network_steps_per_second": share
                * sum(r["steps"] for r in rows)
                / train,
                "flop_per_second": flops / train,
                "matmul_roof_flop_per_second": roof,
                "share_of_roof": flops / train / roof,
                "compile_seconds": sum(p.compile_seconds for p in programs),
                "programs": sum(p.compiled for p in programs),
                "peak_bytes": _peak_bytes(),
            },
            indent=1,
        )
        + "\n",
    )
