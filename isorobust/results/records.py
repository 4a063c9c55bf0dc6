"""Records: one flat JSON row a trial that stands alone; reading and writing them."""

import json
import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NoReturn

from isorobust.door import BadInput
from isorobust.files import MANIFEST, holds, manifest

SCHEMA = 1
# what may differ between two honest runs of one experiment
VARIES = (("_seconds", "_bytes"), ("device_", "host_", "software_"))

# columns without which a row is no record: what they are
TEXTS = ("uid", "track", "block", "cell", "stop")
SIZES = ("track_version", "n", "d", "p", "width")  # whole, at least 1
NUMBERS = (
    "law_ratio", "lower", "upper", "floor", "upper_over_lower", "upper_over_floor",
    "lower_over_floor", "reach",
)  # fmt: skip
FLAGS = ("reached", "violated", "crossed", "theorem_applies")
REQUIRED = (*TEXTS, *SIZES, "seed", *NUMBERS, *FLAGS)
OF_A_CASE = ("track", "track_version", "block", "cell", "seed")
# beginnings of columns that are numbers where they are there, with these endings not
BOUNDS = ("lower", "upper", "floor", "exact")
OTHERS = ("_reason", "_name", "_domain")

LONGEST = 4000  # characters of a text: the longest honest one is a recipe, some 200
LARGEST = 2**63  # of a whole number


def varies(name: str) -> bool:
    """Whether two honest runs of one experiment may differ in this column."""
    ends, begins = VARIES
    return name.endswith(ends) or name.startswith(begins)


def write(rows: Iterable[dict]) -> str:
    """The text of records.jsonl."""
    return "".join(json.dumps(row, allow_nan=False) + "\n" for row in rows)


def read(file: Path) -> list[dict]:
    """The rows of a records.jsonl or cases.jsonl; BadInput names the line that is off.

    A row with `kind` is a case's, any other is a network's.
    """
    digest = manifest(file.parent).get(file.name)
    if digest and not holds(file.parent, file.name, digest):
        raise BadInput(f"{file}: damaged (its hash differs from {MANIFEST})")
    try:
        lines = file.read_text().split("\n")
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file}: not a text of JSON rows") from None
    if lines[-1] == "":
        lines.pop()
    rows = []
    for number, line in enumerate(lines, 1):
        where = f"{file}:{number}"
        try:
            row = json.loads(line, parse_constant=_no_number)
        except BadInput as error:
            raise BadInput(f"{where}: {error}") from None
        except (ValueError, RecursionError):
            raise BadInput(f"{where}: not a JSON row") from None
        complaint = _wrong(row)
        if complaint:
            raise BadInput(f"{where}: {complaint}")
        rows.append(row)
    return rows


def _no_number(word: str) -> NoReturn:
    raise BadInput(f"{word} is no number of JSON (null says that there is none)")


def _wrong(row: Any) -> str | None:
    """What is wrong with a row, in a few words."""
    if not isinstance(row, dict):
        return "not a row: must be a JSON object"
    case = "kind" in row
    version = row.get("schema_version", SCHEMA if case else None)
    if version != SCHEMA:
        return f"schema_version = {_brief(version)}: this isorobust reads {SCHEMA}"
    absent = [name for name in (OF_A_CASE if case else REQUIRED) if name not in row]
    if absent:
        return f"has no column {', '.join(absent)}"
    for name, value in row.items():
        must = _must_be(name, value, case)
        if must:
            return f"{_brief(name)} = {_brief(value)}: must be {must}"
    return None


def _must_be(name: str, value: Any, case: bool) -> str | None:
    """What the value should have been; None where it is."""
    if len(name) > LONGEST or len(value if isinstance(value, str) else "") > LONGEST:
        return f"at most {LONGEST} characters"
    if not (_is_unicode(name) and _is_unicode(value)):
        return "Unicode: it has half of a letter (a surrogate)"
    real = isinstance(value, (int, float)) and not isinstance(value, bool)
    if real and (not math.isfinite(value) if isinstance(value, float) else False):
        return "finite"
    if real and abs(value) >= LARGEST and isinstance(value, int):
        return "less than 2^63"
    if isinstance(value, (list, dict)) and len(json.dumps(value)) > LONGEST:
        return f"at most {LONGEST} characters"
    whole = isinstance(value, int) and real
    if name in TEXTS:
        return None if isinstance(value, str) else "a text"
    if name in SIZES:
        # a case may have other sizes than a network, and none of these
        free = case and name != "track_version"
        return None if (whole and value >= 1) or free else "a whole number >= 1"
    if name == "seed":
        return None if whole else "a whole number"
    if name in FLAGS:
        return None if value is None or isinstance(value, bool) else "true or false"
    if name == "law_ratio" and not case:
        return None if real and value > 0 else "a number > 0"
    number = name in NUMBERS or (name.startswith(BOUNDS) and not case)
    if number and not name.endswith(OTHERS):
        allowed = value is None or (real and value >= 0)
        return None if allowed else "a number >= 0, or null"
    return None


def _is_unicode(value: Any) -> bool:
    """Whether it is anything but a text that no file can hold."""
    return not isinstance(value, str) or not re.search("[\ud800-\udfff]", value)


def _brief(value: Any) -> str:
    said = (
        repr(value[:60]) + "..." if isinstance(value, str) and len(value) > 60 else ""
    )
    said = said or repr(value)
    return said if len(said) <= 80 else said[:77] + "..."
