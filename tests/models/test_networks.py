"""The contract of networks.py, over all activations, depths and normalisations."""

import itertools

import jax
import numpy as np
import pytest

from isorobust.engine.ladder import pad, pad_tree
from isorobust.experiment import describe
from isorobust.lipschitz import network
from isorobust.models import MLP

MODELS = [
    MLP(width=5, depth=depth, activation=activation, batch_norm=norm, init_scheme=init)
    for depth, activation, norm, init in itertools.product(
        (2, 3, 4), ("relu", "tanh", "gelu"), (False, True), ("unit", "torch")
    )
]
CLASSIFIERS = [MLP(width=5, depth=2, outputs=3), MLP(5, 3, "gelu", True, outputs=3)]


def spoken(model: MLP) -> str:
    norm = "-bn" if model.batch_norm else ""
    said = f"{model.depth}-{model.activation}{norm}-{model.init_scheme}"
    return said if model.outputs == 1 else f"{said}-{model.outputs}"


def some(model: MLP, rng: np.random.Generator, d: int = 3) -> dict:
    """Parameters off their special values (zero biases, unit scales)."""
    return jax.tree.map(
        lambda a: np.float32(a + 0.3 * rng.standard_normal(a.shape)),
        model.initial(rng, d),
    )


@pytest.mark.parametrize("model", MODELS + CLASSIFIERS, ids=spoken)
def test_layers_are_the_network(model: MLP, rng: np.random.Generator) -> None:
    """flax float32 with batch statistics == the folded float64 chain."""
    params, x = some(model, rng), np.float32(rng.standard_normal((20, 3)))
    flax = model.apply({"params": params}, x)
    wide = jax.tree.map(lambda a: np.asarray(a, float), params)
    chain = network.Network(model.layers(wide, x.astype(float)), model.activation)
    np.testing.assert_allclose(network.value(chain, x.astype(float)), flax, atol=2e-4)


@pytest.mark.parametrize("model", MODELS + CLASSIFIERS, ids=spoken)
def test_p_counts_the_trainable_reals(model: MLP, rng: np.random.Generator) -> None:
    params = model.initial(rng, 7)
    assert model.num_params(7) == sum(a.size for a in jax.tree.leaves(params))
    chain = model.layers(params, np.ones((2, 7)))
    assert model.folded_params(7) == sum(w.size + b.size for w, b in chain)


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


@pytest.mark.parametrize("model", MODELS, ids=spoken)
def test_padding_changes_no_value_and_trains_no_padded_unit(
    model: MLP, rng: np.random.Generator
) -> None:
    """Zero units, coordinates and points: same function, zero gradient where padded."""
    params, x = some(model, rng), np.float32(rng.standard_normal((12, 3)))
    y = np.float32(rng.standard_normal(12))
    wide = model.padded(8)
    padded = pad_tree(params, wide.initial(rng, 4))
    points, weights = pad(x, (16, 4)), pad(np.ones(12, np.float32), (16,))

    def loss(model: MLP, params: dict, x: np.ndarray, y: np.ndarray, w: np.ndarray):
        return (w * (model.apply({"params": params}, x, w) - y) ** 2).sum()

    exact = jax.grad(lambda p: loss(model, p, x, y, np.ones(12, np.float32)))(params)
    wider = jax.grad(lambda p: loss(wide, p, points, pad(y, (16,)), weights))(padded)
    expected = pad_tree(jax.tree.map(np.asarray, exact), wide.initial(rng, 4))
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
