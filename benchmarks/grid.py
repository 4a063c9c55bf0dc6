"""A mixed grid for benchmarks/end_to_end.py: 62 shapes, 248 small networks.

Question. None of the law: this is the kind of sweep that a study makes, with as many
shapes as cells, where compiling may cost more than training. Every cell has at least
1.5 parameters a point, so that its networks can reach the target.

Command.  isorobust run --config=benchmarks/grid.py:mixed --workdir=runs/mixed
Cost.     A minute on 2 cores, compiling included; `:quick` (16 networks) ten seconds.
"""

import itertools

from isorobust.data import BalancedSigns, Sphere
from isorobust.experiment import Cell, Experiment
from isorobust.models import MLP
from isorobust.training import Adam

__all__ = ["mixed", "quick"]

# the rate is that of torch.optim.Adam where nobody says another
RECIPE = Adam(target_mse=0.02, learning_rate=1e-3, steps=6000)
LEAST = 1.5  # parameters a point


def mixed() -> Experiment:
    """62 cells x 4 seeds; only the cheapest bound, for training is the question."""
    n, d = (100, 200, 400), (16, 32, 64, 128)
    return _experiment("MIXED", n, d, (8, 16, 32, 64, 128, 256), seeds=4)


def quick() -> Experiment:
    """The same in seconds: a test that everything runs."""
    return _experiment("MIXED-quick", (100, 200), (16, 32), (32, 64), seeds=2)


def _experiment(
    track: str,
    n: tuple[int, ...],
    d: tuple[int, ...],
    width: tuple[int, ...],
    seeds: int,
) -> Experiment:
    cells = [
        Cell(Sphere(), BalancedSigns(), MLP(width=sizes[2]), sizes[0], sizes[1], RECIPE)
        for sizes in itertools.product(n, d, width)
    ]
    large = (c for c in cells if c.model.num_params(c.d) >= LEAST * c.n)
    return Experiment(track, 1, tuple(large), seeds=seeds, bounds=("product",))
