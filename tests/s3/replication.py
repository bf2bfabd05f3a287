"""When the copies that the buckets' rules ask for are made: at random, held, or all at once."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

from local.aws.object_replication import Replica

_DELAY_SECONDS = 0.05


class Replication:
    """Applies copies in no order, each after a random delay of at most `delay` seconds.

    `lock` is the one that is held during each call. Copies from or to a bucket that is `reachable` no more
    wait until it is again.
    """

    def __init__(self, lock: threading.RLock, reachable: Callable[[str], bool]) -> None:
        self.delay = _DELAY_SECONDS
        self._reachable = reachable
        self._waiting: list[tuple[float, Replica]] = []
        self._changed = threading.Condition(lock)
        self._held = False
        self._closed = False
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="test replication", daemon=True)
        self._thread.start()

    def schedule(self, copy: Replica) -> None:
        with self._changed:
            self._waiting.append((time.monotonic() + random.uniform(0, self.delay), copy))
            self._changed.notify()

    @property
    def pending(self) -> list[Replica]:
        """Not yet made, in the order of their writes."""
        with self._changed:
            return [copy for _, copy in self._waiting]

    def pause(self) -> None:
        """From now on nothing is copied but by `drain`."""
        with self._changed:
            self._held = True

    def resume(self) -> None:
        with self._changed:
            self._held = False
            self._changed.notify()

    def wake(self) -> None:
        """Look again at what can be reached."""
        with self._changed:
            self._changed.notify()

    def drain(self, seed: int | None = None, count: int | None = None) -> int:
        """Make all pending copies now, or `count` of them; return how many.

        In the order of their writes, or in the random one that belongs to `seed`. Copies from or to a bucket
        that can't be reached stay pending.
        """
        with self._changed:
            chosen = [waiting for waiting in self._waiting if self._possible(waiting[1])]
            if seed is not None:
                random.Random(seed).shuffle(chosen)
            chosen = chosen[:count]
            self._apply(chosen)
            return len(chosen)

    def close(self) -> None:
        """End the thread. Raises what went wrong in it."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _possible(self, copy: Replica) -> bool:
        return self._reachable(copy.source) and self._reachable(copy.destination)

    def _apply(self, chosen: list[tuple[float, Replica]]) -> None:
        for waiting in chosen:
            self._waiting.remove(waiting)
            waiting[1].apply()

    def _run(self) -> None:
        with self._changed:
            while not self._closed:
                able = [waiting for waiting in self._waiting if not self._held and self._possible(waiting[1])]
                due = [waiting for waiting in able if waiting[0] <= time.monotonic()]
                try:
                    self._apply(sorted(due, key=lambda waiting: waiting[0]))
                except Exception as error:  # kept for the test, which is another thread
                    self._failure = error
                    return
                if not due:
                    soonest = min((at for at, _ in able), default=None)
                    self._changed.wait(None if soonest is None else soonest - time.monotonic())
