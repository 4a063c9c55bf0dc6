"""No bound is on the wrong side; the best lower one is the constant on 98 % and 91 %.

| bound | side | 2 layers, random | 2, trained | deeper, random | deeper, trained |
| --- | --- | ---: | ---: | ---: | ---: |
| ascent | lower | 0.895 (25 %) | 0.791 (27 %) | 0.644 (8 %) | 0.452 (17 %) |
| data | lower | 0.895 (25 %) | 0.791 (27 %) | 0.644 (8 %) | 0.452 (17 %) |
| pairs | lower | 0.686 (10 %) | 0.399 (15 %) | 0.449 (0 %) | 0.169 (0 %) |
| random | lower | 0.975 (46 %) | 0.914 (31 %) | 0.835 (42 %) | 0.798 (38 %) |
| sweep | lower | 0.969 (50 %) | 0.937 (40 %) | 0.862 (39 %) | 0.826 (38 %) |
| targeted | lower | 1.000 (98 %) | 1.000 (98 %) | 0.644 (8 %) | 0.452 (17 %) |
| trace | lower | 0.895 (25 %) | 0.791 (27 %) | 0.998 (97 %) | 0.994 (86 %) |
| branched | upper | 1.000 (1.00) | 1.000 (1.02) | - | - |
| certificate | upper | 1.231 (5.63) | 1.715 (15.73) | 1.978 (10.49) | 1.845 (5.31) |
| eclipse | upper | 1.430 (6.84) | 2.397 (21.14) | 2.661 (16.67) | 2.500 (6.94) |
| interval | upper | 1.548 (5.63) | 2.283 (15.73) | 4.134 (26.57) | 3.466 (12.25) |
| liplt | upper | 1.347 (5.63) | 1.893 (15.73) | 2.686 (17.17) | 2.470 (6.87) |
| path | upper | 2.602 (9.51) | 4.777 (29.85) | 7.751 (57.00) | 6.624 (24.05) |
| product | upper | 1.825 (9.51) | 3.348 (29.85) | 4.404 (28.92) | 3.951 (12.86) |
| LipSDP-Neuron | upper | 1.231 (5.63) | 1.715 (15.73) | 1.978 (10.49) | 1.845 (5.31) |

Geometric means of bound / exact constant; in brackets the share of networks on which a
lower bound is the constant to 1e-9, the largest ratio of an upper one. 96 networks of
two layers, 128 deeper, two methods agree to 1e-9 on all of them. Best lower = exact on
97.9 % (two layers; least .994) and 91.4 % (deeper; median 1.000, least .895).
Certificate / LipSDP-Neuron: two layers at most 1.0000000, deeper median 1.0000024, at
most 1.0000115. 2 cores of an AMD EPYC, 127 s, 2026-11-24.

Question. How near are the bounds to the constants? On networks whose exact constant two
methods agree on to 1e-9: is every lower <= exact <= every upper, how often is the best
lower bound the constant itself, and how far is the certificate above LipSDP-Neuron (by
a solver)?
Goals: no bound on the wrong side; best lower = exact to 1e-9 on 95 % of two-layer
networks, its median at .98 of it for deeper ones; certificate / LipSDP-Neuron at most
1.00001 for two layers, 1.002 for deeper.

Networks. Every shape of SHAPES with and without biases, at random (Gaussian, He) and
trained (Adam, to random signs at 40 Gaussian points), several seeds; ReLU, R^d.

Command.  python benchmarks/tightness.py [--seeds=4] [--json=FILE] [--no-solver]
Cost.     2 to 7 minutes on 2 cores; the solver's environment is made at the first run.
"""

import argparse
import itertools
import json
import math
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import environments
import lipsdp
import numpy as np
from peer import say

SHAPES = (
    (1, 16, 1), (2, 16, 1), (3, 12, 1), (4, 16, 1), (8, 12, 1), (16, 16, 1),
    (2, 8, 8, 1), (3, 8, 6, 1), (4, 6, 6, 1), (2, 16, 8, 1), (2, 6, 6, 6, 1),
    (3, 5, 5, 5, 1), (2, 5, 5, 5, 5, 1), (3, 4, 4, 4, 4, 1),
)  # fmt: skip
POINTS, DRAWS = 40, 1000
STEPS, RATE = 1500, 1e-2
AGREE = 1e-9
SOLVED = "LipSDP-Neuron, Clarabel"

Record = dict[str, Any]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--no-solver", action="store_true")
    args = parser.parse_args()
    solver = None if args.no_solver else environments.python(environments.SOLVER)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    begun = time.perf_counter()
    records: list[Record] = []
    workers = len(os.sched_getaffinity(0))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(measure, s, args.seeds, solver) for s in reversed(SHAPES)]
        for job in jobs:
            records += job.result()
            say(f"{len(records)} networks, {time.perf_counter() - begun:.0f} s")
    if args.json:
        args.json.write_text(json.dumps(records, indent=1) + "\n")
    print("\n".join([*table(records), "", *findings(records)]))


def measure(shape: tuple[int, ...], seeds: int, solver: str | None) -> list[Record]:
    """The records of one shape's networks."""
    found, weights = [], []
    for free in (False, True):
        for trained, (layers, x, y) in networks(shape, seeds, free):
            record: Record = {"shape": shape, "bias_free": free, "trained": trained}
            found.append(record | constants(layers) | {"values": bounds(layers, x, y)})
            weights.append([w for w, _ in layers])
    if solver is not None:
        for record, solved in zip(found, lipsdp.values(solver, weights), strict=True):
            record["lipsdp"] = solved
    return found


def networks(
    shape: tuple[int, ...], seeds: int, free: bool
) -> Iterator[tuple[bool, tuple[list, np.ndarray, np.ndarray]]]:
    """(trained?, (layers, x, y)): at random and trained, of every seed."""
    for seed in range(seeds):
        rng = np.random.Generator(np.random.Philox(key=[seed, len(shape)]))
        layers = [
            (
                rng.standard_normal((b, a)) * np.sqrt(2 / a),
                0.5 * (not free) * rng.standard_normal(b),
            )
            for a, b in itertools.pairwise(shape)
        ]
        x = rng.standard_normal((POINTS, shape[0]))
        y = rng.choice([-1.0, 1.0], POINTS)
        yield False, (layers, x, y)
        yield True, (trained(layers, x, y, free), x, y)


def trained(layers: list, x: np.ndarray, y: np.ndarray, free: bool) -> list:
    """The layers after `STEPS` of Adam on the squared error."""
    import jax
    import jax.numpy as jnp
    import optax

    def loss(params: Any) -> Any:
        h = jnp.asarray(x, "f4")
        for i, (w, b) in enumerate(params):
            h = h @ w.T + (0 if free else b)
            h = jax.nn.relu(h) if i < len(params) - 1 else h
        return jnp.mean((h[:, 0] - jnp.asarray(y, "f4")) ** 2)

    adam = optax.adam(RATE)

    def step(state: Any, _: None) -> tuple[Any, None]:
        params, moments = state
        moves, moments = adam.update(jax.grad(loss)(params), moments)
        return (optax.apply_updates(params, moves), moments), None

    @jax.jit
    def run(params: Any) -> Any:
        return jax.lax.scan(step, (params, adam.init(params)), length=STEPS)[0][0]

    found = run(jax.tree.map(jnp.float32, layers))
    return [(np.asarray(w, float), np.asarray(b, float)) for w, b in found]


def constants(layers: list) -> Record:
    """The exact constant by two methods that share no code."""
    from isorobust.lipschitz.exact import METHODS, enumeration, exact
    from isorobust.lipschitz.network import Network

    net = Network(tuple(layers))
    tree = exact(net, methods={"tree": METHODS["tree"]})
    rest = {name: way for name, way in METHODS.items() if name != "tree"}
    other = exact(net, methods=rest)
    if other is None:
        second, name = enumeration(net), "enumeration"
    else:
        second, name = other.upper, other.method
    assert tree is not None
    value = max(tree.lower, 0.0 if other is None else other.lower)
    agree = tree.closed and abs(second - value) <= AGREE * value
    return {"exact": value, "tree": tree.upper, name: second, "agree": bool(agree)}


def bounds(layers: list, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Every bound's value."""
    import jax

    from isorobust.lipschitz import lower, upper
    from isorobust.lipschitz.domain import RD
    from isorobust.lipschitz.network import Network

    net = Network(tuple(layers))
    single = jax.tree.map(np.float32, net)
    draws = np.random.Generator(np.random.Philox(key=1)).standard_normal((DRAWS, net.d))
    inputs = tuple(
        (*(np.float32(a) for a in arrays), np.ones(len(arrays[0]), np.float32))
        for arrays in ((x, y), (draws,))
    )
    found = {name: float(getattr(upper, name)(net)) for name in upper.__all__}
    for name in lower.__all__:
        at = jax.jit(getattr(lower, name), static_argnums=1)(single, RD, *inputs)
        found[name] = lower.attained(net, RD, np.asarray(at))[0]
    return found


def table(records: list[Record]) -> list[str]:
    """A line a bound: its share of the exact constant, per group of networks."""
    from isorobust.lipschitz import SIDES

    groups = [
        (f"{size}, {how}", [r for r in known(records) if r_is(r, size, how)])
        for size in ("two layers", "deeper")
        for how in ("random", "trained")
    ]
    heads = [f"{name} ({len(group)})" for name, group in groups]
    lines = ["| bound | side | " + " | ".join(heads) + " |"]
    lines.append("| --- | --- |" + " ---: |" * len(groups))
    for name, side in [*SIDES.items(), (SOLVED, "upper")]:
        cells = []
        for _, group in groups:
            ratios = [
                v / r["exact"] for r in group if math.isfinite(v := value(r, name))
            ]
            cells.append(cell(ratios, side) if ratios else "-")
        lines.append(f"| {name} | {side} | " + " | ".join(cells) + " |")
    return lines


def cell(ratios: list[float], side: str) -> str:
    """Geometric mean and the worst of bound / exact, for a lower one the share = 1."""
    middle = math.exp(statistics.fmean(map(math.log, (max(r, 1e-9) for r in ratios))))
    if side == "upper":
        return f"{middle:.3f} (max {max(ratios):.2f})"
    hits = statistics.fmean(r >= 1 - AGREE for r in ratios)
    return f"{middle:.3f} ({hits:.0%} exact)"


def known(records: list[Record]) -> list[Record]:
    """Those whose constant two methods agree on, and isn't 0."""
    return [r for r in records if r["agree"] and r["exact"] > 1e-9]


def r_is(record: Record, size: str, how: str) -> bool:
    """Whether a record belongs to a group of the table."""
    deep, trained = len(record["shape"]) > 3, record["trained"]
    return deep == (size == "deeper") and trained == (how == "trained")


def value(record: Record, name: str) -> float:
    """A bound's, or the solver's; not finite where there is none."""
    if name == SOLVED:
        return float(record.get("lipsdp", math.nan))
    return float(record["values"].get(name, math.nan))


def findings(records: list[Record]) -> list[str]:
    """What the goals are about."""
    from isorobust.lipschitz import SIDES

    good = known(records)
    lines = [
        f"{len(records)} networks, two methods agree to {AGREE:g} on "
        f"{sum(r['agree'] for r in records)}, the constant is 0 on "
        f"{sum(r['agree'] for r in records) - len(good)}"
    ]
    crossed = [
        (name, r["shape"])
        for r in good
        for name, side in SIDES.items()
        if (value(r, name) < r["exact"] if side == "upper" else
            value(r, name) > r["exact"] * (1 + 1e-12))
    ]  # fmt: skip
    lines.append(f"bounds on the wrong side: {len(crossed)} {crossed[:5] or ''}")
    best = [n for n, side in SIDES.items() if side == "lower"]
    for size, deep in (("two layers", False), ("deeper", True)):
        group = [r for r in good if (len(r["shape"]) > 3) == deep]
        shares = [max(value(r, n) for n in best) / r["exact"] for r in group]
        hits = statistics.fmean(s >= 1 - AGREE for s in shares)
        lines.append(
            f"{size}: best lower = exact to {AGREE:g} on {hits:.1%}; median lower / "
            f"exact {statistics.median(shares):.6f}, least {min(shares):.3f}"
        )
        lines += against(size, group)
    return lines


def against(size: str, group: list[Record]) -> list[str]:
    """Certificate / LipSDP-Neuron, of the bounds that are like it."""
    lines = []
    for name in ("certificate", "branched"):
        ratios = [
            r["values"][name] / r["lipsdp"]
            for r in group
            if math.isfinite(value(r, name) / r.get("lipsdp", math.nan))
        ]
        if ratios:
            lines.append(
                f"{size}: {name} / LipSDP-Neuron median {statistics.median(ratios):.7f}"
                f", largest {max(ratios):.7f} ({len(ratios)} networks)"
            )
    return lines


if __name__ == "__main__":
    main()
