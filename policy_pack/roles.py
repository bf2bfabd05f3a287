"""AWS roles: who may assume each, and what it may do then. Whatever no function here knows is a violation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy import PolicyResource, Severity

from plan.iam import NAMESPACE_TAG, SESSION_ACCOUNT, SESSION_NAMESPACE
from plan.iam_evaluator import Request, allows
from policy_pack import replication
from policy_pack.keys import THROUGH, uses_key
from policy_pack.stack import ROLE, ROLE_POLICY, SERVICE_ACCOUNT, Stack, content, known
from policy_pack.trust import (
    ASSOCIATION,
    Trusted,
    allowing,
    foreign,
    identity_problems,
    trust_problems,
    trusted,
    unlike,
)
from policy_pack.writing import Problems, each, listed, of_the_stack
from runtime.gate.storage.keys import CHECKPOINTS, DATA, DIVERGED, OBJECTS, REQUESTS

BUCKETS = "arn:aws:s3:::"

READ_OBJECTS = {"s3:GetObject", "s3:GetObjectVersion"}
LIST_OBJECTS = {"s3:ListBucket", "s3:ListBucketVersions"}
WRITE_OBJECTS = {
    "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
}  # fmt: skip
Statement = Mapping[str, Any]
Conditions = Mapping[str, Any]


def _rights_problems(policy: PolicyResource, stack: Stack) -> Problems:
    name = policy.props.get("role")
    roles = list(stack.of(ROLE))
    role = next((each for each in roles if name in (each.props["name"], known(each.props, "id"))), None)
    if role is None:
        yield policy, f"it gives rights to {name}, which is no role of the stack"
        return
    by_component = any(len(trusted(each, stack).components) == 1 for each in roles)
    work = Work(trusted=trusted(role, stack), stack=stack, by_component=by_component)
    for statement in allowing(policy.props.get("policy")):
        for action in listed(statement.get("Action", ["everything else"])):
            for resource in listed(statement.get("Resource", ["everything else"])):
                if not work.needs(action, resource, statement.get("Condition") or {}):
                    yield policy, f"it may {action} on {resource}, which is no part of its work"


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a role is for."""

    trusted: Trusted
    stack: Stack
    by_component: bool
    """Components have roles of their own. Then what both may assume, the role of an earlier version, tells
    them apart by the session's tag, and no role writes every part of a component's files."""

    def needs(self, action: str, resource: str, conditions: Conditions) -> bool:
        """Whether an action and a resource with wildcards lie within the work."""
        if action.startswith("kms:"):
            regions = {name.partition("-")[2] for _, name in self.trusted.accounts}
            return uses_key(action, resource, conditions, self.stack, None if self.trusted.s3 else regions)
        bucket, _, key = resource.removeprefix(BUCKETS).partition("/")
        region = self.stack.buckets.get(bucket)
        if region is None or not resource.startswith(BUCKETS):
            return False
        if self.trusted.s3:
            return replication.may(action, region, key, self.stack)
        if not key:
            prefixes = _prefixes(conditions)
            return action in LIST_OBJECTS and bool(prefixes) and all(map(self._reads, prefixes))
        if action in READ_OBJECTS:
            return self._reads(key)
        return action in WRITE_OBJECTS and self._writes(region, key, conditions)

    def _own(self, key: str, writers: Iterable[str]) -> tuple[str, str] | None:
        """Component and path of a key of the trusted pods' company; None for a key of others."""
        namespaces = {namespace for namespace, _ in self.trusted.accounts}
        for prefix in (f"{writer}/{namespace}/" for writer in writers for namespace in namespaces):
            if len(namespaces) == 1 and key.startswith(prefix):
                component, _, path = key.removeprefix(prefix).partition("/")
                return component, path
        return None

    def _reads(self, key: str) -> bool:
        own, components = self._own(key, self.stack.buckets.values()), self.trusted.components
        return own is not None and (len(components) > 1 or own[0] in components)

    def _writes(self, region: str, key: str, conditions: Conditions) -> bool:
        """In its own region's bucket alone."""
        own, components = self._own(key, [region]), self.trusted.components
        if own is None or any(name.partition("-")[2] != region for _, name in self.trusted.accounts):
            return False
        if not self.by_component:
            return True
        component, path = own
        session = listed((conditions.get("StringEquals") or {}).get(SESSION_ACCOUNT, []))
        told_apart = len(components) == 1 or session == [f"{component}-{region}"]
        return component in components and told_apart and path.partition("/")[0] not in (REQUESTS, "*", "")


def _prefixes(conditions: Conditions) -> Sequence[str]:
    """The prefixes to which a condition limits a list."""
    for operator in ("StringEquals", "StringLike"):
        if found := (conditions.get(operator) or {}).get("s3:prefix"):
            return listed(found)
    return []


def _lacking(role: PolicyResource, stack: Stack) -> Problems:
    """What a role no longer lets its gates, or S3, do: volumes would not be uploaded or not be restored."""
    names = (role.props["name"], known(role.props, "id"))
    found = [one for one in stack.of(ROLE_POLICY) if known(one.props, "role") in names]
    statements = [one for policy in found for one in listed(content(policy.props.get("policy"))["Statement"])]
    of = trusted(role, stack)
    work = [(name, _work_of_gate(namespace, name, stack)) for namespace, name in sorted(of.accounts)]
    if of.s3:
        work.append(("replication", replication.work(stack)))
    for name, requests in work:
        for request in requests:
            if not _allowed(statements, request):
                yield role, f"it may not {request.action} on {request.resource}: {name} needs it"


def _allowed(statements: Sequence[Statement], request: Request) -> bool:
    try:
        return allows({"Statement": statements}, request)
    except NotImplementedError:
        return False


def _work_of_gate(namespace: str, name: str, stack: Stack) -> Iterator[Request]:
    """A request of each kind that a gate makes."""
    component, _, region = name.partition("-")
    session = {NAMESPACE_TAG: "acme", SESSION_ACCOUNT: name}
    space = namespace.replace(SESSION_NAMESPACE, "acme")
    for bucket, of in stack.buckets.items():
        for writer in stack.buckets.values():
            prefix = f"{writer}/{space}/{component}/{CHECKPOINTS}/"
            yield Request(action="s3:GetObject", resource=f"{BUCKETS}{bucket}/{prefix}x", context=session)
            listing = session | {"s3:prefix": prefix}
            yield Request(action="s3:ListBucket", resource=f"{BUCKETS}{bucket}", context=listing)
        for part in (DATA, OBJECTS, CHECKPOINTS, DIVERGED) if of == region else ():
            for action in sorted(WRITE_OBJECTS):
                key = f"{region}/{space}/{component}/{part}/x"
                yield Request(action=action, resource=f"{BUCKETS}{bucket}/{key}", context=session)
    for of, key in stack.keys.items():
        through = session | {THROUGH: f"s3.{of}.amazonaws.com"}
        for action in ("kms:Decrypt", "kms:GenerateDataKey") if of == region else ("kms:Decrypt",):
            yield Request(action=action, resource=key, context=through)


def _roles(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    yield from each(stack.of(ROLE), lambda role: trust_problems(role, stack))
    yield from each(stack.of(ROLE_POLICY), lambda policy: _rights_problems(policy, stack))
    if stack.buckets:
        yield from each(stack.of(ROLE), lambda role: _lacking(role, stack))
    yield from each([stack], foreign)
    yield from each([stack], unlike)
    yield from each(
        stack.of(ASSOCIATION, SERVICE_ACCOUNT), lambda resource: identity_problems(resource, stack)
    )


POLICIES = (
    of_the_stack(
        "roles-do-their-work-only",
        Severity.CRITICAL,
        "A role trusts the companies' service accounts or S3, and may do what their work needs, and no more.",
        "Trust a service account of the stack, and name its own prefix; see `plan/iam.py`.",
        _roles,
    ),
)
