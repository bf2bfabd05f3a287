"""Rules about IngressClasses and the controllers that serve them."""

from __future__ import annotations

from collections.abc import Iterator

from settings.faults import MISSING, Fault
from settings.ingress import AUTO_MODE_CONTROLLER, LOAD_BALANCER_CONTROLLER
from settings.models import Settings
from settings.rules.base import Rule


def _controller(settings: Settings, _: str) -> Iterator[Fault]:
    """A class of any name may be the AWS Load Balancer Controller's, which needs annotations to work."""
    ingress = settings.ingress
    if ingress.served_by is None:
        accepted = (
            f"required for className {ingress.class_name}: its IngressClass's spec.controller, such as"
            f" {LOAD_BALANCER_CONTROLLER} (`kubectl get ingressclass {ingress.class_name}` shows it)"
        )
        yield Fault(("ingress", "controller"), MISSING, accepted)
    elif ingress.served_by == AUTO_MODE_CONTROLLER:
        accepted = (
            f"{LOAD_BALANCER_CONTROLLER} or that of an ingress controller in the cluster; EKS Auto Mode"
            " ignores the annotation that puts several Ingresses on one load balancer"
        )
        yield Fault(("ingress", "controller"), ingress.served_by, accepted)


def _of_regions(settings: Settings, _: str) -> Iterator[Fault]:
    for index, region in enumerate(settings.regions):
        path, own = ("regions", index, "ingressClass"), region.ingress_class
        if own and not region.endpoint:
            yield Fault(path, own, "no such key without endpoint: there ingress.className is the region's")
        elif own and settings.ingress_of(region).makes_load_balancers:
            accepted = (
                "the class of a controller in the cluster, such as nginx; the AWS Load Balancer Controller"
                " would make a load balancer beside regions[].endpoint"
            )
            yield Fault(path, own, accepted)


RULES = (
    Rule(_controller, ("ingress.className", "ingress.controller")),
    Rule(_of_regions, ("ingress.className", "ingress.controller", "regions[=].endpoint")),
)
