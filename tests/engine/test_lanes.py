"""Lanes share nothing: bits alone, among others, and beside a lane that diverges."""

import dataclasses
import os
import subprocess
import sys

import jax
import numpy as np
import pytest

from isorobust.engine import lanes, pages
from isorobust.engine.ladder import Rung, measuring, pad, rung
from isorobust.engine.plan import PAGE, Page, flops_per_step, plan
from isorobust.engine.spread import Shelf, spread
from tests.experiments import broad, tiny


@pytest.fixture(scope="module")
def programs() -> lanes.Programs:
    return lanes.Programs(lanes.devices()[0])


def ignore(steps: int) -> None:
    """A tick that nobody watches."""


def equal(a: object, b: object) -> bool:
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


@pytest.fixture(scope="module")
def together(programs: lanes.Programs) -> tuple:
    page = plan(tiny()).pages[0]
    return page, *pages.train(page, programs, ignore)


def test_a_trial_alone_is_the_trial_among_others(
    together: tuple, programs: lanes.Programs
) -> None:
    page, params, rows = together
    for i in (0, 3, len(page.trials) - 1):
        alone = dataclasses.replace(page, trials=page.trials[i : i + 1])
        own, (row,) = pages.train(alone, programs, ignore)
        assert equal(lanes.unstack(own, 0), lanes.unstack(params, i))
        assert (row["stop"], row["steps"]) == (rows[i]["stop"], rows[i]["steps"])


def test_any_order_gives_the_same_bits(
    together: tuple, programs: lanes.Programs
) -> None:
    page, params, _ = together
    back, _ = pages.train(
        dataclasses.replace(page, trials=page.trials[::-1]), programs, ignore
    )
    last = len(page.trials) - 1
    for i in range(last + 1):
        assert equal(lanes.unstack(back, last - i), lanes.unstack(params, i))


def test_every_device_gives_the_same_bits(together: tuple) -> None:
    page, params, _ = together
    second = lanes.Programs(lanes.devices()[1])
    assert equal(pages.train(page, second, ignore)[0], params)


def test_chunks_do_not_matter(
    together: tuple, programs: lanes.Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, params, _ = together
    monkeypatch.setattr(pages, "CHUNK_SECONDS", 1e-9)  # one step a chunk, from 32 on
    page = dataclasses.replace(page, trials=page.trials[:4])
    short, _ = pages.train(page, programs, ignore)
    for i in range(4):
        assert equal(lanes.unstack(short, i), lanes.unstack(params, i))


@pytest.mark.parametrize("position", range(4))
def test_a_nan_lane_changes_no_bit_of_another(
    together: tuple,
    programs: lanes.Programs,
    monkeypatch: pytest.MonkeyPatch,
    position: int,
) -> None:
    page, params, _ = together
    page = dataclasses.replace(page, trials=page.trials[:4])
    poisoned, draw = page.trials[position], pages.draw

    def poison(trial: object) -> object:
        data = draw(trial)
        x = np.full_like(data.x, np.nan) if trial == poisoned else data.x
        return dataclasses.replace(data, x=x)

    monkeypatch.setattr(pages, "draw", poison)
    found, rows = pages.train(page, programs, ignore)
    assert [r["stop"] == "diverged" for r in rows] == [i == position for i in range(4)]
    for i in set(range(4)) - {position}:
        assert equal(lanes.unstack(found, i), lanes.unstack(params, i))
    assert equal(
        lanes.unstack(found, position),
        pages.pad_tree(
            pages.initial(poisoned),
            poisoned.cell.model.padded(page.rung.width).initial(
                np.random.default_rng(0), page.rung.d
            ),
        ),
    )


def test_padding_agrees_with_the_exact_shape(programs: lanes.Programs) -> None:
    """A short run on the rung and one on the exact shape: equal to rounding."""
    trial = tiny().trials()[0]
    cell = dataclasses.replace(
        trial.cell, recipe=dataclasses.replace(trial.cell.recipe, steps=30)
    )
    trial = dataclasses.replace(trial, cell=cell)
    exact = Rung(cell.n, cell.d, cell.model.width)
    one, _ = pages.train(Page(0, exact, (trial,)), programs, ignore)
    two, _ = pages.train(Page(0, rung(cell), (trial,)), programs, ignore)
    like = pages.initial(trial)
    cut = [pages.cut_tree(lanes.unstack(p, 0), like) for p in (one, two)]
    for a, b in zip(*map(jax.tree.leaves, cut), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    for leaf in jax.tree.leaves(jax.tree.map(lambda a, c: a.size - c.size, two, like)):
        assert leaf >= 0
    width = cell.model.width
    assert not two["weight_0"][0][width:].any()
    assert not two["weight_1"][0][:, width:].any()


def test_rungs() -> None:
    cell = tiny().cells[0]
    assert rung(cell) == Rung(64, 8, 8)
    big = dataclasses.replace(cell, n=513, d=129, model=cell.model.clone(width=100))
    assert rung(big) == Rung(1024, 256, 128)
    assert measuring(Rung(1024, 256, 128)) == Rung(1024, 256, 256)
    assert measuring(Rung(64, 8, 8)) == Rung(64, 16, 16)
    assert pad(np.ones((2, 3)), (4, 3)).sum() == 6


def test_plan_covers_every_trial_once() -> None:
    for experiment in (tiny(), broad()):
        whole = plan(experiment)
        uids = [t.uid for page in whole.pages for t in page.trials]
        assert sorted(uids) == sorted(t.uid for t in experiment.trials())
        for page in whole.pages:
            assert 1 <= len(page.trials) <= PAGE
            assert {rung(t.cell) for t in page.trials} == {page.rung}
            assert len({t.cell.distribution.on_sphere for t in page.trials}) == 1
    assert len(plan(tiny()).programs) == 1
    assert len(plan(broad()).programs) == len(broad().cells) - 1


def test_flops_by_hand() -> None:
    """n 2 d k forward, the same for dW; 2 k for the output and its two gradients."""
    cell = dataclasses.replace(tiny().cells[0], n=10, d=3)
    k = cell.model.width
    assert flops_per_step(cell) == 10 * (2 * 3 * k * 2 + 2 * k * 3)
    deep = dataclasses.replace(cell, model=cell.model.clone(depth=3))
    assert flops_per_step(deep) - flops_per_step(cell) == 10 * 2 * k * k * 3


@dataclasses.dataclass(frozen=True)
class Task:
    program: str
    cost: float = 1.0


def test_a_shelf_keeps_a_worker_with_its_program() -> None:
    shelf = Shelf([Task("a"), Task("a"), Task("b", 5.0), Task("a"), Task("c")])
    assert shelf.take(None).program == "b"  # most work left
    assert shelf.take(None).program == "a"
    assert shelf.take("b").program == "c"
    assert shelf.take("a").program == "a"
    assert shelf.take("c") is None  # one task of "a" is left: its worker's
    assert shelf.take("a").program == "a"
    assert shelf.take("a") is None


def test_spread_hands_out_everything_and_raises() -> None:
    tasks = [Task(name, i) for i, name in enumerate("aabbbcdd")]
    found = list(spread(tasks, [1, 2], lambda task, worker: task.cost))
    assert sorted(cost for _, cost in found) == list(range(8))

    def fail(task: Task, worker: int) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        list(spread(tasks, [1, 2], fail))


def test_asking_for_the_block_size_first_leaves_all_devices() -> None:
    """jax.default_backend() would have fixed the backend to one CPU device."""
    code = (
        "from isorobust.engine import lanes; lanes._cores = lambda: 3\n"
        "lanes.block_size(); assert len(lanes.devices()) == 3"
    )
    environment = {k: v for k, v in os.environ.items() if k != "JAX_NUM_CPU_DEVICES"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
