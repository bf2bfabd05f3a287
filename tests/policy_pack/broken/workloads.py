"""Workloads, programs, their configs and Services that break a promise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.components.stacks import EU, US
from tests.policy_pack.changes import Registrations, container, inputs, pod
from tests.policy_pack.edits import Change, annotated, gate_config, service
from tests.recording import CONFIG_MAP, DEPLOYMENT, INGRESS, SERVICE, STATEFUL_SET

CONTROLLER = "context-shared-failover-settings"
GATE = f"acme-brain@{US}-config"


def init(name: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    """A change of an init container of a Brain."""
    return pod(lambda spec: change(next(one for one in spec["initContainers"] if one["name"] == name)))


def variable(name: str, value: str, of: str = "gate") -> Change:
    def change(found: dict[str, Any]) -> None:
        found["env"] = [one for one in found["env"] if one["name"] != name]
        found["env"].append({"name": name, "value": value})

    return init(of, change)


def replaced_volume(name: str, **source: Any) -> Change:
    return pod(
        lambda spec: spec["volumes"].append(
            {**spec["volumes"].pop(_index(spec["volumes"], name)), "configMap": None, **source}
        )
    )


def _index(items: list[dict[str, Any]], name: str) -> int:
    return next(index for index, item in enumerate(items) if item["name"] == name)


def on_agent(change: Callable[[dict[str, Any]], Any]) -> Change:
    return inputs(STATEFUL_SET, lambda props: change(props["spec"]["template"]["spec"]), f"acme-agent@{US}")


def _with_the_brain_s_volume(spec: dict[str, Any]) -> None:
    spec["volumes"].append({"name": "b", "persistentVolumeClaim": {"claimName": f"brain-{US}"}})
    spec["containers"][0]["volumeMounts"].append({"name": "b", "mountPath": "/b"})


def controller(change: Callable[[dict[str, Any]], Any]) -> Change:
    return inputs(DEPLOYMENT, lambda props: change(props["spec"]))


def config_map(name: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    return inputs(CONFIG_MAP, change, name)


def template(change: Callable[[dict[str, Any]], Any]) -> Change:
    return inputs(STATEFUL_SET, lambda props: change(props["spec"]["template"]["metadata"]), "acme-brain")


def noted(type_: str, name: str, key: str, value: str) -> Change:
    return inputs(
        type_, lambda props: props["metadata"].setdefault("annotations", {}).update({key: value}), name
    )


def _another_program(props: dict[str, Any]) -> None:
    props["data"]["start.py"] += "\n"


PROGRAMS: dict[str, Change] = {
    "program: another library": variable("LD_PRELOAD", "/work/x.so"),
    "program: other modules": variable("PYTHONPATH", "/work/.agent"),
    "program: another proxy": variable("HTTPS_PROXY", "http://203.0.113.1:443"),
    "program: other authorities": variable("SSL_CERT_FILE", "/work/ca.pem"),
    "program: another rclone": variable("GATE_RCLONE", "/work/.agent/rclone"),
    "program: another volume": variable("GATE_VOLUME", "/tmp"),
    "program: another config": variable("GATE_SETTINGS", "/work/.agent", of="restore"),
    "program: variables from elsewhere": init(
        "gate", lambda found: found.update(envFrom=[{"configMapRef": {"name": "x"}}])
    ),
    "program: it sleeps": init("gate", lambda found: found.update(command=["sleep", "infinity"])),
    "program: arguments": init("gate", lambda found: found.update(args=["x"])),
    "program: nothing is restored": init("restore", lambda found: found.update(command=["true"])),
    "program: restore is gone": pod(
        lambda spec: spec["initContainers"].pop(_index(spec["initContainers"], "restore"))
    ),
    "program: no flags": init(
        "gate", lambda found: found["volumeMounts"].pop(_index(found["volumeMounts"], "flags"))
    ),
    "program: from another ConfigMap": replaced_volume("programs", configMap={"name": "other"}),
    "program: from the company's volume": replaced_volume(
        "programs", persistentVolumeClaim={"claimName": f"brain-{US}"}
    ),
    "program: a config from nowhere": replaced_volume("settings", emptyDir={"sizeLimit": "1Gi"}),
    "program: the controller's": controller(
        lambda spec: spec["template"]["spec"]["containers"][0].update(command=["python3", "-c", "pass"])
    ),
    "program: changed in its ConfigMap": config_map("context-shared-failover-program", _another_program),
    "program: its ConfigMap can change": config_map(
        "context-shared-failover-program", lambda props: props.update(immutable=False)
    ),
}
WORKLOADS: dict[str, Change] = {
    "workload: the volume is scratch": replaced_volume(
        "brain", persistentVolumeClaim=None, emptyDir={"sizeLimit": "1Gi"}
    ),
    "workload: the Brain's volume for the Agent": on_agent(_with_the_brain_s_volume),
    "workload: one container more": pod(
        lambda spec: spec["containers"].append({**spec["containers"][0], "name": "miner"})
    ),
    "workload: every certificate is right": container(
        lambda props: props["env"].append({"name": "NODE_TLS_REJECT_UNAUTHORIZED", "value": "0"})
    ),
    "workload: processes are not shared": pod(lambda spec: spec.pop("shareProcessNamespace")),
    "workload: processes without a name": container(
        lambda props: props["env"].pop(_index(props["env"], "AGENCY_CONTAINER"))
    ),
    "workload: no time to end": pod(lambda spec: spec.update(terminationGracePeriodSeconds=0)),
    "workload: alive while it is ready": container(
        lambda props: props["livenessProbe"].update(httpGet={"path": "/ready", "port": 3010})
    ),
    "workload: updated by hand": inputs(
        STATEFUL_SET, lambda props: props["spec"].update(updateStrategy={"type": "OnDelete"})
    ),
    "workload: all at once": controller(lambda spec: spec.update(strategy={"type": "Recreate"})),
    "workload: a token for AWS": controller(
        lambda spec: spec["template"]["spec"]["volumes"][4]["projected"]["sources"][0][
            "serviceAccountToken"
        ].update(audience="sts.amazonaws.com")
    ),
    "workload: another company's label": template(
        lambda metadata: metadata["labels"].update({"agency.global/company": "a"})
    ),
    "workload: a wide selector": inputs(
        STATEFUL_SET, lambda props: props["spec"]["selector"]["matchLabels"].pop("agency.global/company")
    ),
    "workload: a sidecar is injected": template(
        lambda metadata: metadata.update(annotations={"vault.hashicorp.com/agent-inject": "true"})
    ),
    "workload: unconfined": template(
        lambda metadata: metadata.update(
            annotations={"container.apparmor.security.beta.kubernetes.io/brain": "unconfined"}
        )
    ),
    "service: pods that are not ready": service(f"acme-agent@{US}-service", publishNotReadyAddresses=True),
    "service: the Brain's leads to the Agent": inputs(
        SERVICE,
        lambda props: props["spec"]["selector"].update({"app.kubernetes.io/name": "agent"}),
        f"acme-brain@{US}",
    ),
    "service: the Brain's leads to the gate": inputs(
        SERVICE, lambda props: props["spec"]["ports"][0].update(targetPort=3010), f"acme-brain@{US}"
    ),
    "service: a name in DNS": noted(
        SERVICE, f"acme-agent@{US}", "external-dns.alpha.kubernetes.io/hostname", "www.example.com"
    ),
    "ingress: its name leads elsewhere": noted(
        INGRESS, f"acme-agent@{US}", "external-dns.alpha.kubernetes.io/target", "evil.example.com"
    ),
    "ingress: another controller": noted(INGRESS, f"acme-agent@{US}", "kubernetes.io/ingress.class", "other"),
    "ingress: slow to leave": annotated(
        "acme-agent@us-west-2", target_group_attributes="deregistration_delay.timeout_seconds=3600"
    ),
}
CONFIGS: dict[str, Change] = {
    "config: no buckets": gate_config(GATE, buckets={}),
    "config: uploads once in years": gate_config(GATE, syncInterval=10**9),
    "config: uploads seldom": gate_config(GATE, syncInterval=86400),
    "config: uploads slowly": gate_config(GATE, bandwidthLimit="1k"),
    "config: nothing is kept": gate_config(GATE, retention={"allHours": 0, "hourlyHours": 0, "dailyDays": 0}),
    "config: follows another": gate_config(GATE, follows=[EU]),
    "config: another order": gate_config(GATE, order=[US, EU, "us-west-2"]),
    "config: another region": gate_config(GATE, region=EU),
    "config: the Agent's": gate_config(GATE, component="agent"),
    "config: ranked": gate_config(GATE, ranked=True),
    "config: never flags": gate_config(CONTROLLER, failureThreshold=100_000),
    "config: watches nobody": gate_config(CONTROLLER, companies={}),
    "config: watches one region": gate_config(CONTROLLER, regions=[US]),
    "config: foreign peers": gate_config(CONTROLLER, peers={EU: f"https://evil.example.com/peer/{EU}"}),
    "config: no peers": gate_config(CONTROLLER, peers={}),
    "config: flags from the start": config_map(
        "failover-flags", lambda props: props.setdefault("data", {}).update(failedRegions=US)
    ),
}


def _held(registrations: Registrations) -> None:
    lease = "kubernetes:coordination.k8s.io/v1:Lease"
    inputs(lease, lambda props: props.update(spec={"holderIdentity": "x"}))(registrations)


BROKEN: dict[str, Change] = {**PROGRAMS, **WORKLOADS, **CONFIGS, "config: a held Lease": _held}
