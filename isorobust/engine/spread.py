"""Spreading tasks over workers that share nothing: who takes which task next."""

import collections
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from threadpoolctl import threadpool_limits


class Shelf:
    """Tasks by program; a worker that is free takes the next one.

    task.program (hashable) and task.cost guide it: a worker stays with its program,
    then opens the one with most work left that nobody has, and helps out with another's
    only where several tasks are left, since that means compiling it once more.
    """

    def __init__(self, tasks: Iterable[Any]) -> None:
        self._left: dict[Any, collections.deque] = {}
        for task in tasks:
            self._left.setdefault(task.program, collections.deque()).append(task)
        self._taken: set[Any] = set()
        self._lock = threading.Lock()

    def take(self, mine: Any) -> Any:
        """The next task for a worker whose last program was `mine`; None: no more."""
        with self._lock:
            cost = {p: sum(t.cost for t in ts) for p, ts in self._left.items() if ts}
            fresh = [p for p in cost if p not in self._taken]
            shared = [p for p in cost if len(self._left[p]) > 1]
            if mine in cost:
                pick = mine
            elif fresh or shared:
                pick = max(fresh or shared, key=lambda p: cost[p])
            else:
                return None
            self._taken.add(pick)
            return self._left[pick].popleft()

    def clear(self) -> None:
        """Leaves nothing to take."""
        with self._lock:
            self._left.clear()


def spread(
    tasks: Iterable[Any], workers: list[Any], work: Callable[[Any, Any], Any]
) -> Iterator[tuple[Any, Any]]:
    """Yields (task, work(task, worker)) as they finish, one thread a worker.

    An exception of `work` is raised here, after the other workers end their task. BLAS
    has one thread meanwhile: workers are as many as cores, its own threads made them
    seven times slower, and their number may decide last bits.
    """
    shelf, done = Shelf(tasks), queue.SimpleQueue()  # type: ignore[var-annotated]

    def serve(worker: Any) -> None:
        mine = None
        try:
            while (task := shelf.take(mine)) is not None:
                mine = task.program
                done.put((task, work(task, worker), None))
        except BaseException as error:
            shelf.clear()
            done.put((None, None, error))
        done.put(None)

    threads = [threading.Thread(target=serve, args=(w,)) for w in workers]
    failures = []
    try:
        with threadpool_limits(1, user_api="blas"):
            for thread in threads:
                thread.start()
            for _ in threads:
                while (item := done.get()) is not None:
                    task, result, error = item
                    if error is not None:
                        failures.append(error)
                    else:
                        yield task, result
    finally:
        shelf.clear()
    if failures:
        raise failures[0]
