"""Networks and points in .npz files, and all that can be wrong with such a file."""

import re
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.door import BadInput, nearest
from isorobust.lipschitz.network import Network

# what numpy and zipfile raise for what isn't an archive of arrays
BROKEN = (
    ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError,
    NotImplementedError, MemoryError, SyntaxError, UnicodeError,
)  # fmt: skip


def network(file: Path) -> Network:
    """The network W0, b0, W1, b1, ... of an .npz, in float64.

    W_i [out, in], b_i [out] (every layer has one, or none has: then they are zero), of
    floats or whole numbers; `activation` is a text, relu if there is none.
    """
    arrays = _arrays(file)
    kind = _text(arrays.pop("activation", np.array("relu")), f"{file}: activation")
    depth = max((int(name[1:]) + 1 for name in arrays if _known(name)), default=1)
    expected = [f"{letter}{i}" for i in range(depth) for letter in "Wb"]
    for name in arrays:
        if name not in expected:
            shelf = [*expected, "activation"]
            raise BadInput(f"{file}: {name}: no such array; {nearest(name, shelf)}")
    biased = any(name.startswith("b") for name in arrays)
    for name in expected:
        if name not in arrays and (name.startswith("W") or biased):
            hint = "; give every layer its bias, or none" if name[0] == "b" else ""
            raise BadInput(
                f"{file}: {name} is missing: must hold W0, W1, ... [out, in] and "
                f"b0, b1, ... [out]{hint}"
            )
    pairs = [(arrays[f"W{i}"], arrays.get(f"b{i}")) for i in range(depth)]
    return chained(pairs, kind, f"{file}: ")


def chained(pairs: Any, activation: str, where: str) -> Network:
    """The network of [(W, b or None), ...]; BadInput, which says `where`, for none."""
    if activation not in ACTIVATIONS:
        said = nearest(str(activation), ACTIVATIONS)
        raise BadInput(f"{where}activation = {activation!r}: {said}")
    layers: list[tuple[np.ndarray, np.ndarray]] = []
    for i, (weight, bias) in enumerate(pairs):
        w = _real(np.asarray(weight), 2, f"{where}W{i}")
        if layers and w.shape[1] != len(layers[-1][0]):
            rows = len(layers[-1][0])
            hint = "; W is [out, in]: transpose it?" if len(w) == rows else ""
            raise BadInput(
                f"{where}W{i} has shape {w.shape}: must be [out, {rows}], as W{i - 1} "
                f"has {rows} rows{hint}"
            )
        b = np.zeros(len(w))
        if bias is not None:
            b = _real(np.asarray(bias), 1, f"{where}b{i}")
        if len(b) != len(w):
            raise BadInput(
                f"{where}b{i} has {len(b)} entries: must be {len(w)}, one a row of W{i}"
            )
        layers.append((w, b))
    return Network(tuple(layers), activation)


def points(file: Path, d: int) -> tuple[np.ndarray, np.ndarray | None]:
    """(x [n, d], y [n] or None) of an .npz, in float64."""
    arrays = _arrays(file)
    for name in arrays:
        if name not in ("x", "y"):
            said = nearest(name, ("x", "y"))
            raise BadInput(f"--data={file}: {name}: no such array; {said}")
    if "x" not in arrays:
        raise BadInput(
            f"--data={file}: x is missing: must hold x [n, {d}], maybe y [n]"
        )
    x = _real(arrays["x"], 2, f"--data={file}: x")
    if x.shape[1] != d:
        raise BadInput(
            f"--data={file}: x has shape {x.shape}: must be [n, {d}], as the network"
        )
    if "y" not in arrays:
        return x, None
    y = _real(arrays["y"], 1, f"--data={file}: y")
    if len(y) != len(x):
        raise BadInput(f"--data={file}: y has {len(y)} entries and x {len(x)} rows")
    return x, y


def _known(name: str) -> bool:
    return re.fullmatch(r"[Wb](0|[1-9]\d{0,3})", name) is not None


def _arrays(file: Path) -> dict[str, np.ndarray]:
    """name -> array of an .npz; nothing in it is unpickled."""
    if not file.exists():
        raise BadInput(f"{file}: no such file")
    if file.is_dir():
        raise BadInput(f"{file}: is a folder: must be an .npz file")
    if not file.stat().st_size:
        raise BadInput(f"{file}: is empty: must be an .npz file")
    if not zipfile.is_zipfile(file):
        raise BadInput(f"{file}: is no .npz file (np.savez writes one)")
    found: dict[str, np.ndarray] = {}
    name = ""
    try:
        with np.load(file, allow_pickle=False) as archive:
            for name in archive.files:
                found[name] = archive[name]
    except BROKEN as error:
        pickled = name and "pickle" in str(error)
        why = (
            "holds Python objects, which are never loaded" if pickled else "is damaged"
        )
        raise BadInput(
            f"{file}: {name or 'the archive'} {why}: must be an array of numbers"
        ) from error
    if not found:
        raise BadInput(f"{file}: holds no arrays: must hold W0, b0, W1, b1, ...")
    for name, array in found.items():
        if not isinstance(array, np.ndarray):
            raise BadInput(f"{file}: {name} is no array")
    return found


def _text(array: np.ndarray, where: str) -> str:
    if array.size != 1 or array.dtype.kind not in "US":
        raise BadInput(f"{where}: must be a text; {nearest('', ACTIVATIONS)}")
    word = array.reshape(-1)[0]
    return word.decode(errors="replace") if isinstance(word, bytes) else str(word)


def _real(array: np.ndarray, axes: int, where: str) -> np.ndarray:
    """The array in float64, if that loses nothing."""
    wanted = "[out, in]" if axes == 2 else "[out]"
    if where.endswith((": x", ": y")):
        wanted = "[n, d]" if axes == 2 else "[n]"
    if array.ndim != axes or not array.size:
        raise BadInput(f"{where} has shape {array.shape}: must be {wanted}")
    if array.dtype.kind not in "fiu":
        raise BadInput(f"{where} holds {array.dtype} values: must be real numbers")
    with np.errstate(over="ignore"):
        wide = array.astype(float)
    off = ~np.isfinite(array) if array.dtype.kind == "f" else np.zeros(wide.shape, bool)
    said = "must be finite"
    if not off.any():
        off, said = _changed(array, wide), "is no float64: must be one"
    if off.any():
        at = tuple(int(i) for i in np.argwhere(off)[0])
        value = array[at]
        raise BadInput(f"{where}[{', '.join(map(str, at))}] = {value}: {said}")
    return wide


def _changed(array: np.ndarray, wide: np.ndarray) -> Any:
    """Which entries float64 doesn't hold exactly."""
    if array.dtype.kind == "f":
        return wide.astype(array.dtype) != array
    # 2^64 itself would overflow on the way back
    return np.array([int(w) != int(a) for w, a in zip(wide.flat, array.flat,
                     strict=True)]).reshape(array.shape)  # fmt: skip
