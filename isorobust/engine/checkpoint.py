"""Reading one trained network out of a run's folder, finished or under way."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from orbax.checkpoint import v1 as ocp

from isorobust.door import BadInput
from isorobust.engine.lanes import unstack
from isorobust.experiment import digest
from isorobust.files import MANIFEST, holds, manifest, read_json, unsealed


class Stored(NamedTuple):
    """A trial as its run keeps it.

    cell: the canonical JSON of its cell; seed; uid; params: padded, float32 (numpy)
    """

    cell: dict
    seed: int
    uid: str
    params: Any


def stored(folder: Path, name: str) -> Stored:
    """The trained network of a run whose uid begins with `name`; nothing is written.

    Raises BadInput: no run, no such trial, several, one not trained yet, damage.
    """
    file = folder / "experiment.json"
    if not file.is_file():
        raise BadInput(f"{folder}: holds no run (no experiment.json)")
    about = unsealed(file)
    trials = {row["uid"]: row for row in about["trials"]}
    fits = [uid for uid in trials if uid.startswith(name)]
    if not name or len(fits) != 1:
        some = f"{len(fits)} uids begin" if fits else "no uid begins"
        first = ", ".join((fits or list(trials))[:3])
        raise BadInput(
            f"{folder}:{name}: {some} so, of {len(trials)}: {first}, ...; name one, as "
            f"in {folder}:{(fits or list(trials))[0]}"
        )
    row, hashes = trials[fits[0]], manifest(folder)
    for page in sorted(n.split("/")[1] for n in hashes if n.endswith("/trials.json")):
        place = f"pages/{page}/trials.json"
        uids = [t["uid"] for t in read_json(folder, place, hashes[place])]
        if row["uid"] in uids:
            params = unstack(_params(folder, page, hashes), uids.index(row["uid"]))
            cells = {digest(cell): cell for cell in about["experiment"]["cells"]}
            return Stored(cells[row["cell"]], row["seed"], row["uid"], params)
    raise BadInput(f"{folder}:{row['uid']}: isn't trained yet; continue the run")


def _params(folder: Path, page: str, hashes: dict[str, str]) -> Any:
    """The stacked parameters of a page, each file as the manifest says."""
    inside = f"pages/{page}/params/"
    for name, digest_ in hashes.items():
        if name.startswith(inside) and not holds(folder, name, digest_):
            raise BadInput(
                f"{folder / name}: damaged (not as {MANIFEST} says); the command that "
                "made the run does it again"
            )
    return _arrays(ocp.load((folder / inside).resolve()))


def _arrays(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {name: _arrays(leaf) for name, leaf in tree.items()}
    return np.asarray(tree)
