"""Name servers of a domain, asked of this machine's resolver (RFC 1035)."""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

NS, INTERNET = 2, 1
RECURSION_DESIRED = 0x0100
NO_SUCH_NAME = 3
TIMEOUT_SECONDS = 5.0
RESOLVERS = Path("/etc/resolv.conf")


class DnsError(Exception):
    """No resolver gave a usable answer."""


def name_servers(domain: str, resolvers: list[tuple[str, int]] | None = None) -> set[str]:
    """The name servers that the domain's parent, or the domain itself, names; none without a delegation.
    Raises DnsError."""
    problem = f"{RESOLVERS} names no resolver"
    for resolver in resolvers if resolvers is not None else _resolvers():
        try:
            return set(_parsed(_ask(domain, resolver)))
        except (OSError, ValueError, IndexError, struct.error) as error:
            problem = f"{resolver[0]}: {error}"
    raise DnsError(f"the name servers of {domain} are not known: {problem}")


def _resolvers() -> list[tuple[str, int]]:
    lines = RESOLVERS.read_text().splitlines() if RESOLVERS.exists() else []
    return [(line.split()[1], 53) for line in lines if line.startswith("nameserver ")]


def _ask(domain: str, resolver: tuple[str, int]) -> bytes:
    number = secrets.randbelow(2**16)
    labels = [label.encode("ascii") for label in domain.split(".")]
    name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    query = (
        struct.pack("!6H", number, RECURSION_DESIRED, 1, 0, 0, 0) + name + struct.pack("!2H", NS, INTERNET)
    )
    family = socket.AF_INET6 if ":" in resolver[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as link:
        link.settimeout(TIMEOUT_SECONDS)
        link.connect(resolver)
        link.send(query)
        while True:
            answer = link.recv(4096)
            if struct.unpack_from("!H", answer)[0] == number:
                return answer


def _parsed(answer: bytes) -> Iterator[str]:
    _, flags, questions, answers, _, _ = struct.unpack_from("!6H", answer)
    if flags & 15 == NO_SUCH_NAME:
        return
    if flags & 15:
        raise ValueError(f"it answers with the code {flags & 15}")
    place = 12
    for _ in range(questions):
        place = _name(answer, place)[1] + 4
    for _ in range(answers):
        _, place = _name(answer, place)
        kind, _, _, length = struct.unpack_from("!2HIH", answer, place)
        place += 10
        if kind == NS:
            yield _name(answer, place)[0].lower()
        place += length


def _name(answer: bytes, place: int) -> tuple[str, int]:
    """A name, and where what follows it begins. A name may end with a pointer to an earlier one."""
    labels: list[str] = []
    after = 0
    for _ in range(128):
        length = answer[place]
        if length >= 0xC0:
            after = after or place + 2
            place = struct.unpack_from("!H", answer, place)[0] & 0x3FFF
        elif length == 0:
            return ".".join(labels), after or place + 1
        else:
            labels.append(answer[place + 1 : place + 1 + length].decode("ascii"))
            place += 1 + length
    raise ValueError("it answers with a name without an end")
