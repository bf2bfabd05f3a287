"""Hardening of pods."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_policy import ResourceValidationArgs, Severity

from plan.names import LOCAL
from policy_pack.writing import Props, each, of_resources

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
WITH_PODS = (*TEMPLATED, CRON_JOB, POD)
HOST = ("hostNetwork", "hostPID", "hostIPC")
AMOUNTS = ("cpu", "memory", "ephemeral-storage")
SECCOMP = ("RuntimeDefault", "Localhost")
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")


def pod_spec(args: ResourceValidationArgs) -> Props:
    spec = args.props["spec"]
    if args.resource_type == CRON_JOB:
        spec = spec["jobTemplate"]["spec"]
    spec_of_pod: Props = spec if args.resource_type == POD else spec["template"]["spec"]
    return spec_of_pod


def containers(spec: Props) -> Iterator[tuple[Props, bool]]:
    """All containers of a pod, and whether each runs as long as the pod (as native sidecars do)."""
    yield from ((each, True) for each in spec["containers"])
    sidecars = spec.get("initContainers") or ()
    yield from ((each, each.get("restartPolicy") == "Always") for each in sidecars)


def _rights(args: ResourceValidationArgs) -> Iterator[str]:
    spec = pod_spec(args)
    own = spec.get("securityContext") or {}
    yield from (f"{key} is on" for key in HOST if spec.get(key))
    yield from (
        f"volume {volume['name']} is a folder of the node"
        for volume in spec.get("volumes") or ()
        if "hostPath" in volume
    )
    yield from each(containers(spec), lambda pair: _container_problems(pair[0], own))


def _container_problems(container: Props, of_pod: Props) -> Iterator[str]:
    for problem in _context_problems(container.get("securityContext") or {}, of_pod):
        yield f"container {container['name']}: {problem}"


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
    if (either("seccompProfile") or {}).get("type") not in SECCOMP:
        yield "seccompProfile is missing"


def _token(args: ResourceValidationArgs) -> Iterator[str]:
    if pod_spec(args).get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken is not false"


def _amounts(args: ResourceValidationArgs) -> Iterator[str]:
    yield from each(containers(pod_spec(args)), lambda pair: _unbounded(pair[0]))


def _unbounded(container: Props) -> Iterator[str]:
    resources: Mapping[str, Any] = container.get("resources") or {}
    for kind in ("requests", "limits"):
        missing = [amount for amount in AMOUNTS if not (resources.get(kind) or {}).get(amount)]
        if missing:
            yield f"container {container['name']}: no {kind} of {', '.join(missing)}"


def _probes(args: ResourceValidationArgs) -> Iterator[str]:
    if args.resource_type in (CRON_JOB, "kubernetes:batch/v1:Job"):
        return
    for container, runs in containers(pod_spec(args)):
        missing = [probe for probe in PROBES if runs and not container.get(probe)]
        if missing:
            yield f"container {container['name']}: no {', '.join(missing)}"


def _images(args: ResourceValidationArgs) -> Iterator[str]:
    if args.urn.split("::")[0].rpartition(":")[2] == LOCAL:
        return
    yield from each(containers(pod_spec(args)), lambda pair: _unpinned(pair[0]))


def _unpinned(container: Props) -> Iterator[str]:
    # This import takes half of the pack's start, and the stack `local` does not need it.
    from settings.values import tag_of

    if tag_of(container["image"]) in (None, "latest"):
        yield f"container {container['name']}: the image {container['image']} has no tag other than latest"


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
        WITH_PODS,
        "Pods get no token for the Kubernetes API by default.",
        "Set automountServiceAccountToken: false; where a program calls the API, mount a projected token.",
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
        "Containers that run as long as their pod have startup, readiness and liveness probes.",
        "Add the probes; liveness must depend on no other service.",
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
)
