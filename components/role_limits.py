"""The permissions boundary and the path of every IAM role of the stack, whichever component creates it."""

from __future__ import annotations

import pulumi
from pulumi import ResourceTransformationArgs, ResourceTransformationResult

from settings import Settings

ROLE = "aws:iam/role:Role"


def limit_roles(settings: Settings) -> None:
    """For all roles that are registered from now on."""
    limits = {
        key: value
        for key, value in (
            ("permissions_boundary", settings.permissions_boundary),
            ("path", settings.role_path),
        )
        if value
    }

    def limited(args: ResourceTransformationArgs) -> ResourceTransformationResult | None:
        if args.type_ != ROLE:
            return None
        return ResourceTransformationResult({**args.props, **limits}, args.opts)

    if limits:
        pulumi.runtime.register_stack_transformation(limited)
