"""AWS roles: who may assume each, and what it may do then. Whatever no function here knows is a violation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_policy import PolicyResource, Severity

from plan.iam import BACKFILL_REPORTS, SESSION_NAMESPACE
from policy_pack.stack import ROLE, SERVICE_ACCOUNT, Stack, content, known
from policy_pack.writing import Problems, each, listed, metadata, of_the_stack

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
PODS = "pods.eks.amazonaws.com"
S3 = {"s3.amazonaws.com", "batchoperations.s3.amazonaws.com"}
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

Statement = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """Whom a role trusts: pods with these service accounts, or S3."""

    accounts: frozenset[tuple[str, str]] = frozenset()
    """Namespace and name; with Pod Identity the namespace is the session's tag."""
    s3: bool = False


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
        names = {(SESSION_NAMESPACE, name) for _, name in stack.accounts}
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


def _trusted(role: PolicyResource, stack: Stack) -> Trusted:
    """Whom a role trusts, statements with problems aside."""
    found = [_trust(each, stack) for each in _allowing(role.props.get("assumeRolePolicy"))]
    good = [each for each in found if isinstance(each, Trusted)]
    return Trusted(
        accounts=frozenset(account for each in good for account in each.accounts),
        s3=any(each.s3 for each in good),
    )


def _trust_problems(role: PolicyResource, stack: Stack) -> Problems:
    found = [_trust(statement, stack) for statement in _allowing(role.props.get("assumeRolePolicy"))]
    yield from ((role, problem) for problem in found if isinstance(problem, str))
    if sum(each.s3 + bool(each.accounts) for each in (_trusted(role, stack),)) > 1:
        yield role, "both pods and S3 are trusted"


def _rights_problems(policy: PolicyResource, stack: Stack) -> Problems:
    name = policy.props.get("role")
    role = next(
        (each for each in stack.of(ROLE) if name in (each.props["name"], known(each.props, "id"))), None
    )
    if role is None:
        yield policy, f"it gives rights to {name}, which is no role of the stack"
        return
    trusted = _trusted(role, stack)
    for statement in _allowing(policy.props.get("policy")):
        for action in listed(statement.get("Action", ["everything else"])):
            for resource in listed(statement.get("Resource", ["everything else"])):
                if not _is_right(trusted, stack, action, resource, statement.get("Condition") or {}):
                    yield policy, f"it may {action} on {resource}, which is no part of its work"


def _is_right(
    trusted: Trusted, stack: Stack, action: str, resource: str, conditions: Mapping[str, Any]
) -> bool:
    """Whether an action and a resource with wildcards lie within what the role is for."""
    bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    region = stack.buckets.get(bucket)
    if region is None or not resource.startswith("arn:aws:s3:::"):
        return False
    if trusted.s3:
        return action in REPLICATION[_part(region, key, stack)]
    if not key:
        prefixes = _prefixes(conditions)
        return (
            action in LIST_OBJECTS
            and bool(prefixes)
            and all(_reads(trusted, stack, each) for each in prefixes)
        )
    if action in READ_OBJECTS:
        return _reads(trusted, stack, key)
    return action in WRITE_OBJECTS and _writes(trusted, region, key)


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


REPLICATION["none"] = set()


def _prefixes(conditions: Mapping[str, Any]) -> Sequence[str]:
    """The prefixes to which a condition limits a list."""
    for operator in ("StringEquals", "StringLike"):
        if found := (conditions.get(operator) or {}).get("s3:prefix"):
            return listed(found)
    return []


def _reads(trusted: Trusted, stack: Stack, key: str) -> bool:
    """Whether a key lies in a region's files of the only company whose pods are trusted."""
    namespaces = {namespace for namespace, _ in trusted.accounts}
    prefixes = [f"{writer}/{each}/" for writer in stack.buckets.values() for each in namespaces]
    return len(namespaces) == 1 and key.startswith(tuple(prefixes))


def _writes(trusted: Trusted, region: str, key: str) -> bool:
    """Whether a key lies in what the gates of the trusted pods upload: to their own region's bucket, and with
    a role for one component to its part alone."""
    components = {name.partition("-")[0] for _, name in trusted.accounts}
    own = {
        f"{region}/{namespace}/" for namespace, name in trusted.accounts if name.partition("-")[2] == region
    }
    if len(components) == 1:
        own = {f"{prefix}{component}/" for prefix in own for component in components}
    return len(own) == 1 and key.startswith(tuple(own))


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
    elif role is None or subject not in _trusted(role, stack).accounts:
        yield resource, f"{namespace}/{name} has a role that is not its own: {arn or 'unknown'}"


def _providers(stack: Stack) -> Problems:
    """OIDC providers that are not all of one account."""
    found: dict[str, PolicyResource] = {}
    for role in stack.of(ROLE):
        for statement in _allowing(role.props.get("assumeRolePolicy")):
            if isinstance(principal := statement.get("Principal"), Mapping) and "Federated" in principal:
                found.setdefault(str(principal["Federated"]).split(":")[4], role)
    if len(found) > 1:
        yield found[max(found)], f"OIDC providers of several accounts are trusted: {', '.join(sorted(found))}"


def _roles(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    yield from each(stack.of(ROLE), lambda role: _trust_problems(role, stack))
    yield from each(stack.of(ROLE_POLICY), lambda policy: _rights_problems(policy, stack))
    yield from each([stack], _providers)
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
