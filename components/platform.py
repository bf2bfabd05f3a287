"""The whole platform of a stack: its components and their arguments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from components.accelerator import create_accelerators
from components.advice import Advice
from components.alarms import AccountAlarms, AccountAlarmsArgs, ClusterAlarms
from components.certificates import Certificates, CertificatesArgs
from components.cluster import Cluster, ClusterArgs
from components.controller_secret import controller_secrets
from components.drain import Drain, DrainArgs
from components.failover_controller import FailoverController, FailoverControllerArgs
from components.global_routing import GlobalRouting, GlobalRoutingArgs
from components.provisioning import Provisioning
from components.region import Region, RegionArgs
from components.replication_mesh import ReplicationMesh, ReplicationMeshArgs
from components.role_limits import limit_roles
from components.tenant import Tenant, TenantArgs
from components.zone_provider import use_zone_role
from plan import names
from plan.edges import edge_name
from plan.records import Alias, Leaf, Record, RecordPlan
from settings import Settings, clusters_of
from settings.companies import Company
from settings.models import Identity, Manager
from settings.routes import check_of, record_plan
from settings.warnings import lacks_identity


class Platform:
    """Registers every component of a stack, in the order of their dependencies."""

    def __init__(self, settings: Settings, stack: str) -> None:
        self.settings, self.stack = settings, stack
        limit_roles(settings)
        use_zone_role(settings)
        self.records = record_plan(settings)
        self.managed = settings.load_balancing.manager is not Manager.EXTERNAL_DNS
        self.buckets = self._bucket_names()
        self.advice, self.provisioning = Advice(), Provisioning(stack)
        self.clusters = {
            plan.id: Cluster(plan.id, ClusterArgs(plan=plan, settings=settings))
            for plan in clusters_of(settings)
        }
        self.controllers = self._controllers()
        self.certificates = self._certificates()
        self.regions = self._regions()
        self._mesh()
        self._alarms()
        self.routing = self._routing()
        self.tenants = {company.namespace: self._tenant(company) for company in self._companies()}
        self.accelerators = create_accelerators(
            settings, stack, self.regions, self.tenants, self.provisioning
        )
        self._names()

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs: each company's host name; each region's edges, bucket and roles."""
        gaps = self._identity_gaps()
        return ({"identityToCreate": gaps} if gaps else {}) | {
            "companies": {name: tenant.host for name, tenant in self.tenants.items()},
            "regions": {
                name: {
                    "active": region.settings.active,
                    "edges": [edge.host for edge in region.edges.values()],
                    "bucket": region.bucket and region.bucket.bucket.id,
                    "roles": region.roles,
                }
                for name, region in self.regions.items()
            },
        }

    def _identity_gaps(self) -> list[dict[str, Any]]:
        """Service accounts that the owner must link to roles, in clusters with too few settings for it."""
        lacking = {id for id, cluster in self.clusters.items() if lacks_identity(self.settings, cluster.plan)}
        return [
            {
                "cluster": region.cluster.plan.id,
                "namespace": namespace,
                "serviceAccounts": [names.service_account_name(component, name)],
                "role": role,
            }
            for name, region in self.regions.items()
            if region.cluster.plan.id in lacking
            for namespace, roles in self._roles_in(region)
            for component, role in roles.items()
        ]

    def _roles_in(self, region: Region) -> list[tuple[str, Mapping[str, pulumi.Input[str]]]]:
        if region.roles:
            return [("every company's", region.roles)]
        at = region.settings.name
        return [(name, tenant.roles[at]) for name, tenant in self.tenants.items() if at in tenant.roles]

    def _companies(self) -> list[Company]:
        return sorted(self.settings.companies, key=lambda company: company.namespace)

    def _bucket_names(self) -> dict[str, str]:
        if not self.settings.replication.enabled:
            return {}
        return {
            region.name: names.bucket_name(self.settings.resource_prefix, self.stack, region.name)
            for region in sorted(self.settings.regions, key=lambda region: region.name)
        }

    def _controllers(self) -> dict[str, FailoverController]:
        """By cluster id. They roll one after another, clusters without active regions first."""
        if not self.settings.failover_enabled:
            return {}
        controllers: dict[str, FailoverController] = {}
        before: list[pulumi.Resource] = []
        made = controller_secrets(cluster for _, cluster in sorted(self.clusters.items()))
        for id, cluster in sorted(self.clusters.items(), key=_standby_first):
            args = FailoverControllerArgs(
                settings=self.settings,
                cluster=cluster,
                peers=pages_of(self.settings) if len(self.clusters) > 1 else {},
                secret=made[id],
                after=before if self.settings.wait_for_ready else [],
            )
            child = pulumi.ResourceOptions(parent=cluster)
            controllers[id] = FailoverController(f"{id}-failover", args, child)
            before = [controllers[id].deployment]
        return controllers

    def _certificates(self) -> Mapping[str, pulumi.Input[str]]:
        """Certificates by region: from the settings, or created for regions that need one."""
        existing = {
            region.name: region.certificate_arn for region in self.settings.regions if region.certificate_arn
        }
        missing = [region.name for region in self.settings.regions if self.settings.needs_certificate(region)]
        if not missing:
            return existing
        args = CertificatesArgs(
            domain=self.settings.domain, zone_id=self.settings.hosted_zone_id or "", regions=missing
        )
        return {**existing, **Certificates("certificates", args).arns}

    def _regions(self) -> dict[str, Region]:
        cluster_of = {
            region.name: cluster for cluster in self.clusters.values() for region in cluster.plan.regions
        }
        needs_account = self.buckets and self.settings.identity is Identity.POD_IDENTITY
        account_id = aws.get_caller_identity_output().account_id if needs_account else None
        checks = checks_by_region(self.settings)
        planned = {check.key: check for check in self.records.checks}
        leaves = [record for record in _tree_records(self.records) if isinstance(record.target, Leaf)]
        regions = {}
        for region in sorted(self.settings.regions, key=lambda region: region.name):
            own = checks[region.name]
            args = RegionArgs(
                settings=self.settings,
                region=region,
                stack=self.stack,
                cluster=cluster_of[region.name],
                buckets=self.buckets,
                edges=edges_of(self.settings, region.name),
                checks=[planned[key] for key in sorted(own & planned.keys())],
                leaves=[record for record in leaves if record.check in own] if self.managed else [],
                certificate_arn=self.certificates.get(region.name),
                advice=self.advice,
                provisioning=self.provisioning,
                account_id=account_id,
                controller=self.controllers.get(cluster_of[region.name].plan.id),
            )
            regions[region.name] = Region(region.name, args)
        return regions

    def _alarms(self) -> None:
        settings = self.settings
        if settings.alarms.prometheus_operator:
            for id, cluster in self.clusters.items():
                child = pulumi.ResourceOptions(parent=cluster)
                ClusterAlarms(f"{id}-alarms", settings, cluster, child)
        if not settings.alarms.emails:
            return
        reported = settings.replication.metrics or settings.replication.time_control
        args = AccountAlarmsArgs(
            prefix=names.account_prefix(settings.resource_prefix, self.stack),
            emails=settings.alarms.emails,
            checks={key: id for region in self.regions.values() for key, id in region.checks.items()},
            replication=[(source, target) for source, targets in self._links().items() for target in targets]
            if reported
            else [],
            buckets=self.buckets,
        )
        AccountAlarms("alarms", args)

    def _links(self) -> dict[str, tuple[str, ...]]:
        """Regions to which each region's files are copied, if there are any."""
        if not self.buckets:
            return {}
        others = {
            region.name: self.buckets.keys() - {region.name}
            if region.replicate_to is None
            else region.replicate_to
            for region in self.settings.regions
        }
        return {name: tuple(sorted(targets)) for name, targets in others.items() if targets}

    def _mesh(self) -> None:
        links = self._links()
        if not links:
            return
        args = ReplicationMeshArgs(
            role=names.replication_role_name(self.settings.resource_prefix, self.stack),
            links=links,
            bucket_names=self.buckets,
            buckets={name: region.bucket for name, region in self.regions.items() if region.bucket},
            kms_keys=self.settings.kms_keys,
            replication=self.settings.replication,
        )
        ReplicationMesh("replication", args)

    def _routing(self) -> GlobalRouting | None:
        if self.settings.load_balancing.manager is not Manager.ROUTE53:
            return None
        leaves: defaultdict[str, list[pulumi.Resource]] = defaultdict(list)
        for region in self.regions.values():
            for label, records in region.leaves.items():
                leaves[label].extend(records)
        args = GlobalRoutingArgs(
            domain=self.settings.domain,
            zone_id=self.settings.hosted_zone_id or "",
            trees=self.records.trees,
            leaves=leaves,
        )
        return GlobalRouting("routing", args)

    def _tenant(self, company: Company) -> Tenant:
        args = TenantArgs(
            settings=self.settings,
            company=company,
            stack=self.stack,
            regions=[self.regions[region.name] for region in self.settings.regions_of(company)],
            buckets=self.buckets,
            advice=self.advice,
            provisioning=self.provisioning,
        )
        return Tenant(company.namespace, args)

    def _names(self) -> None:
        """The companies' DNS names, after all that they lead to."""
        made, accelerated = dict[str, pulumi.Resource](), dict[str, str]()
        for company, alias in self.records.companies.items() if self.managed else ():
            targets, target = self.routing.records_of(alias.target) if self.routing else [], alias.target
            if isinstance(target, Alias) and not self.routing:
                targets, accelerated[company] = [self.accelerators[target.name].record], target.name
            made[company] = self.tenants[company].publish(alias, targets)
        if self.stack != names.LOCAL:
            Drain("names", DrainArgs(names=made, accelerators=accelerated, moves=self.provisioning.moves))


def _tree_records(plan: RecordPlan) -> list[Record]:
    return [record for tree in plan.trees for record in tree.records]


def checks_by_region(settings: Settings) -> dict[str, set[str]]:
    """Keys of the health checks of each region."""
    checks: dict[str, set[str]] = {region.name: set() for region in settings.regions}
    for company in settings.companies:
        for region in settings.regions_of(company):
            checks[region.name].add(check_of(settings, company, region.name).key)
    return checks


def edges_of(settings: Settings, region: str) -> list[int]:
    """Numbers of a region's load balancers: those of its companies; 1 where there is no company yet."""
    if any(each.name == region and each.endpoint for each in settings.regions):
        return [1]
    used = {
        company.edge
        for company in settings.companies
        if any(each.name == region for each in settings.regions_of(company))
    }
    return sorted(used or {1})


def pages_of(settings: Settings) -> dict[str, str]:
    """URL of each region's page of views, on its first edge. A controller reads its own cluster's page too:
    so it notices when its edges cannot be reached.
    """
    hosts = {
        region.name: region.endpoint
        or edge_name(region.name, min(edges_of(settings, region.name)), settings.domain)
        for region in settings.regions
    }
    return {name: f"https://{host}/peer/{name}" for name, host in hosts.items()}


def _standby_first(cluster: tuple[str, Cluster]) -> tuple[bool, str]:
    id, component = cluster
    return any(region.active for region in component.plan.regions), id
