"""Files that are whole or as they were, and the hashes that prove it.

`sha256sum -c MANIFEST.sha256` reads a manifest. A sealed file carries the hash of its
own content, so that no second file has to be written with it.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from isorobust.door import BadInput

MANIFEST = "MANIFEST.sha256"
SUMS = "SHA256SUMS"  # of a published folder, which isn't a run's
SEAL = "sha256_of_the_rest"


def write_whole(file: Path, content: str | bytes) -> None:
    """The file with this content, or as it was: written beside, synced, renamed."""
    temporary = file.with_name(file.name + ".tmp")
    try:
        whole = content.encode() if isinstance(content, str) else content
        temporary.write_bytes(whole)
        sync(temporary)
        os.replace(temporary, file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(file)) from error
    sync(file.parent)


def sync(path: Path) -> None:
    """Waits until the file or folder is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sha256(content: bytes) -> str:
    """The hash in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def as_json(value: Any) -> str:
    """The text of a JSON file."""
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def manifest(folder: Path, name: str = MANIFEST) -> dict[str, str]:
    """{relative name: SHA-256} of all that the folder's manifest vouches for."""
    file = folder / name
    if not file.is_file():
        return {}
    lines = file.read_bytes().decode(errors="replace").splitlines()
    return {name: digest for digest, _, name in (x.partition("  ") for x in lines)}


def holds(folder: Path, name: str, digest: str) -> bool:
    """Whether it is a file, which a device or a pipe isn't, and has this hash."""
    file = folder / name
    try:
        return file.is_file() and sha256(file.read_bytes()) == digest
    except (OSError, ValueError):  # not there, or no name of a file
        return False


def read_json(folder: Path, name: str, digest: str) -> Any:
    """The value of a JSON file with this hash. Raises BadInput for any other."""
    if not holds(folder, name, digest):
        raise BadInput(
            f"{folder / name}: damaged (not as {MANIFEST} says); the command that made "
            "the run does it again"
        )
    return json.loads((folder / name).read_bytes())


def sealed(value: dict) -> str:
    """The text of a JSON file that carries its own hash."""
    return as_json(value | {SEAL: sha256(as_json(value).encode())})


def unsealed(file: Path) -> dict:
    """The value of a sealed file. Raises BadInput where it isn't as it was written."""
    try:
        value = json.loads(file.read_bytes())
        seal = value.pop(SEAL)
        if seal == sha256(as_json(value).encode()):
            return value
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    raise BadInput(
        f"{file}: damaged (not as it was written); what run this was is lost"
    )
