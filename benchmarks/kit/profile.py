"""What bounds a step: arithmetic, memory traffic, or the launching of kernels?"""

import re
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.kit.block import SHAPES, TINY, best_m, measure, with_flops
from benchmarks.kit.engine import Block, Shape, block, chunk, one_step
from benchmarks.kit.stage import Stage

CLOSE = 0.5  # a share of a roof from which on the roof binds


def profile(stage: Stage) -> None:
    """Of some shapes at their best m: bytes, operations and kernels a step, and shares.

    XLA's own counts are of the program of ONE step (it counts a loop's body once).
    """
    roofs = _roofs(stage)
    rows: list[dict] = []
    for shape in TINY[:1] if stage.smoke else SHAPES:
        if not stage.has(6):
            break
        m = best_m(stage, shape)
        row = stage.attempt(str(shape), partial(_row, stage, shape, m, roofs))
        if row:
            rows.append(row)
            stage.save(roofs=roofs, rows=rows)


def _roofs(stage: Stage) -> dict[str, float | None]:
    """FLOP/s of the precision that training uses; bytes/s; seconds of a turn."""
    found = stage.read("roofs")
    copies = [
        rate for rate in (found.get("copy_bytes_per_second") or {}).values() if rate
    ]
    return {
        "flop_per_second": (found.get("best") or {}).get("f32 default"),
        "flop_per_second_highest": (found.get("best") or {}).get("f32 highest"),
        "bytes_per_second": copies[-1] if copies else None,
        "seconds_per_turn": (found.get("seconds_per_turn") or {}).get("while"),
    }


def _row(stage: Stage, shape: Shape, m: int, roofs: dict) -> dict[str, Any]:
    made = block(shape, m)
    advance, _ = chunk(made)
    seconds = measure(made, advance, stage.smoke)
    compiled = jax.jit(one_step(made)).lower(*made[1:]).compile()
    cost = compiled.cost_analysis() or {}
    cost = cost[0] if isinstance(cost, list) else cost  # older jax
    row: dict[str, Any] = {"shape": str(shape), "m": m} | with_flops(shape, m, seconds)
    row |= {
        "bytes_per_network_step": cost.get("bytes accessed", np.nan) / m,
        "least_bytes_per_network_step": shape.least_bytes,
        "flop_per_network_step": shape.flops,
        "temporary_bytes": _temporary(compiled),
        "kernels": _kernels(compiled.as_text() or ""),
    }
    row["bytes_per_second"] = (
        row["bytes_per_network_step"] * row["network_steps_per_second"]
    )
    row["intensity"] = shape.flops / row["bytes_per_network_step"]
    row["flop_share"] = _share(row["flop_per_second"], roofs["flop_per_second"])
    row["byte_share"] = _share(row["bytes_per_second"], roofs["bytes_per_second"])
    row["turn_share"] = _share(roofs["seconds_per_turn"], seconds)
    row["bound"] = _bound(row)
    row["trace"] = stage.attempt("trace", partial(_trace, made, advance))
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
    name = max(shares, key=lambda key: shares[key])
    return name if shares[name] >= CLOSE else f"latency, then {name}"


def _temporary(compiled: Any) -> int | None:
    stats = compiled.memory_analysis()
    return getattr(stats, "temp_size_in_bytes", None)


def _kernels(text: str) -> dict[str, int]:
    """{kind: how many} of what the entry computation of an HLO text runs."""
    entry = text[text.find("\nENTRY ") :]
    ran = re.findall(r"= \S+(?: \S+)*? ([a-z][\w-]*)\(", entry)
    idle = {"parameter", "constant", "tuple", "get-tuple-element", "bitcast"}
    return dict(Counter(kind for kind in ran if kind not in idle))


def _trace(made: Block, advance: Any, steps: int = 20) -> list[dict]:
    """The device's most expensive kernels: us a step and calls a step.

    Read with jax's own reader of its traces; empty on a backend that tells no kernels.
    """
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
    return [
        {"kernel": name[:80], "us_per_step": us, "calls_per_step": calls[name] / steps}
        for name, us in spent.most_common(16)
    ]
