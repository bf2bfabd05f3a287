"""`{"attempts": [[protocol, host, [port, …]], …], "seconds": n}`: tries each port of each host from this pod.

Prints of each port, in their order, `[state, why]`. `connected`: the other end answered. `refused`: somebody
reset the TCP connection. `dropped`: no answer within the seconds, or a router said that there is no way.
`untried`: nothing was sent, because a name was not found or this pod has no route to the address. Of a host
with several addresses the most reachable counts. Source of errors and offenders: Linux, ip(7), IP_RECVERR.
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
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [(family, (where[0], 0, *where[2:])) for family, _, _, _, where in found]
    if ip.version == 4:
        return [(socket.AF_INET, (host, 0))]
    scopes = interfaces() if ip.is_link_local else [0]
    if not scopes:
        raise OSError("this pod has no IPv6 link-local address")
    return [(socket.AF_INET6, (host, 0, 0, scope)) for scope in scopes]


def found(host: str) -> tuple[list[Address], str]:
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
        try:
            made = socket.socket(self.family, TYPES[self.protocol])
        except OSError as error:
            self.end(UNTRIED, error)
            return None
        made.setblocking(False)
        try:
            if self.protocol == "UDP":
                made.setsockopt(*RECEIVE_ERRORS[self.family], 1)
                made.connect(self.where)
                made.send(b"\0")
            elif (code := made.connect_ex(self.where)) not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
        except OSError as error:
            made.close()
            # Before anything was sent, but for a refusal by this very machine.
            self.end(REFUSED if error.errno in REFUSALS else UNTRIED, error)
            return None
        return made

    def end(self, state: str, error: OSError) -> None:
        self.result = state, error.strerror or str(error)

    def ready(self, made: socket.socket) -> None:
        if self.protocol == "UDP":
            self.answered(made)
            return
        code = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        state = (REFUSED if code in REFUSALS else DROPPED) if code else CONNECTED
        self.result = state, os.strerror(code) if code else "it answered"

    def answered(self, made: socket.socket) -> None:
        try:
            made.recv(1)
            self.result = CONNECTED, "it answered"
        except OSError as error:
            # No answer either way: "port unreachable" from the address itself says that the packet got there.
            if error.errno == errno.ECONNREFUSED and self.is_offender(made):
                self.result = CONNECTED, "the packet got there, nothing listens"
            else:
                self.end(DROPPED, error)

    def is_offender(self, made: socket.socket) -> bool:
        _, ancillary, _, _ = made.recvmsg(512, 512, socket.MSG_ERRQUEUE)
        begin, length = OFFENDER[self.family]
        own = ipaddress.ip_address(str(self.where[0])).packed
        return any(data[begin : begin + length] == own for _, _, data in ancillary)


def try_all(attempts: list[Attempt], seconds: float) -> None:
    with selectors.DefaultSelector() as selector:
        waiting: dict[socket.socket, Attempt] = {}
        for attempt in attempts:
            made = attempt.start()
            if made is not None:
                waiting[made] = attempt
                selector.register(made, READY[attempt.protocol], made)
        deadline = time.monotonic() + seconds
        while waiting and (left := deadline - time.monotonic()) > 0:
            for key, _ in selector.select(left):
                made = key.data
                waiting.pop(made).ready(made)
                selector.unregister(made)
                made.close()
        for made, attempt in waiting.items():
            attempt.result = DROPPED, f"no answer in {seconds:g} s"
            made.close()


def tells_udp() -> bool:
    """Whether this kernel says who refused a packet: else silence would be taken for a closed port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    own = Attempt("UDP", (socket.AF_INET, ("127.0.0.1", 0)), port)
    try_all([own], 1.0)
    return own.result is not None and own.result[0] == CONNECTED


def best(attempts: list[Attempt], problem: str) -> Result:
    results = [attempt.result for attempt in attempts if attempt.result]
    return min(results, key=lambda one: RANK.index(one[0]), default=(UNTRIED, problem or "it has no address"))


def main() -> None:
    asked = json.loads(sys.argv[1])
    # Names that nobody answers for must not take the whole time.
    os.environ["RES_OPTIONS"] = "timeout:2 attempts:2"
    hosts = list(dict.fromkeys(host for _, host, _ in asked["attempts"]))
    with ThreadPoolExecutor(16) as pool:
        known = dict(zip(hosts, pool.map(found, hosts), strict=True))
    every: list[tuple[list[Attempt], str]] = []
    untold = any(protocol == "UDP" for protocol, _, _ in asked["attempts"]) and not tells_udp()
    for protocol, host, ports in asked["attempts"]:
        there, problem = known[host]
        if protocol == "UDP" and untold:
            there, problem = [], "this kernel does not say who refuses a UDP packet"
        every += [([Attempt(protocol, address, port) for address in there], problem) for port in ports]
    flat = [attempt for attempts, _ in every for attempt in attempts]
    for begin in range(0, len(flat), AT_ONCE):
        try_all(flat[begin : begin + AT_ONCE], asked["seconds"])
    print(json.dumps([best(attempts, problem) for attempts, problem in every]))


main()
