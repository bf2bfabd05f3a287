"""Pods of the platform: hardened, bound to their region, probed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.base import SKIP_AWAIT
from plan.names import AGENT_FOLDER, PRIORITY_CLASS, REGION_LABEL, WORKLOAD_LABEL, ZONE_LABEL
from runtime.ports import GATE_PORT
from settings import Company, Region, Settings
from settings.companies import Resources

GRACE_SECONDS = 90
"""Time for the application to stop, and then for the gate's last upload."""

UNREACHABLE_SECONDS = 60
"""Time that a pod stays on a node that is not ready; Kubernetes's default is 300 s."""
NODE_TAINTS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")

POD_NAME = {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
"""The environment variable with the pod's own name."""


@dataclass(frozen=True, kw_only=True)
class PodParts:
    """The parts in which pods differ."""

    containers: Sequence[dict[str, Any]]
    volumes: Sequence[dict[str, Any]]
    init_containers: Sequence[dict[str, Any]] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    pre_stop: int = 0
    """Seconds by which the containers' preStop hooks delay the end (`before_stop`)."""


def pod_template(
    parts: PodParts,
    *,
    settings: Settings,
    region: Region | None,
    service_account: str,
    labels: Mapping[str, str],
    among: Sequence[Region] = (),
) -> dict[str, Any]:
    """A workload's pod, bound to its region. The failover controller's pods have none: they run on nodes that
    suit every region of their cluster (`among`).
    """
    pods = settings.pods
    return {
        "metadata": present({"labels": dict(labels), "annotations": dict(parts.annotations)}),
        "spec": {
            "serviceAccountName": service_account,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            # The application ignores SIGTERM as process 1: the gate has to find and stop the process.
            **({"shareProcessNamespace": True} if region else {}),
            "terminationGracePeriodSeconds": GRACE_SECONDS + parts.pre_stop,
            "priorityClassName": pods.priority_class_name or PRIORITY_CLASS,
            **present(
                {
                    "runtimeClassName": pods.runtime_class_name if region else None,
                    "imagePullSecrets": [{"name": name} for name in pods.image_pull_secrets],
                }
            ),
            "securityContext": _security_context(settings.pod_user),
            **_placement(region, labels),
            **_nodes([region] if region else among),
            **present({"initContainers": list(parts.init_containers)}),
            "containers": list(parts.containers),
            "volumes": list(parts.volumes),
        },
    }


def _security_context(user: int) -> dict[str, Any]:
    return {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": user,
        "fsGroup": user,
        "fsGroupChangePolicy": "OnRootMismatch",
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def _placement(region: Region | None, labels: Mapping[str, str]) -> dict[str, Any]:
    spread = {
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(labels)},
    }
    apart = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": dict(labels)}}
    preferred = {"weight": 100, "podAffinityTerm": apart}
    return {
        "affinity": {
            **(_in_region(region) | _beside_the_other(labels) if region else {}),
            "podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]},
        },
        "topologySpreadConstraints": [{**spread, "topologyKey": ZONE_LABEL}],
    }


def _beside_the_other(labels: Mapping[str, str]) -> dict[str, Any]:
    """A company's Agent and Brain prefer one zone: the loss of another zone then stops neither."""
    own = {"key": WORKLOAD_LABEL, "operator": "NotIn", "values": [labels[WORKLOAD_LABEL]]}
    company = {key: value for key, value in labels.items() if key != WORKLOAD_LABEL}
    selector = {"matchLabels": company, "matchExpressions": [own]}
    term = {"topologyKey": ZONE_LABEL, "labelSelector": selector}
    preferred = [{"weight": 100, "podAffinityTerm": term}]
    return {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def _nodes(regions: Sequence[Region]) -> dict[str, Any]:
    """Labels that the nodes of all these regions have, and the taints that are tolerated in any."""
    selectors = [region.node_selector.items() for region in regions]
    shared = set(selectors[0]).intersection(*selectors) if selectors else set()
    own = list(dict.fromkeys(toleration for region in regions for toleration in region.tolerations))
    tolerated = {toleration.key for toleration in own}
    brief = [
        {"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": UNREACHABLE_SECONDS}
        for taint in NODE_TAINTS
        if taint not in tolerated
    ]
    tolerations = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in own]
    return {**present({"nodeSelector": dict(sorted(shared))}), "tolerations": [*tolerations, *brief]}


def _in_region(region: Region) -> dict[str, Any]:
    expression = {"key": REGION_LABEL, "operator": "In", "values": [region.name]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def container(
    name: str,
    image: str,
    command: Sequence[str],
    *,
    resources: Resources,
    mounts: Mapping[str, str],
    probes: Mapping[str, Any] | None = None,
    **rest: Any,
) -> dict[str, Any]:
    """A hardened container. `mounts` maps mount paths to volumes; a long-running container has `probes`."""
    return {
        "name": name,
        "image": image,
        # A promotion restarts a container: it must not depend on a registry.
        "imagePullPolicy": "IfNotPresent",
        "command": list(command),
        "resources": {
            "requests": {**resources.requests.model_dump(), "ephemeral-storage": "64Mi"},
            "limits": {**resources.limits.model_dump(), "ephemeral-storage": "1Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [{"mountPath": path, "name": volume} for path, volume in mounts.items()],
        **(probes or {}),
        **present(rest),
    }


def before_stop(seconds: int) -> dict[str, Any]:
    """A container's lifecycle: it serves on for so many seconds before it receives SIGTERM."""
    return {"preStop": {"sleep": {"seconds": seconds}}} if seconds else {}


def present(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not empty. The API server drops empty ones, and a refresh would report them."""
    return {key: value for key, value in fields.items() if value not in ([], {}, None)}


def probed(name: str, port: int, *, path: str = "/health", gated: bool = False) -> dict[str, Any]:
    """The container's port and its probes there: five minutes to start; then not ready after 10 s without an
    answer, restarted after a minute.

    With `gated`, the gate decides readiness: it knows flags and swaps, and counts failures itself. Liveness
    has the port's number, because kube-score reports two probes with equal handlers, whatever their
    thresholds.
    """
    own = {"httpGet": {"path": path, "port": name}, "timeoutSeconds": 3}
    gate = {"httpGet": {"path": "/ready", "port": GATE_PORT}, "timeoutSeconds": 3}
    return {
        "ports": [{"name": name, "containerPort": port}],
        "startupProbe": {**own, "periodSeconds": 2, "failureThreshold": 150},
        "readinessProbe": {
            **(gate if gated else own),
            "periodSeconds": 5,
            "failureThreshold": 1 if gated else 2,
        },
        "livenessProbe": {
            "httpGet": {"path": path, "port": port},
            "timeoutSeconds": 10,
            "periodSeconds": 15,
            "failureThreshold": 4,
        },
    }


def scratch(name: str, size: str = "256Mi") -> dict[str, Any]:
    return {"name": name, "emptyDir": {"sizeLimit": size}}


def claim(name: str, claim_name: str) -> dict[str, Any]:
    return {"name": name, "persistentVolumeClaim": {"claimName": claim_name}}


def environment(settings: Settings, company: Company, *, container: str, port: int) -> list[dict[str, str]]:
    """The application's environment. The application reads JULES_COMPANY; its chart also sets COMPANY."""
    values = {
        "LOG_LEVEL": "info",
        **dict(sorted(settings.environment.items())),  # another order would roll every pod
        "PORT": str(port),
        "JULES_AGENT_DIR": AGENT_FOLDER,
        "JULES_COMPANY": company.name,
        "COMPANY": company.name,
        "AGENCY_CONTAINER": container,
        "HOME": "/tmp",
    }
    return variables(values)


def variables(values: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in values.items()]


def service_account(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata,
        "automountServiceAccountToken": False,
    }


def disruption_budget(metadata: Mapping[str, Any], labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata,
        "spec": {
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": labels},
        },
    }


def rollout_annotations(settings: Settings) -> dict[str, str]:
    """Annotations of a StatefulSet or a Deployment. Images have fixed tags, so they need no pull."""
    ignored = {"kube-score/ignore": "container-image-pull-policy"}
    return ignored if settings.wait_for_ready else SKIP_AWAIT | ignored
