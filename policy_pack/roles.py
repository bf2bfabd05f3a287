"""AWS roles: who may assume each, and what it may do then. Whatever no function here knows is a violation."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy import PolicyResource, Severity

from plan.iam import BACKFILL_REPORTS, SESSION_NAMESPACE
from plan.names import service_account_name
from policy_pack.keys import uses_key
from policy_pack.stack import ROLE, SERVICE_ACCOUNT, Stack, content, known
from policy_pack.writing import Problems, each, listed, metadata, of_the_stack
from runtime.contracts.gate import COMPONENTS
from runtime.gate.storage.keys import REQUESTS

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
PODS = "pods.eks.amazonaws.com"
S3 = {"s3.amazonaws.com", "batchoperations.s3.amazonaws.com"}
BUCKETS = "arn:aws:s3:::"
SESSION_ACCOUNT = "aws:PrincipalTag/kubernetes-service-account"
ACCOUNT_TAG = "aws:RequestTag/kubernetes-service-account"
IRSA = "eks.amazonaws.com/role-arn"
ASSUME = {"sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithWebIdentity"}

READ_OBJECTS = {"s3:GetObject", "s3:GetObjectVersion"}
LIST_OBJECTS = {"s3:ListBucket", "s3:ListBucketVersions"}
WRITE_OBJECTS = {
    "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts",
}  # fmt: skip
REPLICATION = {
    "bucket": {
        "s3:GetReplicationConfiguration", "s3:ListBucket", "s3:PutInventoryConfiguration",
        "s3:GetBucketObjectLockConfiguration",
    },
    "own": {
        "s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging",
        "s3:GetObjectRetention", "s3:GetObjectLegalHold", "s3:InitiateReplication",
    },
    "copies": {"s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"},
    "reports": {"s3:PutObject"},
}  # fmt: skip
"""What S3 may do: with a bucket, with what the bucket's region wrote, with copies in it, with reports."""

ARN_ACCOUNT = re.compile(r"arn:aws:(?:iam|eks):[^:]*:([^:]*):")
Statement = Mapping[str, Any]
Conditions = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """Whom a role trusts: pods with these service accounts, or S3."""

    accounts: frozenset[tuple[str, str]] = frozenset()
    """Namespace and name; with Pod Identity the namespace is the session's tag."""
    s3: bool = False

    @property
    def components(self) -> set[str]:
        return {name.partition("-")[0] for _, name in self.accounts}


def _allowing(document: Any) -> list[Statement]:
    return [each for each in listed(content(document).get("Statement", [])) if each["Effect"] == "Allow"]


def _trust(statement: Statement, stack: Stack) -> Trusted | str:
    """Whom a statement trusts, or what is wrong with it. More conditions can only narrow a statement."""
    principal = statement.get("Principal")
    if not isinstance(principal, Mapping) or not set(listed(statement.get("Action", []))) <= ASSUME:
        return f"{principal} is trusted, or with more than to assume it"
    conditions = (statement.get("Condition") or {}).get("StringEquals") or {}
    services = set(listed(principal.get("Service", [])))
    if principal.keys() == {"Service"} and services <= S3:
        return Trusted(s3=True)
    if principal.keys() == {"Service"} and services == {PODS}:
        accounts = {(SESSION_NAMESPACE, name) for name in listed(conditions.get(ACCOUNT_TAG, []))}
        names = {(SESSION_NAMESPACE, name) for _, name in stack.accounts} | {
            # The roles come before the first company.
            (SESSION_NAMESPACE, service_account_name(component, region))
            for region in stack.buckets.values()
            for component in COMPONENTS
        }
        return _of_accounts(accounts, names)
    if principal.keys() == {"Federated"}:
        issuer = str(principal["Federated"]).partition(":oidc-provider/")[2]
        subjects = listed(conditions.get(f"{issuer}:sub", []))
        if listed(conditions.get(f"{issuer}:aud", [])) == ["sts.amazonaws.com"]:
            return _of_accounts({_account(subject) for subject in subjects}, stack.accounts)
    return f"{dict(principal)} is trusted"


def _of_accounts(accounts: set[tuple[str, str]], own: set[tuple[str, str]]) -> Trusted | str:
    if accounts and accounts <= own:
        return Trusted(accounts=frozenset(accounts))
    others = sorted("/".join(account) for account in accounts - own)
    return f"service accounts that are not the companies' may assume it: {', '.join(others) or 'any'}"


def _account(subject: str) -> tuple[str, str]:
    namespace, _, name = subject.removeprefix("system:serviceaccount:").partition(":")
    return namespace, name


def _accounts_with(role: PolicyResource, stack: Stack) -> frozenset[tuple[str, str]]:
    """The service accounts that name a role."""
    found = set()
    for account in stack.of(SERVICE_ACCOUNT):
        props = metadata(account.props)
        if IRSA in (props.get("annotations") or {}):
            named = stack.role(account, "metadata", known(props, "annotations", IRSA))
            if named is not None and named.urn == role.urn:
                found.add((props["namespace"], props["name"]))
    return frozenset(found & stack.accounts)


def trusted(role: PolicyResource, stack: Stack) -> Trusted:
    """Whom a role trusts, statements with problems aside."""
    found = [_trust(each, stack) for each in _allowing(role.props.get("assumeRolePolicy"))]
    if not found:
        return Trusted(accounts=_accounts_with(role, stack))  # Its cluster's OIDC provider is unknown.
    good = [each for each in found if isinstance(each, Trusted)]
    return Trusted(
        accounts=frozenset(account for each in good for account in each.accounts),
        s3=any(each.s3 for each in good),
    )


def _trust_problems(role: PolicyResource, stack: Stack) -> Problems:
    found = [_trust(statement, stack) for statement in _allowing(role.props.get("assumeRolePolicy"))]
    yield from ((role, problem) for problem in found if isinstance(problem, str))
    if sum(each.s3 + bool(each.accounts) for each in (trusted(role, stack),)) > 1:
        yield role, "both pods and S3 are trusted"


def _rights_problems(policy: PolicyResource, stack: Stack) -> Problems:
    name = policy.props.get("role")
    roles = list(stack.of(ROLE))
    role = next((each for each in roles if name in (each.props["name"], known(each.props, "id"))), None)
    if role is None:
        yield policy, f"it gives rights to {name}, which is no role of the stack"
        return
    by_component = any(len(trusted(each, stack).components) == 1 for each in roles)
    work = Work(trusted=trusted(role, stack), stack=stack, by_component=by_component)
    for statement in _allowing(policy.props.get("policy")):
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
            return action in REPLICATION.get(_part(region, key, self.stack), ())
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


def _part(region: str, key: str, stack: Stack) -> str:
    """The part of a bucket to which a key with a wildcard at its end belongs, for S3."""
    writer = key.partition("/")[0]
    if not key:
        return "bucket"
    if writer == BACKFILL_REPORTS:
        return "reports"
    if writer == region:
        return "own"
    return "copies" if writer in stack.buckets.values() else "none"


def _prefixes(conditions: Conditions) -> Sequence[str]:
    """The prefixes to which a condition limits a list."""
    for operator in ("StringEquals", "StringLike"):
        if found := (conditions.get(operator) or {}).get("s3:prefix"):
            return listed(found)
    return []


def _identity_problems(resource: PolicyResource, stack: Stack) -> Problems:
    """A service account has the role that trusts it."""
    if resource.resource_type == ASSOCIATION:
        props, key = resource.props, "roleArn"
        namespace, name, arn = props["namespace"], props["serviceAccount"], known(props, "roleArn")
        subject = (SESSION_NAMESPACE, name)
    else:
        props, key = metadata(resource.props), "metadata"
        if IRSA not in (props.get("annotations") or {}):
            return
        namespace, name, arn = props["namespace"], props["name"], known(props, "annotations", IRSA)
        subject = (namespace, name)
    role = stack.role(resource, key, arn)
    if (namespace, name) not in stack.accounts:
        yield resource, f"{namespace}/{name} is no service account of a company"
    elif role is None or subject not in trusted(role, stack).accounts:
        yield resource, f"{namespace}/{name} has a role that is not its own: {arn or 'unknown'}"


def _foreign(stack: Stack) -> Problems:
    """Trust that names clusters or OIDC providers of several accounts."""
    found: dict[str, PolicyResource] = {}
    for role in stack.of(ROLE):
        for statement in _allowing(role.props.get("assumeRolePolicy")):
            arns = ARN_ACCOUNT.findall(json.dumps([statement.get("Principal"), statement.get("Condition")]))
            found.update((account, role) for account in arns)
    if len(found) > 1:
        accounts = ", ".join(sorted(found))
        yield found[max(found)], f"clusters or OIDC providers of several accounts are trusted: {accounts}"


def _unlike(stack: Stack) -> Problems:
    """A role whose trust in pods has fewer conditions than that of the other roles: any cluster's, say."""
    found: dict[frozenset[tuple[str, str]], list[PolicyResource]] = {}
    for role in stack.of(ROLE):
        for statement in _allowing(role.props.get("assumeRolePolicy")):
            if statement.get("Principal") == {"Service": PODS}:
                conditions = (statement.get("Condition") or {}).items()
                keys = frozenset((operator, key) for operator, values in conditions for key in values)
                found.setdefault(keys, []).append(role)
    for roles in sorted(found.values(), key=len)[:-1]:
        yield roles[0], "its trust has other conditions than that of the other roles"


def _roles(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    yield from each(stack.of(ROLE), lambda role: _trust_problems(role, stack))
    yield from each(stack.of(ROLE_POLICY), lambda policy: _rights_problems(policy, stack))
    yield from each([stack], _foreign)
    yield from each([stack], _unlike)
    yield from each(
        stack.of(ASSOCIATION, SERVICE_ACCOUNT), lambda resource: _identity_problems(resource, stack)
    )


POLICIES = (
    of_the_stack(
        "roles-do-their-work-only",
        Severity.CRITICAL,
        "A role trusts the companies' service accounts or S3, and may do only what their work needs.",
        "Trust a service account of the stack, and name its own prefix; see `plan/iam.py`.",
        _roles,
    ),
)
