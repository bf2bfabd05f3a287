"""A signal ends a program whatever its threads hold at that moment."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.services import LIMIT_SECONDS

HOLDING = """
import os, signal, sys
from runtime.stop import Stop
stop = Stop()
event = stop.event()
with event._cond:
    os.kill(os.getpid(), getattr(signal, sys.argv[1]))
sys.exit(0 if event.wait(60) and stop.within(0) else 1)
"""


@pytest.mark.services
def test_a_signal_is_heard_while_the_interrupted_thread_holds_the_events_lock() -> None:
    for name in ("SIGTERM", "SIGINT"):
        subprocess.run([sys.executable, "-c", HOLDING, name], check=True, timeout=LIMIT_SECONDS)
