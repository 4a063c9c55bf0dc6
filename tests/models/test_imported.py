"""Models as networks: the same function, or one line that says what doesn't fit."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from isorobust.door import BadInput
from isorobust.lipschitz import Network, bracket, network
from isorobust.models import imported
from isorobust.models.recognised import form

KEY = jax.random.key(0)
W, V = (np.random.default_rng(i).standard_normal((4, 4)).astype("f4") for i in (0, 1))


class Plain(nn.Module):
    """Dense layers with an activation between."""

    act: Callable = nn.relu

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(1)(self.act(nn.Dense(6)(self.act(nn.Dense(5)(x)))))[..., 0]


class Whole(nn.Module):
    """Batch norm, dropout and a skip connection over a block."""

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        h = nn.BatchNorm(use_running_average=not train)(nn.Dense(5)(x))
        h = nn.Dropout(0.5, deterministic=not train)(nn.relu(h))
        h = h + nn.Dense(5)(nn.relu(nn.Dense(4)(h)))
        return nn.Dense(2)(nn.relu(h))


class Convolutional(nn.Module):
    """Strides, mean pooling, flattening."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.relu(nn.Conv(3, (3, 3), strides=2)(x))
        x = nn.avg_pool(x, (2, 2), (1, 1))
        return nn.Dense(2)(x.reshape(x.shape[0], -1))


class Pooled(nn.Module):
    """What is not entrywise."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.max_pool(nn.Conv(3, (3, 3), name="first")(x), (2, 2))


class Normed(nn.Module):
    """A norm that depends on the point."""

    @nn.compact
    def __call__(self, x: Any) -> Any:
        return nn.Dense(1)(nn.LayerNorm(name="norm")(nn.Dense(4)(x)))


def started(module: nn.Module, *shape: int, **switches: bool) -> dict:
    """Variables, with batch statistics that aren't the first ones."""
    variables = module.init(KEY, jnp.zeros((1, *shape)), **switches)
    if "batch_stats" in variables:
        stats = jax.tree.map(lambda s: s + 0.7, variables["batch_stats"])
        variables = {**variables, "batch_stats": stats}
    return variables


def agree(net: Network, model: Callable, shape: tuple[int, ...]) -> None:
    """At points of our own, one by one."""
    x = np.random.default_rng(5).standard_normal((9, *shape)).astype("f4")
    theirs = np.array([np.ravel(model(point)) for point in x])
    ours = network.value(net, np.asarray(x, float).reshape(9, -1)).reshape(9, -1)
    np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize(
    "act",
    [nn.relu, nn.tanh, nn.sigmoid, nn.leaky_relu, jnp.abs],
    ids=lambda f: f.__name__,
)
def test_linen(act: Callable) -> None:
    module = Plain(act)
    variables = started(module, 3)
    net = imported.network(module, variables)
    assert net.d == 3 and net.outputs == 1
    agree(net, lambda x: module.apply(variables, x[None]), (3,))
    short = imported.network(module, variables["params"])
    for (w, b), (v, c) in zip(net.layers, short.layers, strict=True):
        assert np.array_equal(w, v) and np.array_equal(b, c)


def test_linen_in_use() -> None:
    """Frozen statistics are folded, dropout is off, the skip is carried."""
    module = Whole()
    variables = started(module, 3, train=False)
    net = imported.network(module, variables)
    agree(net, lambda x: module.apply(variables, x[None], train=False), (3,))
    assert [w.shape[0] for w in net.weights] == [5, 4 + 5, 5, 2]
    assert net.linear is not None
    assert [int(marks.sum()) for marks in net.linear] == [0, 5, 0]


def test_convolutions_are_matrices() -> None:
    module, shape = Convolutional(), (5, 6, 2)
    variables = started(module, *shape)
    net = imported.network(module, variables, shape)
    agree(net, lambda x: module.apply(variables, x[None]), shape)
    assert [w.shape for w in net.weights] == [(27, 60), (2, 27)]


def test_nnx_and_its_mode() -> None:
    rngs = nnx.Rngs(0)
    model = nnx.Sequential(
        nnx.Linear(3, 8, rngs=rngs),
        nnx.BatchNorm(8, rngs=rngs),
        nnx.relu,
        nnx.Dropout(0.5, rngs=rngs),
        nnx.Linear(8, 2, rngs=rngs),
    )
    net = imported.network(model)
    assert not model.layers[3].deterministic  # the user's own goes on training
    assert [w.shape for w in net.weights] == [(8, 3), (2, 8)]
    model.eval()
    agree(net, lambda x: model(x[None]), (3,))


def test_equinox() -> None:
    eqx = pytest.importorskip("equinox")
    first, last = (eqx.nn.Linear(a, b, key=KEY) for a, b in ((3, 7), (7, 2)))
    models = [
        eqx.nn.MLP(3, "scalar", 6, 2, activation=jnp.tanh, key=KEY),
        eqx.nn.Sequential([first, eqx.nn.Lambda(jax.nn.relu), eqx.nn.Dropout(), last]),
    ]
    for model in models:
        net = imported.network(model)
        assert net.d == 3
        agree(net, eqx.nn.inference_mode(model), (3,))


FUNCTIONS = {
    "residual": lambda x: x + V @ jax.nn.relu(W @ x),
    "dense net": lambda x: W @ jnp.concatenate([x, jax.nn.relu(V @ x)])[::2],
    "branches": lambda x: jax.nn.relu(W @ x) - V @ jax.nn.relu(V @ jax.nn.relu(W @ x)),
    "deep skip": lambda x: W @ jax.nn.relu(V @ jax.nn.relu(W @ x)) + x[::-1],
    "gelu by hand": lambda x: W @ (0.5 * x * (1 + jax.lax.erf(x / jnp.sqrt(2.0)))),
    "relu by hand": lambda x: V @ jnp.where(W @ x + 1 > 0, W @ x + 1, 0),
    "scaled relu": lambda x: V @ (3 * jax.nn.relu(-2 * (W @ x))),
    "twice": lambda x: jnp.tanh(jnp.tanh(W @ x)),
    "linear": lambda x: (W @ x).reshape(2, 2).T - jnp.sum(x),
    "constant": lambda x: jnp.ones(3),
    "unused": lambda x: (W @ x, jnp.tanh(x))[0],
    "batches": lambda x: jnp.einsum("nd,kd->nk", x, W),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name: str) -> None:
    model = FUNCTIONS[name]
    net = imported.network(model, shape=4)
    agree(net, model if name != "batches" else lambda x: model(x[None]), (4,))


def test_a_residual_block_is_as_tight_as_its_parts() -> None:
    """x + relu(x) - relu(-x) = 2 x: what is carried costs nothing."""
    net = imported.network(lambda x: x + jax.nn.relu(x) - jax.nn.relu(-x), shape=1)
    assert bracket(net).exact == pytest.approx(2, rel=1e-9)


WRONG = {
    "silu": (lambda x: jax.nn.silu(W @ x), "ends in silu"),
    "gelu": (lambda x: V @ jax.nn.gelu(W @ x), "write approximate=False"),
    "relu6": (lambda x: V @ jax.nn.relu6(W @ x), "relu6; allowed: abs, gelu"),
    "square": (lambda x: V @ jnp.square(W @ x), "an activation that isn't known"),
    "product": (lambda x: (W @ x) * (V @ x), "`mul` is neither affine"),
    "softmax": (lambda x: jax.nn.softmax(W @ x), "`reduce_max` is neither"),
    "mixed": (lambda x: jnp.tanh(V @ jax.nn.relu(W @ x)), "mixes relu and tanh"),
    "pair": (lambda x: (x, x), "returns 2 arrays"),
    "shape": (lambda x: W[:, :3] @ x, "takes no point of shape 4"),
    "scan": (lambda x: jax.lax.fori_loop(0, 2, lambda _, h: W @ h, x), "`scan`"),
    "half": (
        lambda x: (W.astype(jnp.bfloat16) @ x.astype(jnp.bfloat16)).astype("f4"),
        "isn't the network that was read",
    ),
    "bump": (  # a relu but near 2.512
        lambda x: jax.nn.relu(W @ x) + jnp.exp(-1e6 * (W @ x - 2.512) ** 2),
        "an activation that isn't known",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_named(name: str) -> None:
    model, said = WRONG[name]
    with pytest.raises(BadInput, match=said) as caught:
        imported.network(model, shape=4)
    assert "\n" not in str(caught.value)


def test_the_place_in_a_module_is_named() -> None:
    pooled = Pooled()
    with pytest.raises(BadInput, match="in Pooled: `reduce_window_max`"):
        imported.network(pooled, started(pooled, 4, 4, 1), (4, 4, 1))
    normed = Normed()
    with pytest.raises(BadInput, match="in Normed/norm: "):
        imported.network(normed, started(normed, 3))


def test_what_is_missing_is_said() -> None:
    module = Plain()
    with pytest.raises(BadInput, match="needs its variables"):
        imported.network(module)
    with pytest.raises(BadInput, match="params is for linen"):
        imported.network(nnx.Linear(2, 1, rngs=nnx.Rngs(0)), {"a": 1})
    with pytest.raises(BadInput, match="say the shape of one point"):
        imported.network(lambda x: W @ x)
    with pytest.raises(BadInput, match="a int is no network"):
        imported.network(3)
    with pytest.raises(BadInput, match="too large to write out"):
        imported.network(lambda x: jnp.cumsum(x), shape=6000)


def test_activations_are_known_by_their_values() -> None:
    assert form(jax.nn.relu) == ("relu", 1, 1, 0, 0)
    assert form(lambda u: jax.nn.gelu(u, approximate=False)) == ("gelu", 1, 1, 0, 0)
    assert form(jax.nn.sigmoid) == ("tanh", 0.5, 0.5, 0.5, 0)
    assert form(lambda u: jnp.where(u > 0, 2.0, -3.0) * u) == ("relu", 5, 1, 0, -3)
    for other in (jnp.sin, jnp.exp, jax.nn.softplus, jnp.sign, jax.nn.hard_tanh):
        assert form(other) is None
