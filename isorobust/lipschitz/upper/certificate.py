"""The certificate of any network: LipSDP-Neuron's bound, however it is found."""

from typing import Any

from isorobust.lipschitz.domain import RD, Domain
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import chain, maxcut


def certificate(
    net: Network, domain: Domain = RD, multipliers: tuple[Any, ...] | None = None
) -> float:
    """LipSDP-Neuron (Fazlyab et al. 2019): maxcut.py, or chain.py for any depth.

    For two layers and one output its MaxCut form, else the chain of multipliers.
    multipliers: what `search` found for this network, or None: searched here. Bounds
    the Euclidean constant on R^d or a ball; evaluated in float64, rounding covered.
    """
    return _form(net).certified(net, domain, multipliers)


def search(net: Network, sectors: maxcut.Sectors) -> tuple[Any, ...]:
    """Multipliers of `certificate` (jax, float32, ONE network): an array a layer first.

    sectors: per hidden layer (low [k], high [k]), the slopes of its units.
    """
    return _form(net).search(net, sectors)


def _form(net: Network) -> Any:
    return maxcut if maxcut.applies(net) else chain
