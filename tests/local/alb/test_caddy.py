"""Calls of Caddy's admin API, which restarts with each configuration."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.cluster.alb.caddy import Caddy, CaddyError

ADMIN = """#!{python}
import json, socket, sys
listen = json.load(open(sys.argv[1]))["admin"]["listen"].removeprefix("unix/")
server = socket.socket(socket.AF_UNIX)
server.bind(listen)
server.listen()
for answer in {answers!r}:
    connection, _ = server.accept()
    request = b""
    while not request.endswith(b"}}"):
        request += connection.recv(65536)
    connection.sendall(answer)
    connection.close()
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
REJECTED = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!"


@pytest.fixture
def caddy(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Caddy]:
    program = tmp_path / "caddy"
    program.write_text(ADMIN.format(python=sys.executable, answers=request.param))
    program.chmod(0o755)
    caddy = Caddy(str(program), tmp_path)
    yield caddy
    caddy.process.kill()
    caddy.process.wait()


@pytest.mark.parametrize("caddy", [[b"", b"", OK]], indirect=True)
def test_a_call_is_repeated_while_the_admin_api_hangs_up(caddy: Caddy) -> None:
    caddy.set_targets({"group": ["127.0.0.1:80"]})
    assert caddy.process.wait(10) == 0


@pytest.mark.parametrize("caddy", [[REJECTED]], indirect=True)
def test_a_rejected_call_quotes_the_answer(caddy: Caddy) -> None:
    with pytest.raises(CaddyError, match="rejects /targets: no!"):
        caddy.set_targets({})
