"""Rules: each statistic by another road, and what passes, fails, or can't be had."""

import math

import numpy as np
import pytest

from isorobust.door import BadInput, validate
from isorobust.results.rules import (
    Exponent,
    Rule,
    Slope,
    Summary,
    from_json,
    judge,
    to_json,
)
from isorobust.results.statistics import Found, admits, number


def rows() -> list[dict]:
    """12 cells x 3 seeds with exact = 2 n^.5 p^-.25, and one network that missed."""
    made = [
        {
            "kind": "family", "family": "A" if n < 400 else "B", "cell": f"{n}-{p}",
            "seed": seed, "n": n, "p": p, "exact": 2 * n**0.5 * p**-0.25,
            "floor": 0.5, "violated": False, "reached": True,
        }
        for n in (100, 200, 400) for p in (8, 16, 32, 64) for seed in range(3)
    ]  # fmt: skip
    return [*made, made[0] | {"reached": False, "exact": None, "violated": True}]


def found(statistic: object) -> Found:
    return statistic.of(rows(), np.random.default_rng(0))  # type: ignore[attr-defined]


def test_summaries() -> None:
    values = [r["exact"] for r in rows() if r["exact"]]
    assert found(Summary("exact", "least")).value == min(values)
    assert found(Summary("exact", "largest")).value == max(values)
    assert found(Summary("exact")).value == float(np.median(values))
    assert found(Summary("exact", "mean")).value == pytest.approx(np.mean(values))
    assert found(Summary("violated", "sum")) == Found(1.0, rows=37)
    assert found(Summary("violated", "count")) == Found(37.0, rows=37)
    ratio = found(Summary("exact / floor", "largest"))
    assert ratio == Found(2 * max(values), rows=36, excluded=1)
    nothing = found(Summary("missing", "least"))
    assert nothing.value is None and nothing.reason == "no row has missing"
    assert found(Summary("missing", "sum")).value is None
    assert found(Summary("missing", "count")).value == 0
    nobody = Summary("exact", "count", ("family = C",))
    assert found(nobody).reason == "no row meets the conditions"


def test_a_summary_of_what_fitted_counts_what_did_not() -> None:
    """`reached = true` among the conditions would hide the failures it leaves out."""
    rows = [{"cell": "c", "d": d, "upper": 1.0 + d, "reached": d > 2} for d in range(8)]
    rng = np.random.default_rng(0)
    where = ("d < 6", "reached = true")
    assert Summary("upper", "least", where).of(rows, rng) == Found(
        4.0, None, None, 3, 3
    )
    none = Summary("upper", "least", ("d < 2", "reached = true")).of(rows, rng)
    assert none.value is None and none.excluded == 2


def test_exponents_and_slopes() -> None:
    both = ("n", "p")
    exponent = found(Exponent("exact", "p", both))
    assert exponent.value == pytest.approx(-0.25) and exponent.rows == 36
    assert exponent.low == pytest.approx(-0.25) and exponent.excluded == 1
    assert found(Exponent("exact", "n", both, what="r2")).value == pytest.approx(1)
    line = found(Slope("n", "n"))
    assert line.value == pytest.approx(1)
    few = found(Exponent("exact", "p", where=("family = B",)))
    assert few.value is None and "fewer than 6 cells" in (few.reason or "")


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("n >= 100", True),
        ("n > 100", False),
        ("n <= 99.5", False),
        ("n != 100", False),
        ("family = A", True),
        ("family != A", False),
        ("cell ~ 0-8", True),
        ("reached = true", True),
        ("reached = false", False),
        ("n / p >= 12", True),
        ("absent = 1", False),
        ("absent < 1", False),
    ],
)
def test_conditions(condition: str, met: bool) -> None:
    assert admits((condition,), rows()[0]) == met


def test_numbers_of_rows() -> None:
    row = {"a": 3, "b": 2.0, "t": True, "zero": 0.0, "word": "x", "inf": math.inf}
    assert number(row, "a / b") == 1.5 and number(row, "t") == 1
    for column in ("a / zero", "word", "inf", "none", "none / a", "a / none"):
        assert number(row, column) is None


def rule(statistic: object, *within: float, judged: str = "estimate") -> Rule:
    return Rule("as said", statistic, within, judged)  # type: ignore[arg-type]


def test_judging() -> None:
    exponent = Exponent("exact", "n", ("n", "p"))
    rules = [
        rule(exponent, 0.4, 0.6),
        rule(exponent, 0.51, math.inf),
        rule(exponent, 0.4, 0.6, judged="interval"),
        rule(Summary("exact", "least"), -math.inf, 100.0),
        rule(Summary("missing"), 0.0, 1.0),
        rule(Summary("exact"), 0.0, 1e9, judged="interval"),
    ]
    verdicts = [check.passed for check in judge(rules, rows())]
    assert verdicts == [True, False, True, True, None, None]
    again = [from_json(to_json(each)) for each in rules]
    assert again == rules and judge(again, rows()) == judge(rules, rows())


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (rule(Summary("a"), 1.0, 0.0), "must be (low, high)"),
        (rule(Summary("a"), 1.0), "must be (low, high)"),
        (rule(Summary("a"), math.nan, 1.0), "must be a number or inf"),
        (rule(Summary("a", where=("b 3",)), 0.0, 1.0), "must be such as"),
        (rule(Summary("a", where=("b > x",)), 0.0, 1.0), "must be such as"),
        (rule(Summary("a", where=("b >> 3",)), 0.0, 1.0), "must be such as"),
        (rule(Summary("a", how="mode"), 0.0, 1.0), "allowed: count"),  # type: ignore
        (rule(Exponent("a", "n", ("d",)), 0.0, 1.0), "must be among factors"),
        (rule(rule(Summary("a"), 0.0, 1.0), 0.0, 1.0), "statistic: must be one of"),
        (rule("exact", 0.0, 1.0), "must be a dataclass"),
    ],
)
def test_bad_rules(bad: Rule, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        validate(bad, "rules[0]")
    assert said in str(caught.value) and "rules[0]" in str(caught.value)
