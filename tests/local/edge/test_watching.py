"""Following a kind of objects: a pretended API that does what real ones do on bad days."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from urllib.parse import parse_qs

from local.edge.api import Api
from local.edge.table import Known
from local.edge.watching import follow
from local.edge.wire import connect
from runtime.controller.kubernetes import Access
from tests.local.edge.backends import Talk, backend, ok
from tests.local.edge.inside import Loop
from tests.local.edge.objects import Object
from tests.services import until

PATH = "/apis/discovery.k8s.io/v1/endpointslices"


def thing(name: str, value: int = 0) -> Object:
    return {"metadata": {"namespace": "acme", "name": name}, "value": value}


def page(*items: Object, version: str = "1", more: str = "") -> bytes:
    return ok(
        json.dumps({"items": items, "metadata": {"resourceVersion": version, "continue": more}}).encode()
    )


def refusal(code: int) -> bytes:
    body = json.dumps({"code": code, "message": "no"}).encode()
    return b"HTTP/1.1 %d No\r\nContent-Length: %d\r\n\r\n%b" % (code, len(body), body)


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"


def line(kind: str, thing_: Object) -> bytes:
    return json.dumps({"type": kind, "object": thing_}).encode() + b"\n"


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Pretended:
    """Answers lists in their order, the last of them from then on; a watch gets what `say` is told."""

    def __init__(self) -> None:
        self.lists: list[bytes] = []
        self.asked: list[dict[str, str]] = []
        self.watches = 0
        self._said: Queue[bytes | None] = Queue()

    def say(self, data: bytes | None) -> None:
        """Bytes of the watch that is open; None ends it, as they came."""
        self._said.put(data)

    def play(self, talk: Talk) -> None:
        head = talk.message()[0].decode()
        target = head.split(" ")[1]
        assert target.startswith(f"{PATH}?")
        assert "\r\nAuthorization: Bearer secret\r\n" in head
        query = {key: value[0] for key, value in parse_qs(target.partition("?")[2]).items()}
        self.asked.append(query)
        if "watch" not in query:
            talk.send(self.lists.pop(0) if len(self.lists) > 1 else self.lists[0])
            return
        talk.send(STREAM)
        self.watches += 1
        while (data := self._said.get()) is not None:
            talk.send(data)


@contextmanager
def following(folder: Path, *lists: bytes) -> Iterator[tuple[Pretended, Known[int]]]:
    pretended = Pretended()
    pretended.lists = list(lists)
    (folder / "token").write_text("secret\n")
    known: Known[int] = Known(lambda one: one["value"])
    loop = Loop()
    with backend(pretended.play) as api:
        url = f"http://{api.host}:{api.port}"
        access = Access(url=url, token=folder / "token", authority=folder / "none")
        task = loop.do(lambda: loop.loop.create_task(follow(Api(access), PATH, known, "a=b")))
        try:
            yield pretended, known
            assert not task.done()
        finally:
            pretended.say(None)
            loop.close()


def holds(known: Known[int], **wanted: int) -> None:
    until(
        lambda: known.all == {("acme", name): value for name, value in wanted.items()}, f"{wanted} is known"
    )


def test_all_pages_of_a_list_count_as_one_and_the_watch_goes_on_from_there(tmp_path: Path) -> None:
    pages = (page(thing("a"), more="next"), page(thing("b"), version="7"))
    with following(tmp_path, *pages) as (api, known):
        holds(known, a=0, b=0)
        until(lambda: api.watches == 1, "it watches")
        first, second, watch = api.asked
        assert (first.get("continue"), second["continue"]) == (None, "next")
        assert {one["labelSelector"] for one in api.asked} == {"a=b"}
        assert (watch["resourceVersion"], watch["allowWatchBookmarks"]) == ("7", "true")


def test_events_are_taken_however_they_are_cut(tmp_path: Path) -> None:
    with following(tmp_path, page(thing("a"), thing("b"))) as (api, known):
        said = line("ADDED", thing("c", 3)) + line("MODIFIED", thing("a", 1)) + line("DELETED", thing("b"))
        said += line("BOOKMARK", {"metadata": {"resourceVersion": "9"}}) + line("ADDED", thing("d", 4))
        for start in range(0, len(said), 7):
            api.say(chunked(said[start : start + 7]))
        holds(known, a=1, c=3, d=4)


def test_what_was_deleted_while_it_did_not_watch_is_forgotten(tmp_path: Path) -> None:
    with following(tmp_path, page(thing("a"), thing("b")), page(thing("b", 2))) as (api, known):
        holds(known, a=0, b=0)
        api.say(None)
        holds(known, b=2)


def test_a_version_that_is_too_old_makes_it_list_anew(tmp_path: Path) -> None:
    with following(tmp_path, page(thing("a")), page(thing("b"))) as (api, known):
        holds(known, a=0)
        api.say(chunked(line("ERROR", {"code": 410, "message": "too old resource version"})))
        holds(known, b=0)
        api.say(None)


def test_what_is_known_stays_while_the_api_is_away_or_at_fault(tmp_path: Path) -> None:
    faults = (refusal(500), refusal(401), ok(b"no JSON"), b"", b"SSH-2.0\r\n\r\n", refusal(410))
    with following(tmp_path, page(thing("a")), *faults, page(thing("b"))) as (api, known):
        holds(known, a=0)
        seen = list[object]()
        known.on_change.append(lambda: seen.append(dict(known.all)))
        api.say(chunked(b'{"type": "ADDED", "obj'))
        api.say(None)
        holds(known, b=0)
        assert seen == [{("acme", "b"): 0}]
        assert len(api.lists) == 1


def test_a_watch_whose_network_was_cut_is_noticed_though_nobody_says_anything() -> None:
    """Loopback cannot be cut: that the system is asked to look must do here."""

    async def options(port: int) -> dict[str, int]:
        wire = await connect("127.0.0.1", port, within=10, idle=10)
        wire.ask_whether_alive()
        connection = wire._writer.get_extra_info("socket")
        names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT")
        found = {name: connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names}
        found["on"] = connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        wire.abort()
        return found

    stop = threading.Event()
    with backend(lambda talk: stop.wait(30)) as api:
        found = asyncio.run(options(api.port))
        stop.set()
    assert found == {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 3, "on": 1}
