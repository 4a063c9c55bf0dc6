"""Training through the certificate: the program's value, its gradient, the price."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import chain, maxcut, primal
from isorobust.models import MLP
from isorobust.training import Certified, Path
from isorobust.training.certified import Companions
from isorobust.training.price import FIRST, LEAST
from isorobust.training.recipes import traced
from isorobust.training.step import BUDGET, Data, Lane, start, step

MODEL, N, D = MLP(width=12), 48, 6
go = jax.jit(step, static_argnums=0)


def solved(weights: list, sectors: list, rounds: int = 300) -> primal.Vectors:
    """The program's optimum, nearly."""

    def go(_: int, vectors: primal.Vectors) -> primal.Vectors:
        return primal.improved(weights, sectors, vectors)

    return jax.lax.fori_loop(0, rounds, go, primal.first(weights))


def certificate(
    w: np.ndarray, a: np.ndarray, low: np.ndarray, high: np.ndarray
) -> float:
    """LipSDP by MaxCut's duals and one eigenvalue, in float64."""
    c = maxcut.factor(w, a, low, high)
    small = jnp.float32(c)
    y = np.asarray(maxcut.duals(small, maxcut.vectors(small, 400)), float)
    c, y = c[y > 0], y[y > 0]
    return 0.5 * np.sqrt(y.sum() * np.linalg.eigvalsh((c.T / y) @ c)[-1])


def drawn(rng: np.random.Generator, *sizes: int) -> list[np.ndarray]:
    """Weights [out, in] of a network of these sizes."""
    pairs = itertools.pairwise(sizes)
    return [rng.standard_normal((b, a)) / np.sqrt(a) for a, b in pairs]


def relu(weights: list) -> list:
    return [(np.zeros(len(w)), np.ones(len(w))) for w in weights[:-1]]


def test_the_program_is_the_certificate(rng: np.random.Generator) -> None:
    """From below in float32 and from above in float64, also with slopes of a ball."""
    w, a = drawn(rng, 6, 20, 1)
    w[3] = a[0, 5] = 0.0  # a padded unit, and one that nothing depends on
    low = np.where(np.arange(20) % 3 == 0, 0.3, 0.0)
    high = np.where(np.arange(20) % 5 == 0, low, 1.0)
    for sector in (relu([w, a])[0], (low, high)):
        weights = [jnp.float32(w), jnp.float32(a)]
        vectors = solved(weights, [sector])
        below = np.sqrt(primal.square(weights, [sector], vectors))
        above = certificate(w, a[0], *sector)
        assert above * (1 - 2e-5) <= below <= above * (1 + 1e-6)


def test_its_gradient_is_the_certificates(rng: np.random.Generator) -> None:
    """Danskin: the vectors stay where they are; against differences of the dual."""
    w, a = drawn(rng, 6, 10, 1)
    weights, sectors = [jnp.float32(w), jnp.float32(a)], relu([w, a])
    vectors = solved(weights, sectors)
    slope = jax.grad(lambda ws: jnp.sqrt(primal.square(ws, sectors, vectors)))(weights)
    way = [rng.standard_normal(w.shape), rng.standard_normal(a.shape)]
    ends = [
        certificate(w + t * way[0], a[0] + t * way[1][0], *sectors[0])
        for t in (-1e-3, 1e-3)
    ]
    expected = (ends[1] - ends[0]) / 2e-3
    along = sum(float(np.sum(g * v)) for g, v in zip(slope, way, strict=True))
    assert along == pytest.approx(expected, rel=1e-2)


def companions(price: float) -> Companions:
    return Companions(primal.first(list(NET.weights)), jnp.log(jnp.float32(price)))


NET = Network(((np.ones((2, 3)), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))))


@pytest.mark.parametrize(
    ("mse", "share"), [(0.0, 1.0), (0.098, 0.0), (0.0965, 0.5), (0.2, -2.0)]
)
def test_the_price_grows_with_the_fit_and_eases_off(mse: float, share: float) -> None:
    recipe = Certified(0.1, steps=100, warm=0.1, slack=0.98, pace=0.02)
    before = companions(0.01)
    for t, factor in ((9, 1.0), (10, np.exp(0.02 * share))):
        after = recipe.followed(before, NET, jnp.float32(mse), jnp.int32(t))
        price = float(jnp.exp(after.log_price))
        assert price == pytest.approx(0.01 * factor, rel=1e-5)
    least = recipe.followed(companions(LEAST), NET, jnp.float32(1.0), jnp.int32(50))
    assert float(jnp.exp(least.log_price)) == pytest.approx(LEAST, rel=1e-5)


def test_it_warms_up_on_the_plain_loss_then_pays_for_log_l() -> None:
    recipe = Certified(0.1, steps=100, warm=0.1)
    vectors = solved(list(NET.weights), relu(NET.weights), 20)
    beside = Companions(vectors, jnp.log(jnp.float32(FIRST)))
    assert recipe.objective(jnp.float32(0.098), NET, jnp.int32(9), beside) == 0.098
    late = recipe.objective(jnp.float32(0.098), NET, jnp.int32(10), beside)
    # one direction opens both units: L = 2 sqrt 3
    expected = 0.098 + FIRST * np.log(2 * np.sqrt(3))
    assert float(late) == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def data(rng: np.random.Generator) -> Data:
    x = rng.standard_normal((N, D))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    y = rng.permutation(np.repeat([-1.0, 1.0], N // 2))
    return Data(np.float32(x), np.float32(y), np.ones(N, np.float32))


def trained(model: MLP, recipe: object, data: Data) -> tuple[Lane, list[np.ndarray]]:
    recipe = traced(recipe)
    lane = start(model, recipe, model.initial(np.random.default_rng(0), D))
    many = jax.jit(
        lambda lane: jax.lax.fori_loop(
            0, recipe.steps, lambda _, lane: step(model, recipe, data, lane), lane
        )
    )
    lane = many(lane)
    return lane, [np.asarray(w, float) for w, _ in model.layers(lane.params)]


def fit(model: MLP, lane: Lane, data: Data) -> float:
    return float(np.mean((model.apply({"params": lane.params}, data.x) - data.y) ** 2))


@pytest.mark.parametrize("depth", [2, 3])
def test_the_fit_holds_and_the_constant_is_below_paths(depth: int, data: Data) -> None:
    model = MLP(width=12, depth=depth)
    found = {}
    for recipe in (Path(steps=1500), Certified(steps=1500)):
        lane, weights = trained(model, recipe, data)
        assert int(lane.status) == BUDGET and fit(model, lane, data) <= 0.1
        layers = tuple((w, np.zeros(len(w))) for w in weights)
        found[type(recipe)] = chain.certified(Network(layers))
    assert found[Certified] < 0.9 * found[Path]
    small = [jnp.float32(w) for w in weights]  # the last step's vectors are still good
    here = np.sqrt(primal.square(small, relu(small), lane.moments[1].vectors))
    assert here == pytest.approx(found[Certified], rel=1e-2)


def test_a_lane_that_cannot_fit_eases_off(data: Data) -> None:
    """One unit: the price falls to almost nothing, the fit is what MSE alone has."""
    model = MLP(width=1)
    lane, _ = trained(model, Certified(0.01, steps=1000), data)
    plain, _ = trained(model, Certified(0.01, steps=1000, warm=1.0), data)
    assert float(lane.moments[1].log_price) == pytest.approx(np.log(LEAST))
    assert fit(model, lane, data) <= fit(model, plain, data) + 0.02


def test_what_it_is_not_for() -> None:
    class Cell:
        model = MLP(batch_norm=True)

    assert "without batch norm" in Certified().objection(Cell)
    Cell.model = MLP(outputs=3)
    assert "one output" in Certified().objection(Cell)
    Cell.model = MLP(depth=4, activation="gelu")
    assert Certified().objection(Cell) is None
