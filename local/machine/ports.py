"""TCP ports on 127.0.0.1."""

import random
import socket
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import TypeVar

from local.machine.files import LocalError, Progress

LOOPBACK = "127.0.0.1"
CHOICE = range(10_240, 30_000)
"""Below NodePorts and Linux' default for outgoing connections, which would take a port before its use."""
ATTEMPTS = 3
IN_USE = ("address already in use", "is in use by another program")
"""What programs in Go and moto print when their port is in use."""

Result = TypeVar("Result")


def may_be_any(address: str) -> bool:
    """Whether a server here may use any port: pods reach only the ports of their network policies."""
    return ip_address(address).is_loopback


def is_free(port: int) -> bool:
    """Whether a server could listen on the port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def choose(except_for: Iterable[int]) -> int:
    """A free port that is not in `except_for`."""
    taken = set(except_for)
    while True:
        port = random.choice(CHOICE)
        if port not in taken and is_free(port):
            return port


def retried(start: Callable[[], Result], progress: Progress, *, fixed: str = "") -> Result:
    """Call `start` again while its LocalError quotes a daemon whose port is in use.

    Another program may take a port between its choice and its use. Gives up after ATTEMPTS, or at once when
    the address with its port is `fixed`.
    """
    for _ in range(ATTEMPTS - 1):
        try:
            return start()
        except LocalError as error:
            if not any(message in str(error) for message in IN_USE):
                raise
            if fixed:
                raise LocalError(
                    f"{fixed} is in use: another program listens at this port on all addresses here."
                    " Stop that program, then run this command again"
                ) from error
            progress("another program has taken the port: choosing another port")
    return start()
