"""A stage: one question with a share of the clock, whose answer is kept as it grows."""

import json
import os
import sys
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
        self.found |= parts
        write(self.file, self.found)

    def attempt(self, what: str, call: Callable[[], T]) -> T | None:
        """call(); None where it raises, and the error is part of the answer."""
        try:
            return call()
        except Exception as error:  # whatever a compiler or a driver may raise
            told = f"{type(error).__name__}: {error}"[:TOLD]
            say(f"{self.name}: {what}: {told.splitlines()[0][:100]}")
            failures = [*self.found.get("failures", []), {"what": what, "error": told}]
            self.save(failures=failures)
            return None

    def read(self, name: str) -> dict[str, Any]:
        """An earlier stage's answer; empty where there is none."""
        return read(self.folder / f"{name}.json")


def read(file: Path) -> dict[str, Any]:
    """A stage's file; empty where there is none or it isn't whole."""
    try:
        return json.loads(file.read_text())
    except (OSError, ValueError):
        return {}


def write(file: Path, value: Any) -> None:
    """The value as JSON, whole or not at all."""
    beside = file.with_name(file.name + ".tmp")
    beside.write_text(json.dumps(value, indent=1, default=float) + "\n")
    os.replace(beside, file)


def say(line: str) -> None:
    """Tells whoever waits."""
    print(f"accelerator: {line}", file=sys.stderr, flush=True)
