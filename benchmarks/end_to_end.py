"""3,200 networks a minute reach their target: 2.7 times two PyTorch loops.

| contestant | training s | wall s | a minute | / PyTorch | programs | x ideal |
| --- | ---: | ---: | ---: | ---: | ---: | ---: |
| isorobust, ladder=coarse, cold | 7.3 | 10.3 | 2,032 | 1.69 | 12 | 2.78 |
| warm | 4.6 | 7.6 | 3,210 | 2.67 | 12 | 1.76 |
| again | 4.1 | 5.8 | 3,652 | 3.04 | 12 | 1.55 |
| isorobust (fine), cold | 22.4 | 26.5 | 664 | .55 | 62 | 16.8 |
| warm | 6.2 | 10.1 | 2,383 | 1.98 | 62 | 4.69 |
| isorobust, ladder=exact, cold | 22.6 | 26.6 | 658 | .55 | 62 | 20.0 |
| warm | 6.5 | 10.5 | 2,298 | 1.91 | 62 | 5.73 |
| again | 5.6 | 8.0 | 2,650 | 2.21 | 62 | 4.97 |
| PyTorch loop, two processes | 12.4 | 14.0 | 1,201 | 1.00 | - | - |
| PyTorch fused loop, two processes | 9.6 | 10.9 | 1,548 | 1.29 | - | - |

One round, 2 cores of an AMD EPYC, jax 0.10.2, torch 2.13.0, 2026-11-24; networks a
minute and ratios are of the training stage. The coarse ladder against exact shapes: 3.1
times as fast cold, 1.4 times warm. At the grid's rate of 1e-3 a network takes 426
steps; at a larger rate it takes fewer, and compiling weighs more.

Question. A mixed grid (grid.py: 62 shapes x 4 seeds) is brought to its target MSE.
isorobust.run against a PyTorch loop that evaluates its stop rule from the loss it has
anyway, in a process per core, each pinned, with half of the networks. Same data, first
parameters, Adam and targets.

"cold" is a fresh process with an empty compile cache, "warm" one with the cache that
the cold one left, "again" the same call once more in the warm process. "training s" is
the training stage, compiling and drawing data included (for PyTorch: all but importing
and loading); "wall s" is the whole process, bounds and tables included. "x ideal" is
the training stage over the sum over networks of steps x best seconds a step of their
rung with all devices busy: what compiling, waiting and bookkeeping cost.

Command.  python benchmarks/end_to_end.py [--rounds=3] [--set field=value] [--quick]
Cost.     Ten minutes on 2 cores; --quick (another grid, one round) a minute and a half.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import environments
import numpy as np
import suite
import torch_sweep
from peer import cores, hear, launch, say, tell

import isorobust
from isorobust.door import BadInput
from isorobust.experiment import Experiment, load

GRID = Path(__file__).with_name("grid.py")
VARIANTS: dict[str, list[str]] = {
    "isorobust": [],
    "isorobust, ladder=coarse": ["ladder=coarse"],
    "isorobust, ladder=exact": ["ladder=exact"],
}
OTHERS = {"PyTorch loop": "plain", "PyTorch fused loop": "fused"}
CACHED = {  # whatever it cost to compile
    "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
}

Found = dict[tuple[str, str], list[dict]]  # (contestant, state) -> a dict a round


def run(spec: str, folder: str, times: str, *settings: str) -> None:
    """Worker: the experiment so many times, each from nothing; a line of JSON each."""
    for i in range(int(times)):
        result = isorobust.run(load(spec, settings), Path(folder, str(i)))
        timing = json.loads((result.folder / "timing.json").read_text())
        steps: Counter[str] = Counter()
        for row in result.records:
            steps[row["rung"]] += row["steps"]
        tell(
            train_seconds=timing["train_seconds"],
            steps=steps.total(),
            rungs=steps,
            reached=sum(row["reached"] for row in result.records),
            version=suite.made(),
        )


def pace(spec: str, *settings: str) -> None:
    """Worker: {rung: best network-steps/s with all devices busy}, as a line of JSON."""
    networks = load(spec, settings).trials()
    found = {}
    for shape in dict.fromkeys(map(suite.rung_of, networks)):
        cell = next(t.cell for t in networks if suite.rung_of(t) == shape)
        found[shape] = suite.Fleet(suite.busy(cell)).best()
    tell(rates=found)


def once(spec: str, settings: list[str], place: Path) -> dict[str, dict]:
    """{"cold", "warm", "again": what a run told, with its wall seconds}."""
    env = CACHED | {"JAX_COMPILATION_CACHE_DIR": str(place / "cache")}
    found = {}
    for states in (("cold",), ("warm", "again")):
        folder = str(place / states[0])
        call = [sys.executable, __file__, "--worker=run", spec, folder]
        began = time.perf_counter()
        with launch([*call, str(len(states)), *settings], env=env) as process:
            for state in states:
                told = hear(f"isorobust, {state}", process)
                now = time.perf_counter()
                found[state] = told | {"wall_seconds": now - began}
                began = now
    return found


def paces(spec: str, settings: list[str], place: Path) -> dict[str, float]:
    """{rung: best network-steps/s with all devices busy}."""
    env = CACHED | {"JAX_COMPILATION_CACHE_DIR": str(place / "cache")}
    call = [sys.executable, __file__, "--worker=pace", spec, *settings]
    with launch(call, env=env) as process:
        return hear("isorobust, pace", process)["rates"]


def loops(how: str, python: str, files: list[Path]) -> dict:
    """What the PyTorch processes told together, with their wall seconds."""
    began, told = time.perf_counter(), []
    calls = [[python, str(torch_sweep.__file__), str(file), how] for file in files]
    processes = [launch(c, pin) for c, pin in zip(calls, cores(), strict=True)]
    for process in processes:
        with process:
            told.append(hear("PyTorch", process))
    return {
        "train_seconds": max(one["train_seconds"] for one in told),
        "wall_seconds": time.perf_counter() - began,
        "steps": sum(one["steps"] for one in told),
        "reached": sum(one["reached"] for one in told),
        "version": told[0]["version"],
    }


def write(experiment: Experiment, place: Path) -> list[Path]:
    """The .npz of every PyTorch process: data, first parameters, recipes."""
    networks, count = experiment.trials(), len(cores())
    files = []
    for part in range(count):
        arrays, recipes = {}, []
        for i, trial in enumerate(networks[part::count]):
            recipe = trial.cell.recipe
            recipes.append([recipe.target_mse, recipe.learning_rate, recipe.steps])
            for name, array in suite.problem([trial]).items():
                arrays[f"{name}_{i}"] = array
        files.append(place / f"part-{part}.npz")
        np.savez(files[-1], allow_pickle=False, recipe=np.array(recipes), **arrays)
    return files


def compete(
    spec: str, settings: list[str], rounds: int
) -> tuple[Found, dict[str, dict[str, float]]]:
    """({contestant: what it told}, {variant: its paces})."""
    variants = {name: [*settings, *own] for name, own in VARIANTS.items()}
    experiment = load(spec, settings)
    found: Found = {}
    speeds = {}
    python = environments.python(environments.TORCH)
    with tempfile.TemporaryDirectory() as folder:
        files = write(experiment, Path(folder))
        for i in range(rounds):
            for name, own in variants.items():
                say(f"round {i + 1} of {rounds}: {name}")
                place = Path(folder, str(i), name)
                for state, told in once(spec, own, place).items():
                    found.setdefault((name, state), []).append(told)
            for name, how in OTHERS.items():
                if python is None:
                    break
                say(f"round {i + 1} of {rounds}: {name}")
                found.setdefault((name, ""), []).append(loops(how, python, files))
        for name, own in variants.items():
            say(f"{name}: the pace of every rung")
            speeds[name] = paces(spec, own, Path(folder, "0", name))
    return found, speeds


def render(found: Found, speeds: dict[str, dict[str, float]]) -> str:
    """The table in Markdown."""
    lines = [
        "| contestant | training s | wall s | networks at target a minute: training "
        "| wall | / PyTorch loop: training | wall | at target | steps | programs "
        "| x ideal |",
        "| --- |" + " ---: |" * 10,
    ]
    loop = found.get(("PyTorch loop", ""))
    for (name, state), rounds in found.items():
        one = rounds[0]
        times = [[r[k] for r in rounds] for k in ("train_seconds", "wall_seconds")]
        shown = [
            f"{statistics.median(t):.1f} [{min(t):.1f}, {max(t):.1f}]" for t in times
        ]
        shown += [f"{60 * one['reached'] / statistics.median(t):,.0f}" for t in times]
        for key in ("train_seconds", "wall_seconds"):
            pairs = zip(loop or [], rounds, strict=False)
            ratios = [a[key] / b[key] for a, b in pairs]
            shown.append(f"{statistics.median(ratios):.2f}" if ratios else "-")
        shown += [str(one["reached"]), f"{one['steps']:,}"]
        if name in speeds:
            pace, steps = speeds[name], one["rungs"]
            ideal = sum(count / pace[rung] for rung, count in steps.items())
            over = f"{statistics.median(times[0]) / ideal:.2f} ({ideal:.2f} s)"
            shown += [str(len(steps)), over]
        else:
            shown += ["-", "-"]
        about = ", ".join(filter(None, (one["version"], state)))
        lines.append(f"| {name} ({about}) | {' | '.join(shown)} |")
    return "\n".join(
        [*lines, "", f"rounds: {len(next(iter(found.values())))}; {suite.machine()}"]
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--worker", choices=["run", "pace"], help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        worker = run if args.worker == "run" else pace
        return worker(*args.words)
    spec = f"{GRID}:{'quick' if args.quick else 'mixed'}"
    try:
        found, speeds = compete(spec, args.set, 1 if args.quick else args.rounds)
    except (BadInput, RuntimeError) as error:
        say(str(error))
        sys.exit(1)
    print(render(found, speeds))


if __name__ == "__main__":
    main()
