"""`doctor` on IngressClasses: there, and served by the controller that the settings take them for."""

from __future__ import annotations

from typing import Any

import pytest

from clients.kubernetes_api import ApiError
from ops.cluster_access import Cluster
from ops.doctor.findings import Finding
from ops.doctor.in_cluster import ingress
from settings import clusters_of, parse
from tests.components.stacks import EU, US, context, eks, stack
from tests.strategies import Raw

ALB, NGINX, AUTO = "ingress.k8s.aws/alb", "k8s.io/ingress-nginx", "eks.amazonaws.com/alb"
CONTROLLER = "aws-load-balancer-controller"


PARAMETERS = {"apiGroup": "elbv2.k8s.aws", "kind": "IngressClassParams", "name": "strict"}


class Api:
    """Has these IngressClasses, and the AWS Load Balancer Controller where `runs`. With `params` each class
    has IngressClassParams: their spec, None where they do not exist, or the API server's refusal."""

    def __init__(
        self, classes: dict[str, str], runs: bool, *params: dict[str, Any] | ApiError | None
    ) -> None:
        self._classes, self._runs, self._params = classes, runs, params

    def get(self, manifest: dict[str, Any]) -> dict[str, Any] | None:
        assert (manifest["apiVersion"], manifest["kind"]) == ("elbv2.k8s.aws/v1beta1", PARAMETERS["kind"])
        assert manifest["metadata"] == {"name": PARAMETERS["name"]}
        [found] = self._params
        if isinstance(found, ApiError):
            raise found
        return None if found is None else {"spec": found}

    def list(self, kind: str, version: str) -> list[dict[str, Any]]:
        assert (kind, version) == ("IngressClass", "networking.k8s.io/v1")
        parameters = {"parameters": PARAMETERS} if self._params else {}
        return [
            {"metadata": {"name": name}, "spec": {"controller": of, **parameters}}
            for name, of in self._classes.items()
        ]

    def call(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/apis/apps/v1/deployments")
        one = {"metadata": {"name": CONTROLLER}, "status": {"availableReplicas": 2}}
        return {"items": [one] if self._runs else []}


def look(
    classes: dict[str, str], *params: dict[str, Any] | ApiError | None, runs: bool = True, **settings: Any
) -> list[Finding]:
    known = parse(stack(**settings), "dev")
    (plan,) = clusters_of(known)
    api: Any = Api(classes, runs, *params)
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


def parameters(spec: dict[str, Any] | ApiError | None, **settings: Any) -> Finding:
    [*_, one] = look({"alb": ALB}, spec, **settings)
    assert one.what == "IngressClassParams strict"
    return one


@pytest.mark.parametrize(
    ("spec", "replaced"),
    [
        ({}, ""),
        ({"tags": [{"key": "a", "value": "b"}], "namespaceSelector": {}}, ""),
        ({"scheme": "internet-facing", "targetType": "ip", "ipAddressType": "ipv4"}, ""),
        ({"scheme": "internal"}, "scheme"),
        ({"targetType": "instance", "group": {"name": "one"}}, "group, targetType"),
        ({"subnets": {"ids": ["subnet-1"]}, "loadBalancerName": "one"}, "subnets, loadBalancerName"),
        (
            {
                "ipAddressType": "dualstack",
                "sslPolicy": "x",
                "certificateArn": ["x"],
                "inboundCIDRs": ["10.0.0.0/8"],
            },
            "ipAddressType, certificateArn, sslPolicy, inboundCIDRs",
        ),
    ],
)
def test_parameters_of_a_class_that_replace_the_stack_file_s_are_missing(spec: Raw, replaced: str) -> None:
    one = parameters(spec)
    assert one.ok is not bool(replaced)
    assert not replaced or one.detail.startswith(f"it sets {replaced}: ")
    assert not replaced or ("another" in one.remedy and "ingress.className" in one.remedy)


def test_parameters_with_the_stack_file_s_own_values_are_no_obstacle() -> None:
    balancer = {
        "ipAddressType": "dualstack",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "inboundCidrs": ["10.0.0.0/8"],
    }
    spec = {
        "ipAddressType": "dualstack",
        "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "inboundCIDRs": ["10.0.0.0/8"],
    }
    assert parameters(spec, ingress={"loadBalancer": balancer}).ok


def test_parameters_that_do_not_exist_or_cannot_be_read_are_reported() -> None:
    one = parameters(None)
    assert not one.ok and one.detail.startswith("there is none")
    one = parameters(ApiError(403, "forbidden"))
    assert not one.ok and one.detail == "not known: forbidden" and "allow" in one.remedy


def test_parameters_of_another_controller_s_class_are_left_alone() -> None:
    found = look({"nginx": NGINX}, {"scheme": "internal"}, ingress={"className": "nginx"})
    assert [one.what for one in found] == ["ingress class nginx"]
