"""The exact constant, or the best bracket within a budget."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from isorobust.lipschitz import lower
from isorobust.lipschitz.domain import RD, Domain
from isorobust.lipschitz.exact.arrangement import formal
from isorobust.lipschitz.exact.lines import traced
from isorobust.lipschitz.exact.scaling import normal
from isorobust.lipschitz.exact.signs import signs
from isorobust.lipschitz.exact.tree import tree
from isorobust.lipschitz.exact.vertices import vertices
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import spectral_norm

BUDGET = 5000  # nodes of the tree; a node is worth 1000 gradients of the other methods
AGREE = 1e-9  # the bracket is closed where its ends agree to this, relatively

Method = Callable[[Network, int, float], tuple[float, np.ndarray] | None]

# in the order in which they are asked
METHODS: Mapping[str, Method] = MappingProxyType(
    {way.__name__: way for way in (traced, formal, vertices, signs, tree)}
)


@dataclass(frozen=True)
class Exact:
    """lower <= L <= upper, lower attained at the witness [d]; method: of METHODS.

    upper is up to what float64 can't tell apart (exact/__init__.py).
    """

    lower: float
    upper: float
    witness: np.ndarray
    method: str

    @property
    def closed(self) -> bool:
        """Whether L is known: to 1e-9, relatively."""
        return self.upper <= self.lower * (1 + AGREE)


def exact(
    net: Network,
    domain: Domain = RD,
    budget: int = BUDGET,
    methods: Mapping[str, Method] = METHODS,
) -> Exact | None:
    """The constant of a ReLU network on R^d or a ball, by the first method that can.

    None for other activations, on the sphere, and where no method of `methods` applies.
    The witness is evaluated by lower.attained.
    """
    if not net.kinked or domain.sphere:
        return None
    own = normal(net)
    if own is None:  # constant, or a linear map
        value, witness = lower.attained(net, domain, np.ones(net.d))
        above = spectral_norm(net.weights[0]) if len(net.layers) == 1 else 0.0
        return Exact(value, max(value, above), witness, "linear")
    for name, method in methods.items():
        found = method(own.net, budget, domain.radius / own.length)
        if found is not None:
            upper, point = found
            value, witness = lower.attained(net, domain, own.point(point))
            return Exact(value, max(value, own.factor * upper), witness, name)
    return None
