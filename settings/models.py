"""The settings of a stack: every key of `Pulumi.<stack>.yaml` under `digital-agency:`, with its default.

Shapes only. What several keys must fulfil together stands in `rules.py`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

from plan.dns import Policy
from plan.names import namespace_of
from settings.values import (
    Cidr,
    CompanyName,
    DnsLabel,
    DnsName,
    EnvironmentName,
    HostedZoneId,
    Image,
    Port,
    Quantity,
    RegionName,
    SecretValue,
    Seconds,
    quantity,
)


class Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_name=True)


def _by_name(value: Any) -> Any:
    return {"name": value} if isinstance(value, str) else value


REFERENCE_IMAGE = "localhost/digital-agency/reference:local"


class Identity(StrEnum):
    POD_IDENTITY = "pod-identity"
    IRSA = "irsa"


class Manager(StrEnum):
    ROUTE53 = "route53"
    EXTERNAL_DNS = "external-dns"


class Scheme(StrEnum):
    INTERNET_FACING = "internet-facing"
    INTERNAL = "internal"


class AccessMode(StrEnum):
    READ_WRITE_ONCE = "ReadWriteOnce"
    READ_WRITE_MANY = "ReadWriteMany"


class Images(Model):
    agency: Image | None = Field(None, description="The application: agent, health monitor, brain.")
    rclone: Image = Field("rclone/rclone:1.71.0", description="Stock image that holds the rclone binary.")
    python: Image = Field("python:3.13-slim", description="Stock image that runs the runtime programs.")


class ClusterRef(Model):
    """A Kubernetes cluster that exists already: `{eks: …}` or `{context: …}`."""

    eks: str | None = Field(None, min_length=1, max_length=100, description="Name of an EKS cluster of this region.")
    endpoint: str | None = Field(
        None, pattern=r"^https://", description="With certificateAuthority: no lookup is made."
    )
    certificate_authority: str | None = Field(None, min_length=1, description="Base64, as EKS shows it.")
    context: str | None = Field(None, min_length=1, description="A context of the ambient kubeconfig.")
    eks_name: str | None = Field(None, min_length=1, description="Its name in EKS, for Pod Identity.")
    oidc_provider_arn: str | None = Field(
        None, pattern=r"^arn:aws:iam::\d{12}:oidc-provider/.+", description="Its IAM OIDC provider, for IRSA."
    )

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.eks is None) == (self.context is None):
            raise ValueError("either {eks: <name>} or {context: <name>}; leave cluster out for the ambient kubeconfig")
        if (self.endpoint is None) != (self.certificate_authority is None):
            raise ValueError("endpoint and certificateAuthority together, or neither")
        if self.endpoint and not self.eks:
            raise ValueError("endpoint and certificateAuthority only with eks; a context brings its own")
        if self.eks_name and self.eks:
            raise ValueError("eksName only with context; eks is the name already")
        return self


class Region(Model):
    name: RegionName
    active: bool = Field(True, description="A passive region serves only when no active one can.")
    weight: int = Field(100, ge=0, le=255, description="Share of the answers under policy weighted.")
    cluster: ClusterRef | None = Field(None, description="Absent: the ambient kubeconfig.")
    adopt: bool = Field(False, description="Import the replication bucket that an earlier removal kept.")
    node_selector: dict[str, str] = {}
    storage_class: str | None = Field(None, min_length=1)
    geo: tuple[str, ...] = Field((), description='For policy geo: "default", a continent, or "country:XX".')
    certificate_arn: str | None = Field(None, pattern=r"^arn:aws:acm:[a-z0-9-]+:\d{12}:certificate/.+")
    endpoint: DnsName | None = Field(None, description="DNS name of a load balancer that exists already.")
    ingress_from: tuple[Cidr, ...] | None = Field(None, min_length=1, description="Subnets of the load balancer.")
    replicate_to: tuple[RegionName, ...] | None = Field(None, description="Default: all other regions.")


class Ingress(Model):
    class_name: DnsName | DnsLabel = "alb"
    namespace: DnsLabel = Field("ingress-nginx", description="Of an ingress controller inside the cluster.")
    scheme: Scheme = Scheme.INTERNET_FACING


class LoadBalancing(Model):
    policy: Policy = Policy.LATENCY
    manager: Manager = Manager.ROUTE53
    annotation_prefix: str = Field("external-dns.kubernetes.io/", pattern=r"^[a-z0-9.-]+/$")
    global_accelerator: bool = False


class Failover(Model):
    enabled: bool | None = Field(None, description="Default: on where the stack has several regions.")
    interval_seconds: Seconds = 5
    timeout_seconds: Seconds = 1
    failure_threshold: int = Field(3, ge=1, le=100)
    recovery_threshold: int = Field(3, ge=1, le=100)


class Replication(Model):
    enabled: bool = True
    sync_interval: int = Field(60, ge=5, le=86400, description="Seconds between two copies.")
    delete_markers: bool = Field(True, description="Peers' buckets follow deletions (as markers).")
    metrics: bool = Field(True, description="S3 reports each rule's lag to CloudWatch.")
    time_control: bool = Field(False, description="S3 Replication Time Control: 15 minutes, with a surcharge.")


class ExtraEgress(Model):
    cidr: Cidr
    port: Port


class Network(Model):
    monitoring_namespace: DnsLabel | None = Field(None, description="May scrape metrics; default: nobody.")
    extra_egress: tuple[ExtraEgress, ...] = ()


class Amounts(Model):
    cpu: Quantity | None = None
    memory: Quantity | None = None

    def over(self, default: Amounts) -> Amounts:
        return Amounts(cpu=self.cpu or default.cpu, memory=self.memory or default.memory)


class Resources(Model):
    """What a container asks for and may use at most; what is left out keeps the component's default."""

    requests: Amounts = Amounts()
    limits: Amounts = Amounts()

    def over(self, default: Resources) -> Resources:
        """These resources, and the default's where they are silent. Raises ValueError where they don't fit."""
        requests, limits = self.requests.over(default.requests), self.limits.over(default.limits)
        for unit in ("cpu", "memory"):
            asked, allowed = getattr(requests, unit), getattr(limits, unit)
            if quantity(asked) > quantity(allowed):
                raise ValueError(f"requests.{unit} ({asked}) at most limits.{unit} ({allowed})")
        return Resources(requests=requests, limits=limits)


def resources(requests: tuple[str, str], limits: tuple[str, str]) -> Resources:
    """Resources from pairs of CPU and memory."""
    return Resources(
        requests=Amounts(cpu=requests[0], memory=requests[1]), limits=Amounts(cpu=limits[0], memory=limits[1])
    )


AGENT_RESOURCES = resources(("1000m", "2Gi"), ("2000m", "4Gi"))
BRAIN_RESOURCES = resources(("500m", "1Gi"), ("1000m", "2Gi"))
HEALTH_MONITOR_RESOURCES = resources(("100m", "256Mi"), ("500m", "512Mi"))


class Agent(Model):
    """Size of a company's Agents. `resources` are those of the agent container."""

    resources: Annotated[Resources, AfterValidator(lambda given: given.over(AGENT_RESOURCES))] = AGENT_RESOURCES
    storage: Quantity = "1Gi"
    access_mode: AccessMode = AccessMode.READ_WRITE_ONCE
    replicas: int = Field(1, ge=1, le=10)
    mount_brain: bool = Field(False, description="Mount the Brain's volume at .agent/brain; needs ReadWriteMany.")


class Brain(Model):
    """Size of a company's Brains. `resources` are those of the brain container."""

    resources: Annotated[Resources, AfterValidator(lambda given: given.over(BRAIN_RESOURCES))] = BRAIN_RESOURCES
    storage: Quantity = "10Gi"
    access_mode: AccessMode = AccessMode.READ_WRITE_ONCE
    replicas: int = Field(1, ge=1, le=10)


class ApiKeys(Model):
    """Keys of model providers: an existing Secret's name, or values that become one."""

    secret_name: DnsName | DnsLabel | None = None
    values: dict[EnvironmentName, SecretValue] = {}

    @model_validator(mode="before")
    @classmethod
    def _one_form(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "values" in given:
            return given
        if "secretName" in given and len(given) > 1:
            raise ValueError("either {secretName: …} or the values themselves, not both")
        return given if "secretName" in given else {"values": given}


class Company(Model):
    name: CompanyName
    regions: tuple[RegionName, ...] | None = Field(None, min_length=1, description="Default: all.")
    edge: int = Field(1, ge=1, le=99, description="Which load balancer of each region.")
    agent: Agent = Agent()
    brain: Brain = Brain()
    api_keys: ApiKeys | None = None
    dedicated_health_checks: bool = False
    protect: bool = Field(False, description="Removal is refused until this is false.")

    @property
    def namespace(self) -> str:
        return namespace_of(self.name)


class Settings(Model):
    domain: DnsName
    hosted_zone_id: HostedZoneId | None = None
    identity: Identity = Identity.POD_IDENTITY
    pod_user: int = Field(10001, ge=1, le=2**31 - 1, description="uid, gid and fsGroup of every container.")
    wait_for_ready: bool = Field(True, description="false: apply without waiting for workloads and ingresses.")
    environment: dict[EnvironmentName, str] = Field({}, description="For the application, such as LOG_LEVEL.")
    images: Images = Images()
    regions: tuple[Annotated[Region, BeforeValidator(_by_name)], ...] = Field(min_length=1)
    ingress: Ingress = Ingress()
    load_balancing: LoadBalancing = LoadBalancing()
    failover: Failover = Failover()
    replication: Replication = Replication()
    network: Network = Network()
    companies: tuple[Annotated[Company, BeforeValidator(_by_name)], ...]

    @property
    def failover_enabled(self) -> bool:
        return len(self.regions) > 1 if self.failover.enabled is None else self.failover.enabled

    @property
    def agency_image(self) -> str:
        """The application's image. Only the stack `local` may name none: it runs the reference application."""
        return self.images.agency or REFERENCE_IMAGE

    def regions_of(self, company: Company) -> tuple[Region, ...]:
        """The company's regions: in its own order where it names them, else in the stack's."""
        by_name = {region.name: region for region in self.regions}
        return tuple(by_name[name] for name in company.regions or by_name)
