"""Small programs deployed by the embedded engine on the real services, and what is then really there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from engine.program import run_program
from local.embedded.deployment import Deployment
from local.embedded.state import State
from local.emulator import REGION, Emulator
from local.files import LocalError
from local.kubernetes_api import KubernetesApi, Object

POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*"}]}'

Program = Callable[[], object]


@dataclass
class Stage:
    """A deployment of one test: its state file, its `name` and the services it is made on."""

    state: Path
    name: str
    kubeconfig: Path
    emulator: Emulator
    said: list[str] = field(default_factory=list)

    def run(
        self, program: Program, *, dry_run: bool = False, connected: bool = True, workers: int = 8
    ) -> Deployment:
        """Deploy, or plan, `program`. Raises what stopped it."""
        emulator, kubeconfig = (self.emulator, self.kubeconfig) if connected else (None, None)
        deployment = Deployment(State(self.state), self.said.append, kubeconfig, emulator)
        try:
            run_program(
                program,
                monitor=deployment,
                stack="test",
                config={"aws:region": REGION},
                dry_run=dry_run,
                workers=workers,
            )
            deployment.finish()
        except Exception as error:
            raise deployment.failure or error from error
        return deployment

    def plan(self, program: Program) -> Deployment:
        return self.run(program, dry_run=True)

    def live(
        self, kind: str, name: str, *, version: str = "v1", namespace: str | None = None
    ) -> Object | None:
        """The object in the cluster, or None."""
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        return self.api.get({"apiVersion": version, "kind": kind, "metadata": metadata})

    @property
    def api(self) -> KubernetesApi:
        return KubernetesApi(str(self.kubeconfig), "", threading.Event(), print)

    def aws(self, service: str, region: str = REGION) -> Any:
        return boto3.client(service, region_name=region, **self.emulator.credentials())

    def health_checks(self) -> list[dict[str, Any]]:
        """Those of this test, by the host they ask."""
        found = self.aws("route53").list_health_checks()["HealthChecks"]
        return [one for one in found if self.name in one["HealthCheckConfig"]["FullyQualifiedDomainName"]]

    def certificates(self) -> list[str]:
        found = self.aws("acm").list_certificates()["CertificateSummaryList"]
        return [one["CertificateArn"] for one in found if self.name in one["DomainName"]]


def actions(deployment: Deployment) -> dict[str, str]:
    """What happened to each resource, by its name; what stayed as it was is left out."""
    return {step.entry["name"]: step.action for step in deployment.steps if step.action != "same"}


def failure(call: Callable[[], object]) -> str:
    """The message of the error that stops `call`."""
    try:
        call()
    except LocalError as error:
        return str(error)
    raise AssertionError("nothing stopped it")


def config_map(
    name: str, namespace: str, data: Any, opts: ResourceOptions | None = None
) -> kubernetes.core.v1.ConfigMap:
    return kubernetes.core.v1.ConfigMap(
        name, metadata={"name": name, "namespace": namespace}, data=data, opts=opts
    )


def health_check(name: str, host: pulumi.Input[str], **settings: Any) -> aws.route53.HealthCheck:
    fixed: dict[str, Any] = {"port": 443, "type": "HTTPS", "request_interval": 10, "failure_threshold": 3}
    return aws.route53.HealthCheck(name, fqdn=host, resource_path="/", **fixed | settings)


def assorted(name: str, *, zone: str, kind: str = "HTTPS") -> Program:
    """A program with each kind of creation: by name, by token, by a listing; some need others."""

    def program() -> None:
        space = kubernetes.core.v1.Namespace("space", metadata={"name": name})
        made = ResourceOptions(depends_on=[space])
        config_map("settings", name, {"key": "value"}, made)
        kubernetes.apps.v1.StatefulSet("workload", **stateful_set(name), opts=made)
        bucket = aws.s3.Bucket("bucket", bucket=f"{name}-bucket", region="eu-west-1")
        aws.s3.BucketVersioning(
            "versioning",
            bucket=bucket.id,
            region="eu-west-1",
            versioning_configuration={"status": "Enabled"},
        )
        role = aws.iam.Role("role", name=f"{name}-role", assume_role_policy=POLICY)
        aws.iam.RolePolicy("policy", name="inline", role=role.name, policy=POLICY)
        check = health_check("check", f"{name}.example.com", type=kind, tags={"Name": name})
        aws.acm.Certificate("certificate", domain_name=f"*.{name}.example.com", validation_method="DNS")
        aws.route53.Record(
            "record",
            zone_id=zone,
            name=f"{name}.example.com",
            type="CNAME",
            ttl=20,
            records=["target.example.com"],
            set_identifier="one",
            weighted_routing_policies=[{"weight": 10}],
            health_check_id=check.id,
        )
        pulumi.export("arn", role.arn)

    return program


def stateful_set(namespace: str, **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": "registry.example.com/app:1"}
    template = {"metadata": {"labels": {"app": "x"}}, "spec": {"containers": [container]}}
    return {
        "metadata": {
            "name": "workload",
            "namespace": namespace,
            "annotations": {"pulumi.com/skipAwait": "true"},
        },
        "spec": {
            "serviceName": "headless",
            "selector": {"matchLabels": {"app": "x"}},
            "template": template,
            **spec,
        },
    }
