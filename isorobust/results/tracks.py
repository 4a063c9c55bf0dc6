"""Tracks: the named, versioned, frozen experiments that tables cite; never jax.

tracks.json: track -> version -> task hash (account/identity.task). A line that is there
never changes: who changes a track's cells raises its version, and a new line is added
by `python benchmarks/tracks.py`. Two versions never share a table.
"""

import json
from pathlib import Path

FILE = Path(__file__).with_name("tracks.json")


def frozen() -> dict[str, dict[str, str]]:
    """{track: {version: task hash}} of all that was ever frozen."""
    known: dict[str, dict[str, str]] = json.loads(FILE.read_text())
    return known


def task_of(track: str, version: int) -> str | None:
    """The task hash of a track's version; None of one that isn't frozen."""
    return frozen().get(track, {}).get(str(version))
