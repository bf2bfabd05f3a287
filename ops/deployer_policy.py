"""`python -m ops deployer-policy`: print the IAM policy that whoever deploys a stack needs.

With `--zone`, that of the role `hostedZoneRoleArn`, in the account of the hosted zone. Nothing is called.
"""

from __future__ import annotations

import argparse
import json

from engine.recorder import Recorder
from ops import stack as stacks
from ops.errors import WRONG_CALL, OperatorError
from ops.stack import Stack
from ops.stack_file import record
from ops.terminal import complain
from plan.deployer import Made, deployer_policy, zone_policy
from plan.limits import MANAGED_POLICY
from plan.names import account_prefix, replication_role_name


def add_arguments(command: argparse.ArgumentParser) -> None:
    stacks.add_arguments(command)
    command.add_argument("--zone", action="store_true", help="the policy of the hosted zone's role")


def run(arguments: argparse.Namespace) -> int:
    stack = stacks.load(arguments)
    if arguments.zone and not stack.settings.hosted_zone_role_arn:
        raise OperatorError(f"--zone: {stack.file} has no hostedZoneRoleArn", WRONG_CALL)
    made = made_by(stack, record(stack.file, stack.name))
    policy = zone_policy(made) if arguments.zone else deployer_policy(made)
    print(json.dumps(policy, indent=2))
    size = len(json.dumps(policy, separators=(",", ":")))
    if size > MANAGED_POLICY.most:
        complain(
            f"the policy has {size} characters, but {MANAGED_POLICY.most} {MANAGED_POLICY.what} are the most"
            f" ({MANAGED_POLICY.source}): put it into the deploying role itself, with aws iam put-role-policy"
        )
    return 0


def made_by(stack: Stack, recorder: Recorder) -> Made:
    settings = stack.settings
    resources = [each for each in recorder.registrations.values() if each.type.startswith("aws:")]
    roles = settings.role_names(stack.name)
    own = [roles.region(region) for region in stack.regions]
    own.append(replication_role_name(settings.resource_prefix, stack.name))
    patterns = {roles.arn(name) for name in own}
    patterns |= {pattern for region in stack.regions for pattern in roles.gates(region)}
    return Made(
        types={each.type for each in resources},
        functions={token for token, _, _ in recorder.invokes if token.startswith("aws:")},
        buckets=[stack.bucket(region) for region in stack.regions],
        roles=patterns,
        zones=[settings.hosted_zone_id] if settings.hosted_zone_id else [],
        prefix=account_prefix(settings.resource_prefix, stack.name),
        boundary=settings.permissions_boundary,
        zone_role=settings.hosted_zone_role_arn,
    )
