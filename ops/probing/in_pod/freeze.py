"""Makes an application hang: `python3 freeze.py <container> …`, in a pod whose containers share their
processes.

Prints `ready`, waits for a first byte on standard input, then stops the containers' processes (SIGSTOP), new
ones too, except for a moment now and then. They continue for good when standard input ends, sends `q`, or is
silent for a while, and when a signal ends the script: nobody has to come back for them. If the script
itself is killed, the kubelet's liveness probes restart the application.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time

FROZEN_SECONDS = 25.0
"""Then the application answers what waits, so that the kubelet's liveness probe, which fails after four times
15 s, does not restart it. Longer than the time to a flag: an answer resets the count of failed rounds."""
AWAKE_SECONDS = 0.05
POLL_SECONDS = 0.3
SILENCE_SECONDS = 10.0
"""Without a byte on standard input."""
SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


def processes(containers: list[str]) -> list[int]:
    """Those whose environment is readable: others belong to another user, so not to the application."""
    variables = {f"AGENCY_CONTAINER={name}".encode() for name in containers}
    pids = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                with open(f"/proc/{entry}/environ", "rb") as stream:
                    if variables & set(stream.read().split(b"\0")):
                        pids.append(int(entry))
            except OSError:
                continue
    return pids


def send(containers: list[str], number: int) -> None:
    for pid in processes(containers):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def received(seconds: float) -> bool | None:
    """Whether a byte came within so many seconds; None at the end of standard input, and for `q`."""
    if not select.select([0], [], [], seconds)[0]:
        return False
    data = os.read(0, 4096)
    return None if not data or b"q" in data else True


def freeze(containers: list[str]) -> None:
    last, thaw = time.monotonic(), time.monotonic() + FROZEN_SECONDS
    while True:
        send(containers, signal.SIGSTOP)
        came = received(POLL_SECONDS)
        now = time.monotonic()
        last = now if came else last
        if came is None or now - last > SILENCE_SECONDS:
            return
        if now >= thaw:
            send(containers, signal.SIGCONT)
            time.sleep(AWAKE_SECONDS)
            thaw = now + FROZEN_SECONDS


def end(number: int, frame: object) -> None:
    raise SystemExit(f"signal {number}")


def main(containers: list[str]) -> None:
    for number in SIGNALS:
        signal.signal(number, end)
    if not processes(containers):
        raise SystemExit(f"no process of {', '.join(containers)} is visible here")
    print("ready", flush=True)
    if not received(SILENCE_SECONDS):
        return
    try:
        freeze(containers)
    finally:
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        send(containers, signal.SIGCONT)
    print("continued", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
