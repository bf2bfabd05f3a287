"""How a drill looks at many things at once, by one clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from ops.drill.record import UNKNOWN, Lane, Record, Seen

AT_ONCE = 400


class Task(Protocol):
    """Something that is done again and again."""

    every: float
    """Seconds from one turn's beginning to the next one's."""

    def turn(self) -> None: ...


class Observer(Protocol):
    lane: Lane
    every: float

    def look(self) -> Mapping[str, Seen]:
        """What it sees now, by subject. Whatever it raises means that nothing could be told."""


class Stage(Protocol):
    """A clock, and what goes on by it."""

    def now(self) -> float:
        """Seconds since the drill began to watch."""

    def utc(self) -> float:
        """The time now, UTC in seconds."""

    def sleep(self, seconds: float) -> None: ...

    def start(self, task: Task) -> None: ...

    def submit(self, job: Callable[[], None]) -> None:
        """Do it at once, beside all else."""

    def close(self) -> None:
        """End all tasks."""


class RealStage:
    """The machine's clock, and a thread for each task."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._closed = threading.Event()
        self._pool = ThreadPoolExecutor(AT_ONCE, "drill")

    def now(self) -> float:
        return time.monotonic() - self._began

    def utc(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def start(self, task: Task) -> None:
        threading.Thread(target=self._run, args=(task,), daemon=True).start()

    def submit(self, job: Callable[[], None]) -> None:
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


class Looking:
    """An observer's turns, written down."""

    def __init__(self, observer: Observer, subjects: Iterable[str], stage: Stage, record: Record) -> None:
        """`subjects`: of which nothing can be told when a look fails."""
        self._observer, self._subjects, self._stage, self._record = observer, tuple(subjects), stage, record
        self.every = observer.every

    def turn(self) -> None:
        began = self._stage.now()
        try:
            seen = self._observer.look()
        except Exception as error:
            detail = f"{type(error).__name__}: {error}"
            seen = {subject: Seen(state=UNKNOWN, detail=detail) for subject in self._subjects}
        self._record.see(self._observer.lane, seen, began, self._stage.now())
