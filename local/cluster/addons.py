"""Add-ons of a cluster with nodes: the volume provisioner, and the Service of the AWS emulator."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from local.cluster.images.local_images import PYTHON_IMAGE
from local.machine.files import write_atomically
from local.machine.processes import Processes
from local.programs import build, catalog

PROVISIONER = "volume-provisioner"
PROGRAM = "local-path-provisioner"
NAMESPACE = "kube-system"
STORAGE_CLASS = "local"
PROVISIONER_NAME = "digital-agency.local/folders"
SETTINGS = "volume-provisioner"
AWS = "aws"
"""The Service of the AWS emulator."""
SETUP = '#!/bin/sh\nset -eu\nmkdir -m 0777 -p "$VOL_DIR"\n'
TEARDOWN = '#!/bin/sh\nset -eu\nrm -rf "$VOL_DIR"\n'


def start(processes: Processes, kubeconfig: Path) -> None:
    """Start the volume provisioner."""
    binary = catalog.binary(PROGRAM, lambda line: None)
    settings = processes.state / "volumes.json"
    paths = [{"node": "DEFAULT_PATH_FOR_NON_LISTED_NODES", "paths": [str(processes.state / "volumes")]}]
    write_atomically(
        settings, json.dumps({"nodePathMap": paths, "setupCommand": None, "teardownCommand": None})
    )
    helper = processes.state / "helper-pod.yaml"
    write_atomically(helper, json.dumps(_helper()))
    flags = {
        "config": settings,
        "kubeconfig": kubeconfig,
        "namespace": NAMESPACE,
        "provisioner-name": PROVISIONER_NAME,
        "configmap-name": SETTINGS,
        "service-account-name": "default",
        "helper-image": PYTHON_IMAGE,
        "helper-pod-file": helper,
    }
    argv = [str(binary), "start"]
    # The provisioner reads the kubeconfig once, when it starts: another content restarts it.
    digest = {"KUBECONFIG_DIGEST": hashlib.sha256(kubeconfig.read_bytes()).hexdigest()}
    argv += [f"--{flag}={value}" for flag, value in flags.items()]
    processes.start(PROVISIONER, argv, {**build.FRUGAL, **digest})


def manifests(emulator: str) -> list[dict[str, Any]]:
    """The default storage class, where a claim is a folder on this machine, created when its first pod has a
    node; and the Service through which pods reach the AWS emulator at the URL `emulator`.
    """
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    scripts = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": SETTINGS, "namespace": NAMESPACE},
        "data": {"setup": SETUP, "teardown": TEARDOWN},
    }
    storage = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": STORAGE_CLASS, "annotations": default},
        "provisioner": PROVISIONER_NAME,
        "volumeBindingMode": "WaitForFirstConsumer",
        "reclaimPolicy": "Delete",
        "allowVolumeExpansion": True,
    }
    return [scripts, storage, *_aws(emulator)]


def _aws(emulator: str) -> list[dict[str, Any]]:
    url = urlsplit(emulator)
    metadata = {"name": AWS, "namespace": NAMESPACE}
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"ports": [{"name": "http", "port": 80, "targetPort": url.port}]},
    }
    slice = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {**metadata, "labels": {"kubernetes.io/service-name": AWS}},
        "addressType": "IPv4",
        "ports": [{"name": "http", "port": url.port, "protocol": "TCP"}],
        "endpoints": [{"addresses": [url.hostname], "conditions": {"ready": True}}],
    }
    return [service, slice]


def _helper() -> dict[str, Any]:
    container = {"name": "helper-pod", "image": PYTHON_IMAGE, "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "helper-pod"},
        "spec": {"containers": [container], "tolerations": [{"operator": "Exists"}]},
    }
