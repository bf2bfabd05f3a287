"""One accelerator of AWS Global Accelerator, and the DNS name that leads to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws
from pulumi import ComponentResource, ResourceOptions

from components.accelerator_readiness import Readiness
from components.provisioning import Provisioning
from components.region import Region
from components.tenant import Tenant
from plan.accelerators import PORTS
from plan.accelerators import Accelerator as Plan
from plan.records import LEAF_TTL
from settings import Settings
from settings.load_balancer import IpAddressType
from settings.routes import accelerators_of, edge_of


@dataclass(frozen=True, kw_only=True)
class AcceleratorArgs:
    settings: Settings
    stack: str
    plan: Plan
    endpoints: Mapping[str, pulumi.Input[str]]
    """ARNs of the load balancers, by region."""
    after: Mapping[str, Sequence[pulumi.Resource]]
    """What must exist in a region before clients come: the companies' Ingresses."""
    readiness: Readiness


class Accelerator(ComponentResource):
    """The accelerator, a listener, an endpoint group a region, and the CNAME to which companies' names lead.

    A region's endpoint group is created after the region serves the companies, and the CNAME after all
    endpoint groups, when endpoints are healthy: clients never come to an accelerator that leads nowhere.
    """

    TYPE = "agency:accelerator:Accelerator"

    record: pulumi.Resource

    def __init__(self, name: str, args: AcceleratorArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        settings, child = args.settings, ResourceOptions(parent=self)
        dual = all(
            settings.load_balancer_of(region).ip_address_type is IpAddressType.DUALSTACK
            for region in settings.regions
            if region.name in args.plan.regions
        )
        accelerator = aws.globalaccelerator.Accelerator(
            f"{name}-accelerator",
            name=f"{settings.resource_prefix.replace('.', '-')[:40]}-{args.plan.label}",
            ip_address_type="DUAL_STACK" if dual else "IPV4",
            enabled=True,
            tags={"Name": f"{settings.domain} {args.stack} {args.plan.label}"},
            opts=child,
        )
        listener = aws.globalaccelerator.Listener(
            f"{name}-listener",
            accelerator_arn=accelerator.arn,
            protocol="TCP",
            client_affinity=settings.load_balancing.client_affinity.name,
            port_ranges=[{"from_port": port, "to_port": port} for port in PORTS],
            opts=child,
        )
        groups = self._endpoint_groups(name, args, listener)
        self.record = aws.route53.Record(
            f"{name}-record",
            zone_id=settings.hosted_zone_id or "",
            name=args.plan.name,
            type="CNAME",
            ttl=LEAF_TTL,
            records=[accelerator.dual_stack_dns_name if dual else accelerator.dns_name],
            opts=ResourceOptions(parent=self, depends_on=groups, hooks=args.readiness.record(name, groups)),
        )
        self.register_outputs({"dnsName": accelerator.dns_name, "addresses": accelerator.ip_sets})

    def _endpoint_groups(
        self, name: str, args: AcceleratorArgs, listener: aws.globalaccelerator.Listener
    ) -> list[aws.globalaccelerator.EndpointGroup]:
        return [
            aws.globalaccelerator.EndpointGroup(
                f"{name}-endpoints@{region}",
                listener_arn=listener.arn,
                endpoint_group_region=region,
                traffic_dial_percentage=100.0,
                endpoint_configurations=[
                    {
                        "endpoint_id": args.endpoints[region],
                        "weight": 128,
                        "client_ip_preservation_enabled": True,
                    }
                ],
                opts=ResourceOptions(
                    parent=self, depends_on=[*args.after[region]], hooks=args.readiness.group
                ),
            )
            for region in args.plan.regions
        ]


def create_accelerators(
    settings: Settings,
    stack: str,
    regions: Mapping[str, Region],
    tenants: Mapping[str, Tenant],
    provisioning: Provisioning,
) -> dict[str, Accelerator]:
    """The stack's accelerators, by the DNS name that leads to them."""
    created, plans = dict[str, Accelerator](), accelerators_of(settings)
    if not plans:
        return created
    readiness = Readiness(settings, stack, provisioning.record)
    for plan in plans:
        edges = {name: regions[name].edges[edge_of(plan, regions[name].settings)] for name in plan.regions}
        args = AcceleratorArgs(
            settings=settings,
            stack=stack,
            plan=plan,
            endpoints={name: edge.endpoint for name, edge in edges.items() if edge.endpoint is not None},
            after={
                name: [tenants[company].ingresses[name] for company in plan.companies]
                for name in plan.regions
            },
            readiness=readiness,
        )
        created[plan.name] = Accelerator(plan.label, args)
    return created
