"""Log lines: each a JSON object."""

from __future__ import annotations

import io
import json
import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest

from runtime.logs import log


def test_a_line_says_when_how_bad_and_what(capsys: pytest.CaptureFixture[str]) -> None:
    log("copied", level="warning", bytes=3, folder=Path("/work"), text="two\nlines")

    entry = json.loads(capsys.readouterr().out)
    assert datetime.fromisoformat(entry.pop("at")).utcoffset() is not None
    assert entry == {
        "level": "warning",
        "event": "copied",
        "bytes": 3,
        "folder": "/work",
        "text": "two\nlines",
    }


def test_lines_of_many_threads_never_mix(capsys: pytest.CaptureFixture[str]) -> None:
    def write() -> None:
        for _ in range(50):
            log("x", text="y" * 200)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = capsys.readouterr().out.splitlines()
    assert len([json.loads(line) for line in lines]) == 400


def test_nobody_reading_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Broken())
    log("copied")
