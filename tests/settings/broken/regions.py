"""Problems of regions."""

from __future__ import annotations

from typing import Any

from settings.values import aws_regions
from tests.settings.broken.base import NO_VALUE, REQUIRED, Broken, wrong
from tests.settings.edits import EU, US, WEST, both, drop, put

_CERTIFICATE = "arn:aws:acm:us-east-1:123456789012:certificate/1"

_KEY = "arn:aws:kms:us-east-1:123456789012:key/1"


def _passive(name: str) -> dict[str, Any]:
    return {"name": name, "active": False}


REGIONS = [
    Broken("no regions", drop("regions"), "regions", NO_VALUE, REQUIRED),
    wrong("an empty list of regions", "regions", [], "a list of at least 1"),
    wrong("a region instead of a list", "regions", US, "a list"),
    wrong("a region that is a number", "regions[1]", 7, "the name of a region"),
    wrong("a region that is nothing", "regions[1]", None, "the name of a region"),
    Broken(
        "a region without a name", put("regions[1]", {"weight": 1}), "regions[1].name", NO_VALUE, REQUIRED
    ),
    wrong("a region that AWS does not have", "regions[1].name", "eu-wset-1", "the name of an AWS region"),
    Broken(
        "a region of another partition",
        put("regions[1]", "cn-north-1"),
        "regions[1].name",
        '"cn-north-1"',
        "commercial partition",
    ),
    wrong("a region twice", "regions[1].name", US, "must be unique; regions[0] has the same name"),
    Broken(
        "no active region",
        put("regions", [_passive(US), _passive(EU)]),
        "regions",
        f'["{US}", "{EU}"]',
        "must have a region with active: true",
    ),
    wrong("a negative weight", "regions[1].weight", -1, "a whole number from 0 to 255"),
    wrong("a weight that Route53 has not", "regions[1].weight", 256, "from 0 to 255"),
    wrong("a weight in words", "regions[1].weight", "much", "from 0 to 255"),
    wrong("a fraction of a weight", "regions[1].weight", 1.5, "from 0 to 255"),
    wrong("a weight of true", "regions[1].weight", True, "from 0 to 255"),
    wrong("a role that is neither true nor false", "regions[1].active", "standby", "true or false"),
    Broken(
        "a subnet that is no network",
        put("regions[0].ingressFrom", ["10.0.0.0/24", "10.0.0.1/24"]),
        "regions[0].ingressFrom[1]",
        '"10.0.0.1/24"',
        "must be a network in CIDR notation",
    ),
    Broken(
        "an address without a mask",
        put("regions[0].ingressFrom", ["10.0.0.1"]),
        "regions[0].ingressFrom[0]",
        '"10.0.0.1"',
        "such as 10.0.0.0/24",
    ),
    wrong("an empty list of subnets", "regions[0].ingressFrom", [], "a list of at least 1"),
    wrong(
        "a load balancer with a URL for a name",
        "regions[0].endpoint",
        "https://lb.example.net/",
        "a DNS name in lower case",
    ),
    wrong("a certificate that is none", "regions[0].certificateArn", "cert-1", "arn:aws:acm:"),
    wrong(
        "a certificate of another region",
        "regions[1].certificateArn",
        _CERTIFICATE,
        f"must be a certificate of {EU}",
    ),
    wrong(
        "an alias of a KMS key", "regions[0].kmsKeyArn", _KEY.replace("key/1", "alias/s3"), "not of an alias"
    ),
    Broken(
        "a KMS key of another region",
        both(put("regions[0].kmsKeyArn", _KEY), put("regions[1].kmsKeyArn", _KEY)),
        "regions[1].kmsKeyArn",
        f'"{_KEY}"',
        f"must be a key of {EU}",
    ),
    Broken(
        "a KMS key in one region only",
        put("regions[0].kmsKeyArn", _KEY),
        "regions[1].kmsKeyArn",
        NO_VALUE,
        "missing (required when another region has it)",
    ),
    Broken(
        "a node label with a number",
        put("regions[0].nodeSelector", {"disks": 2}),
        "regions[0].nodeSelector.disks",
        "2",
        "text (a number in quotes)",
    ),
    Broken(
        "a node label that cannot be one",
        put("regions[0].nodeSelector", {"a b": "c"}),
        "regions[0].nodeSelector.a b",
        '"a b"',
        "a node's label",
    ),
    Broken(
        "a toleration without a key",
        put("regions[0].tolerations", [{"value": "agents"}]),
        "regions[0].tolerations[0]",
        '{"value": "agents"}',
        "must have a key, or operator: Exists",
    ),
    Broken(
        "a toleration of any value with a value",
        put("regions[0].tolerations", [{"key": "a", "operator": "Exists", "value": "b"}]),
        "regions[0].tolerations[0]",
        '{"key": "a secret", "operator": "Exists", "value": "b"}',
        "must have no value with operator: Exists",
    ),
    Broken(
        "a toleration for a time of what evicts nobody",
        put("regions[0].tolerations", [{"key": "a", "effect": "NoSchedule", "tolerationSeconds": 9}]),
        "regions[0].tolerations[0]",
        '{"key": "a secret", "effect": "NoSchedule", "tolerationSeconds": 9}',
        "must have effect: NoExecute with tolerationSeconds",
    ),
    Broken(
        "nodes of another region",
        put("regions[0].nodeSelector", {"topology.kubernetes.io/region": EU}),
        "regions[0].nodeSelector.topology.kubernetes.io/region",
        f'"{EU}"',
        f"must be {US}",
    ),
    Broken(
        "nodes of another operating system",
        put("regions[0].nodeSelector", {"kubernetes.io/os": "windows"}),
        "regions[0].nodeSelector.kubernetes.io/os",
        '"windows"',
        "must be linux",
    ),
    Broken(
        "copies to a region that the stack does not have",
        put("regions[0].replicateTo", [WEST]),
        "regions[0].replicateTo",
        f'"{WEST}"',
        f"must be other regions of this stack: {EU}",
    ),
    Broken(
        "copies to the region itself",
        put("regions[0].replicateTo", [US]),
        "regions[0].replicateTo",
        f'"{US}"',
        f"must be other regions of this stack: {EU}",
    ),
    Broken(
        "copies to a region twice",
        put("regions[0].replicateTo", [EU, EU]),
        "regions[0].replicateTo",
        f'"{EU}"',
        "must have each region once",
    ),
    Broken(
        "more regions than a role's policy can name",
        put("regions", sorted(aws_regions())[:10]),
        "regions",
        '"10 regions"',
        "at most 10240 characters",
    ),
]
