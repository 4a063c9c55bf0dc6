"""Where a table's rows came from: versions, device, host, commit, hashes, in words."""

import shlex
from collections import Counter
from pathlib import Path

from isorobust.results.join import Found

# what a record says of its maker -> how a reader is told
COLUMNS = {
    "software_isorobust": "isorobust",
    "software_git": "git commit",
    "software_python": "Python",
    "software_jax": "jax",
    "software_jaxlib": "jaxlib",
    "software_xla_flags": "XLA flags",
    "device_kind": "device",
    "device_count": "devices",
    "device_precision": "precision",
    "host_cpu": "host",
}


def provenance(run: Found) -> tuple[tuple[str, str], ...]:
    """(what, value) of all that made the rows, each value with its share of them."""
    rows = [*run.records, *run.rows]
    told = []
    for column, name in COLUMNS.items():
        values = Counter(str(r[column]) for r in rows if r.get(column) is not None)
        values.pop("", None)
        if values:
            told.append((name, _shares(values)))
    for origin in run.origins:
        if origin.command and spoken(origin.command):
            told.append(("command", str(spoken(origin.command))))
        if origin.sha256:
            told.append(("experiment hash", origin.sha256))
        told += [(f"{name} SHA-256", digest) for name, digest in origin.hashes.items()]
    return tuple(told)


def _shares(values: Counter[str]) -> str:
    if len(values) == 1:
        return next(iter(values))
    return "; ".join(f"{value} ({count} rows)" for value, count in values.most_common())


def spoken(words: tuple[str, ...] | list[str]) -> str | None:
    """The command of a run as one types it; None where it was no `isorobust run`."""
    if not (
        isinstance(words, (tuple, list)) and all(isinstance(w, str) for w in words)
    ):
        return None
    name = Path(words[0]).name if words else ""
    if name not in ("isorobust", "__main__.py") or "run" not in words[1:2]:
        return None
    return shlex.join(["isorobust", *words[1:]])


def workdir(words: tuple[str, ...] | None) -> str | None:
    """The folder that a recorded command named."""
    words = words or ()
    for flag, after in zip(words, (*words[1:], None), strict=False):
        if flag.startswith("--workdir="):
            return flag.removeprefix("--workdir=")
        if flag == "--workdir":
            return after
    return None
