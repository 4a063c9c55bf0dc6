"""Whether a folder's table is what its rows say: hashes, and the table made again."""

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isorobust.door import BadInput
from isorobust.files import MANIFEST, SUMS, holds, manifest, sha256
from isorobust.report import FILES
from isorobust.report.table import Table, tabulate
from isorobust.results import tracks
from isorobust.results.gather import fitting, gather

AGREE = 1e-9  # machines differ in the last bits of a fit, by less than this
TABLES = tuple(name for name in FILES if name.startswith("table."))


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it holds (None: not told), in words."""

    holds: bool | None
    said: str


def prove(folder: Path) -> Iterator[Finding]:
    """What can be proved of a run's or a published folder, cheapest first.

    Every file that MANIFEST.sha256 (of a run) or SHA256SUMS (published) names has its
    hash, and SHA256SUMS names every file; the table made again from the rows is
    table.md, .csv, .tex to the byte and table.json to 1e-9; the task is the one frozen
    under the track's version.
    """
    if not folder.is_dir():
        raise BadInput(f"{folder}: no such folder")
    there = [name for name in (MANIFEST, SUMS) if (folder / name).exists()]
    for name in there:
        listed = manifest(folder, name)
        bad = [file for file in listed if not holds(folder, file, listed[file])]
        said = f"{name}: {len(listed)} files"
        if bad:
            names = [file or "a line without a name" for file in bad]
            yield Finding(False, f"{said}, not as they were: {', '.join(names)}")
            return
        others = _unnamed(folder, listed) if name == SUMS else []
        said += f", and not named: {', '.join(others)}" if others else ""
        yield Finding(not others, said)  # of a run just begun there may be none
    (found,) = _one(folder)
    with fitting(str(folder)):
        table = tabulate(found)
        made = {name: FILES[name](table) for name in TABLES}
    if not there:
        yield Finding(None, f"hashes: neither {MANIFEST} nor {SUMS} is there")
    for name in TABLES:
        file = folder / name
        if not file.is_file():
            yield Finding(None, f"{name}: isn't there")
            continue
        same = alike(name, file.read_bytes(), made[name])
        yield Finding(same, f"{name}: {'as' if same else 'not what'} the rows say")
    frozen = tracks.task_of(table.track, table.version)
    named = f"{table.track} v{table.version}"
    if frozen is None or table.task is None:
        why = "isn't a frozen track" if frozen is None else "keeps no task hash"
        yield Finding(None, f"task: {named} {why}")
    else:
        same = frozen == table.task
        yield Finding(same, f"task: {table.task}, {named} is {frozen}")
    yield Finding(None, f"table SHA-256: {table_hash(folder, table)}")


def _unnamed(folder: Path, listed: dict[str, str]) -> list[str]:
    """The files that a reader of the folder sees, and its sums don't vouch for."""
    names = [str(f.relative_to(folder)) for f in folder.rglob("*") if not f.is_dir()]
    seen = [name for name in names if not name.startswith(".")]
    return sorted({*seen} - {*listed, SUMS})


def alike(name: str, there: bytes, here: str) -> bool:
    """Whether a stored table says what the one made again says."""
    if there == here.encode() or name != "table.json":
        return there == here.encode()
    try:
        return _close(json.loads(there), json.loads(here))
    except ValueError:
        return False


def _close(there: Any, here: Any) -> bool:
    if isinstance(there, dict) and isinstance(here, dict):
        same = there.keys() == here.keys()
        return same and all(_close(there[key], here[key]) for key in here)
    if isinstance(there, list) and isinstance(here, list):
        return len(there) == len(here) and all(map(_close, there, here))
    if isinstance(there, float) and isinstance(here, float):
        return math.isclose(there, here, rel_tol=AGREE, abs_tol=AGREE)
    return bool(there == here)


def table_hash(folder: Path, table: Table) -> str:
    """The SHA-256 of table.json: of all that the table says, not of who made it.

    That of the file in the folder where it is what the rows say.
    """
    file, text = folder / "table.json", FILES["table.json"](table)
    if file.is_file() and alike(file.name, file.read_bytes(), text):
        return sha256(file.read_bytes())
    return sha256(text.encode())


def _one(folder: Path) -> tuple:
    found = gather([str(folder)])
    if len(found) > 1:
        raise BadInput(f"{folder}: holds {len(found)} tables; name one of them")
    places = [origin.place for origin in found[0].origins]
    if places != [str(folder)]:  # its hashes and tables lie there, not here
        raise BadInput(f"{folder}: holds no rows itself; name {' or '.join(places)}")
    return tuple(found)
