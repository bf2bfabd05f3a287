"""What makes edges in a local cluster: one pod a region, on the network of its node."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

from components.pods import container, probed, variables
from components.runtime_programs import ENVIRONMENT, MOUNT, Program, command
from local.edge.objects import CLASS, REGION_LABEL
from settings.companies import resources

Manifest = dict[str, Any]

NAMESPACE: Final = "ingress-nginx"
"""Of the ingress controller, as tenants' network policies know it (`ingress.namespace`)."""
PORT: Final = 8080
INSIDE_PORT: Final = 8081
USER: Final = 10001
NAME: Final = "edge"
GRACE_SECONDS: Final = 10
RESOURCES: Final = resources(("50m", "48Mi"), ("1000m", "128Mi"))

REPOSITORY: Final = Path(__file__).resolve().parent.parent.parent
SHARED: Final = (
    "local/__init__.py",
    "runtime/__init__.py",
    "runtime/http_server.py",
    "runtime/logs.py",
    "runtime/controller/__init__.py",
    "runtime/controller/connection.py",
    "runtime/controller/kubernetes.py",
)
"""What the program uses of others."""


def manifests(regions: Sequence[str], image: str) -> list[Manifest]:
    """In the order in which they need each other. `image` has Python as `python3`.

    An edge is at `http://<address of its node>:8080`. It stays bound to a node that is away, and so serves as
    soon as that is back.
    """
    return [
        _namespace(),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": CLASS, "labels": _labels()},
            "spec": {"controller": "digital-agency.local/edge"},
        },
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": _metadata(NAME),
            "automountServiceAccountToken": False,
        },
        *_rights(),
        program().config_map(NAMESPACE, _labels()),
        *(_deployment(region, image) for region in sorted(regions)),
    ]


@cache
def program() -> Program:
    own = Path(__file__).parent
    paths = [path for path in own.glob("*.py") if path.name != Path(__file__).name]
    found = [*(REPOSITORY / shared for shared in SHARED), *paths]
    files = {
        path.relative_to(REPOSITORY).as_posix(): path.read_text(encoding="utf-8") for path in sorted(found)
    }
    return Program(package=NAME, files=files, prefix=NAME)


def _labels(**more: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": NAME, "app.kubernetes.io/part-of": "digital-agency-local", **more}


def _metadata(name: str, **labels: str) -> dict[str, Any]:
    return {"name": name, "namespace": NAMESPACE, "labels": _labels(**labels)}


def _namespace() -> Manifest:
    """A pod on its node's network is `privileged` to Pod Security, whatever else it may not."""
    level = {"pod-security.kubernetes.io/enforce": "privileged"}
    metadata = {"name": NAMESPACE, "labels": _labels(**level)}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": metadata}


def _rights() -> list[Manifest]:
    name = f"digital-agency-{NAME}"
    group = "rbac.authorization.k8s.io"
    seen = {"": ["services"], "discovery.k8s.io": ["endpointslices"], "networking.k8s.io": ["ingresses"]}
    rules = [
        {"apiGroups": [of], "resources": kinds, "verbs": ["list", "watch"]} for of, kinds in seen.items()
    ]
    rules.append({"apiGroups": ["networking.k8s.io"], "resources": ["ingresses/status"], "verbs": ["patch"]})
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": _labels()},
        "rules": rules,
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": _labels()},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }
    return [role, binding]


def _deployment(region: str, image: str) -> Manifest:
    labels = {REGION_LABEL: region}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(f"{NAME}-{region}", **labels),
        "spec": {
            "replicas": 1,
            "revisionHistoryLimit": 1,
            # The node has each port once.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": _labels(**labels)},
            "template": {"metadata": {"labels": _labels(**labels)}, "spec": _pod(region, image)},
        },
    }


def _pod(region: str, image: str) -> dict[str, Any]:
    away = [f"node.kubernetes.io/{what}" for what in ("not-ready", "unreachable")]
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "hostNetwork": True,
        "nodeSelector": {REGION_LABEL: region},
        # For as long as it takes: nobody else could be this node's edge.
        "tolerations": [{"key": key, "operator": "Exists"} for key in away],
        "terminationGracePeriodSeconds": GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(region, image)],
        "volumes": [program().volume("programs")],
    }


def _container(region: str, image: str) -> dict[str, Any]:
    told = {
        **ENVIRONMENT,
        "REGION": region,
        "EDGE_PORT": str(PORT),
        "EDGE_INSIDE_PORT": str(INSIDE_PORT),
    }
    node = {"name": "NODE_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.hostIP"}}}
    probes = probed("inside", INSIDE_PORT, path="/live")
    probes["readinessProbe"] |= {"httpGet": {"path": "/ready", "port": "inside"}, "periodSeconds": 1}
    probes["ports"] = [{"name": "http", "containerPort": PORT}, *probes["ports"]]
    return container(
        NAME,
        image,
        command("local.edge"),
        resources=RESOURCES,
        mounts={MOUNT: "programs"},
        env=[*variables(told), node],
        probes=probes,
    )
