"""CIFAR-10, binary version: records of a class byte and 3 x 32 x 32 pixel bytes.

(A. Krizhevsky, "Learning multiple layers of features from tiny images", 2009.) The
python version is pickles, which can run anything; they are never opened.
"""

import hashlib
from pathlib import Path

import numpy as np

from isorobust.data.pictures import Pictures
from isorobust.door import BadInput

__all__ = ["files", "read"]

PIXELS = 3 * 32 * 32
BATCHES = {
    "train": tuple(f"data_batch_{i}.bin" for i in range(1, 6)),
    "test": ("test_batch.bin",),
}
ARCHIVE = "cifar-10-binary.tar.gz"
PICKLES = (
    *(batch.removesuffix(".bin") for part in BATCHES.values() for batch in part),
    "batches.meta", "cifar-10-batches-py", "cifar-10-python.tar.gz",
)  # fmt: skip


def files(folder: str, part: str) -> tuple[Path, ...]:
    """The batches of a part, "train" or "test", in a folder or as it was unpacked."""
    where = f"folder = {folder!r}"
    top = Path(folder)
    if top.name in PICKLES and top.exists():
        raise BadInput(f"{where}: {_python()}")
    if not top.is_dir():
        raise BadInput(f"{where}: no such folder")
    insides = [top / "cifar-10-batches-bin", top]
    for inside in insides:
        batches = tuple(inside / name for name in BATCHES[part])
        there = [batch for batch in batches if batch.is_file()]
        if len(there) == len(batches):
            return batches
        if there:
            absent = next(batch.name for batch in batches if batch not in there)
            raise BadInput(f"folder = {str(inside)!r}: has no {absent}")
    if any((top / name).exists() for name in PICKLES):
        raise BadInput(f"{where}: {_python()}")
    hint = f"; unpack {ARCHIVE}" if (top / ARCHIVE).exists() else ""
    raise BadInput(f"{where}: has no {BATCHES[part][0]}{hint}")


def read(files: tuple[Path, ...]) -> Pictures:
    """The pictures of some batches. Raises BadInput for anything but whole records."""
    records = [_records(file) for file in files]
    whole = hashlib.sha256(b"".join(batch.tobytes() for batch in records)).hexdigest()
    every = np.concatenate(records)
    return Pictures(every[:, 1:], every[:, 0], whole)


def _python() -> str:
    return (
        "is CIFAR-10's python version (pickles, never opened); "
        f"take the binary version, {ARCHIVE}"
    )


def _records(file: Path) -> np.ndarray:
    """[N, 1 + 3072] bytes."""
    where = f"file {str(file)!r}"
    try:
        content = np.frombuffer(file.read_bytes(), np.uint8)
    except OSError as error:
        raise BadInput(f"{where}: can't be read ({error})") from None
    if not content.size or content.size % (1 + PIXELS):
        raise BadInput(
            f"{where}: {content.size} bytes, not whole records of {1 + PIXELS}"
        )
    records = content.reshape(-1, 1 + PIXELS)
    if records[:, 0].max() > 9:
        worst = int(records[:, 0].argmax())
        found = records[worst, 0]
        raise BadInput(f"{where}: label {worst} is {found}: must be 0 to 9")
    return records
