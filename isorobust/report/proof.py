"""Whether a folder's table is what its rows say: hashes, and the table made again."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from isorobust.door import BadInput
from isorobust.files import MANIFEST, SUMS, holds, manifest
from isorobust.report import FILES
from isorobust.report.cite import table_hash
from isorobust.report.table import tabulate
from isorobust.results import tracks
from isorobust.results.gather import gather

TABLES = tuple(name for name in FILES if name.startswith("table."))


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it holds (None: not told), in words."""

    holds: bool | None
    said: str


def prove(folder: Path) -> Iterator[Finding]:
    """What can be proved of a run's or a published folder, cheapest first.

    Every file that MANIFEST.sha256 (of a run) or SHA256SUMS (published) names has its
    hash; the table made again from the rows is table.json, .md, .csv, .tex to the byte;
    the task is the one frozen under the track's version.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder")
    broken = False
    for name in (MANIFEST, SUMS):
        listed = manifest(folder, name)
        if listed:
            bad = [file for file in listed if not holds(folder, file, listed[file])]
            broken = broken or bool(bad)
            yield Finding(
                not bad,
                f"{name}: {len(listed)} files"
                + (f", not as they were: {', '.join(bad)}" if bad else ""),
            )
    if broken:
        return
    (found,) = _one(folder)
    table = tabulate(found)
    for name in TABLES:
        file = folder / name
        if file.is_file():
            same = file.read_bytes() == FILES[name](table).encode()
            yield Finding(same, f"{name}: {'as' if same else 'not what'} the rows say")
    frozen = tracks.task_of(table.track, table.version)
    named = f"{table.track} v{table.version}"
    if frozen is None or table.task is None:
        why = "isn't a frozen track" if frozen is None else "keeps no task hash"
        yield Finding(None, f"task: {named} {why}")
    else:
        same = frozen == table.task
        yield Finding(same, f"task: {table.task}, {named} is {frozen}")
    yield Finding(None, f"table SHA-256: {table_hash(table)}")


def _one(folder: Path) -> tuple:
    found = gather([str(folder)])
    if len(found) > 1:
        raise BadInput(f"{folder}: holds {len(found)} tables; name one of them")
    return tuple(found)
