"""Name servers, asked of a resolver of this machine."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest

from clients.dns import DnsError, name_servers

Answer = Callable[[bytes], bytes]


@pytest.fixture
def resolver() -> Iterator[Callable[[Answer], list[tuple[str, int]]]]:
    links = []

    def serve(answer: Answer) -> list[tuple[str, int]]:
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.bind(("127.0.0.1", 0))
        links.append(link)

        def run() -> None:
            query, client = link.recvfrom(512)
            link.sendto(answer(query), client)

        threading.Thread(target=run, daemon=True).start()
        return [link.getsockname()]

    yield serve
    for link in links:
        link.close()


def reply(query: bytes, *servers: bytes, code: int = 0, kind: int = 2) -> bytes:
    """Each owner's name is a pointer to the question's, as servers of names write it."""
    header = query[:2] + struct.pack("!5H", 0x8180 | code, 1, len(servers), 0, 0)
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!2HIH", kind, 1, 300, len(server)) + server for server in servers
    )
    return header + query[12:] + records


def test_the_name_servers_are_those_of_the_answer(
    resolver: Callable[[Answer], list[tuple[str, int]]],
) -> None:
    # The second ends with a pointer to `example.com` in the question.
    found = name_servers(
        "agency.example.com",
        resolver(lambda query: reply(query, b"\x06NS-512\x06awsdns\x02co\0", b"\x02ns\xc0\x13")),
    )
    assert found == {"ns-512.awsdns.co", "ns.example.com"}


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: reply(query),
        lambda query: reply(query, code=3),
        lambda query: reply(query, b"\x02ns\0", kind=5),
    ],
)
def test_without_a_delegation_there_are_none(
    answer: Answer, resolver: Callable[[Answer], list[tuple[str, int]]]
) -> None:
    assert name_servers("agency.example.com", resolver(answer)) == set()


@pytest.mark.parametrize(
    "answer",
    [
        lambda query: reply(query, code=2),
        lambda query: query[:2] + b"\x81",
        lambda query: reply(query, b"\xc0\x30"),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error(
    answer: Answer, resolver: Callable[[Answer], list[tuple[str, int]]]
) -> None:
    with pytest.raises(DnsError, match=r"agency\.example\.com are not known"):
        name_servers("agency.example.com", resolver(answer))


def test_a_later_resolver_is_asked_when_one_does_not_answer(
    resolver: Callable[[Answer], list[tuple[str, int]]],
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    good = resolver(lambda query: reply(query, b"\x02ns\0"))
    assert name_servers("a.test", [("127.0.0.1", port), *good]) == {"ns"}
    with pytest.raises(DnsError, match="names no resolver"):
        name_servers("a.test", [])
