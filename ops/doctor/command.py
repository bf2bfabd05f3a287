"""`python -m ops doctor`: check that the clusters and the AWS account have what a stack needs.

The command checks each prerequisite of a deployment, and says what is missing and what to do. It changes
nothing. The exit code is 6 when something is missing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial

from botocore.exceptions import BotoCoreError, ClientError

from clients.kubernetes_api import KubernetesError
from ops import aws, cluster_access
from ops import stack as stacks
from ops.doctor import in_account, in_cluster
from ops.doctor.findings import Finding, missing
from ops.errors import CHECK_FAILED, DONE, OperatorError
from ops.stack import Stack
from ops.terminal import say
from settings import clusters_of


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    aws.add_arguments(command)
    cluster_access.add_arguments(command)


def run(arguments: argparse.Namespace) -> int:
    stack = stacks.load(arguments)
    say(f"checking what the stack {stack.name} needs")
    problems = 0
    for each in _findings(stack, arguments):
        say(f"{'ok     ' if each.ok else 'MISSING'}  {each.place}: {each.what}: {each.detail}")
        if not each.ok:
            problems += 1
            say(f"         → {each.remedy}")
    say(f"{problems} missing" if problems else "nothing is missing")
    return CHECK_FAILED if problems else DONE


def _findings(stack: Stack, arguments: argparse.Namespace) -> Iterator[Finding]:
    yield from _account(stack, arguments)
    reached = []
    for plan in clusters_of(stack.settings):
        try:
            cluster = cluster_access.cluster_of(stack, plan, arguments.context, arguments.state)
        except OperatorError as error:
            yield missing(plan.id, "cluster", str(error), "correct this, then repeat the command")
            continue
        reached.append((plan, cluster))
        for check in in_cluster.CHECKS:
            yield from _checked(plan.id, check.__name__, partial(check, stack.settings, plan, cluster))
    for across in in_cluster.ACROSS:
        yield from _checked("clusters", across.__name__, partial(across, stack.settings, reached))


def _account(stack: Stack, arguments: argparse.Namespace) -> Iterator[Finding]:
    try:
        access = aws.aws_access(stack, arguments.state)
        yield from in_account.credentials(stack, access)
    except OperatorError as error:
        yield missing(in_account.ACCOUNT, "credentials", str(error), "correct this, then repeat the command")
        return
    for check in in_account.CHECKS:
        yield from _checked(in_account.ACCOUNT, check.__name__, partial(check, stack, access))


def _checked(place: str, what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Without the rights for a check, the rights are missing."""
    try:
        yield from check()
    except (OperatorError, KubernetesError, BotoCoreError, ClientError) as error:
        remedy = "correct this, then repeat the command: the rest of this check did not run"
        yield missing(place, what.replace("_", " "), f"not known: {error}", remedy)
