"""The keys of `Pulumi.<stack>.yaml` under `digital-agency:` and their defaults.

`rules/` has the rules over several keys.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PrivateAttr

from plan.names import RoleNames
from plan.records import RoutingPolicy
from settings.alarms import Alarms
from settings.aws_provider import AwsProvider
from settings.companies import Company
from settings.ingress import Ingress
from settings.load_balancer import RegionLoadBalancer
from settings.network import Network
from settings.pods import Pods
from settings.regions import Region
from settings.replication import Replication
from settings.roles import NamePrefix, PolicyArn, RoleArn, RolePath
from settings.values import (
    AnnotationPrefix,
    CompanyName,
    DnsName,
    EnvironmentName,
    Flag,
    HostedZoneId,
    Image,
    Model,
    RegionName,
    Seconds,
    Whole,
)

REFERENCE_IMAGE = "localhost/digital-agency/reference:local"


def _by_name(value: Any) -> Any:
    """The long form of an item that is only a name."""
    return {"name": value} if isinstance(value, str) else value


class Identity(StrEnum):
    POD_IDENTITY = "pod-identity"
    IRSA = "irsa"


class Manager(StrEnum):
    ROUTE53 = "route53"
    EXTERNAL_DNS = "external-dns"
    GLOBAL_ACCELERATOR = "global-accelerator"


class ClientAffinity(StrEnum):
    NONE = "none"
    SOURCE_IP = "source-ip"


class Images(Model):
    """Container images, each with a tag other than `latest` or a digest (any image in the stack `local`)."""

    agency: Image | None = Field(
        default=None,
        description="The application: agent, health monitor, brain. Required except in the stack `local`.",
    )
    rclone: Image = Field(
        default="rclone/rclone:1.73.5",
        description="Stock image with the rclone binary. Default: rclone/rclone:1.73.5.",
    )
    python: Image = Field(
        default="python:3.13-slim",
        description="Stock image that runs the runtime programs. Default: python:3.13-slim.",
    )
    require_digests: Flag = Field(
        default=False,
        description="true: each image must have a digest; `ops pin-images` writes them. Default: false.",
    )


IMAGES = ("agency", "rclone", "python")
"""The keys of images."""


class LoadBalancing(Model):
    """How a company's clients are routed among its regions."""

    policy: RoutingPolicy = Field(
        default=RoutingPolicy.LATENCY,
        description="latency: the nearest region; weighted: by weight; geo: by the client's location;"
        " failover: the first. Default: latency.",
    )
    manager: Manager = Field(
        default=Manager.ROUTE53,
        description="What sends clients to a region: DNS records that this program writes (route53), that"
        " external-dns writes, or AWS Global Accelerator (global-accelerator). Default: route53.",
    )
    annotation_prefix: AnnotationPrefix = Field(
        default="external-dns.kubernetes.io/",
        description="Prefix of external-dns's annotations; before 0.22 external-dns.alpha.kubernetes.io/."
        " Default: external-dns.kubernetes.io/.",
    )
    client_affinity: ClientAffinity = Field(
        default=ClientAffinity.NONE,
        description="With manager global-accelerator, source-ip: connections from one address go to the same"
        " region while it is healthy. Default: none.",
    )
    global_accelerator: Flag = Field(
        default=False, description="Must be false; use manager: global-accelerator. Default: false."
    )


class Failover(Model):
    """When a region counts as failed, and when as recovered."""

    enabled: Flag | None = Field(
        default=None, description="Whether regions fail over. Default: true if the stack has several regions."
    )
    interval_seconds: Seconds = Field(
        default=5, description="Seconds between two rounds of probes. Default: 5."
    )
    timeout_seconds: Seconds = Field(
        default=1, description="Timeout of a probe in seconds; at most intervalSeconds. Default: 1."
    )
    failure_threshold: Whole = Field(
        default=3,
        ge=1,
        le=100,
        description="Failed rounds in a row until a region counts as failed. Default: 3.",
    )
    recovery_threshold: Whole = Field(
        default=3,
        ge=1,
        le=100,
        description="Successful rounds in a row until a region counts as recovered. Default: 3.",
    )


class Settings(Model):
    domain: DnsName = Field(description="A company's host is <namespace>.<domain>.")
    hosted_zone_id: HostedZoneId | None = Field(
        default=None,
        description="Route53 zone of the domain. Required unless external-dns manages the names.",
    )
    hosted_zone_role_arn: RoleArn | None = Field(
        default=None,
        description="IAM role that writes the zone's records, for a zone in another account. Default: none.",
    )
    identity: Identity = Field(
        default=Identity.POD_IDENTITY, description="How pods get AWS roles. Default: pod-identity."
    )
    pod_user: Whole = Field(
        default=10001,
        ge=1,
        le=2**31 - 1,
        description="uid, gid and fsGroup of every container. Default: 10001.",
    )
    name_prefix: NamePrefix | None = Field(
        default=None,
        description="Begins the names of buckets and roles. Default: the domain, with - for each dot.",
    )
    permissions_boundary: PolicyArn | None = Field(
        default=None, description="IAM policy that is the permissions boundary of every role. Default: none."
    )
    role_path: RolePath | None = Field(default=None, description="Path of every IAM role. Default: /.")
    pods: Pods = Field(default=Pods(), description="What all pods have in common.")
    wait_for_ready: Flag = Field(
        default=True, description="false: deploy without waiting for workloads and Ingresses. Default: true."
    )
    environment: dict[EnvironmentName, str] = Field(
        default={},
        description="Variables of the application, such as LOG_LEVEL; no secrets. Default: none.",
    )
    images: Images = Field(default=Images(), description="Container images.")
    regions: tuple[
        Annotated[Region, BeforeValidator(_by_name, json_schema_input_type=RegionName | Region)], ...
    ] = Field(min_length=1, description="The AWS regions; a bare name is an active region.")
    ingress: Ingress = Field(default=Ingress(), description="Class and scheme of the load balancers.")
    load_balancing: LoadBalancing = Field(
        default=LoadBalancing(), description="How clients are routed to regions."
    )
    failover: Failover = Field(default=Failover(), description="The failover controller.")
    replication: Replication = Field(default=Replication(), description="Backups of the volumes.")
    alarms: Alarms = Field(default=Alarms(), description="Who watches the platform.")
    network: Network = Field(default=Network(), description="Openings in the network policies.")
    companies: tuple[
        Annotated[Company, BeforeValidator(_by_name, json_schema_input_type=CompanyName | Company)], ...
    ] = Field(description="The tenants; a bare name is a company with all defaults. Can be empty.")

    _aws: AwsProvider = PrivateAttr(default=AwsProvider())

    @property
    def aws(self) -> AwsProvider:
        """The stack file's configuration of the AWS provider."""
        return self._aws

    def with_provider(self, aws: AwsProvider) -> Self:
        settings = self.model_copy()
        settings._aws = aws
        return settings

    @property
    def failover_enabled(self) -> bool:
        return len(self.regions) > 1 if self.failover.enabled is None else self.failover.enabled

    @property
    def resource_prefix(self) -> str:
        """The beginning of the names of buckets and roles, which `plan.names` takes as the domain."""
        return self.name_prefix or self.domain

    def role_names(self, stack: str) -> RoleNames:
        return RoleNames(
            domain=self.resource_prefix,
            stack=stack,
            prefix=self.name_prefix or "",
            path=self.role_path or "/",
        )

    @property
    def kms_keys(self) -> dict[str, str]:
        """ARN of each region's KMS key; empty where S3's own keys encrypt the buckets."""
        return {region.name: region.kms_key_arn for region in self.regions if region.kms_key_arn}

    @property
    def agency_image(self) -> str:
        """The application's image; in the stack `local` the reference image is the default."""
        return self.images.agency or REFERENCE_IMAGE

    def regions_of(self, company: Company) -> tuple[Region, ...]:
        """The company's regions, in its own order if it names them, otherwise in the stack's."""
        known = {region.name: region for region in self.regions}
        return tuple(known[name] for name in company.regions or known)

    def needs_certificate(self, region: Region) -> bool:
        """Whether the region's load balancers need a certificate that this program can create.

        Without a hosted zone (external-dns manages the names) this program can validate none: then the AWS
        Load Balancer Controller chooses the account's certificate that matches the host.
        """
        exists = region.certificate_arn is not None or region.endpoint is not None
        return self.ingress.makes_load_balancers and not exists and self.hosted_zone_id is not None

    def ingress_of(self, region: Region) -> Ingress:
        """The ingress controller of a region."""
        return self.ingress.of_endpoint(region.ingress_class) if region.endpoint else self.ingress

    def load_balancer_of(self, region: Region) -> RegionLoadBalancer:
        return region.load_balancer.over(self.ingress.load_balancer)

    def balanced(self, regions: Iterable[Region]) -> bool:
        """Whether an AWS load balancer sends requests to pods of any of these regions."""
        return any(self.ingress_of(region).makes_load_balancers for region in regions)
