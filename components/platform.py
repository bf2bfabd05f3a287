"""The whole platform of a stack: which components it has and what each is given."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pulumi

from components.advice import Advice
from components.certificates import Certificates, CertificatesArgs
from components.cluster import Cluster, ClusterArgs
from components.failover_controller import FailoverController, FailoverControllerArgs
from components.global_routing import GlobalRouting, GlobalRoutingArgs
from components.provisioning import Provisioning
from components.region import Region, RegionArgs
from components.replication_mesh import ReplicationMesh, ReplicationMeshArgs
from components.tenant import Tenant, TenantArgs
from plan import names
from plan.dns import Leaf, Record, RecordPlan
from plan.edges import edge_name
from settings import Settings, clusters_of
from settings.models import Company, Manager
from settings.routes import check_of, record_plan
from settings.rules import needs_certificate
from settings.warnings import lacks_identity


class Platform:
    """Registers every component of a stack, in the order in which they need each other."""

    def __init__(self, settings: Settings, stack: str) -> None:
        self.settings, self.stack = settings, stack
        self.records = record_plan(settings)
        self.managed = settings.load_balancing.manager is Manager.ROUTE53
        self.buckets = self._bucket_names()
        self.advice, self.provisioning = Advice(), Provisioning(stack)
        self.clusters = {
            plan.folder: Cluster(plan.folder, ClusterArgs(plan=plan, settings=settings))
            for plan in clusters_of(settings)
        }
        self.controllers = self._controllers()
        self.certificates = self._certificates()
        self.regions = self._regions()
        self._mesh()
        self.routing = self._routing()
        self.tenants = {company.namespace: self._tenant(company) for company in self._companies()}

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs: each company's host name; each region's edges, bucket and role."""
        gaps = self._identity_gaps()
        return ({"identityToCreate": gaps} if gaps else {}) | {
            "companies": {name: tenant.host for name, tenant in self.tenants.items()},
            "regions": {
                name: {
                    "active": region.settings.active,
                    "edges": [edge.host for edge in region.edges.values()],
                    "bucket": region.bucket and region.bucket.bucket.id,
                    "role": region.role_arn,
                }
                for name, region in self.regions.items()
            },
        }

    def _identity_gaps(self) -> list[dict[str, Any]]:
        """What somebody must give the sidecars' roles to, in clusters that the settings say too little of."""
        lacking = {
            folder for folder, cluster in self.clusters.items() if lacks_identity(self.settings, cluster.plan)
        }
        return [
            {
                "cluster": region.cluster.plan.folder,
                "namespace": "every company's" if region.role_arn else namespace,
                "serviceAccounts": [names.service_account_name(kind, name) for kind in ("agent", "brain")],
                "role": role,
            }
            for name, region in self.regions.items()
            if region.cluster.plan.folder in lacking
            for namespace, role in self._roles_in(name)
        ]

    def _roles_in(self, region: str) -> list[tuple[str, pulumi.Input[str]]]:
        own = self.regions[region].role_arn
        if own is not None:
            return [("", own)]
        return [
            (name, tenant.roles[region]) for name, tenant in self.tenants.items() if region in tenant.roles
        ]

    def _companies(self) -> list[Company]:
        return sorted(self.settings.companies, key=lambda company: company.namespace)

    def _bucket_names(self) -> dict[str, str]:
        if not self.settings.replication.enabled:
            return {}
        return {
            region.name: names.bucket_name(self.settings.domain, self.stack, region.name)
            for region in sorted(self.settings.regions, key=lambda region: region.name)
        }

    def _controllers(self) -> dict[str, FailoverController]:
        """One a cluster, by its folder. They roll one after another: those of passive regions alone first."""
        if not self.settings.failover_enabled:
            return {}
        made: dict[str, FailoverController] = {}
        before: list[pulumi.Resource] = []
        for folder, cluster in sorted(self.clusters.items(), key=_standby_first):
            args = FailoverControllerArgs(
                settings=self.settings,
                cluster=cluster,
                peers=pages_of(self.settings) if len(self.clusters) > 1 else {},
                after=before if self.settings.wait_for_ready else [],
            )
            child = pulumi.ResourceOptions(parent=cluster)
            made[folder] = FailoverController(f"{folder}-failover", args, child)
            before = [made[folder].deployment]
        return made

    def _certificates(self) -> Mapping[str, pulumi.Input[str]]:
        """Certificates by region: those that the settings name, ours for the others that need one."""
        given = {
            region.name: region.certificate_arn for region in self.settings.regions if region.certificate_arn
        }
        missing = [
            region.name
            for region in self.settings.regions
            if needs_certificate(self.settings, region) and not region.certificate_arn
        ]
        if not missing:
            return given
        args = CertificatesArgs(
            domain=self.settings.domain, zone_id=self.settings.hosted_zone_id or "", regions=missing
        )
        return {**given, **Certificates("certificates", args).arns}

    def _regions(self) -> dict[str, Region]:
        cluster_of = {
            region.name: cluster for cluster in self.clusters.values() for region in cluster.plan.regions
        }
        checks = checks_by_region(self.settings)
        planned = {check.key: check for check in self.records.checks}
        leaves = [record for record in _tree_records(self.records) if isinstance(record.target, Leaf)]
        made = {}
        for region in sorted(self.settings.regions, key=lambda region: region.name):
            own = checks[region.name]
            args = RegionArgs(
                settings=self.settings,
                region=region,
                stack=self.stack,
                cluster=cluster_of[region.name],
                buckets=self.buckets,
                edges=edges_of(self.settings, region.name),
                checks=[planned[key] for key in sorted(own)],
                leaves=[record for record in leaves if record.check in own] if self.managed else [],
                certificate_arn=self.certificates.get(region.name),
                advice=self.advice,
                provisioning=self.provisioning,
                controller=self.controllers.get(cluster_of[region.name].plan.folder),
            )
            made[region.name] = Region(region.name, args)
        return made

    def _mesh(self) -> None:
        others = {
            region.name: self.buckets.keys() - {region.name}
            if region.replicate_to is None
            else region.replicate_to
            for region in self.settings.regions
        }
        links = {name: tuple(sorted(targets)) for name, targets in others.items() if targets}
        if not self.buckets or not links:
            return
        args = ReplicationMeshArgs(
            role=names.replication_role_name(self.settings.domain, self.stack),
            links=links,
            bucket_names=self.buckets,
            buckets={name: region.bucket for name, region in self.regions.items() if region.bucket},
            replication=self.settings.replication,
        )
        ReplicationMesh("replication", args)

    def _routing(self) -> GlobalRouting | None:
        if not self.managed:
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
        alias = self.records.companies[company.namespace] if self.routing else None
        args = TenantArgs(
            settings=self.settings,
            company=company,
            stack=self.stack,
            regions=[self.regions[region.name] for region in self.settings.regions_of(company)],
            buckets=self.buckets,
            alias=alias,
            tree=self.routing.records_of(alias.target) if self.routing and alias else [],
        )
        return Tenant(company.namespace, args)


def _tree_records(plan: RecordPlan) -> list[Record]:
    return [record for tree in plan.trees for record in tree.records]


def checks_by_region(settings: Settings) -> dict[str, set[str]]:
    """Keys of the health checks of each region."""
    found: dict[str, set[str]] = {region.name: set() for region in settings.regions}
    for company in settings.companies:
        for region in settings.regions_of(company):
            found[region.name].add(check_of(settings, company, region.name).key)
    return found


def edges_of(settings: Settings, region: str) -> list[int]:
    """Numbers of a region's load balancers: those that companies name; 1 where there is no company yet."""
    if any(one.name == region and one.endpoint for one in settings.regions):
        return [1]
    used = {
        company.edge
        for company in settings.companies
        if any(one.name == region for one in settings.regions_of(company))
    }
    return sorted(used or {1})


def pages_of(settings: Settings) -> dict[str, str]:
    """Each region's page of views, on its first edge. A controller asks its own cluster's too: so it notices
    when nobody can reach them.
    """
    hosts = {
        region.name: region.endpoint
        or edge_name(region.name, min(edges_of(settings, region.name)), settings.domain)
        for region in settings.regions
    }
    return {name: f"https://{host}/peer/{name}" for name, host in hosts.items()}


def _standby_first(cluster: tuple[str, Cluster]) -> tuple[bool, str]:
    folder, made = cluster
    return any(region.active for region in made.plan.regions), folder
