"""The README: its example runs, its verbs and choices exist, its table is generated."""

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

import isorobust.data
import isorobust.models
import isorobust.training
from isorobust.cli.main import VERBS, parse
from isorobust.law import floors
from isorobust.lipschitz import SIDES
from isorobust.models import interpolants

README = (Path(__file__).parent.parent / "README.md").read_text()

PUBLISH = Path(__file__).parent.parent / "benchmarks" / "publish.py"
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
    (families,) = re.findall(r"^\| families \| (.*) \|$", README, re.M)
    shelf = set(interpolants.__all__) - {"Solution"}
    assert set(re.findall(r"`(\w+)`", families)) == shelf
    (named,) = re.findall(r"^\| floors \| (.*) \|$", README, re.M)
    assert set(re.findall(r"`(\w+)`", named)) == set(floors.__all__)
    bounds = re.findall(r"^\| (?:lower|upper) bounds \| (.*) \|$", README, re.M)
    named = set(re.findall(r"`(\w+)`", " ".join(bounds)))
    assert named == set(SIDES)


def test_every_config_is_named() -> None:
    here = Path(__file__).parent.parent / "configs"
    for config in here.glob("[!_]*.py"):
        assert f"configs/{config.name}" in README, config.name


def published() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publish", PUBLISH)
    assert spec and spec.loader
    publish = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(publish)
    return publish


def test_published_predictions_are_the_results() -> None:
    """What the README shows is what the results' folders say; nobody typed it."""
    publish = published()
    shown = README.split("<!-- predictions -->\n")[1]
    shown = shown.split("<!-- end of predictions -->")[0]
    assert shown == publish.predictions()


@pytest.mark.parametrize("name", ["records.jsonl", "cases.jsonl"])
def test_no_floor_is_violated_in_what_is_published(name: str) -> None:
    files = list(PUBLISH.parent.glob(f"results/*/{name}"))
    rows = [json.loads(line) for f in files for line in f.read_text().splitlines()]
    held = [row["violated"] for row in rows if row.get("violated") is not None]
    assert len(held) >= 500 and not any(held)


def test_the_table_is_there() -> None:
    shown = README.split("<!-- table -->")[1].split("<!-- end of table -->")[0]
    assert "floors violated" in shown and "bracket.svg" in shown
    (place,) = set(re.findall(r"\((benchmarks/results/[^)/]+)/", shown))
    assert (Path(__file__).parent.parent / place / "records.jsonl").exists()


def test_the_index_is_the_results() -> None:
    publish = published()
    assert publish.INDEX.read_text() == publish.index()
