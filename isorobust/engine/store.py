"""What a run keeps on disk: pages that are whole or absent, and hashes to prove it.

    RUN/experiment.json   what this folder is for
    RUN/pages/00000/      params/ (orbax), trials.json, fit.json, bound_<name>.json
    RUN/MANIFEST.sha256   the hash of every file above; `sha256sum -c` reads it

A page is written under another name and renamed when complete; the manifest follows. A
page that the manifest doesn't vouch for is dropped and done again, to the same bits.
"""

import contextlib
import errno
import fcntl
import hashlib
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

MANIFEST = "MANIFEST.sha256"
SLACK = 1 << 17  # bytes: orbax's small files beside the arrays


@dataclass
class Store:
    """The folder of one run.

    hashes: relative file name -> SHA-256 of everything the manifest vouches for
    """

    folder: Path
    hashes: dict[str, str] = field(default_factory=dict)

    def has_page(self, page: str) -> bool:
        """Whether the page is trained."""
        return f"pages/{page}/trials.json" in self.hashes

    def has(self, page: str, part: str) -> bool:
        """Whether the page has the part (`fit`, `bound_path`)."""
        return f"pages/{page}/{part}.json" in self.hashes

    def write_page(self, page: str, params: Any, trials: list[dict]) -> None:
        """A trained page: stacked parameters and one dict a trial."""
        temporary, final = self.folder / "pages" / f"tmp-{page}", self._page(page)
        for stale in (temporary, final):
            shutil.rmtree(stale, ignore_errors=True)
        temporary.mkdir(parents=True)
        _save(temporary / "params", params)
        (temporary / "trials.json").write_text(_json(trials))
        for file in _files(temporary):
            _sync(file)
        os.rename(temporary, final)
        _sync(final.parent)
        self._vouch(_files(final))

    def write(self, page: str, parts: dict[str, list[dict]]) -> None:
        """Parts of a page: {"fit": [one dict a trial], "bound_path": [...]}."""
        files = [self._page(page) / f"{part}.json" for part in parts]
        for file, rows in zip(files, parts.values(), strict=True):
            write_whole(file, _json(rows))
        self._vouch(files)

    def read(self, page: str, part: str) -> list[dict]:
        """A part of a page: one dict a trial."""
        return json.loads((self._page(page) / f"{part}.json").read_text())

    def params(self, page: str) -> Any:
        """The stacked parameters of a page (numpy)."""
        return ocp.load(self._page(page) / "params")

    def _page(self, page: str) -> Path:
        return self.folder / "pages" / page

    def _vouch(self, files: list[Path]) -> None:
        for file in files:
            self.hashes[str(file.relative_to(self.folder))] = _sha256(file)
        lines = [f"{digest}  {name}\n" for name, digest in sorted(self.hashes.items())]
        write_whole(self.folder / MANIFEST, "".join(lines))


@contextlib.contextmanager
def opened(folder: Path, identity: dict) -> Iterator[Store]:
    """The store of a run, held by this process alone.

    A new folder is made for `identity`; an old one must be for the same. Files whose
    hash is wrong, or that the manifest doesn't name, are dropped with their page.

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
        whole = folder.resolve()  # orbax asks for an absolute path
        store = Store(whole, _verified(whole))
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
        strangers = [p.name for p in folder.iterdir() if p.name != ".lock"]
        if strangers:
            raise BadInput(
                f"--workdir={folder}: holds {sorted(strangers)[0]!r} but no run; "
                "name a new folder"
            )
        write_whole(file, _json(identity))
        return
    try:
        there = json.loads(file.read_text())
        held, bounds = there["experiment"], there["bounds"]
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{file}: damaged; name another --workdir") from None
    differ = list(_differences(held, identity["experiment"]))
    if differ:
        more = f" and {len(differ) - 3} more" if len(differ) > 3 else ""
        raise BadInput(
            f"--workdir={folder}: holds another experiment; differs in "
            f"{', '.join(differ[:3])}{more}; name another folder"
        )
    if bounds != list(identity["bounds"]):
        write_whole(file, _json(there | {"bounds": identity["bounds"]}))


def _differences(there: Any, here: Any, where: str = "") -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for name in sorted({*there, *here}):
            dotted = f"{where}.{name}" if where else name
            yield from _differences(there.get(name), here.get(name), dotted)
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for i, pair in enumerate(zip(there, here, strict=True)):
            yield from _differences(*pair, f"{where}[{i}]")
    elif isinstance(there, list) and isinstance(here, list):
        yield f"{where} ({len(there)} there, {len(here)} here)"
    elif there != here:
        yield f"{where} ({there} there, {here} here)"


def _verified(folder: Path) -> dict[str, str]:
    """The entries of the manifest that hold; a damaged page loses all of its own."""
    file = folder / MANIFEST
    entries = {}
    for line in file.read_text().splitlines() if file.exists() else ():
        digest, _, name = line.partition("  ")
        entries[name] = digest
    good = {name for name, digest in entries.items() if _holds(folder / name, digest)}
    damaged = {name.split("/")[1] for name in entries if name not in good}
    return {n: d for n, d in entries.items() if n.split("/")[1] not in damaged}


def _holds(file: Path, digest: str) -> bool:
    return file.is_file() and _sha256(file) == digest


def _sweep_out(store: Store) -> None:
    pages = store.folder / "pages"
    for folder in pages.iterdir() if pages.is_dir() else ():
        if not store.has_page(folder.name):
            shutil.rmtree(folder)
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


def write_whole(file: Path, text: str) -> None:
    """The file with this text, or as it was: written beside, synced, renamed."""
    temporary = file.with_name(file.name + ".tmp")
    try:
        temporary.write_text(text)
        _sync(temporary)
        os.replace(temporary, file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from error
    _sync(file.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def _leaves(tree: Any) -> Iterator[np.ndarray]:
    if isinstance(tree, dict):
        for branch in tree.values():
            yield from _leaves(branch)
    else:
        yield np.asarray(tree)
