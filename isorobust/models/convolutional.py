"""Convolutional networks: weights shared over the positions of a signal or image."""

import functools
import math
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.door import AtLeast
from isorobust.lipschitz.network import Network

__all__ = ["CNN"]


@dataclass(frozen=True)
class CNN:
    """Circular convolutions with biases, then one dense layer from all positions.

    x [d] is a signal (shape = (d,)) or an image (shape = (rows, columns)) of one
    channel. depth counts linear layers: depth - 1 convolutions to `width` channels, the
    kernels `kernel` long on every axis and `stride` apart, each followed by the
    activation; and the dense one. p counts a kernel's weight once, however many
    positions use it.
    First parameters: kernels N(0, 1 / fan in), dense N(0, 1 / fan in), biases 0.
    """

    shape: tuple[int, ...]
    width: Annotated[int, AtLeast(1)] = 16
    depth: Annotated[int, AtLeast(2)] = 3
    kernel: Annotated[int, AtLeast(1)] = 3
    stride: Annotated[int, AtLeast(1)] = 2
    activation: Literal["relu", "tanh", "gelu"] = "relu"

    batch_norm = False
    init_scheme = "unit"
    outputs = 1
    pads = True  # a channel of zeros stays one; coordinates beyond `shape` aren't read

    def initial(self, rng: np.random.Generator, d: int) -> dict:
        """Parameters at the exact shape (float32 numpy), by name."""
        params: dict[str, np.ndarray] = {}
        for i, size in enumerate(self._sizes()):
            weight = rng.standard_normal(size) / math.sqrt(math.prod(size[1:]))
            params[f"weight_{i}"] = weight.astype(np.float32)
            params[f"bias_{i}"] = np.zeros(size[0], np.float32)
        return params

    def apply(self, variables: dict, x: Any, weights: Any = None) -> jax.Array:
        """f at the points x [n, at least d]: [n]."""
        params, n = variables["params"], len(x)
        h = x[:, : math.prod(self.shape)].T[None]  # [channels, positions, points]
        for i, taps in enumerate(self._taps):
            kernel, bias = params[f"weight_{i}"], params[f"bias_{i}"]
            # [channels, positions, taps, points] -> [channels * taps, rest]: the matrix
            # product that lanes share is faster than a convolution of kernels apart
            patches = h[:, taps].transpose(0, 2, 1, 3).reshape(-1, len(taps) * n)
            z = kernel.reshape(len(kernel), -1) @ patches + bias[:, None]
            h = ACTIVATIONS[self.activation].jax(z).reshape(len(kernel), len(taps), n)
        last = self.depth - 1
        dense = params[f"weight_{last}"].reshape(1, -1)
        return (dense @ h.reshape(-1, n))[0] + params[f"bias_{last}"]

    def network(self, params: dict, x: Any = None, weights: Any = None) -> Network:
        """The chain with every convolution as its matrix; numpy and jax alike."""
        chain = []
        for i, spread in enumerate(self._spreads):
            kernel, bias = params[f"weight_{i}"], params[f"bias_{i}"]
            xp: Any = jnp if isinstance(kernel, jax.Array) else np
            matrix = xp.einsum("oit,pts->opis", kernel, spread)
            rows = len(kernel) * len(spread)
            chain.append((matrix.reshape(rows, -1), xp.repeat(bias, len(spread))))
        last = self.depth - 1
        dense = params[f"weight_{last}"].reshape(1, -1)
        chain.append((dense, params[f"bias_{last}"]))
        return Network(tuple(chain), self.activation)

    def parameters(self, params: dict, x: Any = None) -> tuple[np.ndarray, int]:
        """(the parameters [p], how many entries of the chain one fills at most)."""
        flat = np.concatenate([np.ravel(part) for part in params.values()])
        return flat, max(len(taps) for taps in self._taps)

    def num_params(self, d: int) -> int:
        """Trainable reals, a shared one once: p."""
        return sum(math.prod(size) + size[0] for size in self._sizes())

    folded_params = num_params

    def flops_per_step(self, n: int, d: int) -> float:
        """Of the matrix products: 2 n per use of a weight forward, twice that backward,
        less the gradient with respect to x.
        """
        places = [*(len(taps) for taps in self._taps), 1]
        uses = [
            2.0 * n * math.prod(size) * there
            for size, there in zip(self._sizes(), places, strict=True)
        ]
        return 2 * uses[0] + 3 * sum(uses[1:])

    @property
    def chain_width(self) -> int:
        """Units of the chain's widest hidden layer."""
        return self.width * max(len(taps) for taps in self._taps)

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        if not self.shape or min(self.shape) < 1:
            return f"shape = {self.shape}: must name one or more sizes >= 1"
        least = min(self.shape)
        for _ in range(self.depth - 2):
            least = math.ceil(least / self.stride)
        if self.kernel > least:
            last = "input of the last convolution"
            return f"kernel = {self.kernel}: must be at most {least}, the {last}"
        return None

    def objection(self, cell: Any) -> str | None:
        """What is wrong with a cell of this model."""
        d = math.prod(self.shape)
        if cell.d != d:
            return f"model.shape = {self.shape}: has {d} coordinates, d = {cell.d}"
        if getattr(cell.target, "classes", False):
            return "model = CNN: has one output; the target has classes"
        return None

    def padded(self, width: int) -> "CNN":
        """The model of a rung of so many channels."""
        return replace(self, width=width)

    def _sizes(self) -> list[tuple[int, ...]]:
        """The weights' shapes: kernels [out, in, taps], dense [1, in, positions]."""
        taps, channels = self.kernel ** len(self.shape), self.width
        kernels = [(channels, channels, taps)] * (self.depth - 2)
        return [(channels, 1, taps), *kernels, (1, channels, len(self._taps[-1]))]

    @functools.cached_property
    def _taps(self) -> tuple[np.ndarray, ...]:
        """Per convolution [positions, taps]: the input positions that each sees."""
        found, shape = [], self.shape
        for _ in range(self.depth - 1):
            out = tuple(math.ceil(size / self.stride) for size in shape)
            places = np.indices(out).reshape(len(out), -1, 1) * self.stride
            offsets = np.indices((self.kernel,) * len(out)).reshape(len(out), 1, -1)
            sizes = np.array(shape).reshape(-1, 1, 1)
            found.append(np.ravel_multi_index((places + offsets) % sizes, shape))
            shape = out
        return tuple(found)

    @property
    def _spreads(self) -> list[np.ndarray]:
        """`_taps` as 0/1 arrays [positions, taps, input positions]."""
        sizes = [math.prod(self.shape), *(len(taps) for taps in self._taps)]
        return [
            (taps[:, :, None] == np.arange(size)).astype(np.float32)
            for taps, size in zip(self._taps, sizes, strict=False)
        ]
