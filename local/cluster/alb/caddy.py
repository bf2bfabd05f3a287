"""Caddy, which serves clients, configured over its admin API."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from local.programs.build import FRUGAL

START_SECONDS = 10.0
CALL_SECONDS = 10.0
POLL_SECONDS = 0.05


def base_config(admin: str) -> dict[str, Any]:
    """The part that all configurations share."""
    return {
        "admin": {"listen": admin, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
    }


class CaddyError(Exception):
    """Caddy has ended, or rejected a call; the message quotes its answer."""


class Caddy:
    """Caddy as a child process. Its files and its admin socket are in `folder`."""

    def __init__(self, program: str, folder: Path) -> None:
        self._socket = folder / "admin.sock"
        self._socket.unlink(missing_ok=True)
        config = folder / "caddy.json"
        config.write_text(json.dumps(base_config(self.admin)))
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self.process = subprocess.Popen([program, str(config)], env={**os.environ, **FRUGAL, **home})
        deadline = time.monotonic() + START_SECONDS
        while not self._socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise CaddyError("Caddy does not start")
            time.sleep(POLL_SECONDS)

    @property
    def admin(self) -> str:
        return f"unix/{self._socket}"

    def configure(self, configuration: Mapping[str, Any]) -> None:
        self._post("/load", configuration)

    def set_targets(self, groups: Mapping[str, Sequence[str]]) -> None:
        """The targets (`<address>:<port>`) of each target group, which get requests in turns."""
        self._post("/targets", groups)

    def _post(self, path: str, body: Any) -> None:
        """Again while Caddy hangs up: a new configuration restarts its admin API. Repeating does no harm."""
        deadline = time.monotonic() + CALL_SECONDS
        while True:
            try:
                status, text = self._send(path, body)
                break
            except (OSError, http.client.HTTPException) as error:
                if not isinstance(error, ConnectionError) or time.monotonic() > deadline:
                    raise CaddyError(f"Caddy does not answer {path}: {error}") from error
            time.sleep(POLL_SECONDS)
        if status != http.client.OK:
            raise CaddyError(f"Caddy rejects {path}: {text}")

    def _send(self, path: str, body: Any) -> tuple[int, str]:
        """Status and text of the answer."""
        connection = http.client.HTTPConnection("localhost", timeout=CALL_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(CALL_SECONDS)
            connection.sock.connect(str(self._socket))
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            connection.close()
