"""The guides: all their examples run, in order; the reference builds and is whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import isorobust
from isorobust.cli.main import parse

DOCS = Path(__file__).parent.parent / "docs"
GUIDES = sorted(set(DOCS.glob("*.md")) - {DOCS / "README.md"})
BLOCK = re.compile(r"(?s)```(python|sh)\n(.*?)```")


@pytest.mark.parametrize("guide", GUIDES, ids=lambda f: f.stem)
def test_examples_run(
    guide: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict = {"__name__": "guide"}
    for language, text in BLOCK.findall(guide.read_text()):
        if language == "python":
            exec(compile(text, guide.name, "exec"), names)
            continue
        for command in text.splitlines():
            verb, *words = command.split("#")[0].split()
            assert verb == "isorobust"
            args = parse([verb, *words])
            args.call(args)
            assert capsys.readouterr().out


def test_every_guide_is_listed() -> None:
    listed = set(re.findall(r"\((\S+\.md)\)", (DOCS / "README.md").read_text()))
    assert listed == {guide.name for guide in GUIDES}


def test_the_reference_builds(tmp_path: Path) -> None:
    """Without a warning, and every public name is in it."""
    pytest.importorskip("pdoc")
    command = [sys.executable, "-W", "error", DOCS / "reference.py", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "isorobust.html").read_text()
    for name in isorobust.__all__:
        assert f">{name}<" in page, name


def test_what_is_public_says_what_it_is() -> None:
    for name in isorobust.__all__:
        assert (getattr(isorobust, name).__doc__ or "").strip(), name
    for room in (isorobust.data, isorobust.models, isorobust.training):
        for name in room.__all__:
            assert len((getattr(room, name).__doc__ or "").split()) >= 3, name
