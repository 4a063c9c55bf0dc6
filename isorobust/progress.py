"""What a person sees while a run works: a bar, or a line every 10 s in a log."""

import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

EVERY = 10.0  # seconds between two lines of a log
ASK = 2.0  # between two forecasts


def say(line: str) -> None:
    """One line to whoever watches."""
    print(f"isorobust: {line}", file=sys.stderr, flush=True)


class Watch:
    """Counts the work of one stage ("train", "measure") and shows it on stderr.

    total: the most work there can be; `advance` is called from any thread. left: says
    how long it still takes, asked every few seconds. unit: what `networks` counts
    """

    def __init__(
        self,
        stage: str,
        total: float,
        networks: int,
        left: Callable[[], object],
        unit: str = "networks",
    ) -> None:
        self.stage, self.total, self.networks, self.unit = stage, total, networks, unit
        self.done, self.finished = 0.0, 0
        self._left, self._forecast, self._asked = left, "", time.monotonic()
        self._lock = threading.Lock()
        self._began = self._said = time.monotonic()
        self._bar = self._task = None
        if sys.stderr.isatty():
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.fields[said]}"),
                TimeElapsedColumn(),
                console=Console(stderr=True),
            )
            self._task = self._bar.add_task(stage, total=total, said="")

    def __enter__(self) -> "Watch":
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._show(last=True)
        if self._bar:
            self._bar.stop()

    def advance(self, work: float, networks: int = 0) -> None:
        """More work done, and networks finished with it."""
        with self._lock:
            self.done += work
            self.finished += networks
            self._show()

    def pro_rata(self) -> str:
        """How long the rest takes, if it goes on as so far."""
        spent = time.monotonic() - self._began
        return f"{spent * (self.total / self.done - 1):.0f} s" if self.done else "?"

    def _show(self, last: bool = False) -> None:
        now = time.monotonic()
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self.done, said=self._words(now))
        elif now - self._said >= EVERY or last:
            self._said = now
            print(f"{self.stage}: {self._words(now)}", file=sys.stderr, flush=True)

    def _words(self, now: float) -> str:
        words = (
            f"{self.finished}/{self.networks} {self.unit}, {now - self._began:.0f} s"
        )
        if self.finished == self.networks:
            return words
        if now - self._asked > ASK:
            self._asked, self._forecast = now, f", {self._left()} left"
        return words + self._forecast
