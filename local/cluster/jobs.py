"""Jobs that run side by side in a daemon that serves load balancers or accelerators of the emulator."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Mapping
from queue import SimpleQueue
from typing import NoReturn

from botocore.exceptions import BotoCoreError, ClientError

from local.aws.emulator import EmulatorError
from runtime.logs import log

REPEAT_SECONDS = 10.0
"""Health that has not changed is reported again: a restarted emulator does not know it."""
REPORT_SECONDS = 0.2
"""The shortest interval between two reports."""

Health = Mapping[str, Mapping[str, tuple[str, str]]]
"""State and reason of each target, by target group."""
Report = Callable[[Health], None]


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


def follow(read: Callable[[], None], seconds: float) -> NoReturn:
    """Read the emulator again and again. While it does not answer, the last answer counts."""
    last_error = ""
    while True:
        try:
            read()
            last_error = ""
        except (BotoCoreError, ClientError, ValueError) as error:
            if str(error) != last_error:
                log("not-followed", level="warning", error=str(error))
            last_error = str(error)
        time.sleep(seconds)


def report(health: Callable[[], Health], changed: threading.Event, send: Report) -> NoReturn:
    """Send the health of targets when it has changed, and each REPEAT_SECONDS."""
    while True:
        changed.clear()
        try:
            send(health())
        except (OSError, http.client.HTTPException, EmulatorError) as error:
            log("health-not-reported", level="warning", error=str(error))
        time.sleep(REPORT_SECONDS)
        changed.wait(REPEAT_SECONDS)
