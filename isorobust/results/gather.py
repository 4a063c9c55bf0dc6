"""What the report is given, read: runs, published folders, files of rows; never jax.

Rows of one track and version are joined into one Found; two versions never are.
"""

import dataclasses
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from isorobust.door import BadInput
from isorobust.files import MANIFEST, sha256, unsealed
from isorobust.results import records, rules
from isorobust.results.join import Found, Origin, collect
from isorobust.results.rules import Check
from isorobust.results.statistics import Found as Value

READING = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
WORKING = (*READING, IndexError, ArithmeticError)
ROWS = ("records.jsonl", "cases.jsonl")
# of a case whose columns nobody named: what most of them have
USUAL = (
    "n", "d", "m", "k", "p", "law_ratio", "train_mse", "lower", "upper", "floor",
    "upper_over_floor",
)  # fmt: skip


def gather(places: Sequence[str]) -> list[Found]:
    """A Found a track and version, in the order in which they are named.

    places: folders of a run, published folders, records.jsonl or cases.jsonl files, or
    folders of such folders. Raises BadInput for anything else.
    """
    groups: dict[tuple[str, int], list[Found]] = {}
    for place in places:
        for found in _at(Path(place)):
            groups.setdefault((found.track, found.version), []).append(found)
    return [_joined(some) for some in groups.values()]


def _at(place: Path) -> list[Found]:
    if place.is_file():
        rows = records.read(place)
        if not rows:
            raise BadInput(f"{place}: no network is measured yet (no record)")
        return _split(place, rows, {place.name: sha256(place.read_bytes())}, {})
    whole = (place / MANIFEST).is_file() or not _holds_rows(place)
    if (place / "experiment.json").is_file() and whole:
        found = collect(place)
        if not (found.records or found.rows):
            raise BadInput(
                f"{place}: no network is measured yet ({found.planned} planned)"
            )
        return [found]
    if _holds_rows(place):
        return _published(place)
    inside = [f for f in sorted(place.glob("*")) if f.is_dir() and _is_run(f)]
    if not inside:
        raise BadInput(
            f"{place}: holds no run (no experiment.json, {' or '.join(ROWS)})"
        )
    return [found for folder in inside for found in _at(folder)]


def _holds_rows(folder: Path) -> bool:
    return any((folder / name).is_file() for name in ROWS)


def _is_run(folder: Path) -> bool:
    return (folder / "experiment.json").is_file() or _holds_rows(folder)


def _published(folder: Path) -> list[Found]:
    """The rows of a published folder, with what its experiment and table say of them.

    Without an experiment.json no rule can be judged again: then the table's own
    verdicts are shown.
    """
    rows: list[dict] = []
    hashes = {}
    for name in ROWS:
        if (folder / name).is_file():
            rows += records.read(folder / name)
            hashes[name] = sha256((folder / name).read_bytes())
    if not rows:
        raise BadInput(f"{folder}: no network is measured yet (no record)")
    with fitting(str(folder), "its files"):
        return _split(folder, rows, hashes, _beside(folder))


@contextmanager
def fitting(named: str, what: str = "the rows") -> Iterator[None]:
    """Within, what goes wrong is said of the files that were named: BadInput."""
    try:
        yield
    except BadInput:
        raise
    except WORKING as error:
        raise BadInput(
            f"{named}: {what} don't fit together ({type(error).__name__}: {error})"
        ) from error


def _beside(folder: Path) -> dict[str, Any]:
    """shown, rules, checks and what experiment.json says, as far as they are there."""
    known: dict[str, Any] = {}
    file = folder / "table.json"
    if file.is_file():
        try:
            table = json.loads(file.read_text())
            known["shown"] = {p["name"]: p["heads"] for p in table.get("panels", ())}
            known["checks"] = [
                Check(**check | {"found": Value(**check["found"])})
                for check in table.get("checks", ())
            ]
        except READING as error:
            raise BadInput(
                f"{file}: is no table ({type(error).__name__}: {error})"
            ) from None
    if (folder / "experiment.json").is_file():
        about = unsealed(folder / "experiment.json")
        known |= about
        known["rules"] = [rules.from_json(rule) for rule in about.get("rules", ())]
        cases = about.get("cases", {}).values()
        known["shown"] = {case["block"]: case["shown"] for case in cases}
    return known


def _split(
    place: Path, rows: list[dict], hashes: dict[str, str], known: dict[str, Any]
) -> list[Found]:
    """A Found a track and version of the rows."""
    tracks: dict[tuple[str, int], list[dict]] = {}
    for row in rows:
        tracks.setdefault((row["track"], row["track_version"]), []).append(row)
    origin = Origin.of(place, known, hashes)
    alone = len(tracks) == 1
    found = []
    for (track, version), some in tracks.items():
        cases = [row for row in some if "kind" in row]
        found.append(
            Found(
                track,
                version,
                [row for row in some if "kind" not in row],
                len(some),
                rows=cases,
                shown=_shown(cases, known.get("shown", {})),
                rules=known.get("rules", []) if alone else [],
                checks=known.get("checks", []) if alone else [],
                origins=[origin],
            )
        )
    return found


def _shown(cases: list[dict], named: dict[str, list[str]]) -> dict[str, list[str]]:
    """Block -> the columns to show; where nobody named them, those that most have."""
    blocks: dict[str, dict] = {}
    for row in cases:
        blocks.setdefault(row["block"], row)
    usual = {b: [name for name in USUAL if name in row] for b, row in blocks.items()}
    return {
        block: named.get(block) or usual[block] or _numbers(row)
        for block, row in blocks.items()
    }


def _numbers(row: dict) -> list[str]:
    numbers = [k for k, v in row.items() if isinstance(v, (int, float, bool))]
    return [k for k in numbers if not records.varies(k) and k != "track_version"]


def _joined(some: list[Found]) -> Found:
    """One Found of several of the same track and version, every trial once."""
    places: dict[str, Found] = {}  # of a place that was named twice, one
    for found in some:
        places.setdefault(os.path.realpath(found.origins[0].place), found)
    some = list(places.values())
    alone = len(some) == 1
    networks, *repeated = _once((row["uid"], row) for f in some for row in f.records)
    cases, *again = _once(
        ((row["block"], row["cell"], row["seed"]), row) for f in some for row in f.rows
    )
    missing = sum(f.planned - len(f.records) - len(f.rows) for f in some)
    every = {str(rules.to_json(rule)): rule for f in some for rule in f.rules}
    return dataclasses.replace(
        some[0],
        records=networks,
        rows=cases,
        planned=len(networks) + len(cases) + missing,
        shown={block: heads for f in some for block, heads in f.shown.items()},
        rules=some[0].rules if alone else list(every.values()),
        # those are verdicts on one folder alone
        checks=some[0].checks if alone else [],
        origins=[origin for f in some for origin in f.origins],
        repeated=repeated[0] + again[0],
        contradicted=repeated[1] + again[1],
    )


def _once(named: Iterable[tuple[Any, dict]]) -> tuple[list[dict], int, int]:
    """The first row of every name, how many more there were, how many say otherwise."""
    found: dict[Any, dict] = {}
    count = differ = 0
    for name, row in named:
        first = found.setdefault(name, row)
        differ += _constant(first) != _constant(row)
        count += 1
    return list(found.values()), count - len(found), differ


def _constant(row: dict) -> dict:
    """What two honest runs agree in."""
    return {name: value for name, value in row.items() if not records.varies(name)}
