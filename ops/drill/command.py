"""`python -m ops drill`: take a region down, watch, bring it back, and write down what was seen.

It stores marked memories of its own and removes them. Whatever it changes it puts back, however it ends; what
it could not put back, the next drill does, or `--restore`. Ends with 6 when a promise did not hold, or
something could not be observed.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ops import aws, cluster_access, confirmation, stack
from ops.drill.journal import Journal, path_of
from ops.drill.signals import Signals
from ops.drill.ways import LOCAL_WAYS, Way
from ops.errors import CHECK_FAILED, DONE, INTERRUPTED, WRONG_CALL, OperatorError
from ops.stack import Stack
from ops.terminal import say
from plan.names import LOCAL

if TYPE_CHECKING:
    # It takes most of a second to load what clusters are reached with: only who drills pays for it.
    from ops.drill.world import Target

ALL = "all"
REPORTS = Path("drills")


def add_arguments(command: argparse.ArgumentParser) -> None:
    stack.add_arguments(command)
    aws.add_arguments(command)
    command.add_argument("--region", help="that is taken down")
    command.add_argument(
        "--way",
        choices=[*Way, ALL],
        default=Way.SCALE,
        help="scale: its workloads scaled away (default); node: its node stopped; network: its network cut;"
        " gray: it hangs. node and network: on the local target alone",
    )
    command.add_argument("--runs", type=_count, default=1, metavar="N", help="of each way (default: 1)")
    command.add_argument(
        "--company",
        nargs="+",
        default=[],
        metavar="NAME",
        dest="companies",
        help="to watch (default: all that live in the region and another)",
    )
    cluster_access.add_arguments(command)
    command.add_argument("--last-serving", action="store_true", help="even if no other region serves")
    confirmation.add_arguments(command)
    command.add_argument("--out", type=Path, default=REPORTS, help="folder of the reports (default: drills)")
    command.add_argument(
        "--restore", action="store_true", help="only put back what a drill that was killed has left"
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.stack is None and arguments.config is None:
        arguments.stack = LOCAL
    known = stack.load(arguments)
    if not arguments.restore and not arguments.region:
        raise OperatorError("--region: none given; accepted: a region of the stack, or --restore", WRONG_CALL)
    journal = Journal(path_of(known.name, arguments.state))
    with Signals(say) as signals:
        try:
            return _run(arguments, known, journal, signals)
        except KeyboardInterrupt:
            left = "; --restore removes what it stored" if journal.entries() else ""
            print(f"interrupted; the region is as it was{left}", file=sys.stderr)
            return INTERRUPTED


def _run(arguments: argparse.Namespace, known: Stack, journal: Journal, signals: Signals) -> int:
    from ops.drill.recovery import recover
    from ops.drill.world import target_of

    target = target_of(known, arguments.context, arguments.state, journal, say)
    with journal.locked(), closing(target.doors):
        if journal.entries():
            say("a drill before this one has not put back everything")
            recover(target, signals)
        elif arguments.restore:
            say("nothing is left to put back")
        return DONE if arguments.restore else _drill(arguments, target, signals)


def _drill(arguments: argparse.Namespace, target: Target, signals: Signals) -> int:
    from ops.drill import drills
    from ops.drill.scene import scene_of

    known, region = target.stack, arguments.region
    ways = _ways(arguments.way, target) * arguments.runs
    scene = scene_of(known, region, arguments.companies, quick_copies=target.local)
    target.require_another(region, last_serving=arguments.last_serving)
    times = "once" if len(ways) == 1 else f"{len(ways)} times"
    effect = f"{region} is taken down {times} ({', '.join(dict.fromkeys(ways))})"
    confirmation.confirm(known, effect, known.living_in(region), arguments)
    _tell(target, scene.namespaces, region, ways)
    drill = drills.Drill(
        target=target,
        scene=scene,
        signals=signals,
        started=datetime.now(UTC),
        seed=secrets.randbits(32),
        say=say,
    )
    try:
        drill.play(ways)
    finally:
        report = drill.report()
        for path in drills.write(report, arguments.out):
            say(f"{path}")
    say(drills.summary(report))
    return DONE if report.ok else CHECK_FAILED


def _ways(asked: str, target: Target) -> list[Way]:
    """Raises OperatorError for one that this stack cannot go."""
    if asked != ALL:
        target.outage(Way(asked), target.stack.regions[0])
        return [Way(asked)]
    if target.local:
        return list(Way)
    say(f"{' and '.join(LOCAL_WAYS)}: only on the local target, so they are left out")
    return [way for way in Way if way not in LOCAL_WAYS]


def _tell(target: Target, namespaces: Sequence[str], region: str, ways: Sequence[Way]) -> None:
    from ops.drill.scene import MOST_WATCHED

    there = len(target.stack.living_in(region))
    if there > MOST_WATCHED and len(namespaces) == MOST_WATCHED:
        say(f"watching {MOST_WATCHED} of {there} companies; name others with --company")
    runs = f"{len(ways)} runs ({', '.join(ways)})" if len(ways) > 1 else f"one run ({ways[0]})"
    say(f"drill of {region}, stack {target.stack.name}: {runs}, watching {', '.join(namespaces)}")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"got {text}; accepted: a whole number from 1 on")
    return int(text)
