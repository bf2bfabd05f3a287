"""Makes an application hang: `python3 freeze.py <container> …`, in a pod whose containers share their
processes.

Says `ready`, waits for a first word on standard input, then stops the processes of these containers
(SIGSTOP), but for a moment now and then, and new ones as they come. It lets them go on, for good, when
standard input ends, when nothing came on it for a while, and when it is told to end: whoever started it need
not come back. Where it is killed itself, the kubelet's liveness probes start the application anew.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

FROZEN_SECONDS = 25.0
"""Then it answers what waits: so the kubelet's liveness probe, which fails after four times 15 s, leaves the
application running. Beyond the time to a flag, for an answer makes the count of failed rounds begin anew.
"""
AWAKE_SECONDS = 0.05
LOOK_SECONDS = 0.3
SILENCE_SECONDS = 10.0
"""Without a word from whoever started it."""


def processes(containers: list[str]) -> list[int]:
    """Of those that can be read: others are another user's, and so not the application's."""
    marks = {f"AGENCY_CONTAINER={name}".encode() for name in containers}
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/environ", "rb") as stream:
                    if marks & set(stream.read().split(b"\0")):
                        found.append(int(entry))
            except OSError:
                continue
    return found


def tell(containers: list[str], number: int) -> int:
    told = 0
    for pid in processes(containers):
        try:
            os.kill(pid, number)
            told += 1
        except ProcessLookupError:
            continue
    return told


def heard(seconds: float) -> bool | None:
    """Whether a word came on standard input within so many seconds; None at its end, or that of all words."""
    if not select.select([0], [], [], seconds)[0]:
        return False
    said = os.read(0, 4096)
    return None if not said or b"q" in said else True


def freeze(containers: list[str]) -> str:
    """Until it is to end; why it is."""
    last, thaw = time.monotonic(), time.monotonic() + FROZEN_SECONDS
    while True:
        tell(containers, signal.SIGSTOP)
        came = heard(LOOK_SECONDS)
        now = time.monotonic()
        if came is None:
            return "it was told to end"
        last = now if came else last
        if now - last > SILENCE_SECONDS:
            return f"nothing was heard for {SILENCE_SECONDS:.0f} s"
        if now >= thaw:
            tell(containers, signal.SIGCONT)
            time.sleep(AWAKE_SECONDS)
            thaw = now + FROZEN_SECONDS


def end(number: int, frame: object) -> None:
    raise SystemExit(f"signal {number}")


def main(containers: list[str]) -> None:
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, end)
    if not processes(containers):
        raise SystemExit(f"no process of {', '.join(containers)} is to be seen here")
    print("ready", flush=True)
    if not heard(SILENCE_SECONDS):
        return
    try:
        why = freeze(containers)
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        told = tell(containers, signal.SIGCONT)
    print(f"{told} processes go on: {why}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
