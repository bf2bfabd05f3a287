"""Builds the programs of the stack `local` from the Go modules in `local/go` into the user's cache.

A binary is at `<cache>/bin/<key>/<name>`, with the files that its module ships for it. The key is a hash of
everything that the binary depends on: a changed pin rebuilds the programs of that module and no others. Old
keys may be deleted at any time.
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

from local.machine.commands import run
from local.machine.files import REPOSITORY, LocalError, Progress, end_of, locked

MODULES = REPOSITORY / "local" / "go"
REPORT_SECONDS = 3.0

FRUGAL = {"GOGC": "50"}
"""Environment of running Go programs: the heap grows by half before each garbage collection. Go's default is
twice the heap.
"""
COMPILER_GOGC = "400"
"""Of the compiler: a tenth less processor time than with Go's default, 100, and more memory."""
NO_DEBUGGING = "all=-dwarf=false"
"""The linker drops the data for debuggers; the compiler needs a tenth less processor time without them."""


class BuildError(LocalError):
    """A program could not be built; the message names what is missing or quotes the end of the log."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """`package` of the Go module in the folder `module`; without one there are only `files`.

    `ldflags` may contain `{version}`, `{major}` and `{minor}` of the module `pinned`, read from go.mod.
    `files` are patterns of files in the module `pinned`, which are copied beside the binary.
    """

    name: str
    module: str
    package: str
    pinned: str
    ldflags: tuple[str, ...] = ()
    cgo: bool = False
    tags: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def ensure(programs: Iterable[Program], progress: Progress, modules: Path = MODULES) -> dict[str, Path]:
    """Build the programs that are missing; return all binaries by name.

    The first build takes minutes, every later call milliseconds. While another checkout builds the same
    module, this call waits and says so. A build that was killed leaves nothing that looks finished. Raises
    BuildError when Go is missing or a build fails.
    """
    programs = tuple(programs)
    binaries = locate(programs, modules)
    for program in programs:
        binary = binaries[program.name]
        if binary.exists():
            continue
        with locked(binary.parent / "lock", progress, f"it builds {program.module}") as lock:
            if not binary.exists():
                _build(program, modules / program.module, binary, lock, progress)
    return binaries


def locate(programs: Iterable[Program], modules: Path = MODULES) -> dict[str, Path]:
    """Where the binary of each program is, or will be, by name."""
    programs = tuple(programs)
    toolchain = _toolchain(modules, programs) if programs else ""
    return {each.name: cache() / "bin" / _key(each, modules, toolchain) / each.name for each in programs}


def cache() -> Path:
    """`$DIGITAL_AGENCY_CACHE`, else `digital-agency` in the user's cache folder."""
    if own := os.environ.get("DIGITAL_AGENCY_CACHE"):
        return Path(own).absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "digital-agency"


def _toolchain(modules: Path, programs: tuple[Program, ...]) -> str:
    """Version and platform of the installed Go."""
    if shutil.which("go") is None:
        needed = max((_directive(modules / each.module) for each in programs), key=_numbers)
        raise BuildError(
            f"no `go` on PATH: the local cluster's programs are built from source, with Go {needed} or later."
            " Install Go (https://go.dev/dl), or deploy to a running cluster with --kubeconfig"
        )
    command = ["go", "env", "-json", "GOVERSION", "GOOS", "GOARCH"]
    output = run(command, BuildError, cwd=modules / programs[0].module, env=_environment())
    return json.dumps(json.loads(output), sort_keys=True)


def _directive(module: Path) -> str:
    """The Go version that a module's go.mod asks for."""
    line = re.search(r"^go (\S+)$", (module / "go.mod").read_text(), re.MULTILINE)
    if line is None:
        raise BuildError(f"{module / 'go.mod'} has no line `go <version>`")
    return line[1]


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version))


def _key(program: Program, modules: Path, toolchain: str) -> str:
    """A short name for everything that a binary depends on; programs of one module may share it."""
    digest = hashlib.sha256()
    for file in sorted((modules / program.module).rglob("*")):
        if file.is_file():
            digest.update(file.read_bytes() + b"\0")
    digest.update(
        json.dumps([program.ldflags, program.cgo, program.tags, toolchain, *program.files]).encode()
    )
    return f"{program.module}-{digest.hexdigest()[:16]}"


def _ldflags(program: Program, module: Path) -> str:
    pin = re.search(rf"\b{re.escape(program.pinned)} (v\S+)", (module / "go.mod").read_text())
    if pin is None:
        raise BuildError(f"{module / 'go.mod'} does not pin {program.pinned}")
    version = pin[1]
    major, minor = _numbers(version)[:2]
    return " ".join(("-s", "-w", *program.ldflags)).format(version=version, major=major, minor=minor)


def _environment(cgo: bool = False) -> dict[str, str]:
    """The caller's environment without variables that select another platform or workspace."""
    kept = {key: value for key, value in os.environ.items() if key not in {"GOOS", "GOARCH"}}
    return {"GOGC": COMPILER_GOGC, **kept, "CGO_ENABLED": "1" if cgo else "0", "GOWORK": "off"}


def _build(program: Program, module: Path, binary: Path, lock: IO[bytes], progress: Progress) -> None:
    """Build under a temporary name, then rename: a file with the final name is complete."""
    for leftover in binary.parent.glob(f".{program.name}.*.tmp"):
        leftover.unlink()
    temporary = binary.with_name(f".{program.name}.{os.getpid()}.tmp")
    began = time.monotonic()
    if program.package:
        _compile(program, module, temporary, lock, progress)
    else:
        temporary.touch()
    _copy_files(program, module, binary.parent)
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    temporary.replace(binary)
    progress(f"built {program.name} in {time.monotonic() - began:.0f} s")


def _compile(program: Program, module: Path, output: Path, lock: IO[bytes], progress: Progress) -> None:
    log = output.with_name(f"{program.name}.log")
    # Nice: a build takes minutes of every core, and the user waits for the processes beside it.
    command = ["nice", "go", "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"]
    command += ["-gcflags", NO_DEBUGGING, "-ldflags", _ldflags(program, module)]
    command += ["-tags", ",".join(program.tags), "-o", str(output), program.package]
    with log.open("wb") as written:
        # The compiler inherits the lock: if this process is killed, the next run waits for the compiler.
        process = subprocess.Popen(
            command,
            cwd=module,
            env=_environment(program.cgo),
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            pass_fds=(lock.fileno(),),
        )
        try:
            _watch(process, program, log, progress)
        except BaseException:
            process.send_signal(signal.SIGINT)  # only on SIGINT does go remove its working folder
            process.wait()
            raise
    if process.returncode != 0:
        raise BuildError(f"building {program.name} failed; {end_of(log)}")


def _copy_files(program: Program, module: Path, target: Path) -> None:
    if not program.files:
        return
    command = ["go", "list", "-m", "-mod=readonly", "-f", "{{.Dir}}", program.pinned]
    answer = subprocess.run(command, cwd=module, env=_environment(), capture_output=True, text=True)
    for pattern in program.files:
        files = sorted(Path(answer.stdout.strip()).glob(pattern)) if answer.returncode == 0 else []
        if not files:
            raise BuildError(
                f"{program.name}: no file {pattern} in {program.pinned}: {answer.stderr.strip()}"
            )
        for file in files:
            (target / file.name).write_bytes(file.read_bytes())


def _watch(process: subprocess.Popen[bytes], program: Program, log: Path, progress: Progress) -> None:
    """Report the state of the build every REPORT_SECONDS until it ends."""
    began = time.monotonic()
    progress(f"building {program.name} from source (all programs: about 25 minutes, once)")
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
            progress(f"building {program.name}: {done}, {time.monotonic() - began:.0f} s")
