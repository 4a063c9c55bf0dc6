"""What bounds a step: arithmetic, memory traffic, or the launching of kernels?"""

import math
import re
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import jax

from kit.block import SHAPES, TINY, best_m, measure, with_flops
from kit.engine import Shape, block, chunk, one_step
from kit.stage import Stage, measured

CLOSE = 0.5  # a share of a roof from which on the roof binds


def profile(stage: Stage) -> None:
    """Of some shapes at their best m: bytes, operations and kernels a step, and shares.

    Counts are of the program of ONE step: of a loop XLA would count the body once.
    """
    roofs = measured(stage.folder)
    rows: list[dict] = []
    for shape in TINY[:1] if stage.smoke else SHAPES:
        if not stage.has(6):
            break
        m = best_m(stage, shape)
        row = stage.attempt(str(shape), partial(_row, stage, shape, m, roofs))
        if row:
            rows.append(row)
            stage.save(roofs=roofs, rows=rows)
    if stage.has(15):  # last: a profiler may take the process with it
        shape = TINY[0] if stage.smoke else SHAPES[0]
        good = best_m(stage, shape)
        for m in dict.fromkeys((good if stage.smoke else 128, good)):
            traced = partial(_trace, shape, m)
            found = stage.attempt(f"trace, m={m}", traced)
            stage.save(traces=[*stage.found.get("traces", []), found])


def _row(stage: Stage, shape: Shape, m: int, roofs: dict) -> dict[str, Any]:
    made = block(shape, m)
    advance, _ = chunk(made)
    seconds = measure(made, advance, stage.smoke)
    compiled = jax.jit(one_step(made)).lower(*made[1:]).compile()
    kernels = traffic(compiled.as_text() or "")
    moved = sum(kernel["bytes"] for kernel in kernels) / m
    row: dict[str, Any] = {"shape": str(shape), "m": m} | with_flops(shape, m, seconds)
    row |= {
        "kernels": len(kernels),
        "bytes_per_network_step": moved,
        "bytes_by_xla": _xla_bytes(compiled, m),
        "least_bytes_per_network_step": shape.least_bytes,
        "flop_per_network_step": shape.flops,
        "temporary_bytes": _temporary(compiled),
        "bytes_per_second": moved * row["network_steps_per_second"],
        "programs": kernels,
    }
    row["intensity"] = shape.flops / max(moved, 1.0)
    row["flop_share"] = _share(row["flop_per_second"], roofs["flop_per_second"])
    row["byte_share"] = _share(row["bytes_per_second"], roofs["bytes_per_second"])
    row["turn_share"] = _share(roofs["seconds_per_turn"], seconds)
    row["bound"] = _bound(row)
    return row


def _share(part: float | None, whole: float | None) -> float | None:
    return part / whole if part and whole else None


def _bound(row: dict) -> str:
    """The largest share names what binds; none above CLOSE: latency."""
    shares = {
        "arithmetic": row["flop_share"] or 0.0,
        "memory traffic": row["byte_share"] or 0.0,
        "the loop's turn": row["turn_share"] or 0.0,
    }
    if not any(shares.values()):
        return "unknown: no roofs"
    name = max(shares, key=lambda key: shares[key])
    return name if shares[name] >= CLOSE else f"latency, then {name}"


def _temporary(compiled: Any) -> int | None:
    stats = compiled.memory_analysis()
    return getattr(stats, "temp_size_in_bytes", None)


def _xla_bytes(compiled: Any, m: int) -> float | None:
    """XLA's own count of bytes accessed, a network; not every backend has one."""
    cost = compiled.cost_analysis() or {}
    cost = cost[0] if isinstance(cost, list) else cost  # older jax
    return cost["bytes accessed"] / m if "bytes accessed" in cost else None


def traffic(text: str) -> list[dict]:
    """What the entry computation of an HLO text runs: name, kind, bytes of each.

    bytes: of its operands and results, each counted once
    """
    sizes: dict[str, float] = {}
    found = []
    for line in text[text.find("\nENTRY ") :].splitlines():
        parts = re.match(r"\s*(?:ROOT )?%?([\w.-]+) = (.*?) ([a-z][\w-]*)\((.*)", line)
        if not parts:
            continue
        name, kind, operands = parts[1], parts[3], parts[4].split("), ")[0]
        sizes[name] = _size(parts[2])
        if kind not in IDLE:
            read = {one for one in re.findall(r"%([\w.-]+)", operands) if one in sizes}
            moved = sizes[name] + sum(sizes[one] for one in read)
            found.append({"kernel": name, "kind": kind, "bytes": moved})
    return found


IDLE = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast"}
WIDTHS = {
    "pred": 1,
    "s8": 1,
    "u8": 1,
    "bf16": 2,
    "f16": 2,
    "s64": 8,
    "u64": 8,
    "f64": 8,
}


def _size(kind: str) -> float:
    """Bytes of an HLO type, or of all parts of a tuple: `f32[16,64]{1,0}`."""
    parts = re.findall(r"([a-z]+\d*)\[([\d,]*)\]", kind)
    return sum(
        WIDTHS.get(name, 4) * math.prod(int(n) for n in shape.split(",") if n)
        for name, shape in parts
    )


def _trace(shape: Shape, m: int, steps: int = 20) -> dict[str, Any]:
    """The device's most expensive kernels: us a step and calls a step.

    Read with jax's own reader of its traces; empty on a backend that tells no kernels.
    """
    made = block(shape, m)
    advance, _ = chunk(made)
    jax.block_until_ready(advance(made.lanes, steps))
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            jax.block_until_ready(advance(made.lanes, steps))
        files = sorted(Path(folder).rglob("*.xplane.pb"))
        data = jax.profiler.ProfileData.from_file(str(files[-1]))
    spent: Counter = Counter()
    calls: Counter = Counter()
    for plane in data.planes:
        if "/device:" not in plane.name:
            continue
        for line in plane.lines:
            if not line.name.startswith("Stream"):
                continue
            for event in line.events:
                spent[event.name] += event.duration_ns / 1e3 / steps
                calls[event.name] += 1
    rows = [
        {"kernel": name[:80], "us_per_step": us, "calls_per_step": calls[name] / steps}
        for name, us in spent.most_common(16)
    ]
    return {"shape": str(shape), "m": m, "rows": rows}
