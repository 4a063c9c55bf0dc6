"""Pass rules: what a config predicted before it was run, judged on a run's rows."""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated, Any, Literal

import numpy as np

from isorobust.door import Unbounded
from isorobust.results.monotone import Contrast, Rise
from isorobust.results.ranks import Spearman
from isorobust.results.statistics import Exponent, Found, Slope, Summary
from isorobust.results.thresholds import Threshold

__all__ = [
    "Contrast",
    "Exponent",
    "Rise",
    "Rule",
    "Slope",
    "Spearman",
    "Summary",
    "Threshold",
]

KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (Contrast, Exponent, Rise, Slope, Spearman, Summary, Threshold)
}

SEED = 0  # of the bootstrap: the same rows are judged alike


@dataclass(frozen=True)
class Rule:
    """A prediction: `claim` in words, and where the statistic has to lie.

    statistic: one of KINDS
    within: (low, high), both allowed; -inf and inf leave a side open
    judged: "estimate" (the number has to lie there) or "interval" (all of it)
    """

    claim: str
    statistic: Any
    within: tuple[Annotated[float, Unbounded()], ...]
    judged: Literal["estimate", "interval"] = "estimate"

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        if len(self.within) != 2 or self.within[0] > self.within[1]:
            return f"within = {self.within}: must be (low, high)"
        if type(self.statistic).__name__ not in KINDS:
            return f"statistic: must be one of {', '.join(KINDS)}"
        return None


@dataclass(frozen=True)
class Check:
    """A rule and what was found.

    passed: None while the statistic can't be had (a run under way, too few cells)
    """

    claim: str
    found: Found
    low: float | None
    high: float | None
    judged: str
    passed: bool | None


def judge(rules: Iterable[Rule], rows: list[dict]) -> tuple[Check, ...]:
    """Each rule held against the rows of a run, networks and cases alike."""
    return tuple(_judged(rule, rows) for rule in rules)


def _judged(rule: Rule, rows: list[dict]) -> Check:
    rng = np.random.Generator(np.random.Philox(key=SEED))
    found = rule.statistic.of(rows, rng)
    low, high = rule.within
    asked = [found.value]
    if rule.judged == "interval":
        asked = [found.low, found.high]
    passed = None
    if all(value is not None for value in asked):
        passed = all(low <= value <= high for value in asked)
    return Check(rule.claim, found, _closed(low), _closed(high), rule.judged, passed)


def _closed(end: float) -> float | None:
    return end if math.isfinite(end) else None


def to_json(rule: Rule) -> dict:
    """The rule as JSON: an open end is null."""
    kind = type(rule.statistic).__name__
    within = [_closed(end) for end in rule.within]
    return {
        "claim": rule.claim,
        "statistic": {"kind": kind, **asdict(rule.statistic)},
        "within": within,
        "judged": rule.judged,
    }


def from_json(value: dict) -> Rule:
    """The rule that `to_json` wrote."""
    fields = dict(value["statistic"])
    kind = fields.pop("kind")
    if kind not in KINDS:
        raise ValueError(f"{kind} is no statistic")
    as_tuples = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    low, high = value["within"]
    within = (-math.inf if low is None else low, math.inf if high is None else high)
    made = KINDS[kind](**as_tuples)
    rule = Rule(value["claim"], made, within, value["judged"])
    wrong = rule.check() or made.check()
    if wrong:
        raise ValueError(wrong)
    return rule
