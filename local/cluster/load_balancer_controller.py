"""The AWS Load Balancer Controller of the local cluster, as a process of this machine.

From the cluster's Ingresses, the controller creates load balancers, listeners, rules and target groups in the
AWS emulator, and registers pods as targets.
"""

from __future__ import annotations

import base64
import socket
import ssl
import threading
from pathlib import Path
from typing import Final

import boto3
import yaml

from local.aws import vpc
from local.aws.emulator import Emulator
from local.aws.vpc import CLUSTER
from local.kubernetes_api import KubernetesApi, Object
from local.machine import pki, ports
from local.machine.files import Progress
from local.machine.pki import Pki
from local.machine.processes import Processes
from local.programs import build, catalog
from plan.edges import READINESS_GATE
from settings.ingress import LOAD_BALANCER_CONTROLLER

NAME: Final = "aws-load-balancer-controller"
GROUP: Final = "elbv2.k8s.aws/v1beta1"
CLASS: Final = "alb"
HOOKS: Final = ("/mutate-v1-pod", "/validate-networking-v1-ingress")
"""Paths of the admission webhooks that this project uses, for readiness gates and Ingress annotations."""
FIELD_MANAGER: Final = "digital-agency-local"
READY_SECONDS: Final = 60.0


def start(
    state: Path, kubeconfig: Path, aws: Emulator, region: str, progress: Progress, *, webhooks: bool
) -> None:
    """Start the controller for the cluster of `kubeconfig`, unless it runs, and wait until it is ready.

    Its resources in the cluster and in the emulator's AWS region `region` are created before.

    `webhooks`: whether the cluster's API server reaches this machine's loopback address.
    """
    folder = state.resolve() / "pki"
    keys = Pki(folder=folder) if folder.exists() else pki.ensure(folder, [ports.LOOPBACK])
    controller = _Controller(Processes(state, progress), kubeconfig, aws, region, keys, progress)
    controller.prepare()
    ports.retried(controller.start, progress)
    if webhooks:
        controller.register_webhooks()


class _Controller:
    def __init__(
        self,
        processes: Processes,
        kubeconfig: Path,
        aws: Emulator,
        region: str,
        keys: Pki,
        progress: Progress,
    ) -> None:
        self._processes, self._kubeconfig, self._progress = processes, kubeconfig, progress
        self._aws, self._region, self._keys = aws, region, keys
        self._api = KubernetesApi(str(kubeconfig), "", threading.Event(), progress)
        self._binary = catalog.binary(NAME, progress)

    def prepare(self) -> None:
        for file in sorted(self._binary.parent.glob("elbv2.k8s.aws_*.yaml")):
            definition = yaml.safe_load(file.read_text(encoding="utf-8"))
            self._api.apply(definition, FIELD_MANAGER)
            self._api.wait(definition, _established, "established", READY_SECONDS)
        ingress_class = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": CLASS},
            "spec": {"controller": LOAD_BALANCER_CONTROLLER},
        }
        self._api.apply(ingress_class, FIELD_MANAGER)
        self._delete_stale_bindings()

    def _delete_stale_bindings(self) -> None:
        """Delete bindings to target groups that do not exist: a restarted emulator has no target groups, and
        the controller would wait for them forever.
        """
        elbv2 = boto3.client("elbv2", region_name=self._region, **self._aws.credentials())
        pages = elbv2.get_paginator("describe_target_groups").paginate()
        existing = {group["TargetGroupArn"] for page in pages for group in page["TargetGroups"]}
        bindings = self._api.call("GET", f"/apis/{GROUP}/targetgroupbindings")["items"]
        kind = {"apiVersion": GROUP, "kind": "TargetGroupBinding"}
        stale = [{**each, **kind} for each in bindings if each["spec"].get("targetGroupARN") not in existing]
        if stale:
            self._processes.stop([NAME])
        for binding in stale:
            path = self._api.path(binding)
            self._api.call("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
            if self._api.get(binding):  # unless the deletion only waited for the finalizers
                self._api.call("DELETE", path)

    def start(self) -> None:
        keys = self._keys
        if not self._processes.alive(NAME):
            self._progress(f"starting {NAME}")
        port = self._processes.port(NAME)
        flags = {
            "cluster-name": CLUSTER,
            "aws-region": self._region,
            "aws-vpc-id": vpc.ensure(self._aws, self._region),
            "kubeconfig": self._kubeconfig,
            "enable-leader-election": "false",
            "enable-shield": "false",
            "enable-waf": "false",
            "enable-wafv2": "false",
            "metrics-bind-addr": 0,
            "health-probe-bind-addr": 0,
            "webhook-bind-port": port,
            "webhook-cert-dir": keys.folder,
            "webhook-cert-file": keys.certificate("apiserver").name,
            "webhook-key-file": keys.key("apiserver").name,
        }
        argv = [str(self._binary), *(f"--{flag}={value}" for flag, value in flags.items())]
        self._processes.start(NAME, argv, {**build.FRUGAL, **self._aws.environment(self._region)})
        self._processes.wait_for(lambda: _answers(port, keys), f"{NAME} is ready", [NAME], READY_SECONDS)

    def register_webhooks(self) -> None:
        """Register the webhooks that the controller's module ships, with URLs in place of Services."""
        authority = base64.b64encode(self._keys.authority.read_bytes()).decode()
        text = (self._binary.parent / "manifests.yaml").read_text(encoding="utf-8")
        for configuration in filter(None, yaml.safe_load_all(text)):
            configuration["metadata"]["name"] = NAME
            hooks = {hook["clientConfig"]["service"]["path"]: hook for hook in configuration["webhooks"]}
            configuration["webhooks"] = [hooks[path] for path in HOOKS if path in hooks]
            for hook in configuration["webhooks"]:
                path = hook["clientConfig"]["service"]["path"]
                url = f"https://{ports.LOOPBACK}:{self._processes.port(NAME)}{path}"
                hook["clientConfig"] = {"url": url, "caBundle": authority}
                if path == "/mutate-v1-pod":
                    hook["namespaceSelector"] = {"matchLabels": {**READINESS_GATE}}
            self._api.apply(configuration, FIELD_MANAGER)


def _established(definition: Object) -> bool:
    conditions = definition.get("status", {}).get("conditions") or []
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _answers(port: int, keys: Pki) -> bool:
    """Whether the webhooks listen: the controller starts them last."""
    trust = ssl.create_default_context(cafile=str(keys.authority))
    try:
        with socket.create_connection((ports.LOOPBACK, port), timeout=5) as plain:
            trust.wrap_socket(plain, server_hostname=ports.LOOPBACK).close()
    except OSError:
        return False
    return True
