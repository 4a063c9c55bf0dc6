"""A forecast against synthetic truth: it covers, and it narrows."""

import dataclasses
import math

import numpy as np
import pytest

from isorobust.data import BalancedSigns, Sphere
from isorobust.engine.forecast import Forecast, Past
from isorobust.engine.plan import flops_per_step, plan
from isorobust.experiment import Cell, Experiment, Trial
from isorobust.models import MLP
from isorobust.training import Adam, Path


def grid(recipe: object) -> Experiment:
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(width=k), n, d, recipe)
        for n in (100, 200, 400)
        for d in (16, 32, 64)
        for k in (32, 64, 128)
    )
    return Experiment("GRID", 1, cells, seeds=4)


def truth(trial: Trial, rng: np.random.Generator, law: np.ndarray) -> int:
    """Steps by a power law in n, d and width that the forecast doesn't know."""
    cell = trial.cell
    logs = np.log([cell.n / 200, cell.d / 32, cell.model.width / 64])
    steps = math.exp(law[0] + logs @ law[1:] + rng.normal(0, 0.15))
    return int(min(max(1, steps), cell.recipe.steps))


def seconds_a_step(group: object) -> float:
    return 1e-6 + flops_per_step(group.trials[0].cell, group.rung) / 1.1e11  # type: ignore


def test_the_interval_covers_and_narrows() -> None:
    """20 machines and power laws: at the start, and after a fifth of the work."""
    experiment = grid(Adam(0.02, 1e-3, 6000))
    covered, near = {0.0: 0, 0.2: 0}, 0
    for case in range(20):
        rng = np.random.default_rng(case)
        law = np.array([rng.normal(6.2, 0.8), *rng.normal((0.3, -0.45, -0.45), 0.2)])
        whole = plan(experiment)
        groups = sorted(whole.groups, key=lambda g: -g.cost)
        speed = {
            g.index: seconds_a_step(g) * math.exp(rng.normal(0, 0.15)) for g in groups
        }
        steps = {t.uid: truth(t, rng, law) for g in groups for t in g.trials}
        work = {
            g.index: sum(steps[t.uid] for t in g.trials) * speed[g.index]
            for g in groups
        }
        total, done, widths = sum(work.values()), 0.0, []
        forecast = Forecast(whole.groups, 2, Past(compile_seconds=0.0))
        for share in covered:
            while done < share * total:
                group = groups.pop(0)
                for trial in group.trials:
                    took = steps[trial.uid] * speed[group.index]
                    forecast.train(group, steps[trial.uid], took)
                    forecast.stopped(trial, steps[trial.uid])
                done += work[group.index]
            left, said = (total - done) / 2, forecast.training()
            covered[share] += said.low <= left <= said.high
            widths.append((said.high - said.low) / said.middle)
            near += share > 0 and abs(said.middle / left - 1) <= 0.25
        assert widths[1] < widths[0]
    assert covered[0.0] >= 17 and covered[0.2] >= 15 and near >= 16, (covered, near)


def test_a_fixed_budget_needs_speeds_alone() -> None:
    whole = plan(grid(Path(0.1, steps=500)))
    speeds = {group.key: seconds_a_step(group) for group in whole.groups}
    exact = sum(500 * len(g.trials) * speeds[g.key] for g in whole.groups) / 2
    said = Forecast(
        whole.groups, 2, Past(speeds=speeds, compile_seconds=0.0)
    ).training()
    assert said.middle == pytest.approx(exact, rel=0.02)
    assert said.high < 1.1 * said.low


def test_past_steps_are_believed() -> None:
    whole = plan(grid(Adam(0.02, 1e-3, 6000)))
    speeds = {group.key: 1e-3 for group in whole.groups}
    past = {t.cell.uid: [700, 720] for t in whole.trials}
    known = Past(past, speeds, compile_seconds=0.0)
    said = Forecast(whole.groups, 1, known).training()
    assert said.middle == pytest.approx(710 * len(whole.trials) * 1e-3, rel=0.03)


def test_progress_of_lanes_in_flight_counts() -> None:
    whole = plan(grid(Path(0.1, steps=500)))
    speeds = {group.key: 1e-3 for group in whole.groups}
    forecast = Forecast(whole.groups, 1, Past(speeds=speeds, compile_seconds=0.0))
    before, group = forecast.training().middle, whole.groups[0]
    forecast.train(group, 1000, 1.0)
    assert forecast.training().middle == pytest.approx(before - 1.0, rel=0.02)
    learnt = forecast.learnt()
    assert learnt.speeds == {group.key: 1e-3} and learnt.steps == {}
    forecast.stopped(group.trials[0], 500)
    assert forecast.learnt().steps == {group.trials[0].cell.uid: [500]}


def test_nothing_left_is_nothing() -> None:
    whole = plan(dataclasses.replace(grid(Path(0.1, steps=5)), seeds=1))
    forecast = Forecast(whole.groups, 1, Past())
    for group in whole.groups:
        for trial in group.trials:
            forecast.train(group, 5, 0.1)
            forecast.stopped(trial, 5)
    assert forecast.training().high == 0.0
