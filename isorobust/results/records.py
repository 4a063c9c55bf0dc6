"""Records: one flat JSON row a trial that stands alone; reading and writing them."""

import json
from collections.abc import Iterable
from pathlib import Path

from isorobust.door import BadInput
from isorobust.files import MANIFEST, holds, manifest

SCHEMA = 1
# what may differ between two honest runs of one experiment
VARIES = (("_seconds", "_bytes"), ("device_", "host_", "software_"))


# columns without which a row is no record
REQUIRED = (
    "uid", "track", "track_version", "block", "cell", "seed", "n", "d", "p", "width",
    "law_ratio", "reached", "stop", "lower", "upper", "floor", "violated", "crossed",
    "theorem_applies", "upper_over_lower", "upper_over_floor", "lower_over_floor",
    "reach",
)  # fmt: skip


def varies(name: str) -> bool:
    """Whether two honest runs of one experiment may differ in this column."""
    ends, begins = VARIES
    return name.endswith(ends) or name.startswith(begins)


def write(rows: Iterable[dict]) -> str:
    """The text of records.jsonl."""
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def read(file: Path) -> list[dict]:
    """The rows of a records.jsonl; BadInput names the line that is off."""
    digest = manifest(file.parent).get(file.name)
    if digest and not holds(file.parent, file.name, digest):
        raise BadInput(f"{file}: damaged (its hash differs from {MANIFEST})")
    try:
        lines = file.read_text().splitlines()
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file}: not a text of JSON rows") from None
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            raise BadInput(f"{file}:{number}: not a JSON row") from None
        version = row.get("schema_version") if isinstance(row, dict) else None
        if version != SCHEMA:
            raise BadInput(
                f"{file}:{number}: schema_version = {version!r}: "
                f"this isorobust reads {SCHEMA}"
            )
        absent = [name for name in REQUIRED if name not in row]
        if absent:
            raise BadInput(f"{file}:{number}: has no column {', '.join(absent)}")
        rows.append(row)
    return rows
