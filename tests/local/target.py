"""`python -m local` with a stack file of the tests, and the resources that then exist."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import yaml

from local.aws.emulator import REGION
from local.kubernetes_api import KubernetesApi
from local.machine.processes import NAME_VARIABLE, STATE_VARIABLE
from local.machine.procfs import find_by_environment
from tests.local.commands import changes, run
from tests.strategies import Raw

US, EU = "us-east-1", "eu-west-1"
DOMAIN, ZONE = "agency.localhost.test", "Z0LOCALLOCALLOCALLOC"
ACME, GLOBEX = "acme", "globex"

OBJECTS = {
    "Namespace": "/api/v1/namespaces",
    "PersistentVolumeClaim": "/api/v1/persistentvolumeclaims",
    "Service": "/api/v1/services",
    "ServiceAccount": "/api/v1/serviceaccounts",
    "ConfigMap": "/api/v1/configmaps",
    "Secret": "/api/v1/secrets",
    "ResourceQuota": "/api/v1/resourcequotas",
    "LimitRange": "/api/v1/limitranges",
    "StatefulSet": "/apis/apps/v1/statefulsets",
    "Deployment": "/apis/apps/v1/deployments",
    "Lease": "/apis/coordination.k8s.io/v1/leases",
    "Role": "/apis/rbac.authorization.k8s.io/v1/roles",
    "RoleBinding": "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "Ingress": "/apis/networking.k8s.io/v1/ingresses",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/networkpolicies",
    "PodDisruptionBudget": "/apis/policy/v1/poddisruptionbudgets",
    "PriorityClass": "/apis/scheduling.k8s.io/v1/priorityclasses",
}
OF_THE_CLUSTER = {"default", "kube-node-lease", "kube-public", "kube-system"}
OF_EVERY_NAMESPACE = {("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")}
GIVEN_BY_THE_SERVER = {"clusterIP", "clusterIPs"}

Key = tuple[str, str, str]


def settings() -> Raw:
    """Two regions in the local cluster, one company that prefers the one and one that prefers the other."""
    regions = [
        {"name": name, "cluster": {"context": "digital-agency-local"}, "endpoint": f"{name}.local.test"}
        for name in (US, EU)
    ]
    return {
        "domain": DOMAIN,
        "hostedZoneId": ZONE,
        "waitForReady": False,
        "regions": regions,
        "ingress": {"className": "nginx"},
        "loadBalancing": {"policy": "failover"},
        "companies": [
            {"name": ACME, "apiKeys": {"OPENAI_API_KEY": "sk-own"}},
            {"name": GLOBEX, "regions": [EU, US]},
        ],
    }


@dataclass
class Target:
    """A state folder and a stack file."""

    state: Path
    file: Path
    said: str = field(default="", init=False)

    def write(self, edit: Callable[[Raw], object] | None = None) -> None:
        """Put the stack file back as it was at first, with an edit."""
        raw = settings()
        if edit:
            edit(raw)
        config = {f"digital-agency:{key}": value for key, value in raw.items()} | {"aws:region": REGION}
        self.file.write_text(yaml.safe_dump({"config": config}, sort_keys=False), encoding="utf-8")

    def up(self) -> str:
        """Deploy; what was said."""
        code, said, errors = run(self.state, "up", "--config", str(self.file))
        assert (code, errors) == (0, ""), said + errors
        self.said = said
        return said

    def preview(self) -> list[str]:
        """The lines of the plan that tell of a resource."""
        code, said, errors = run(self.state, "preview", "--config", str(self.file))
        assert (code, errors) == (0, ""), said + errors
        return changes(said)

    # What exists.

    @property
    def api(self) -> KubernetesApi:
        return KubernetesApi(str(self.state / "kubeconfig"), "", threading.Event(), print)

    def objects(self) -> dict[Key, Any]:
        """Everything in the cluster that is not the cluster's own."""
        listed = {}
        for kind, path in OBJECTS.items():
            for each in self.api.call("GET", path)["items"]:
                name, space = each["metadata"]["name"], each["metadata"].get("namespace", "")
                own = {name, space}.isdisjoint(OF_THE_CLUSTER) and (kind, name) not in OF_EVERY_NAMESPACE
                if own and not name.startswith("system-"):
                    listed[kind, space, name] = each
        return listed

    def versions(self) -> dict[Key, str]:
        return {key: each["metadata"]["resourceVersion"] for key, each in self.objects().items()}

    def managers(self) -> dict[Key, set[str]]:
        """The engine's field managers of each object. Two of them would reject each other's changes."""
        return {
            key: {
                entry["manager"]
                for entry in each["metadata"]["managedFields"]
                if entry["manager"].startswith("pulumi-kubernetes-")
            }
            for key, each in self.objects().items()
        }

    def aws(self, service: str, region: str = REGION) -> Any:
        [url] = re.findall(r"^AWS emulator: (\S+)", self.said, re.MULTILINE)
        keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
        return boto3.client(service, region_name=region, endpoint_url=url, **keys)

    def records(self) -> list[Any]:
        pages = self.aws("route53").get_paginator("list_resource_record_sets").paginate(HostedZoneId=ZONE)
        return [each for page in pages for each in page["ResourceRecordSets"] if each["Type"] == "CNAME"]

    def checks(self) -> dict[str, str]:
        """Hosts of the health checks, by id."""
        listed = self.aws("route53").list_health_checks()["HealthChecks"]
        return {each["Id"]: each["HealthCheckConfig"]["FullyQualifiedDomainName"] for each in listed}

    def snapshot(self) -> Any:
        """All that was deployed, without what two deployments can't have in common."""
        checks, iam, s3 = self.checks(), self.aws("iam"), self.aws("s3")
        roles = [each["RoleName"] for each in iam.list_roles()["Roles"]]
        buckets = [each["Name"] for each in s3.list_buckets()["Buckets"]]
        return {
            "objects": {str(key): _lasting(key[0], each) for key, each in sorted(self.objects().items())},
            "records": sorted(
                json.dumps(
                    each | {"HealthCheckId": checks.get(each.get("HealthCheckId", ""))}, sort_keys=True
                )
                for each in self.records()
            ),
            "checks": sorted(checks.values()),
            "roles": {
                name: [
                    iam.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                    for policy in iam.list_role_policies(RoleName=name)["PolicyNames"]
                ]
                for name in sorted(roles)
            },
            "buckets": {
                name: {
                    "rules": s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"],
                    "versioning": s3.get_bucket_versioning(Bucket=name)["Status"],
                    "policy": s3.get_bucket_policy(Bucket=name)["Policy"],
                    "lifecycle": s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"],
                }
                for name in sorted(buckets)
            },
        }


def _lasting(kind: str, each: Any) -> Any:
    metadata = {key: each["metadata"].get(key) for key in ("labels", "annotations")}
    spec = {key: value for key, value in each.get("spec", {}).items() if key not in GIVEN_BY_THE_SERVER}
    data = each.get("data")
    return {"metadata": metadata, "spec": spec, "data": sorted(data) if kind == "Secret" else data}


def live_names(state: Path) -> list[str]:
    """Of every process that was started for a state folder."""
    live = find_by_environment({STATE_VARIABLE: str(state.resolve())})
    return [variables.get(NAME_VARIABLE, "") for _, _, variables in live]


def names_of(records: list[Any]) -> set[tuple[str, str | None]]:
    return {(each["Name"], each.get("SetIdentifier")) for each in records}


def same(each: Any, other: Any) -> bool:
    return bool(each["metadata"]["uid"] == other["metadata"]["uid"] and each.get("spec") == other.get("spec"))
