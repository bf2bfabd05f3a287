"""The terminal, for all commands: tables, amounts, times, questions, progress."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from ops.errors import NOT_CONFIRMED, OperatorError

REPORT_SECONDS = 10.0
POLL_SECONDS = 0.5
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def say(text: str) -> None:
    print(lines(text), flush=True)


def complain(text: object) -> None:
    """On standard error."""
    print(lines(str(text)), file=sys.stderr, flush=True)


def plain(text: object) -> str:
    """One line that a terminal only shows. For what comes from a bucket, a pod or a cluster: it could move
    the cursor, turn the direction of text, or forge further lines."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in str(text)
    )


def lines(text: str) -> str:
    """The same for text of several lines."""
    return "\n".join(map(plain, text.split("\n")))


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell."""
    rows = [tuple(map(plain, row)) for row in rows]
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (heads, *rows)
    )


def amount(size: int) -> str:
    """Bytes as people read them."""
    value = float(size)
    for unit in _UNITS[:-1]:
        if value < 1024:
            return f"{size} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def clock(milliseconds: int) -> str:
    """A time as `--at` takes it."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def confirm(question: str, yes: bool) -> None:
    """Ask on the terminal, unless `yes`. Raises OperatorError without a yes."""
    if yes:
        return
    if not sys.stdin or not sys.stdin.isatty():
        raise OperatorError(
            "nothing was done: there is no terminal for the question; repeat the command with --yes."
            f" The question is: {question}",
            NOT_CONFIRMED,
        )
    try:
        answer = input(f"{lines(question)} [y/N] ")
    except EOFError:
        answer = ""
    if answer.strip().lower() not in ("y", "yes"):
        raise OperatorError("nothing was done: the answer was not yes", NOT_CONFIRMED)


def rounds(every: float, limit: float | None = None) -> Iterator[tuple[float, bool]]:
    """Yield the seconds that passed, each `every` seconds until `limit`; True: time to report them."""
    began, reported = time.monotonic(), float("-inf")
    while True:
        passed = time.monotonic() - began
        report = passed - reported >= REPORT_SECONDS
        reported = passed if report else reported
        yield passed, report
        if limit is not None and passed >= limit:
            return
        time.sleep(every if limit is None else min(every, max(0.0, limit - passed)))


def wait_until(
    condition: Callable[[], bool], limit: float, what: str, every: float = POLL_SECONDS
) -> float | None:
    """Seconds until the condition holds; None: not within `limit` seconds. Shows `what` it waits for."""
    began = time.monotonic()
    for elapsed, report in rounds(every, limit):
        if condition():
            return time.monotonic() - began
        if report and elapsed >= REPORT_SECONDS:
            say(f"    waiting: {what} ({elapsed:.0f} s)")
    return None
