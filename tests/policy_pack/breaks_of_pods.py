"""Breaks of the policies about pods, their namespaces and their networks."""

from __future__ import annotations

from tests.policy_pack.broken import pods
from tests.policy_pack.changes import (
    container,
    context,
    inputs,
    opened_by_default,
    opening,
    pod,
    without,
)
from tests.policy_pack.edits import (
    Change,
    demand_digests,
)
from tests.recording import (
    LIMIT_RANGE,
    NAMESPACE,
    QUOTA,
)

EVERYBODY = {"ipBlock": {"cidr": "0.0.0.0/0"}}
OF_PODS: dict[str, list[tuple[str, Change]]] = {
    "pods-are-hardened": [
        ("hostNetwork is on", pod(lambda spec: spec.update(hostNetwork=True))),
        (
            "volume node is a folder of the node",
            pod(lambda spec: spec["volumes"].append({"name": "node", "hostPath": {"path": "/"}})),
        ),
        ("privileged is on", context(privileged=True)),
        ("allowPrivilegeEscalation", context(allowPrivilegeEscalation=None)),
        ("readOnlyRootFilesystem", context(readOnlyRootFilesystem=False)),
        ("capabilities are not all dropped", context(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]})),
        ("runAsNonRoot", context(runAsUser=0)),
        ("volume added may grow to 500Gi", pods.BROKEN["pod: a volume that fills a node"]),
        ("seccompProfile is Localhost", pods.BROKEN["pod: a profile of the node"]),
        ("seccompProfile is Unconfined", context(seccompProfile={"type": "Unconfined"})),
    ],
    "pods-hold-no-api-token": [
        (
            "automountServiceAccountToken is not false",
            pod(lambda spec: spec.pop("automountServiceAccountToken")),
        ),
    ],
    "containers-are-bounded": [
        ("its ephemeral-storage may grow to 100Gi", pods.BROKEN["pod: a container that fills a node"]),
        ("no limits of memory", container(lambda props: props["resources"]["limits"].pop("memory"))),
    ],
    "containers-are-probed": [
        ("no livenessProbe", container(lambda props: props.pop("livenessProbe"))),
    ],
    "images-are-pinned": [
        (
            "registry.example.com/agency:latest has no tag other than latest",
            container(lambda props: props.update(image="registry.example.com/agency:latest")),
        ),
    ],
    "images-have-digests": [
        ("has no digest", demand_digests),
    ],
    "namespaces-enforce-restricted": [
        (
            "enforce is baseline",
            inputs(
                NAMESPACE,
                lambda props: props["metadata"]["labels"].update(
                    {"pod-security.kubernetes.io/enforce": "baseline"}
                ),
            ),
        ),
    ],
    "namespaces-are-guarded": [
        ("has no ResourceQuota", without(QUOTA)),
        ("has no LimitRange", without(LIMIT_RANGE)),
        ("over 2 times what one has", pods.BROKEN["pod: a LimitRange that bounds nothing"]),
    ],
    "namespaces-begin-closed": [
        ("acme denies all by default", opened_by_default),
    ],
    "companies-are-bounded": [
        (
            "does not forbid services.nodeports",
            inputs(QUOTA, lambda props: props["spec"]["hard"].pop("services.nodeports")),
        ),
    ],
    "openings-are-narrow": [
        ("all senders are admitted", opening("ingress", {"ports": [{"port": 1}]})),
        ("all senders are admitted", opening("ingress", {"from": [EVERYBODY]})),
        ("on every port", opening("egress", {"to": [{"namespaceSelector": {}}]})),
        ("the node's credentials", opening("egress", {"to": [EVERYBODY], "ports": [{"port": 443}]})),
    ],
    "objects-are-in-own-namespaces": [
        (
            "is in the namespace default, which",
            inputs(LIMIT_RANGE, lambda props: props["metadata"].update(namespace="default")),
        ),
    ],
}
"""By policy: a part of the message, and the change that breaks the policy."""
