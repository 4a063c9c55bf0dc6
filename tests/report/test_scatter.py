"""The overlay holds every published point and every cell of ours."""

import xml.etree.ElementTree as ET

import numpy as np

from isorobust.report import OVERLAY, overlay
from isorobust.report.scatter import scatter
from isorobust.results.join import Found
from isorobust.results.published import figure_2
from isorobust.results.rules import Rule, Summary


def rows() -> list[dict]:
    return [
        {"track": "T", "track_version": 1, "block": f"block {b}", "cell": f"{b}{c}",
         "seed": s, "n": 100 * c, "width": 25, "depth": 2, "outputs": 1,
         "reached": s < 3, "lower_random": 5.0 + c + 0.1 * s}
        for b in range(2) for c in range(1, 6) for s in range(4)
    ]  # fmt: skip


def marks(text: str, name: str) -> int:
    """How many markers the groups of this id hold."""
    groups = [g for g in ET.fromstring(text).iter() if g.get("id") == name]
    return sum(e.tag.endswith("use") for group in groups for e in group.iter())


def test_every_point_is_drawn() -> None:
    text = scatter(rows(), figure_2())
    assert marks(text, "published") == 906
    assert marks(text, "ours") == 10
    assert "block 1" in text and "(906 points)" in text


def test_a_cell_without_a_network_that_fitted_is_not_drawn() -> None:
    some = [row | {"reached": row["cell"] != "03" and row["reached"]} for row in rows()]
    assert marks(scatter(some, figure_2()), "ours") == 9
    assert marks(scatter([], figure_2()), "published") == 906


def test_the_same_rows_give_the_same_bytes() -> None:
    points = np.array([[1.0, 5.0], [2.0, 6.0]])
    assert scatter(rows(), points) == scatter(rows(), points)


def test_it_is_drawn_where_a_rule_asks() -> None:
    plain = Found.of(rows())
    assert overlay(plain) == {}
    rule = Rule("beside", Summary("random_over_published"), (0.9, 1.8))
    asked = Found("T", 1, rows(), 40, rules=[rule])
    assert list(overlay(asked)) == [OVERLAY]
