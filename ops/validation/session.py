"""A run from its first check to its last clean-up."""

from __future__ import annotations

import time
from collections.abc import Sequence

import urllib3

from local.machine.files import LocalError
from ops.errors import OperatorError
from ops.mcp_client import McpError
from ops.terminal import say
from ops.validation.checks import CHECKS, Check
from ops.validation.interruptions import uninterrupted
from ops.validation.run import Run, who
from ops.validation.sites import Site
from ops.validation.verdicts import Area, Failure, Outcome, Status, Verdict

TOLD = (Failure, McpError, OperatorError, LocalError)
"""Errors whose text says what is wrong."""
EXPECTED = (*TOLD, OSError, urllib3.exceptions.HTTPError, LookupError, ValueError)
"""What a platform that is not well, or not as it should be, makes checks raise."""


WIDTHS = (22, 24, 16, 17)


class Session:
    """Runs checks and keeps what they came to."""

    def __init__(
        self, run: Run, *, cluster: bool, destructive: bool, checks: Sequence[Check] = CHECKS
    ) -> None:
        self.outcomes: list[Outcome] = []
        self.interrupted = False
        self._run, self._checks = run, checks
        self._cluster, self._destructive = cluster, destructive
        self._silent: dict[Site, str] = {}
        """Sites that do not answer."""
        self._unstored: set[Site] = set()

    def run(self) -> None:
        """All checks, one region after the other, then the clean-up, also when it is interrupted."""
        say(HEADS)
        try:
            for region in dict.fromkeys(site.region for site in self._run.sites):
                if region:
                    say(region)
                self._check([site for site in self._run.sites if site.region == region])
        except KeyboardInterrupt:
            self.interrupted = True
            say("interrupted: no further check; what the run stored is removed")
        finally:
            with uninterrupted("what the run stored is being removed"):
                self._clean_up()

    def _check(self, sites: Sequence[Site]) -> None:
        for check in self._checks:
            for site in sites:
                began = time.monotonic()
                verdict, look = self._judge(check, site)
                self._note(check.area, check.name, site, verdict, look, began)

    def _judge(self, check: Check, site: Site) -> tuple[Verdict, str]:
        """What the check comes to, and what to look at."""
        if check.needs_cluster and not self._cluster:
            return Verdict(status=Status.NEEDS_CLUSTER, detail="processes on this machine have none"), ""
        # Without a cluster the processes are the run's own.
        if check.destructive and self._cluster and not self._destructive:
            return Verdict(status=Status.NOT_TRIED, detail="needs --destructive"), ""
        if site in self._silent:
            return Verdict(status=Status.NOT_TRIED, detail=self._silent[site]), ""
        try:
            if check.stores and (reason := site.standby()):
                return Verdict(status=Status.NOT_APPLICABLE, detail=reason), ""
            if check.stores and site in self._unstored:
                return Verdict(status=Status.NOT_TRIED, detail="nothing could be stored, see above"), ""
            return check.judge(self._run, site), ""
        except EXPECTED as error:
            if check.area is Area.APPLICATION:
                self._lost(check, site)
            look = error.look if isinstance(error, Failure) else site.look("gate")
            return Verdict(status=Status.FAILED, detail=_cause(error)), look

    def _lost(self, check: Check, site: Site) -> None:
        if check.stores:
            self._unstored.add(site)
        else:
            self._silent[site] = f"{who(site)} does not answer, see above"

    def _clean_up(self) -> None:
        """What a mark left in a company's Brain; and that its port-forwards and processes end."""
        for site in self._run.sites:
            began, look = time.monotonic(), ""
            try:
                if site in self._silent and site not in self._run.asked:
                    continue
                done = site.forget({self._run.mark(site).space}, self._run.asked.get(site, set()))
                verdict = Verdict(status=Status.PASSED, detail=done)
            except EXPECTED as error:
                verdict = Verdict(status=Status.FAILED, detail=_cause(error))
                look = error.look if isinstance(error, Failure) else site.look("gate")
            finally:
                site.close()
            self._note(Area.CLEAN_UP, "removed", site, verdict, look, began)

    def _note(self, area: Area, name: str, site: Site, verdict: Verdict, look: str, began: float) -> None:
        outcome = Outcome(
            area=area,
            check=name,
            company=site.company,
            region=site.region,
            status=verdict.status,
            detail=verdict.detail,
            look=look,
            seconds=time.monotonic() - began,
        )
        self.outcomes.append(outcome)
        say(row(outcome))


def _cause(error: Exception) -> str:
    return str(error) if isinstance(error, TOLD) else repr(error)


def row(outcome: Outcome) -> str:
    """A line of the table; of a failure, two more that name its cause and what to look at."""
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
