"""The edge between clients and endpoints, on real sockets."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import pytest

from local.edge.exchange import Limits
from tests.local.edge.backends import (
    LOOPBACK,
    Talk,
    answering,
    ask,
    backend,
    client,
    closed_port,
    header,
    ok,
    request,
)
from tests.local.edge.inside import edge
from tests.local.edge.objects import US, endpoint_slice, ingress

SHORT = Limits(idle_seconds=1.0)


def test_a_request_comes_as_it_was_sent_but_for_what_concerns_one_connection() -> None:
    got: list[tuple[bytes, bytes]] = []

    def play(talk: Talk) -> None:
        got.append(talk.message())
        talk.send(ok(b"done"))

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            headers = (
                "X-Own: a,  b",
                "Connection: keep-alive, X-Hop",
                "X-Hop: 1",
                "Keep-Alive: timeout=5",
                "TE: trailers",
                "Upgrade: websocket",
                "Proxy-Connection: x",
                "X-Forwarded-For: 198.51.100.7",
                "X-Forwarded-Proto: https",
                "Content-Length: 4",
            )
            talk.send(request("/a%20b/../c?x=1&y=", *headers, method="POST", host="Acme.test:8080") + b"body")
            assert talk.message()[1] == b"done"
    [(head, body)] = got
    assert body == b"body"
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a%20b/../c?x=1&y= HTTP/1.1"
    assert sorted(filter(None, lines[1:])) == [
        "Connection: close",
        "Content-Length: 4",
        "Host: Acme.test:8080",
        f"X-Forwarded-For: 198.51.100.7, {LOOPBACK}",
        "X-Forwarded-Proto: http",
        "X-Own: a,  b",
    ]


def test_an_answer_comes_as_it_was_sent_but_for_what_concerns_one_connection() -> None:
    def play(talk: Talk) -> None:
        talk.message()
        talk.send(
            b"HTTP/1.1 418 I'm a teapot\r\nX-Own: \xe9\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
            b"Connection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 3\r\n\r\ntea"
        )

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request())
            head, body = talk.message()
    assert body == b"tea"
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 418 I'm a teapot",
        b"X-Own: \xe9",
        b"Set-Cookie: a=1",
        b"Set-Cookie: b=2",
        b"Content-Length: 3",
        b"Connection: keep-alive",
        b"",
        b"",
    ]


def test_a_client_s_connection_takes_one_request_after_the_other_also_ahead() -> None:
    def play(talk: Talk) -> None:
        head, body = talk.message()
        talk.send(ok(head.split(b" ")[1] + body))

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request("/1"))
            assert talk.message()[1] == b"/1"
            ahead = request("/2", "Content-Length: 3", method="POST") + b"abc" + request("/3")
            talk.send(ahead + request("/4", "Connection: close"))
            assert [talk.message()[1] for _ in range(3)] == [b"/2abc", b"/3", b"/4"]
            assert talk.closed()


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
UNBOUNDED = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize("chunked", [True, False])
def test_each_event_of_a_stream_is_there_before_the_next_is_sent(chunked: bool) -> None:
    go = threading.Semaphore(0)

    def play(talk: Talk) -> None:
        talk.message()
        talk.send(CHUNKED if chunked else UNBOUNDED)
        for number in range(3):
            assert go.acquire(timeout=30)
            event = b"data: %d\n\n" % number
            talk.send(b"%x\r\n%b\r\n" % (len(event), event) if chunked else event)
        if chunked:
            talk.send(b"0\r\n\r\n")

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request())
            head = talk.head()
            assert header(head, "transfer-encoding") == "chunked"
            assert header(head, "content-length") is None
            for number in range(3):
                go.release()
                assert talk.until(b"\n\n\r\n") == b"9\r\ndata: %d\n\n\r\n" % number
            assert talk.until(b"0\r\n\r\n") == b"0\r\n\r\n"
            talk.send(request("/again"))
            go.release(3)
            assert talk.head().startswith(b"HTTP/1.1 200")


def test_a_client_of_http_1_0_gets_no_chunks_and_the_end_by_closing() -> None:
    def play(talk: Talk) -> None:
        talk.message()
        talk.send(CHUNKED + b"4;x=y\r\nabcd\r\n2\r\nef\r\n0\r\nTrailer: x\r\n\r\n")

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(b"GET / HTTP/1.0\r\nHost: acme.test\r\nConnection: keep-alive\r\n\r\n")
            head = talk.head()
            assert header(head, "transfer-encoding") is None
            assert header(head, "connection") == "close"
            assert talk.rest() == b"abcdef"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_reaches_the_endpoint_while_the_client_still_sends(chunked: bool) -> None:
    begun = threading.Event()

    def play(talk: Talk) -> None:
        talk.head()
        first, second = (b"3\r\none\r\n", b"3\r\ntwo\r\n0\r\n\r\n") if chunked else (b"one", b"two")
        assert talk.exactly(len(first)) == first
        begun.set()
        assert talk.exactly(len(second)) == second
        talk.send(ok(b"got it"))

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            told = "Transfer-Encoding: chunked" if chunked else "Content-Length: 6"
            talk.send(request("/", told, method="POST"))
            talk.send(b"3\r\none\r\n" if chunked else b"one")
            assert begun.wait(30)
            talk.send(b"3\r\ntwo\r\n0\r\n\r\n" if chunked else b"two")
            assert talk.message()[1] == b"got it"


def test_much_goes_both_ways_whole() -> None:
    much = bytes(range(256)) * 40_000

    def play(talk: Talk) -> None:
        talk.send(ok(talk.message()[1]))

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request("/", f"Content-Length: {len(much)}", method="POST") + much)
            assert talk.message()[1] == much


def test_a_slow_client_holds_the_endpoint_back_instead_of_filling_the_memory() -> None:
    sent = [0]

    def play(talk: Talk) -> None:
        talk.message()
        talk.send(UNBOUNDED)
        while sent[0] < 2**28:
            talk.send(bytes(2**16))
            sent[0] += 2**16

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request())
            talk.head()
            before = -1
            while before != sent[0]:
                before = sent[0]
                time.sleep(0.5)
            assert 0 < sent[0] < 2**26, "what both systems buffer, and little more"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
@pytest.mark.parametrize("status", [b"200 OK", b"204 No Content", b"304 Not Modified"])
def test_answers_without_a_body_are_over_with_their_head(method: str, status: bytes) -> None:
    bodiless = method == "HEAD" or not status.startswith(b"200")

    def play(talk: Talk) -> None:
        talk.message()
        talk.send(b"HTTP/1.1 " + status + b"\r\nContent-Length: 5\r\n\r\n" + (b"" if bodiless else b"hello"))

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            for _ in range(2):
                talk.send(request(method=method))
                head = talk.head()
                assert head.startswith(b"HTTP/1.1 " + status)
                assert header(head, "content-length") == "5"
                assert talk.exactly(0 if bodiless else 5) == (b"" if bodiless else b"hello")


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    with answering("thanks") as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request("/", "Expect: 100-continue", "Content-Length: 2", method="PUT"))
            assert talk.head() == b"HTTP/1.1 100 Continue\r\n\r\n"
            talk.send(b"ok")
            assert talk.message()[1] == b"thanks"
    assert header(one.heads[0], "expect") is None


def test_an_interim_answer_is_not_taken_for_the_answer() -> None:
    def play(talk: Talk) -> None:
        talk.message()
        talk.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok(b"final"))

    with backend(play) as one, edge() as found:
        found.route(one)
        assert ask(found.port) == (200, "final")


def test_an_answer_before_the_whole_body_came_reaches_the_client() -> None:
    def play(talk: Talk) -> None:
        talk.head()
        talk.send(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n\r\nmuch")

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request("/", f"Content-Length: {10**9}", method="POST") + bytes(1000))
            head, body = talk.message()
            assert (head.split(b" ")[1], body) == (b"413", b"much")
            assert header(head, "connection") == "close"


# What is answered without an endpoint.


def test_nothing_that_fits_is_404_and_names_the_region() -> None:
    with edge() as found:
        found.put(ingress("agent", ("/only", "Prefix", "agent")))
        for path, host in (("/", "acme.test"), ("/only", "other.test"), ("/onlyish", "acme.test")):
            status, text = ask(found.port, path, host)
            assert status == 404
            assert text.startswith(f"{US}: no Ingress for host '{host}'")


def test_no_ready_endpoint_is_503_and_names_region_and_service() -> None:
    with edge() as found:
        found.put(ingress("agent"), endpoint_slice("agent", (LOOPBACK, 1), ready=False))
        with client(found.port) as talk:
            talk.send(request())
            head, body = talk.message()
            assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
            assert body.decode() == f"{US}: acme/agent:agent has no ready endpoint\n"
            talk.send(request(method="HEAD"))
            assert talk.head().startswith(b"HTTP/1.1 503")
            talk.send(request("/", "Content-Length: 4", "Connection: close", method="POST") + b"body")
            assert talk.message()[1] == body
            assert talk.closed()


def test_an_endpoint_that_refuses_is_502() -> None:
    with edge() as found:
        found.route((LOOPBACK, closed_port()))
        status, text = ask(found.port)
    assert status == 502
    assert text.startswith(f"{US}: acme/agent:agent takes no connection: ")


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
)
def test_an_endpoint_whose_answer_is_none_is_502(answer: bytes) -> None:
    def play(talk: Talk) -> None:
        talk.message()
        talk.send(answer)

    with backend(play) as one, edge() as found:
        found.route(one)
        status, text = ask(found.port)
        assert status == 502
        assert text.startswith(f"{US}: acme/agent:agent gave no answer: ")


def hang(talk: Talk) -> None:
    talk.head()
    talk.rest()


def test_an_endpoint_that_gives_no_answer_in_time_is_504() -> None:
    gone = threading.Event()

    def play(talk: Talk) -> None:
        hang(talk)
        gone.set()

    with backend(play) as one, edge(SHORT) as found:
        found.route(one)
        assert ask(found.port) == (504, f"{US}: acme/agent:agent gave no answer in 1 s\n")
        assert gone.wait(30)


def test_an_endpoint_that_takes_no_body_in_time_is_504() -> None:
    def play(talk: Talk) -> None:
        talk.head()
        time.sleep(10)

    with backend(play) as one, edge(SHORT) as found:
        found.route(one)
        with client(found.port) as talk:
            talk.socket.settimeout(10)
            sending = threading.Thread(target=_send_much, args=(talk,))
            talk.send(request("/", f"Content-Length: {2**26}", method="POST"))
            sending.start()
            assert talk.message()[0].startswith(b"HTTP/1.1 504")
            talk.close()
            sending.join()


def _send_much(talk: Talk) -> None:
    with suppress(OSError):
        talk.send(bytes(2**26))


def test_the_time_for_an_answer_begins_when_the_request_is_sent() -> None:
    with answering("in the end") as one, edge(Limits(idle_seconds=2.0)) as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request("/", "Content-Length: 6", method="POST"))
            for _ in range(6):
                time.sleep(0.4)
                talk.send(b"x")
            assert talk.message()[1] == b"in the end"


def test_a_body_that_does_not_come_is_408_and_one_that_is_none_is_400() -> None:
    with backend(hang) as one, edge(SHORT) as found:
        found.route(one)
        for told, body, status in (
            ("Content-Length: 8", b"x", b"408"),
            ("Transfer-Encoding: chunked", b"no chunk\r\n", b"400"),
            ("Transfer-Encoding: chunked", b"1\r\nab\r\n", b"400"),
        ):
            with client(found.port) as talk:
                talk.send(request("/", told, method="POST") + body)
                assert talk.message()[0].split(b" ")[1] == status


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf ",
        CHUNKED + b"5\r\nhalf \r\n",
        CHUNKED + b"5\r\nhalf \r\nzz\r\n",
        CHUNKED + b"5\r\nhalf too long\r\n0\r\n\r\n",
    ],
)
def test_an_answer_that_breaks_off_never_looks_whole(answer: bytes) -> None:
    def play(talk: Talk) -> None:
        talk.message()
        talk.send(answer)

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request())
            assert talk.head().startswith(b"HTTP/1.1 200")
            got = b""
            with suppress(ConnectionResetError):
                got = talk.rest()
            assert len(got) < 10 or not got.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("streaming", [True, False])
def test_an_endpoint_does_not_go_on_for_a_client_that_has_gone(streaming: bool) -> None:
    asked, gone = threading.Event(), threading.Event()

    def play(talk: Talk) -> None:
        talk.message()
        asked.set()
        if streaming:
            talk.send(UNBOUNDED)
        talk.closed()
        gone.set()

    with backend(play) as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(request())
            assert asked.wait(30)
            if streaming:
                talk.head()
            assert not gone.wait(0.1)
        assert gone.wait(30)


# Which endpoint.


def test_ready_endpoints_take_turns_and_others_get_nothing() -> None:
    with answering("a") as a, answering("b") as b, answering("c") as c, edge() as found:
        found.route(a, b)
        found.put(endpoint_slice("agent", c, ready=False, name="agent-9"))
        answers = [ask(found.port)[1] for _ in range(6)]
        assert answers in (["a", "b"] * 3, ["b", "a"] * 3)
        assert c.connections == []


def test_an_endpoint_that_refuses_is_passed_over() -> None:
    with answering("here") as one, edge() as found:
        found.route((LOOPBACK, closed_port()), one)
        assert [ask(found.port) for _ in range(4)] == [(200, "here")] * 4


# Limits.

BAD: dict[str, tuple[bytes, bytes]] = {
    "no HTTP": (b"hello\r\n\r\n", b"400"),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\n", b"400"),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", b"400"),
    "two Hosts": (request("/", "Host: other.test"), b"400"),
    "a Host that is none": (request(host="acme.test/x"), b"400"),
    "no path": (b"GET acme HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
    "a tunnel": (b"CONNECT acme.test:443 HTTP/1.1\r\nHost: a\r\n\r\n", b"400"),
    "two lengths": (request("/", "Content-Length: 1", "Content-Length: 2"), b"400"),
    "a length that is none": (request("/", "Content-Length: +1"), b"400"),
    "length and chunks": (request("/", "Content-Length: 1", "Transfer-Encoding: chunked"), b"400"),
    "chunks in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", b"400"),
    "an unknown coding": (request("/", "Transfer-Encoding: gzip, chunked"), b"501"),
    "a folded header": (request("/", "X-A: 1", " more"), b"400"),
    "a space before the colon": (request("/", "Content-Length : 5"), b"400"),
    "a bare line end": (request("/", "X-A: 1\nX-B: 2"), b"400"),
    "a long head": (request("/", "X-A: " + "a" * 70_000), b"431"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_request_that_two_could_read_differently_reaches_no_endpoint(what: str) -> None:
    sent, status = BAD[what]
    with answering("reached") as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(sent)
            head, _ = talk.message()
            assert head.split(b" ")[1] == status
            assert talk.closed()
        assert one.connections == []


def test_a_url_is_asked_for_as_of_a_proxy() -> None:
    with answering("by its URL") as one, edge() as found:
        found.route(one)
        with client(found.port) as talk:
            talk.send(b"GET http://acme.test/path?q=1 HTTP/1.1\r\nHost: other.test\r\n\r\n")
            assert talk.message()[1] == b"by its URL"
    assert one.heads[0].startswith(b"GET /path?q=1 HTTP/1.1\r\n")
    assert header(one.heads[0], "host") == "acme.test"


def test_a_client_that_says_nothing_is_dropped() -> None:
    with edge(SHORT) as found, client(found.port) as talk, client(found.port) as slow:
        slow.send(b"GET / HT")
        assert talk.closed() and slow.closed()


def test_more_clients_than_it_can_bear_are_told() -> None:
    with answering("served") as one, edge(Limits(connections=3)) as found:
        found.route(one)
        talks = [Talk(socket.create_connection((LOOPBACK, found.port))) for _ in range(3)]
        for talk in talks:
            talk.send(request())
            assert talk.message()[1] == b"served"
        with client(found.port) as talk:
            head, body = talk.message()
            assert head.startswith(b"HTTP/1.1 503")
            assert body.decode() == f"{US}: over 3 connections\n"
            assert talk.closed()
        for talk in talks:
            talk.close()
        while ask(found.port) != (200, "served"):
            time.sleep(0.01)


def test_when_it_stops_an_answer_under_way_arrives_and_nothing_else_is_taken() -> None:
    asked, go = threading.Event(), threading.Event()

    def play(talk: Talk) -> None:
        talk.message()
        asked.set()
        assert go.wait(30)
        talk.send(ok(b"late"))

    with backend(play) as one, edge(Limits(stop_seconds=30)) as found:
        found.route(one)
        with client(found.port) as busy, client(found.port) as idle:
            busy.send(request())
            assert asked.wait(30)
            stopping = threading.Thread(target=found.close)
            stopping.start()
            assert idle.closed()
            while ask(found.port) != (0, ""):
                time.sleep(0.01)
            go.set()
            assert busy.message()[1] == b"late"
            assert busy.closed()
            stopping.join(30)
            assert not stopping.is_alive()
