"""The published points with ours: every point there, and the same bytes again."""

import re
import xml.etree.ElementTree as ET

from isorobust.report import figures, tabulate
from isorobust.results.join import Found
from isorobust.results.rules import Rule, Slope, Summary
from tests.report.test_report import record


def run(column: str = "sqrt_n_over_k") -> Found:
    rows = [
        record(cell, seed, depth=2, lower_random=4.0 + cell + 0.1 * seed)
        for cell in range(7)
        for seed in range(3)
    ]
    rows[0] |= {"reached": False}
    rules = [Rule("b > 0", Slope("lower_random", column), (0.0, 9.0))]
    return Found("T", 1, rows, len(rows), rules=rules)


def test_every_point_is_drawn() -> None:
    table = tabulate(run())
    text = figures.svg(table, "published")
    ET.fromstring(text)
    marks = re.findall(r"<use ", text)
    # the legend's two, and ticks, come on top of the points
    assert 906 + 7 <= len(marks) <= 906 + 7 + 40
    assert "906 points" in text and "7 cells" in text
    assert text == figures.svg(table, "published")
    (ours,) = table.beside
    assert [point.networks for point in ours.points] == [2] + [3] * 6
    assert (ours.points[0].least, ours.points[1].largest) == (4.1, 5.2)


def test_it_is_drawn_where_a_rule_asks() -> None:
    assert "published" in figures.drawn(tabulate(run()))
    assert "published" not in figures.drawn(tabulate(run("width")))
    rule = Rule("x", Summary("random_over_published"), (0.0, 1.0))
    rows = [record(0, 0, depth=2, lower_random=4.0)]
    assert tabulate(Found("T", 1, rows, 1, rules=[rule])).beside
