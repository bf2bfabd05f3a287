"""Rules about AWS accounts: a stack is in one, but for its hosted zone and its KMS keys."""

from __future__ import annotations

from collections.abc import Iterator

from settings.aws_provider import AwsProvider
from settings.models import Settings
from settings.problems import Path, Problem
from settings.rules.base import Rule

_PAGE = "A stack is in one account: see docs/organisation.md#accounts."


def _zone_role(settings: Settings, _: str) -> Iterator[Problem]:
    if settings.hosted_zone_role_arn and not settings.hosted_zone_id:
        path, requirement = ("hostedZoneRoleArn",), "must not be set without hostedZoneId"
        yield Problem(path, settings.hosted_zone_role_arn, requirement)


def _one_account(settings: Settings, _: str) -> Iterator[Problem]:
    """The account of the first ARN is taken for the stack's."""
    found = [(path, arn, arn.split(":")[4]) for path, arn in _arns(settings)]
    for path, arn, account in found:
        if account != found[0][2]:
            yield Problem(path, arn, f"must be of the account {found[0][2]}, as others are", _PAGE)


def account_problems(settings: Settings, aws: AwsProvider) -> Iterator[Problem]:
    """The account in which the AWS provider works is the stack's."""
    accounts = (aws.role_arn.split(":")[4],) if aws.role_arn else aws.allowed_accounts
    key = "assumeRoles" if aws.role_arn else "allowedAccountIds"
    for path, arn in _arns(settings):
        if accounts and arn.split(":")[4] not in accounts:
            yield Problem(path, arn, f"must be of the account {' or '.join(accounts)} of aws:{key}", _PAGE)


def _arns(settings: Settings) -> Iterator[tuple[Path, str]]:
    for index, region in enumerate(settings.regions):
        at = ("regions", index)
        if region.certificate_arn:
            yield (*at, "certificateArn"), region.certificate_arn
        if region.endpoint_arn:
            yield (*at, "endpointArn"), region.endpoint_arn
        if region.cluster and region.cluster.oidc_provider_arn:
            yield (*at, "cluster", "oidcProviderArn"), region.cluster.oidc_provider_arn
        if region.load_balancer.web_acl_arn:
            yield (*at, "loadBalancer", "webAclArn"), region.load_balancer.web_acl_arn
    if settings.permissions_boundary and not settings.permissions_boundary.startswith("arn:aws:iam::aws:"):
        yield ("permissionsBoundary",), settings.permissions_boundary


RULES = (
    Rule(_zone_role, ("hostedZoneId",)),
    Rule(
        _one_account,
        (
            "regions[*].certificateArn",
            "regions[*].endpointArn",
            "regions[*].cluster",
            "regions[*].loadBalancer",
            "permissionsBoundary",
        ),
    ),
)
