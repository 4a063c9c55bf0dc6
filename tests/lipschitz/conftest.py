"""Bounds of small networks: compiling them is most of what these tests take."""

import pytest


@pytest.fixture(autouse=True)
def soon(compiled_soon: None) -> None:
    """Every test of this room."""
