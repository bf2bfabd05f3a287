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
from plan.iam import pod_identity_trust, replica_access
from plan.names import region_role_name, service_account_name
from plan.records import HealthCheck, Leaf, Record
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
    controller: FailoverController | None
    """Of the region's cluster; None with failover off."""


class Region(ComponentResource):
    """A region's replication bucket, its sidecars' role, its edges, health checks and leaf records.

    Checks and leaves are created after the name that they lead to: resolvers cache for up to 15 minutes that
    a name does not exist.
    """

    TYPE = "agency:region:Region"

    settings: RegionSettings
    cluster: Cluster
    bucket: ReplicationBucket | None
    role_arn: pulumi.Output[str] | None
    """Of all sidecars of the region; None with IRSA (one role per company) or without replication."""
    certificate_arn: pulumi.Input[str] | None
    edges: Mapping[int, Edge]
    checks: Mapping[str, pulumi.Output[str]]
    """Ids of the health checks, by key."""
    leaves: Mapping[str, Sequence[pulumi.Resource]]
    """The leaf records, by their DNS name."""

    def __init__(self, name: str, args: RegionArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self.settings, self.cluster, self.certificate_arn = args.region, args.cluster, args.certificate_arn
        self.bucket, self.role_arn = self._replication(name, args)
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
                "roleArn": self.role_arn,
                "edges": [edge.host for edge in self.edges.values()],
            }
        )

    def _replication(
        self, name: str, args: RegionArgs
    ) -> tuple[ReplicationBucket | None, pulumi.Output[str] | None]:
        region, child = args.region, ResourceOptions(parent=self)
        if not args.buckets:
            return None, None
        bucket = ReplicationBucket(
            f"{name}-replication",
            ReplicationBucketArgs(
                bucket=args.buckets[region.name], region=region.name, adopt=region.adopt, advice=args.advice
            ),
            child,
        )
        if args.settings.identity is Identity.IRSA:
            return bucket, None
        access = ReplicaAccess(
            f"{name}-sidecars",
            ReplicaAccessArgs(
                role=region_role_name(args.settings.resource_prefix, args.stack, region.name),
                trust=pod_identity_trust(
                    [service_account_name(kind, region.name) for kind in ("agent", "brain")]
                ),
                access=replica_access(region=region.name, buckets=args.buckets),
            ),
            child,
        )
        return bucket, access.role_arn

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
