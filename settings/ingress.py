"""The keys of `ingress`: the IngressClass, its controller, and the load balancers' scheme."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from settings.load_balancer import LoadBalancer
from settings.values import DnsLabel, IngressController, Model, ObjectName

LOAD_BALANCER_CONTROLLER = "ingress.k8s.aws/alb"
"""The AWS Load Balancer Controller, in an IngressClass's `spec.controller`."""
AUTO_MODE_CONTROLLER = "eks.amazonaws.com/alb"
"""The controller of EKS Auto Mode, which ignores the annotation `group.name`."""
INGRESS_NGINX = "k8s.io/ingress-nginx"
CONTROLLERS = {
    "alb": LOAD_BALANCER_CONTROLLER,
    "nginx": INGRESS_NGINX,
    "traefik": "traefik.io/ingress-controller",
}
"""The controllers of IngressClasses with a usual name."""
ANSWERING = (LOAD_BALANCER_CONTROLLER, INGRESS_NGINX)
"""Controllers whose load balancer answers `/healthz/<region>` also without a failover controller."""
IN_CLUSTER_CLASS = "nginx"
"""The default of a region with an endpoint, where the stack's class would create a second load balancer."""


class Scheme(StrEnum):
    INTERNET_FACING = "internet-facing"
    INTERNAL = "internal"

    @property
    def subnet_tag(self) -> str:
        """The tag of the subnets in which the AWS Load Balancer Controller creates such a load balancer."""
        return "kubernetes.io/role/" + ("internal-elb" if self is Scheme.INTERNAL else "elb")


class Ingress(Model):
    """How requests reach the clusters."""

    class_name: ObjectName = Field(default="alb", description="IngressClass of every Ingress. Default: alb.")
    controller: IngressController | None = Field(
        default=None,
        description="The IngressClass's spec.controller, such as ingress.k8s.aws/alb. Required unless"
        " className is alb, nginx or traefik. Default: that of the usual class of this name.",
    )
    namespace: DnsLabel = Field(
        default="ingress-nginx",
        description="Namespace of an ingress controller in the cluster. Default: ingress-nginx.",
    )
    scheme: Scheme = Field(
        default=Scheme.INTERNET_FACING,
        description="Scheme of the load balancers; internal requires regions[].ingressFrom. Default:"
        " internet-facing.",
    )

    load_balancer: LoadBalancer = Field(
        default=LoadBalancer(), description="Of all load balancers that the controller creates."
    )

    @property
    def served_by(self) -> str | None:
        """The IngressClass's controller; None where the settings do not determine it."""
        return self.controller or CONTROLLERS.get(self.class_name)

    @property
    def makes_load_balancers(self) -> bool:
        return self.served_by == LOAD_BALANCER_CONTROLLER

    def of_endpoint(self, class_name: str | None) -> Ingress:
        """The ingress settings of a region with an endpoint, which must not get a second load balancer."""
        own = class_name or (IN_CLUSTER_CLASS if self.makes_load_balancers else self.class_name)
        return (
            self
            if own == self.class_name
            else self.model_copy(update={"class_name": own, "controller": None})
        )
