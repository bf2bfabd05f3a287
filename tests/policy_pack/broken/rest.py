"""Volumes, namespaces and configs that break a promise."""

from __future__ import annotations

from dataclasses import replace

from tests.components.stacks import EU, US
from tests.policy_pack.changes import Registrations, first, inputs
from tests.policy_pack.edits import ADMISSION, Change, another, gate_config, several_classes
from tests.recording import LIMIT_RANGE, NAMESPACE, NETWORK_POLICY, QUOTA, SERVICE, STATEFUL_SET, VOLUME_CLAIM

PRIORITY = "kubernetes:scheduling.k8s.io/v1:PriorityClass"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"


def ignored(registrations: Registrations) -> None:
    policy = first(registrations, NETWORK_POLICY, "acme-deny")
    registrations[policy.urn] = replace(policy, ignore_changes=("spec",))


BROKEN: dict[str, Change] = {
    "volume: an unencrypted class": another(
        VOLUME_CLAIM,
        "kubernetes:storage.k8s.io/v1:StorageClass",
        lambda props: props.update(
            kind="StorageClass",
            metadata={"name": "plain"},
            provisioner="ebs.csi.aws.com",
            parameters={"encrypted": "false"},
        ),
    ),
    "volume: a class of its own": several_classes,
    "volume: made from another": inputs(
        VOLUME_CLAIM,
        lambda props: props["spec"].update(dataSource={"kind": "PersistentVolumeClaim", "name": "other"}),
    ),
    "volume: a chosen volume": inputs(
        VOLUME_CLAIM, lambda props: props["spec"].update(volumeName="pv-of-another-company")
    ),
    "volume: deleted with its workload": inputs(
        STATEFUL_SET,
        lambda props: props["spec"].update(persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"}),
    ),
    "namespace: no enforcement": inputs(
        NAMESPACE,
        lambda props: props["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"),
        "acme",
    ),
    "namespace: an old version is enforced": inputs(
        NAMESPACE,
        lambda props: props["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce-version": "v1.22"}
        ),
        "acme",
    ),
    "namespace: the system's is open": inputs(
        NAMESPACE,
        lambda props: props["metadata"]["labels"].update(
            {"pod-security.kubernetes.io/enforce": "privileged"}
        ),
        "system",
    ),
    "namespace: no quota for load balancers": inputs(
        QUOTA, lambda props: props["spec"]["hard"].pop("services.loadbalancers")
    ),
    "namespace: nodePorts are allowed": inputs(
        QUOTA, lambda props: props["spec"]["hard"].update({"services.nodeports": "5"})
    ),
    "namespace: any number of pods": inputs(QUOTA, lambda props: props["spec"]["hard"].pop("pods")),
    "namespace: pods of any size": inputs(LIMIT_RANGE, lambda props: props["spec"].update(limits=[])),
    "config: another S3": gate_config(f"acme-brain@{US}-config", endpoint="http://203.0.113.7"),
    "config: a foreign bucket": gate_config(f"acme-brain@{US}-config", buckets={US: "elsewhere"}),
    "config: another company": gate_config(f"acme-brain@{US}-config", namespace="data"),
    "config: peers by plain HTTP": gate_config(
        "context-shared-failover-settings", peers={EU: "http://lb.eu-west-1.example.net/peer/eu-west-1"}
    ),
    "webhook": another(
        ADMISSION,
        "kubernetes:admissionregistration.k8s.io/v1:MutatingWebhookConfiguration",
        lambda props: None,
    ),
    "namespace: no company's": inputs(
        NAMESPACE, lambda props: props["metadata"]["labels"].pop("agency.global/company"), "acme"
    ),
    "namespace: another's": inputs(SERVICE, lambda props: props["metadata"].update(namespace="kube-system")),
    "namespace: a quota for some pods": inputs(
        QUOTA, lambda props: props["spec"].update(scopes=["BestEffort"])
    ),
    "options: changes are ignored": ignored,
    "namespace: a million pods": inputs(QUOTA, lambda props: props["spec"]["hard"].update(pods="1000000")),
    "cluster: above all other pods": inputs(PRIORITY, lambda props: props.update(value=1_000_000_000)),
    "cluster: every pod's class": inputs(PRIORITY, lambda props: props.update(globalDefault=True)),
    "cluster: all pods away at once": inputs(
        BUDGET, lambda props: props["spec"].update(maxUnavailable="100%")
    ),
}
