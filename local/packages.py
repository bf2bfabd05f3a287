"""Debian packages that this project needs: which are missing, and their installation with apt-get.

`python3 -m local.packages nodes|venv [--yes]` installs them. The virtual environment does not exist yet when
this module runs, so this module and its imports use the standard library alone.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from local.machine.consent import Consent, ask
from local.machine.files import LocalError, Progress, tail

PROGRAMS: Final = {
    "gcc": "gcc",
    "ip": "iproute2",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "pkg-config": "pkg-config",
}
"""Package of each program that nodes need."""
LIBRARIES: Final = {
    "libc6-dev": ("gcc", "-E", "-x", "c", "-include", "stdlib.h", "/dev/null"),
    "libseccomp-dev": ("pkg-config", "--exists", "libseccomp"),
}
"""Package of each library that nodes need, with a command that fails when the library is missing."""
LOCK_SECONDS: Final = 600
POLL_SECONDS: Final = 5.0
REPORT_SECONDS: Final = 5.0
INSTALL: Final = ("install", "--no-install-recommends")
OPTIONS: Final = ("--quiet", "--yes", "-o", f"DPkg::Lock::Timeout={LOCK_SECONDS}", "-o", "Dpkg::Use-Pty=0")
LOCKED: Final = "E: Could not get lock "
"""Only the lock of dpkg has a timeout in apt-get. The locks of package lists and downloads fail at once."""


def for_nodes() -> list[str]:
    """Packages that nodes need and this machine lacks."""
    missing = [package for program, package in PROGRAMS.items() if shutil.which(program) is None]
    for package, command in LIBRARIES.items():
        if PROGRAMS[command[0]] in missing or subprocess.run(command, capture_output=True).returncode:
            missing.append(package)
    return sorted(missing)


def for_venv() -> list[str]:
    """Debian's Python comes without `ensurepip`, which `python3 -m venv` needs."""
    importlib.invalidate_caches()
    return (
        []
        if importlib.util.find_spec("ensurepip")
        else [f"python{sys.version_info.major}.{sys.version_info.minor}-venv"]
    )


def ensure(find_missing: Callable[[], list[str]], progress: Progress, consent: Consent) -> None:
    """Install the packages that `find_missing` returns, with the user's consent.

    Raises LocalError when packages are still missing afterwards, also because the user said no.
    """
    packages = find_missing()
    if not packages:
        return
    missing = f"Debian packages: missing (required): {', '.join(packages)}"
    by_hand = f"apt-get {' '.join((*INSTALL, *packages))}"
    if shutil.which("apt-get") is None:
        raise LocalError(
            f"{missing}. No `apt-get` on PATH: only Debian and Ubuntu are supported."
            " Install the programs and headers of these packages in another way, then run this command again"
        )
    if os.geteuid() != 0:
        raise LocalError(
            f"{missing}. Only root can install them: run this command as root, or `sudo {by_hand}`"
        )
    progress(f"missing Debian packages: {', '.join(packages)}")
    if not consent(f"Install them with `{by_hand}`?"):
        raise LocalError(f"{missing}. You declined to install them: run this command again, or `{by_hand}`")
    progress(f"running `{by_hand}`")
    _install(packages, progress, missing)
    if still := find_missing():
        raise LocalError(
            f"{missing}. apt-get has installed them, but {', '.join(still)} cannot be used:"
            " PATH must contain /usr/sbin and /usr/bin"
        )


def _install(packages: Sequence[str], progress: Progress, missing: str) -> None:
    """Package lists may be missing or old, so a failed installation is tried again with new lists."""
    began = time.monotonic()
    done = _apt("installing packages", (*INSTALL, *packages), progress)
    if done.returncode != 0:
        progress("the installation failed: trying again with new package lists")
        updated = _apt("updating package lists", ("update",), progress)
        done = _apt("installing packages", (*INSTALL, *packages), progress)
        if done.returncode != 0:
            output = tail(f"{updated.stdout}{done.stdout}")
            raise LocalError(
                f"{missing}. `{' '.join(done.args)}` failed with exit code {done.returncode}:\n{output}\n"
                "Correct this, then run this command again"
            )
    progress(f"installed {', '.join(packages)} in {time.monotonic() - began:.0f} s")


def _apt(action: str, arguments: Sequence[str], progress: Progress) -> subprocess.CompletedProcess[str]:
    """Run apt-get; while another run of apt has a lock, wait up to LOCK_SECONDS."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        done = _run(action, ["apt-get", *OPTIONS, *arguments], progress)
        locks = [line for line in done.stdout.splitlines() if line.startswith(LOCKED)]
        if done.returncode == 0 or not locks or time.monotonic() > deadline:
            return done
        progress(f"{action}: waiting for another run of apt: {locks[-1].removeprefix('E: ')}")
        time.sleep(POLL_SECONDS)


def _run(action: str, command: list[str], progress: Progress) -> subprocess.CompletedProcess[str]:
    """Run the command and report its last line of output every REPORT_SECONDS."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    began = time.monotonic()
    with tempfile.NamedTemporaryFile("ab") as output:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=environment
        )
        try:
            while True:
                try:
                    process.wait(REPORT_SECONDS)
                    break
                except subprocess.TimeoutExpired:
                    last = Path(output.name).read_text(errors="replace").rstrip().rpartition("\n")[2]
                    progress(f"{action}: {last} ({time.monotonic() - began:.0f} s)")
        except BaseException:
            process.send_signal(signal.SIGINT)  # apt-get then ends between two packages
            process.wait()
            raise
        return subprocess.CompletedProcess(
            command, process.returncode, Path(output.name).read_text(errors="replace")
        )


def main(arguments: list[str] | None = None) -> int:
    """0: all packages are installed; 1: some are missing; 2: wrong arguments; 130: interrupted."""
    parser = argparse.ArgumentParser(prog="python3 -m local.packages")
    needs = {"nodes": for_nodes, "venv": for_venv}
    parser.add_argument(
        "need", choices=needs, help="install the missing packages of the nodes or of the venv"
    )
    parser.add_argument("--yes", action="store_true", help="install without asking")
    args = parser.parse_args(arguments)
    try:
        ensure(needs[args.need], lambda line: print(line, flush=True), functools.partial(ask, yes=args.yes))
    except LocalError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
