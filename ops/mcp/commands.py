"""Runs commands of `python -m ops` in processes of their own: only there do signals interrupt them, and only
there do they outlive a server that is killed until they have put back what they changed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from ops.stack_file import PROGRAM
from ops.terminal import complain

CHILD: Sequence[str] = (sys.executable, "-m", "ops.mcp.child")

Progress = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Finished:
    code: int
    errors: str
    """What the command printed to standard error."""


class Process:
    """`on_line` gets the lines of standard output, and None at its end, in a thread of its own."""

    def __init__(self, arguments: Sequence[str], on_line: Callable[[str | None], object]) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        # A session of its own: an MCP client kills the process group of a server that ends too slowly.
        self._process = subprocess.Popen(
            [*CHILD, *arguments],
            cwd=PROGRAM.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._on_line = on_line
        self._drain = threading.Thread(target=self._read)
        self._drain.start()

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        """Ask the process to put back what it changed, and to end."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def wait(self) -> Finished:
        self._drain.join()
        code = self._process.wait()
        self.end()
        self._errors.seek(0)
        return Finished(code=code, errors=self._errors.read().strip().removeprefix("error: "))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._on_line(line.rstrip("\n"))
        self._process.wait()
        self._on_line(None)


class Commands:
    """The processes of one server."""

    def __init__(self) -> None:
        self._processes: list[Process] = []

    def start(self, arguments: Sequence[str], on_line: Callable[[str | None], object]) -> Process:
        self._processes = [each for each in self._processes if each.running]
        process = Process(arguments, on_line)
        self._processes.append(process)
        return process

    async def follow(self, arguments: Sequence[str], progress: Progress) -> Finished:
        """Run a command to its end. If this is cancelled, the process puts back what it changed, and ends."""
        loop = asyncio.get_running_loop()
        lines: asyncio.Queue[str | None] = asyncio.Queue()

        def put(line: str | None) -> None:
            with suppress(RuntimeError):  # The loop has ended: nobody follows any more.
                loop.call_soon_threadsafe(lines.put_nowait, line)

        process = self.start(arguments, put)
        try:
            while (line := await lines.get()) is not None:
                if line.strip():
                    await progress(line.strip())
        finally:
            process.end()
        return process.wait()

    def end(self, wait: str) -> bool:
        """End all processes, and wait until they have put back what they changed; `wait` is printed
        meanwhile. Returns whether any ran."""
        running = [each for each in self._processes if each.running]
        for process in running:
            process.end()
        if running:
            complain(wait)
        for process in running:
            process.wait()
        return bool(running)
