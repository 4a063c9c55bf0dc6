"""Timing device work: warm up, wait for the device, several rounds, the median."""

import statistics
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import jax

LEAST = 0.1  # seconds of one timed round


def wall(call: Callable[[], Any]) -> float:
    """Seconds until what call() returns is there."""
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began


def per_call(call: Callable[[], Any], least: float = LEAST, rounds: int = 5) -> float:
    """Seconds a call, dispatched back to back: the median of the rounds."""

    def several(count: int) -> Any:
        for _ in range(count - 1):
            call()
        return call()

    return per_step(several, least, rounds)


def per_step(
    advance: Callable[[int], Any], least: float = LEAST, rounds: int = 5
) -> float:
    """Seconds a step of advance(steps): the median of the rounds.

    Steps are doubled until they take `least`, which is the warm-up too.
    """
    wall(partial(advance, 1))
    steps = 1
    while (took := wall(partial(advance, steps))) < least / 2:
        steps *= max(2, min(16, int(least / 2 / max(took, 1e-9))))
    steps = max(1, round(steps * least / took))
    return statistics.median(
        wall(partial(advance, steps)) / steps for _ in range(rounds)
    )
