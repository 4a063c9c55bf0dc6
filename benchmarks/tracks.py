"""Freezes what is new: the tracks of all configs, each version's task hash, in order.

    python benchmarks/tracks.py

Adds lines to isorobust/results/tracks.json and refuses to change one: whoever changes a
track's cells, seeds or delta raises its version.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from isorobust.account.identity import task
from isorobust.experiment import Experiment, load
from isorobust.results.tracks import FILE, frozen

CONFIGS = Path(__file__).parent.parent / "configs"


def experiments() -> Iterator[Experiment]:
    """Every config at every size but `smoke`, which is no track."""
    for file in sorted(CONFIGS.glob("[!_]*.py")):
        found = re.search(r"__all__ = (\[[^\]]*\])", file.read_text())
        assert found, file
        for size in ast.literal_eval(found[1]):
            if size != "smoke":
                yield load(f"{file}:{size}")


def main() -> None:
    """Adds what is new."""
    known = frozen()
    for experiment in experiments():
        versions = known.setdefault(experiment.track, {})
        name, found = str(experiment.version), task(experiment)
        if versions.setdefault(name, found) != found:
            sys.exit(
                f"{experiment.track} v{name} is frozen as {versions[name]}, "
                f"not {found}: raise its version"
            )
    FILE.write_text(json.dumps(dict(sorted(known.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
