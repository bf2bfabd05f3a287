"""A program in namespaces of its own, on the cluster's network.

The program and all that it starts live in mount, process, network, IPC and host name namespaces of their own.
When the program ends, for whatever reason, the kernel ends all others and takes every mount, interface, route
and packet filter rule in there with them; and it ends when the caller's process does.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from typing import NoReturn

from local.cluster.model import INTERFACE

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


def run(program: Sequence[str], bridge: str, cable: str) -> int:
    """Run it until it ends; its exit code. `cable` names the host's end of its cable to the bridge."""
    ours, theirs = socket.socketpair()
    # What is forked after the namespaces are left is in the new ones; the cable is laid from the old.
    child = os.fork()
    if child == 0:
        ours.close()
        _leave(theirs, program)
    theirs.close()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGKILL))
    if ours.recv(1):
        _plug(bridge, cable, child)
        ours.send(GO)
    return _result_of(child)


def _leave(launcher: socket.socket, program: Sequence[str]) -> NoReturn:
    """In the child: into new namespaces, and as soon as the cable is there, start the program."""
    _die_with_parent()
    spaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC
    _checked(_libc.unshare(spaces), "unshare")
    launcher.send(GO)
    if not launcher.recv(1):
        sys.exit("the launcher is gone")
    first = os.fork()
    if first != 0:
        sys.exit(_result_of(first))
    _die_with_parent()
    _checked(_libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "mount --make-rprivate /")
    _checked(_libc.mount(b"proc", b"/proc", b"proc", 0, None), "mount /proc")
    # Where containerd and runc keep sockets and states, whatever they are told.
    _checked(_libc.mount(b"tmpfs", b"/run", b"tmpfs", 0, None), "mount /run")
    os.execv(program[0], list(program))


def _die_with_parent() -> None:
    _checked(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL), "prctl")


def _result_of(child: int) -> int:
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _plug(bridge: str, cable: str, process: int) -> None:
    """A cable from the host's bridge to the process. It is gone with the process's network namespace."""
    for command in (
        f"link add {cable} type veth peer name {INTERFACE} netns {process}",
        f"link set {cable} master {bridge} up",
    ):
        subprocess.run(["ip", *command.split()], check=True)


def _checked(answer: int, what: str) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
