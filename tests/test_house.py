"""The house: imports point one way, rooms stay small, tables need no jax."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "isorobust"
FILES = sorted(HOUSE.rglob("*.py"))

# room -> rooms it may import; a top-level file is a room of its own name
ALLOWED = {
    "door": set(),
    "activations": set(),
    "experiment": {"door"},
    "progress": set(),
    "files": {"door"},
    "data": {"door", "experiment"},
    "models": {"door", "activations", "lipschitz"},
    "training": {"door", "lipschitz"},
    "lipschitz": {"activations"},
    "law": set(),
    "engine": {
        "activations", "data", "door", "experiment", "files", "law", "lipschitz",
        "training",
    },
    "cases": {"data", "door", "experiment", "law", "models"},
    "account": {"engine", "experiment", "files"},
    "results": {"door", "files", "law"},
    "report": {"door", "files", "results"},
    "pipeline": {
        "account", "door", "engine", "experiment", "files", "progress", "report",
        "results",
    },
    "measurement": {
        "data", "door", "engine", "experiment", "lipschitz", "models", "training"
    },
    "cli": {
        "account", "data", "door", "engine", "experiment", "law", "lipschitz",
        "measurement", "pipeline", "progress", "report", "results"
    },
    "__main__": {"cli"},
    "__init__": set(),
}  # fmt: skip


def room(file: Path) -> str:
    inside = file.relative_to(HOUSE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def imports(file: Path) -> set[str]:
    """Rooms of isorobust that a file names in an import, wherever in the file."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
            "isorobust"
        ):
            parts = (node.module or "").split(".")
            found |= {parts[1]} if len(parts) > 1 else {a.name for a in node.names}
        elif isinstance(node, ast.Import):
            found |= {
                a.name.split(".")[1]
                for a in node.names
                if a.name.startswith("isorobust.")
            }
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(HOUSE)))
def test_imports_point_one_way(file: Path) -> None:
    assert imports(file) - {room(file)} <= ALLOWED[room(file)]


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(HOUSE)))
def test_rooms_and_functions_are_small(file: Path) -> None:
    text = file.read_text()
    assert text.count("\n") <= 300
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 50, node.name


def test_no_grab_bags() -> None:
    names = {file.stem for file in FILES}
    assert not names & {"utils", "helpers", "common", "misc", "base"}


def test_only_lanes_maps_over_networks() -> None:
    for file in FILES:
        if file.name != "lanes.py":
            assert "vmap" not in [n.attr for n in ast.walk(ast.parse(file.read_text()))
                                  if isinstance(n, ast.Attribute)], file  # fmt: skip


def test_tables_are_rebuilt_without_jax(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['jax'] = None; sys.modules['flax'] = None\n"
        "import isorobust.report, isorobust.results.join, isorobust.law.floors\n"
        "import isorobust.results.scaling, isorobust.cli.report\n"
        "assert 'orbax' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
