"""Training: a queue of trials, and workers that each keep a micro-block in flight.

Workers share nothing but the queue. A trial's numbers depend on the trial alone, so who
trains it, beside whom, in what order and in how many chunks is free.
"""

import collections
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import Any

from isorobust.door import BadInput
from isorobust.engine.block import Block, Form, Pace, Seat, fresh
from isorobust.engine.lanes import Programs, block_size, flight, out_of_memory
from isorobust.engine.plan import Group

CHUNK_SECONDS = 0.5  # the most between two looks at a micro-block
LOOK_SECONDS = 0.9  # between two copies of a running lane to the host


class Queue:
    """Who waits for a slot, by group, and which worker is where.

    A worker stays with its group; then it opens the one with most work that nobody has,
    and helps out with another's only where more waits than the other can seat at once,
    since that means compiling it once more.
    """

    def __init__(
        self, groups: Iterable[Group], begun: dict[str, Seat], workers: int
    ) -> None:
        """begun: uid -> seat of trials that have begun; the stopped ones don't wait."""
        self._waiting: dict[int, collections.deque] = {}
        self._groups = {group.index: group for group in groups}
        dearest = sorted(self._groups.values(), key=lambda g: (-g.cost, g.index))
        self._home = {group.index: i % workers for i, group in enumerate(dearest)}
        for group in self._groups.values():
            parked = [begun[t.uid] for t in group.trials if t.uid in begun]
            parked = [seat for seat in parked if not seat.stopped]
            rest = [t for t in group.trials if t.uid not in begun]
            self._waiting[group.index] = collections.deque([*parked, *rest])
        self._live: dict[int, dict[Any, int]] = {i: {} for i in self._groups}
        self._lock = threading.Lock()

    def join(self, worker: Any, home: int, room: int) -> Group | None:
        """The group that a free worker turns to; None: nothing is left for it.

        home: the worker's number: dearest first, every group is somebody's own, so that
            a second run finds its programs where the first one compiled them
        """
        with self._lock:
            choice = {}
            for i, waiting in self._waiting.items():
                if waiting and (not self._live[i] or len(waiting) > room):
                    share = len(waiting) / len(self._groups[i].trials)
                    mine = self._home[i] == home
                    cost = self._groups[i].cost * share
                    choice[i] = (not self._live[i], mine, cost)
            if not choice:
                return None
            pick = max(choice, key=lambda i: choice[i])
            self._live[pick][worker] = 0
            return self._groups[pick]

    def take(self, worker: Any, group: Group, free: int, seated: int) -> list[Any]:
        """Up to `free` trials (or parked seats) for a worker that has so many."""
        with self._lock:
            waiting = self._waiting[group.index]
            taken = [waiting.popleft() for _ in range(min(free, len(waiting)))]
            self._live[group.index][worker] = seated + len(taken)
            if not seated + len(taken):
                del self._live[group.index][worker]
            return taken

    def waits(self, group: Group) -> bool:
        """Whether anybody waits for a slot of the group."""
        return bool(self._waiting[group.index])

    def leave(self, worker: Any, group: Group, seats: list[Seat]) -> None:
        """The worker leaves the group; its unfinished seats wait again, in front."""
        with self._lock:
            self._live[group.index].pop(worker, None)
            self._waiting[group.index].extendleft(reversed(seats))

    def spare(self, worker: Any, group: Group, seated: int, room: int) -> bool:
        """Whether another worker of the group could seat this one's lanes too.

        Where each could take the other's, the one with fewer lanes is the spare one.
        """
        with self._lock:
            live = self._live[group.index]
            live[worker] = seated
            if self._waiting[group.index] or not seated:
                return False
            return any(
                has + seated <= room and (seated, id(worker)) < (has, id(other))
                for other, has in live.items()
                if other is not worker and has
            )


class Crew:
    """Workers at a queue: `flight` micro-blocks on each device, a thread for each.

    devices: the executables of every device. stop: when set, workers end after their
    chunk. tick(group, steps) is told of the network-steps made. retired: workers that
    gave up because the memory of their device was full
    """

    def __init__(
        self,
        queue: Queue,
        devices: list[Programs],
        stop: threading.Event,
        tick: Callable[[Group, int, float], None],
    ) -> None:
        self.queue, self.stop, self.tick = queue, stop, tick
        self.retired = 0
        self._over = threading.Event()
        self._events: SimpleQueue = SimpleQueue()
        self._alive: dict[str, tuple[Group, Seat]] = {}
        self._paces: dict[tuple[int, int], Pace] = {}
        self._lock = threading.Lock()
        self._flying = {id(own): flight() for own in devices}
        self._threads = [
            threading.Thread(target=self._serve, args=(own, home))
            for _ in range(flight())
            for home, own in enumerate(devices)
        ]

    def finished(self, patience: float) -> Iterator[tuple[Group, list[Seat]] | None]:
        """Yields (group, seats that have stopped); None after `patience` idle seconds.

        An exception of a worker is raised here, when the others have ended their chunk.
        """
        for thread in self._threads:
            thread.start()
        left, failures = len(self._threads), []
        try:
            while left:
                try:
                    event = self._events.get(timeout=patience)
                except Empty:
                    event = (None,)
                if event is None:
                    left -= 1
                elif isinstance(event, BaseException):
                    self._over.set()
                    failures.append(event)
                else:
                    yield None if event == (None,) else event
        finally:
            self._over.set()
        if failures:
            raise failures[0]

    def alive(self) -> list[tuple[Group, Seat]]:
        """Every trial that has begun and isn't forgotten, as last seen."""
        with self._lock:
            return list(self._alive.values())

    def keep(self, group: Group, seats: Iterable[Seat]) -> None:
        """Remembers seats as they are now."""
        with self._lock:
            self._alive |= {seat.trial.uid: (group, seat) for seat in seats}

    def forget(self, seats: Iterable[Seat]) -> None:
        """Forgets seats: they are safe elsewhere."""
        with self._lock:
            for seat in seats:
                self._alive.pop(seat.trial.uid, None)

    def _serve(self, own: Programs, home: int) -> None:
        worker = object()
        try:
            room = block_size()
            while not self._ends() and (group := self.queue.join(worker, home, room)):
                pace = self._paces.setdefault((id(own), group.index), Pace())
                block = Block(Form.of(group.rung, group.trials[0]), own, pace)
                try:
                    self._train(worker, group, block)
                except Exception as error:
                    if not out_of_memory(error):
                        raise
                    self._park(worker, group, block)
                    return self._retire(own, group)
            self._flying[id(own)] -= 1
        except BaseException as error:
            self._events.put(error)
        finally:
            self._events.put(None)

    def _ends(self) -> bool:
        return self.stop.is_set() or self._over.is_set()

    def _train(self, worker: Any, group: Group, block: Block) -> None:
        looked = time.monotonic()
        while True:
            seated = len(block.seats)
            found = self.queue.take(worker, group, block.free, seated)
            block.fill(
                [s if isinstance(s, Seat) else fresh(block.form, s) for s in found]
            )
            if not block.seats:
                return
            self.tick(group, *block.advance(CHUNK_SECONDS, self.queue.waits(group)))
            if done := block.harvest():
                self.keep(group, done)
                self._events.put((group, done))
            if self._ends() or self.queue.spare(
                worker, group, len(block.seats), block.size
            ):
                return self._park(worker, group, block)
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                self.keep(group, block.look())

    def _park(self, worker: Any, group: Group, block: Block) -> None:
        seats = block.park()
        self.keep(group, seats)
        self.queue.leave(worker, group, seats)

    def _retire(self, own: Programs, group: Group) -> None:
        """One micro-block less on the device. Raises BadInput where it was the last."""
        with self._lock:
            self._flying[id(own)] -= 1
            if self._flying[id(own)]:
                self.retired += 1
                return
        raise BadInput(
            f"{own.device}: out of memory with one micro-block of rung {group.rung}; "
            "make n, d or the width smaller, or use a device with more memory"
        )
