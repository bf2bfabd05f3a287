"""One AWS region of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

from components.advice import Advice
from components.cluster import Cluster
from components.edge import Edge, EdgeArgs
from components.failover_controller import FailoverController
from components.provisioning import Provisioning
from components.records import create_record, label_of
from components.replica_access import ReplicaAccess, ReplicaAccessArgs
from components.replication_bucket import ReplicationBucket, ReplicationBucketArgs
from plan.edges import CHECK_FAILURES, CHECK_INTERVAL_SECONDS
from plan.iam import Document, bucket_policy, cluster_arns, earlier_access, gate_access, pod_identity_trust
from plan.names import service_account_name
from plan.records import HealthCheck, Leaf, Record
from runtime.contracts.gate import COMPONENTS
from settings import Region as RegionSettings
from settings import Settings
from settings.models import Identity


@dataclass(frozen=True, kw_only=True)
class RegionArgs:
    settings: Settings
    region: RegionSettings
    stack: str
    cluster: Cluster
    buckets: Mapping[str, str]
    """Every region's bucket name; empty without replication."""
    edges: Sequence[int]
    checks: Sequence[HealthCheck]
    leaves: Sequence[Record]
    """The records of all trees that point at this region; none where external-dns manages names."""
    certificate_arn: pulumi.Input[str] | None
    advice: Advice
    provisioning: Provisioning
    account_id: pulumi.Output[str] | None
    """The AWS account; None without roles for Pod Identity."""
    controller: FailoverController | None
    """Of the region's cluster; None with failover off."""


class Region(ComponentResource):
    """A region's replication bucket, its gates' roles, its edges, health checks and leaf records.

    Checks and leaves are created after the name that they lead to: resolvers cache for up to 15 minutes that
    a name does not exist.
    """

    TYPE = "agency:region:Region"

    settings: RegionSettings
    cluster: Cluster
    bucket: ReplicationBucket | None
    roles: Mapping[str, pulumi.Output[str]]
    """ARN of each component's gates' role; none with IRSA (roles per company) or without replication."""
    certificate_arn: pulumi.Input[str] | None
    edges: Mapping[int, Edge]
    checks: Mapping[str, pulumi.Output[str]]
    """Ids of the health checks, by key."""
    leaves: Mapping[str, Sequence[pulumi.Resource]]
    """The leaf records, by their DNS name."""

    def __init__(self, name: str, args: RegionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self.settings, self.cluster, self.certificate_arn = args.region, args.cluster, args.certificate_arn
        self.bucket = self._bucket(name, args) if args.buckets else None
        self.roles = self._roles(name, args) if args.buckets else {}
        self.edges = {
            number: Edge(
                f"{name}-edge-{number}",
                EdgeArgs(
                    settings=args.settings,
                    region=args.region,
                    number=number,
                    cluster=args.cluster,
                    certificate_arn=args.certificate_arn,
                    first=number == min(args.edges),
                    controller=args.controller,
                    provisioning=args.provisioning,
                ),
                ResourceOptions(parent=self),
            )
            for number in args.edges
        }
        self._published = {edge.host: edge.published for edge in self.edges.values()}
        self.checks = {check.key: self._check(name, check).id for check in args.checks}
        self.leaves = self._leaves(name, args)
        self.register_outputs(
            {
                "active": args.region.active,
                "bucket": self.bucket and self.bucket.bucket.id,
                "roleArns": self.roles,
                "edges": [edge.host for edge in self.edges.values()],
            }
        )

    def _bucket(self, name: str, args: RegionArgs) -> ReplicationBucket:
        region = args.region
        return ReplicationBucket(
            f"{name}-replication",
            ReplicationBucketArgs(
                bucket=args.buckets[region.name],
                region=region.name,
                adopt=region.adopt,
                policy=bucket_policy(args.settings.role_names(args.stack), region.name, args.buckets),
                kms_key=region.kms_key_arn,
                replication=args.settings.replication,
                advice=args.advice,
            ),
            ResourceOptions(parent=self),
        )

    def _roles(self, name: str, args: RegionArgs) -> dict[str, pulumi.Output[str]]:
        """A role for each component, and the role that both had in earlier versions.

        Pods keep credentials of that role for hours, and it is in associations that others have made: without
        it their uploads would fail.
        """
        if args.settings.identity is Identity.IRSA:
            return {}
        region, roles = args.region.name, args.settings.role_names(args.stack)
        accounts = {component: service_account_name(component, region) for component in COMPONENTS}
        self._access(
            args,
            f"{name}-sidecars",
            roles.region(region),
            [*accounts.values()],
            earlier_access(region=region, buckets=args.buckets, keys=args.settings.kms_keys),
        )
        return {
            component: self._access(
                args,
                f"{name}-{component}-access",
                roles.gate(region, component),
                [account],
                gate_access(
                    region=region, component=component, buckets=args.buckets, keys=args.settings.kms_keys
                ),
            )
            for component, account in accounts.items()
        }

    def _access(
        self, args: RegionArgs, name: str, role: str, accounts: Sequence[str], access: Document
    ) -> pulumi.Output[str]:
        cluster = self.cluster
        assert args.account_id is not None
        trust = args.account_id.apply(
            lambda account: pod_identity_trust(
                accounts, cluster_arns(account, cluster.plan.region, cluster.eks_name)
            )
        )
        access_args = ReplicaAccessArgs(role=role, trust=trust, access=access)
        return ReplicaAccess(name, access_args, ResourceOptions(parent=self)).role_arn

    def _check(self, name: str, check: HealthCheck) -> aws.route53.HealthCheck:
        return aws.route53.HealthCheck(
            f"{name}-check@{check.key}",
            type="HTTPS",
            fqdn=check.fqdn,
            port=443,
            resource_path=check.path,
            request_interval=CHECK_INTERVAL_SECONDS,
            failure_threshold=CHECK_FAILURES,
            enable_sni=True,
            tags={"Name": check.key},
            opts=ResourceOptions(parent=self, depends_on=[self._published[check.fqdn]]),
        )

    def _leaves(self, name: str, args: RegionArgs) -> dict[str, list[pulumi.Resource]]:
        leaves: dict[str, list[pulumi.Resource]] = {}
        for record in args.leaves:
            assert isinstance(record.target, Leaf)
            created = create_record(
                f"{name}-leaf@{label_of(record, args.settings.domain)}",
                record,
                zone_id=args.settings.hosted_zone_id or "",
                checks=self.checks,
                opts=ResourceOptions(parent=self, depends_on=[self._published[record.target.value]]),
            )
            leaves.setdefault(record.name, []).append(created)
        return leaves
