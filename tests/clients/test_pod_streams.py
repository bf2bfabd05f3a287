"""Forwarded ports and executed commands, over the websockets of an API server."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from urllib.parse import parse_qs, urlsplit

import pytest

from clients import http_client, pod_streams
from clients.http_client import HttpError
from clients.pod_streams import StreamError
from tests.clients.fake_api_server import Api, Stream
from tests.services import until

POD = "brain-us-east-1-0"
NAMED = (3002).to_bytes(2, "little")


@pytest.fixture
def api() -> Iterator[Callable[..., Api]]:
    servers: list[Api] = []

    def start(
        serve: Callable[[Stream], None] = lambda stream: None, refusal: tuple[int, str] | None = None
    ) -> Api:
        servers.append(Api(serve, refusal))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


Started = Callable[..., Api]


def run(api: Api, timeout: float = 10.0) -> pod_streams.Executed:
    argv = ["python3", "-c", "print(1)"]
    return pod_streams.execute(api.configuration, "acme", POD, "gate", argv, timeout)


def status(content: dict[str, object]) -> bytes:
    return json.dumps({"metadata": {}, **content}).encode()


EXITED = {"details": {"causes": [{"reason": "ExitCode", "message": "3"}]}, "status": "Failure"}


@pytest.mark.parametrize(("content", "code"), [({"status": "Success"}, 0), (EXITED, 3)])
def test_a_command_s_code_and_output_come_back(api: Started, content: dict[str, object], code: int) -> None:
    def serve(stream: Stream) -> None:
        for channel in (1, 2, 3):
            stream.send(channel, b"")
        stream.send(1, b"one \xc3")
        stream.ping()
        stream.send(1, b"\xa9\n" + b"x" * 5000)
        stream.send(2, b"a warning\n")
        stream.send(3, status(content))
        stream.close()

    server = api(serve)
    done = run(server)
    assert (done.code, done.out, done.err) == (code, "one é\n" + "x" * 5000, "a warning\n")
    asked = parse_qs(urlsplit(server.heads[0].split(" ")[1]).query)
    assert server.heads[0].startswith(f"GET /api/v1/namespaces/acme/pods/{POD}/exec?")
    assert asked["command"] == ["python3", "-c", "print(1)"] and asked["container"] == ["gate"]
    assert "authorization: Bearer it-is-me" in server.heads[0]


@pytest.mark.parametrize(
    ("messages", "cause"),
    [
        (
            [(3, status({"status": "Failure", "message": "container gate is not running"}))],
            "container gate is not running",
        ),
        ([(1, b"half of ")], "the stream ended without a status"),
    ],
)
def test_a_command_that_was_not_run_to_its_end_is_an_error(
    api: Started, messages: list[tuple[int, bytes]], cause: str
) -> None:
    def serve(stream: Stream) -> None:
        for channel, data in messages:
            stream.send(channel, data)
        stream.close()

    with pytest.raises(StreamError, match=f"exec in acme/{POD}, container gate: {cause}"):
        run(api(serve))


def test_a_command_that_does_not_end_is_given_up(api: Started) -> None:
    began = time.monotonic()
    with pytest.raises(StreamError, match=r"it did not end in 0\.3 s"):
        run(api(lambda stream: stream.receive()), timeout=0.3)
    assert time.monotonic() - began < 5


def test_what_the_api_server_refuses_is_quoted(api: Started) -> None:
    server = api(refusal=(404, 'pods "brain-us-east-1-0" not found'))
    with pytest.raises(StreamError, match='container gate: pods "brain-us-east-1-0" not found'):
        run(server)
    with (
        forwarded(server) as url,
        pytest.raises(HttpError, match=f'status 502: port 3002 of acme/{POD}: pods "{POD}" not'),
    ):
        http_client.health(url)


def forwarded(server: Api) -> AbstractContextManager[str]:
    return pod_streams.forward(server.configuration, "acme", POD, 3002)


def page(body: str) -> bytes:
    return f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n{body}".encode()


def test_a_port_is_forwarded_also_what_was_sent_just_before_the_end(api: Started) -> None:
    asked = list[bytes]()

    def serve(stream: Stream) -> None:
        for channel in (0, 1):
            stream.send(channel, NAMED)
        stream.ping()
        asked.append(stream.receive() or b"")
        answer = page("x" * 100_000)
        for start in range(0, len(answer), 30_000):
            stream.send(0, answer[start : start + 30_000])
        stream.close()

    with forwarded(api(serve)) as url:
        for _ in range(3):
            assert http_client.get(url, "/metrics") == (200, "x" * 100_000)
    assert len(asked) == 3 and all(one.startswith(b"\0GET /metrics HTTP/1.1\r\n") for one in asked)


def test_a_port_where_nothing_listens_answers_502_with_the_kubelet_s_words(api: Started) -> None:
    def serve(stream: Stream) -> None:
        for channel in (0, 1):
            stream.send(channel, NAMED)
        stream.send(1, b"dial tcp4 127.0.0.1:3002: connect: connection refused")
        stream.close()

    with (
        forwarded(api(serve)) as url,
        pytest.raises(HttpError, match=r"status 502: port 3002 of acme/.*: dial tcp4.*refused"),
    ):
        http_client.health(url)


def test_leaving_the_block_ends_what_still_hangs(api: Started) -> None:
    events = list[str]()

    def serve(stream: Stream) -> None:
        events.append("begun")
        while stream.receive() is not None:
            continue
        events.append("ended")

    with forwarded(api(serve)) as url:
        address = urlsplit(url)
        client = socket.create_connection((address.hostname, address.port), 10)
        until(lambda: events == ["begun"], "the connection leads to the pod")
    with client:
        assert client.recv(1) == b""
    until(lambda: events == ["begun", "ended"], "the stream to the pod ends as well")
    with pytest.raises(HttpError, match="nothing listens there"):
        http_client.health(url)


def session(api: Api) -> pod_streams.Session:
    return pod_streams.Session(api.configuration, "acme", POD, "gate", ["python3", "-c", "freeze", "brain"])


def test_a_session_sends_to_the_command_and_waits_for_its_lines() -> None:
    received: list[bytes | None] = []

    def serve(stream: Stream) -> None:
        stream.send(1, b"rea")
        stream.ping()
        stream.send(1, b"dy\n")
        received.append(stream.receive())
        stream.send(1, b"continued\n")

    with closing(Api(serve)) as server:
        stream = session(server)
        stream.wait_for("ready", 10)
        stream.send(b"q")
        stream.wait_for("continued", 10)
        stream.close()
    asked = parse_qs(urlsplit(server.heads[0].split(" ")[1]).query)
    assert asked["stdin"] == ["1"] and asked["command"] == ["python3", "-c", "freeze", "brain"]
    assert received == [b"\0q"]


def test_a_session_whose_command_ends_says_what_it_printed() -> None:
    def serve(stream: Stream) -> None:
        stream.send(2, b"no process of brain is visible here\n")
        stream.close()

    with closing(Api(serve)) as server:
        stream = session(server)
        with pytest.raises(StreamError, match=f"{POD}, container gate: .*no process of brain is visible"):
            stream.wait_for("ready", 10)
        stream.close()


def test_a_session_that_prints_nothing_is_given_up_in_time() -> None:
    with closing(Api(lambda stream: None)) as server:
        stream, began = session(server), time.monotonic()
        with pytest.raises(StreamError):
            stream.wait_for("ready", 0.5)
        assert time.monotonic() - began < 5
        stream.close()


def test_a_session_that_is_refused_says_why() -> None:
    refused = pytest.raises(StreamError, match="pods is forbidden")
    with closing(Api(lambda stream: None, (403, "pods is forbidden"))) as server, refused:
        session(server)
