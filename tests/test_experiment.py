import dataclasses
from pathlib import Path

import pytest

from isorobust.data import BalancedSigns, Gaussian, Sphere
from isorobust.door import BadInput
from isorobust.experiment import Cell, Experiment, Trial, describe, digest, load
from isorobust.models import MLP
from isorobust.training import Adam
from isorobust.training import Path as PathRecipe

CELL = Cell(Sphere(), BalancedSigns(), MLP(width=8), 64, 16, Adam())

CONFIG = """
from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.training import Adam, Path
__all__ = ["first", "second"]
def first():
    cells = tuple(Cell(Sphere(), BalancedSigns(), MLP(width=k), 64, 16, r)
                  for k in (4, 8) for r in (Adam(), Path()))
    return Experiment("T", 1, cells)
def second():
    return 3
def hidden():
    return first()
"""


@pytest.fixture
def config(tmp_path: Path) -> str:
    file = tmp_path / "c.py"
    file.write_text(CONFIG)
    return str(file)


def test_identity_is_the_choice_and_nothing_else() -> None:
    same = Cell(Sphere(), BalancedSigns(), MLP(width=8), 64, 16, Adam())
    assert CELL.uid == same.uid and len(CELL.uid) == 16
    others = [
        dataclasses.replace(CELL, n=65),
        dataclasses.replace(CELL, distribution=Gaussian()),
        dataclasses.replace(CELL, model=MLP(width=8, activation="tanh")),
        dataclasses.replace(CELL, recipe=Adam(steps=1)),
        dataclasses.replace(CELL, recipe=PathRecipe()),
    ]
    assert len({c.uid for c in [CELL, *others]}) == 6
    assert Trial(CELL, 0).uid != Trial(CELL, 1).uid


def test_identity_is_pinned() -> None:
    """Records of earlier releases have to be found again: the text is an interface."""
    assert describe(Sphere()) == {"kind": "Sphere"}
    assert describe(MLP(width=8)) == {
        "kind": "MLP", "width": 8, "depth": 2, "activation": "relu",
        "batch_norm": False, "init_scheme": "unit",
    }  # fmt: skip
    assert digest({"b": 1, "a": [1.5]}) == digest({"a": [1.5], "b": 1})
    assert digest({"a": 1}) == "015abd7f5cc57a2d"  # sha256 of {"a":1}


def test_a_later_field_leaves_older_identities_alone() -> None:
    old = {"kind": "Adam", "target_mse": 0.1, "learning_rate": 0.01, "steps": 4000}
    assert describe(Adam(learning_rate=0.01)) == old
    decayed = describe(Adam(learning_rate=0.01, weight_decay=0.5))
    assert decayed == {**old, "weight_decay": 0.5}


def test_trials_come_cell_by_cell() -> None:
    other = dataclasses.replace(CELL, n=32)
    trials = Experiment("T", 1, (CELL, other), seeds=2).trials()
    assert [(t.cell.n, t.seed) for t in trials] == [(64, 0), (64, 1), (32, 0), (32, 1)]


def test_the_first_name_is_the_default(config: str) -> None:
    assert load(config) == load(config + ":first")


def test_overrides_reach_every_cell_that_has_the_field(config: str) -> None:
    changed = load(
        config, ["recipe.warm=0.5", "seeds=2", "model.activation=tanh", "n=32"]
    )
    assert changed.seeds == 2 and changed.track == "T+set"
    assert {c.recipe.warm for c in changed.cells if hasattr(c.recipe, "warm")} == {0.5}
    assert {c.model.activation for c in changed.cells} == {"tanh"}
    assert {c.n for c in changed.cells} == {32}
    assert load(config, ["model.width=4"]).cells == load(config).cells[:2]


def test_an_override_that_changes_nothing_keeps_the_track(config: str) -> None:
    assert load(config, ["seeds=4"]).track == "T"


def test_other_bounds_keep_the_track(config: str) -> None:
    changed = load(config, ["bounds=path,data"])
    assert changed.track == "T" and changed.bounds == ("path", "data")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("sedes=3", ["--set sedes", "did you mean 'seeds'?"]),
        ("recipe.stps=3", ["did you mean 'recipe.steps'?"]),
        ("recipe.steps=0", ["recipe.steps = 0", ">= 1"]),
        ("recipe.steps=x", ["recipe.steps = 'x'", "a whole number"]),
        ("model.width=0", ["model.width = 0"]),
        ("n=0", ["n = 0"]),
        ("n", ["must be field=value"]),
        ("d=1", ["the sphere needs d >= 2"]),
        ("delta=2", ["delta = 2.0", "between"]),
        ("model.batch_norm=true", ["recipe = Path", "batch norm"]),
    ],
)
def test_bad_overrides(config: str, override: str, words: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        load(config, [override])
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize(
    ("text", "size", "words"),
    [
        ("def f(:", "", ["c.py:1", "SyntaxError"]),
        (
            "__all__ = ['f']\ndef f():\n    return 1 / 0",
            "",
            ["c.py:3", "ZeroDivisionError"],
        ),
        ("import nowhere", "", ["c.py:1", "ModuleNotFoundError"]),
        ("x = 1", "", ["__all__"]),
        (CONFIG, ":second", ["must return an Experiment, not int"]),
        (CONFIG, ":frist", ["did you mean 'first'?"]),
        (CONFIG, ":hidden", ["no such size"]),
        ("raise SystemExit(0)", "", ["c.py:1", "SystemExit"]),
    ],
)
def test_bad_configs(tmp_path: Path, text: str, size: str, words: list[str]) -> None:
    file = tmp_path / "c.py"
    file.write_text(text)
    with pytest.raises(BadInput) as caught:
        load(f"{file}{size}")
    assert all(word in str(caught.value) for word in words), caught.value


def test_missing_config() -> None:
    with pytest.raises(BadInput, match="no such file"):
        load("configs/nowhere.py")


def test_the_line_of_a_relative_config(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.py").write_text("__all__ = ['f']\n\ndef f():\n    return 1 / 0\n")
    with pytest.raises(BadInput, match=r"^c\.py:4: the config raised ZeroDivision"):
        load("c.py")


@dataclasses.dataclass(frozen=True)
class Foreign:
    """A part that nobody can use."""


@pytest.mark.parametrize("part", ["distribution", "target", "model", "recipe"])
def test_a_part_that_keeps_no_contract(part: str) -> None:
    complaint = dataclasses.replace(CELL, **{part: Foreign()}).check() or ""
    assert complaint.startswith(f"{part} = Foreign: has no ")


def test_cells_stand_once() -> None:
    assert "repeat" in (Experiment("T", 1, (CELL, CELL)).check() or "")
    assert "empty" in (Experiment("T", 1, ()).check() or "")


def test_bundled_configs_are_found_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load("configs/law.py:smoke").track == "LAW-S-smoke"
