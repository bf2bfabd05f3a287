"""Name servers, asked of a resolver of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from dns.message import from_wire, make_response
from dns.rcode import NXDOMAIN, SERVFAIL, Rcode
from dns.resolver import Resolver
from dns.rrset import from_text

from clients.dns import DnsError, name_servers

Answer = Callable[[bytes], bytes]
Serve = Callable[[Answer], Resolver]
DOMAIN = "agency.example.com"


@pytest.fixture
def serve() -> Iterator[Serve]:
    links = []

    def start(answer: Answer) -> Resolver:
        link = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        link.bind(("127.0.0.1", 0))
        links.append(link)

        def run() -> None:
            with suppress(OSError):  # the test has ended
                while True:
                    query, client = link.recvfrom(512)
                    link.sendto(answer(query), client)

        threading.Thread(target=run, daemon=True).start()
        return resolver(link.getsockname()[1])

    yield start
    for link in links:
        link.close()


def resolver(port: int) -> Resolver:
    found = Resolver(configure=False)
    found.nameservers, found.port, found.lifetime = ["127.0.0.1"], port, 1.0
    return found


def reply(*servers: str, code: Rcode = Rcode.NOERROR, kind: str = "NS") -> Answer:
    def answer(query: bytes) -> bytes:
        response = make_response(from_wire(query))
        response.set_rcode(code)
        if servers:
            response.answer.append(from_text(f"{DOMAIN}.", 300, "IN", kind, *servers))
        return response.to_wire()

    return answer


def test_the_name_servers_are_those_of_the_answer(serve: Serve) -> None:
    found = name_servers(DOMAIN, serve(reply("NS-512.awsdns.co.", "ns.example.com.")))
    assert found == {"ns-512.awsdns.co", "ns.example.com"}


@pytest.mark.parametrize("answer", [reply(), reply(code=NXDOMAIN), reply("ns.other.test.", kind="CNAME")])
def test_without_a_delegation_there_are_none(answer: Answer, serve: Serve) -> None:
    assert name_servers(DOMAIN, serve(answer)) == set()


@pytest.mark.parametrize("answer", [reply(code=SERVFAIL), lambda query: query[:2] + b"\x81"])
def test_an_answer_that_cannot_be_read_is_an_error(answer: Answer, serve: Serve) -> None:
    with pytest.raises(DnsError, match=r"agency\.example\.com are not known"):
        name_servers(DOMAIN, serve(answer))


def test_a_resolver_that_does_not_answer_is_an_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as nobody:
        nobody.bind(("127.0.0.1", 0))
        with pytest.raises(DnsError, match=r"agency\.example\.com are not known"):
            name_servers(DOMAIN, resolver(nobody.getsockname()[1]))
