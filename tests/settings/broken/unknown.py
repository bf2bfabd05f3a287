"""Keys that the program does not know, and what each may have been meant to be."""

from __future__ import annotations

from tests.settings.broken.base import KEY_VALUE, NO_VALUE, Broken
from tests.settings.edits import both, drop, put

UNKNOWN = [
    Broken(
        "an unknown key",
        put("wheather", "fine"),
        "wheather",
        NO_VALUE,
        "unknown key. Known keys: alarms, companies, domain",
    ),
    Broken(
        "a misspelt key",
        put("hostedZone", "Z1"),
        "hostedZone",
        NO_VALUE,
        "unknown key. Did you mean hostedZoneId?",
    ),
    Broken(
        "a required key misspelt",
        both(put("region", ["us-east-1"]), drop("regions")),
        "region",
        NO_VALUE,
        "Did you mean regions?",
    ),
    Broken(
        "a key of regions misspelt",
        put("regions[1].wieght", 5),
        "regions[1].wieght",
        NO_VALUE,
        "unknown key. Did you mean weight? Known keys: active, adopt",
    ),
    Broken(
        "a name misspelt",
        put("companies[1]", {"nmae": "client-b"}),
        "companies[1].nmae",
        NO_VALUE,
        "Did you mean name?",
    ),
    Broken(
        "a key in snake case",
        put("replication", {"sync_interval": 60}),
        "replication.sync_interval",
        NO_VALUE,
        "Did you mean syncInterval?",
    ),
    Broken(
        "a misspelt key that would have made the rest right",
        put("companies[1].agent", {"replicas": 2, "acessMode": "ReadWriteMany"}),
        "companies[1].agent.acessMode",
        NO_VALUE,
        "Did you mean accessMode?",
    ),
    Broken(
        "a key on the wrong level",
        put("companies[1].storage", "5Gi"),
        "companies[1].storage",
        NO_VALUE,
        "unknown key. Did you mean companies[].agent.storage or companies[].brain.storage? Known keys:",
    ),
    *(
        Broken(
            f"{key} on the wrong level",
            put(key, value),
            key,
            NO_VALUE,
            f"unknown key. Did you mean {place}? Known keys:",
        )
        for key, value, place in (
            ("ingress.loadBalancer.subnets", ["subnet-0a"], "regions[].loadBalancer.subnets"),
            ("ingress.loadBalancer.securityGroups", [], "regions[].loadBalancer.securityGroups"),
            ("ingress.webAclArn", "x", "regions[].loadBalancer.webAclArn"),
            ("ingress.sslPolicy", "x", "regions[].loadBalancer.sslPolicy or ingress.loadBalancer.sslPolicy"),
            ("kmsKeyArn", "x", "regions[].kmsKeyArn"),
            ("kmsKey", "x", "regions[].kmsKeyArn"),
            ("loadBalancer", {}, "regions[].loadBalancer or ingress.loadBalancer"),
            ("pods.tolerations", [], "regions[].tolerations"),
            ("regions[0].storage_class_name", "gp3", "storageClass"),
            ("replicateTo", [], "regions[].replicateTo"),
            ("requireDigests", True, "images.requireDigests"),
            ("failover.policy", "latency", "loadBalancing.policy"),
            ("regions[0].eks", "blue", "regions[].cluster.eks"),
        )
    ),
    Broken(
        "API keys misspelt",
        put("companies[1].apiKey", {"OPENAI_API_KEY": KEY_VALUE}),
        "companies[1].apiKey",
        NO_VALUE,
        "Did you mean apiKeys?",
    ),
]
