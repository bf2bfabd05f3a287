"""Runs a program in new namespaces (mount, process, network, IPC, host name) on the cluster's network.

As a program: `python -m local.cluster.namespaces <bridge> <veth> <program> …`.

When the program or the caller ends, for whatever reason, the kernel ends all processes in the namespaces and
removes their mounts, interfaces, routes and packet filter rules.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

from local.cluster.model import INTERFACE
from local.machine.commands import ip

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
MS_REC = 16384
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG = 1
"""sched.h, sys/mount.h, sys/prctl.h"""

GO = b"!"

_libc = ctypes.CDLL(None, use_errno=True)


def run(program: Sequence[str], bridge: str, veth: str) -> int:
    """Run the program; returns its exit code. `veth` names the host's end of the veth pair."""
    ours, theirs = socket.socketpair()
    # The child enters the new namespaces; this process connects them to the bridge from the old ones.
    child = os.fork()
    if child == 0:
        ours.close()
        _enter(theirs, program)
    theirs.close()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    if ours.recv(1):
        _connect(bridge, veth, child)
        ours.send(GO)
    return _result_of(child)


def _enter(launcher: socket.socket, program: Sequence[str]) -> NoReturn:
    """In the child: enter new namespaces and, once they are connected, start the program."""
    _die_with_parent()
    spaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC
    _checked(_libc.unshare(spaces), "unshare")
    launcher.send(GO)
    if not launcher.recv(1):
        sys.exit("the launcher has ended")
    first = os.fork()
    if first != 0:
        sys.exit(_result_of(first))
    _die_with_parent()
    _checked(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate /")
    _checked(_libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")
    # containerd and runc have sockets and states there, whatever their configuration.
    _checked(_libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, None), "mount /run")
    os.execv(program[0], list(program))


def _die_with_parent() -> None:
    _checked(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")


def _result_of(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _connect(bridge: str, veth: str, process: int) -> None:
    """Create a veth pair from the bridge to the process; the kernel removes it with the network namespace."""
    for command in (
        f"link add {veth} type veth peer name {INTERFACE} netns {process}",
        f"link set {veth} master {bridge} up",
    ):
        ip(command)


def _checked(answer: int, what: str) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(run(sys.argv[3:], bridge=sys.argv[1], veth=sys.argv[2]))
