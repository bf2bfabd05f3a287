"""One load balancer of a region, created by an Ingress of its own, and its DNS name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ComponentResource, Output, ResourceOptions

from components.base import SKIP_AWAIT, KubernetesObject
from components.cluster import Cluster
from components.failover_controller import FailoverController
from components.load_balancer import (
    balancer_label,
    controller_answers,
    fixed_answers,
    ingress_annotations,
    network_balancer,
    not_found,
)
from components.provisioning import Provisioning
from plan import external_dns
from plan.edges import edge_name
from plan.names import REGION_LABEL, SYSTEM_NAMESPACE
from plan.records import LEAF_TTL
from settings import Region, Settings
from settings.models import Manager
from settings.routes import accelerators_of, edge_of


@dataclass(frozen=True, kw_only=True)
class EdgeArgs:
    settings: Settings
    region: Region
    number: int
    cluster: Cluster
    certificate_arn: pulumi.Input[str] | None
    first: bool
    """Whether this is the region's first edge."""
    controller: FailoverController | None
    """The controller of the region's cluster; None with failover off."""
    provisioning: Provisioning


class Edge(ComponentResource):
    """The Ingress that answers `/healthz/<region>` and `/peer/<region>` without a host, and
    `<region>[-n].<domain>`.

    A region with an endpoint already has a load balancer with a name: only the Ingress is created, and
    nothing waits for its address.
    """

    TYPE = "agency:edge:Edge"

    host: str
    published: pulumi.Resource
    """The resource that makes the host resolve: its record, or the Ingress that others create it from."""
    endpoint: pulumi.Input[str] | None
    """ARN of the load balancer to which Global Accelerator sends clients; None with another manager."""

    def __init__(self, name: str, args: EdgeArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__(self.TYPE, name, None, opts)
        settings, region = args.settings, args.region
        self.host = region.endpoint or edge_name(region.name, args.number, settings.domain)
        dependencies = [
            args.cluster.system_namespace,
            *([args.controller.service] if args.controller else []),
        ]
        ingress = KubernetesObject(
            f"{name}-ingress",
            _manifest(args),
            ResourceOptions(parent=self, provider=args.cluster.provider, depends_on=dependencies),
        )
        self.published = ingress
        if region.endpoint is None and settings.load_balancing.manager is not Manager.EXTERNAL_DNS:
            self.published = aws.route53.Record(
                f"{name}-record",
                zone_id=settings.hosted_zone_id or "",
                name=self.host,
                type="CNAME",
                ttl=LEAF_TTL,
                records=[_address(ingress, self.host)],
                opts=ResourceOptions(parent=self, hooks=args.provisioning.record),
            )
        self.endpoint = self._endpoint(name, args, ingress)
        self.register_outputs({"host": self.host})

    def _endpoint(self, name: str, args: EdgeArgs, ingress: KubernetesObject) -> pulumi.Input[str] | None:
        """An Ingress of its own asks for the Network Load Balancer: its status has both load balancers at
        once, while that of an Ingress that exists already would name the second one later.
        """
        if not any(
            args.region.name in plan.regions and edge_of(plan, args.region) == args.number
            for plan in accelerators_of(args.settings)
        ):
            return None
        if args.region.endpoint_arn:
            return args.region.endpoint_arn
        options = ResourceOptions(parent=self, provider=args.cluster.provider, depends_on=[ingress])
        front = KubernetesObject(f"{name}-front", _front(args), options)
        return front.status.apply(lambda status: _network_balancer(status, self.host)).apply(
            lambda found: aws.lb.get_load_balancer_output(name=found[0], region=found[1]).arn
        )


_NETWORK_BALANCER = re.compile(r"(?P<name>.+)-[0-9a-f]+\.elb\.(?P<region>[a-z0-9-]+)\.amazonaws\.com")


def _network_balancer(status: Any, host: str) -> tuple[str, str]:
    """Name and AWS region of the Network Load Balancer, from its DNS name in the status of an Ingress."""
    addresses = ((status or {}).get("loadBalancer") or {}).get("ingress") or []
    for address in addresses:
        if found := _NETWORK_BALANCER.fullmatch(address.get("hostname") or ""):
            return found["name"], found["region"]
    raise ValueError(
        f"{host}: its Ingress got no Network Load Balancer. The AWS Load Balancer Controller must be version"
        f" 2.13 or later. Or set regions[].endpointArn. Got {addresses}."
    )


def _front(args: EdgeArgs) -> dict[str, Any]:
    """The Ingress that puts a Network Load Balancer before the edge's load balancer."""
    settings, region = args.settings, args.region
    label = balancer_label(settings.ingress_of(region), region.name, args.number)
    shared = ingress_annotations(settings, region, edge=args.number, certificate_arn=args.certificate_arn)
    answer, backend = not_found()
    annotations = {**shared, **network_balancer(settings, region), **answer, **_external_dns(args)}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": f"front-{label}",
            "namespace": SYSTEM_NAMESPACE,
            "labels": {REGION_LABEL: region.name},
            "annotations": annotations,
        },
        "spec": {"ingressClassName": settings.ingress_of(region).class_name, "defaultBackend": backend},
    }


def _address(ingress: KubernetesObject, host: str) -> Output[str]:
    """The load balancer's DNS name, once the ingress controller has written it into the Ingress."""

    def name_of(status: Any) -> str:
        addresses = ((status or {}).get("loadBalancer") or {}).get("ingress") or []
        if addresses and addresses[0].get("hostname"):
            return str(addresses[0]["hostname"])
        raise ValueError(
            f"{host}: its Ingress got no load balancer with a DNS name. Check that the ingress controller of"
            " ingress.className runs. A load balancer with only an IP address needs regions[].endpoint."
        )

    return ingress.status.apply(name_of)


def _manifest(args: EdgeArgs) -> dict[str, Any]:
    settings, region = args.settings, args.region
    ingress = settings.ingress_of(region)
    answer_annotations, paths = (
        controller_answers(ingress, region.name, args.number, first=args.first)
        if args.controller
        else fixed_answers(ingress, region.name, args.number)
    )
    skip = SKIP_AWAIT if region.endpoint else {}
    balancer_annotations = ingress_annotations(
        settings, region, edge=args.number, certificate_arn=args.certificate_arn
    )
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": f"edge-{balancer_label(ingress, region.name, args.number)}",
            "namespace": SYSTEM_NAMESPACE,
            "labels": {REGION_LABEL: region.name},
            "annotations": {**balancer_annotations, **answer_annotations, **_external_dns(args), **skip},
        },
        "spec": {
            "ingressClassName": ingress.class_name,
            "rules": [{"http": {"paths": paths}}],
            **_certificate_by_name(args),
        },
    }


def _certificate_by_name(args: EdgeArgs) -> dict[str, Any]:
    """The AWS Load Balancer Controller finds certificates by the names in an Ingress, and a load balancer
    with HTTPS needs one. Companies' Ingresses, which have names, come later.
    """
    region = args.region
    if args.certificate_arn is not None or not args.settings.ingress_of(region).makes_load_balancers:
        return {}
    return {"tls": [{"hosts": [edge_name(region.name, args.number, args.settings.domain)]}]}


def _external_dns(args: EdgeArgs) -> dict[str, str]:
    """The annotations for external-dns. The name of an existing endpoint is not managed here."""
    balancing = args.settings.load_balancing
    if balancing.manager is not Manager.EXTERNAL_DNS or args.region.endpoint:
        return external_dns.keep_away(balancing.annotation_prefix)
    host = edge_name(args.region.name, args.number, args.settings.domain)
    return external_dns.edge_annotations(balancing.annotation_prefix, host)
