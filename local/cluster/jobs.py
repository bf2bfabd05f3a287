"""Jobs that run side by side in a daemon."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import NoReturn


def run(*jobs: Callable[[], NoReturn]) -> NoReturn:
    """Run until a job fails; raises its error."""
    failed = SimpleQueue[BaseException]()

    def do(job: Callable[[], NoReturn]) -> None:
        try:
            job()
        except BaseException as error:
            failed.put(error)

    for job in jobs:
        threading.Thread(target=do, args=(job,), daemon=True).start()
    raise failed.get()
