"""`doctor` on IngressClasses: there, and served by the controller that the settings take them for."""

from __future__ import annotations

from typing import Any

import pytest

from ops.cluster_access import Cluster
from ops.doctor.findings import Finding
from ops.doctor.in_cluster import ingress
from settings import clusters_of, parse
from tests.components.stacks import EU, US, context, eks, stack
from tests.strategies import Raw

ALB, NGINX, AUTO = "ingress.k8s.aws/alb", "k8s.io/ingress-nginx", "eks.amazonaws.com/alb"
CONTROLLER = "aws-load-balancer-controller"


class Api:
    """Has these IngressClasses, and the AWS Load Balancer Controller where `runs`."""

    def __init__(self, classes: dict[str, str], runs: bool) -> None:
        self._classes, self._runs = classes, runs

    def list(self, kind: str, version: str) -> list[dict[str, Any]]:
        assert (kind, version) == ("IngressClass", "networking.k8s.io/v1")
        return [
            {"metadata": {"name": name}, "spec": {"controller": of}} for name, of in self._classes.items()
        ]

    def call(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/apis/apps/v1/deployments")
        one = {"metadata": {"name": CONTROLLER}, "status": {"availableReplicas": 2}}
        return {"items": [one] if self._runs else []}


def look(classes: dict[str, str], *, runs: bool = True, **settings: Any) -> list[Finding]:
    known = parse(stack(**settings), "dev")
    (plan,) = clusters_of(known)
    api: Any = Api(classes, runs)
    return list(ingress(known, plan, Cluster(name="blue", regions=(US,), api=api, kubectl="kubectl")))


@pytest.mark.parametrize(
    ("settings", "classes", "told"),
    [
        ({}, {"alb": ALB}, [ALB, "2 pods ready"]),
        ({"ingress": {"className": "public", "controller": ALB}}, {"public": ALB}, [ALB, "2 pods ready"]),
        ({"ingress": {"className": "nginx"}}, {"nginx": NGINX}, [NGINX]),
        (
            {"ingress": {"className": "x", "controller": "haproxy.org/x"}},
            {"x": "haproxy.org/x"},
            ["haproxy.org/x"],
        ),
        ({"regions": [context(US)]}, {"alb": ALB, "nginx": NGINX}, [NGINX]),
        ({"regions": [context(US, ingressClass="kong")]}, {"kong": "konghq.com/kong"}, ["konghq.com/kong"]),
    ],
)
def test_a_class_of_the_controller_that_is_expected_is_found(
    settings: Raw, classes: dict[str, str], told: list[str]
) -> None:
    found = look(classes, **settings)
    assert [one.detail for one in found] == told
    assert all(one.ok for one in found)


@pytest.mark.parametrize(
    ("settings", "classes", "told", "remedy"),
    [
        ({}, {}, "there is none", "install the AWS Load Balancer Controller, or set ingress.className"),
        ({"ingress": {"className": "nginx"}}, {"alb": ALB}, "there is none; there are: alb", "install its"),
        (
            {},
            {"alb": NGINX},
            f"its spec.controller is {NGINX}, but the settings expect {ALB}",
            f"set ingress.controller: {NGINX}, or name another class: ingress.className",
        ),
        (
            {"ingress": {"className": "nginx"}},
            {"nginx": "nginx.org/ingress-controller"},
            f"but the settings expect {NGINX}",
            "set ingress.controller: nginx.org/ingress-controller",
        ),
        (
            {"ingress": {"className": "x", "controller": NGINX}},
            {"x": ALB},
            f"its spec.controller is {ALB}",
            f"set ingress.controller: {ALB}",
        ),
        ({}, {"alb": AUTO}, "it is EKS Auto Mode's", "install the AWS Load Balancer Controller"),
        (
            {"regions": [context(US)]},
            {"alb": ALB},
            "there is none; there are: alb",
            "install its ingress controller, or set regions[].ingressClass",
        ),
        (
            {"regions": [context(US, ingressClass="public")]},
            {"public": ALB},
            "it creates a load balancer beside regions[].endpoint",
            "name the class of a controller in the cluster: regions[].ingressClass",
        ),
    ],
)
def test_a_class_that_is_not_there_or_another_controller_s_is_missing(
    settings: Raw, classes: dict[str, str], told: str, remedy: str
) -> None:
    [one] = [one for one in look(classes, **settings) if one.what.startswith("ingress class")]
    assert not one.ok and told in one.detail and remedy in one.remedy


def test_the_classes_of_all_regions_in_a_cluster_are_looked_at() -> None:
    regions = [context(US), context(EU, endpoint=None, ingressFrom=["10.0.0.0/24"])]
    regions[1].pop("endpoint")
    found = look({"alb": ALB}, runs=False, regions=regions)
    assert {one.what: one.ok for one in found} == {
        "ingress class nginx": False,
        "ingress class alb": True,
        "AWS Load Balancer Controller": False,
    }


def test_the_load_balancer_controller_is_not_asked_for_where_another_one_serves_the_class() -> None:
    region = eks(US, endpoint="lb.example.net")
    assert [one.what for one in look({"nginx": NGINX}, runs=False, regions=[region])] == [
        "ingress class nginx"
    ]
