"""A user's model as a Network: whatever it was written with, checked against itself."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.door import BadInput
from isorobust.lipschitz import network as chain
from isorobust.lipschitz.network import Network
from isorobust.models import affine
from isorobust.models.affine import Affine
from isorobust.models.traced import Reader

# what modules call the switch between training and use, and its value in use
SWITCHES = {
    "train": False, "training": False, "is_training": False, "deterministic": True,
    "inference": True, "use_running_average": True,
}  # fmt: skip
POINTS = 32  # per scale, where the network is compared with the model


def network(
    model: Any, params: Any = None, shape: int | tuple[int, ...] | None = None
) -> Network:
    """The network that a model computes, in use (dropout off, batch norm frozen).

    model: a flax linen module (with `params`, its variables), an NNX module, an
        equinox module, or any jax function of one point x
    params: of a linen module: {"params": ...}, with "batch_stats" if it has them
    shape: of one point: d, or (height, width, channels); d is found by trial where
        weight matrices tell it

    Dense and convolutional layers (as matrices), frozen batch norm (folded), mean
    pooling, skip connections (units without activation carry them) and one kind of
    activation, wherever they stand in the code: what is read is what jax traces. Then
    the network is compared with the model at random points.

    Raises BadInput, naming the place, for anything that is none of that.
    """
    function, leaves, batched = _callable(model, params)
    inside = _input(function, leaves, shape, batched)
    reader = Reader()
    try:
        output = reader.read(function, inside)
    except OverflowError as error:
        raise BadInput(f"the model: {error}") from error
    net = _network(reader, output, int(np.prod(inside)))
    _compare(net, function, inside)
    return net


def _callable(model: Any, params: Any) -> tuple[Callable[[Any], Any], Any, bool]:
    """(the model in use as a function of an array, its parameters, takes batches)."""
    homes = [c.__module__ for c in type(model).__mro__]
    if any(home.startswith("flax.linen") for home in homes):
        if params is None:
            raise BadInput("a linen module needs its variables: params=...")
        variables = params if "params" in params else {"params": params}
        switches = _switches(type(model).__call__)
        return lambda x: model.apply(variables, x, **switches), variables, True
    if params is not None:
        raise BadInput("params is for linen modules; others carry their own")
    if any(home.startswith("flax.nnx") for home in homes):
        from flax import nnx

        # a copy: the user's own module stays in the mode it is in
        graph, state = nnx.split(model)
        copy = nnx.merge(graph, state)
        copy.eval()
        switches = _switches(type(model).__call__)
        return lambda x: copy(x, **switches), state, True
    ours = any(home.startswith("equinox.") for home in homes)
    if ours:  # then it is imported
        model = sys.modules["equinox"].nn.inference_mode(model)
    if not callable(model):
        raise BadInput(
            f"a {type(model).__name__} is no network; allowed: a flax or equinox "
            "module, a jax function, a Network, a file.npz, RUN:TRIAL"
        )
    return model, model if ours else None, False


def _switches(call: Callable[..., Any]) -> dict[str, bool]:
    """The arguments that put a module into use."""
    named = inspect.signature(call).parameters
    return {name: value for name, value in SWITCHES.items() if name in named}


def _input(
    function: Callable[[Any], Any],
    leaves: Any,
    shape: int | tuple[int, ...] | None,
    batched: bool,
) -> tuple[int, ...]:
    """The shape of the array that the function takes, for one point."""
    if shape is None:
        sizes = [np.shape(leaf) for leaf in jax.tree.leaves(leaves)]
        shapes = [(size,) for two in sizes if len(two) == 2 for size in two]
    else:
        shapes = [tuple(np.atleast_1d(shape).tolist())]
    found, said = [], ""
    for one in dict.fromkeys(shapes):
        ways = [(1, *one), one] if batched else [one, (1, *one)]
        for way in ways:
            try:
                jax.eval_shape(function, jnp.zeros(way))
            except Exception as error:  # the user's model may raise anything
                said = said or f": {type(error).__name__}: {error}".splitlines()[0]
                continue
            found.append(way)
            break
    if len(found) == 1:
        return found[0]
    if shape is not None:
        raise BadInput(f"the model takes no point of shape {shape}{said}")
    raise BadInput("say the shape of one point: shape=d, or (height, width, channels)")


def _network(reader: Reader, output: Affine, d: int) -> Network:
    """The stages that were read as a chain of layers.

    A stage's layer is the first at which all that it needs is there; what a later layer
    needs is carried along by units without activation.
    """
    needed, level = _needed(reader, output), {0: 0}
    for s in sorted(needed - {0}):
        level[s] = 1 + max((level[t] for t in reader.stages[s - 1].terms), default=0)
    depth = 1 + max((level[s] for s in output.terms), default=0)
    names = sorted({reader.names[s - 1] for s in needed if s})
    if len(names) > 1:
        raise BadInput(f"the model mixes {' and '.join(names)}: must be one of them")
    last = dict.fromkeys(level, 0)  # the last layer that needs a stage
    for target, at in [(output, depth), *((reader.stages[s - 1], level[s])
                                          for s in level if s)]:  # fmt: skip
        for s in target.terms:
            last[s] = max(last[s], at)
    widths = {0: d} | {s: len(reader.stages[s - 1].offset) for s in level if s}
    layers: list[tuple[Any, Any]] = []
    linear, below = [], [0]
    for at in range(1, depth):
        own = [s for s in level if level[s] == at]
        carried = [s for s in below if last[s] > at]
        rows = [_row(reader.stages[s - 1], below, widths) for s in own]
        rows += [_row(affine.stage(s, (widths[s],)), below, widths) for s in carried]
        weights, biases = zip(*rows, strict=True)
        layers.append((np.concatenate(weights), np.concatenate(biases)))
        marks = [np.full(widths[s], float(s in carried)) for s in own + carried]
        linear.append(np.concatenate(marks))
        below = own + carried
    layers.append(_row(output, below, widths))
    skips = any(mark.any() for mark in linear)
    name = names[0] if names else "relu"
    return Network(tuple(layers), name, tuple(linear) if skips else None)


def _needed(reader: Reader, output: Affine) -> set[int]:
    """The stages that the output depends on."""
    needed, open_ = {0}, set(output.terms)
    while open_ - needed:
        s = (open_ - needed).pop()
        needed.add(s)
        open_ |= set(reader.stages[s - 1].terms)
    return needed


def _row(
    target: Affine, below: list[int], widths: dict[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """(W, b) of a target on the stages of the layer below."""
    size = len(target.offset)
    blocks = [
        target.terms[s].toarray() if s in target.terms else np.zeros((size, widths[s]))
        for s in below
    ]
    return np.concatenate(blocks, axis=1), np.array(target.offset)


def _compare(
    net: Network, function: Callable[[Any], Any], shape: tuple[int, ...]
) -> None:
    """Raises BadInput where the network and the model differ by more than rounding."""
    rng = np.random.Generator(np.random.Philox(key=0))
    scales = np.repeat([0.01, 1.0, 100.0], POINTS)[:, None]
    x = (scales * rng.standard_normal((len(scales), net.d))).astype(np.float32)
    with jax.default_matmul_precision("highest"):
        theirs = jax.lax.map(function, jnp.asarray(x).reshape(-1, *shape))
    ours = chain.value(net, np.asarray(x, float)).reshape(len(x), -1)
    apart = np.abs(np.asarray(theirs, float).reshape(ours.shape) - ours).max(axis=1)
    size = np.abs(ours).max(axis=1) + _size(net, np.asarray(x, float)) / 1e2
    if not np.all(apart <= 1e-4 * size):
        worst = int(np.nanargmax(apart / size))
        raise BadInput(
            f"the model isn't the network that was read: they differ by "
            f"{apart[worst]:.3g} at a point of length {np.linalg.norm(x[worst]):.3g} "
            "(does it compute in less than float32, or draw random numbers?)"
        )


def _size(net: Network, x: np.ndarray) -> np.ndarray:
    """[n] what the sums in f(x) would be without cancellation: rounding goes by it."""
    *hidden, (weight, bias) = net.layers
    for w, b in hidden:
        x = np.abs(x) @ np.abs(w.T) + np.abs(b)
    return (x @ np.abs(weight.T) + np.abs(bias)).max(axis=1)
