"""The provider of all DNS records, whichever component creates them, where the zone is in another account."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions, ResourceTransformationArgs, ResourceTransformationResult

from settings import Settings

RECORD = "aws:route53/record:Record"


def use_zone_role(settings: Settings) -> None:
    """For all records that are registered from now on. The zone's role trusts whoever deploys the stack."""
    if settings.hosted_zone_role_arn is None:
        return
    own = settings.aws
    deployer = aws.ProviderAssumeRoleArgs(role_arn=own.role_arn, session_name=own.session_name)
    of_zone = aws.ProviderAssumeRoleArgs(role_arn=settings.hosted_zone_role_arn)
    provider = aws.Provider(
        "hosted-zone",
        profile=own.profile,
        region=aws.config.region,
        assume_roles=[*([deployer] if own.role_arn else []), of_zone],
    )

    def through_it(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if args.type_ != RECORD:
            return None
        return ResourceTransformationResult(
            args.props, ResourceOptions.merge(args.opts, ResourceOptions(provider=provider))
        )

    pulumi.runtime.register_stack_transformation(through_it)
