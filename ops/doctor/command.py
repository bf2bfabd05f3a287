"""`python -m ops doctor`: whether the clusters and the account have what a stack needs.

Looks at each prerequisite of a deployment and says what is missing, and what to do. Changes nothing. Ends
with 6 when something is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from clients.kubernetes_api import KubernetesError
from ops import aws, cluster_access, stack
from ops.doctor import in_account, in_cluster
from ops.doctor.findings import Finding, lacking
from ops.errors import CHECK_FAILED, DONE, OperatorError
from ops.stack import Stack
from ops.terminal import say
from settings import clusters_of


def add_arguments(command: argparse.ArgumentParser) -> None:
    stack.add_arguments(command)
    aws.add_arguments(command)
    cluster_access.add_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    known = stack.load(arguments)
    say(f"looking at what the stack {known.name} needs")
    missing = 0
    for one in _findings(known, arguments):
        say(f"{'found  ' if one.good else 'MISSING'}  {one.place}: {one.what}: {one.told}")
        if not one.good:
            missing += 1
            say(f"         → {one.remedy}")
    say(f"{missing} missing" if missing else "nothing is missing")
    return CHECK_FAILED if missing else DONE


def _findings(known: Stack, arguments: argparse.Namespace) -> Iterator[Finding]:
    yield from _account(known, arguments)
    reached = []
    for plan in clusters_of(known.settings):
        try:
            cluster = cluster_access.cluster_of(known, plan, arguments.context, arguments.state)
        except OperatorError as error:
            yield lacking(plan.folder, "cluster", str(error), "then ask again: it was not looked at")
            continue
        reached.append((plan, cluster))
        for check in in_cluster.CHECKS:
            yield from _told(plan.folder, check.__name__, partial(check, known.settings, plan, cluster))
    for across in in_cluster.ACROSS:
        yield from _told("clusters", across.__name__, partial(across, known.settings, reached))


def _account(known: Stack, arguments: argparse.Namespace) -> Iterator[Finding]:
    try:
        access = aws.aws_access(known, arguments.state)
        yield from in_account.credentials(known, access)
    except OperatorError as error:
        yield lacking(
            in_account.ACCOUNT, "credentials", str(error), "then ask again: nothing else was looked at"
        )
        return
    for check in in_account.CHECKS:
        yield from _told(in_account.ACCOUNT, check.__name__, partial(check, known, access))


def _told(place: str, what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """One check; where it may not look, that is what is missing."""
    try:
        yield from look()
    except (OperatorError, KubernetesError, BotoCoreError, ClientError) as error:
        yield lacking(place, what.replace("_", " "), str(error), "it could not be looked at: see why")
