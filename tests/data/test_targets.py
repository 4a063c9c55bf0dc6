import numpy as np
import pytest

from isorobust.data import BalancedSigns, Flipped, IIDSigns, Mixture, Sphere, Teacher
from isorobust.data.sample import Sample


@pytest.fixture
def sample(rng: np.random.Generator) -> Sample:
    drawn = Mixture(modes=3).draw(rng, 4000, 8)
    label = np.where(np.arange(4000) % 2 == 0, 1.0, -0.5)
    return Sample(drawn.x, drawn.component, label)


TARGETS = [BalancedSigns(), IIDSigns(), Teacher(0.4), Flipped(0.2)]


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: type(t).__name__)
def test_labels_are_bounded_and_a_function_of_the_key(
    target: object, sample: Sample
) -> None:
    one, two, other = (
        target.label(np.random.default_rng(k), sample) for k in (1, 1, 2)
    )
    assert np.abs(one).max() <= 1
    assert np.array_equal(one, two) and not np.array_equal(one, other)


@pytest.mark.parametrize("target", TARGETS, ids=lambda t: type(t).__name__)
def test_noise_variance_is_the_conditional_variance(
    target: object, sample: Sample
) -> None:
    draws = [target.label(np.random.default_rng(k), sample) for k in range(300)]
    assert np.mean(np.var(draws, axis=0)) == pytest.approx(
        target.noise_variance(sample), rel=0.02
    )


def test_signs_are_balanced_in_every_component(
    sample: Sample, rng: np.random.Generator
) -> None:
    y = BalancedSigns().label(rng, sample)
    for c in range(3):
        assert abs(y[sample.component == c].sum()) <= 1


def test_the_teacher_is_one_lipschitz(rng: np.random.Generator) -> None:
    x = Sphere().draw(rng, 400, 4).x
    g = Teacher(0.3).signal(x)
    i, j = np.triu_indices(400, 1)
    slopes = np.abs(g[i] - g[j]) / np.linalg.norm(x[i] - x[j], axis=1)
    assert slopes.max() <= 1 + 1e-9
    assert np.abs(g).max() <= 0.7


def test_no_noise_means_no_noise(sample: Sample, rng: np.random.Generator) -> None:
    y = Teacher(0.0).label(rng, sample)
    assert np.array_equal(y, Teacher(0.0).signal(sample.x))
    assert np.array_equal(Flipped(0.0).label(rng, sample), sample.label)
