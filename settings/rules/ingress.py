"""Rules about IngressClasses and the controllers that serve them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from settings.ingress import AUTO_MODE_CONTROLLER, LOAD_BALANCER_CONTROLLER
from settings.load_balancer import LoadBalancer, RegionLoadBalancer
from settings.models import Settings
from settings.problems import NO_VALUE, Path, Problem
from settings.rules.base import Rule

KEEP_ALIVE = "client_keep_alive.seconds"


def _controller(settings: Settings, _: str) -> Iterator[Problem]:
    """The controller decides on the annotations, and a class name alone does not tell the controller."""
    ingress = settings.ingress
    if ingress.served_by is None:
        requirement = f"missing (required for className {ingress.class_name})"
        advice = (
            f"Set the IngressClass's spec.controller, such as {LOAD_BALANCER_CONTROLLER}"
            f" (`kubectl get ingressclass {ingress.class_name}` shows it)."
        )
        yield Problem(("ingress", "controller"), NO_VALUE, requirement, advice)
    elif ingress.served_by == AUTO_MODE_CONTROLLER:
        requirement = f"must be {LOAD_BALANCER_CONTROLLER} or that of an ingress controller in the cluster"
        advice = "EKS Auto Mode ignores the annotation that puts several Ingresses on one load balancer."
        yield Problem(("ingress", "controller"), ingress.served_by, requirement, advice)


def _of_regions(settings: Settings, _: str) -> Iterator[Problem]:
    for index, region in enumerate(settings.regions):
        path, own = ("regions", index, "ingressClass"), region.ingress_class
        if own and not region.endpoint:
            advice = "A region without an endpoint uses ingress.className."
            yield Problem(path, own, "must not be set without endpoint", advice)
        elif own and settings.ingress_of(region).makes_load_balancers:
            requirement = "must be the class of an ingress controller in the cluster, such as nginx"
            advice = (
                "The AWS Load Balancer Controller would create a load balancer beside regions[].endpoint."
            )
            yield Problem(path, own, requirement, advice)


def _load_balancers(settings: Settings, _: str) -> Iterator[Problem]:
    """Keys that the AWS Load Balancer Controller alone reads, or that contradict each other."""
    shared, path = settings.ingress.load_balancer, ("ingress", "loadBalancer")
    if shared != LoadBalancer() and not settings.ingress.makes_load_balancers:
        yield Problem(
            path, _shown(shared), "must not be set", "Only the AWS Load Balancer Controller reads the key."
        )
    yield from _attributes(path, shared)
    for index, region in enumerate(settings.regions):
        own, at = region.load_balancer, ("regions", index, "loadBalancer")
        if own != RegionLoadBalancer() and not settings.ingress_of(region).makes_load_balancers:
            advice = "No AWS load balancer is created in this region."
            yield Problem(at, _shown(own), "must not be set", advice)
        yield from _attributes(at, own)
        if own.security_groups and own.inbound_cidrs:
            advice = "The existing security groups decide who may connect."
            yield Problem((*at, "inboundCidrs"), list(own.inbound_cidrs), "must not be set", advice)
        if own.web_acl_arn and own.web_acl_arn.split(":")[3] != region.name:
            yield Problem((*at, "webAclArn"), own.web_acl_arn, f"must be a web ACL of {region.name}")
        if len(own.subnets) == 1:
            yield Problem((*at, "subnets"), list(own.subnets), "must be in two zones or more")


def _shown(own: LoadBalancer) -> dict[str, Any]:
    return own.model_dump(mode="json", by_alias=True, exclude_defaults=True)


def _attributes(path: Path, own: LoadBalancer) -> Iterator[Problem]:
    if KEEP_ALIVE in own.attributes:
        advice = "This program sets the attribute: clients must ask DNS again."
        yield Problem(
            (*path, "attributes", KEEP_ALIVE), own.attributes[KEEP_ALIVE], "must not be set", advice
        )


RULES = (
    Rule(_controller, ("ingress.className", "ingress.controller")),
    Rule(_of_regions, ("ingress.className", "ingress.controller", "regions[=].endpoint")),
    Rule(
        _load_balancers,
        (
            "ingress.className",
            "ingress.controller",
            "regions[=].endpoint",
            "regions[=].ingressClass",
            "regions[=].name",
        ),
    ),
)
