"""Simulated outages: `python -m ops drill` with one run, after a dry run whose token confirms it."""

from __future__ import annotations

import argparse
import threading
import time
from contextlib import closing

from anyio import to_thread

from ops import confirmation
from ops import stack as stacks
from ops.drill.faults.kinds import DESCRIPTIONS, FaultKind
from ops.drill.journal import Journal, path_of
from ops.errors import CHECK_FAILED, DONE, OperatorError
from ops.mcp import reports
from ops.mcp.commands import Commands, Progress
from ops.mcp.confirmations import LIFETIME_SECONDS, Confirmations, Outage
from ops.mcp.results import DrillReport, OutageResult
from ops.stack import Stack
from ops.terminal import complain

POLL_SECONDS = 0.5


class Outages:
    """Of one server. Methods raise OperatorError."""

    def __init__(self, arguments: argparse.Namespace, commands: Commands) -> None:
        self._arguments, self._commands = arguments, commands
        self._confirmations = Confirmations()
        self._running: Outage | None = None

    def dry_run(self, region: str, fault: FaultKind) -> OutageResult:
        self._require_none()
        stack = stacks.load(self._arguments)
        result = self._planned(stack, region, fault)
        token = self._confirmations.issue(_outage(stack, region, fault))
        return result.model_copy(update={"confirmation_token": token, "expires_in_seconds": LIFETIME_SECONDS})

    async def run(self, region: str, fault: FaultKind, token: str | None, progress: Progress) -> OutageResult:
        """The token is used when the drill starts, which may still find that nothing can be done."""
        self._require_none()
        stack = stacks.load(self._arguments)
        planned = await to_thread.run_sync(self._planned, stack, region, fault)
        self._require_none()  # Another may have begun meanwhile.
        outage = _outage(stack, region, fault)
        self._confirmations.use(token, outage)
        self._running = outage
        try:
            report = await self._drill(stack, region, fault, progress)
        finally:
            self._running = None
        done = "; ".join(each for run in report.runs for each in run.done)
        return planned.model_copy(update={"dry_run": False, "effect": done, "report": report})

    async def _drill(self, stack: Stack, region: str, fault: FaultKind, progress: Progress) -> DrillReport:
        known = reports.names(self._arguments.reports, stack.name)
        options = [*self._options(), "--region", region, "--way", str(fault), confirmation.CONFIRMED]
        finished = await self._commands.follow(["drill", *options], progress)
        if finished.code not in (DONE, CHECK_FAILED):
            if self._journal(stack).entries():  # The drill was killed.
                await self._commands.follow(["drill", *self._options(), "--restore"], progress)
            raise OperatorError(
                finished.errors or f"the drill ended with exit code {finished.code}, and printed no reason"
            )
        new = [name for name in reports.names(self._arguments.reports, stack.name) if name not in known]
        if not new:
            raise OperatorError(f"the drill has ended, and left no report in {self._arguments.reports}")
        return reports.read(self._arguments.reports, stack.name, new[0])

    def now(self, stack: Stack) -> str:
        """The outage that runs, or is not put back yet; empty without one."""
        if self._running:
            return str(self._running)
        journal = self._journal(stack)
        try:
            journal.require_unlocked()
            left = [entry["what"] for entry in journal.entries()]
        except OperatorError as error:
            return str(error)
        return f"a drill has not put back: {', '.join(left)}" if left else ""

    def put_back_leftovers(self, stack: Stack) -> None:
        """Start to put back what a drill has left that was killed, as its server was. One that is still
        putting back is waited for."""
        journal = self._journal(stack)
        if journal.entries():
            threading.Thread(target=self._put_back, args=[journal], daemon=True).start()

    def _put_back(self, journal: Journal) -> None:
        while True:
            try:
                journal.require_unlocked()
                break
            except OperatorError:
                time.sleep(POLL_SECONDS)
        if journal.entries():
            complain("an earlier drill has not put back all of its changes: this is done now")
            self._commands.start(["drill", *self._options(), "--restore"], _show)

    def _require_none(self) -> None:
        if self._running:
            raise OperatorError(
                f"an outage runs already: {self._running}; wait until it has ended (get_status)"
            )

    def _planned(self, stack: Stack, region: str, fault: FaultKind) -> OutageResult:
        """After all that can be checked without doing anything."""
        from ops.drill import target as targets
        from ops.drill.run import OUTAGE_SECONDS
        from ops.drill.scenario import scenario_of

        if region not in stack.regions:
            raise OperatorError(f"region: must be one of {', '.join(stack.regions)}; got {region}")
        journal = self._journal(stack)
        journal.require_unlocked()
        scenario = scenario_of(stack, region, (), quick_replication=False)
        state, contexts = self._arguments.state, self._arguments.context
        target = targets.target_of(stack, contexts, state, journal, complain)
        with closing(target.forwards):
            target.require_possible(fault, region)
            target.require_another(region, last_serving=False)
        companies = stack.companies_in(region)
        return OutageResult(
            dry_run=True,
            stack=stack.name,
            region=region,
            fault=fault,
            effect=f"{region} is taken down once: {DESCRIPTIONS[fault]}; then it is brought back",
            companies=[company.name for company in companies],
            protected=[company.name for company in companies if company.protect],
            at_most_seconds=OUTAGE_SECONDS,
            promised_gap_seconds=scenario.limits.gap,
            confirmation_token=None,
            expires_in_seconds=None,
            report=None,
        )

    def _journal(self, stack: Stack) -> Journal:
        return Journal(path_of(stack.name, self._arguments.state))

    def _options(self) -> list[str]:
        return [*stack_options(self._arguments), "--out", str(self._arguments.reports.resolve())]


def stack_options(arguments: argparse.Namespace) -> list[str]:
    """The options with which a command finds the same stack."""
    options = ["--state", str(arguments.state.resolve())]
    if arguments.config is not None:
        options += ["--config", str(arguments.config.resolve())]
    if arguments.stack is not None:
        options += ["--stack", arguments.stack]
    if arguments.context:
        options += ["--context", *arguments.context]
    return options


def _outage(stack: Stack, region: str, fault: FaultKind) -> Outage:
    return Outage(stack=stack.name, region=region, fault=fault)


def _show(line: str | None) -> None:
    if line:
        complain(line)
