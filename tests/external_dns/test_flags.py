"""The flags that the page asks for: what the real external-dns does with them and without."""

from __future__ import annotations

import pytest

from ops.doctor.external_dns import external_dns, owners
from plan.external_dns import OLD_PREFIX, is_aws_alias_target
from plan.names import REGION_LABEL
from settings import clusters_of
from tests.components.stacks import EU, US
from tests.external_dns.clusters import RIGHT, Clusters, Manifest
from tests.external_dns.stacks import comparable, named, parsed, place
from tests.external_dns.test_changes import is_promised, route
from tests.ops.external_dns import cluster, deployment

ARGS = ["--provider=aws", "--source=ingress", *RIGHT[:2]]
"""As an instance has them whose owner id and annotation prefix are the default."""
TARGETS = (
    *("k8s-1.us-east-1.elb.amazonaws.com", "internal-k8s-1.ap-southeast-2.elb.amazonaws.com"),
    *("net-1.elb.eu-central-1.amazonaws.com", "lb-1.cn-north-1.elb.amazonaws.com.cn"),
    *("lb-1.us-gov-west-1.elb.amazonaws.com", "d111.cloudfront.net", "a1.awsglobalaccelerator.com"),
    *("x.execute-api.us-east-1.amazonaws.com", "vpce-1.ec2.eu-west-1.vpce.amazonaws.com"),
    *("us-east-1.agency.example.com", "elb.us-east-1.amazonaws.com.example.net"),
    *("bucket.s3.amazonaws.com", "elb.amazonaws.com", "lb.us-east-1.example.net"),
)


def test_alias_records_are_made_for_the_targets_that_the_settings_take_for_such(clusters: Clusters) -> None:
    zone, domain = place("targets")
    clusters.zone(zone, domain)
    hosts = {f"t{number}.{domain}": target for number, target in enumerate(TARGETS)}
    clusters.show(zone, "alias-9", [_to(host, target) for host, target in hosts.items()])
    assert clusters.run("alias-9", "--policy=sync").done
    kinds = {
        each["Name"].rstrip("."): each["Type"] for each in clusters.records(zone) if each["Type"] != "AAAA"
    }
    assert {hosts[host]: kind == "A" for host, kind in kinds.items()} == {
        target: is_aws_alias_target(target) for target in TARGETS
    }


def _to(host: str, target: str) -> Manifest:
    """An Ingress that names its target itself."""
    prefix = "external-dns.kubernetes.io/"
    annotation_values = {"hostname": host, "target": target, "aws-evaluate-target-health": "false"}
    annotations = {f"{prefix}{key}": value for key, value in annotation_values.items()}
    metadata = {"name": host, "labels": {REGION_LABEL: US}, "annotations": annotations}
    backend = {"service": {"name": "agent", "port": {"number": 80}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata,
        "spec": {"defaultBackend": backend},
    }


def test_clusters_with_the_default_owner_id_delete_each_other_s_records_and_doctor_says_so(
    clusters: Clusters,
) -> None:
    raw = route("latency", US, EU)
    known = parsed("same", raw)
    shown = named(clusters, "same", "same", known)
    shown.show(clusters)
    places = [("same-eks-eu-west-1-blue", EU), ("same-eks-us-east-1-blue", US)]
    assert [at for at, _ in places] == sorted(shown.manifests)
    for at, region in places * 2:
        assert clusters.run(at, owner="default").done
        live = [
            record for record in clusters.records(shown.zone) if record["Name"] == f"acme.{shown.domain}."
        ]
        assert [record["SetIdentifier"] for record in live] == [region]
    clusters_of_plan = [(plan, cluster(deployment(ARGS))) for plan in clusters_of(known)]
    [finding] = owners(known, clusters_of_plan)
    assert not finding.ok and "each deletes the other's records" in finding.detail
    for plan, live_cluster in clusters_of_plan:
        findings = {each.what: each for each in external_dns(known, plan, live_cluster)}
        assert not findings["external-dns --txt-owner-id"].ok
    # With an id of its own each makes what it lacks; what bears the default id stays as nobody's.
    assert all(clusters.run(at).done for at, _ in places)
    assert is_promised(clusters, shown)


@pytest.mark.parametrize(
    ("image", "flags", "reads"),
    [
        ("external-dns:v0.22.0", (), True),
        ("external-dns:v0.21.0", (f"--annotation-prefix={OLD_PREFIX}",), False),
    ],
)
def test_annotations_are_read_under_the_prefix_of_the_version_and_doctor_says_which(
    clusters: Clusters, image: str, flags: tuple[str, ...], reads: bool
) -> None:
    """Up to 0.21 the flag's default is the other one: a program of 0.22 gets it as a flag here."""
    name = f"prefix-{reads}".lower()
    known = parsed(name, route("latency", US))
    shown = named(clusters, "prefix", name, known)
    (at,) = shown.manifests
    shown.show(clusters)
    assert clusters.run(at, "--aws-prefer-cname", "--policy=sync", *flags).done
    host = f"acme.{shown.domain}."
    identifiers = [each.get("SetIdentifier") for each in clusters.records(shown.zone) if each["Name"] == host]
    assert identifiers == ([US] if reads else [None])
    (plan,) = clusters_of(known)
    findings = {each.what: each for each in external_dns(known, plan, cluster(deployment(ARGS, image=image)))}
    assert findings["external-dns --annotation-prefix"].ok is reads
    assert (comparable(clusters.records(shown.zone)) == comparable(shown.promised)) is reads
    clusters.show(shown.zone, at, [])
