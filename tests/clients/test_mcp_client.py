"""MCP over HTTP: answers of both forms, and what is said of those that are none."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from clients import http_client, mcp_client
from clients.http_client import HttpError
from clients.mcp_client import McpError

Answer = Callable[[socket.socket, dict[str, object]], None]


class Server:
    """Gives each connection to `answer`, with the request that it read."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.heads: list[str] = []
        threading.Thread(target=self._run, daemon=True).start()

    def close(self) -> None:
        # Closing alone does not wake a thread that is accepting.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rb") as stream:
                head = b"".join(iter(stream.readline, b"\r\n")).decode()
                self.heads.append(head)
                length = next(
                    (line for line in head.splitlines() if line.lower().startswith("content-length")), ":0"
                )
                body = stream.read(int(length.partition(":")[2]))
                try:
                    self._answer(connection, json.loads(body) if body else {})
                except OSError:
                    continue


@pytest.fixture
def serving() -> Iterator[Callable[[Answer], Server]]:
    servers: list[Server] = []

    def serve(answer: Answer) -> Server:
        servers.append(Server(answer))
        return servers[-1]

    yield serve
    for server in servers:
        server.close()


Serving = Callable[[Answer], Server]


def whole(kind: str, body: str, status: str = "200 OK") -> Answer:
    """The same answer to everybody; `%ID` is the request's."""

    def answer(connection: socket.socket, asked: dict[str, object]) -> None:
        text = body.replace("%ID", json.dumps(asked.get("id")))
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\n\r\n{text}".encode())

    return answer


def result(text: str, **more: object) -> str:
    content = {"content": [{"type": "text", "text": text}, {"type": "image", "data": ""}], **more}
    return '{"jsonrpc": "2.0", "id": %ID, "result": ' + json.dumps(content) + "}"


EVENTS = "text/event-stream"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/json", result("one\ntwo")),
        (
            "text/event-stream; charset=utf-8",
            f"event: message\ndata: {result('one|two')}\n\n".replace("|", "\\n"),
        ),
        (
            EVENTS,
            f": ping\r\n\r\nevent: message\r\nid: 7\r\ndata:{result('one|two')}\r\n\r\n".replace("|", "\\n"),
        ),
        (
            EVENTS,
            'data: {"jsonrpc": "2.0", "method": "notifications/progress"}\n\n'
            + f"data: {result('one|two')}".replace("|", "\\n"),
        ),
        (EVENTS, "data: {\ndata: " + result("one|two")[1:].replace("|", "\\n") + "\n\n"),
    ],
    ids=["JSON", "event", "comment, CRLF, no space", "after a notification, no end", "data on two lines"],
)
def test_the_text_of_a_tool_is_found_in_each_form_of_an_answer(
    serving: Serving, kind: str, body: str
) -> None:
    server = serving(whole(kind, body))
    assert mcp_client.call(server.url, "brain_query", {"query": "x"}) == "one\ntwo"
    assert "Accept: application/json, text/event-stream" in server.heads[0]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (
            whole("application/json", result("no such company", isError=True)),
            "brain_query at http.*: the tool failed: no such company",
        ),
        (
            whole(
                "application/json",
                '{"jsonrpc": "2.0", "id": %ID, "error": {"code": -32602, "message": "Unknown tool"}}',
            ),
            "refused: Unknown tool",
        ),
        (
            whole("application/json", '{"jsonrpc": "2.0", "id": "another", "result": {}}'),
            "ended without a response",
        ),
        (
            whole("application/json", '{"jsonrpc": "2.0", "id": %ID, "result": {}}'),
            "the result has no content",
        ),
        (whole("text/html", "<h1>Bad Gateway</h1>", "502 Bad Gateway"), "status 502: <h1>Bad Gateway</h1>"),
        (whole("application/json", "", "202 Accepted"), "status 202"),
        (whole("text/html", "<h1>Welcome</h1>"), "no JSON-RPC message: <h1>Welcome</h1>"),
        (whole(EVENTS, "event: message\n\n"), "ended without a response"),
        (lambda connection, asked: None, "closed without an answer"),
        (lambda connection, asked: connection.sendall(b"SSH-2.0-OpenSSH\r\n"), "BadStatusLine"),
    ],
)
def test_what_is_no_answer_is_said(serving: Serving, answer: Answer, cause: str) -> None:
    with pytest.raises(McpError, match=cause):
        mcp_client.call(serving(answer).url, "brain_query", {})


def test_a_server_that_goes_on_sending_does_not_outlast_the_deadline(serving: Serving) -> None:
    def drip(connection: socket.socket, asked: dict[str, object]) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        while True:
            connection.sendall(b": still here\n\n")
            time.sleep(0.02)

    began = time.monotonic()
    with pytest.raises(McpError, match=r"no answer in 0\.5 s"):
        mcp_client.call(serving(drip).url, "brain_query", {}, timeout=0.5)
    assert time.monotonic() - began < 5


def test_nobody_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(HttpError, match="nothing listens there"):
        http_client.health(f"http://127.0.0.1:{port}")


def test_health_is_status_200(serving: Serving) -> None:
    assert http_client.health(serving(whole("text/plain", "OK")).url) == "OK"
    with pytest.raises(HttpError, match="status 503: not yet"):
        http_client.health(serving(whole("text/plain", "not yet", "503 Service Unavailable")).url)
    assert http_client.get(serving(whole("text/plain", "no", "404 Not Found")).url, "/x") == (404, "no")
