"""Hardening of pods."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import FAILOVER_CONTROLLER, LOCAL, SYSTEM_NAMESPACE
from plan.quantities import quantity
from policy_pack.writing import Problems, Props, each, labels, metadata, of_resources, of_the_stack
from runtime.ports import GATE_PORT

TEMPLATED = tuple(
    f"kubernetes:{group}/v1:{kind}"
    for group, kind in (
        ("apps", "StatefulSet"),
        ("apps", "Deployment"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("batch", "Job"),
    )
)
CRON_JOB, POD = "kubernetes:batch/v1:CronJob", "kubernetes:core/v1:Pod"
CLUSTER = "agency:cluster:Cluster"
PINNED = re.compile(r"@sha256:[0-9a-f]{64}$")
SECRET = "kubernetes:core/v1:Secret"
SECRET_TYPES = (None, "Opaque", "kubernetes.io/dockerconfigjson")
SERVICE_ACCOUNT = "kubernetes:core/v1:ServiceAccount"
WITH_PODS = (*TEMPLATED, CRON_JOB, POD)
HOST = ("hostNetwork", "hostPID", "hostIPC")
AMOUNTS = ("cpu", "memory", "ephemeral-storage")
MOST_SCRATCH = "1Gi"
"""Of a container, and of a volume."""
SYSTEM_PRIORITY = "system-"
"""Prefix of Kubernetes' own PriorityClasses."""
PROJECTED = ("configMap", "downwardAPI", "secret")
"""What a projected volume may have in every pod. Only the failover controller's has a token."""


def _is_id(value: Any) -> bool:
    return bool(value)


def _is_judged(_: Any) -> bool:
    return True


CONTEXT: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(
        ("allowPrivilegeEscalation", "capabilities", "privileged", "readOnlyRootFilesystem", "runAsNonRoot",
         "runAsUser", "seccompProfile"),
        _is_judged,
    ),
    "runAsGroup": _is_id,
}  # fmt: skip
"""The known keys of a container's security context, each with whether its value is right."""
POD_CONTEXT: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("fsGroupChangePolicy", "runAsNonRoot", "runAsUser", "seccompProfile"), _is_judged),
    "fsGroup": _is_id,
    "runAsGroup": _is_id,
    "supplementalGroups": lambda groups: all(groups),
}
NAME = "app.kubernetes.io/name"
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def pod_template(type_: str, props: Props) -> Props:
    if type_ == POD:
        return props
    spec = props["spec"]
    template: Props = (spec["jobTemplate"]["spec"] if type_ == CRON_JOB else spec)["template"]
    return template


def pod_spec(type_: str, props: Props) -> Props:
    spec: Props = pod_template(type_, props)["spec"]
    return spec


def _pod(args: ResourceValidationArgs) -> Props:
    return pod_spec(args.resource_type, args.props)


def containers(spec: Props) -> Iterator[tuple[Props, bool]]:
    """All containers of a pod, and whether each runs as long as the pod (as native sidecars do)."""
    yield from ((each, True) for each in spec["containers"])
    sidecars = spec.get("initContainers") or ()
    yield from ((each, each.get("restartPolicy") == "Always") for each in sidecars)


def _rights(args: ResourceValidationArgs) -> Iterator[str]:
    spec = _pod(args)
    own = spec.get("securityContext") or {}
    yield from (f"{key} is on" for key in HOST if spec.get(key))
    yield from (f"securityContext.{key} is {value}" for key, value in _beyond(own, POD_CONTEXT))
    if str(spec.get("priorityClassName") or "").startswith(SYSTEM_PRIORITY):
        yield f"priorityClassName is {spec['priorityClassName']}"
    yield from each(spec.get("volumes") or (), _volume_problems)
    yield from each(containers(spec), lambda pair: _container_problems(pair[0], own))


def _volume_problems(volume: Props) -> Iterator[str]:
    if "hostPath" in volume:
        yield f"volume {volume['name']} is a folder of the node"
    if "emptyDir" in volume:
        yield from _beyond_most(f"volume {volume['name']}", (volume["emptyDir"] or {}).get("sizeLimit"))


def _beyond_most(what: str, size: Any) -> Iterator[str]:
    """What could fill the disk of a node, from which the kubelet would then evict pods of other companies."""
    if not size:
        yield f"{what} has no limit"
    elif quantity(str(size)) > quantity(MOST_SCRATCH):
        yield f"{what} may grow to {size}, over {MOST_SCRATCH}"


def _container_problems(container: Props, of_pod: Props) -> Iterator[str]:
    for problem in _context_problems(container.get("securityContext") or {}, of_pod):
        yield f"container {container['name']}: {problem}"
    for port in container.get("ports") or ():
        if port.get("hostPort") or port.get("hostIP"):
            yield f"container {container['name']}: it has a port of the node"


def _beyond(context: Props, known: Mapping[str, Callable[[Any], bool]]) -> Iterator[tuple[str, Any]]:
    """Keys and values of a security context that the program does not set."""
    for key in context:
        if context[key] is not None and not known.get(key, lambda _: False)(context[key]):
            yield key, context[key]


def _context_problems(context: Props, of_pod: Props) -> Iterator[str]:
    def either(key: str) -> Any:
        value = context.get(key)
        return of_pod.get(key) if value is None else value

    capabilities = context.get("capabilities") or {}
    if context.get("privileged"):
        yield "privileged is on"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation is not false"
    if context.get("readOnlyRootFilesystem") is not True:
        yield "readOnlyRootFilesystem is not true"
    if "ALL" not in (capabilities.get("drop") or ()) or capabilities.get("add"):
        yield "capabilities are not all dropped"
    if either("runAsNonRoot") is not True or either("runAsUser") == 0:
        yield "runAsNonRoot is not true"
    if (profile := either("seccompProfile") or {}).get("type") != "RuntimeDefault":
        yield f"seccompProfile is {profile.get('type', 'missing')}"
    yield from (f"securityContext.{key} is {value}" for key, value in _beyond(context, CONTEXT))


def _token(args: ResourceValidationArgs) -> Iterator[str]:
    if args.resource_type == SECRET:
        if args.props.get("type") not in SECRET_TYPES:
            yield f"its type is {args.props['type']}"
        return
    if args.resource_type == SERVICE_ACCOUNT:
        if args.props.get("automountServiceAccountToken") is not False:
            yield "automountServiceAccountToken is not false"
        return
    spec, own = _pod(args), metadata(args.props)
    if spec.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"
    if spec.get("serviceAccountName") != own.get("name"):
        yield f"its service account is {spec.get('serviceAccountName')}, not its own"
    controller = (own.get("namespace"), own.get("name")) == (SYSTEM_NAMESPACE, FAILOVER_CONTROLLER)
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if any(source[key] for key in source if key not in PROJECTED) and not (
                controller and "serviceAccountToken" in source
            ):
                yield f"volume {volume['name']} has {', '.join(source)}"


def _amounts(args: ResourceValidationArgs) -> Iterator[str]:
    yield from each(containers(_pod(args)), lambda pair: _unbounded(pair[0]))


def _unbounded(container: Props) -> Iterator[str]:
    resources: Mapping[str, Any] = container.get("resources") or {}
    for kind in ("requests", "limits"):
        missing = [amount for amount in AMOUNTS if not (resources.get(kind) or {}).get(amount)]
        if missing:
            yield f"container {container['name']}: no {kind} of {', '.join(missing)}"
    if scratch := (resources.get("limits") or {}).get("ephemeral-storage"):
        yield from _beyond_most(f"container {container['name']}: its ephemeral-storage", scratch)


def _probes(args: ResourceValidationArgs) -> Iterator[str]:
    if args.resource_type in (CRON_JOB, "kubernetes:batch/v1:Job"):
        return
    if args.props["spec"].get("replicas") == 0:
        yield "it has no replicas"
    if labels(pod_template(args.resource_type, args.props)).get(NAME) in ("agent", "brain"):
        yield from _gate_problems([container for container, runs in containers(_pod(args)) if runs])
    for container, runs in containers(_pod(args)):
        missing = [probe for probe in PROBES if runs and not container.get(probe)]
        if missing:
            yield f"container {container['name']}: no {', '.join(missing)}"


def _gate_problems(running: Sequence[Props]) -> Iterator[str]:
    """The gate has to run, and to answer the readiness of the container that clients or Agents reach."""
    if not any(container["name"] == "gate" for container in running):
        yield "no gate runs beside the application"
    asked = [(container.get("readinessProbe") or {}).get("httpGet") or {} for container in running]
    if not any(one.get("path") == "/ready" and one.get("port") == GATE_PORT for one in asked):
        yield f"no readinessProbe asks the gate: /ready on port {GATE_PORT}"


def _images(args: ResourceValidationArgs) -> Iterator[str]:
    if args.urn.split("::")[0].rpartition(":")[2] == LOCAL:
        return
    yield from each(containers(_pod(args)), lambda pair: _unpinned(pair[0]))


def _unpinned(container: Props) -> Iterator[str]:
    # This import takes half of the pack's start, and the stack `local` does not need it.
    from settings.values import tag_of

    if tag_of(container["image"]) in (None, "latest"):
        yield f"container {container['name']}: the image {container['image']} has no tag other than latest"


def _digests(resources: Sequence[PolicyResource]) -> Problems:
    """Images without a digest, where the stack's settings demand digests."""
    if any(one.resource_type == CLUSTER and one.props.get("requireDigests") for one in resources):
        yield from each((one for one in resources if one.resource_type in WITH_PODS), _movable)


def _movable(resource: PolicyResource) -> Problems:
    for container, _ in containers(pod_spec(resource.resource_type, resource.props)):
        if not PINNED.search(container["image"]):
            yield resource, f"container {container['name']}: the image {container['image']} has no digest"


POLICIES = (
    of_resources(
        "pods-are-hardened",
        Severity.HIGH,
        WITH_PODS,
        "Pods run without root, capabilities, a writable root file system or access to their node.",
        "Set what Pod Security's profile `restricted` requires, and readOnlyRootFilesystem.",
        _rights,
    ),
    of_resources(
        "pods-hold-no-api-token",
        Severity.HIGH,
        [*WITH_PODS, SERVICE_ACCOUNT, SECRET],
        "Pods have a service account of their own, and none but the failover controller's has a token.",
        "Set automountServiceAccountToken: false; the failover controller mounts a projected token.",
        _token,
    ),
    of_resources(
        "containers-are-bounded",
        Severity.MEDIUM,
        WITH_PODS,
        "Containers have requests and limits of CPU, memory and ephemeral storage.",
        "Set resources.requests and resources.limits.",
        _amounts,
    ),
    of_resources(
        "containers-are-probed",
        Severity.MEDIUM,
        WITH_PODS,
        "Containers that run as long as their pod have all probes; the gate answers for its application.",
        "Add the probes as `components/pods.py` does; liveness must depend on no other service.",
        _probes,
    ),
    of_resources(
        "images-are-pinned",
        Severity.HIGH,
        WITH_PODS,
        "Images have a tag other than latest, or a digest.",
        "Set a tag under `images` of the stack file.",
        _images,
    ),
    of_the_stack(
        "images-have-digests",
        Severity.HIGH,
        "With `images.requireDigests` the image of every container and init container has a digest.",
        "Run `python -m ops pin-images`.",
        _digests,
    ),
)
