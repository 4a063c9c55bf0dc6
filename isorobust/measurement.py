"""Bracketing a network that somebody brings: a file, a run's trial, a model."""

import difflib
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from isorobust import data as data_room
from isorobust import models, training
from isorobust.door import BadInput, nearest
from isorobust.engine.checkpoint import Stored, stored
from isorobust.engine.ladder import real
from isorobust.experiment import Cell, Trial
from isorobust.lipschitz import Bracket, Domain, Network, bracket
from isorobust.lipschitz.bracket import BUDGET
from isorobust.models import archive, imported

Points = tuple[np.ndarray, np.ndarray | None]


def measure(
    net: Any,
    domain: Domain | str = "rd",
    budget: float = BUDGET,
    data: Any = None,
    params: Any = None,
    shape: int | tuple[int, ...] | None = None,
) -> Bracket:
    """Brackets the Lipschitz constant of any network: lipschitz.bracket says how.

    net: an .npz file (models/archive.py), a trained network of a run (`RUN:UID`, the
        uid's first digits suffice), a flax linen, NNX or equinox module or a jax
        function (models/imported.py), or a Network
    domain: `rd`, `ball:R`, `sphere` or a Domain; budget: seconds
    data: where to look besides: x [n, d], (x, y), or an .npz of them; a run's trial is
        looked at on its training set
    params, shape: see models/imported.py

    Raises BadInput, in one line, for whatever is wrong with any of it.
    """
    where = _domain(domain)
    if (
        isinstance(budget, bool)
        or not isinstance(budget, int | float)
        or not budget > 0
    ):
        raise BadInput(f"--budget={budget}: must be a number of seconds > 0")
    own, points, name = _read(net, params, shape)
    points = points if data is None else _points(data, own.d)
    found = bracket(own, where, budget, points)
    if not math.isfinite(found.upper):
        raise BadInput(f"{name}: its bounds overflow float64: scale the weights down")
    return found


def _domain(domain: Domain | str) -> Domain:
    if isinstance(domain, Domain):
        if not domain.radius > 0 or (domain.sphere and domain.radius != 1):
            raise BadInput(f"{domain!r}: must be RD, SPHERE, or a ball of radius > 0")
        return domain
    try:
        return Domain.parse(str(domain))
    except ValueError:
        word = str(domain).partition(":")[0].replace("ball", "")  # what lacks is its R
        said = nearest(word, ("rd", "sphere", "ball"))
        said = said.replace("ball,", "ball:R (R > 0, as in ball:2.5),", 1)
        raise BadInput(f"--domain={domain}: no such domain; {said}") from None


def _read(net: Any, params: Any, shape: Any) -> tuple[Network, Points | None, str]:
    """(the network, the data it was trained on if known, what to call it)."""
    if isinstance(net, Network):
        own = archive.chained(net.layers, net.activation, "the network: ")
        return replace(own, linear=net.linear), None, "the network"
    if not isinstance(net, str | Path):
        return imported.network(net, params, shape), None, "the model"
    text, path = str(net), Path(net)
    folder, colon, uid = text.rpartition(":")
    if path.is_dir():
        folder, colon, uid = text, ":", ""
    if colon and not path.is_file():
        return (*_trial(stored(Path(folder), uid)), text)
    if not path.exists():
        beside = [p.name for p in path.parent.glob("*.npz")]
        close = difflib.get_close_matches(path.name, beside, n=1)
        hint = f"; did you mean {path.parent / close[0]}?" if close else ""
        raise BadInput(f"{net}: no such file; must be an .npz, or RUN:UID{hint}")
    return archive.network(path), None, text


def _points(data: Any, d: int) -> Points:
    """(x, y) of what the user gave as data."""
    if isinstance(data, str | Path):
        return archive.points(Path(data), d)
    x, y = data if isinstance(data, tuple) else (data, None)
    x = np.asarray(x, float).reshape(len(x), -1)
    y = None if y is None else np.asarray(y, float)
    if x.shape[1] != d or not len(x) or not np.isfinite(x).all():
        raise BadInput(f"data: x has shape {x.shape}: must be [n, {d}], finite")
    if y is not None and (y.shape != (len(x),) or not np.isfinite(y).all()):
        raise BadInput(f"data: y has shape {y.shape}: must be [{len(x)}], finite")
    return x, y


def _trial(kept: Stored) -> tuple[Network, Points | None]:
    """A run's network, batch norm folded, and its training set.

    Data that came from a file can't be drawn again without it.
    """
    model, points = _made(kept.cell["model"]), None
    if "sha256" not in kept.cell["distribution"]:
        trial = Trial(_made(kept.cell), kept.seed)
        if trial.uid != kept.uid:
            raise BadInput(f"{kept.uid}: was made by another version of isorobust")
        drawn = data_room.draw(trial)
        points = np.asarray(drawn.x, float), np.asarray(drawn.y, float)
    elif model.batch_norm:
        raise BadInput(
            f"{kept.uid}: its batch norm needs the training set, which isn't in the run"
        )
    d = kept.cell["d"]
    like = model.initial(np.random.Generator(np.random.Philox(key=0)), d)
    wide = real(kept.params, like)
    return model.network(wide, points and points[0]), points


def _made(value: Any) -> Any:
    """The choice that a canonical JSON value describes (experiment.describe)."""
    if isinstance(value, list):
        return tuple(_made(item) for item in value)
    if not isinstance(value, dict):
        return value
    kind, fields = value["kind"], {k: v for k, v in value.items() if k != "kind"}
    for room in (data_room, models, training):
        if kind in room.__all__:
            return getattr(room, kind)(**{k: _made(v) for k, v in fields.items()})
    if kind == "Cell":
        return Cell(**{k: _made(v) for k, v in fields.items()})
    raise BadInput(f"{kind}: this version of isorobust has none")
