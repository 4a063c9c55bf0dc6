"""Lanes cost nothing from two blocks on; devices double up to the cores; 42 to 75 %.

Network-steps/s (share of the roof), 64 networks of (256, 32, 64), two layers:

| axis | sizes and speeds |
| --- | --- |
| networks | 4: 49k, 8: 126k, 16: 124k, 64: 121k, 256: 113k, 512: 111k |
| devices | 1: 48k (XLA's own two threads), 2: 124k, 4: 122k, 8: 118k; the same bits |
| n | 64: 343k (42 %), 128: 230k (56), 256: 124k (62), 1024: 30k (61), 2048: 16k (62) |
| d | 8: 257k (36 %), 16: 190k (50), 32: 119k (59), 64: 69k (66), 256: 20k (75) |
| width | 8: 661k (40 %), 16: 429k (52), 32: 237k (58), 64: 121k (60), 512: 15k (59) |
| depth | 2: 121k (61 %), 3: 36k (68), 4: 21k (72), 6: 12k (73) |

2 cores of an AMD EPYC, Python 3.11, jax 0.10.2, 5 rounds, 2026-11-24; the intervals are
within 5 % of the medians.

Question. Network-steps a second as one size grows and the others stay at 64 networks of
(n, d, width) = (256, 32, 64), two layers, all devices. Flat in the networks: lanes cost
nothing. Proportional to the devices up to the cores: they share nothing. A share of the
roof that rises with a size: the rest is overhead. Devices are processes of their own,
with JAX_NUM_CPU_DEVICES, and must train to the same bits.

Command.  python benchmarks/growth.py [--only=devices] [--quick]
Cost.     Four minutes on 2 cores; --quick (the ends of every axis, once) a minute.
"""

import argparse
import contextlib
import hashlib
import sys
import tempfile
from pathlib import Path

import numpy as np
import suite
from peer import ask, hear, launch, say

BASE = {"networks": 64, "n": 256, "d": 32, "width": 64, "depth": 2}
AXES = {
    "networks": (4, 8, 16, 32, 64, 128, 256, 512),
    "n": (64, 128, 256, 512, 1024, 2048),
    "d": (8, 16, 32, 64, 128, 256),
    "width": (8, 16, 32, 64, 128, 256, 512),
    "depth": (2, 3, 4, 6),
}
DEVICES = (1, 2, 4, 8)


def grow(axis: str, sizes: tuple[int, ...], rounds: int, about: float) -> list[str]:
    """The table of an axis."""
    say(f"{axis}: {', '.join(map(str, sizes))}")
    fleets = [suite.Fleet(suite.trials(**BASE | {axis: size})) for size in sizes]
    rates, roofs = suite.interleaved(fleets, rounds, about)
    rows = zip(sizes, fleets, rates, strict=True)
    lines = [suite.row(size, fleet.flops, found, roofs) for size, fleet, found in rows]
    return suite.head(axis) + lines


def devices(counts: tuple[int, ...], rounds: int) -> list[str]:
    """The table of the number of devices. Raises RuntimeError where bits differ."""
    networks = suite.trials(**BASE)
    flops, bits = suite.flops_per_step(networks[0].cell), set()
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        problem = Path(place, "problem.npz")
        np.savez(problem, allow_pickle=False, **suite.problem(networks))
        processes, rates = [], []
        for count in counts:
            say(f"devices: {count}")
            saved = Path(place, f"{count}.npz")
            call = [sys.executable, str(suite.__file__), suite.NAME, str(problem)]
            env = {"JAX_NUM_CPU_DEVICES": str(count)}
            process = stack.enter_context(launch([*call, "0/1", str(saved)], env=env))
            stack.callback(process.kill)
            hear(suite.NAME, process)
            with np.load(saved) as file:
                whole = b"".join(file[name].tobytes() for name in sorted(file))
            bits.add(hashlib.sha256(whole).hexdigest())
            processes.append(process)
        for _ in range(rounds):
            for process in processes:
                ask(process)
                rates.append(hear(suite.NAME, process))
    if len(bits) > 1:
        raise RuntimeError("other numbers of devices trained to other bits")
    # of one roof for all: that of as many devices as cores, where it was measured
    roofs = [
        max(one["roof"] for one in rates[i : i + len(counts)])
        for i in range(0, len(rates), len(counts))
    ]
    lines = suite.head("devices")
    for i, count in enumerate(counts):
        found = [one["rates"][""] for one in rates[i :: len(counts)]]
        lines.append(suite.row(count, flops, found, roofs))
    return lines


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    every = [*AXES, "devices"]
    parser.add_argument("--only", action="append", choices=every)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    rounds, about = (1, 0.2) if args.quick else (5, 0.5)
    for axis in args.only or every:
        sizes = AXES.get(axis, DEVICES)
        sizes = (sizes[0], sizes[-1]) if args.quick else sizes
        if axis == "devices":
            lines = devices(sizes, rounds)
        else:
            lines = grow(axis, sizes, rounds, about)
        print("\n".join(lines) + "\n", flush=True)
    same = ", ".join(f"{name} {value}" for name, value in BASE.items())
    print(f"otherwise {same}; rounds: {rounds}; {suite.made()}; {suite.machine()}")


if __name__ == "__main__":
    main()
