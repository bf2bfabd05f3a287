"""Edge: the Ingress that makes a region's load balancer, its health answer and its name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from plan.limits import EDGE_RULES, EDGE_TARGET_GROUPS
from tests.components.stacks import DOMAIN, EU, US, WEST, ZONE, context, eks, stack
from tests.recording import INGRESS, RECORD, Answers, Recording, names, record

SKIP = "pulumi.com/skipAwait"
ALB = "alb.ingress.kubernetes.io"
SYSTEM = "digital-agency-system"


def edges(run: Recording) -> dict[str, dict[str, Any]]:
    """Manifests of the edges' Ingresses, by name."""
    return {
        resource.inputs["metadata"]["name"]: resource.inputs
        for resource in run.objects(INGRESS, namespace=SYSTEM)
    }


@pytest.fixture(scope="module")
def run() -> Recording:
    companies = ["acme", {"name": "globex", "edge": 2}, {"name": "initech", "edge": 7, "regions": [US]}]
    return record(stack(regions=[eks(US), eks(EU)], companies=companies))


def test_a_region_has_the_edges_that_its_companies_name(run: Recording) -> None:
    assert edges(run).keys() == {
        "edge-us-east-1", "edge-us-east-1-2", "edge-us-east-1-7", "edge-eu-west-1", "edge-eu-west-1-2"
    }  # fmt: skip
    assert run.outputs["regions"][US]["edges"] == [
        f"us-east-1.{DOMAIN}", f"us-east-1-2.{DOMAIN}", f"us-east-1-7.{DOMAIN}"
    ]  # fmt: skip


def test_each_edge_is_a_load_balancer_of_its_own_that_its_companies_share(run: Recording) -> None:
    groups = {
        name: resource["metadata"]["annotations"][f"{ALB}/group.name"]
        for name, resource in edges(run).items()
    }
    assert groups == {name: name.removeprefix("edge-") for name in edges(run)}
    for company, edge in (("acme", ""), ("globex", "-2"), ("initech", "-7")):
        ingress = run.manifest(INGRESS, f"agent-{US}{edge}", namespace=company)
        assert ingress["metadata"]["annotations"][f"{ALB}/group.name"] == f"{US}{edge}"


def paths(edge: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The backends of an edge's paths, which are for every host."""
    (rule,) = edge["spec"]["rules"]
    assert "host" not in rule
    assert {path["pathType"] for path in rule["http"]["paths"]} == {"Prefix"}
    return {path["path"]: path["backend"]["service"] for path in rule["http"]["paths"]}


def test_the_failover_controller_answers_health_and_views_on_every_edge(run: Recording) -> None:
    controller = {"name": "failover-controller", "port": {"name": "http"}}
    for name, resource in edges(run).items():
        region = next(region for region in (US, EU) if region in name)
        assert paths(resource) == {f"/healthz/{region}": controller, f"/peer/{region}": controller}
        annotations = resource["metadata"]["annotations"]
        assert annotations[f"{ALB}/target-type"] == "ip"
        # Not the region's health: a flag must not take the controller's own targets out.
        assert annotations[f"{ALB}/healthcheck-path"] == f"/peer/{region}"
        assert f"{ALB}/actions.healthz" not in annotations


def test_an_edge_takes_as_many_rules_and_target_groups_as_the_limits_count(run: Recording) -> None:
    for resource in edges(run).values():
        assert len(paths(resource)) == EDGE_RULES
        assert len({json.dumps(backend) for backend in paths(resource).values()}) == EDGE_TARGET_GROUPS


def test_with_failover_off_the_load_balancer_itself_answers_its_region_s_health() -> None:
    run = record(stack(regions=[eks(US), eks(EU)], failover={"enabled": False}))
    resource = edges(run)["edge-us-east-1"]
    assert paths(resource) == {"/healthz/us-east-1": {"name": "healthz", "port": {"name": "use-annotation"}}}
    action = json.loads(resource["metadata"]["annotations"][f"{ALB}/actions.healthz"])
    assert action["type"] == "fixed-response"
    assert action["fixedResponseConfig"]["statusCode"] == "200"


def test_an_edge_s_rule_stands_behind_those_of_the_companies(run: Recording) -> None:
    order = f"{ALB}/group.order"
    assert all(int(resource["metadata"]["annotations"][order]) > 0 for resource in edges(run).values())
    for company, name in (("acme", f"agent-{US}"), ("globex", f"agent-{US}-2")):
        ingress = run.manifest(INGRESS, name, namespace=company)
        assert order not in ingress["metadata"]["annotations"]


def test_an_edge_s_name_leads_to_what_its_ingress_got(run: Recording) -> None:
    for number, name in ((1, f"us-east-1.{DOMAIN}"), (2, f"us-east-1-2.{DOMAIN}")):
        ingress = run.named(f"us-east-1-edge-{number}-ingress")
        resource = run.assert_created(
            RECORD,
            f"us-east-1-edge-{number}-record",
            {
                "zoneId": ZONE,
                "name": name,
                "type": "CNAME",
                "ttl": 20,
                "records": [ingress.outputs["status"]["loadBalancer"]["ingress"][0]["hostname"]],
            },
        )
        assert ingress.urn in resource.dependencies


@pytest.mark.parametrize("ready", [True, False])
def test_an_edge_is_always_awaited_for_its_address_is_a_record(ready: bool) -> None:
    for resource in edges(record(stack(waitForReady=ready))).values():
        assert SKIP not in resource["metadata"]["annotations"]


@pytest.mark.parametrize(
    "status", [{}, {"loadBalancer": {"ingress": []}}, {"loadBalancer": {"ingress": [{"ip": "10.0.0.9"}]}}]
)
def test_an_ingress_without_a_load_balancer_s_name_ends_with_what_to_do(status: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=rf"us-east-1\.{DOMAIN}.*ingress\.className.*regions\[\]\.endpoint"):
        record(stack(), recorder=Answers(outputs={INGRESS: {"status": status}}))


def test_a_region_with_an_endpoint_has_one_edge_and_no_wait_for_its_address() -> None:
    run = record(stack(regions=[context(US)], companies=["acme", {"name": "globex", "edge": 2}]))
    (resource,) = edges(run).values()
    assert resource["metadata"]["annotations"][SKIP] == "true"
    assert [name for name in names(run.of(RECORD)) if "edge" in name] == []
    assert run.outputs["regions"][US]["edges"] == [f"lb.{US}.example.net"]


def test_a_region_without_a_company_has_its_first_edge() -> None:
    run = record(stack(regions=[eks(US), eks(EU)], companies=[{"name": "acme", "regions": [US], "edge": 3}]))
    assert edges(run).keys() == {"edge-us-east-1-3", "edge-eu-west-1"}


def test_scheme_and_class_are_settings() -> None:
    run = record(stack(ingress={"scheme": "internal"}))
    assert edges(run)[f"edge-{US}-internal"]["metadata"]["annotations"][f"{ALB}/scheme"] == "internal"
    run = record(stack(ingress={"className": "nginx"}))
    resource = edges(run)["edge-us-east-1"]
    assert resource["spec"]["ingressClassName"] == "nginx"
    assert not any(key.startswith(ALB) for key in resource["metadata"]["annotations"])


def ingress_names(run: Recording) -> set[tuple[str, str]]:
    """Kubernetes names of all Ingresses, and the groups that they are in."""
    metadata = [resource.inputs["metadata"] for resource in run.of(INGRESS)]
    return {(resource["name"], resource["annotations"].get(f"{ALB}/group.name", "")) for resource in metadata}


@pytest.mark.parametrize(
    ("change", "label"),
    [
        ({}, US),
        ({"companies": [{"name": "acme", "edge": 2}]}, f"{US}-2"),
        ({"ingress": {"scheme": "internal"}}, f"{US}-internal"),
        ({"companies": [{"name": "acme", "edge": 2}], "ingress": {"scheme": "internal"}}, f"{US}-2-internal"),
    ],
)
def test_each_load_balancer_has_ingresses_of_its_own(change: dict[str, Any], label: str) -> None:
    """So a move makes new ones, with their own status, before the old ones go: its URN stays."""
    run = record(stack(**change))
    assert ingress_names(run) == {(f"agent-{label}", label), (f"edge-{label}", label)}
    assert run.named(f"acme-agent@{US}-ingress").type == INGRESS


def test_a_controller_in_the_cluster_keeps_one_ingress_whatever_the_edge() -> None:
    """It would refuse a host that another Ingress has."""
    for ingress in (NGINX, NGINX | {"scheme": "internal"}):
        run = record(stack(ingress=ingress, companies=[{"name": "acme", "edge": 2}]))
        assert ingress_names(run) == {(f"agent-{US}", ""), (f"edge-{US}-2", "")}


def test_a_class_is_known_by_its_controller_whatever_its_name() -> None:
    ingress = {"className": "public", "controller": "ingress.k8s.aws/alb"}
    run = record(stack(ingress=ingress, failover={"enabled": False}))
    resource = edges(run)["edge-us-east-1"]
    assert resource["spec"]["ingressClassName"] == "public"
    alb = record(stack(failover={"enabled": False}))
    assert resource["metadata"] == edges(alb)["edge-us-east-1"]["metadata"]
    assert list(paths(resource)) == ["/healthz/us-east-1"]
    run = record(stack(ingress={"className": "alb", "controller": "k8s.io/ingress-nginx"}))
    resource = edges(run)["edge-us-east-1"]
    assert not any(key.startswith(ALB) for key in resource["metadata"]["annotations"])


@pytest.mark.parametrize(
    ("ingress", "own", "name"),
    [
        ({}, {}, "nginx"),
        ({"className": "public", "controller": "ingress.k8s.aws/alb"}, {}, "nginx"),
        ({}, {"ingressClass": "haproxy"}, "haproxy"),
        ({"className": "traefik"}, {}, "traefik"),
        ({"className": "traefik"}, {"ingressClass": "nginx"}, "nginx"),
    ],
)
def test_no_load_balancer_is_created_beside_an_endpoint(
    ingress: dict[str, str], own: dict[str, str], name: str
) -> None:
    run = record(stack(regions=[eks(US), context(EU, **own)], ingress=ingress))
    class_name = ingress.get("className", "alb")
    for found in (edges(run)["edge-eu-west-1"], run.manifest(INGRESS, f"agent-{EU}", namespace="acme")):
        assert found["spec"]["ingressClassName"] == name
        assert not any(key.startswith(ALB) for key in found["metadata"]["annotations"])
    for found in (edges(run)["edge-us-east-1"], run.manifest(INGRESS, f"agent-{US}", namespace="acme")):
        assert found["spec"]["ingressClassName"] == class_name


NGINX = {"className": "nginx"}


def test_a_controller_in_the_cluster_sees_no_path_twice_and_no_snippet() -> None:
    """ingress-nginx refuses both. It has one load balancer for all edges: the first has the paths."""
    regions = [eks(US), eks(EU), context(WEST)]
    companies = ["acme", {"name": "globex", "edge": 2}]
    run = record(stack(regions=regions, ingress=NGINX, companies=companies))
    found = [path for resource in edges(run).values() for path in paths(resource)]
    assert sorted(found) == sorted(
        [f"/{what}/{region}" for what in ("healthz", "peer") for region in (US, EU, WEST)]
        + [f"/edge/{region}-2" for region in (US, EU)]
    )
    assert not any(
        "snippet" in key for resource in edges(run).values() for key in resource["metadata"]["annotations"]
    )


def test_ingress_nginx_answers_the_health_path_itself_with_failover_off() -> None:
    regions = [context(US), context(EU)]
    run = record(stack(regions=regions, ingress=NGINX, failover={"enabled": False}))
    found = [path for resource in edges(run).values() for path in paths(resource)]
    assert sorted(found) == ["/edge/eu-west-1", "/edge/us-east-1"]


def test_a_class_without_a_fixed_answer_leads_to_a_warning() -> None:
    run = record(stack(ingress={"className": "traefik"}))
    assert any("/healthz/<region>" in text and "traefik" in text for text in run.warnings)


def test_external_dns_writes_the_edge_s_name_where_it_manages_names() -> None:
    prefix = "external-dns.alpha.kubernetes.io/"
    balancing = {"manager": "external-dns", "annotationPrefix": prefix}
    regions = [eks(US), context(EU, endpoint="lb-1.elb.eu-west-1.amazonaws.com")]
    run = record(stack(regions=regions, loadBalancing=balancing))
    found = {
        name: {key: resource["metadata"]["annotations"].get(f"{prefix}{key}") for key in ("hostname", "ttl")}
        for name, resource in edges(run).items()
    }
    assert found == {
        "edge-us-east-1": {"hostname": f"us-east-1.{DOMAIN}", "ttl": "20"},
        "edge-eu-west-1": {"hostname": None, "ttl": None},
    }
    assert names(run.of(RECORD)) == ["certificates-validation"]


def test_an_organisation_s_demands_are_annotations_of_every_ingress_of_the_load_balancer() -> None:
    """An attribute or a group that differs within a load balancer is a conflict to its controller."""
    arn = f"arn:aws:wafv2:{US}:123456789012:regional/webacl/a/b"
    region = {"securityGroups": ["sg-0a"], "subnets": ["subnet-0a", "subnet-0b"], "webAclArn": arn}
    shared = {"attributes": {"idle_timeout.timeout_seconds": 900}, "inboundCidrs": ["10.0.0.0/8"]}
    run = record(
        stack(
            regions=[eks(US, loadBalancer=region), eks(EU)],
            ingress={"loadBalancer": {**shared, "ipAddressType": "dualstack"}},
        )
    )
    both_kinds = {
        f"{ALB}/load-balancer-attributes": "client_keep_alive.seconds=60,idle_timeout.timeout_seconds=900",
        f"{ALB}/ip-address-type": "dualstack",
    }
    wanted = {
        US: {
            f"{ALB}/security-groups": "sg-0a",
            f"{ALB}/manage-backend-security-group-rules": "true",
            f"{ALB}/subnets": "subnet-0a,subnet-0b",
            f"{ALB}/wafv2-acl-arn": arn,
        },
        EU: {f"{ALB}/inbound-cidrs": "10.0.0.0/8"},
    }
    ours = set().union(*wanted.values())
    for resource in run.of(INGRESS):
        annotations = resource.inputs["metadata"]["annotations"]
        name = next(name for name in (US, EU) if name in resource.inputs["metadata"]["name"])
        assert {key: annotations[key] for key in both_kinds} == both_kinds
        assert {key: text for key, text in annotations.items() if key in ours} == wanted[name]


def test_a_slow_model_s_answer_is_waited_for_unless_the_settings_say_less() -> None:
    for resource in edges(record(stack())).values():
        attributes = resource["metadata"]["annotations"][f"{ALB}/load-balancer-attributes"]
        assert attributes == "client_keep_alive.seconds=60,idle_timeout.timeout_seconds=300"
