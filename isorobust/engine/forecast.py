"""How long a run still takes: steps, speeds and bounds, each with its doubt.

Steps to a target are a log-linear regression on (n, d, width), a Bayesian one, so that
it says something before anything has finished and narrows with every trial that stops.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from isorobust.engine.plan import Group, flops_per_step
from isorobust.experiment import Trial, describe, digest

SAMPLES = 256
LEVEL = (0.05, 0.95)  # of the interval
# priors, in log units: (mean, standard deviation)
SHARE = (math.log(0.08), 1.2)  # of the budget that an early-stopped trial takes
SLOPES = (0.3, -0.45, -0.45)  # of log steps in log n, log d, log width: seen with Adam
SLOPE_DOUBT = 0.25
SPREAD = 0.15  # of trials that differ in the seed, where few are known
SPEED = (math.log(1.0 / 8e10), 0.6)  # seconds a FLOP, before any was measured
OVERHEAD = 1e-6  # seconds a network-step, beside the arithmetic
MEASURE = (math.log(0.4), 0.9)  # seconds to measure a network, before any was


@dataclass(frozen=True)
class Estimate:
    """Seconds: the median, and an interval of 90 %."""

    low: float
    middle: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.0f} s ({self.low:.0f} to {self.high:.0f})"


@dataclass
class Past:
    """What is known from earlier runs and from timing.

    steps: cell uid -> steps of its trials. Per program key: speeds [device-seconds a
    network-step], measures [device-seconds a network]. compile_seconds: a program's
    """

    steps: dict[str, list[int]] = field(default_factory=dict)
    speeds: dict[str, float] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    compile_seconds: float = 0.5


class Forecast:
    """What is left of a run of these groups on so many devices."""

    def __init__(self, groups: Iterable[Group], workers: int, past: Past) -> None:
        self.groups, self.workers = list(groups), workers
        self.past = dataclasses.replace(past, speeds=dict(past.speeds))
        self._steps: dict[str, int] = {}
        self._made = {group.index: 0 for group in self.groups}
        self._spent = {group.index: 0.0 for group in self.groups}

    def train(self, group: Group, steps: int, seconds: float) -> None:
        """Takes in network-steps made on a device in so many seconds."""
        self._made[group.index] += steps
        self._spent[group.index] += seconds

    def stopped(self, trial: Trial, steps: int) -> None:
        """Takes in that a trial has stopped after so many steps."""
        self._steps[trial.uid] = steps

    def learnt(self) -> Past:
        """What this run has taught so far."""
        steps: dict[str, list[int]] = {}
        speeds = {}
        for group in self.groups:
            for trial in group.trials:
                if trial.uid in self._steps:
                    steps.setdefault(trial.cell.uid, []).append(self._steps[trial.uid])
            if self._made[group.index]:
                speeds[group.key] = self._spent[group.index] / self._made[group.index]
        return Past(steps, speeds)

    def training(self) -> Estimate:
        """Seconds of training left, compiling included."""
        return _estimate(self._training(np.random.default_rng(0)))

    def measuring(self) -> Estimate:
        """Seconds of measuring all networks."""
        return _estimate(self._measuring(np.random.default_rng(0)))

    def total(self) -> Estimate:
        """Seconds of both."""
        rng = np.random.default_rng(0)
        return _estimate(self._training(rng) + self._measuring(rng))

    def expected_steps(self, group: Group) -> float:
        """Network-steps of a group's trials, all together."""
        return float(np.median(self._group_steps(group, np.random.default_rng(0))))

    def seconds_a_step(self, group: Group) -> float:
        """Device-seconds that a network-step of the group takes."""
        return float(
            np.median(self._speed_draws(np.random.default_rng(0))[group.index])
        )

    def _training(self, rng: np.random.Generator) -> np.ndarray:
        draws = self._speed_draws(rng)
        total = np.zeros(SAMPLES)
        for group in self.groups:
            known = sum(self._steps.get(t.uid, 0) for t in group.trials)
            steps = self._group_steps(group, rng) - (self._made[group.index] - known)
            total += np.maximum(steps, 0) * draws[group.index]
            if not self._made[group.index]:
                total += self.past.compile_seconds
        return total / self.workers

    def _measuring(self, rng: np.random.Generator) -> np.ndarray:
        level = np.exp(rng.normal(*MEASURE, SAMPLES))
        total = np.zeros(SAMPLES)
        for group in self.groups:
            known = self.past.measures.get(group.measure_cost_key)
            total += len(group.trials) * (level if known is None else known)
        return total / self.workers * np.exp(rng.normal(0, 0.05, SAMPLES))

    def _speed_draws(self, rng: np.random.Generator) -> dict[int, np.ndarray]:
        """Device-seconds a network-step [SAMPLES] of every group."""
        known, flops = {}, {}
        for group in self.groups:
            flops[group.index] = flops_per_step(group.trials[0].cell, group.rung)
            if self._spent[group.index] > 0.05 and self._made[group.index]:
                speed = self._spent[group.index] / self._made[group.index]
                known[group.index] = speed
            elif group.key in self.past.speeds:
                known[group.index] = self.past.speeds[group.key]
        mean, doubt = SPEED
        if known:  # this machine's own, from the programs that it has run
            rates = [(known[i] - OVERHEAD) / flops[i] for i in known]
            mean = float(np.median(np.log(np.maximum(rates, 1e-13))))
            doubt = 0.5 / math.sqrt(len(known))
        level = rng.normal(mean, doubt, SAMPLES)
        return {
            i: known[i] * np.exp(rng.normal(0, 0.03, SAMPLES))
            if i in known
            else OVERHEAD + work * np.exp(level + rng.normal(0, 0.2, SAMPLES))
            for i, work in flops.items()
        }

    def _group_steps(self, group: Group, rng: np.random.Generator) -> np.ndarray:
        """Network-steps [SAMPLES] of the group's trials that have not stopped."""
        total, unknown = np.zeros(SAMPLES), []
        for trial in group.trials:
            if trial.uid in self._steps:
                continue
            past, budget = self.past.steps.get(trial.cell.uid), trial.cell.recipe.steps
            if trial.cell.recipe.whole_budget:
                total += budget
            elif past:
                spread = max(SPREAD, float(np.std(np.log(np.maximum(past, 1)))))
                noise = np.exp(rng.normal(0, spread, SAMPLES))
                total += np.minimum(np.mean(past) * noise, budget)
            else:
                unknown.append(trial)
        if unknown:
            total += self._regressed(unknown, rng)
        return total

    def _regressed(self, trials: list[Trial], rng: np.random.Generator) -> np.ndarray:
        """Network-steps [SAMPLES] of early-stopped trials, from those that stopped."""
        kind = _kind(trials[0])
        seen = [
            (trial, self._steps[trial.uid])
            for group in self.groups
            for trial in group.trials
            if trial.uid in self._steps and _kind(trial) == kind
        ]
        mean, root, noise = _posterior([t for t, _ in seen], [s for _, s in seen])
        # the same draws for every group: their errors go together
        common = np.random.default_rng(1).standard_normal((SAMPLES, len(mean)))
        coefficients = mean + common @ root.T
        logs = coefficients @ _features(trials).T
        logs += rng.normal(0, noise, logs.shape)
        budgets = np.array([trial.cell.recipe.steps for trial in trials])
        return np.minimum(np.exp(logs), 1.0) @ budgets


def _kind(trial: Trial) -> str:
    """Trials whose steps one regression may explain: all but sizes is the same."""
    said = describe(trial.cell)
    said = {k: v for k, v in said.items() if k not in ("n", "d", "ladder")}
    said["model"] = {k: v for k, v in said["model"].items() if k != "width"}
    return digest(said)


def _features(trials: Sequence[Trial]) -> np.ndarray:
    """[trials, 4]: 1 and log n, log d, log width about usual sizes."""
    sizes = [(t.cell.n, t.cell.d, t.cell.model.width) for t in trials]
    logs = np.log(np.array(sizes, float) / (256, 64, 64))
    return np.column_stack([np.ones(len(logs)), logs])


def _posterior(
    trials: Sequence[Trial], steps: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, float]:
    """(mean [4], root [4, 4] of the covariance, noise) of the regression."""
    prior = np.array([SHARE[0], *SLOPES])
    precision = np.diag(np.array([SHARE[1], *[SLOPE_DOUBT] * 3]) ** -2.0)
    noise = 0.4
    if trials:
        x = _features(trials)
        budgets = [trial.cell.recipe.steps for trial in trials]
        y = np.log(np.maximum(steps, 1) / np.array(budgets, float))
        for _ in range(3):
            inverse = np.linalg.inv(precision + x.T @ x / noise**2)
            mean = inverse @ (precision @ prior + x.T @ y / noise**2)
            # as if two more trials had been off by the prior's noise
            noise = math.sqrt((np.sum((y - x @ mean) ** 2) + 0.32) / (len(y) + 2))
    else:
        inverse, mean = np.linalg.inv(precision), prior
    return mean, np.linalg.cholesky(inverse), noise


def _estimate(draws: np.ndarray) -> Estimate:
    low, high = np.quantile(draws, LEVEL)
    return Estimate(float(low), float(np.median(draws)), float(high))
