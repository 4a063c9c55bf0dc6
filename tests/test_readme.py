"""The README: its example runs, its verbs and choices exist, its table is generated."""

import re
from pathlib import Path

import pytest

import isorobust.data
import isorobust.models
import isorobust.training
from isorobust.cli.main import VERBS, parse
from isorobust.lipschitz import SIDES

README = (Path(__file__).parent.parent / "README.md").read_text()

EXAMPLES = re.findall(r"(?s)```python\n(.*?)```", README)


def test_the_example_runs(capsys: pytest.CaptureFixture) -> None:
    example = EXAMPLES[0]
    exec(compile(example, "README.md", "exec"), {})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[0] for row in rows] == ["8"] * 4 + ["16"] * 4 + ["32"] * 4
    assert all(float(row[2]) <= float(row[3]) for row in rows)


@pytest.mark.parametrize("example", EXAMPLES[1:])
def test_models_are_measured(example: str, capsys: pytest.CaptureFixture) -> None:
    for framework in re.findall(r"^import (equinox)", example, re.M):
        pytest.importorskip(framework)
    exec(compile(example, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_commands_parse() -> None:
    commands = re.findall(r"^    isorobust (.*?)(?:  +#.*)?$", README, re.M)
    assert {command.split()[0] for command in commands} == set(VERBS)
    for command in commands:
        parse(["isorobust", *command.split()])


def test_the_choices_exist() -> None:
    shelf = (isorobust.data, isorobust.models, isorobust.training)
    rows = re.findall(r"^\| (data|labels|network|recipe) \| (.*) \|$", README, re.M)
    for name in re.findall(r"`(\w+)`", " ".join(text for _, text in rows)):
        assert any(name in room.__all__ for room in shelf), name
    bounds = re.findall(r"^\| (?:lower|upper) bounds \| (.*) \|$", README, re.M)
    named = set(re.findall(r"`(\w+)`", " ".join(bounds)))
    assert named == set(SIDES)


def test_the_table_is_there() -> None:
    shown = README.split("<!-- table -->")[1].split("<!-- end of table -->")[0]
    assert "floors violated" in shown and "bracket.svg" in shown
    (place,) = set(re.findall(r"\((benchmarks/results/[^)/]+)\)", shown))
    assert (Path(__file__).parent.parent / place / "records.jsonl").exists()
