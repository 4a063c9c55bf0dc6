"""Every test sees two CPU devices, strict ranks, and a warning as an error."""

import os

os.environ["JAX_NUM_CPU_DEVICES"] = "2"

import jax
import numpy as np
import pytest

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=7))
