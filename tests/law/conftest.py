"""A Setting that every floor speaks about, to be changed field by field."""

import pytest

from isorobust.law.setting import Setting


@pytest.fixture
def setting() -> Setting:
    return Setting(
        n=1024, d=64, p=2113, width=32, depth=2, slope=1.0, mse=0.1, noise_variance=1.0,
        signs=True, independent=True, imbalance=0.0, components=1, c=64 / 63,
        radius=1.0, on_sphere=True, rho=7.5, largest=2.0, label_gap=45.0,
        pair_square=900.0,
        pair_top=500.0, delta=0.01,
    )  # fmt: skip
