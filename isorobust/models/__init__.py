"""Networks: flax modules with a small contract (see networks.py)."""

from isorobust.models.networks import MLP

__all__ = ["MLP"]
