"""One company, in every cluster and region that it lives in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ComponentResource, ResourceOptions

from components import failover_access, guards, replica_keys, runtime_programs
from components.advice import Advice
from components.agent import Agent
from components.base import KubernetesObject
from components.brain import Brain
from components.cluster import Cluster
from components.flags import flags_map
from components.network_policies import deny_all
from components.provisioning import Provisioning
from components.records import create_record
from components.region import Region
from components.replica_access import ReplicaAccess, ReplicaAccessArgs
from components.secrets import secret_of
from components.workload import WorkloadArgs
from plan.iam import gate_access, irsa_trust, no_trust
from plan.names import COMPANY_LABEL, host_of, service_account_name
from plan.records import Record, RoutingPolicy
from runtime.contracts.gate import COMPONENTS
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
    advice: Advice
    provisioning: Provisioning


@dataclass(frozen=True, kw_only=True)
class Namespace:
    """A company's namespace in one cluster, and what must exist in it before any pod."""

    namespace: pulumi.Resource
    guards: Sequence[pulumi.Resource]


class Tenant(ComponentResource):
    """A company's namespace and guards in each cluster, a Brain and an Agent in each region, its DNS name.

    Namespaces and volumes stay when the company leaves the stack, and are adopted when it returns.
    """

    TYPE = "agency:tenant:Tenant"

    host: str
    roles: dict[str, dict[str, pulumi.Output[str]]]
    """With IRSA: the roles of the company's gates in each region, by component."""
    ingresses: dict[str, pulumi.Resource]
    """By region."""

    def __init__(self, name: str, args: TenantArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        self.roles = {}
        self.ingresses = {}
        self.host = host_of(args.company.namespace, args.settings.domain)
        clusters = {region.cluster.plan.id: region.cluster for region in args.regions}
        namespaces = {id: self._namespace(name, args, cluster) for id, cluster in sorted(clusters.items())}
        before: list[pulumi.Resource] = []
        for region in standby_first(args.settings, args.regions):
            before = self._workloads(name, args, region, namespaces[region.cluster.plan.id], before)
        self._zone_id = args.settings.hosted_zone_id or ""
        self._name, self._hooks = name, args.provisioning.moves.hooks
        self.register_outputs({"host": self.host})

    def publish(self, alias: Record, targets: Sequence[pulumi.Resource]) -> pulumi.Resource:
        """Create the company's DNS name. It changes its target only after `targets`, the records that it
        leads to, and after the load balancers serve the company's host.
        """
        return create_record(
            f"{self._name}-name",
            alias,
            zone_id=self._zone_id,
            checks={},
            opts=ResourceOptions(
                parent=self, depends_on=[*targets, *self.ingresses.values()], hooks=self._hooks
            ),
        )

    def _namespace(self, name: str, args: TenantArgs, cluster: Cluster) -> Namespace:
        company, at = args.company, cluster.plan.id
        keep = ResourceOptions(
            parent=self,
            provider=cluster.adopting_provider,
            retain_on_delete=True,
            protect=company.protect,
            hooks=cluster.namespace_hooks,
        )
        manifest = guards.namespace(args.settings, company, cluster.plan.regions)
        namespace = KubernetesObject(f"{name}-namespace@{at}", manifest, keep)
        child = ResourceOptions(parent=self, provider=cluster.provider, depends_on=[namespace])
        hidden = ResourceOptions.merge(child, ResourceOptions(additional_secret_outputs=["data"]))
        quota = guards.quota(args.settings, company, len(cluster.plan.regions))
        program = runtime_programs.gate().config_map(company.namespace, {COMPANY_LABEL: company.namespace})
        secrets = {
            "keys": secret_of(company),
            "replica-keys": replica_keys.secret_of(args.settings, company.namespace),
        }
        if args.settings.failover_enabled:
            KubernetesObject(f"{name}-flags@{at}", flags_map(company.namespace), child)
            KubernetesObject(f"{name}-failover@{at}", failover_access.binding(company.namespace), child)
        return Namespace(
            namespace=namespace,
            guards=[
                KubernetesObject(f"{name}-quota@{at}", quota, child),
                KubernetesObject(f"{name}-limits@{at}", guards.limits(company), child),
                KubernetesObject(f"{name}-deny@{at}", deny_all(company.namespace), child),
                KubernetesObject(f"{name}-gate@{at}", program, child),
                *(
                    KubernetesObject(f"{name}-{role}@{at}", secret, hidden)
                    for role, secret in secrets.items()
                    if secret
                ),
            ],
        )

    def _workloads(
        self,
        name: str,
        args: TenantArgs,
        region: Region,
        namespace: Namespace,
        before: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        child, at = ResourceOptions(parent=self), region.settings.name
        workload = WorkloadArgs(
            settings=args.settings,
            company=args.company,
            region=region,
            roles=region.roles or self._own_roles(name, args, region),
            buckets=args.buckets,
            namespace=namespace.namespace,
            guards=namespace.guards,
            advice=args.advice,
            provisioning=args.provisioning,
            after=before if args.settings.wait_for_ready else [],
        )
        brain = Brain(f"{name}-brain@{at}", workload, child)
        agent = Agent(f"{name}-agent@{at}", workload, child)
        self.ingresses[at] = agent.ingress
        return [brain.stateful_set, agent.stateful_set]

    def _own_roles(self, name: str, args: TenantArgs, region: Region) -> dict[str, pulumi.Output[str]]:
        """With IRSA: the roles of the company's gates in a region, which no other pod can assume."""
        if args.settings.identity is not Identity.IRSA or not args.buckets:
            return {}
        at = region.settings.name
        self.roles[at] = {
            component: self._own_role(name, args, region, component) for component in COMPONENTS
        }
        return self.roles[at]

    def _own_role(self, name: str, args: TenantArgs, region: Region, component: str) -> pulumi.Output[str]:
        namespace, at = args.company.namespace, region.settings.name
        account, provider = service_account_name(component, at), region.cluster.oidc_provider_arn
        trust = provider.apply(lambda arn: irsa_trust(arn, namespace, account)) if provider else no_trust()
        return ReplicaAccess(
            f"{name}-{component}-access@{at}",
            ReplicaAccessArgs(
                role=args.settings.role_names(args.stack).company_gate(at, component, namespace),
                trust=trust,
                access=gate_access(
                    region=at,
                    component=component,
                    buckets=args.buckets,
                    keys=args.settings.kms_keys,
                    namespace=namespace,
                ),
            ),
            ResourceOptions(parent=self),
        ).role_arn


def standby_first(settings: Settings, regions: Sequence[Region]) -> list[Region]:
    """The order in which a company's regions roll: serving regions come last."""
    if settings.load_balancing.policy is RoutingPolicy.FAILOVER:
        ranked = list(reversed(regions))
    else:
        ranked = sorted(regions, key=lambda region: region.settings.name)
    return sorted(ranked, key=lambda region: region.settings.active)
