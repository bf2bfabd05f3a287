"""The role with which gates reach the replication buckets."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.base import canonical
from plan.iam import Document


@dataclass(frozen=True, kw_only=True)
class ReplicaAccessArgs:
    role: str
    trust: pulumi.Input[Document]
    access: Document


class ReplicaAccess(ComponentResource):
    """A role and its inline policy: for a component's gates in a region (Pod Identity), or for a company's
    (IRSA)."""

    TYPE = "agency:replica_access:ReplicaAccess"

    role_arn: Output[str]

    def __init__(self, name: str, args: ReplicaAccessArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        child = ResourceOptions(parent=self)
        trust = Output.from_input(args.trust).apply(canonical)
        role = aws.iam.Role(f"{name}-role", name=args.role, assume_role_policy=trust, opts=child)
        aws.iam.RolePolicy(
            f"{name}-policy", name="replication", role=role.name, policy=canonical(args.access), opts=child
        )
        self.role_arn = role.arn
        self.register_outputs({"roleArn": role.arn})
