"""Signals end a drill, but never while it puts back what it changed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PROGRAM = """
import random, sys, time
from tests.drill.playing import *
from tests.drill.scenarios import *
from tests.drill.simulated import *
from tests.drill.simulated_target import *
from ops.probing.signals import Signals

class Slow(SimulatedFault):
    def remove(self):
        print("ending", flush=True)
        for _ in range(20):
            time.sleep(0.05)
        print("ended", flush=True)
        return super().remove()

class RealTime(SimulatedClock):
    def sleep(self, seconds):
        super().sleep(seconds)
        if fault.injected:
            print("down", flush=True)
            time.sleep(seconds)

platform = Platform(scenario(), Sabotage())
fault = Slow(platform)
run = Run(target=run_target(platform), clock=RealTime(platform), markers=Markers(run="t1"),
          screen=Lines(), random=random.Random(3), require_another=lambda: None)
with Signals("wait: the drill is putting back what it changed") as signals:
    try:
        run.play(fault, signals)
        print("played", flush=True)
    except KeyboardInterrupt:
        print("interrupted", fault.injected, fault.removed, flush=True)
"""


def start() -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, cwd=ROOT)


def until_said(process: subprocess.Popen[str], wanted: str) -> None:
    assert process.stdout is not None
    for line in iter(process.stdout.readline, ""):
        if line.strip() == wanted:
            return
    raise AssertionError(f"it ended without saying {wanted!r}")


def rest(process: subprocess.Popen[str]) -> list[str]:
    assert process.stdout is not None
    said = process.stdout.read().splitlines()
    process.wait()
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_outage_ends_it_first(number: signal.Signals) -> None:
    process = start()
    until_said(process, "down")
    process.send_signal(number)
    until_said(process, "ended")
    assert rest(process)[-1] == "interrupted 1 1"


def test_no_number_of_signals_stops_the_drill_from_putting_back_what_it_changed() -> None:
    process = start()
    until_said(process, "down")
    process.send_signal(signal.SIGINT)
    until_said(process, "ending")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        process.send_signal(number)
    lines = rest(process)
    assert "wait: the drill is putting back what it changed" in lines
    assert "ended" in lines
    assert lines[-1] == "interrupted 1 1"
