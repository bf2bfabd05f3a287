"""The Pulumi CLI's reader of stack files: one process that answers for any number of files."""

from __future__ import annotations

import base64
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from plan.names import PROJECT


@dataclass(frozen=True)
class Answer:
    config: dict[str, str]
    secrets: frozenset[str]
    error: str


class CliReader:
    def __init__(self, binary: Path) -> None:
        self._process = subprocess.Popen(
            [binary], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={"TZ": "UTC"}
        )

    def read(self, text: bytes) -> Answer:
        assert self._process.stdin and self._process.stdout
        question = {"project": PROJECT, "text": base64.b64encode(text).decode()}
        self._process.stdin.write(json.dumps(question).encode() + b"\n")
        self._process.stdin.flush()
        found: dict[str, Any] = json.loads(self._process.stdout.readline())
        return Answer(found["config"] or {}, frozenset(found["secrets"] or ()), found.get("error", ""))

    def close(self) -> None:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
