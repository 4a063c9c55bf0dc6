"""IDX files: the format of MNIST, two files of big-endian headers and plain bytes.

    0x00000803, N, rows, columns: four 32-bit numbers, then N rows x columns pixels
    0x00000801, N: two 32-bit numbers, then N classes

(Y. LeCun, C. Cortes, C. Burges, "The MNIST database".) Fashion-MNIST, KMNIST and
others of ten classes come in files of the same names.
"""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np

from isorobust.data.pictures import Pictures
from isorobust.door import BadInput

__all__ = ["files", "read"]

NAMES = {"train": "train", "test": "t10k"}
KINDS = {"images": 3, "labels": 1}  # the number of sizes in a header


def files(folder: str, part: str) -> tuple[Path, ...]:
    """(images, labels) of a part, "train" or "test": plain or .gz, dotted or dashed."""
    inside = Path(folder)
    if not inside.is_dir():
        raise BadInput(f"folder = {folder!r}: no such folder")
    found = []
    for kind, sizes in KINDS.items():
        stem = f"{NAMES[part]}-{kind}"
        names = [f"{stem}{dash}idx{sizes}-ubyte{gz}" for gz in ("", ".gz")
                 for dash in "-."]  # fmt: skip
        there = [inside / name for name in names if (inside / name).is_file()]
        if not there:
            raise BadInput(f"folder = {folder!r}: has no {names[0]} (or {names[2]})")
        found.append(there[0])
    return tuple(found)


def read(files: tuple[Path, ...]) -> Pictures:
    """The pictures of (images, labels). Raises BadInput for anything but whole IDX."""
    (pixels, of_pixels), (classes, of_classes) = (
        _array(file, sizes) for file, sizes in zip(files, KINDS.values(), strict=True)
    )
    where = f"file {str(files[1])!r}"
    if len(classes) != len(pixels):
        raise BadInput(f"{where}: {len(classes)} labels of {len(pixels)} pictures")
    if classes.max() > 9:
        worst = int(classes.argmax())
        raise BadInput(f"{where}: label {worst} is {classes[worst]}: must be 0 to 9")
    whole = hashlib.sha256(of_pixels + of_classes).hexdigest()
    return Pictures(pixels.reshape(len(pixels), -1), classes, whole)


def _array(file: Path, sizes: int) -> tuple[np.ndarray, bytes]:
    """(the array of a file with so many sizes in its header, the content's bytes)."""
    where = f"file {str(file)!r}"
    content, header = _content(file, where), 4 + 4 * sizes
    magic, wanted = content[:4].hex(), f"{0x800 + sizes:08x}"
    if magic != wanted:
        raise BadInput(f"{where}: begins with {magic or 'nothing'}, not {wanted} (IDX)")
    if len(content) < header:
        raise BadInput(
            f"{where}: {len(content)} bytes, less than its header ({header})"
        )
    shape = [int(size) for size in np.frombuffer(content, ">u4", sizes, 4)]
    there = len(content) - header
    if there != math.prod(shape) or not there:
        named = " x ".join(map(str, shape))
        raise BadInput(f"{where}: {there} bytes where its header says {named}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape), content


def _content(file: Path, where: str) -> bytes:
    try:
        raw = file.read_bytes()
        return gzip.decompress(raw) if file.suffix == ".gz" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise BadInput(f"{where}: can't be read ({error})") from None
