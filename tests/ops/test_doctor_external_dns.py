"""`doctor` on each cluster's external-dns: its version, its flags, and who else names the stack's hosts."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from clients.kubernetes_api import ApiError
from ops import cluster_access
from ops.cluster_access import Cluster
from ops.doctor import command
from ops.doctor.external_dns import PAGE, external_dns, owners
from ops.doctor.findings import Finding
from ops.doctor.instances import instances_of
from ops.stack import Stack
from settings import Settings, clusters_of, parse
from tests.components.stacks import DOMAIN, EU, US, ZONE, eks, stack
from tests.ops.external_dns import IMAGE, MANAGED, OLD, RIGHT, but, cluster, deployment
from tests.recording import ROOT


def look(*deployments: dict[str, Any], refused: int = 0, **settings: Any) -> dict[str, Finding]:
    known = parse(stack(**(MANAGED | settings)), "dev")
    (plan,) = clusters_of(known)
    return {one.what: one for one in external_dns(known, plan, cluster(*deployments, refused=refused))}


def lacks(found: dict[str, Finding]) -> set[str]:
    return {what for what, one in found.items() if not one.ok}


def test_an_instance_that_is_set_up_as_the_page_says_lacks_nothing() -> None:
    found = look(deployment())
    assert lacks(found) == set()
    assert found["external-dns"].detail == "kube-system/external-dns: 1 pods ready"
    assert found["external-dns --txt-owner-id"].detail == "blue-us"
    assert found["external-dns --annotation-prefix"].detail == "external-dns.kubernetes.io/"


def test_the_page_lists_every_flag_that_is_looked_at() -> None:
    flags = {what.rpartition(" ")[2] for what in look(deployment([*RIGHT, "--dry-run"]))} - {"external-dns"}
    page = (ROOT / PAGE).read_text()
    assert flags >= {"--txt-owner-id", "--policy", "--aws-prefer-cname", "--annotation-prefix", "--dry-run"}
    assert set(re.findall(r"^\| `(--[a-z-]+)` \|", page, re.MULTILINE)) == flags | {"--source"}


@pytest.mark.parametrize(
    ("flag", "instead", "told", "remedy"),
    [
        ("--provider", (), "missing (required)", "--provider=aws"),
        ("--provider", ("--provider=google",), "got google; must be one of aws", "--provider=aws"),
        ("--registry", ("--registry=noop",), "got noop; must be one of txt, dynamodb", "--registry=txt"),
        ("--registry", ("--registry=aws-sd",), "got aws-sd; must be one of txt, dynamodb", "--registry=txt"),
        ("--txt-owner-id", (), "missing (required)", "--txt-owner-id=eks-us-east-1-blue"),
        ("--txt-owner-id", ("--txt-owner-id=default",), "got default", "--txt-owner-id=eks-us-east-1-blue"),
        ("--txt-owner-id", ("--txt-owner-id=",), "missing (required)", "another one in each cluster"),
        ("--policy", (), "missing (required)", "--policy=sync"),
        ("--policy", ("--policy=upsert-only",), "got upsert-only; must be one of sync", "--policy=sync"),
        ("--policy", ("--policy", "create-only"), "got create-only; must be one of sync", "--policy=sync"),
        ("--aws-prefer-cname", (), "missing (required)", "set --aws-prefer-cname in every cluster"),
        ("--aws-prefer-cname", ("--no-aws-prefer-cname",), "got false; must be one of true", "every cluster"),
        ("--aws-prefer-cname", ("--aws-prefer-cname=false",), "got false", "every cluster"),
        ("--dry-run", ("--dry-run",), "got true; must be one of false", "remove --dry-run"),
        (
            "--domain-filter",
            (f"--domain-filter=acme.{DOMAIN}",),
            f"got acme.{DOMAIN}, which leaves out names below {DOMAIN}",
            f"--domain-filter={DOMAIN}",
        ),
        (
            "--annotation-prefix",
            ("--annotation-prefix=names.example.com/",),
            "got names.example.com/, but loadBalancing.annotationPrefix is external-dns.kubernetes.io/",
            "set loadBalancing.annotationPrefix: names.example.com/",
        ),
    ],
)
def test_each_flag_that_is_missing_or_wrong_is_reported_alone(
    flag: str, instead: Sequence[str], told: str, remedy: str
) -> None:
    found = look(deployment(but(flag, *instead)))
    assert lacks(found) == {f"external-dns {flag}"}
    one = found[f"external-dns {flag}"]
    assert told in one.detail and one.detail.startswith("kube-system/external-dns: ")
    assert remedy in one.remedy


@pytest.mark.parametrize(
    ("flag", "instead", "more"),
    [
        ("--registry", (), {}),
        ("--registry", ("--registry=dynamodb",), {}),
        ("--txt-owner-id", ("--txt-owner-id", "mine"), {}),
        ("--txt-owner-id", (), {"env": [{"name": "EXTERNAL_DNS_TXT_OWNER_ID", "value": "mine"}]}),
        ("--txt-owner-id", ("--txt-owner-id=$(ID)",), {"env": [{"name": "ID", "value": "mine"}]}),
        ("--aws-prefer-cname", (), {"env": [{"name": "EXTERNAL_DNS_AWS_PREFER_CNAME", "value": "1"}]}),
        ("--policy", ("--policy=sync",), {"env": [{"name": "EXTERNAL_DNS_POLICY", "value": "create-only"}]}),
        ("--policy", (), {"command": ["/bin/external-dns", "--policy=sync"]}),
        ("--domain-filter", (), {}),
        ("--domain-filter", ("--domain-filter=other.example", "--domain-filter=example.com"), {}),
        ("--domain-filter", (f"--domain-filter=.{DOMAIN}",), {}),
        ("--source", ("--source=service", "--source=ingress"), {}),
        ("--source", (), {"env": [{"name": "EXTERNAL_DNS_SOURCE", "value": "service\ningress"}]}),
        ("--ingress-class", ("--ingress-class=nginx", "--ingress-class=alb"), {}),
        ("--zone-id-filter", (f"--zone-id-filter={ZONE}",), {}),
    ],
)
def test_a_flag_counts_however_it_is_given(flag: str, instead: Sequence[str], more: dict[str, Any]) -> None:
    assert lacks(look(deployment(but(flag, *instead), **more))) == set()


def test_a_flag_that_a_secret_holds_is_not_known() -> None:
    reference = {
        "name": "EXTERNAL_DNS_TXT_OWNER_ID",
        "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}},
    }
    found = look(deployment(but("--txt-owner-id"), env=[reference]))
    assert lacks(found) == {"external-dns --txt-owner-id"}
    assert "is in a Secret or a ConfigMap" in found["external-dns --txt-owner-id"].detail


@pytest.mark.parametrize(
    ("image", "prefix", "lacking"),
    [
        (IMAGE, {}, set()),
        ("mirror.example.com:5000/a/external-dns:0.23.1@sha256:" + "0" * 64, {}, set()),
        (IMAGE, {"annotationPrefix": OLD}, {"--annotation-prefix"}),
        ("registry.k8s.io/external-dns/external-dns:v0.21.0", {}, {"--annotation-prefix"}),
        ("registry.k8s.io/external-dns/external-dns:v0.21.0", {"annotationPrefix": OLD}, set()),
        ("bitnami/external-dns:0.15.0-debian-12-r3", {"annotationPrefix": OLD}, set()),
        ("example.com/eks/external-dns:v0.20.0-eksbuild.2", {}, {"--annotation-prefix"}),
        ("external-dns@sha256:" + "0" * 64, {}, {"--annotation-prefix"}),
        ("external-dns:latest", {}, {"--annotation-prefix"}),
    ],
)
def test_the_prefix_must_be_the_one_that_the_version_reads(
    image: str, prefix: dict[str, str], lacking: set[str]
) -> None:
    found = look(deployment(image=image), loadBalancing={"manager": "external-dns", **prefix})
    assert lacks(found) == {f"external-dns {flag}" for flag in lacking}


def test_an_old_version_is_named_as_the_reason_why_the_prefix_differs() -> None:
    found = look(deployment(image="external-dns:v0.21.0"))["external-dns --annotation-prefix"]
    assert f"got {OLD}, but loadBalancing.annotationPrefix is external-dns.kubernetes.io/" in found.detail
    assert f"set loadBalancing.annotationPrefix: {OLD} ({OLD} is the default before 0.22)" in found.remedy


def test_the_prefix_that_is_given_counts_whatever_the_version() -> None:
    for image in ("external-dns:v0.21.0", "external-dns:latest"):
        args = [*RIGHT, "--annotation-prefix=external-dns.kubernetes.io/"]
        assert lacks(look(deployment(args, image=image))) == set()


def test_before_0_22_the_policy_need_not_be_given() -> None:
    balancing = {"manager": "external-dns", "annotationPrefix": OLD}
    found = look(deployment(but("--policy"), image="external-dns:v0.21.0"), loadBalancing=balancing)
    assert lacks(found) == set()


@pytest.mark.parametrize(
    ("name", "image", "labels"),
    [
        ("dns-public", "mirror.example.com/k8s/external-dns:v0.22.0", {}),
        ("external-dns", "mirror.example.com/names:v0.22.0", {}),
        ("names", "mirror.example.com/n:v0.22.0", {"app.kubernetes.io/name": "external-dns"}),
    ],
)
def test_an_instance_is_known_by_its_image_its_name_or_its_label(
    name: str, image: str, labels: dict[str, str]
) -> None:
    found = look(deployment(name=name, image=image, labels=labels))
    assert lacks(found) == set() and found["external-dns"].detail == f"kube-system/{name}: 1 pods ready"


def test_the_version_may_stand_in_a_label() -> None:
    labels = {"app.kubernetes.io/version": "0.21.0"}
    [one] = instances_of(cluster(deployment(image="external-dns@sha256:" + "0" * 64, labels=labels)))
    assert (one.version, one.prefix) == ((0, 21), OLD)


@pytest.mark.parametrize(
    ("deployments", "told", "remedy"),
    [
        ([], "it is not installed", "install the external-dns"),
        ([deployment(image="agency:1", name="agency")], "it is not installed", "install the external-dns"),
        ([deployment(ready=0)], "none of its pods is ready", "wait until it runs"),
        ([deployment(but("--source", "--source=service"))], "none makes records", "--source=ingress"),
        ([deployment([*RIGHT, "--ingress-class=nginx"])], "none makes records", "--source=ingress"),
        ([deployment([*RIGHT, "--zone-id-filter=Z0OTHER"])], "none makes records", "--source=ingress"),
        (
            [deployment(but("--domain-filter", "--domain-filter=xagency.example.com"))],
            "none makes records of this stack's Ingresses for agency.example.com: kube-system/external-dns",
            f"--domain-filter={DOMAIN}",
        ),
        (
            [deployment(), deployment(name="two")],
            f"several instances make records for {DOMAIN}: kube-system/external-dns, kube-system/two",
            "keep one of them",
        ),
    ],
)
def test_one_instance_must_make_the_records(
    deployments: list[dict[str, Any]], told: str, remedy: str
) -> None:
    found = look(*deployments)
    assert lacks(found) == {"external-dns"}
    assert told in found["external-dns"].detail and remedy in found["external-dns"].remedy


def test_an_instance_for_other_names_does_not_count() -> None:
    other = deployment(but("--domain-filter", "--domain-filter=other.example"), name="other")
    assert lacks(look(deployment(), other)) == set()


@pytest.mark.parametrize("manager", ["external-dns", "route53"])
def test_who_may_not_look_is_told_what_to_allow(manager: str) -> None:
    found = look(refused=403, loadBalancing={"manager": manager})
    assert found["external-dns"].detail == "no permission: deployments.apps is forbidden"
    assert "list deployments.apps in all namespaces" in found["external-dns"].remedy
    with pytest.raises(ApiError):
        look(refused=500)


# Manager route53: external-dns runs for something else.

ROUTE53 = {"manager": "route53"}


@pytest.mark.parametrize("image", [IMAGE, "external-dns:v0.21.0", "external-dns:latest"])
def test_an_instance_for_something_else_ignores_this_stack_s_ingresses(image: str) -> None:
    found = look(deployment(["--source=ingress"], image=image), loadBalancing=ROUTE53)
    assert {what: (one.ok, one.detail) for what, one in found.items()} == {
        "external-dns": (True, "kube-system/external-dns ignores this stack's Ingresses")
    }


def test_an_instance_with_a_prefix_of_its_own_must_be_named_in_the_settings() -> None:
    args = ["--source=ingress", "--annotation-prefix=names.example.com/"]
    found = look(deployment(args), loadBalancing=ROUTE53)
    assert lacks(found) == {"external-dns"}
    assert found["external-dns"].remedy == "set loadBalancing.annotationPrefix: names.example.com/"
    named = {**ROUTE53, "annotationPrefix": "names.example.com/"}
    assert lacks(look(deployment(args), loadBalancing=named)) == set()


@pytest.mark.parametrize(
    "args", [["--source=service"], ["--source=ingress", "--domain-filter=other.example"]]
)
def test_nothing_is_said_of_an_instance_that_cannot_name_the_stack_s_hosts(args: list[str]) -> None:
    args = [*args, "--annotation-prefix=names.example.com/"]
    assert look(deployment(args), loadBalancing=ROUTE53) == {}
    assert look(loadBalancing=ROUTE53) == {}


# Over several clusters.


def over_two(first: Cluster, second: Cluster, **settings: Any) -> list[Finding]:
    known: Settings = parse(stack(**{"regions": [eks(US), eks(EU)], **MANAGED, **settings}), "dev")
    plans = clusters_of(known)
    return list(owners(known, list(zip(plans, (first, second), strict=True))))


@pytest.mark.parametrize("args", [RIGHT, but("--txt-owner-id")])
def test_two_clusters_with_one_owner_id_are_reported(args: list[str]) -> None:
    [one] = over_two(cluster(deployment(args)), cluster(deployment(args)))
    assert not one.ok and one.what == "external-dns --txt-owner-id"
    assert "eks-eu-west-1-blue and eks-us-east-1-blue: each deletes the other's records" in one.detail


def test_clusters_with_owner_ids_of_their_own_are_not() -> None:
    other = but("--txt-owner-id", "--txt-owner-id=blue-eu")
    assert over_two(cluster(deployment()), cluster(deployment(other))) == []
    assert over_two(cluster(deployment()), cluster(deployment()), loadBalancing=ROUTE53) == []
    assert over_two(cluster(deployment()), cluster(refused=403)) == []


def test_doctor_looks_at_each_cluster_and_then_over_all(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parse(stack(regions=[eks(US), eks(EU)], **MANAGED), "dev")
    known = Stack(name="dev", file=Path("Pulumi.dev.yaml"), settings=settings)
    monkeypatch.setattr(command, "_account", lambda *_: iter(()))
    monkeypatch.setattr(cluster_access, "cluster_of", lambda *_: cluster(deployment()))
    arguments = argparse.Namespace(context=None, state=Path("state"))
    places = [one.place for one in command._findings(known, arguments) if one.what.endswith("owner-id")]
    folders = ["eks-eu-west-1-blue", "eks-us-east-1-blue"]
    assert places == [*folders, ", ".join(folders)]
