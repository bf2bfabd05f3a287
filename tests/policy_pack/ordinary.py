"""Ordinary changes, of the stack file and of single resources: the pack reports none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from tests.components.stacks import EU, US, WEST
from tests.policy_pack.changes import Registrations, container, first, inputs, pod, several_companies
from tests.policy_pack.edits import Change, annotated, args, egress, env, put_annotation
from tests.recording import DEPLOYMENT, INGRESS, NETWORK_POLICY, SERVICE, STATEFUL_SET, VOLUME_CLAIM
from tests.strategies import Raw

OIDC = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF0123456789"
DIGEST = "@sha256:" + "0123456789abcdef" * 4


def resources(**amounts: str) -> Change:
    return container(
        lambda props: [props["resources"][kind].update(amounts) for kind in ("requests", "limits")]
    )


def one_class(registrations: Registrations) -> None:
    for each in [each for each in registrations.values() if each.type == VOLUME_CLAIM]:
        first(registrations, VOLUME_CLAIM, each.name).inputs["spec"]["storageClassName"] = "gp2"


RESOURCES: dict[str, Change] = {
    "image": container(lambda props: props.update(image="registry.example.com/agency:2.0.0")),
    "image with a digest": container(
        lambda props: props.update(image=f"registry.example.com/agency:2.0.0{DIGEST}")
    ),
    "replicas": inputs(STATEFUL_SET, lambda props: props["spec"].update(replicas=3)),
    "replicas of the controller": inputs(DEPLOYMENT, lambda props: props["spec"].update(replicas=3)),
    "cpu and memory": resources(cpu="2", memory="4Gi"),
    "more storage": inputs(
        VOLUME_CLAIM, lambda props: props["spec"]["resources"]["requests"].update(storage="50Gi")
    ),
    "labels": inputs(STATEFUL_SET, lambda props: props["metadata"]["labels"].update(team="memory")),
    "labels of pods": inputs(
        STATEFUL_SET, lambda props: props["spec"]["template"]["metadata"]["labels"].update(team="memory")
    ),
    "labels of a Service": inputs(SERVICE, lambda props: props["metadata"]["labels"].update(team="memory")),
    "annotations": lambda registrations: put_annotation(registrations, "see the runbook"),
    "node selector": pod(lambda spec: spec.update(nodeSelector={"pool": "agents"})),
    "tolerations": pod(lambda spec: spec.update(tolerations=[{"key": "agents", "operator": "Exists"}])),
    "pull secret": pod(lambda spec: spec.update(imagePullSecrets=[{"name": "registry"}])),
    "a PriorityClass of the cluster": pod(lambda spec: spec.update(priorityClassName="high")),
    "a RuntimeClass": pod(lambda spec: spec.update(runtimeClassName="gvisor")),
    "senders of a load balancer": annotated(f"acme-agent@{WEST}", inbound_cidrs="203.0.113.0/24"),
    "grace period": pod(lambda spec: spec.update(terminationGracePeriodSeconds=200)),
    "more scratch": pod(
        lambda spec: spec["volumes"].append({"name": "more", "emptyDir": {"sizeLimit": "1Gi"}})
    ),
    "a Secret as a file": pod(
        lambda spec: spec["volumes"].append({"name": "keys", "secret": {"secretName": "api-keys"}})
    ),
    "MAX_TOKENS": env("MAX_TOKENS", "4096"),
    "TOKEN_LIMIT": env("TOKEN_LIMIT", "100000"),
    "TOKENIZER_PATH": env("TOKENIZER_PATH", "/app/tokenizer.json"),
    "MAX_OUTPUT_TOKEN": env("MAX_OUTPUT_TOKEN", "4096"),
    "TOKEN_URL": env("TOKEN_URL", "https://login.example.com/token"),
    "SECRET_FILE": env("SECRET_FILE", "/etc/keys/secret"),
    "PASSWORD_MIN_LENGTH": env("PASSWORD_MIN_LENGTH", "12"),
    "USE_TOKEN": env("USE_TOKEN", "false"),
    "KEYBOARD": env("KEYBOARD", "de"),
    "an endpoint": env("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector.monitoring:4318"),
    "a long text": env("GREETING", "Please disregard the risk-" + "a" * 40),
    "args": args("--max-tokens=4096", "--tokenizer", "/app/tokenizer.json", "--verbose"),
    "a probe's times": container(lambda props: props["livenessProbe"].update(periodSeconds=30)),
    "egress": egress("10.0.0.0/8", port=5432),
    "egress to known public networks": egress("203.0.112.0/22", "198.51.0.0/16", port=5432),
    "egress to private addresses over NAT64": egress("64:ff9b::a09:0/112", port=5432),
    "egress by IPv6": egress("2600:1f00::/24", port=5432),
    "senders": inputs(
        NETWORK_POLICY,
        lambda props: props["spec"]["ingress"].append(
            {
                "from": [{"ipBlock": {"cidr": "10.9.0.0/16"}}, {"ipBlock": {"cidr": "104.16.0.0/13"}}],
                "ports": [{"protocol": "TCP", "port": 3000}],
            }
        ),
        f"acme-agent@{US}",
    ),
    "a firewall": annotated(
        f"acme-agent@{WEST}", wafv2_acl_arn="arn:aws:wafv2:us-west-2:1:regional/webacl/a/b"
    ),
    "tags of a load balancer": annotated(f"acme-agent@{WEST}", tags="team=memory"),
    "newer TLS": annotated(f"acme-agent@{WEST}", ssl_policy="ELBSecurityPolicy-TLS13-1-3-2021-06"),
    "session affinity": inputs(SERVICE, lambda props: props["spec"].update(sessionAffinity="ClientIP")),
    "a path of the Agent": inputs(
        INGRESS,
        lambda props: props["spec"]["rules"][0]["http"]["paths"].append(
            copy.deepcopy(props["spec"]["rules"][0]["http"]["paths"][0]) | {"path": "/chat"}
        ),
        f"acme-agent@{US}",
    ),
    "another StorageClass": one_class,
}


def company(**changes: Any) -> Callable[[Raw], None]:
    return lambda raw: named(raw, "acme").update(changes)


def named(raw: Raw, name: str) -> Raw:
    return next(each for each in raw["companies"] if each["name"] == name)


def region(index: int = 0, **changes: Any) -> Callable[[Raw], None]:
    return lambda raw: raw["regions"][index].update(changes)


def irsa(raw: Raw) -> None:
    raw["identity"] = "irsa"
    for each in raw["regions"]:
        each["cluster"]["oidcProviderArn"] = OIDC


def digests(raw: Raw) -> None:
    images = {"agency": "registry.example.com/agency:1.4.2", "rclone": "rclone/rclone:1.71.0"}
    pinned = {name: image + DIGEST for name, image in (images | {"python": "python:3.13-slim"}).items()}
    raw["images"] = {**pinned, "requireDigests": True}


STACK_FILES: dict[str, Callable[[Raw], None]] = {
    "a company more": lambda raw: raw["companies"].append({"name": "Hooli_2", "regions": [EU]}),
    "a company less": lambda raw: raw["companies"].pop(),
    "sizes": company(
        agent={"replicas": 2, "accessMode": "ReadWriteMany", "storage": "5Gi"},
        brain={"resources": {"limits": {"cpu": "4", "memory": "16Gi"}}},
    ),
    "keys": company(apiKeys={"OPENAI_API_KEY": {"secure": "v1:YW5vdGhlcg=="}}),
    "a Secret that exists": company(apiKeys={"secretName": "model-keys"}),
    "environment": lambda raw: raw.update(
        environment={"MAX_TOKENS": "4096", "TOKENIZER_PATH": "/app/t.json", "TOKEN_LIMIT": "1000"}
    ),
    "images": lambda raw: raw.update(images={"agency": f"registry.example.com/agency:2.0.0{DIGEST}"}),
    "digests": digests,
    "extraEgress": lambda raw: raw["network"].update(extraEgress=[{"cidr": "10.1.0.0/16", "port": 443}]),
    "extraEgress over NAT64": lambda raw: raw["network"].update(
        extraEgress=[{"cidr": "64:ff9b::/96", "port": 443}]
    ),
    "extraEgress to as much as may be": lambda raw: raw["network"].update(
        extraEgress=[
            {"cidr": "52.0.0.0/8", "port": 5432},
            {"cidr": "52.0.0.0/6", "port": 443},
            {"cidr": "2600:1f00::/24", "port": 5432},
        ]
    ),
    "no monitoring": lambda raw: raw.pop("network"),
    "node selectors": region(nodeSelector={"pool": "agents"}),
    "storage class": region(storageClass="gp3"),
    "senders": region(ingressFrom=["10.0.0.0/16", "192.0.2.0/24"]),
    "a passive region": region(active=False),
    "replication to one region": region(replicateTo=[EU]),
    "replication to none": region(2, replicateTo=[]),
    "no replication": lambda raw: raw.update(replication={"enabled": False}),
    "time control": lambda raw: raw.update(replication={"timeControl": True}),
    "no deletion markers": lambda raw: raw.update(replication={"deleteMarkers": False}),
    "no failover": lambda raw: (
        raw.update(failover={"enabled": False}),
        named(raw, "data").update(dedicatedHealthChecks=False),
    ),
    "policy failover": lambda raw: raw.update(loadBalancing={"policy": "failover"}),
    "policy weighted": lambda raw: raw.update(loadBalancing={"policy": "weighted"}),
    "an internal load balancer": lambda raw: raw.update(ingress={"scheme": "internal"}),
    "ingress-nginx": lambda raw: raw.update(
        ingress={"className": "nginx"},
        regions=[{**each, "endpoint": f"lb.{each['name']}.example.net"} for each in raw["regions"]],
    ),
    "IRSA": irsa,
    "another user": lambda raw: raw.update(podUser=2000),
}


def changed(change: Callable[[Raw], Any]) -> Raw:
    raw = several_companies()
    change(raw)
    return raw
