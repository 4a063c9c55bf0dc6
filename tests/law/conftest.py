"""A Setting that every floor speaks about, to be changed field by field."""

import pytest

from isorobust.law.setting import Setting


def typical() -> Setting:
    return Setting(
        n=1024, d=64, p=2113, width=32, depth=2, slope=1.0, mse=0.1, noise_variance=1.0,
        signs=True, independent=True, imbalance=0.0, components=1, c=64 / 63,
        radius=1.0, on_sphere=True, rho=7.5, label_gap=45.0,
        pair_square=900.0, pair_top=500.0, delta=0.01,
        noise_square=1.0, noise_size=1.0, noise_independent=True, bits=8452.0,
    )  # fmt: skip


@pytest.fixture
def setting() -> Setting:
    return typical()
