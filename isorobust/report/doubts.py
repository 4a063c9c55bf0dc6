"""What a reader has to know before believing a table: exclusions, doubts, silence."""

from collections import Counter
from collections.abc import Iterable

from isorobust.report.canvas import short
from isorobust.results.join import Found
from isorobust.results.rules import Check

REAL = "the class isn't finite: its weights are real numbers"  # (law/floors.py)
FLOORS = "floor_"
REASON = "_reason"


def doubts(run: Found, checks: Iterable[Check]) -> tuple[str, ...]:
    """A sentence each, the gravest first; () where nothing is to be said."""
    missing = run.planned - len(run.records) - len(run.rows)
    said = [*_broken(run)]
    if missing > 0:
        said.append(f"Under way: {missing} networks or cases have no row yet.")
    said += [*_excluded(run.records), *_unjudged(checks, run), *_silent(run.records)]
    said += _unbounded(run.records)
    if run.repeated:
        said.append(f"{run.repeated} rows were there more than once: counted once.")
    if run.contradicted:
        said.append(
            f"{run.contradicted} of those say something else than the first, which "
            "counts: made by other versions, on other machines, or changed."
        )
    return (*said, *_makers([*run.records, *run.rows]))


def _broken(run: Found) -> list[str]:
    rows = [*run.records, *run.rows]
    said = []
    violated = sum(bool(row.get("violated")) for row in rows)
    if violated:
        said.append(
            f"{_are(violated, 'row')} certified below a floor: the law, the floor or "
            "the certificate is wrong there."
        )
    crossed = sum(bool(row.get("crossed")) for row in rows)
    if crossed:
        said.append(
            f"{_are(crossed, 'network')} bracketed with lower > upper: our defect."
        )
    return said


def _excluded(records: list[dict]) -> list[str]:
    missed = [row for row in records if not row["reached"]]
    if not missed:
        return []
    diverged = sum(row["stop"] == "diverged" for row in missed)
    blocks = Counter(row["block"] for row in missed)
    names = short(list(dict.fromkeys(row["block"] for row in records)))
    most = ", ".join(f"{count} in {names[b]}" for b, count in blocks.most_common(3))
    more = ", ..." if len(blocks) > 3 else ""
    return [
        f"{len(missed)} of {len(records)} networks did not reach their target "
        f"({diverged} diverged, the others ran out of steps): in no mean and no fit, "
        f"counted under fit/tried ({most}{more}). If the hard ones fail, the means "
        "of their cells flatter the rest."
    ]


def _unjudged(checks: Iterable[Check], run: Found) -> list[str]:
    open_ = [check for check in checks if check.passed is None]
    said = []
    if open_:
        said.append(
            f"{len(open_)} predictions can't be judged: the table says why for each."
        )
    if run.checks and not run.rules:
        said.append(
            "The predictions are shown as judged when the table was published: the "
            "rules themselves aren't beside these rows."
        )
    return said


def _silent(records: list[dict]) -> list[str]:
    """Floors that had nothing to say, and why."""
    said = []
    names = {
        name.removesuffix(REASON): None
        for row in records
        for name in row
        if name.startswith(FLOORS) and name.endswith(REASON)
    }
    for name in names:
        why = Counter(row[name + REASON] for row in records if row.get(name + REASON))
        if why and set(why) != {REAL}:  # as of all networks: no doubt about these
            label = name.removeprefix(FLOORS)
            said.append(
                f"The {label} floor is silent for {sum(why.values())} of "
                f"{len(records)} networks: {_listed(why)}."
            )
    literal = sum(bool(row["theorem_applies"]) for row in records)
    if records and literal < len(records):
        said.append(
            f"The theorem's own hypothesis holds for {literal} of {len(records)} "
            "networks; for the others only the sharper floors count."
        )
    return said


def _unbounded(records: list[dict]) -> list[str]:
    """Networks without an upper bound, and methods that declined."""
    bare = sum(row["upper"] is None for row in records)
    said = [f"{_are(bare, 'network')} without a certified upper bound."] if bare else []
    names = {
        name: None
        for row in records
        for name in row
        if name.endswith(REASON) and name.startswith(("upper_", "lower_"))
    }
    for name in names:
        why = Counter(row[name] for row in records if row.get(name))
        if why:
            side, _, method = name.removesuffix(REASON).partition("_")
            said.append(
                f"The {side} bound {method} has no value for {sum(why.values())} "
                f"networks: {_listed(why)}."
            )
    return said


def _makers(rows: list[dict]) -> list[str]:
    said = []
    for column, what in (("software_git", "commits"), ("host_cpu", "kinds of host")):
        values = {str(row[column]) for row in rows if row.get(column)}
        if len(values) > 1:
            said.append(f"The rows come from {len(values)} {what}: see the provenance.")
    if any(str(row.get("software_git")).endswith("+dirty") for row in rows):
        said.append("Some rows were made from a checkout with local changes.")
    return said


def _listed(why: Counter[str]) -> str:
    most = [f"{reason} ({count})" for reason, count in why.most_common(3)]
    return "; ".join(most + (["..."] if len(why) > 3 else []))


def _are(count: int, noun: str) -> str:
    return f"1 {noun} is" if count == 1 else f"{count} {noun}s are"
