"""Whether these credentials may deploy: what IAM says, and the access entries of the clusters."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from ops.aws import AwsAccess
from ops.deployer_policy import made_by
from ops.doctor.findings import Finding, is_absent, missing, present, unknown
from ops.stack import Stack
from ops.stack_file import record
from plan.deployer import deployer_policy
from settings import clusters_of

ACCOUNT = "account"
_ASSUMED = re.compile(r"arn:aws:sts::\d{12}:assumed-role/([^/]+)/.+")
_POLICY = "run: python -m ops deployer-policy, and attach what it prints"


def permissions(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    """IAM evaluates the principal's own policies and its boundary; what an organisation's policies deny it
    tells as well."""
    if access.local:
        return
    what, iam = "permissions", access.client("iam", stack.regions[0])
    arn = access.identity["Arn"]
    if arn.endswith(":root"):
        yield missing(ACCOUNT, what, "these are the root user's", "deploy with a role or a user of its own")
        return
    try:
        denied = list(_denied(iam, _principal(iam, arn), stack))
    except ClientError as error:
        yield unknown(ACCOUNT, what, error, "iam:SimulatePrincipalPolicy and iam:GetRole")
        return
    if denied:
        yield missing(ACCOUNT, what, f"{arn} may not {', '.join(denied)}", _POLICY)
    else:
        yield present(ACCOUNT, what, "IAM allows all that the deployer's policy has")


def _principal(iam: Any, arn: str) -> str:
    """The ARN of the role of a session, which the session's own does not have."""
    session = _ASSUMED.fullmatch(arn)
    return str(iam.get_role(RoleName=session[1])["Role"]["Arn"]) if session else arn


def _denied(iam: Any, principal: str, stack: Stack) -> Iterator[str]:
    document = deployer_policy(made_by(stack, record(stack.file, stack.name)))
    for statement in document["Statement"]:
        # One real name for each pattern: the simulation takes no wildcards within an ARN.
        resource = statement["Resource"][0]
        named = resource if resource == "*" else resource.replace("*", principal.split(":")[4])
        context = [
            {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
            for key, value in statement.get("Condition", {}).get("StringEquals", {}).items()
        ]
        answers = iam.get_paginator("simulate_principal_policy").paginate(
            PolicySourceArn=principal,
            ActionNames=statement["Action"],
            ResourceArns=[named],
            ContextEntries=context,
        )
        results = [each for page in answers for each in page["EvaluationResults"]]
        yield from sorted(each["EvalActionName"] for each in results if each["EvalDecision"] != "allowed")


def access_entries(stack: Stack, access: AwsAccess) -> Iterator[Finding]:
    if access.local:
        return
    arn = access.identity["Arn"]
    for plan in clusters_of(stack.settings):
        if plan.eks is None:
            continue
        what, eks = f"access entry of {plan.eks}", access.client("eks", plan.region)
        try:
            cluster = eks.describe_cluster(name=plan.eks)["cluster"]
            if (cluster.get("accessConfig") or {}).get("authenticationMode") != "API":
                continue  # The ConfigMap aws-auth may let them in: `rights` asks the cluster itself.
            principal = _principal(access.client("iam", plan.region), arn)
            eks.describe_access_entry(clusterName=plan.eks, principalArn=principal)
        except ClientError as error:
            if error.operation_name != "DescribeCluster":  # `clusters` reports it.
                yield _no_entry(plan.region, what, plan.eks, error)
            continue
        yield present(plan.region, what, principal)


def _no_entry(region: str, what: str, cluster: str, error: ClientError) -> Finding:
    remedy = (
        f"run: aws eks create-access-entry --cluster-name {cluster} --region {region}"
        " --principal-arn <yours>; then associate AmazonEKSClusterAdminPolicy (docs/first-deployment.md)"
    )
    if is_absent(error):
        return missing(region, what, "these credentials have none", remedy)
    return unknown(region, what, error, "eks:DescribeAccessEntry and iam:GetRole")
