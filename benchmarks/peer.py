"""A peer of a race: what it is, how it is timed, how its processes are talked to.

Peers run with Pythons of their own, where there may be neither jax nor isorobust; so
only numpy and the standard library are imported here.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

CHECK = 100  # steps after which all peers have to have the same parameters
CHUNK = 20  # steps of one call of a peer that compiles its loop
SECONDS = 1.0  # of a round
RATE, BETA, SQUARED, EPSILON = 1e-3, 0.9, 0.999, 1e-8  # Adam's, the same for all peers

Advance = Callable[[int], None]
Arrays = dict[str, Any]


class Peer(NamedTuple):
    """A peer that is ready to train.

    version: of what does the work
    ways: {how: advance}; advance(steps) makes that many steps of every network, and
        returns when they are done. The fastest way is the one that counts.
    weights: the parameters as numpy arrays, as in the problem
    chunk: steps are made in multiples of it (CHECK is one)
    roof: FLOP/s that the machine reaches at most, where the peer can tell
    """

    version: str
    ways: dict[str, Advance]
    weights: Callable[[], Arrays]
    chunk: int = 1
    roof: Callable[[], float] | None = None


def serve(make: Callable[[Arrays], Peer], words: list[str]) -> None:
    """Prints what `make` made as a line of JSON, then a line per line read.

    words: problem, part, weights: an .npz with x [N, n, d], y [N, n] and the first
        parameters w1 [N, d, k], b1 [N, k], w2 [N, k], b2 [N] of N networks; which of
        them ("1/2": the second half); where to save the parameters after CHECK steps
    """
    path, part, where = words
    peer = make(share(path, part))
    first = next(iter(peer.ways.values()))
    cold = seconds(first, peer.chunk)
    first(CHECK - peer.chunk)
    arrays = peer.weights()
    np.savez(where, allow_pickle=False, **arrays)
    networks = len(arrays["b2"])
    compile_seconds = max(0.0, cold - seconds(first, peer.chunk))
    steps = {how: calibrate(some, peer.chunk) for how, some in peer.ways.items()}
    tell(version=peer.version, compile_seconds=compile_seconds)
    for _ in sys.stdin:
        rates = {
            how: networks * steps[how] / seconds(advance, steps[how])
            for how, advance in peer.ways.items()
        }
        tell(rates=rates, roof=peer.roof() if peer.roof else None)


def share(path: str, part: str) -> Arrays:
    """The networks of one of several processes; all of them for "0/1"."""
    index, parts = map(int, part.split("/"))
    with np.load(path) as file:
        return {name: np.array_split(file[name], parts)[index] for name in file}


def seconds(advance: Advance, steps: int) -> float:
    """How long advance(steps) takes."""
    began = time.perf_counter()
    advance(steps)
    return time.perf_counter() - began


def calibrate(advance: Advance, chunk: int = 1, about: float = SECONDS) -> int:
    """How many steps, a multiple of `chunk`, take `about` seconds; warms up."""
    chunks = 1
    while (took := seconds(advance, chunks * chunk)) < about / 4:
        chunks *= 2
    return chunk * max(1, round(chunks * about / took))


def mse(arrays: Arrays) -> float:
    """Mean over the networks of a problem of the training MSE."""
    hidden = np.maximum(arrays["x"] @ arrays["w1"] + arrays["b1"][:, None], 0)
    f = np.einsum("Nnk,Nk->Nn", hidden, arrays["w2"]) + arrays["b2"][:, None]
    return float(np.mean((f - arrays["y"]) ** 2))


def tell(**line: Any) -> None:
    """One line of JSON to whoever started this process."""
    print(json.dumps(line), flush=True)


def cores() -> list[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def launch(
    call: list[str], core: int | None = None, env: dict[str, str] | None = None
) -> subprocess.Popen:
    """A process that tells lines of JSON; on that core alone, if one is given.

    jax is as a user finds it: no number of devices, no compile cache, unless `env`
    (variables of the environment) says so.
    """
    mine = {name: v for name, v in os.environ.items() if not name.startswith("JAX_")}
    pipe = subprocess.PIPE
    process = subprocess.Popen(
        call, stdin=pipe, stdout=pipe, text=True, env=mine | (env or {})
    )
    if core is not None and hasattr(os, "sched_setaffinity"):
        # not in a preexec_fn: jax forbids to fork. Threads made later inherit it
        os.sched_setaffinity(process.pid, {core})
    return process


def ask(process: subprocess.Popen) -> None:
    """Asks for a line."""
    assert process.stdin is not None
    process.stdin.write("round\n")
    process.stdin.flush()


def hear(name: str, process: subprocess.Popen) -> dict:
    """A process's next line. Raises RuntimeError if it has ended."""
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{name}: its process ended with {process.wait()}")
    return json.loads(line)


def say(line: str) -> None:
    """Tells whoever waits; standard output has the answer alone."""
    print(f"benchmark: {line}", file=sys.stderr, flush=True)
