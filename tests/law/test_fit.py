"""From a trial to its floors: what the engine stores of data with a teacher."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from isorobust.data import (
    BalancedSigns,
    Digits,
    Flipped,
    Gaussian,
    IIDSigns,
    Sphere,
    Teacher,
)
from isorobust.data.dataset import Dataset, draw
from isorobust.data.sample import Sample
from isorobust.engine import fit
from isorobust.experiment import Cell, Trial
from isorobust.law import floors
from isorobust.law.setting import Setting
from isorobust.lipschitz.network import Network
from isorobust.models.networks import MLP
from isorobust.training.recipes import Adam

N, D = 96, 200


def fitted(distribution: Any, target: Any) -> tuple[Setting, float, Dataset]:
    """The least-norm linear fit as a two-unit network; |w|, its exact constant."""
    d = 64 if isinstance(distribution, Digits) else D
    cell = Cell(distribution, target, MLP(width=2), N, d, Adam())
    trial = Trial(cell, 0)
    data = draw(trial)
    w = np.linalg.lstsq(np.asarray(data.x, float), np.asarray(data.y, float))[0]
    net = Network(
        ((np.stack([w, -w]), np.zeros(2)), (np.array([[1.0, -1.0]]), np.zeros(1)))
    )
    stored = json.loads(json.dumps(fit.fitted(trial, {}, data, net, 0.01)))
    return Setting(**stored["setting"]), float(np.linalg.norm(w)), data


@pytest.mark.parametrize("distribution", [Sphere(), Gaussian()])
@pytest.mark.parametrize("sigma", [0.3, 0.8])
def test_a_noisy_teacher_has_a_floor(distribution: Any, sigma: float) -> None:
    s, length, data = fitted(distribution, Teacher(sigma))
    assert data.noise is not None and np.all(np.abs(data.noise) == sigma)
    assert s.noise_independent and s.noise_square == pytest.approx(sigma**2)
    signal = np.asarray(data.y, float) - data.noise
    assert signal == pytest.approx(Teacher(sigma).signal(data.x), abs=1e-6)
    assert s.noise_signal == pytest.approx(np.mean(signal * data.noise))
    value = floors.noise(s).value
    assert value is not None and 0.01 < value < length
    assert floors.sharp(s).value is None and floors.rank(s).value < length


@pytest.mark.parametrize("target", [BalancedSigns(), IIDSigns()])
def test_signs_are_all_noise(target: Any) -> None:
    s, _, data = fitted(Sphere(), target)
    assert np.array_equal(data.noise, data.y)
    assert s.noise_signal == 0 and s.noise_imbalance == s.imbalance
    sharp, noise = floors.sharp(s).value, floors.noise(s).value
    assert (sharp is None) == (noise is None)
    if sharp is not None:
        assert noise == pytest.approx(sharp, rel=0.03)


def test_flips_depend_on_x() -> None:
    s, _, data = fitted(Digits(), Flipped(0.2))
    assert not s.noise_independent
    # z is +-1 less its mean +-.6
    assert sorted(set(np.abs(data.noise).round(12))) == [0.4, 1.6]
    assert floors.noise(s).reason == "isoperimetric constant of x is unknown"


@dataclass(frozen=True)
class Silent:
    """A user's target that says no more than the contract asks."""

    independent = True

    def label(self, rng: np.random.Generator, sample: Sample) -> np.ndarray:
        return BalancedSigns().label(rng, sample)

    def noise_variance(self, sample: Sample) -> float:
        return 1.0


def test_targets_need_not_tell_their_noise() -> None:
    s, length, data = fitted(Gaussian(), Silent())
    assert data.noise is None
    assert floors.noise(s).reason == "the noise of each label is unknown"
    assert 0 < floors.sharp(s).value < length
