"""The small HTTP server, over real connections."""

from __future__ import annotations

import http.client
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from runtime import http_server
from runtime.http_server import Response, Server, serve
from tests.services import until


def routes(target: str) -> Response:
    if target == "/broken":
        raise RuntimeError("a secret of ours")
    return Response(200 if target.startswith("/found") else 404, f"you asked for {target} – é\n")


@pytest.fixture
def server() -> Iterator[Server]:
    server = serve(0, routes, host="127.0.0.1")
    yield server
    server.close()


def ask(port: int, method: str, target: str, host: str = "127.0.0.1") -> tuple[int, str]:
    with closing(http.client.HTTPConnection(host, port, timeout=60)) as connection:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def send(port: int, request: bytes) -> bytes:
    """The whole answer to whatever bytes, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(request)
        answer = b""
        while received := connection.recv(4096):
            answer += received
        return answer


def test_a_target_comes_to_its_route_with_its_query(server: Server) -> None:
    assert ask(server.port, "GET", "/found?after=3") == (200, "you asked for /found?after=3 – é\n")
    assert ask(server.port, "GET", "/lost")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_it_only_takes_get(server: Server, method: str) -> None:
    assert ask(server.port, method, "/found")[0] == 405


@pytest.mark.parametrize(
    "request_line", [b"hello", b"GET", b"GET /found", b"GET found HTTP/1.1", b"GET /found FTP/1", b""]
)
def test_what_is_no_request_is_refused(server: Server, request_line: bytes) -> None:
    assert send(server.port, request_line + b"\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_a_request_is_bounded(server: Server) -> None:
    endless = b"GET /" + b"a" * http_server.REQUEST_BYTES

    assert send(server.port, endless).startswith(b"HTTP/1.1 431 ")


def test_an_error_of_ours_goes_to_the_log_not_to_the_client(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    status, body = ask(server.port, "GET", "/broken")

    assert (status, "secret" in body) == (500, False)
    assert "a secret of ours" in capsys.readouterr().out
    assert ask(server.port, "GET", "/found")[0] == 200


def test_a_client_that_sends_too_slowly_is_let_go(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "REQUEST_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        connection.sendall(b"GET /found HTTP/1.1\r\n")
        assert connection.recv(1) == b""


def test_a_client_that_goes_on_sending_does_not_buy_time(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_server, "REQUEST_SECONDS", 0.5)
    gone = threading.Event()
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:

        def trickle() -> None:
            try:
                while not gone.wait(0.05):
                    connection.sendall(b"a")
            except OSError:
                gone.set()

        threading.Thread(target=trickle, daemon=True).start()
        until(gone.is_set, "the connection was closed")


def test_silent_clients_do_not_keep_others_from_an_answer(server: Server) -> None:
    """More of them than the server keeps."""
    silent: list[socket.socket] = []
    try:
        for _ in range(http_server.MOST_OPEN + 50):
            silent.append(socket.create_connection(("127.0.0.1", server.port)))
        before = threading.active_count()
        assert ask(server.port, "GET", "/found")[0] == 200
        assert threading.active_count() <= before + 1
    finally:
        for connection in silent:
            connection.close()


def test_a_client_that_opens_ever_more_connections_closes_only_its_own(server: Server) -> None:
    with ExitStack() as stack:
        slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
        slow.sendall(b"GET /fou")
        flood = [
            stack.enter_context(
                socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0))
            )
            for _ in range(http_server.MOST_OPEN + 50)
        ]
        assert flood[0].recv(1) == b""
        slow.sendall(b"nd HTTP/1.1\r\n\r\n")
        assert slow.recv(4096).startswith(b"HTTP/1.1 200")


def test_a_request_in_pieces_is_answered_once(server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        for piece in (b"GET /fo", b"und HTTP/1.1\r\n", b"Host: a\r\n\r", b"\nmore"):
            connection.sendall(piece)
        answer = b""
        while received := connection.recv(4096):
            answer += received
    assert answer.count(b"HTTP/1.1 200") == 1


def test_more_clients_than_it_serves_at_once_are_all_answered(server: Server) -> None:
    answers: list[int] = []

    def many() -> None:
        answers.extend(ask(server.port, "GET", "/found")[0] for _ in range(5))

    threads = [threading.Thread(target=many) for _ in range(2 * http_server.MOST_AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [200] * (10 * http_server.MOST_AT_ONCE)


def test_without_a_host_it_answers_on_every_family_of_the_machine() -> None:
    server = serve(0, routes)
    try:
        assert ask(server.port, "GET", "/found")[0] == 200
        if _has_ipv6():
            assert ask(server.port, "GET", "/found", host="::1")[0] == 200
    finally:
        server.close()


def test_without_ipv6_it_answers_on_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    listen = http_server._listen

    def without_ipv6(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(http_server._NO_IPV6[0], "no such family")
        return listen(family, host, port)

    monkeypatch.setattr(http_server, "_listen", without_ipv6)
    server = serve(0, routes)
    try:
        assert ask(server.port, "GET", "/found")[0] == 200
    finally:
        server.close()


def test_a_port_that_is_taken_is_an_error(server: Server) -> None:
    with pytest.raises(OSError, match="in use"):
        serve(server.port, routes, host="127.0.0.1")


def test_a_closed_server_has_left_its_port() -> None:
    host = "127.77.0.1"  # On 127.0.0.1 somebody else may have the port a moment later.
    server = serve(0, routes, host=host)
    port = server.port
    server.close()

    def refuses() -> bool:
        try:
            socket.create_connection((host, port)).close()
        except ConnectionRefusedError:
            return True
        return False

    # A process that another thread of this one starts holds the socket until it runs its program.
    until(refuses, "nobody listens there")
    serve(port, routes, host=host).close()


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def test_idle_connections_that_take_every_descriptor_keep_nobody_out(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as opened:
        idle = [opened.enter_context(socket.socket()) for _ in range(40)]
        late = opened.enter_context(socket.socket())
        late.settimeout(60)
        resource.setrlimit(resource.RLIMIT_NOFILE, (late.fileno() + 10, before[1]))
        try:
            for connection in (*idle, late):
                connection.connect(("127.0.0.1", server.port))
            late.sendall(b"GET /found HTTP/1.1\r\n\r\n")
            assert late.recv(64).startswith(b"HTTP/1.1 200")
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert "http-error" not in capsys.readouterr().out
