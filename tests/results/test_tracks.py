"""Tracks are frozen: another task under an old version is an error."""

import dataclasses
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from isorobust.account.identity import task
from isorobust.experiment import load
from isorobust.results import tracks

ROOT = Path(__file__).parent.parent.parent


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "tracks_script", ROOT / "benchmarks" / "tracks.py"
    )
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_no_track_changed_without_its_version() -> None:
    for experiment in script().experiments():
        known = tracks.task_of(experiment.track, experiment.version)
        assert known == task(experiment), f"{experiment.track} v{experiment.version}"


def test_the_named_tracks_are_there() -> None:
    for track in ("LAW-S", "LAW-M", "BLN-2021", "EXACT", "FRONTIER-0"):
        assert tracks.frozen()[track]
    assert tracks.task_of("LAW-S", 99) is None and tracks.task_of("NEW", 1) is None


def test_a_task_is_what_is_asked_and_not_how_it_is_looked_at() -> None:
    law = load(str(ROOT / "configs" / "law.py"))
    same = dataclasses.replace(law, bounds=("path",), rules=())
    assert task(same) == task(law)
    others = [
        dataclasses.replace(law, seeds=5),
        dataclasses.replace(law, delta=0.02),
        dataclasses.replace(law, cells=law.cells[1:]),
    ]
    assert len({task(other) for other in [law, *others]}) == 4


def test_a_frozen_line_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tracks.json"
    monkeypatch.setattr(tracks, "FILE", file)
    file.write_text(json.dumps({"LAW-S": {"1": "of old"}}))
    module = script()
    monkeypatch.setattr(module, "FILE", file)
    module.main()
    lines = json.loads(file.read_text())
    assert set(lines["LAW-S"]) == {"1", "2"} and lines["LAW-S"]["1"] == "of old"
    lines["LAW-S"]["2"] = "another"
    file.write_text(json.dumps(lines))
    with pytest.raises(SystemExit, match="LAW-S v2 is frozen as another"):
        module.main()
    assert json.loads(file.read_text()) == lines
