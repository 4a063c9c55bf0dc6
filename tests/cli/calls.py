"""Calls of a verb in this process: what it prints, or the one line of its refusal."""

from typing import Any

import pytest

import isorobust.cli.main as cli
from isorobust.door import BadInput


def printed(capsys: pytest.CaptureFixture, *words: object) -> str:
    """What the verb prints; words: it and its arguments."""
    done = said(capsys, *words)
    assert not done.err
    return done.out


def said(capsys: pytest.CaptureFixture, *words: object) -> Any:
    """What the verb prints, as `out` and `err`."""
    _call(*words)
    return capsys.readouterr()


def refused(*words: object) -> str:
    """The one line of a refusal."""
    with pytest.raises(BadInput) as caught:
        _call(*words)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def _call(*words: object) -> None:
    args = cli.parse(["isorobust", *map(str, words)])
    args.call(args)
