"""A stage: one question with a share of the clock, whose answer is kept as it grows."""

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
TOLD = 600  # characters of an error that are kept


@dataclass
class Stage:
    """What a question's function is given.

    folder: of the results; file: this stage's own; until: time.monotonic() by which it
    should be done; smoke: everything tiny, to see that it runs
    found: what was saved so far
    """

    folder: Path
    name: str
    until: float
    smoke: bool = False
    found: dict[str, Any] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.RLock)  # programs compile in threads

    @property
    def file(self) -> Path:
        """Where the answer goes."""
        return self.folder / f"{self.name}.json"

    def left(self) -> float:
        """Seconds that this stage may still take."""
        return self.until - time.monotonic()

    def has(self, seconds: float) -> bool:
        """Whether a part that takes that long may begin (a smoke test's take none)."""
        return self.left() > (0 if self.smoke else seconds)

    def save(self, **parts: Any) -> None:
        """Adds the parts to the answer and writes all of it: a kill loses nothing."""
        with self._lock:
            self.found |= parts
            write(self.file, self.found)

    def attempt(self, what: str, call: Callable[[], T]) -> T | None:
        """call(); None where it raises, and the error is part of the answer."""
        try:
            return call()
        except Exception as error:  # whatever a compiler or a driver may raise
            told = f"{type(error).__name__}: {error}"[:TOLD]
            say(f"{self.name}: {what}: {told.splitlines()[0][:100]}")
            self.fail(what, told)
            return None

    def fail(self, what: str, error: str) -> None:
        """Keeps an error as part of the answer."""
        with self._lock:
            told = self.found.get("failures", [])
            self.save(failures=[*told, {"what": what, "error": error[-TOLD:]}])

    def read(self, name: str) -> dict[str, Any]:
        """An earlier stage's answer; empty where there is none."""
        return read(self.folder / f"{name}.json")


def read(file: Path) -> dict[str, Any]:
    """A stage's file; empty where there is none or it isn't whole."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return {}


def measured(folder: Path) -> dict[str, float | None]:
    """What the stage `roofs` found: FLOP/s, bytes/s, seconds of a loop's turn.

    flop_per_second: of a float32 product at the backend's default precision
    """
    found = read(folder / "roofs.json")
    best, turns = found.get("best") or {}, found.get("seconds_per_turn") or {}
    copies = [x for x in (found.get("copy_bytes_per_second") or {}).values() if x]
    return {
        "flop_per_second": best.get("f32 default"),
        "flop_per_second_highest": best.get("f32 highest"),
        "bytes_per_second": copies[-1] if copies else None,
        "seconds_per_turn": turns.get("while"),
    }


def write(file: Path, value: Any) -> None:
    """The value as JSON, whole or not at all."""
    beside = file.with_name(file.name + ".tmp")
    beside.write_text(json.dumps(value, indent=1, default=float) + "\n")
    os.replace(beside, file)


def say(line: str) -> None:
    """Tells whoever waits."""
    print(f"accelerator: {line}", file=sys.stderr, flush=True)
