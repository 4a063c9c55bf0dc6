"""isorobust: how big must a network be to be smooth?

A benchmark of the universal law of robustness (Bubeck & Sellke 2021): to fit n noisy
points in d dimensions below the noise level, a function with p real parameters needs

    Lip(f) >= ~ sqrt(n d / p).

Letters, the same everywhere: n training points, d input dimension, p trainable reals of
the class, L Lipschitz constant (Euclidean, on all of R^d, unless a domain is named).
"""

import importlib
import importlib.metadata
from typing import Any

# name -> the room it lives in; loaded when first asked for, so that a table can be
# rebuilt on a machine without jax
_SHELF = {
    "BadInput": "isorobust.door",
    "Cell": "isorobust.experiment",
    "Experiment": "isorobust.experiment",
    "Trial": "isorobust.experiment",
    "load": "isorobust.experiment",
    "run": "isorobust.pipeline",
    "measure": "isorobust.measurement",
    "bracket": "isorobust.lipschitz",
    "Result": "isorobust.pipeline",
    "data": "isorobust.data",
    "models": "isorobust.models",
    "training": "isorobust.training",
    "law": "isorobust.law",
    "lipschitz": "isorobust.lipschitz",
}

__all__ = sorted(_SHELF)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("isorobust")
    if name not in _SHELF:
        raise AttributeError(f"module 'isorobust' has no attribute {name!r}")
    module = importlib.import_module(_SHELF[name])
    return getattr(module, name, module)
