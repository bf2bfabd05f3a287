"""One request with one deadline, over real sockets."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace

import pytest

from ops.drill.observe.http import Address, Request, send, talk

REQUEST = Request(host="acme.agency.test", path="/health", connect=0.5, answer=0.5)


@contextmanager
def serving(answer: Callable[[socket.socket], None]) -> Iterator[Address]:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        yield Address(host="127.0.0.1", port=listener.getsockname()[1], tls=False)
        listener.shutdown(socket.SHUT_RDWR)


def says(text: str) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        with connection:
            connection.recv(4096)
            connection.sendall(text.encode())

    return answer


@pytest.mark.parametrize(
    ("status", "ok", "passes"), [(200, True, True), (302, False, True), (503, False, False)]
)
def test_the_status_is_read(status: int, ok: bool, passes: bool) -> None:
    with serving(says(f"HTTP/1.1 {status} Something\r\n\r\n")) as address:
        response = send(address, REQUEST)
    assert (response.status, response.ok, response.passes) == (status, ok, passes)


def test_the_request_names_the_company_and_not_the_load_balancer() -> None:
    heads = []

    def answer(connection: socket.socket) -> None:
        with connection:
            heads.append(connection.recv(4096).decode())
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with serving(answer) as address:
        assert send(address, REQUEST).ok
    [head] = heads
    assert head.startswith("GET /health HTTP/1.1\r\n")
    assert "\r\nHost: acme.agency.test\r\n" in head


def hangs(connection: socket.socket) -> None:
    threading.Event().wait(10)


def dribbles(connection: socket.socket) -> None:
    with connection:
        for _ in range(100):
            try:
                connection.sendall(b"x")
            except OSError:
                return
            time.sleep(0.1)


@pytest.mark.parametrize("answer", [hangs, dribbles])
def test_a_server_that_does_not_answer_is_given_up_in_time(answer: Callable[[socket.socket], None]) -> None:
    with serving(answer) as address:
        began = time.monotonic()
        response = send(address, REQUEST)
        assert time.monotonic() - began < 5
    assert (response.status, response.detail) == (0, "no answer in 0.5 s")


@pytest.mark.parametrize(
    ("text", "detail"),
    [("", "the connection was closed without an answer"), ("SSH-2.0-OpenSSH\r\n", "the answer is not HTTP")],
)
def test_a_connection_without_an_http_answer_is_reported(text: str, detail: str) -> None:
    with serving(says(text)) as address:
        assert send(address, REQUEST).detail == detail


def test_a_closed_port_refuses_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    response = send(Address(host="127.0.0.1", port=port, tls=False), REQUEST)
    assert (response.status, response.detail) == (0, "Connection refused")


def test_a_server_that_speaks_no_tls_is_no_https_edge() -> None:
    with serving(says("HTTP/1.1 400 Bad Request\r\n\r\n")) as address:
        response = send(Address(host=address.host, port=address.port, tls=True), REQUEST)
    assert response.status == 0


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("http://10.88.0.11:8080", Address(host="10.88.0.11", port=8080, tls=False)),
        ("https://us-east-1.agency.test", Address(host="us-east-1.agency.test", port=443, tls=True)),
    ],
)
def test_an_address_is_read_from_a_url(url: str, address: Address) -> None:
    assert Address.of(url) == address


def test_requests_on_one_connection_are_answered_one_after_the_other() -> None:
    heads: list[list[str]] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            heads.append([])
            while head := connection.recv(4096).decode():
                heads[-1].append(head)
                status = 404 if "/unknown" in head else 200
                connection.sendall(f"HTTP/1.1 {status} Some\r\nContent-Length: 2\r\n\r\nok".encode())

    paths = ["/health", "/unknown", "/health"]
    with serving(answer) as address:
        statuses = [each.status for each in talk(address, [replace(REQUEST, path=path) for path in paths])]
    assert statuses == [200, 404, 200]
    ((first, second, third),) = heads
    assert first == third and first.startswith("GET /health ") and second.startswith("GET /unknown ")
    assert all(head.count("Host: acme.agency.test\r\n") == 1 for head in (first, second))


def test_a_request_is_sent_only_when_the_answer_before_has_been_taken() -> None:
    heads: list[str] = []

    def answer(connection: socket.socket) -> None:
        with connection:
            heads.append(connection.recv(4096).decode())
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            heads.append(connection.recv(4096).decode())

    with serving(answer) as address, closing(talk(address, [REQUEST, REQUEST])) as answers:
        assert next(answers).ok
        assert len(heads) == 1


@pytest.mark.parametrize("text", ["", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"])
def test_a_connection_that_ends_is_not_made_again(text: str) -> None:
    accepted: list[socket.socket] = []

    def answer(connection: socket.socket) -> None:
        accepted.append(connection)
        says(text)(connection)

    with serving(answer) as address:
        statuses = [each.status for each in talk(address, [REQUEST] * 3)]
    assert statuses == ([200, 0] if text else [0])
    assert len(accepted) == 1


def test_nobody_who_answers_is_an_answer_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    responses = [*talk(Address(host="127.0.0.1", port=port, tls=False), [REQUEST, REQUEST])]
    assert [each.status for each in responses] == [0]
    assert "refused" in responses[0].detail
