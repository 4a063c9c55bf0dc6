"""Networks with a small contract (see networks.py)."""

from isorobust.models.convolutional import CNN
from isorobust.models.networks import MLP

__all__ = ["CNN", "MLP"]
