"""`{"attempts": [[protocol, host, [port, …]], …], "seconds": n}`: tries each port of each host from this pod.

Prints `[state, why]` for each port, in their order. `connected`: the other end answered. `refused`: the TCP
connection was reset. `dropped`: no answer within the seconds, or a router reported no route. `untried`:
nothing was sent, because the name does not resolve or this pod has no route to the address. Of a host with
several addresses the most reachable counts. Source of errors and offenders: Linux, ip(7), IP_RECVERR.
"""

import errno
import ipaddress
import json
import os
import selectors
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

AT_ONCE = 200
RANK = CONNECTED, REFUSED, DROPPED, UNTRIED = "connected", "refused", "dropped", "untried"
TYPES = {"TCP": socket.SOCK_STREAM, "UDP": socket.SOCK_DGRAM}
READY = {"TCP": selectors.EVENT_WRITE, "UDP": selectors.EVENT_READ}
RECEIVE_ERRORS = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
"""IP_RECVERR and IPV6_RECVERR, for which Python has no names."""
OFFENDER = {socket.AF_INET: (20, 4), socket.AF_INET6: (24, 16)}
"""Where an extended error has the address that sent it: offset and length."""
REFUSALS = (errno.ECONNREFUSED, errno.ECONNRESET)

Address = tuple[socket.AddressFamily, tuple[object, ...]]
Result = tuple[str, str]


def interfaces() -> list[int]:
    """The indexes of the interfaces that have an IPv6 link-local address."""
    file = Path("/proc/net/if_inet6")
    lines = file.read_text().splitlines() if file.exists() else []
    return [int(fields[1], 16) for fields in map(str.split, lines) if fields[3] == "20"]


def addresses(host: str) -> list[Address]:
    """Without ports. Raises OSError where the name is not found."""
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        infos = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [(family, (where[0], 0, *where[2:])) for family, _, _, _, where in infos]
    if ip.version == 4:
        return [(socket.AF_INET, (host, 0))]
    scopes = interfaces() if ip.is_link_local else [0]
    if not scopes:
        raise OSError("this pod has no IPv6 link-local address")
    return [(socket.AF_INET6, (host, 0, 0, scope)) for scope in scopes]


def resolved(host: str) -> tuple[list[Address], str]:
    try:
        return addresses(host), ""
    except OSError as error:
        return [], error.strerror or str(error)


class Attempt:
    """One protocol, one address, one port."""

    def __init__(self, protocol: str, address: Address, port: int) -> None:
        self.protocol, (self.family, where) = protocol, address
        self.where = (where[0], port, *where[2:])
        self.result: Result | None = None

    def start(self) -> socket.socket | None:
        """None where the result is already known."""
        sock = None
        try:
            sock = socket.socket(self.family, TYPES[self.protocol])
            sock.setblocking(False)
            if self.protocol == "UDP":
                sock.setsockopt(*RECEIVE_ERRORS[self.family], 1)
                sock.connect(self.where)
                sock.send(b"\0")
            elif (code := sock.connect_ex(self.where)) not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
        except OSError as error:
            if sock:
                sock.close()
            # Before anything was sent, but for a refusal by this very machine.
            self.end(REFUSED if error.errno in REFUSALS else UNTRIED, error)
            return None
        return sock

    def end(self, state: str, error: OSError) -> None:
        self.result = state, error.strerror or str(error)

    def ready(self, sock: socket.socket) -> None:
        if self.protocol == "UDP":
            self.answered(sock)
            return
        code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        state = (REFUSED if code in REFUSALS else DROPPED) if code else CONNECTED
        self.result = state, os.strerror(code) if code else "it answered"

    def answered(self, sock: socket.socket) -> None:
        try:
            sock.recv(1)
            self.result = CONNECTED, "it answered"
        except OSError as error:
            # No answer either way: "port unreachable" from the address itself says that the packet got there.
            if error.errno == errno.ECONNREFUSED and self.is_offender(sock):
                self.result = CONNECTED, "the packet got there, nothing listens"
            else:
                self.end(DROPPED, error)

    def is_offender(self, sock: socket.socket) -> bool:
        _, ancillary, _, _ = sock.recvmsg(512, 512, socket.MSG_ERRQUEUE)
        begin, length = OFFENDER[self.family]
        own = ipaddress.ip_address(str(self.where[0])).packed
        return any(data[begin : begin + length] == own for _, _, data in ancillary)


def try_all(attempts: list[Attempt], seconds: float) -> None:
    with selectors.DefaultSelector() as selector:
        waiting: dict[socket.socket, Attempt] = {}
        for attempt in attempts:
            sock = attempt.start()
            if sock is not None:
                waiting[sock] = attempt
                selector.register(sock, READY[attempt.protocol], sock)
        deadline = time.monotonic() + seconds
        while waiting and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                sock = key.data
                waiting.pop(sock).ready(sock)
                selector.unregister(sock)
                sock.close()
        for sock, attempt in waiting.items():
            attempt.result = DROPPED, f"no answer in {seconds:g} s"
            sock.close()


def reports_refused_udp() -> bool:
    """Whether this kernel reports who refused a packet: if not, a closed port would look like silence."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    own = Attempt("UDP", (socket.AF_INET, ("127.0.0.1", 0)), port)
    try_all([own], 1.0)
    return own.result is not None and own.result[0] == CONNECTED


def best(attempts: list[Attempt], problem: str) -> Result:
    results = [attempt.result for attempt in attempts if attempt.result]
    return min(
        results, key=lambda result: RANK.index(result[0]), default=(UNTRIED, problem or "it has no address")
    )


def main() -> None:
    request = json.loads(sys.argv[1])
    # Names that nobody answers for must not take the whole time.
    os.environ["RES_OPTIONS"] = "timeout:2 attempts:2"
    hosts = list(dict.fromkeys(host for _, host, _ in request["attempts"]))
    with ThreadPoolExecutor(16) as pool:
        known = dict(zip(hosts, pool.map(resolved, hosts), strict=True))
    every: list[tuple[list[Attempt], str]] = []
    unreported = (
        any(protocol == "UDP" for protocol, _, _ in request["attempts"]) and not reports_refused_udp()
    )
    for protocol, host, ports in request["attempts"]:
        there, problem = known[host]
        if protocol == "UDP" and unreported:
            there, problem = [], "this kernel does not say who refuses a UDP packet"
        every += [([Attempt(protocol, address, port) for address in there], problem) for port in ports]
    flat = [attempt for attempts, _ in every for attempt in attempts]
    for begin in range(0, len(flat), AT_ONCE):
        try_all(flat[begin : begin + AT_ONCE], request["seconds"])
    print(json.dumps([best(attempts, problem) for attempts, problem in every]))


main()
