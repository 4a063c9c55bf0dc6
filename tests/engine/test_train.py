"""Lanes share nothing: bits alone, among others, after a stop, beside a NaN."""

import dataclasses
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import jax
import numpy as np
import pytest

from isorobust.door import BadInput
from isorobust.engine import block, lanes, train
from isorobust.engine.forecast import Past
from isorobust.engine.harvest import from_state, to_state
from isorobust.engine.ladder import Rung, cut_tree, measuring, pad, rung
from isorobust.engine.plan import flops_per_step, plan
from isorobust.engine.rehearse import rehearse
from isorobust.engine.spread import Shelf, spread
from isorobust.experiment import Experiment, Trial
from isorobust.training import Adam
from isorobust.training.step import DIVERGED
from tests.engine.crews import equal, group, trained
from tests.experiments import broad, tiny


@pytest.fixture(scope="module")
def together() -> dict[str, block.Seat]:
    return trained(plan(tiny()).groups)


def assert_same(found: dict, together: dict) -> None:
    """The same bits, steps and reasons to stop as among all others."""
    assert found
    for uid, seat in found.items():
        assert equal(seat.lane, together[uid].lane)


def test_a_trial_alone_is_the_trial_among_others(together: dict) -> None:
    trials = tiny().trials()
    for i in (0, 7, len(trials) - 1):
        assert_same(trained([group(trials[i : i + 1])]), together)


def test_any_order_gives_the_same_bits(together: dict) -> None:
    trials = tiny().trials()
    assert_same(trained([group(trials[::-1])]), together)


def test_every_device_gives_the_same_bits(together: dict) -> None:
    assert_same(trained(plan(tiny()).groups, devices=[1]), together)


def test_any_number_of_workers_gives_the_same_bits(
    together: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_same(trained(plan(tiny()).groups, devices=[0, 1]), together)
    monkeypatch.setitem(lanes.FLIGHT, "cpu", 3)  # micro-blocks in flight a device
    assert_same(trained(plan(tiny()).groups, devices=[0, 1]), together)


@pytest.mark.parametrize("seconds", [1e-9, 0.02])
def test_chunks_do_not_matter(
    together: dict, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(train, "CHUNK_SECONDS", seconds)  # 1e-9: one step a chunk
    some = tiny().trials()[:6]
    assert_same(trained([group(some)]), together)


@pytest.mark.parametrize("seconds", [0.0, 10.0])
def test_refilling_early_or_late_does_not_matter(
    together: dict, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(block, "REFILL_SECONDS", seconds)
    assert_same(trained(plan(tiny()).groups), together)


def test_a_stopped_crew_goes_on_elsewhere(
    together: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stop after 1, 2, ... chunks; write the state, read it, go on on two devices."""
    monkeypatch.setattr(train, "CHUNK_SECONDS", 0.01)
    groups, begun = list(plan(tiny()).groups), {}
    for chunks in (1, 2, 3):
        stop, left = threading.Event(), [chunks]
        tick = stopping(left, stop)
        queue = train.Queue(groups, begun, 1)
        own = [lanes.Programs(lanes.devices()[0])]
        crew = train.Crew(queue, own, stop, tick)
        assert all(event is None or event for event in crew.finished(60))
        seats = from_state(groups, to_state(crew.alive()))
        assert any(not seat.stopped and seat.lane.t > 0 for seat in seats.values())
        begun |= seats
    stopped = {uid for uid, seat in begun.items() if seat.stopped}
    found = trained(groups, devices=[0, 1], begun=begun)
    assert not stopped & set(found)  # nothing is trained twice
    assert_same(found, together)
    assert stopped | set(found) == set(together)


def stopping(left: list[int], stop: threading.Event) -> Callable:
    def tick(*_: object) -> None:
        left[0] -= 1
        if not left[0]:
            stop.set()

    return tick


@pytest.mark.parametrize("position", range(4))
def test_a_nan_lane_changes_no_bit_of_another(
    together: dict, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    trials = tiny().trials()[:4]
    poisoned, draw = trials[position], block.draw

    def poison(trial: Trial) -> object:
        data = draw(trial)
        x = np.full_like(data.x, np.nan) if trial == poisoned else data.x
        return dataclasses.replace(data, x=x)

    monkeypatch.setattr(block, "draw", poison)
    found = trained([group(trials)])
    bad = found.pop(poisoned.uid)
    assert_same(found, together)
    assert bad.lane.status == DIVERGED and bad.lane.t == 0
    form = block.Form.of(rung(poisoned.cell), poisoned)
    assert equal(bad.lane.params, block.fresh(form, poisoned).lane.params)


class OutOfMemory(jax.errors.JaxRuntimeError):
    pass


def test_out_of_memory_means_fewer_blocks_in_flight(
    together: dict, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two blocks in flight; the device can't hold a second one. Bits stay."""
    monkeypatch.setitem(lanes.FLIGHT, "cpu", 2)
    monkeypatch.setattr(train, "CHUNK_SECONDS", 0.005)
    advance, inside = block.Block.advance, []

    def crowded(self: block.Block, seconds: float, waiting: bool) -> tuple[int, float]:
        inside.append(self)
        try:
            if len(inside) > 1:
                raise OutOfMemory("RESOURCE_EXHAUSTED: Out of memory")
            return advance(self, seconds, waiting)
        finally:
            inside.remove(self)

    monkeypatch.setattr(block.Block, "advance", crowded)
    halves = tiny().trials()
    groups = [group(halves[:10]), dataclasses.replace(group(halves[10:]), index=1)]
    programs = [lanes.Programs(lanes.devices()[0])]
    queue = train.Queue(groups, {}, 1)
    crew = train.Crew(queue, programs, threading.Event(), lambda *_: None)
    done = [s for event in crew.finished(60) if event for s in event[1]]
    assert crew.retired == 1 and len(done) == 20
    assert_same({seat.trial.uid: seat for seat in done}, together)


def test_out_of_memory_with_one_block_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OutOfMemory("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(block.Block, "advance", full)
    with pytest.raises(
        BadInput, match="out of memory with one micro-block of rung 64x8x8"
    ):
        trained(plan(tiny()).groups)


def test_a_program_that_failed_to_compile_is_tried_again() -> None:
    programs = lanes.Programs(lanes.devices()[0])
    left = [1]

    def function(x: jax.Array) -> jax.Array:
        if left and left.pop():
            raise OutOfMemory("RESOURCE_EXHAUSTED")
        return x + 1

    with pytest.raises(OutOfMemory):
        programs(function, np.zeros(2))
    assert np.array_equal(programs(function, np.zeros(2)), np.ones(2))


def test_a_rehearsal_of_lanes_that_stop_at_once() -> None:
    """Diverged, or with a cross-entropy's fit of 0: no speed, and no error."""
    wild = dataclasses.replace(tiny().cells[0], recipe=Adam(0.1, 1e30, 50))
    whole = plan(Experiment("WILD", 1, (wild,), seeds=4, bounds=("product",)))
    found, sizes = rehearse(whole, lanes.programs(1), Past())
    assert not found.speeds and sizes[0] > 0 and len(found.measures) == 1


def test_a_failing_worker_is_heard() -> None:
    def tick(*_: object) -> None:
        raise OSError("no space")

    own = [lanes.Programs(device) for device in lanes.devices()]
    queue = train.Queue(plan(tiny()).groups, {}, 2)
    crew = train.Crew(queue, own, threading.Event(), tick)
    with pytest.raises(OSError, match="no space"):
        list(crew.finished(60))


def test_padding_agrees_with_the_exact_shape() -> None:
    """A short run on each ladder: equal to rounding, and padded numbers stay zero."""
    trial = tiny().trials()[0]
    recipe = dataclasses.replace(trial.cell.recipe, steps=30)
    like, found = block.initial(trial), []
    for ladder in ("exact", "fine", "coarse"):
        cell = dataclasses.replace(trial.cell, recipe=recipe, ladder=ladder)
        (seat,) = trained([group([Trial(cell, 0)])]).values()
        found.append(cut_tree(seat.lane.params, like))
        for leaf in jax.tree.leaves(seat.lane.params):
            assert np.count_nonzero(leaf) <= leaf.size
        big, width = seat.lane.params, cell.model.width
        assert not big["weight_0"][width:].any()
        assert not big["weight_0"][:, cell.d :].any()
        assert not big["weight_1"][:, width:].any()
    for other in found[1:]:
        for a, b in zip(*map(jax.tree.leaves, (found[0], other)), strict=True):
            np.testing.assert_allclose(a, b, atol=2e-5)


def test_rungs() -> None:
    cell = tiny().cells[0]
    assert rung(cell) == Rung(64, 8, 8)
    big = dataclasses.replace(cell, n=513, d=129, model=cell.model.clone(width=100))
    assert rung(big) == Rung(1024, 256, 128)
    assert rung(dataclasses.replace(cell, ladder="coarse")) == Rung(512, 32, 32)
    assert rung(dataclasses.replace(big, ladder="exact")) == Rung(513, 129, 100)
    assert measuring(Rung(1024, 256, 128)) == Rung(2048, 512, 256)
    assert measuring(Rung(64, 8, 8)) == Rung(128, 32, 16)
    assert pad(np.ones((2, 3)), (4, 3)).sum() == 6


def test_plan_covers_every_trial_once() -> None:
    for experiment in (tiny(), broad()):
        whole = plan(experiment)
        uids = [t.uid for group in whole.groups for t in group.trials]
        assert sorted(uids) == sorted(t.uid for t in experiment.trials())
        for some in whole.groups:
            assert {rung(t.cell) for t in some.trials} == {some.rung}
            assert len({t.cell.distribution.on_sphere for t in some.trials}) == 1
        half = set(uids[::2])
        left = [t.uid for group in whole.without(half) for t in group.trials]
        assert sorted(left) == sorted(set(uids) - half)
    assert len(plan(tiny()).groups) == 1


def test_the_hardest_trials_of_a_group_come_first() -> None:
    (some,) = plan(tiny()).groups
    ratios = [t.cell.model.num_params(t.cell.d) / t.cell.n for t in some.trials]
    assert ratios == sorted(ratios) and len(set(ratios)) > 1


def test_flops_by_hand() -> None:
    """n 2 d k forward, the same for dW; 2 k for the output and its two gradients."""
    cell = dataclasses.replace(tiny().cells[0], n=10, d=3)
    k = cell.model.width
    assert flops_per_step(cell) == 10 * (2 * 3 * k * 2 + 2 * k * 3)
    deep = dataclasses.replace(cell, model=cell.model.clone(depth=3))
    assert flops_per_step(deep) - flops_per_step(cell) == 10 * 2 * k * k * 3


def test_flops_by_the_compiler() -> None:
    """XLA counts the products of one step, to what else it counts beside them."""
    trial = Trial(dataclasses.replace(tiny().cells[0], n=256, d=32), 0)
    trial = dataclasses.replace(
        trial,
        cell=dataclasses.replace(trial.cell, model=trial.cell.model.clone(width=64)),
    )
    form = block.Form.of(rung(trial.cell), trial)
    recipe, data = block.inputs(form.rung, trial)
    one = jax.jit(lambda r, x, lane: lanes.step(form.model, r, x, lane))
    cost = one.lower(recipe, data, form.blank).compile().cost_analysis()
    assert (
        flops_per_step(trial.cell) <= cost["flops"] <= 1.15 * flops_per_step(trial.cell)
    )


@pytest.fixture
def queue() -> Iterator[train.Queue]:
    a, b = tiny().trials()[:9], tiny().trials()[9:]
    groups = [group(a), dataclasses.replace(group(b), index=1)]
    yield train.Queue(groups, {}, 2)


def test_a_worker_opens_the_dearest_group_of_its_own(queue: train.Queue) -> None:
    first, second = queue.join("A", 0, 4), queue.join("B", 1, 4)
    assert first and second and {first.index, second.index} == {0, 1}
    assert queue.join("C", 0, 20) is None  # nothing that needs help
    assert queue.join("C", 0, 4) is not None  # more than a block waits


def test_the_worker_with_fewer_lanes_is_spare(queue: train.Queue) -> None:
    some = queue.join("A", 0, 4)
    assert some is not None
    while queue.take("A", some, 4, 0):
        pass
    other = queue.join("B", 1, 4)
    assert other is not None and other.index != some.index
    queue._live[some.index] = {"A": 3, "B": 1}
    assert queue.spare("B", some, 1, 4) and not queue.spare("A", some, 3, 4)
    assert not queue.spare("B", some, 2, 4)  # 3 + 2 are more than a block


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


def test_too_many_devices_are_refused_before_they_are_made() -> None:
    with pytest.raises(BadInput, match="--devices=99999: must be at most 16 a core"):
        lanes.devices(99999)


def test_large_lanes_make_small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as an accelerator fills, and never more activations than 1 GB a layer."""
    monkeypatch.setitem(lanes.BLOCK, "cpu", 128)
    for n, width, expected in ((64, 8, 128), (4096, 512, 128), (8192, 4096, 8),
                               (131072, 512, 4), (131072, 131072, 4)):  # fmt: skip
        assert lanes.block_size(Rung(n, 256, width)) == expected
    assert lanes.block_size() == 128
