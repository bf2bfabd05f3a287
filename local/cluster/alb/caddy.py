"""Caddy, which answers clients: told over its admin API what to answer."""

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


def basis(admin: str) -> dict[str, Any]:
    """What every configuration begins with."""
    return {
        "admin": {"listen": admin, "config": {"persist": False}},
        "logging": {"logs": {"default": {"level": "ERROR"}}},
    }


class ProxyError(Exception):
    """Caddy is gone, or refused what it was told; the message quotes it."""


class Proxy:
    """A child process. `folder` takes what Caddy writes, and its admin socket."""

    def __init__(self, program: str, folder: Path) -> None:
        self._socket = folder / "admin.sock"
        self._socket.unlink(missing_ok=True)
        first = folder / "caddy.json"
        first.write_text(json.dumps(basis(self.admin)))
        home = {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        self.process = subprocess.Popen([program, str(first)], env={**os.environ, **FRUGAL, **home})
        deadline = time.monotonic() + START_SECONDS
        while not self._socket.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ProxyError("Caddy does not start")
            time.sleep(POLL_SECONDS)

    @property
    def admin(self) -> str:
        return f"unix/{self._socket}"

    def configure(self, configuration: Mapping[str, Any]) -> None:
        self._post("/load", configuration)

    def target(self, groups: Mapping[str, Sequence[str]]) -> None:
        """Where requests of each target group go from now on: `<address>:<port>`, in turns."""
        self._post("/targets", groups)

    def _post(self, path: str, body: Any) -> None:
        connection = http.client.HTTPConnection("localhost", timeout=CALL_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(CALL_SECONDS)
            connection.sock.connect(str(self._socket))
            connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, http.client.HTTPException) as error:
            raise ProxyError(f"Caddy does not take {path}: {error}") from error
        finally:
            connection.close()
        if answer.status != http.client.OK:
            raise ProxyError(f"Caddy refuses {path}: {text}")
