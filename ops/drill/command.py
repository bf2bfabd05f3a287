"""`python -m ops drill`: take a region down, measure the failover, bring the region back, and report.

The drill stores markers and removes them. It puts back whatever it changes, however it ends; if it is killed,
the next drill does so, or `--restore`. The exit code is 6 when a promise did not hold or was not observed.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops import aws, cluster_access, confirmation
from ops import stack as stacks
from ops.drill.faults.kinds import FaultKind
from ops.drill.journal import Journal, path_of
from ops.errors import CHECK_FAILED, DONE, INTERRUPTED, WRONG_CALL, OperatorError
from ops.probing.signals import Signals
from ops.stack import Stack
from ops.terminal import say
from plan.names import LOCAL

if TYPE_CHECKING:
    # The Kubernetes client takes most of a second to load: only drills pay for it.
    from ops.drill.scenario import Scenario
    from ops.drill.target import Target

ALL = "all"
REPORTS = Path("drills")


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    aws.add_arguments(command)
    command.add_argument("--region", help="the region to take down")
    command.add_argument(
        "--way",
        choices=[*FaultKind, ALL],
        default=FaultKind.SCALE,
        help="fault to inject: scale: workloads scaled to 0 (default); node: nodes stopped; zone: the node of"
        " one zone stopped, its companies moved to another zone; network: network cut; gray: applications"
        " hang. node, zone and network: only on the local target",
    )
    command.add_argument("--runs", type=_count, default=1, metavar="N", help="runs per fault (default: 1)")
    command.add_argument(
        "--company",
        nargs="+",
        default=[],
        metavar="NAME",
        dest="companies",
        help="companies to watch (default: all that are in the region and in another region)",
    )
    cluster_access.add_arguments(command)
    command.add_argument(
        "--last-serving", action="store_true", help="take the region down even if no other region serves"
    )
    confirmation.add_arguments(command)
    command.add_argument("--out", type=Path, default=REPORTS, help="folder of the reports (default: drills)")
    command.add_argument(
        "--restore", action="store_true", help="only put back the changes of a drill that was killed"
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.stack is None and arguments.config is None:
        arguments.stack = LOCAL
    stack = stacks.load(arguments)
    if not arguments.restore and not arguments.region:
        raise OperatorError("--region: missing (required), unless --restore is set", WRONG_CALL)
    journal = Journal(path_of(stack.name, arguments.state))
    with Signals("wait: the drill is putting back what it changed") as signals:
        try:
            return _run(arguments, stack, journal, signals)
        except KeyboardInterrupt:
            left = "; --restore removes its markers" if journal.entries() else ""
            print(f"interrupted; the region is as it was{left}", file=sys.stderr)
            return INTERRUPTED


def _run(arguments: argparse.Namespace, stack: Stack, journal: Journal, signals: Signals) -> int:
    from ops.drill.recovery import recover
    from ops.drill.target import target_of

    target = target_of(stack, arguments.context, arguments.state, journal, say)
    with journal.locked(), closing(target.forwards):
        if journal.entries():
            say("an earlier drill has not put back all of its changes")
            recover(target, signals)
        elif arguments.restore:
            say("there is nothing to put back")
        return DONE if arguments.restore else _drill(arguments, target, signals)


def _drill(arguments: argparse.Namespace, target: Target, signals: Signals) -> int:
    from ops.drill.drill import Drill, write
    from ops.drill.report.live import summary
    from ops.drill.scenario import scenario_of

    stack, region = target.stack, arguments.region
    faults = _faults(arguments.way, target, region) * arguments.runs
    client_regions = target.client_regions(region)
    scenario = scenario_of(
        stack, region, arguments.companies, quick_replication=target.local, client_regions=client_regions
    )
    target.require_another(region, last_serving=arguments.last_serving)
    times = "once" if len(faults) == 1 else f"{len(faults)} times"
    what = f"a zone of {region}" if {*faults} == {FaultKind.ZONE} else region
    moved = ", and its companies get new volumes in another zone" if FaultKind.ZONE in faults else ""
    effect = f"{what} is taken down {times} ({', '.join(dict.fromkeys(faults))}){moved}"
    confirmation.confirm(stack, effect, stack.companies_in(region), arguments)
    _announce(target, scenario, faults)
    drill = Drill(
        target=target,
        scenario=scenario,
        signals=signals,
        started=datetime.now(UTC),
        seed=secrets.randbits(32),
        say=say,
        last_serving=arguments.last_serving,
    )
    try:
        drill.play(faults)
    finally:
        report = drill.report()
        for path in write(report, arguments.out):
            say(f"{path}")
    say(summary(report))
    return DONE if report.ok else CHECK_FAILED


def _faults(way: str, target: Target, region: str) -> list[FaultKind]:
    """Raises OperatorError for a fault that this stack cannot have."""
    if way != ALL:
        target.require_possible(FaultKind(way), region)
        return [FaultKind(way)]
    obstacles = {kind: target.obstacle(kind, region) for kind in FaultKind}
    for obstacle in dict.fromkeys(filter(None, obstacles.values())):
        kinds = [kind for kind in FaultKind if obstacles[kind] == obstacle]
        say(f"left out: {', '.join(kinds)}: {obstacle}")
    return [kind for kind in FaultKind if not obstacles[kind]]


def _announce(target: Target, scenario: Scenario, faults: list[FaultKind]) -> None:
    from ops.drill.scenario import MOST_WATCHED

    companies = len(target.stack.companies_in(scenario.region))
    if companies > MOST_WATCHED and len(scenario.namespaces) == MOST_WATCHED:
        say(f"watching {MOST_WATCHED} of {companies} companies; name others with --company")
    runs = f"{len(faults)} runs ({', '.join(faults)})" if len(faults) > 1 else f"one run ({faults[0]})"
    watched = ", ".join(scenario.namespaces)
    say(f"drill of {scenario.region}, stack {scenario.stack}: {runs}, watching {watched}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text}")
    return int(text)
