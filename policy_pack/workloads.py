"""Workloads: their containers, their programs with their variables and folders, and what their labels say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import (
    AGENT_FOLDER,
    BRAIN_FOLDER,
    COMPANY_LABEL,
    CONTROLLER_CONFIG_FOLDER,
    CONTROLLER_SECRET_FOLDER,
    FAILOVER_CONTROLLER,
    FLAGS_FOLDER,
    GATE_CONFIG_FOLDER,
    LOCAL,
    PLATFORM_LABEL,
    PROGRAMS_FOLDER,
    REGION_LABEL,
    REPLACEMENT_FOLDER,
    SYSTEM_NAMESPACE,
    TOOLS_FOLDER,
    WORK_FOLDER,
    WORKLOAD_LABEL,
)
from plan.variables import OF_LOADERS, UNCHECKED_TLS, changes_processes
from policy_pack.publishing import SERVICE
from policy_pack.stack import DEPLOYMENT, STATEFUL_SET, Stack
from policy_pack.writing import Problems, Props, each, labels, metadata, of_resources, of_the_stack
from runtime.contracts.controller import HTTP_PORT, METRICS_PORT
from runtime.flags import CONFIG_MAP
from runtime.ports import AGENT_PORT, BRAIN_PORT, GATE_PORT, HEALTH_MONITOR_PORT

CONTAINERS = {
    "agent": ({"agent", "health-monitor"}, {"links", "gate"}),
    "brain": ({"brain"}, {"gate"}),
    FAILOVER_CONTROLLER: ({FAILOVER_CONTROLLER}, set[str]()),
}
"""By kind of workload: the containers, and the init containers."""
RESTORING = {"rclone", "restore"}
"""Further init containers where there are buckets."""
MODULES = {
    "gate": "runtime.gate",
    "restore": "runtime.gate.restore",
    FAILOVER_CONTROLLER: "runtime.controller",
}
"""The program of each container that runs one of the platform's programs."""
PORTS = {"agent": AGENT_PORT, "health-monitor": HEALTH_MONITOR_PORT, "brain": BRAIN_PORT, "gate": GATE_PORT}
"""Of Services, by name."""
VOLUMES = {"agent": (AGENT_FOLDER, AGENT_PORT), "brain": (BRAIN_FOLDER, BRAIN_PORT)}
"""Where the gate has the volume, and the port at which it asks for the application's health."""
FREE = {
    "GOMEMLIMIT",
    "HOME",
    "HTTPS_PROXY",
    "NO_PROXY",
    "POD_NAME",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONUNBUFFERED",
}
"""Variables of a program that can have any value, a proxy that of the application."""
CHECKED = {UNCHECKED_TLS: "1"}
"""The value that changes nothing."""
KEYED = ("kubernetes:core/v1:Secret", "kubernetes:core/v1:ConfigMap")
LEAST_GRACE_SECONDS = 60
"""For the application's end and the last upload."""


def _variables(kind: str, container: str) -> dict[str, str]:
    """What a program's variables must be."""
    if kind == FAILOVER_CONTROLLER:
        return {
            "CONTROLLER_SETTINGS": CONTROLLER_CONFIG_FOLDER,
            "CONTROLLER_SECRET_PATH": CONTROLLER_SECRET_FOLDER,
            "CONTROLLER_FLAGS": FLAGS_FOLDER,
            "CONTROLLER_HTTP_PORT": str(HTTP_PORT),
            "CONTROLLER_METRICS_PORT": str(METRICS_PORT),
        }
    folder, port = VOLUMES[kind]
    return {
        "GATE_VOLUME": folder,
        "GATE_SETTINGS": GATE_CONFIG_FOLDER,
        "GATE_FLAGS": FLAGS_FOLDER,
        "GATE_RCLONE": f"{TOOLS_FOLDER}/rclone",
        "GATE_APPLICATION": f"http://127.0.0.1:{port}/health",
        **({"GATE_WORK": WORK_FOLDER} if kind == "agent" and container == "gate" else {}),
    }


def _sources(kind: str, name: str) -> dict[str, tuple[str, str, str]]:
    """By folder of a program: the kind of the volume that is mounted there, its key and the name's start."""
    config, claim = "configMap", "persistentVolumeClaim"
    programs = (config, "name", f"{FAILOVER_CONTROLLER if kind == FAILOVER_CONTROLLER else 'gate'}-")
    own = {PROGRAMS_FOLDER: programs, FLAGS_FOLDER: (config, "name", CONFIG_MAP)}
    if kind == FAILOVER_CONTROLLER:
        return own | {
            CONTROLLER_CONFIG_FOLDER: (config, "name", FAILOVER_CONTROLLER),
            CONTROLLER_SECRET_FOLDER: ("secret", "secretName", FAILOVER_CONTROLLER),
        }
    return own | {
        GATE_CONFIG_FOLDER: (config, "name", f"runtime-{name}"),
        VOLUMES[kind][0]: (claim, "claimName", name),
    }


def _workload(args: ResourceValidationArgs) -> Iterator[str]:
    own, name = labels(args.props), str(metadata(args.props).get("name"))
    kind = str(own.get(WORKLOAD_LABEL))
    yield from _labelled(args.props, kind, name)
    if kind in CONTAINERS:
        spec = args.props["spec"]["template"]["spec"]
        local = args.urn.split("::")[0].rpartition(":")[2] == LOCAL
        yield from _containers(spec, kind)
        yield from _rollout(args.props["spec"])
        yield from _lifetime(spec, kind)
        yield from each(_all(spec), lambda one: _container(one, spec, kind, name, local))


def _labelled(props: Props, kind: str, name: str) -> Iterator[str]:
    own, namespace = labels(props), metadata(props).get("namespace")
    wanted = {WORKLOAD_LABEL: kind, **PLATFORM_LABEL}
    if kind != FAILOVER_CONTROLLER:
        wanted |= {COMPANY_LABEL: str(namespace), REGION_LABEL: str(own.get(REGION_LABEL))}
    place = SYSTEM_NAMESPACE if kind == FAILOVER_CONTROLLER else namespace
    right = name == (kind if kind == FAILOVER_CONTROLLER else f"{kind}-{own.get(REGION_LABEL)}")
    if kind not in CONTAINERS or not right or namespace != place or not wanted.items() <= own.items():
        yield f"it is not the {' or '.join(CONTAINERS)} that its labels say"
    template, selector = labels(props["spec"]["template"]), props["spec"]["selector"].get("matchLabels")
    if not wanted.items() <= template.items() or selector != wanted:
        yield "its selector, or its pods' labels, are not those of its own kind, company and region"


def _all(spec: Props) -> list[Props]:
    return [*spec["containers"], *(spec.get("initContainers") or ())]


def _containers(spec: Props, kind: str) -> Iterator[str]:
    wanted = CONTAINERS[kind]
    found = [each["name"] for each in spec["containers"]]
    before = [each["name"] for each in spec.get("initContainers") or ()]
    for names, known in ((found, wanted[0]), (before, wanted[1])):
        if sorted({*names} - RESTORING) != sorted(known) or len(names) != len({*names}):
            yield f"its containers are {', '.join(names)}, not {', '.join(sorted(known))}"
    if RESTORING & {*found} or ({*before} & RESTORING and [*before][-3:] != ["rclone", "restore", "gate"]):
        yield "rclone, restore and gate are not its last init containers, in this order"


def _rollout(spec: Props) -> Iterator[str]:
    update, strategy = spec.get("updateStrategy"), spec.get("strategy")
    if update is not None and (update.get("type") != "RollingUpdate" or update.get("rollingUpdate")):
        yield "its updateStrategy is not RollingUpdate of all pods"
    rolling = (strategy or {}).get("rollingUpdate") or {}
    if strategy is not None and (strategy.get("type") != "RollingUpdate" or rolling.get("maxUnavailable")):
        yield "its strategy ends pods before their successors are ready"


def _lifetime(spec: Props, kind: str) -> Iterator[str]:
    if spec.get("terminationGracePeriodSeconds", 0) < LEAST_GRACE_SECONDS:
        yield f"its grace period has less than {LEAST_GRACE_SECONDS} s, for its end and its last upload"
    if kind != FAILOVER_CONTROLLER and not spec.get("shareProcessNamespace"):
        yield "shareProcessNamespace is not true: its gate cannot stop the application"
    for volume in spec.get("volumes") or ():
        for source in (volume.get("projected") or {}).get("sources") or ():
            if (source.get("serviceAccountToken") or {}).get("audience"):
                yield f"volume {volume['name']} has a token for another audience"


def _container(container: Props, spec: Props, kind: str, name: str, local: bool) -> Iterator[str]:
    own = container["name"]
    env = {one["name"]: one.get("value") for one in container.get("env") or ()}
    for variable in env:
        if str(variable).startswith((OF_LOADERS, UNCHECKED_TLS)) and env[variable] != CHECKED.get(variable):
            yield f"container {own}: the variable {variable} is set"
    if own not in ("links", "rclone") and env.get("AGENCY_CONTAINER") != own:
        yield f"container {own}: AGENCY_CONTAINER is {env.get('AGENCY_CONTAINER')}, not its name"
    if (container.get("livenessProbe") or {}).get("httpGet", {}).get("path") == "/ready":
        yield f"container {own}: its livenessProbe asks for readiness, and ends what only waits"
    yield from _mounted_claims(container, spec, kind, name)
    if own in MODULES:
        yield from _program(container, env, spec, kind, name, local)
    elif own == "rclone" and (
        list(container.get("command") or ()) != ["cp", "/usr/local/bin/rclone", f"{TOOLS_FOLDER}/rclone"]
        or container.get("args")
    ):
        yield "container rclone: it does something else than copy rclone"


def _program(
    container: Props, env: Mapping[str, Any], spec: Props, kind: str, name: str, local: bool
) -> Iterator[str]:
    own = container["name"]
    command = ["python3", f"{PROGRAMS_FOLDER}/start.py", MODULES[own]]
    if list(container.get("command") or ()) != command or container.get("args"):
        yield f"container {own}: its command is not {' '.join(command)}"
    if container.get("envFrom") and not local:
        yield f"container {own}: it has variables from elsewhere"
    wanted = _variables(kind, own)
    for variable, value in wanted.items():
        if env.get(variable) != value:
            yield f"container {own}: {variable} is {env.get(variable)}, not {value}"
    optional = {"AGENCY_CONTAINER": own, "GATE_WORK": WORK_FOLDER, "GATE_REPLACEMENT": REPLACEMENT_FOLDER}
    application = {one["name"]: one.get("value") for one in spec["containers"][0].get("env") or ()}
    for variable in sorted(env.keys() - wanted.keys()):
        known = optional.get(variable) == env[variable] or variable in FREE
        if not known or (variable.endswith("_PROXY") and application.get(variable) != env[variable]):
            yield f"container {own}: the variable {variable} is set"
    yield from _folders(container, spec, kind, name)


def _folders(container: Props, spec: Props, kind: str, name: str) -> Iterator[str]:
    volumes = {volume["name"]: volume for volume in spec.get("volumes") or ()}
    mounts = {
        mount["mountPath"]: volumes.get(mount["name"], {}) for mount in container.get("volumeMounts") or ()
    }
    for folder, (source, key, start) in _sources(kind, name).items():
        found = str((mounts.get(folder, {}).get(source) or {}).get(key) or "")
        if not (found == start or (start.endswith("-") and found.startswith(start))):
            yield f"container {container['name']}: {folder} is not {source} {start}"


def _mounted_claims(container: Props, spec: Props, kind: str, name: str) -> Iterator[str]:
    """A pod has its own claim, an Agent at most that of its region's Brain, at the folder for that."""
    claims = {
        volume["name"]: volume["persistentVolumeClaim"]["claimName"]
        for volume in spec.get("volumes") or ()
        if volume.get("persistentVolumeClaim")
    }
    brain = name.replace("agent-", "brain-", 1)
    for mount in container.get("volumeMounts") or ():
        claim = claims.get(mount["name"])
        of_brain = claim == brain and container["name"] == "agent" and mount["mountPath"] == BRAIN_FOLDER
        if claim is not None and claim != name and not of_brain:
            yield f"container {container['name']}: it mounts the volume {claim} at {mount['mountPath']}"


def _hidden(args: ResourceValidationArgs) -> Iterator[str]:
    """Variables that a container takes from a Secret or a ConfigMap."""
    for key in ("data", "stringData"):
        for name in filter(changes_processes, args.props.get(key) or ()):
            yield f"its key {name} changes how a process is loaded, trusted or routed"


def _restoring(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    for workload in stack.of(STATEFUL_SET) if stack.buckets else ():
        spec = workload.props["spec"]["template"]["spec"]
        if not {one["name"] for one in spec.get("initContainers") or ()} >= RESTORING:
            yield workload, "nothing restores its volume from its bucket"


def _service(args: ResourceValidationArgs) -> Iterator[str]:
    spec, own, name = args.props["spec"], labels(args.props), str(metadata(args.props).get("name"))
    headless = spec.get("clusterIP") == "None"
    if spec.get("publishNotReadyAddresses") and not headless:
        yield "it sends clients to pods that are not ready"
    selector = dict(spec.get("selector") or {})
    kind = str(selector.get(WORKLOAD_LABEL))
    wanted: dict[str, Any] = {WORKLOAD_LABEL: kind, **PLATFORM_LABEL}
    if kind != FAILOVER_CONTROLLER:
        wanted |= {COMPANY_LABEL: metadata(args.props).get("namespace"), REGION_LABEL: own.get(REGION_LABEL)}
    of = kind if kind == FAILOVER_CONTROLLER else f"{kind}-{own.get(REGION_LABEL)}"
    if kind not in CONTAINERS or selector != wanted or name != (f"{of}-headless" if headless else of):
        yield "it does not select the pods of its name"
    for port in spec.get("ports") or () if kind in VOLUMES else ():
        target, known = port.get("targetPort", port["port"]), PORTS.get(str(port.get("name")))
        if port["port"] != known or target not in (known, port["name"]):
            yield f"its port {port.get('name')} leads to {target}"


POLICIES = (
    of_resources(
        "workloads-run-their-programs",
        Severity.CRITICAL,
        [STATEFUL_SET, DEPLOYMENT, *KEYED],
        "Workloads have the containers of their kind; gates and controllers run the packed programs alone.",
        "Keep what `components/workload.py`, `gate.py` and `failover_controller.py` make.",
        lambda args: (_hidden if args.resource_type in KEYED else _workload)(args),
    ),
    of_the_stack(
        "volumes-are-restored",
        Severity.CRITICAL,
        "Where there are buckets, an init container restores each workload's volume.",
        "Keep the init containers of `components/gate.py`.",
        _restoring,
    ),
    of_resources(
        "services-lead-to-their-pods",
        Severity.HIGH,
        [SERVICE],
        "A Service leads to the ready pods of its own kind, company and region.",
        "Keep what `components/workload.py` makes.",
        _service,
    ),
)
