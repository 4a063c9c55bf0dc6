"""What a trained network's fit and its class are, for the law; on the host, float64."""

from typing import Any

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.data.dataset import Dataset, known
from isorobust.engine.block import initial
from isorobust.engine.ladder import real
from isorobust.experiment import Trial
from isorobust.law.setting import of_data
from isorobust.lipschitz import network
from isorobust.lipschitz.network import Network


def finite(value: float | np.floating) -> float | None:
    """The number, or None where it overflowed: JSON knows no infinity."""
    return float(value) if np.isfinite(value) else None


def exact(trial: Trial, params: Any) -> Any:
    """The padded parameters of a trial at their real shapes, in float64."""
    return real(params, initial(trial))


def network_of(trial: Trial, params: Any, data: Dataset) -> Network:
    """The network of parameters as `exact` gives them."""
    return trial.cell.model.network(params, np.asarray(data.x, float))


def fitted(
    trial: Trial, params: Any, data: Dataset, net: Network, delta: float
) -> dict[str, Any]:
    """What the law has to know of the network (law.Setting), and its test MSE."""
    cell, x, y = trial.cell, np.asarray(data.x, float), np.asarray(data.y, float)
    kind = ACTIVATIONS[net.activation]
    p = cell.model.folded_params(cell.d)
    rho, shared = _of_class(cell.model, params, x, net, p)
    seen = min(len(net.weights[0]), cell.d)

    def error(x: np.ndarray, y: np.ndarray, loss: str) -> float | None:
        f = network.value(net, np.asarray(x, float))
        return finite(np.mean(network.squared_error(f, y, loss)))

    loss, test, gap = cell.recipe.loss, (data.x_test, data.y_test), None
    if len(data.x_test) and cell.model.outputs == 1:
        near, new = (error(*pair, "cross_entropy") for pair in ((x, y), test))
        gap = None if near is None or new is None else new - near  # f clipped
    return {
        "test_mse": error(*test, loss) if len(data.x_test) else None,
        "clipped_gap": gap,
        "test_points": len(data.x_test),
        "gradient_at_start": _at_start(trial, data),
        "setting": {
            **of_data(x, y, data.component, seen, data.noise),
            **known(cell, delta),
            "p": p,
            "outputs": cell.model.outputs,
            "width": cell.model.width,
            "depth": cell.model.depth,
            "rank": seen,
            "slope": max(abs(kind.low), abs(kind.high)),
            "mse": error(x, y, loss),
            "noise_variance": data.noise_variance,
            "rho": rho,
            "shared": shared,
        },
    }


def _of_class(
    model: Any, params: Any, x: np.ndarray, net: Network, p: int
) -> tuple[float | None, int]:
    """(rho of the network's class, how many entries of the chain a parameter fills).

    Units may be rescaled where all entries of the chain are free, which makes them
    shortest; a model with ties or skips names its own parameters. None where neither
    makes p of them: then the class isn't known.
    """
    own = model.parameters(params, x) if hasattr(model, "parameters") else None
    if own is None:
        even = network.balanced(net)
        entries = [part.ravel() for layer in even.layers for part in layer]
        own = np.concatenate(entries), 1
    flat, shared = own
    return finite(np.linalg.norm(flat)) if len(flat) == p else None, shared


def _at_start(trial: Trial, data: Dataset) -> float | None:
    """The largest |grad f| at the training points before the first step; one output."""
    if trial.cell.model.outputs > 1:
        return None
    first = initial(trial)
    net = network_of(trial, real(first, first), data)
    slopes = network.gradient(net, np.asarray(data.x, float))
    return finite(np.linalg.norm(slopes, axis=1).max())
