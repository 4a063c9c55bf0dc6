"""Every test sees two CPU devices, strict ranks, and a warning as an error."""

import os
from collections.abc import Iterator

os.environ["JAX_NUM_CPU_DEVICES"] = "2"

import jax
import numpy as np
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=7))


@pytest.fixture
def compiled_soon() -> Iterator[None]:
    """For tests that compile much and run little: most optimisations left out."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
