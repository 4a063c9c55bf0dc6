"""A stage's own process: `python -m kit NAME FOLDER SECONDS [smoke]`."""

import importlib
import sys
import time
from pathlib import Path

from kit.stage import Stage

# where each stage's function lives; modules are imported in the stage's process alone
FUNCTIONS = {
    "fingerprint": "roofs:fingerprint",
    "roofs": "roofs:roofs",
    "block": "block:tune",
    "loop": "loops:scanned",
    "pallas": "pallas_race:race",
    "loops": "loops:unrolled",
    "graphs": "loops:unrolled",
    "profile": "profile:profile",
    "precision": "loops:precision",
    "lanes": "block:in_flight",
    "target": "runs:target",
    "bounds": "bounds:bounds",
    "torch": "torch_race:torch_race",
    "law": "runs:law",
}


def main(words: list[str]) -> None:
    """Asks one question; what it raises ends the process."""
    name, folder, seconds, *more = words
    until = time.monotonic() + float(seconds)
    stage = Stage(Path(folder), name, until, smoke="smoke" in more)
    room, _, function = FUNCTIONS[name].partition(":")
    getattr(importlib.import_module(f"kit.{room}"), function)(stage)


if __name__ == "__main__":
    main(sys.argv[1:])
