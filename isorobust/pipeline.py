"""The pipeline on one page: plan -> train -> measure -> records -> table."""

import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isorobust import report
from isorobust.account import history, identity, timing
from isorobust.account.provenance import peak_bytes, provenance
from isorobust.door import BadInput
from isorobust.engine import lanes
from isorobust.engine.block import Seat
from isorobust.engine.cache import Cache
from isorobust.engine.forecast import Forecast, Past
from isorobust.engine.harvest import Harvest, from_state
from isorobust.engine.ladder import LADDER
from isorobust.engine.measure import Page, measured
from isorobust.engine.plan import Group, Plan, plan
from isorobust.engine.spread import spread
from isorobust.engine.store import Store, opened
from isorobust.engine.train import Crew, Queue
from isorobust.experiment import Experiment, Trial, describe, digest, validate
from isorobust.files import as_json
from isorobust.progress import Watch, say
from isorobust.report.table import Table
from isorobust.results import records, rules
from isorobust.results.join import Found, collect


class Interrupted(Exception):
    """A run was asked to stop, and has: what it did is on disk."""


@dataclass(frozen=True)
class Result:
    """What a run leaves behind.

    folder: where; records: one dict a trial, in plan order; rows: one dict a case and
    seed; table: the table of the law; trained: networks that this call trained, solved:
    cases that it computed (0 and 0: there was nothing left to do)
    """

    folder: Path
    records: list[dict]
    rows: list[dict]
    table: Table
    trained: int
    solved: int


def run(
    experiment: Experiment,
    workdir: str | Path | None = None,
    devices: int | None = None,
    stop: threading.Event | None = None,
) -> Result:
    """Trains and measures every network, computes every case, and tabulates.

    workdir: a folder to keep the run in; the same call continues it after any
        interruption, to the same records. Without it, a temporary folder.
    devices: how many devices to use (CPU: XLA devices), all by default; no number of
        them changes a record.
    stop: when another thread sets it, the run saves what it has within seconds and
        raises Interrupted.

    Raises BadInput for an experiment that can't be, or a folder that holds another.
    """
    validate(experiment, "experiment")
    stop = stop or threading.Event()
    cache = Cache.open()
    programs = lanes.programs(devices)
    folder = Path(workdir or tempfile.mkdtemp(prefix="isorobust-"))
    whole = plan(experiment)
    with opened(folder, identity_of(whole)) as store:
        for name in store.damaged:
            say(f"{folder / name}: damaged; dropped, and done again")
        began = time.perf_counter()
        trained, given_up, learnt = _train(whole, store, programs, stop)
        train_seconds = time.perf_counter() - began
        measured = _measure(whole, store, programs, stop, learnt)
        solved = _solve(experiment, store, programs, stop)
        found = collect(folder)
        table, rows = publish(store, found), found.records
        if trained or measured:
            seconds = (train_seconds, time.perf_counter() - began)
            about = timing.facts(rows, trained, seconds, programs, cache, given_up)
            store.publish({"timing.json": about})
        return Result(folder, rows, found.rows, table, trained, solved)


def identity_of(whole: Plan) -> dict:
    """What experiment.json says: all that decides a network, its hash, the trials.

    `bounds` and `rules` stand beside the experiment: asking for others is no other
    experiment.
    """
    experiment = whole.experiment
    decides = {**describe(experiment), "ladder": LADDER, "block": lanes.block_size()}
    del decides["bounds"]
    decides.pop("rules", None)
    cases = {
        case.uid: {"block": case.block, "shown": list(case.shown)}
        for case in experiment.cases
    }
    return {
        "experiment": decides,
        "sha256": digest(decides),
        "task": identity.task(experiment),
        "bounds": whole.bounds,
        "cases": cases,
        "rules": [rules.to_json(rule) for rule in experiment.rules],
        "trials": [identity.columns(experiment, trial) for trial in whole.trials],
        "command": sys.argv,
        "started_with": provenance(),
    }


def _train(
    whole: Plan, store: Store, programs: list[lanes.Programs], stop: threading.Event
) -> tuple[int, int, Past]:
    """Trains what the store lacks.

    (How many networks that were, how many micro-blocks were given up for want of
    memory, what the training taught.)
    """
    rows = [row for page in store.pages() for row in store.read(page, "trials")]
    groups = whole.without({row["uid"] for row in rows})
    if not groups:
        store.write_state([])
        return 0, 0, Past()
    networks = sum(len(group.trials) for group in groups)
    begun = from_state(groups, store.state())
    forecast = Forecast(groups, len(programs), history.recall(whole.experiment))
    crew = Crew(Queue(groups, begun, len(programs)), programs, stop, forecast.train)
    harvest = Harvest(store, crew, lambda: _about(len(programs)))
    with Watch("train", networks, networks, forecast.total) as watch:

        def put(group: Group, seats: list[Seat]) -> None:
            for seat in seats:
                forecast.stopped(seat.trial, int(seat.lane.t))
            harvest.put(group, seats)
            watch.advance(len(seats), len(seats))

        for group in groups:
            there = [begun[t.uid] for t in group.trials if t.uid in begun]
            crew.keep(group, there)
            put(group, [seat for seat in there if seat.stopped])
        try:
            for event in crew.finished(patience=0.5):
                put(*event) if event else watch.advance(0)
                harvest.save()
        except BadInput:  # out of memory: everybody has parked
            harvest.save(at_once=True)
            raise
        if stop.is_set():
            harvest.save(at_once=True)
            raise Interrupted
        if watch.finished < networks:  # a device's last worker gave up at the very end
            harvest.save(at_once=True)
            raise BadInput("out of memory; the same command continues")
        harvest.end()
    return networks, crew.retired, forecast.learnt()


def _about(devices: int) -> dict:
    return {"provenance": provenance(devices), "peak_bytes": peak_bytes()}


def _measure(
    whole: Plan,
    store: Store,
    programs: list[lanes.Programs],
    stop: threading.Event,
    learnt: Past,
) -> int:
    """Measures what the store lacks of every page; how many pages that were."""
    asked = ("fit", *(f"bound_{name}" for name in whole.bounds))
    missing = {
        page: [part for part in asked if not store.has(page, part)]
        for page in store.pages()
    }
    trials = {t.uid: (group, t) for group in whole.groups for t in group.trials}
    todo = [_page(trials, store, name) for name, parts in missing.items() if parts]
    networks = sum(len(page.trials) for page in todo)
    if not todo:
        return 0
    total = sum(page.cost for page in todo)
    spent: dict[str, list[float]] = {}
    with Watch("measure", total, networks, lambda: watch.pro_rata()) as watch:

        def work(page: Page, programs: lanes.Programs) -> dict[str, list[dict]]:
            if stop.is_set():
                raise Interrupted
            asked, params = missing[page.name], store.params(page.name)
            delta = whole.experiment.delta
            began, compiled = time.perf_counter(), programs.compile_seconds
            found = measured(page, params, asked, whole.bounds, delta, programs)
            took = time.perf_counter() - began - (programs.compile_seconds - compiled)
            key = page.group.measure_cost_key
            spent.setdefault(key, []).append(took / len(page.trials))
            watch.advance(page.cost, len(page.trials))
            return found

        for page, parts in spread(todo, programs, work):
            store.write(page.name, parts)
    learnt.measures |= {key: sum(each) / len(each) for key, each in spent.items()}
    history.remember(whole.experiment, learnt)
    return len(todo)


def _page(trials: dict[str, tuple[Group, Trial]], store: Store, name: str) -> Page:
    there = [trials[row["uid"]] for row in store.read(name, "trials")]
    return Page(name, there[0][0], tuple(trial for _, trial in there))


@dataclass(frozen=True)
class _Task:
    """A case as `spread` takes it: each is a program of its own."""

    case: Any
    cost = 1.0

    @property
    def program(self) -> str:
        return self.case.uid


def _solve(
    experiment: Experiment,
    store: Store,
    programs: list[lanes.Programs],
    stop: threading.Event,
) -> int:
    """Computes the cases that the store lacks; how many those were."""
    names = {case.uid: f"cases/{case.uid}.json" for case in experiment.cases}
    todo = [_Task(c) for c in experiment.cases if names[c.uid] not in store.hashes]
    if not todo:
        return 0
    about = {"track": experiment.track, "track_version": experiment.version}
    about |= provenance(len(programs))
    (store.folder / "cases").mkdir(exist_ok=True)
    with Watch(
        "solve", len(todo), len(todo), lambda: watch.pro_rata(), "cases"
    ) as watch:

        def work(task: _Task, _: Any) -> list[dict]:
            if stop.is_set():
                raise Interrupted
            began = time.perf_counter()
            rows = task.case.rows(experiment.seeds, experiment.delta)
            each = (time.perf_counter() - began) / len(rows)
            watch.advance(1, 1)
            return [row | about | {"solve_seconds": each} for row in rows]

        for task, rows in spread(todo, programs, work):
            store.publish({names[task.case.uid]: as_json(rows)})
    return len(todo)


def publish(store: Store, found: Found) -> Table:
    """Writes records.jsonl and the table in every format; each whole or not at all."""
    table = report.tabulate(found)
    texts = report.files(table) | {"records.jsonl": records.write(found.records)}
    if found.rows:
        texts |= {"cases.jsonl": records.write(found.rows)}
    store.publish(texts)
    return table
