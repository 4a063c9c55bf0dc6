"""Rises along a factor and two blocks side by side, on rows whose answer is known."""

import numpy as np
import pytest

from isorobust.results.rules import Contrast, Rise, Rule, from_json, to_json


def rows(values: dict[tuple[str, int], float]) -> list[dict]:
    """Two networks a cell at value * 1.1 and value / 1.1, and one that missed."""
    return [
        {
            "block": block, "n": 64, "d": 8, "width": width, "cell": f"{block}{width}",
            "reached": factor != 9.0, "upper": value * factor,
        }
        for (block, width), value in values.items()
        for factor in (1.1, 1 / 1.1, 9.0)
    ]  # fmt: skip


RNG = np.random.default_rng(0)
MADE = rows(
    {("a", 4): 6.0, ("a", 16): 3.0, ("a", 8): 5.0, ("b", 4): 2.0, ("b", 8): 2.4}
)


def test_the_largest_rise_of_neighbours() -> None:
    found = Rise("upper", "width").of(MADE, RNG)
    assert found.value == pytest.approx(1.2) and (found.rows, found.excluded) == (10, 5)
    falls = Rise("upper", "width", ("block = a",)).of(MADE, RNG)
    assert falls.value == pytest.approx(5 / 6)  # in the order of width, not of rows
    alone = Rise("upper", "width", ("width = 4",)).of(MADE, RNG)
    assert alone.value is None and alone.reason == "no two cells to compare"


@pytest.mark.parametrize(
    ("how", "value"), [("least", 5 / 2.4), ("largest", 3.0), ("mean", 2.5)]
)
def test_two_blocks_at_equal_sizes(how: str, value: float) -> None:
    contrast = Contrast("upper", ("block = a",), ("block = b",), how)  # type: ignore[arg-type]
    found = contrast.of(MADE, RNG)
    assert found.value == pytest.approx(value)
    assert found.low is None  # two pairs: too few for an interval
    assert (found.rows, found.excluded) == (8, 4)  # a's third width has no partner
    lost = [r | {"reached": r["reached"] and (r["cell"] != "b8")} for r in MADE]
    one = contrast.of(lost, RNG)  # b's width 8 failed: six rows there say nothing
    assert one.value == pytest.approx(3.0) and (one.rows, one.excluded) == (4, 8)
    nothing = Contrast("upper", ("block = a",), ("block = c",)).of(MADE, RNG)
    assert nothing.value is None


def test_pairs_that_share_data_sets_are_one_cluster() -> None:
    """8 data sets, each with its own ratio that its 4 widths share: 8 pairs' worth."""
    rng = np.random.default_rng(1)
    made = [
        {
            "block": block, "distribution": "Sphere()", "target": "Signs()", "n": n,
            "d": 8, "width": width, "upper": ratio if block == "a" else 1.0,
        }
        for n, ratio in enumerate(np.exp(0.2 * rng.standard_normal(8)), 1)
        for width in (4, 8, 16, 32)
        for block in "ab"
    ]  # fmt: skip
    contrast = Contrast("upper", ("block = a",), ("block = b",))
    found, alone = (
        contrast.of([r for r in made if r["width"] <= most], RNG) for most in (32, 4)
    )
    ends = (found.value, found.low, found.high)
    assert ends == pytest.approx((alone.value, alone.low, alone.high))
    assert found.low is not None and found.low < found.value < found.high


@pytest.mark.parametrize(
    "statistic",
    [
        Rise("upper", "width"),
        Contrast("upper", ("block = a",), ("block = b",), "least"),
    ],
)
def test_they_are_written_and_read(statistic: object) -> None:
    rule = Rule("said", statistic, (0.0, 1.1))
    assert from_json(to_json(rule)) == rule and rule.check() is None
    assert Rise("upper", "width", ("?",)).check() is not None
