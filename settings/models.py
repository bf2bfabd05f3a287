"""The settings of a stack: every key of `Pulumi.<stack>.yaml` under `digital-agency:`, with its default.

Shapes only. What several keys must fulfil together stands in `rules/`.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from plan.dns import Policy
from settings.companies import (
    AGENT_RESOURCES,
    BRAIN_RESOURCES,
    HEALTH_MONITOR_RESOURCES,
    AccessMode,
    Agent,
    Amounts,
    ApiKeys,
    Brain,
    Company,
    Resources,
    resources,
)
from settings.ingress import Ingress, Scheme
from settings.regions import ClusterRef, Region
from settings.values import (
    AnnotationPrefix,
    Bandwidth,
    Cidr,
    CompanyName,
    DnsLabel,
    DnsName,
    EnvironmentName,
    Flag,
    HostedZoneId,
    HttpUrl,
    Image,
    Model,
    Port,
    RegionName,
    Seconds,
    Whole,
    by_name,
)

__all__ = [
    "AGENT_RESOURCES",
    "BRAIN_RESOURCES",
    "HEALTH_MONITOR_RESOURCES",
    "REFERENCE_IMAGE",
    "AccessMode",
    "Agent",
    "Amounts",
    "ApiKeys",
    "Brain",
    "ClusterRef",
    "Company",
    "ExtraEgress",
    "Failover",
    "Identity",
    "Images",
    "Ingress",
    "LoadBalancing",
    "Manager",
    "Network",
    "Region",
    "Replication",
    "Resources",
    "Retention",
    "Scheme",
    "Settings",
    "resources",
]

REFERENCE_IMAGE = "localhost/digital-agency/reference:local"


class Identity(StrEnum):
    POD_IDENTITY = "pod-identity"
    IRSA = "irsa"


class Manager(StrEnum):
    ROUTE53 = "route53"
    EXTERNAL_DNS = "external-dns"


class Images(Model):
    """Container images, each with a tag other than `latest` or a digest (in the stack `local`, any)."""

    agency: Image | None = Field(
        default=None,
        description="The application: agent, health monitor, brain. Only the stack `local` needs none.",
    )
    rclone: Image = Field(
        default="rclone/rclone:1.71.0",
        description="Stock image that holds the rclone binary. Default: rclone/rclone:1.71.0.",
    )
    python: Image = Field(
        default="python:3.13-slim",
        description="Stock image that runs the runtime programs. Default: python:3.13-slim.",
    )


class LoadBalancing(Model):
    """How a company's name leads to one of its regions."""

    policy: Policy = Field(
        default=Policy.LATENCY,
        description="latency: the nearest; weighted: by weight; geo: by the client's place;"
        " failover: the first. Default: latency.",
    )
    manager: Manager = Field(
        default=Manager.ROUTE53,
        description="Who writes the records: this program or external-dns. Default: route53.",
    )
    annotation_prefix: AnnotationPrefix = Field(
        default="external-dns.kubernetes.io/",
        description="Of external-dns's annotations; before 0.22 external-dns.alpha.kubernetes.io/."
        " Default: external-dns.kubernetes.io/.",
    )
    global_accelerator: Flag = Field(
        default=False, description="Not supported yet: only false. Default: false."
    )


class Failover(Model):
    """When a region counts as failed, and as recovered."""

    enabled: Flag | None = Field(default=None, description="Default: on where the stack has several regions.")
    interval_seconds: Seconds = Field(
        default=5, description="Seconds between two rounds of probes. Default: 5."
    )
    timeout_seconds: Seconds = Field(
        default=1, description="Seconds that a probe waits; at most intervalSeconds. Default: 1."
    )
    failure_threshold: Whole = Field(
        default=3, ge=1, le=100, description="Failed rounds in a row until a region is failed. Default: 3."
    )
    recovery_threshold: Whole = Field(
        default=3, ge=1, le=100, description="Good rounds in a row until a region is back. Default: 3."
    )


class Retention(Model):
    """Which checkpoints of a volume stay; of those of one hour or one day the newest."""

    all_hours: Whole = Field(default=1, ge=1, le=168, description="All of the last hours. Default: 1.")
    hourly_hours: Whole = Field(
        default=24, ge=1, le=8784, description="Then one an hour until so many hours back. Default: 24."
    )
    daily_days: Whole = Field(
        default=30, ge=1, le=3660, description="Then one a day until so many days back. Default: 30."
    )


class Replication(Model):
    """Copies of the volumes in a bucket a region, and of the buckets in each other."""

    enabled: Flag = Field(default=True, description="false: no buckets and no copies. Default: true.")
    sync_interval: Whole = Field(
        default=60, ge=5, le=86400, description="Seconds between two copies. Default: 60."
    )
    delete_markers: Flag = Field(
        default=True, description="Peers' buckets follow deletions (as markers). Default: true."
    )
    metrics: Flag = Field(
        default=True, description="S3 reports each rule's lag to CloudWatch. Default: true."
    )
    time_control: Flag = Field(
        default=False,
        description="S3 Replication Time Control (15 minutes, a surcharge); needs metrics. Default: false.",
    )
    bandwidth_limit: Bandwidth = Field(
        default="off", description="Of each volume's copies, in bytes a second such as 10M. Default: off."
    )
    transfers: Whole = Field(
        default=4, ge=1, le=64, description="Files that a volume's copier moves at a time. Default: 4."
    )
    retention: Retention = Field(
        default=Retention(), description="Which checkpoints stay, for a restore to a point in time."
    )
    endpoint: HttpUrl | None = Field(
        default=None, description="Only in the stack `local`: an S3 API in place of AWS's. Default: AWS's."
    )


class ExtraEgress(Model):
    """An address outside that tenants' pods may open connections to."""

    cidr: Cidr = Field(description="The network, such as 10.9.0.0/16.")
    port: Port = Field(description="The TCP port.")


class Network(Model):
    """Openings in the tenants' network policies beyond those that the platform needs."""

    monitoring_namespace: DnsLabel | None = Field(
        default=None, description="Its pods may scrape metrics. Default: nobody."
    )
    extra_egress: tuple[ExtraEgress, ...] = Field(
        default=(), description="Where tenants' pods may connect to, beside DNS and HTTPS. Default: nowhere."
    )


class Settings(Model):
    domain: DnsName = Field(description="Companies get <namespace>.<domain>.")
    hosted_zone_id: HostedZoneId | None = Field(
        default=None,
        description="Route53 zone of the domain. Required unless external-dns manages the names.",
    )
    identity: Identity = Field(
        default=Identity.POD_IDENTITY, description="How pods get their AWS roles. Default: pod-identity."
    )
    pod_user: Whole = Field(
        default=10001,
        ge=1,
        le=2**31 - 1,
        description="uid, gid and fsGroup of every container. Default: 10001.",
    )
    wait_for_ready: Flag = Field(
        default=True, description="false: apply without waiting for workloads and ingresses. Default: true."
    )
    environment: dict[EnvironmentName, str] = Field(
        default={},
        description="Variables for the application, such as LOG_LEVEL; nothing secret. Default: none.",
    )
    images: Images = Field(default=Images(), description="Container images.")
    regions: tuple[
        Annotated[Region, BeforeValidator(by_name, json_schema_input_type=RegionName | Region)], ...
    ] = Field(min_length=1, description="The AWS regions; a bare name is an active region.")
    ingress: Ingress = Field(default=Ingress(), description="Class and scheme of the load balancers.")
    load_balancing: LoadBalancing = Field(default=LoadBalancing(), description="How names lead to regions.")
    failover: Failover = Field(default=Failover(), description="The failover controller.")
    replication: Replication = Field(default=Replication(), description="Copies of the volumes.")
    network: Network = Field(default=Network(), description="Openings in the network policies.")
    companies: tuple[
        Annotated[Company, BeforeValidator(by_name, json_schema_input_type=CompanyName | Company)], ...
    ] = Field(description="The tenants; a bare name is a company with all defaults. May be empty.")

    @property
    def failover_enabled(self) -> bool:
        return len(self.regions) > 1 if self.failover.enabled is None else self.failover.enabled

    @property
    def agency_image(self) -> str:
        """The application's image. Only the stack `local` may name none: it runs the reference one."""
        return self.images.agency or REFERENCE_IMAGE

    def regions_of(self, company: Company) -> tuple[Region, ...]:
        """The company's regions: in its own order where it names them, else in the stack's."""
        known = {region.name: region for region in self.regions}
        return tuple(known[name] for name in company.regions or known)

    def ingress_of(self, region: Region) -> Ingress:
        """What serves the Ingresses of a region."""
        return self.ingress.of_endpoint(region.ingress_class) if region.endpoint else self.ingress

    def balanced(self, regions: Iterable[Region]) -> bool:
        """Whether a load balancer of AWS sends requests to the pods of one of these regions."""
        return any(self.ingress_of(region).makes_load_balancers for region in regions)
