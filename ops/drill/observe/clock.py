"""One clock for everything that a run observes, and the tasks that repeat by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from ops.drill.observe.record import UNKNOWN, Indicator, Record, State

THREADS = 500


class Task(Protocol):
    every: float
    """Seconds from the beginning of one turn to that of the next."""

    def turn(self) -> None: ...


class Observer(Protocol):
    indicator: Indicator
    every: float

    def observe(self) -> Mapping[str, State]:
        """The state of each subject now. Any exception makes all of them UNKNOWN."""


class Clock:
    """The machine's clock, with a thread for each task."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(THREADS, "drill")

    def now(self) -> float:
        """Seconds since the run began to observe."""
        return time.monotonic() - self._began

    def utc(self) -> float:
        """In seconds."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def start(self, task: Task) -> None:
        """Repeat the task until the clock is closed."""
        threading.Thread(target=self._run, args=(task,), daemon=True).start()

    def submit(self, job: Callable[[], None]) -> None:
        """Run the job at once, beside everything else."""
        if not self._closed.is_set():
            self._pool.submit(job)

    def close(self) -> None:
        self._closed.set()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, task: Task) -> None:
        while not self._closed.is_set():
            began = time.monotonic()
            task.turn()
            self._closed.wait(max(0.0, began + task.every - time.monotonic()))


class Observing:
    """Records what an observer sees."""

    def __init__(self, observer: Observer, subjects: Iterable[str], clock: Clock, record: Record) -> None:
        """`subjects` become UNKNOWN when an observation fails."""
        self._observer, self._subjects, self._clock, self._record = observer, tuple(subjects), clock, record
        self.every = observer.every

    def turn(self) -> None:
        began = self._clock.now()
        try:
            states = self._observer.observe()
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            states = {subject: State(state=UNKNOWN, detail=detail) for subject in self._subjects}
        self._record.observe(self._observer.indicator, states, began, self._clock.now())
