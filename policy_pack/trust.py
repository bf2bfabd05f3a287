"""Whom AWS roles trust, and which service accounts have them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi_policy import PolicyResource

from plan.iam import SESSION_NAMESPACE
from plan.names import service_account_name
from policy_pack.stack import ROLE, SERVICE_ACCOUNT, Stack, content, known
from policy_pack.writing import Problems, Props, listed, metadata
from runtime.contracts.gate import COMPONENTS

ASSOCIATION = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
PODS = "pods.eks.amazonaws.com"
S3 = {"s3.amazonaws.com", "batchoperations.s3.amazonaws.com"}
ACCOUNT_TAG = "aws:RequestTag/kubernetes-service-account"
CLUSTER_TAG = "aws:RequestTag/eks-cluster-arn"
IRSA = "eks.amazonaws.com/role-arn"
ASSUME = {"sts:AssumeRole", "sts:TagSession", "sts:AssumeRoleWithWebIdentity"}
ARN_ACCOUNT = re.compile(r"arn:aws:(?:iam|eks):[^:]*:([^:]*):")
Statement = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Trusted:
    """Whom a role trusts: pods with these service accounts, or S3."""

    accounts: frozenset[tuple[str, str]] = frozenset()
    """Namespace and name; with Pod Identity the namespace is the session's tag."""
    s3: bool = False

    @property
    def components(self) -> set[str]:
        return {name.partition("-")[0] for _, name in self.accounts}


def allowing(document: Any) -> list[Statement]:
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
    found = [_trust(each, stack) for each in allowing(role.props.get("assumeRolePolicy"))]
    if not found:
        return Trusted(accounts=_accounts_with(role, stack))  # Its cluster's OIDC provider is unknown.
    good = [each for each in found if isinstance(each, Trusted)]
    return Trusted(
        accounts=frozenset(account for each in good for account in each.accounts),
        s3=any(each.s3 for each in good),
    )


def trust_problems(role: PolicyResource, stack: Stack) -> Problems:
    found = [_trust(statement, stack) for statement in allowing(role.props.get("assumeRolePolicy"))]
    yield from ((role, problem) for problem in found if isinstance(problem, str))
    if sum(each.s3 + bool(each.accounts) for each in (trusted(role, stack),)) > 1:
        yield role, "both pods and S3 are trusted"


def identity_problems(resource: PolicyResource, stack: Stack) -> Problems:
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
    elif resource.resource_type == ASSOCIATION and not _admits(role, props):
        yield resource, f"its role trusts no cluster {props['clusterName']} in {props.get('region')}"


def _admits(role: PolicyResource, association: Props) -> bool:
    """Whether a role trusts pods of an association's cluster; of any where its trust names none."""
    wanted = association.get("region"), f"cluster/{association['clusterName']}"
    found = [
        arn.split(":")
        for statement in allowing(role.props.get("assumeRolePolicy"))
        for arn in listed(((statement.get("Condition") or {}).get("StringLike") or {}).get(CLUSTER_TAG, []))
    ]
    return all((region, cluster) == wanted for _, _, _, region, _, cluster in found)


def foreign(stack: Stack) -> Problems:
    """Trust that names clusters or OIDC providers of several accounts."""
    found: dict[str, PolicyResource] = {}
    for role in stack.of(ROLE):
        for statement in allowing(role.props.get("assumeRolePolicy")):
            arns = ARN_ACCOUNT.findall(json.dumps([statement.get("Principal"), statement.get("Condition")]))
            found.update((account, role) for account in arns)
    if len(found) > 1:
        accounts = ", ".join(sorted(found))
        yield found[max(found)], f"clusters or OIDC providers of several accounts are trusted: {accounts}"


def unlike(stack: Stack) -> Problems:
    """A role whose trust in pods has fewer conditions than that of the other roles: any cluster's, say."""
    found: dict[frozenset[tuple[str, str]], list[PolicyResource]] = {}
    for role in stack.of(ROLE):
        for statement in allowing(role.props.get("assumeRolePolicy")):
            if statement.get("Principal") == {"Service": PODS}:
                conditions = (statement.get("Condition") or {}).items()
                keys = frozenset((operator, key) for operator, values in conditions for key in values)
                found.setdefault(keys, []).append(role)
    for roles in sorted(found.values(), key=len)[:-1]:
        yield roles[0], "its trust has other conditions than that of the other roles"
