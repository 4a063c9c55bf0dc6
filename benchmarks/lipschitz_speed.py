"""LipSDP's value in .25 ms a network; the exact constant, 2 % below, in 30 ms.

| two layers | CPU s a network | x | networks | of LipSDP, median [min, max] |
| --- | ---: | ---: | ---: | ---: |
| isorobust certificate, 64 in one call | 0.00025 | 1 | 64 | 1.000000 [1, 1] |
| isorobust certificate, 4096 in one call | 0.00025 | 1 | 4096 | 1.000000 [1, 1] |
| isorobust branched, 256 leaves | 0.021 | 82 | 64 | 0.983331 [.957, .998] |
| isorobust branched, 1024 leaves | 0.028 | 110 | 64 | 0.983331 [.957, .998] |
| isorobust branched, 4096 leaves | 0.038 | 151 | 64 | 0.983331 [.957, .998] |
| LipSDP LMI, CVXOPT 1.3.3 | 0.31 | 1220 | 4 | 1.000000 [1, 1] |
| LipSDP LMI, SCS 3.3.1 | 5.5 | 22,000 | 2 | 1.000000 [1, 1] |
| LipSDP LMI, Clarabel 0.11.1 | 22 | 87,600 | 1 | 1.000000 [1, 1] |
| MaxCut form, SCS 3.3.1 | 2.9 | 11,500 | 4 | 1.000000 [1, 1] |
| MaxCut dual, CVXOPT 1.3.3 | 0.10 | 416 | 4 | 1.000000 [1, 1] |
| ECLipsE (eclipse-nn 0.1.7) | 6.6 | 26,500 | 2 | 1.517 [1.34, 1.69] |
| ECLipsE-Fast (eclipse-nn 0.1.7) | 0.0017 | 6.7 | 4 | 1.455 [1.34, 1.69] |
| ART CLEVER 1.20.1 (no bound) | 0.051 | 203 | 2 | 0.853 [.79, .92] |

The MaxCut forms are this suite's, given to a solver. Branching: upper = attained to
1e-9 on 63 of the 64 with 1024 leaves; the last, a random one, closes with 16,000. Of
the trained ones alone the exact constant is a median 2.2 % below LipSDP. ECLipsE falls
back to its Fast on both. auto_LiRPA 0.3 (PyPI) needs torch < 1.13, which has no wheels
for Python 3.11. Compiling: .5 s. One core of an AMD EPYC that others used too, hence
seconds of CPU; jax 0.10.2, 2026-11-24.

Question. How many seconds does a network's Lipschitz bound take at LipSDP-Neuron's
value (to 1e-5), and what does branching buy? 64 two-layer ReLU networks, d = 32, k =
64: every other one random, every other trained to interpolate 256 random signs. All on
one core, in seconds of CPU; peers one network after the other, the first few of the 64
alone; this suite all in one call (float32), every certificate again in float64.

Command.  python benchmarks/lipschitz_speed.py [--only=NAME] [--json]
Cost.     3 minutes on 2 cores; 2 environments of peers are installed once (1.5 GB).
"""

import os

os.environ.setdefault("JAX_NUM_CPU_DEVICES", "1")
# LAPACK's threads only get in the way
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peer import cores, hear, launch, say

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, cores()[-1:])  # before jax makes its threads

import jax
import numpy as np
from environments import Environment, python
from lipschitz_networks import random, save, two_layers

from isorobust.account.provenance import host_cpu
from isorobust.lipschitz import lower
from isorobust.lipschitz.domain import RD, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import SEARCHES, certificate
from isorobust.lipschitz.upper.branched import explored

D, WIDTH, POINTS, NETWORKS, MANY = 32, 64, 256, 64, 4096
DEEP, DEEP_NETWORKS = (32, 64, 64, 1), 16
SAME = 1e-5  # relative: LipSDP's value
LEAVES = (256, 1024, 4096)  # of branching

SOLVERS = Environment(
    ".venv-lipsdp",
    ("cvxpy==1.9.3", "clarabel==0.11.1", "scs==3.3.1", "cvxopt==1.3.3", "numpy"),
)
TORCH = Environment(
    ".venv-lipschitz-torch",
    (
        "torch==2.13.0",
        "eclipse-nn==0.1.7",
        "adversarial-robustness-toolbox==1.20.1",
        "packaging",
        "numpy",
    ),
)
# peer: (environment, how many two-layer networks, how many deep ones)
PEERS = {
    "LipSDP LMI, CVXOPT": (SOLVERS, 4, 1),
    "LipSDP LMI, SCS": (SOLVERS, 2, 0),
    "LipSDP LMI, Clarabel": (SOLVERS, 1, 0),
    "MaxCut form, SCS": (SOLVERS, 4, 0),
    "MaxCut dual, CVXOPT": (SOLVERS, 4, 0),
    "ECLipsE": (TORCH, 2, 0),
    "ECLipsE-Fast": (TORCH, 4, 1),
    "ART CLEVER": (TORCH, 2, 0),
}

Rows = list[dict[str, Any]]


def certify(nets: list[Network]) -> tuple[list[float], float, float]:
    """(certificates, seconds, compile seconds): one call, float64 on the host."""
    stack = jax.tree.map(lambda *v: np.float32(np.stack(v)), *nets)
    sectors = jax.tree.map(
        lambda end: np.broadcast_to(np.float32(end), (len(nets), *end.shape)),
        slopes(nets[0]),
    )
    search = jax.jit(
        lambda nets, sectors: jax.lax.map(
            lambda pair: SEARCHES["certificate"](*pair), (nets, sectors), batch_size=16
        )
    )
    began = time.process_time()
    with jax.default_matmul_precision("highest"):
        program = search.lower(stack, sectors).compile()
    compiled = time.process_time() - began
    took = []
    for _ in range(3):
        began = time.process_time()
        found = [np.asarray(part) for part in program(stack, sectors)]
        values = [
            certificate(net, RD, tuple(part[i] for part in found))
            for i, net in enumerate(nets)
        ]
        took.append(time.process_time() - began)
    return values, statistics.median(took), compiled


def own(nets: list[Network]) -> tuple[Rows, np.ndarray]:
    """This suite's rows, and LipSDP's values: certificates that are 1e-8 from it."""
    lipsdp = np.array([certificate(net) for net in nets])
    rows: Rows = []
    for count in (NETWORKS, MANY):
        some = nets * (count // len(nets))
        values, seconds, compiled = certify(some)
        tiled = np.tile(lipsdp, count // len(nets))
        name = f"isorobust certificate, {count} in one call"
        rows.append(row(name, seconds / count, count, values / tiled))
        rows[-1]["compile_seconds"] = compiled
    for leaves in LEAVES:
        began = time.process_time()
        trees = [explored(net, RD, leaves) for net in nets]
        seconds = (time.process_time() - began) / len(nets)
        bounds = np.array([tree.bound for tree in trees if tree])
        name = f"isorobust branched, {leaves} leaves"
        rows.append(row(name, seconds, len(nets), bounds / lipsdp))
        rows[-1]["brackets"] = [
            tree.bound / lower.attained(net, RD, tree.point)[0]
            for net, tree in zip(nets, trees, strict=True)
            if tree and tree.point is not None
        ]
    return rows, lipsdp


def row(name: str, seconds: float, count: int, ratios: np.ndarray) -> dict[str, Any]:
    """A line of the table; ratios: value / LipSDP's of each network."""
    return {"tool": name, "seconds": seconds, "networks": count, "ratios": list(ratios)}


def raced(name: str, problem: str, count: int, reference: np.ndarray) -> Rows:
    """A peer's row; none where it can't be installed or fails."""
    home = python(PEERS[name][0])
    if home is None or not count:
        return []
    script = str(Path(__file__).parent / "lipschitz_peer.py")
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    say(name)
    process = launch([home, script, name, problem, str(count)], cores()[-1], threads)
    try:
        told = hear(name, process)
    except RuntimeError as error:
        say(str(error))
        return []
    ratios = np.array(told["values"]) / reference[:count]
    seconds = statistics.mean(told["seconds"])
    return [row(f"{name} ({told['version']})", seconds, count, ratios)]


def deep(folder: Path, wanted: Callable[[str], bool]) -> Rows:
    """[32, 64, 64, 1]: the chain against the LMI; `ratios` are to the certificate's."""
    rng = np.random.default_rng(2)
    nets = [random(rng, *DEEP) for _ in range(DEEP_NETWORKS)]
    if not np.isfinite(certificate(nets[0])):
        return []
    values, seconds, compiled = certify(nets)
    name = f"isorobust certificate, {DEEP_NETWORKS} in one call"
    ours = row(name, seconds / len(nets), len(nets), np.ones(len(nets)))
    rows, path = [ours | {"compile_seconds": compiled}], save(nets, folder / "deep.npz")
    for peer, (_, _, count) in PEERS.items():
        if wanted(peer):
            rows += raced(peer, path, count, np.array(values))
    return rows


def render(rows: Rows, title: str, of: str) -> str:
    """A Markdown table; "x" is how many times faster the first row is."""
    lines = [
        f"| {title} | CPU s a network | x | networks | of {of}, median [min, max] |"
    ]
    lines += ["| --- | ---: | ---: | ---: | ---: |"]
    for r in rows:
        ratios, times = r["ratios"], r["seconds"] / rows[0]["seconds"]
        spread = f"{np.median(ratios):.6f} [{min(ratios):.6f}, {max(ratios):.6f}]"
        line = f"| {r['tool']} | {r['seconds']:.2g} | {times:.3g} | {r['networks']}"
        lines += [f"{line} | {spread} |"]
    return "\n".join(lines)


def off(ratio: float) -> float:
    """How far a ratio is from 1."""
    return abs(ratio - 1)


def summary(rows: Rows) -> str:
    """What the rows say, in words."""
    lines = []
    for peer in ("LipSDP LMI", "MaxCut"):
        there = [
            r
            for r in rows
            if r["tool"].startswith(peer) and max(map(off, r["ratios"])) <= SAME
        ]
        if there:
            best = min(there, key=lambda r: r["seconds"])
            times = best["seconds"] / rows[0]["seconds"]
            lines += [f"{times:.0f} times as fast as {best['tool']}."]
    for r in rows:
        if "compile_seconds" in r:
            lines += [f"{r['tool']}: compiled in {r['compile_seconds']:.1f} s."]
        if "brackets" in r:
            gaps = np.array(r["brackets"]) - 1
            lines += [
                f"{r['tool']}: upper / attained - 1 at most {gaps.max():.1e}; "
                f"{np.sum(gaps < 1e-9)} of {r['networks']} exact to 1e-9."
            ]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        usage=argparse.SUPPRESS,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    def wanted(name: str) -> bool:
        return not args.only or any(word in name for word in args.only)

    nets = two_layers(NETWORKS, D, WIDTH, POINTS)
    with tempfile.TemporaryDirectory() as folder:
        rows, lipsdp = own(nets)
        path = save(nets, Path(folder) / "problem.npz")
        for peer, (_, count, _) in PEERS.items():
            if wanted(peer):
                rows += raced(peer, path, count, lipsdp)
        below = deep(Path(folder), wanted)
    if args.json:
        print(json.dumps({"two layers": rows, "deep": below}))
        return
    print(render(rows, "two layers", "LipSDP"), summary(rows), sep="\n\n")
    if below:
        print("", render(below, "32, 64, 64, 1", "the certificate"), sep="\n")
    print(f"\n{host_cpu()}, one core, Python {sys.version.split()[0]}")


if __name__ == "__main__":
    main()
