"""Bucket policies, by the requests that they deny: what harms snapshots, and nothing that gates do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pulumi_policy import PolicyResource, Severity

from plan.iam import SESSION_NAMESPACE, bucket_arn
from plan.iam_evaluator import Request, denies
from policy_pack.buckets import POLICY
from policy_pack.stack import ROLE, Stack, content
from policy_pack.trust import Trusted, trusted
from policy_pack.writing import Problems, each, of_the_stack
from runtime.contracts.gate import COMPONENTS
from runtime.gate.storage.keys import CHECKPOINTS, DATA, DIVERGED, OBJECTS, REQUESTS

TLS = {"aws:SecureTransport": "true"}
IF_NONE_MATCH = {"s3:if-none-match": "*", "s3:ObjectCreationOperation": "true"}
UNCONDITIONAL = {"s3:ObjectCreationOperation": "true"}
PARTS = (f"{DATA}/a", f"{OBJECTS}/a", f"{DIVERGED}/a/b", f"{CHECKPOINTS}/000001-1800000000000.json")
NOT_FOR_GATES = ("s3:DeleteObjectVersion", "s3:PutObjectRetention", "s3:BypassGovernanceRetention")
Case = tuple[str, str, Mapping[str, str]]
"""Action, key and context of a request."""


def _denials(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    roles = _kinds(stack)
    yield from each(stack.of(POLICY), lambda policy: _problems(policy, stack, roles))


def _kinds(stack: Stack) -> list[tuple[PolicyResource, Trusted]]:
    """One role of each kind: those of all companies match the same pattern."""
    found: dict[tuple[frozenset[str], bool, bool], tuple[PolicyResource, Trusted]] = {}
    for role in stack.of(ROLE):
        who = trusted(role, stack)
        of_any = any(namespace == SESSION_NAMESPACE for namespace, _ in who.accounts)
        found.setdefault((frozenset(name for _, name in who.accounts), of_any, who.s3), (role, who))
    return list(found.values())


def _problems(
    policy: PolicyResource, stack: Stack, roles: Sequence[tuple[PolicyResource, Trusted]]
) -> Problems:
    document = content(policy.props["policy"])
    arns = [bucket_arn(name) for name in stack.buckets]
    found = [arn for arn in arns if f'"{arn}"' in str(policy.props["policy"]).replace(" ", "")]
    if len(found) != 1:
        yield policy, "it is not the policy of one bucket of the stack"
        return
    bucket, region = found[0], stack.buckets[found[0].rpartition(":")[2]]
    for role, who in roles:
        arn = f"arn:aws:iam::123456789012:role{role.props.get('path') or '/'}{role.props['name']}"

        def is_denied(case: Case, arn: str = arn) -> bool:
            action, key, context = case
            resource = f"{bucket}/{key}" if key else bucket
            return denies(
                document,
                Request(
                    action=action, resource=resource, context={"aws:PrincipalArn": arn, **TLS, **context}
                ),
            )

        try:
            for case in _forbidden(who, region, stack):
                if not is_denied(case):
                    yield policy, f"it lets {role.props['name']} {case[0]} on {case[1]}"
            for case in _needed(who, region, stack):
                if is_denied(case):
                    yield policy, f"it denies {role.props['name']} {case[0]} on {case[1] or 'the bucket'}"
        except NotImplementedError as error:
            yield policy, f"it has a {error}, which nobody has judged"
            return


def _namespace(who: Trusted) -> str:
    """Of a role for one company, or of any company."""
    names = {namespace for namespace, _ in who.accounts}
    return "acme" if names == {SESSION_NAMESPACE} else min(names)


def _forbidden(who: Trusted, region: str, stack: Stack) -> Iterator[Case]:
    """What must be denied to a gate's role."""
    for component in COMPONENTS if who.accounts else ():
        for writer in sorted(stack.buckets.values()):
            for action in ("s3:PutObject", "s3:DeleteObject"):
                yield action, f"{writer}/{_namespace(who)}/{component}/{REQUESTS}/restore.json", IF_NONE_MATCH
        own = f"{region}/{_namespace(who)}/{component}"
        yield from ((action, f"{own}/{PARTS[0]}", {}) for action in NOT_FOR_GATES)
        if who.components == {component} and _is_in(who, region):
            yield from (("s3:PutObject", f"{own}/{part}", UNCONDITIONAL) for part in PARTS)


def _needed(who: Trusted, region: str, stack: Stack) -> Iterator[Case]:
    """What must not be denied."""
    for component in sorted(who.components):
        for writer in sorted(stack.buckets.values()):
            yield "s3:GetObject", f"{writer}/{_namespace(who)}/{component}/{PARTS[0]}", {}
        yield "s3:ListBucket", "", {"s3:prefix": f"{region}/{_namespace(who)}/{component}/"}
        own = f"{region}/{_namespace(who)}/{component}"
        for part in PARTS if _is_in(who, region) else ():
            yield "s3:PutObject", f"{own}/{part}", IF_NONE_MATCH
            yield "s3:DeleteObject", f"{own}/{part}", {}
        if _is_in(who, region):
            yield "s3:PutObject", f"{own}/{CHECKPOINTS}/index.json", UNCONDITIONAL
    if who.s3:
        for writer in sorted(set(stack.buckets.values()) - {region}):
            yield from (
                (f"s3:Replicate{what}", f"{writer}/acme/brain/{PARTS[0]}", {}) for what in ("Object", "Tags")
            )
        yield "s3:GetObjectVersionForReplication", f"{region}/acme/brain/{PARTS[0]}", {}


def _is_in(who: Trusted, region: str) -> bool:
    return {name.partition("-")[2] for _, name in who.accounts} == {region}


POLICIES = (
    of_the_stack(
        "snapshots-outlive-their-gates",
        Severity.CRITICAL,
        "Bucket policies deny gates what harms snapshots or belongs to operators, and nothing else.",
        "Keep `plan/iam.py`'s bucket_policy.",
        _denials,
    ),
)
