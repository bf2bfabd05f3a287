"""Builds the local cluster's programs from our own pinned Go modules into a cache outside the checkout.

A binary lies at `<cache>/bin/<key>/<name>`; the key is a hash of all that shapes it, so a changed pin
rebuilds the programs of its module and no other. The files that its module ships for it lie beside it. Keys
that nothing asks for any more may be deleted at any time.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from local.machine.files import REPOSITORY, LocalError, Progress, locked

MODULES = REPOSITORY / "local" / "go"
REPORT_SECONDS = 3.0
LOG_LINES = 20

FRUGAL = {"GOGC": "50"}
"""Environment of the programs while they run: they let their memory grow by half before they collect, Go's
default being twice."""


class BuildError(LocalError):
    """A program could not be built; the message says what is missing or quotes the end of the build's log."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One program: `package` of the Go module in the folder `module`.

    `ldflags` may name `{version}`, `{major}` and `{minor}` of the module `pinned`, read from its go.mod.
    `files` are patterns of files in that module, which are copied beside the binary.
    """

    name: str
    module: str
    package: str
    pinned: str
    ldflags: tuple[str, ...] = ()
    cgo: bool = False
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def ensure(parts: Iterable[Part], progress: Progress, modules: Path = MODULES) -> dict[str, Path]:
    """Build what is missing of `parts`; return each one's binary by its name.

    The first build takes minutes, every later call milliseconds. Two checkouts may call it at once: one
    builds, the other waits and says so. A build that was killed leaves nothing that looks finished. Raises
    BuildError when Go is missing or a build fails.
    """
    parts = tuple(parts)
    binaries = locate(parts, modules)
    for part in parts:
        binary = binaries[part.name]
        if binary.exists():
            continue
        with locked(binary.parent / "lock", progress, f"it builds {part.module}") as lock:
            if not binary.exists():
                _build(part, modules / part.module, binary, lock, progress)
    return binaries


def locate(parts: Iterable[Part], modules: Path = MODULES) -> dict[str, Path]:
    """Where the binary of each part is, or will be, by its name."""
    parts = tuple(parts)
    toolchain = _toolchain(modules, parts) if parts else ""
    return {part.name: cache() / "bin" / _key(part, modules, toolchain) / part.name for part in parts}


def cache() -> Path:
    """Where builds are kept: `$DIGITAL_AGENCY_CACHE`, else `digital-agency` in the user's cache folder."""
    if own := os.environ.get("DIGITAL_AGENCY_CACHE"):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "digital-agency"


def _toolchain(modules: Path, parts: tuple[Part, ...]) -> str:
    """Version and platform of the Go that builds, as far as they shape a binary."""
    if shutil.which("go") is None:
        needed = max((_directive(modules / part.module) for part in parts), key=_numbers)
        raise BuildError(
            f"no `go` on PATH: the local cluster's programs are built from source, with Go {needed} or later "
            "(https://go.dev/dl); or name a running cluster of yours instead"
        )
    command = ["go", "env", "-json", "GOVERSION", "GOOS", "GOARCH"]
    answer = subprocess.run(
        command, cwd=modules / parts[0].module, env=_environment(), capture_output=True, text=True
    )
    if answer.returncode != 0:
        raise BuildError(f"`{' '.join(command)}` failed: {answer.stderr.strip()}")
    return json.dumps(json.loads(answer.stdout), sort_keys=True)


def _directive(module: Path) -> str:
    """The Go version that a module's go.mod asks for."""
    found = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    if found is None:
        raise BuildError(f"{module / 'go.mod'} has no line `go <version>`")
    return found[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _key(part: Part, modules: Path, toolchain: str) -> str:
    """What a binary depends on, as a short name; programs of one module built alike share it."""
    digest = hashlib.sha256()
    for file in sorted((modules / part.module).rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes() + b"\0")
    digest.update(json.dumps([part.ldflags, part.cgo, part.tags, toolchain, *part.files]).encode())
    return f"{part.module}-{digest.hexdigest()[:16]}"


def _ldflags(part: Part, module: Path) -> str:
    found = re.search(rf"\b{re.escape(part.pinned)} (v\S+)", (module / "go.mod").read_text())
    if found is None:
        raise BuildError(f"{module / 'go.mod'} does not pin {part.pinned}")
    version = found[1]
    major, minor = _numbers(version)[:2]
    return " ".join(("-s", "-w", *part.ldflags)).format(version=version, major=major, minor=minor)


def _environment(cgo: bool = False) -> dict[str, str]:
    """The caller's environment without what would build for another platform or against another workspace."""
    kept = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH"}}
    return {**kept, "CGO_ENABLED": "1" if cgo else "0", "GOWORK": "off"}


def _build(part: Part, module: Path, binary: Path, lock: IO[bytes], progress: Progress) -> None:
    """Build under a temporary name, then rename: what bears the final name is whole."""
    for leftover in binary.parent.glob(f".{part.name}.*.tmp"):
        leftover.unlink()
    temporary = binary.with_name(f".{part.name}.{os.getpid()}.tmp")
    log = binary.with_name(f"{part.name}.log")
    # Nice: it takes minutes of every core, and what runs beside it is waited for.
    command = ["nice", "go", "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"]
    command += ["-ldflags", _ldflags(part, module), "-tags", ",".join(part.tags)]
    command += ["-o", str(temporary), part.package]
    began = time.monotonic()
    with log.open("wb") as output:
        # The compiler shares the lock: should we be killed, the next run waits for it instead of racing it.
        process = subprocess.Popen(
            command,
            cwd=module,
            env=_environment(part.cgo),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(lock.fileno(),),
        )
        try:
            _watch(process, part, log, began, progress)
        except BaseException:
            process.send_signal(signal.SIGINT)  # go removes its working folder on this one only
            process.wait()
            raise
    if process.returncode != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-LOG_LINES:])
        raise BuildError(f"building {part.name} failed; the end of {log}:\n{tail}")
    _copy_files(part, module, binary.parent)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(binary)
    progress(f"built {part.name} in {time.monotonic() - began:.0f} s")


def _copy_files(part: Part, module: Path, target: Path) -> None:
    if not part.files:
        return
    command = ["go", "list", "-m", "-mod=readonly", "-f", "{{.Dir}}", part.pinned]
    answer = subprocess.run(command, cwd=module, env=_environment(), capture_output=True, text=True)
    for pattern in part.files:
        found = sorted(Path(answer.stdout.strip()).glob(pattern)) if answer.returncode == 0 else []
        if not found:
            raise BuildError(f"{part.name}: no file {pattern} in {part.pinned}: {answer.stderr.strip()}")
        for file in found:
            (target / file.name).write_bytes(file.read_bytes())


def _watch(process: subprocess.Popen[bytes], part: Part, log: Path, began: float, progress: Progress) -> None:
    """Report until the build ends: what it does, since when, how far it is."""
    progress(f"building {part.name} from source (all of them: about 25 minutes, once)")
    while True:
        try:
            process.wait(REPORT_SECONDS)
            return
        except subprocess.TimeoutExpired:
            lines = log.read_text(errors="replace").splitlines()
            fetched = sum(line.startswith("go: downloading ") for line in lines)
            compiled = sum(not line.startswith("go: ") for line in lines)
            done = (
                f"{compiled} packages compiled"
                if compiled or not fetched
                else f"{fetched} modules downloaded"
            )
            progress(f"building {part.name}: {done}, {time.monotonic() - began:.0f} s")
