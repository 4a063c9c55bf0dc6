"""The contract of networks.py, over all activations, depths and normalisations."""

import itertools
import re
from typing import Any

import jax
import numpy as np
import pytest

from isorobust.data import BalancedSigns, Sphere
from isorobust.door import BadInput, validate
from isorobust.engine.ladder import pad, pad_tree
from isorobust.experiment import Cell, describe
from isorobust.lipschitz import network
from isorobust.models import CNN, MLP
from isorobust.training import Adam

MODELS = [
    MLP(width=5, depth=depth, activation=activation, batch_norm=norm, init_scheme=init)
    for depth, activation, norm, init in itertools.product(
        (2, 3, 4), ("relu", "tanh", "gelu"), (False, True), ("unit", "torch")
    )
]
CLASSIFIERS = [MLP(width=5, depth=2, outputs=3), MLP(5, 3, "gelu", True, outputs=3)]
SKIPPING = [
    MLP(width=5, depth=depth, activation=activation, batch_norm=norm, skips=True)
    for depth, activation, norm in itertools.product(
        (3, 4), ("relu", "tanh"), (False, True)
    )
]
D = 12
CONVOLUTIONS = [
    CNN((12,), width=5, depth=3),
    CNN((12,), width=2, depth=2, kernel=5, stride=3, activation="tanh"),
    CNN((3, 4), width=3, depth=3, kernel=2, stride=1),
    CNN((4, 3), width=3, depth=2, kernel=3, stride=2, activation="gelu"),
]
EVERY = MODELS + CLASSIFIERS + SKIPPING + CONVOLUTIONS


def spoken(model: Any) -> str:
    if isinstance(model, CNN):
        return f"cnn-{model.shape}-{model.depth}-{model.stride}-{model.activation}"
    norm = "-bn" if model.batch_norm else ""
    norm += "-skips" if model.skips else ""
    said = f"{model.depth}-{model.activation}{norm}-{model.init_scheme}"
    return said if model.outputs == 1 else f"{said}-{model.outputs}"


def some(model: Any, rng: np.random.Generator, d: int = D) -> dict:
    """Parameters off their special values (zero biases, unit scales)."""
    return jax.tree.map(
        lambda a: np.float32(a + 0.3 * rng.standard_normal(a.shape)),
        model.initial(rng, d),
    )


@pytest.mark.parametrize("model", EVERY, ids=spoken)
def test_the_chain_is_the_network(model: Any, rng: np.random.Generator) -> None:
    """What is trained, in float32 with batch statistics == the folded float64 chain."""
    params, x = some(model, rng), np.float32(rng.standard_normal((20, D)))
    trained = model.apply({"params": params}, x)
    wide = jax.tree.map(lambda a: np.asarray(a, float), params)
    chain = model.network(wide, x.astype(float))
    seen = network.value(chain, x.astype(float))
    np.testing.assert_allclose(seen, trained, atol=3e-4 * np.abs(seen).max())
    widest = max(len(w) for w in chain.weights[:-1])
    assert widest == getattr(model, "chain_width", model.width)


@pytest.mark.parametrize("model", SKIPPING[::2] + CONVOLUTIONS, ids=spoken)
def test_the_chain_of_traced_parameters(model: Any, rng: np.random.Generator) -> None:
    """As penalties see it: float32 inside a compiled program."""
    params = some(model, rng)
    host = model.network(params)
    traced = jax.jit(lambda p: model.network(p).layers)(params)
    for a, b in zip(jax.tree.leaves(host.layers), jax.tree.leaves(traced), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("model", EVERY, ids=spoken)
def test_p_counts_the_trainable_reals(model: Any, rng: np.random.Generator) -> None:
    params = model.initial(rng, D)
    assert model.num_params(D) == sum(a.size for a in jax.tree.leaves(params))
    own = model.parameters(params, np.ones((2, D)))
    if own is None:
        chain = model.network(params, np.ones((2, D))).layers
        assert model.folded_params(D) == sum(w.size + b.size for w, b in chain)
    else:
        assert model.folded_params(D) == len(own[0])


@pytest.mark.parametrize("model", CONVOLUTIONS, ids=spoken)
def test_ties_of_a_convolution(model: CNN, rng: np.random.Generator) -> None:
    """Each parameter by itself set to 1: how many entries of the chain it fills."""
    zero = jax.tree.map(np.zeros_like, model.initial(rng, D))
    filled = []
    for name, part in zero.items():
        for at in np.ndindex(part.shape):
            one = part.copy()
            one[at] = 1
            leaves = jax.tree.leaves(model.network({**zero, name: one}).layers)
            assert all(set(np.unique(leaf)) <= {0, 1} for leaf in leaves)
            filled.append(sum(leaf.sum() for leaf in leaves))
    assert model.parameters(zero)[1] == max(filled)


def test_a_shifted_signal_shifts_a_convolution(rng: np.random.Generator) -> None:
    """Weights are shared: under equal dense weights a shift changes nothing."""
    model, x = CNN((12,), width=4, depth=3, stride=1), rng.standard_normal((5, D))
    params = some(model, rng)
    params["weight_2"] = np.ones_like(params["weight_2"]) * params["weight_2"][..., :1]
    seen = model.apply({"params": params}, np.float32(x))
    moved = model.apply({"params": params}, np.float32(np.roll(x, 5, axis=1)))
    np.testing.assert_allclose(seen, moved, rtol=2e-5, atol=1e-5)


def test_one_convolution_is_the_librarys(rng: np.random.Generator) -> None:
    """jax.lax's own, of an image wrapped around."""
    model = CNN((4, 3), width=3, depth=2, kernel=2, stride=1)
    params, x = some(model, rng), np.float32(rng.standard_normal((6, D)))
    images = np.pad(x.reshape(6, 1, 4, 3), [(0, 0), (0, 0), (0, 1), (0, 1)], "wrap")
    kernel = params["weight_0"].reshape(3, 1, 2, 2)
    z = jax.lax.conv(images, kernel, (1, 1), "VALID")
    h = np.maximum(z + params["bias_0"][None, :, None, None], 0).reshape(6, -1)
    expected = h @ params["weight_1"].ravel() + params["bias_1"]
    np.testing.assert_allclose(model.apply({"params": params}, x), expected, atol=1e-4)


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (MLP(depth=2, skips=True), "skips: need a second hidden layer"),
        (CNN((4, 2), kernel=3), "kernel = 3: must be at most 1"),
        (CNN((8,), depth=4, kernel=3), "kernel = 3: must be at most 2"),
        (CNN((), kernel=3), "must name one or more sizes"),
        (CNN((5, 5)), "model.shape = (5, 5): has 25 coordinates, d = 12"),
    ],
)
def test_impossible_models_are_refused(model: Any, complaint: str) -> None:
    with pytest.raises(BadInput, match=re.escape(complaint)):
        validate(Cell(Sphere(), BalancedSigns(), model, 64, D, Adam()), "cell")


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_flops_count_every_product(depth: int) -> None:
    """Another road: forward, then what each layer's gradients take, one by one."""
    model, n, d = MLP(width=5, depth=depth), 7, 3
    shapes = [
        w.shape for w, _ in model.layers(model.initial(np.random.default_rng(0), d))
    ]
    forward = sum(2 * out * into * n for out, into in shapes)
    weights = sum(2 * out * n * into for out, into in shapes)
    activations = sum(2 * into * out * n for out, into in shapes[1:])
    assert model.flops_per_step(n, d) == forward + weights + activations


def test_p_of_two_layers_is_the_papers() -> None:
    assert MLP(width=8).folded_params(32) == 8 * 34 + 1
    assert MLP(width=8, batch_norm=True).folded_params(32) == 8 * 34 + 1
    assert MLP(width=8, batch_norm=True).num_params(32) == 8 * 36 + 1


def test_outputs_are_a_later_field() -> None:
    """One output is the network of earlier releases: the same first parameters."""
    assert "outputs" not in describe(MLP(width=8))
    assert describe(MLP(width=8, outputs=10))["outputs"] == 10


@pytest.mark.parametrize("model", MODELS + SKIPPING + CONVOLUTIONS, ids=spoken)
def test_padding_changes_no_value_and_trains_no_padded_unit(
    model: Any, rng: np.random.Generator
) -> None:
    """Zero units, coordinates and points: same function, zero gradient where padded."""
    params, x = some(model, rng), np.float32(rng.standard_normal((12, D)))
    y = np.float32(rng.standard_normal(12))
    wide = model.padded(8)
    padded = pad_tree(params, wide.initial(rng, 16))
    points, weights = pad(x, (16, 16)), pad(np.ones(12, np.float32), (16,))

    def loss(model: Any, params: dict, x: np.ndarray, y: np.ndarray, w: np.ndarray):
        return (w * (model.apply({"params": params}, x, w) - y) ** 2).sum()

    exact = jax.grad(lambda p: loss(model, p, x, y, np.ones(12, np.float32)))(params)
    wider = jax.grad(lambda p: loss(wide, p, points, pad(y, (16,)), weights))(padded)
    expected = pad_tree(jax.tree.map(np.asarray, exact), wide.initial(rng, 16))
    scales = [name for name in expected if name.startswith("scale")]
    for name in expected:
        got, want = jax.tree.leaves(wider[name]), jax.tree.leaves(expected[name])
        for a, b in zip(got, want, strict=True):
            np.testing.assert_allclose(a, b, atol=3e-4, rtol=3e-3)
    for name in scales:
        assert np.all(np.asarray(wider[name])[5:] == 0)


def test_first_parameters() -> None:
    rows = MLP(width=400).initial(np.random.default_rng(0), 100)["weight_0"]
    assert np.mean(np.sum(rows**2, axis=1)) == pytest.approx(1, abs=0.05)
    torch = MLP(width=400, init_scheme="torch").initial(np.random.default_rng(0), 100)
    assert np.abs(torch["weight_0"]).max() == pytest.approx(0.1, abs=1e-3)
    assert np.abs(torch["bias_1"]).max() <= 1 / 20
