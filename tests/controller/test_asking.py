"""How the controller asks: many probes in one loop, and the addresses of names."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from runtime.controller.addresses import Addresses, by_file, by_system
from runtime.controller.probes import MOST_AT_ONCE, Prober, Reply, Target
from tests.services import until

LOCAL = "127.0.0.1"


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[int]:
    """A server that does with each connection what `answer` says; its port."""
    with socket.create_server((LOCAL, 0), backlog=512) as server:
        closed = threading.Event()

        def run() -> None:
            while not closed.is_set():
                try:
                    connection = server.accept()[0]
                except OSError:
                    return
                threading.Thread(target=_quietly, args=(answer, connection), daemon=True).start()

        threading.Thread(target=run, daemon=True).start()
        yield server.getsockname()[1]
        closed.set()
        server.shutdown(socket.SHUT_RDWR)


def _quietly(answer: Callable[[socket.socket], None], connection: socket.socket) -> None:
    with connection, suppress(OSError):
        answer(connection)


def sends(*parts: bytes, pause: float = 0.0, hold: float = 0.0) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(4096)
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)
        time.sleep(hold)

    return answer


def prober() -> Prober:
    return Prober(Addresses(lambda host: (LOCAL,)))


def reply(answer: Callable[[socket.socket], None], *, timeout: float = 30.0, largest: int = 0) -> Reply:
    with listening(answer) as port:
        target = Target("some.svc", port, "/health")
        return prober().ask([target], timeout, largest)[target]


@pytest.mark.parametrize("status", [200, 404, 500, 503])
def test_the_status_is_what_counts(status: int) -> None:
    assert reply(sends(b"HTTP/1.1 %d Some words\r\n\r\nbody" % status)).status == status


def test_an_answer_may_come_in_pieces() -> None:
    assert reply(sends(b"HT", b"TP/1.1 20", b"0 OK\r", b"\n", pause=0.01)).status == 200


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (sends(), "hung up without an answer"),
        (sends(b"SSH-2.0-OpenSSH\r\n"), "no HTTP answer"),
        (sends(b"x" * 100_000, hold=30), "no HTTP answer"),
        (sends(b"HTTP/1.1 " + b"9" * 5000 + b"\r\n"), "no HTTP answer"),
        (sends(b"HTTP/1.1 \xb2\xb2\xb2\r\n"), "no HTTP answer"),
        (sends(b"HTTP/1.1 000 OK\r\n"), "no HTTP answer"),
        (sends(b"HTTP/1.1 ", hold=30), "no answer in 0.2 s"),
    ],
    ids=["nothing", "another protocol", "noise", "a number", "no number", "no status", "half a line"],
)
def test_what_is_no_answer_is_a_failure(answer: Callable[[socket.socket], None], why: str) -> None:
    got = reply(answer, timeout=0.2 if "0.2" in why else 30.0)
    assert (got.status, got.error) == (0, why)


def test_nobody_listening_is_a_failure_at_once() -> None:
    with socket.socket() as taken:
        taken.bind((LOCAL, 0))
        target = Target("some.svc", taken.getsockname()[1], "/health")
        assert prober().ask([target], 600.0)[target] == Reply(0, error="Connection refused")


def test_a_body_is_read_to_its_end_and_no_longer_than_allowed() -> None:
    whole = sends(b"HTTP/1.1 200 OK\r\n\r\n[1,", b"2]", pause=0.01)
    assert json.loads(reply(whole, largest=1000).body) == [1, 2]
    assert reply(sends(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 5000), largest=1000).status == 0


def test_targets_that_hang_hold_nobody_up() -> None:
    """More of them than there is room for at once, and they are asked first."""
    with listening(sends(hold=30)) as hangs, listening(sends(b"HTTP/1.1 200 OK\r\n\r\n")) as answers:
        bad = [Target("some.svc", hangs, f"/{n}") for n in range(MOST_AT_ONCE + 10)]
        good = [Target("some.svc", answers, f"/{n}") for n in range(50)]
        got = prober().ask([*bad, *good], 1.5)
    assert {got[one].status for one in good} == {200}
    assert {got[one].error for one in bad} == {"no answer in 1.5 s"}


def test_a_name_is_looked_up_again_when_its_address_does_not_answer() -> None:
    with listening(sends(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        addresses = ["127.0.0.2"]
        asking = Prober(Addresses(lambda host: tuple(addresses)))
        target = Target("moved.svc", port, "/health")
        assert asking.ask([target], 5.0)[target].status == 0
        addresses[:] = [LOCAL]
        until(lambda: asking.ask([target], 5.0)[target].status == 200, "the new address is found")


def test_of_several_addresses_the_next_is_tried_when_one_fails() -> None:
    with listening(sends(b"HTTP/1.1 200 OK\r\n\r\n")) as port:
        asking = Prober(Addresses(lambda host: ("127.0.0.2", LOCAL)))
        target = Target("two.svc", port, "/health")
        until(lambda: asking.ask([target], 5.0)[target].status == 200, "the other address is asked")


def test_a_dns_that_fails_does_not_take_away_what_was_known() -> None:
    answers: list[Any] = [(LOCAL,)]

    def look_up(host: str) -> tuple[str, ...]:
        if not answers:
            raise OSError("no name server answers")
        return tuple(answers.pop())

    asked = Addresses(look_up)
    assert asked.find(["known"], 30.0) == {"known": (LOCAL,)}
    asked.look_up_again("known", LOCAL)
    assert asked.find(["known"], 30.0) == {"known": (LOCAL,)}
    until(lambda: not asked._pending, "it was looked up again, without success")
    assert asked.find(["known"], 30.0) == {"known": (LOCAL,)}


def test_a_name_that_is_gone_has_no_address() -> None:
    answers: list[tuple[str, ...]] = [(), (LOCAL,)]
    asked = Addresses(lambda host: answers.pop() if len(answers) > 1 else answers[0])
    assert asked.find(["gone"], 30.0) == {"gone": (LOCAL,)}
    asked.look_up_again("gone", LOCAL)
    until(lambda: asked.find(["gone"], 30.0) == {"gone": ()}, "it has no address any more")


def test_a_name_server_that_hangs_is_waited_for_only_so_long() -> None:
    released = threading.Event()
    asked = Addresses(lambda host: (LOCAL,) if host == "quick" else (released.wait(60), ())[1])
    try:
        assert asked.find(["slow", "quick"], 0.2) == {"quick": (LOCAL,)}
    finally:
        released.set()


def test_names_come_from_the_system_or_from_a_file(tmp_path: Path) -> None:
    assert LOCAL in by_system("localhost") or "::1" in by_system("localhost")
    assert by_system("nobody.invalid") == ()
    (tmp_path / "hosts").write_text("127.0.0.9 one.svc other.svc\n")
    assert by_file(tmp_path / "hosts")("other.svc") == ("127.0.0.9",)
    assert by_file(tmp_path / "hosts")("third.svc") == ()
