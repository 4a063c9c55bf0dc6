"""What a run keeps on disk: pages that are whole or absent, and hashes to prove it.

    RUN/experiment.json   what this folder is for; carries its own SHA-256
    RUN/pages/00000/      params/ (orbax), trials.json, fit.json, bound_<name>.json
    RUN/cases/<uid>.json  the rows of a case
    RUN/state/00000/      lanes in flight: 0/ (orbax), 0.json, 1/, ...
    RUN/MANIFEST.sha256   the hash of every other file; `sha256sum -c` reads it

A page or a state is written under another name and renamed when complete; the manifest
follows. What the manifest doesn't vouch for is named, dropped and done again, to the
same bits.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from absl import logging
from orbax.checkpoint import v1 as ocp

from isorobust.door import BadInput
from isorobust.experiment import differences
from isorobust.files import (
    MANIFEST,
    as_json,
    holds,
    manifest,
    sealed,
    sha256,
    sync,
    unsealed,
    write_whole,
)

ROOMS = ("pages", "state")
OURS = (".lock", "experiment.json.tmp")  # what a kill at the very start leaves
BESIDE = ("bounds", "cases", "rules")  # what a later call may ask for in another way
SLACK = 1 << 17  # bytes: orbax's small files beside the arrays


@dataclass
class Store:
    """The folder of one run.

    hashes: relative file name -> SHA-256 of everything the manifest vouches for
    damaged: what was dropped when the folder was opened
    """

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)

    def pages(self) -> list[str]:
        """The names of the trained pages."""
        ends = "/trials.json"
        return sorted(n.split("/")[1] for n in self.hashes if n.endswith(ends))

    def has(self, page: str, part: str) -> bool:
        """Whether the page has the part (`fit`, `bound_path`)."""
        return f"pages/{page}/{part}.json" in self.hashes

    def write_page(self, params: Any, trials: list[dict]) -> None:
        """A new trained page: stacked parameters and one dict a trial."""
        name = _after(self.pages())
        with self._whole("pages", name) as temporary:
            _save(temporary / "params", params)
            (temporary / "trials.json").write_text(as_json(trials))

    def write(self, page: str, parts: dict[str, list[dict]]) -> None:
        """Parts of a page: {"fit": [one dict a trial], "bound_path": [...]}."""
        files = [self._page(page) / f"{part}.json" for part in parts]
        for file, rows in zip(files, parts.values(), strict=True):
            write_whole(file, as_json(rows))
        self._vouch(files)

    def read(self, page: str, part: str) -> list[dict]:
        """A part of a page: one dict a trial."""
        return json.loads((self._page(page) / f"{part}.json").read_text())

    def params(self, page: str) -> Any:
        """The stacked parameters of a page (numpy)."""
        return ocp.load(self._page(page) / "params")

    def write_state(self, parts: list[tuple[Any, list[dict]]]) -> None:
        """The lanes in flight, in the place of those written before.

        parts: (stacked arrays, one dict a lane) by shape; [] only removes the old
        """
        old = self._states()
        if parts:
            with self._whole("state", _after(old)) as temporary:
                for i, (lanes, rows) in enumerate(parts):
                    _save(temporary / str(i), lanes)
                    (temporary / f"{i}.json").write_text(as_json(rows))
        for name in old:
            self._forget(f"state/{name}")
        if old:  # gone from the manifest first, so that none of it is missed
            self._vouch([])
        for name in old:
            shutil.rmtree(self.folder / "state" / name)

    def state(self) -> list[tuple[Any, list[dict]]]:
        """The lanes in flight, as written."""
        found = []
        for name in self._states()[-1:]:
            folder = self.folder / "state" / name
            for file in sorted(folder.glob("*.json"), key=lambda f: int(f.stem)):
                rows = json.loads(file.read_text())
                found.append((ocp.load(folder / file.stem), rows))
        return found

    def publish(self, texts: dict[str, str]) -> None:
        """Files beside the pages: {name: text}, each whole or as it was."""
        for name, text in texts.items():
            write_whole(self.folder / name, text)
        self._vouch([self.folder / name for name in texts])

    def _page(self, page: str) -> Path:
        return self.folder / "pages" / page

    def _states(self) -> list[str]:
        names = {n.split("/")[1] for n in self.hashes if n.startswith("state/")}
        return sorted(names)

    @contextlib.contextmanager
    def _whole(self, room: str, name: str) -> Iterator[Path]:
        """A folder that appears under its name, vouched for, when the block ends."""
        temporary, final = self.folder / room / f"tmp-{name}", self.folder / room / name
        for stale in (temporary, final):
            shutil.rmtree(stale, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        for file in _files(temporary):
            sync(file)
        os.rename(temporary, final)
        sync(final.parent)
        self._vouch(_files(final))

    def _drop(self, place: str) -> None:
        """Removes a folder, and its entries from what will be the manifest."""
        shutil.rmtree(self.folder / place, ignore_errors=True)
        self._forget(place)

    def _forget(self, place: str) -> None:
        inside = tuple(n for n in self.hashes if n.startswith(place + "/"))
        self.hashes = {n: d for n, d in self.hashes.items() if n not in inside}

    def _vouch(self, files: list[Path]) -> None:
        for file in files:
            name = str(file.relative_to(self.folder))
            self.hashes[name] = sha256(file.read_bytes())
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self.hashes.items())]
        write_whole(self.folder / MANIFEST, "".join(lines))


@contextlib.contextmanager
def opened(folder: Path, identity: dict) -> Iterator[Store]:
    """The store of a run, held by this process alone.

    A new folder is made for `identity`; an old one must be for the same. What has a
    wrong hash, or none, is dropped: a bound or a fit alone, else the page or state.

    Raises BadInput: another experiment, another process, a folder that isn't a run's.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("a+")
    except OSError as error:
        raise BadInput(
            f"--workdir={folder}: {error.strerror}; name a folder that can be written"
        ) from None
    with lock:
        _hold(lock, folder)
        _agree(folder, identity)
        store = Store(folder.resolve())  # orbax asks for an absolute path
        _verify(store)
        _sweep_out(store)
        yield store


def _hold(lock: Any, folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        raise BadInput(f"--workdir={folder}: in use by {holder}") from None
    lock.seek(0)
    lock.truncate()
    lock.write(f"process {os.getpid()} on {os.uname().nodename}")
    lock.flush()


def _agree(folder: Path, identity: dict) -> None:
    file = folder / "experiment.json"
    if not file.exists():
        strangers = [p.name for p in folder.iterdir() if p.name not in OURS]
        if strangers:
            raise BadInput(
                f"--workdir={folder}: holds {sorted(strangers)[0]!r} but no run; "
                "name a new folder"
            )
        write_whole(file, sealed(identity))
        return
    there = unsealed(file)
    held = there["experiment"]
    differ = list(differences(held, identity["experiment"]))
    if differ:
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        raise BadInput(
            f"--workdir={folder}: holds another experiment; differs in "
            f"{', '.join(differ[:3])}{more}; name another folder"
        )
    asked = {name: identity.get(name) for name in BESIDE}
    beside = json.loads(json.dumps(asked))
    if beside != {name: there.get(name) for name in BESIDE}:
        write_whole(file, sealed(there | beside))


def _verify(store: Store) -> None:
    """Reads the manifest and drops what it doesn't vouch for."""
    store.hashes = manifest(store.folder)
    for name, digest in sorted(store.hashes.items()):
        if name in store.hashes and not holds(store.folder, name, digest):
            del store.hashes[name]
            room, *inside = name.split("/")
            if room == "cases":
                store.damaged.append(name)
            if room in ROOMS and len(inside) > 1 and inside[0].isdigit():
                place = f"{room}/{inside[0]}"
                part = room == "pages" and inside[1].startswith(("fit", "bound_"))
                store.damaged.append(name if part else place)
                if not part:
                    store._drop(place)


def _sweep_out(store: Store) -> None:
    """Removes what no manifest names: leftovers of a kill, or what lost its entry."""
    for room in ROOMS:
        for folder in sorted((store.folder / room).glob("*")):
            place = f"{room}/{folder.name}"
            named = {n for n in store.hashes if n.startswith(place + "/")}
            whole = {str(f.relative_to(store.folder)) for f in _files(folder)}
            stray = {n for n in whole - named if not n.endswith(".tmp")}
            parts = {n for n in stray if Path(n).name.startswith(("fit", "bound_"))}
            if not named or stray - parts:
                store._drop(place)
            for name in parts:
                (store.folder / name).unlink(missing_ok=True)
    for leftover in store.folder.glob("**/*.tmp"):
        leftover.unlink()


def _save(folder: Path, params: Any) -> None:
    """orbax's save; what the system refused is an OSError, as everywhere else.

    A disk about to fill up is noticed before: orbax's threads would print tracebacks.
    """
    needed = 2 * sum(leaf.nbytes for leaf in _leaves(params)) + SLACK
    if shutil.disk_usage(folder.parent).free < needed:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))
    told = logging.get_verbosity()
    logging.set_verbosity(logging.FATAL)  # orbax prints what it then raises
    try:
        ocp.save(folder, params)
    except ValueError as error:
        code = re.search(r"os_error_code='(\d+)'", str(error))
        if not code:
            raise
        raise OSError(int(code[1]), os.strerror(int(code[1])), str(folder)) from error
    finally:
        logging.set_verbosity(told)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _after(names: list[str]) -> str:
    """The name that follows numbered names."""
    return f"{int(names[-1]) + 1 if names else 0:05d}"


def _leaves(tree: Any) -> Iterator[np.ndarray]:
    if isinstance(tree, dict):
        for branch in tree.values():
            yield from _leaves(branch)
    else:
        yield np.asarray(tree)
