"""Rules about IngressClasses and the controllers that serve them."""

from __future__ import annotations

from collections.abc import Iterator

from settings.ingress import AUTO_MODE_CONTROLLER, LOAD_BALANCER_CONTROLLER
from settings.models import Settings
from settings.problems import NO_VALUE, Problem
from settings.rules.base import Rule


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


RULES = (
    Rule(_controller, ("ingress.className", "ingress.controller")),
    Rule(_of_regions, ("ingress.className", "ingress.controller", "regions[=].endpoint")),
)
