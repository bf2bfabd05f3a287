"""A run from its first check to its clean-up."""

from __future__ import annotations

import time
from collections.abc import Sequence

import urllib3

from clients.http_client import HttpError
from clients.kubernetes_api import KubernetesError
from ops.errors import OperatorError
from ops.probing.containers import GATE
from ops.probing.failure import Failure
from ops.probing.signals import uninterrupted
from ops.terminal import say
from ops.validation import cleanup
from ops.validation.check_table import CHECKS, Check
from ops.validation.results import Area, Outcome, Status, Verdict
from ops.validation.run import Run
from ops.validation.target import Target

EXPLAINED = (Failure, HttpError, OperatorError, KubernetesError)
"""Errors whose text says what is wrong."""
EXPECTED = (*EXPLAINED, OSError, urllib3.exceptions.HTTPError, LookupError, ValueError)
"""What checks raise where the platform is not as it should be."""
WIDTHS = (22, 24, 16, 17)


class Session:
    """Runs checks and keeps their outcomes."""

    def __init__(
        self,
        run: Run,
        *,
        cluster: bool,
        destructive: bool,
        read_only: bool = False,
        checks: Sequence[Check] = CHECKS,
    ) -> None:
        self.outcomes: list[Outcome] = []
        self.interrupted = False
        self._run, self._checks = run, checks
        self._cluster, self._destructive, self._read_only = cluster, destructive, read_only
        self._silent: dict[Target, str] = {}
        """Targets that do not answer, and the reason why later checks are not tried."""
        self._unstored: set[Target] = set()

    def run(self) -> None:
        """All checks, one region after the other, then the clean-up, also after an interruption."""
        say(HEADS)
        try:
            for region in dict.fromkeys(target.region for target in self._run.targets):
                if region:
                    say(region)
                targets = [target for target in self._run.targets if target.region == region]
                for check in self._checks:
                    for target in targets:
                        self._check(check, target)
        except KeyboardInterrupt:
            self.interrupted = True
            say("interrupted: no further check; what the run stored is removed")
        finally:
            with uninterrupted("what the run stored is being removed"):
                for target in self._run.targets:
                    self._clean_up(target)

    def _check(self, check: Check, target: Target) -> None:
        began = time.monotonic()
        try:
            verdict, look = self._excused(check, target) or check.module.check(self._run, target), ""
        except EXPECTED as error:
            if check.area is Area.APPLICATION and check.stores:
                self._unstored.add(target)
            elif check.area is Area.APPLICATION:
                self._silent[target] = f"{target.name} does not answer, see above"
            verdict, look = _failed(error, target)
        self._record(check.area, check.name, target, verdict, look, began)

    def _excused(self, check: Check, target: Target) -> Verdict | None:
        """The verdict on a check that cannot be tried; None: it can."""
        if check.needs_cluster and not self._cluster:
            return Verdict(status=Status.NEEDS_CLUSTER, detail="processes on this machine have none")
        if self._read_only and not check.reads_only:
            return Verdict(status=Status.NOT_TRIED, detail="stores test data, which --read-only forbids")
        # Without a cluster the processes are the run's own.
        if check.destructive and self._cluster and not self._destructive:
            return Verdict(status=Status.NOT_TRIED, detail="needs --destructive")
        if target in self._silent:
            return Verdict(status=Status.NOT_TRIED, detail=self._silent[target])
        if check.stores and (reason := target.standby_reason()):
            return Verdict(status=Status.NOT_APPLICABLE, detail=reason)
        if check.stores and target in self._unstored:
            return Verdict(status=Status.NOT_TRIED, detail="nothing could be stored, see above")
        return None

    def _clean_up(self, target: Target) -> None:
        """Remove the marker, and end port-forwards and processes."""
        began = time.monotonic()
        try:
            if target in self._silent and target not in self._run.queried:
                return
            verdict, look = Verdict(status=Status.PASSED, detail=cleanup.remove(self._run, target)), ""
        except EXPECTED as error:
            verdict, look = _failed(error, target)
        finally:
            target.close()
        self._record(Area.CLEAN_UP, "removed", target, verdict, look, began)

    def _record(
        self, area: Area, name: str, target: Target, verdict: Verdict, look: str, began: float
    ) -> None:
        outcome = Outcome(
            area=area,
            check=name,
            company=target.company,
            region=target.region,
            status=verdict.status,
            detail=verdict.detail,
            look=look,
            seconds=time.monotonic() - began,
        )
        self.outcomes.append(outcome)
        say(row(outcome))


def _failed(error: Exception, target: Target) -> tuple[Verdict, str]:
    """The verdict, and what to look at."""
    cause = str(error) if isinstance(error, EXPLAINED) else repr(error)
    look = error.look if isinstance(error, Failure) else target.logs(GATE)
    return Verdict(status=Status.FAILED, detail=cause), look


def row(outcome: Outcome) -> str:
    """A line of the table; after a failure two more, with its cause and what to look at."""
    failed = outcome.status is Status.FAILED
    status = outcome.status.upper() if failed else outcome.status
    line = _cells(outcome.area, outcome.check, outcome.company, status, f"{outcome.seconds:6.1f} s")
    if failed:
        return f"{line}\n    cause: {outcome.detail}\n    look at: {outcome.look}"
    return f"{line}  {outcome.detail}"


def _cells(area: str, check: str, company: str, result: str, last: str) -> str:
    widths = zip((area, check, company, result), WIDTHS, strict=True)
    return "  ".join([*(cell.ljust(width) for cell, width in widths), last])


HEADS = _cells("area", "check", "company", "result", "seconds")
