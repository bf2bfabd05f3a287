"""Changes of a recorded stack: rights, trust, networks, configs, secrets."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.recorder import Registration
from tests.components.stacks import US
from tests.policy_pack.changes import (
    Registrations,
    add_again,
    container,
    first,
    inputs,
    opening,
    pod,
)
from tests.recording import (
    BUCKET_LIFECYCLE,
    BUCKET_REPLICATION,
    CLUSTER_ROLE,
    CONFIG_MAP,
    ENDPOINT_GROUP,
    HEALTH_CHECK,
    INGRESS,
    NETWORK_POLICY,
    ROLE,
    ROLE_BINDING,
    ROLE_POLICY,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    VOLUME_CLAIM,
)

Change = Callable[[Registrations], None]
ADMISSION = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy"
ADMISSION_BINDING = "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding"
BUCKET_ARN = "arn:aws:s3:::agency-example-com-dev-us-east-1"
CONTROLLER = {
    "kind": "ServiceAccount",
    "name": "failover-controller",
    "namespace": "digital-agency-system",
}
LEAKED = "Qm9Zc2VjcmV0LW9mLW5vLWtub3duLWZvcm1hdA"
"""A secret whose format nobody knows."""


def rights(name: str = "us-east-1-sidecars", **statement: Any) -> Change:
    """One more statement in the rights of a role."""
    return statements(ROLE_POLICY, "policy", name, lambda own: own.append({"Effect": "Allow", **statement}))


def statements(type_: str, key: str, name: str, change: Callable[[list[Any]], Any]) -> Change:
    def act(props: dict[str, Any]) -> None:
        content = json.loads(props[key])
        change(content["Statement"])
        props[key] = json.dumps(content)

    return inputs(type_, act, name)


def trust(change: Callable[[dict[str, Any]], Any], name: str = "us-east-1-sidecars") -> Change:
    return statements(ROLE, "assumeRolePolicy", name, lambda own: change(own[0]))


def another(type_: str, token: str, change: Callable[[dict[str, Any]], Any]) -> Change:
    """One more resource, made from the first of a type."""

    def act(registrations: Registrations) -> None:
        resource = copy.deepcopy(first(registrations, type_))
        change(resource.inputs)
        add_again(registrations, replace(resource, type=token))

    return act


def endpoint_group(endpoint: str, **changes: Any) -> Change:
    """An endpoint group of Global Accelerator, in place of a health check."""

    def change(props: dict[str, Any]) -> None:
        props.clear()
        arn = f"arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/{endpoint}"
        configuration = {"endpointId": arn, "weight": 128, "clientIpPreservationEnabled": True}
        props |= {
            "listenerArn": "arn:aws:globalaccelerator::123456789012:accelerator/1/listener/2",
            "endpointGroupRegion": "us-east-1",
            "trafficDialPercentage": 100,
            "endpointConfigurations": [configuration],
            **changes,
        }

    return another(HEALTH_CHECK, ENDPOINT_GROUP, change)


def lifecycle(rule: dict[str, Any]) -> Change:
    return inputs(
        BUCKET_LIFECYCLE, lambda props: props["rules"].append({"status": "Enabled", "id": "x", **rule})
    )


def first_lifecycle(**changes: Any) -> Change:
    return inputs(BUCKET_LIFECYCLE, lambda props: props["rules"][0].update(changes))


def replication(**changes: Any) -> Change:
    return inputs(BUCKET_REPLICATION, lambda props: props["rules"][0].update(changes))


def destination(**changes: Any) -> Change:
    return inputs(BUCKET_REPLICATION, lambda props: props["rules"][0]["destination"].update(changes))


def egress(*cidrs: str, port: int = 443) -> Change:
    peers = [{"ipBlock": {"cidr": cidr}} for cidr in cidrs]
    return opening("egress", {"to": peers, "ports": [{"protocol": "TCP", "port": port}]})


def to(*peers: dict[str, Any], port: int = 443) -> Change:
    return opening("egress", {"to": list(peers), "ports": [{"protocol": "TCP", "port": port}]})


def ingress_from(*peers: dict[str, Any], port: int = 3002) -> Change:
    return opening("ingress", {"from": list(peers), "ports": [{"protocol": "TCP", "port": port}]})


def second_policy(spec: dict[str, Any], namespace: str = "acme") -> Change:
    def change(props: dict[str, Any]) -> None:
        props["metadata"] = {"name": "second", "namespace": namespace}
        props["spec"] = {"policyTypes": ["Ingress", "Egress"], "podSelector": {}, **spec}

    return another(NETWORK_POLICY, NETWORK_POLICY, change)


def policy_of(namespace: str, name: str) -> Callable[[Registration], bool]:
    return lambda each: (
        each.inputs["metadata"]["namespace"] == namespace and each.inputs["metadata"]["name"] == name
    )


def gone(type_: str, name: str) -> Change:
    """Resources of a type with this in their name are deleted, in every cluster."""

    def act(registrations: Registrations) -> None:
        found = [urn for urn, each in registrations.items() if each.type == type_ and name in each.name]
        assert found
        for urn in found:
            del registrations[urn]

    return act


def deny(change: Callable[[dict[str, Any]], Any], namespace: str = "acme") -> Change:
    def act(registrations: Registrations) -> None:
        where = policy_of(namespace, "default-deny")
        change(first(registrations, NETWORK_POLICY, where=where).inputs["spec"])

    return act


def bound(**changes: Any) -> Change:
    return inputs(ROLE_BINDING, lambda props: props.update(changes), "acme-failover")


def rule(**rule: Any) -> Change:
    """One more rule for the failover controller, in companies' namespaces."""
    return inputs(CLUSTER_ROLE, lambda props: props["rules"].append({"apiGroups": [""], **rule}))


def _as_cluster_admin(props: dict[str, Any]) -> None:
    of = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"}
    props |= {
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "all"},
        "roleRef": of,
        "subjects": [CONTROLLER],
    }


cluster_role_binding = another(
    ROLE_BINDING, "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding", _as_cluster_admin
)


def demand_digests(registrations: Registrations) -> None:
    cluster = next(each for each in registrations.values() if each.type == "agency:cluster:Cluster")
    registrations[cluster.urn] = replace(cluster, outputs={**cluster.outputs, "requireDigests": True})


def admission(change: Callable[[dict[str, Any]], Any]) -> Change:
    return inputs(ADMISSION, lambda props: change(props["spec"]))


def admission_binding(**changes: Any) -> Change:
    return inputs(ADMISSION_BINDING, lambda props: props["spec"].update(changes))


def service(name: str, **changes: Any) -> Change:
    return inputs(SERVICE, lambda props: props["spec"].update(changes), name)


def annotated(name: str, **changes: Any) -> Change:
    """Annotations of an Ingress of the AWS Load Balancer Controller; None removes one."""

    def change(props: dict[str, Any]) -> None:
        annotations = props["metadata"].setdefault("annotations", {})
        for key, value in changes.items():
            annotations[f"alb.ingress.kubernetes.io/{key.replace('_', '-')}"] = value
            if value is None:
                del annotations[f"alb.ingress.kubernetes.io/{key.replace('_', '-')}"]

    return inputs(INGRESS, change, name)


def front(name: str, path: str) -> Change:
    """An Ingress asks for a Network Load Balancer, whose target is checked at this path."""
    return annotated(name, enable_frontend_nlb="true", frontend_nlb_healthcheck_path=path)


def host(name: str, **rule: Any) -> Change:
    return inputs(INGRESS, lambda props: props["spec"]["rules"][0].update(rule), name)


def backend(name: str, service: str, port: int) -> Change:
    def change(props: dict[str, Any]) -> None:
        paths = props["spec"]["rules"][0]["http"]["paths"]
        paths[0]["backend"] = {"service": {"name": service, "port": {"number": port}}}

    return inputs(INGRESS, change, name)


def volume(**source: Any) -> Change:
    return pod(lambda spec: spec["volumes"].append({"name": "added", **source}))


def env(name: str, value: str) -> Change:
    return container(lambda props: props["env"].append({"name": name, "value": value}))


def args(*texts: str) -> Change:
    return container(lambda props: props.update(args=list(texts)))


def gate_config(name: str, **changes: Any) -> Change:
    def change(props: dict[str, Any]) -> None:
        content = json.loads(props["data"]["settings.json"])
        props["data"]["settings.json"] = json.dumps(content | changes)

    return inputs(CONFIG_MAP, change, name)


def leaked(change: Callable[[Registrations, str], None]) -> Change:
    """The value of a company's Secret, somewhere else."""

    def act(registrations: Registrations) -> None:
        secret = first(registrations, SECRET, "-keys@")
        secret.inputs["data"]["OPENAI_API_KEY"] = base64.b64encode(LEAKED.encode()).decode()
        change(registrations, LEAKED)

    return act


def put_annotation(registrations: Registrations, value: str) -> None:
    inputs(STATEFUL_SET, lambda props: props["metadata"].setdefault("annotations", {}).update(note=value))(
        registrations
    )


def put_template_annotation(registrations: Registrations, value: str) -> None:
    inputs(
        STATEFUL_SET,
        lambda props: props["spec"]["template"]["metadata"].setdefault("annotations", {}).update(note=value),
    )(registrations)


def several_classes(registrations: Registrations) -> None:
    for part, name in (("brain", "gp3"), ("agent", "plain")):
        volume = first(registrations, VOLUME_CLAIM, f"acme-{part}@{US}")
        volume.inputs["spec"]["storageClassName"] = name
