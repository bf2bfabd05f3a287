"""`python -m ops validate`: check whether a running platform keeps its promises to its tenants.

The command checks tenancy isolation, persistence, sidecar communication and the four pillars, for each
company in each of its regions: on a stack's clusters (`--stack`, `--config`, `--context`) or, without a
cluster, on processes that it starts and kills on this machine (`--brain`, `--health-monitor`). It stores test
data and removes it; with `--read-only` it stores none, with fewer checks. On a cluster it disturbs nothing.
With `--destructive` it also deletes Brains' pods, restarts nodes and deletes volumes, and waits until all is
restored; without `--destructive` the report says `not tried: needs --destructive` for these checks. The exit
code is 6 when a check failed.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from ops import aws, cluster_access, confirmation
from ops import stack as stacks
from ops.errors import CHECK_FAILED, DONE, INTERRUPTED, WRONG_CALL, OperatorError
from ops.probing.signals import Signals
from ops.stack import Stack
from ops.terminal import say
from ops.validation.marker import run_id
from ops.validation.pod_target import targets_of
from ops.validation.process_target import Commands, ProcessTarget
from ops.validation.report import Report
from ops.validation.run import Run
from ops.validation.session import Session
from ops.validation.target import Limits, Target
from plan.names import LOCAL

COMPANIES = ("company-a", "company-b")
"""Of processes on this machine, without `--companies`."""
REPORTS = Path("validation")


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    aws.add_arguments(command)
    cluster_access.add_arguments(command)
    command.add_argument(
        "--companies", nargs="+", metavar="NAME", help="default: all of the stack's companies"
    )
    disturbing = command.add_mutually_exclusive_group()
    disturbing.add_argument(
        "--read-only",
        action="store_true",
        help="store no test data either: only the checks that need none",
    )
    disturbing.add_argument(
        "--destructive",
        action="store_true",
        help="also delete Brains' pods, restart nodes and delete volumes (default: disturb nothing, and"
        " report these checks as `not tried: needs --destructive`)",
    )
    confirmation.add_arguments(command)
    command.add_argument(
        "--out", type=Path, default=REPORTS, help="folder of the reports (default: validation)"
    )
    command.add_argument("--brain", metavar="CMD", help="no cluster: the shell command that starts a Brain")
    command.add_argument(
        "--health-monitor", metavar="CMD", help="no cluster: the shell command that starts a health monitor"
    )


def run(arguments: argparse.Namespace) -> int:
    return validate(arguments, Limits())


def validate(arguments: argparse.Namespace, limits: Limits) -> int:
    """`run`, with other limits."""
    on_machine = _is_on_machine(arguments)
    started, began = datetime.now(UTC), time.monotonic()
    opened = _processes(arguments, started, limits) if on_machine else _pods(arguments, limits)
    with Signals("wait: what the run stored is being removed"), opened as (title, targets):
        state = Run(id=run_id(), targets=targets, limits=limits)
        say(f"validating {title} (run {state.id})")
        session = Session(
            state,
            cluster=not on_machine,
            destructive=arguments.destructive,
            read_only=arguments.read_only,
        )
        try:
            session.run()
        except KeyboardInterrupt:
            session.interrupted = True
    report = Report(
        run=state.id,
        target=title,
        started=started,
        seconds=time.monotonic() - began,
        interrupted=session.interrupted,
        outcomes=session.outcomes,
    )
    junit, json_file = report.write(arguments.out)
    say(f"\n{report.summary}\nreports: {junit}, {json_file}")
    if session.interrupted:
        return INTERRUPTED
    return CHECK_FAILED if report.failed else DONE


def _is_on_machine(arguments: argparse.Namespace) -> bool:
    """Raises OperatorError for a call that names both a cluster and processes, or one process."""
    commands = {"--brain": arguments.brain, "--health-monitor": arguments.health_monitor}
    if not any(commands.values()):
        return False
    for name, command in commands.items():
        if not command:
            raise OperatorError(
                f"{name}: missing (required beside the other command); must be the command that starts it",
                WRONG_CALL,
            )
    for name in ("stack", "config", "context", "destructive", "read-only"):
        if getattr(arguments, name.replace("-", "_")):
            raise OperatorError(
                f"--{name}: must not be set with --brain, which checks processes without a cluster",
                WRONG_CALL,
            )
    if len(set(arguments.companies or COMPANIES)) < 2:
        raise OperatorError("--companies: must be two companies or more; got one", WRONG_CALL)
    return True


@contextmanager
def _processes(
    arguments: argparse.Namespace, started: datetime, limits: Limits
) -> Iterator[tuple[str, Sequence[Target]]]:
    """The title of the run, and its targets."""
    commands = Commands(brain=arguments.brain, health_monitor=arguments.health_monitor)
    companies = tuple(dict.fromkeys(arguments.companies or COMPANIES))
    logs = arguments.out / started.strftime("%Y-%m-%dT%H-%M-%SZ")
    with tempfile.TemporaryDirectory(prefix="validation-", ignore_cleanup_errors=True) as folder:
        volumes = Path(folder).resolve()
        targets = [ProcessTarget(company, commands, volumes, logs, limits) for company in companies]
        yield f"processes on this machine: {', '.join(companies)}", targets


@contextmanager
def _pods(arguments: argparse.Namespace, limits: Limits) -> Iterator[tuple[str, Sequence[Target]]]:
    """The title of the run, and its targets."""
    if arguments.stack is None and arguments.config is None:
        arguments.stack = LOCAL
    stack = stacks.load(arguments)
    if arguments.destructive:
        _confirm(stack, arguments)
    targets = targets_of(stack, arguments.companies, arguments.context, arguments.state, limits)
    regions = ", ".join(dict.fromkeys(target.region for target in targets))
    companies = ", ".join(dict.fromkeys(target.company for target in targets))
    yield f"stack {stack.name}: {companies} in {regions}", targets


def _confirm(stack: Stack, arguments: argparse.Namespace) -> None:
    """A node's restart disturbs every company that has pods there."""
    chosen = [stack.company(name) for name in arguments.companies or ()] or stack.settings.companies
    regions = {region.name for company in chosen for region in stack.settings.regions_of(company)}
    effect = (
        f"Brains and nodes restart, and the Brains' volumes are deleted and restored,"
        f" in {', '.join(name for name in stack.regions if name in regions)}"
    )
    confirmation.confirm(stack, effect, stack.companies_in(*regions), arguments)
