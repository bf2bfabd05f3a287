"""One company, in every cluster and region that it lives in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components import failover_access, guards, replica_keys, runtime_programs
from components.agent import Agent, AgentArgs
from components.base import KubernetesObject
from components.brain import Brain, BrainArgs
from components.cluster import Cluster
from components.flags import flags_map
from components.network_policies import deny_all
from components.records import create_record
from components.region import Region
from components.replica_access import ReplicaAccess, ReplicaAccessArgs
from components.secrets import secret_of
from components.workload import WorkloadArgs
from plan.dns import Policy, Record
from plan.iam import irsa_trust, no_trust, replica_access
from plan.names import COMPANY_LABEL, company_role_name, host_of, service_account_name
from settings import Company, Settings
from settings.models import Identity


@dataclass(frozen=True, kw_only=True)
class TenantArgs:
    settings: Settings
    company: Company
    stack: str
    regions: Sequence[Region]
    """The company's regions, in its order."""
    buckets: Mapping[str, str]
    """Every region's bucket name; empty without replication."""
    alias: Record | None
    """The company's DNS name; None where external-dns manages names."""
    tree: Sequence[pulumi.Resource]
    """The records that the name leads to."""


class Tenant(ComponentResource):
    """A company's namespace and guards in each cluster, a Brain and an Agent in each region, its DNS name.

    The name moves when the load balancers that it then leads to know its host. Namespaces and volumes stay
    when the company leaves the stack, and are taken over when it returns.
    """

    TYPE = "agency:tenant:Tenant"

    host: str
    roles: dict[str, pulumi.Output[str]]
    """With IRSA: the company's role in each region."""

    def __init__(self, name: str, args: TenantArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self.roles = {}
        self._ingresses: list[pulumi.Resource] = []
        self.host = host_of(args.company.namespace, args.settings.domain)
        clusters = {region.cluster.plan.folder: region.cluster for region in args.regions}
        made = {folder: self._guards(name, args, cluster) for folder, cluster in sorted(clusters.items())}
        before: list[pulumi.Resource] = []
        for region in standby_first(args.settings, args.regions):
            before = self._workloads(name, args, region, made[region.cluster.plan.folder], before)
        if args.alias:
            create_record(
                f"{name}-name",
                args.alias,
                zone_id=args.settings.hosted_zone_id or "",
                checks={},
                opts=ResourceOptions(parent=self, depends_on=[*args.tree, *self._ingresses]),
            )
        self.register_outputs({"host": self.host})

    def _guards(
        self, name: str, args: TenantArgs, cluster: Cluster
    ) -> tuple[pulumi.Resource, list[pulumi.Resource]]:
        """The company's namespace in a cluster, and what stands in it before any pod."""
        company, at = args.company, cluster.plan.folder
        kept = ResourceOptions(
            parent=self, provider=cluster.kept, retain_on_delete=True, protect=company.protect
        )
        manifest = guards.namespace(args.settings, company, cluster.plan.regions)
        space = KubernetesObject(f"{name}-namespace@{at}", manifest, kept)
        child = ResourceOptions(parent=self, provider=cluster.provider, depends_on=[space])
        quota = guards.quota(args.settings, company, len(cluster.plan.regions))
        program = runtime_programs.gate().config_map(company.namespace, {COMPANY_LABEL: company.namespace})
        made: list[pulumi.Resource] = [
            KubernetesObject(f"{name}-quota@{at}", quota, child),
            KubernetesObject(f"{name}-limits@{at}", guards.limits(company), child),
            KubernetesObject(f"{name}-deny@{at}", deny_all(company.namespace), child),
            KubernetesObject(f"{name}-gate@{at}", program, child),
        ]
        hidden = ResourceOptions.merge(child, ResourceOptions(additional_secret_outputs=["data"]))
        if secret := secret_of(company):
            made.append(KubernetesObject(f"{name}-keys@{at}", secret, hidden))
        if secret := replica_keys.secret_of(args.settings, company.namespace):
            made.append(KubernetesObject(f"{name}-replica-keys@{at}", secret, hidden))
        if args.settings.failover_enabled:
            KubernetesObject(f"{name}-flags@{at}", flags_map(company.namespace), child)
            KubernetesObject(f"{name}-failover@{at}", failover_access.binding(company.namespace), child)
        return space, made

    def _workloads(
        self,
        name: str,
        args: TenantArgs,
        region: Region,
        made: tuple[pulumi.Resource, Sequence[pulumi.Resource]],
        before: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        child, at = ResourceOptions(parent=self), region.settings.name
        shared = WorkloadArgs(
            settings=args.settings,
            company=args.company,
            region=region,
            role_arn=region.role_arn or self._own_role(name, args, region),
            buckets=args.buckets,
            namespace=made[0],
            guards=made[1],
            after=before if args.settings.wait_for_ready else [],
        )
        brain = Brain(f"{name}-brain@{at}", BrainArgs(**vars(shared)), child)
        agent = Agent(f"{name}-agent@{at}", AgentArgs(**vars(shared)), child)
        self._ingresses.append(agent.ingress)
        return [brain.stateful_set, agent.stateful_set]

    def _own_role(self, name: str, args: TenantArgs, region: Region) -> pulumi.Output[str] | None:
        """With IRSA: the role of the company's sidecars in a region, which no other namespace can take."""
        if args.settings.identity is not Identity.IRSA or not args.buckets:
            return None
        company, at = args.company, region.settings.name
        accounts = [service_account_name(kind, at) for kind in ("agent", "brain")]
        provider = region.cluster.oidc_provider_arn
        trust = (
            provider.apply(lambda arn: irsa_trust(arn, company.namespace, accounts))
            if provider
            else no_trust()
        )
        access = ReplicaAccess(
            f"{name}-sidecars@{at}",
            ReplicaAccessArgs(
                role=company_role_name(args.settings.domain, args.stack, at, company.namespace),
                trust=trust,
                access=replica_access(region=at, buckets=args.buckets, namespace=company.namespace),
            ),
            ResourceOptions(parent=self),
        )
        self.roles[at] = access.role_arn
        return access.role_arn


def standby_first(settings: Settings, regions: Sequence[Region]) -> list[Region]:
    """The order in which a company's regions roll: those that serve last."""
    if settings.load_balancing.policy is Policy.FAILOVER:
        ranked = list(reversed(regions))
    else:
        ranked = sorted(regions, key=lambda region: region.settings.name)
    return sorted(ranked, key=lambda region: region.settings.active)
