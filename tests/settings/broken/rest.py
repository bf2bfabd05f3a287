"""Problems of the keys beside regions and companies, and with keys as such."""

from __future__ import annotations

from tests.settings.broken.base import A_SECRET, KEY_VALUE, NO_VALUE, REQUIRED, Broken, wrong
from tests.settings.edits import US, both, drop, put

IMAGES = [
    Broken(
        "no image", drop("images"), "images.agency", NO_VALUE, "missing (required). Set the application's"
    ),
    wrong(
        "an image without a tag",
        "images.agency",
        "registry.example.com:5000/agency",
        "a tag other than latest, or a digest",
    ),
    wrong(
        "the latest image",
        "images.agency",
        "registry.example.com/agency:latest",
        "a tag other than latest, or a digest",
    ),
    wrong("the latest rclone", "images.rclone", "rclone/rclone:latest", "must have a tag other"),
    wrong("a Python without a tag", "images.python", "python", "a tag other"),
    wrong("an image that is none", "images.agency", "registry.example.com/Agency:1 ", "an image reference"),
    wrong("an image that is a number", "images.python", 3.13, "text (a number in quotes)"),
]

_SIX = ["us-east-1", "us-east-2", "us-west-1", "us-west-2", "eu-west-1", "eu-west-2"]
_ZONE_ROLE = "arn:aws:iam::444455556666:role/dns"

REST = [
    wrong(
        "a boundary that is no policy", "permissionsBoundary", "boundary", "must be the ARN of an IAM policy"
    ),
    wrong(
        "a role that is a user",
        "hostedZoneRoleArn",
        "arn:aws:iam::444455556666:user/dns",
        "the ARN of an IAM role",
    ),
    Broken(
        "rules for a Prometheus that may not scrape",
        put("alarms", {"prometheusOperator": True}),
        "network.monitoringNamespace",
        NO_VALUE,
        "missing (required when alarms.prometheusOperator is true)",
    ),
    wrong(
        "a priority above the cluster's own pods",
        "pods.priorityClassName",
        "system-cluster-critical",
        "must not begin with system-",
    ),
    Broken(
        "a Secret that is named twice",
        put("pods.imagePullSecrets", ["mirror", "mirror"]),
        "pods.imagePullSecrets",
        '"mirror"',
        "must have each once",
    ),
    wrong("a path with a wildcard", "rolePath", "/a*b/", "the path of IAM roles, such as /agency/"),
    Broken(
        "a path that is too long",
        put("rolePath", "/" + f"{'a' * 100}/" * 6),
        "rolePath",
        '"/aaa',
        "at most 512 letters",
    ),
    Broken(
        "a path that makes a bucket's policy too long",
        both(put("regions", [*_SIX]), put("rolePath", "/" + f"{'a' * 60}/" * 4)),
        "rolePath",
        '"/aaa',
        "must lead to at most 20480 bytes in a bucket's policy",
    ),
    Broken(
        "an address that is none",
        put("alarms", {"emails": ["ops"]}),
        "alarms.emails[0]",
        '"ops"',
        "an e-mail address",
    ),
    Broken(
        "e-mails of the stack local",
        put("alarms", {"emails": ["ops@example.com"]}),
        "alarms.emails",
        '["ops@example.com"]',
        "must not be set",
        stack="local",
    ),
    Broken(
        "a role for no zone",
        both(
            drop("hostedZoneId"),
            put("hostedZoneRoleArn", _ZONE_ROLE),
            put("loadBalancing", {"manager": "external-dns"}),
        ),
        "hostedZoneRoleArn",
        f'"{_ZONE_ROLE}"',
        "must not be set without hostedZoneId",
    ),
    Broken(
        "parts in two accounts",
        both(
            put("regions[0].certificateArn", f"arn:aws:acm:{US}:123456789012:certificate/1"),
            put("permissionsBoundary", "arn:aws:iam::999999999999:policy/boundary"),
        ),
        "permissionsBoundary",
        '"arn:aws:iam::999999999999:policy/boundary"',
        "must be of the account 123456789012, as others are",
    ),
    wrong("a role path without its end", "rolePath", "/agency", "must be the path of IAM roles"),
    wrong("a prefix in upper case", "namePrefix", "Acme", "must be at most 40 of a-z, 0-9 and -"),
    Broken(
        "a prefix that makes a bucket's name too long",
        put("namePrefix", "a" * 40),
        "namePrefix",
        f'"{"a" * 40}"',
        "must lead to a bucket name of at most 63 characters",
        stack="production-12",
    ),
    Broken(
        "a protocol that network policies do not know",
        put("network.extraEgress", [{"cidr": "10.0.0.0/8", "port": 53, "protocol": "ICMP"}]),
        "network.extraEgress[0].protocol",
        '"ICMP"',
        "must be one of 'TCP' or 'UDP'",
    ),
    wrong("a pull secret that is none", "pods.runtimeClassName", "gVisor", "the name of a Kubernetes object"),
    wrong("an identity that there is not", "identity", "access-keys", "'pod-identity' or 'irsa'"),
    wrong("root as user", "podUser", 0, "a whole number from 1 to 2147483647"),
    wrong("a user by name", "podUser", "app", "a whole number from 1 to"),
    wrong("waiting of perhaps", "waitForReady", "perhaps", "true or false"),
    Broken(
        "a number in the environment",
        put("environment", {"LEVEL": 3}),
        "environment.LEVEL",
        "3",
        "text (a number in quotes)",
    ),
    Broken(
        "a variable that cannot be one",
        put("environment", {"log-level": "x"}),
        "environment.log-level",
        '"log-level"',
        "such as OPENAI_API_KEY",
    ),
    Broken(
        "a variable that the program sets",
        put("environment", {"JULES_COMPANY": "x"}),
        "environment.JULES_COMPANY",
        '"x"',
        "must not be set",
    ),
    Broken(
        "a key in the environment",
        put("environment", {"OPENAI_API_KEY": KEY_VALUE}),
        "environment.OPENAI_API_KEY",
        A_SECRET,
        "must not be set",
    ),
    wrong(
        "an ingress class that cannot be one", "ingress.className", "ALB", "the name of a Kubernetes object"
    ),
    wrong("a namespace of two labels", "ingress.namespace", "a.b", "a DNS label"),
    wrong("a scheme that there is not", "ingress.scheme", "private", "'internet-facing' or 'internal'"),
    wrong(
        "copies more often than every 5 seconds",
        "replication.syncInterval",
        4,
        "a whole number from 5 to 86400",
    ),
    Broken(
        "time control without metrics",
        put("replication", {"timeControl": True, "metrics": False}),
        "replication.metrics",
        "false",
        "must be true when replication.timeControl is true",
    ),
    wrong(
        "a bandwidth limit without its unit",
        "replication.bandwidthLimit",
        "10",
        "bytes per second such as 10M",
    ),
    wrong(
        "a bandwidth limit of nothing", "replication.bandwidthLimit", "0.0M", "must be off, bytes per second"
    ),
    wrong(
        "a bandwidth limit that is a number", "replication.bandwidthLimit", 10, "text (a number in quotes)"
    ),
    wrong("copies without a transfer", "replication.transfers", 0, "a whole number from 1 to 64"),
    wrong("checkpoints of no hour", "replication.retention.allHours", 0, "a whole number from 1 to 168"),
    wrong("retention that is no mapping", "replication.retention", "30d", "a mapping of keys to values"),
    Broken(
        "hourly checkpoints that end before they begin",
        put("replication.retention", {"allHours": 48, "hourlyHours": 24}),
        "replication.retention.hourlyHours",
        "24",
        "must be at least allHours (48)",
    ),
    Broken(
        "daily checkpoints that end before they begin",
        put("replication.retention", {"hourlyHours": 100, "dailyDays": 4}),
        "replication.retention.dailyDays",
        "4",
        "must be at least hourlyHours in days (5)",
    ),
    Broken(
        "a lock that ends before the last checkpoint",
        put("replication.objectLock", {"mode": "governance", "days": 29}),
        "replication.objectLock.days",
        "29",
        "must be at least replication.retention.dailyDays (30)",
    ),
    Broken(
        "a lock of another kind",
        put("replication.objectLock", {"mode": "legal", "days": 30}),
        "replication.objectLock.mode",
        '"legal"',
        "must be one of 'governance' or 'compliance'",
    ),
    wrong(
        "an S3 API of somebody else's",
        "replication.endpoint",
        "https://minio.example.com:9000",
        "Only the stack local",
    ),
    wrong("an S3 API that is no server", "replication.endpoint", "minio:9000", "the URL of a server"),
    Broken(
        "an opening without a port",
        put("network.extraEgress", [{"cidr": "10.0.0.0/8"}]),
        "network.extraEgress[0].port",
        NO_VALUE,
        REQUIRED,
    ),
    Broken(
        "an opening to port 0",
        put("network.extraEgress", [{"cidr": "10.0.0.0/8", "port": 0}]),
        "network.extraEgress[0].port",
        "0",
        "a whole number from 1 to 65535",
    ),
    Broken(
        "an opening to a host",
        put("network.extraEgress", [{"cidr": "redis.example.com", "port": 6379}]),
        "network.extraEgress[0].cidr",
        '"redis.example.com"',
        "must be a network in CIDR notation",
    ),
    wrong("a list for a mapping", "network", ["monitoring"], "a mapping of keys"),
    wrong("nothing for a mapping", "failover", None, "a mapping of keys to values"),
    Broken(
        "a secret where it would stand plain",
        put("companies[1].edge", {"secure": "v1:abc"}),
        "companies[1].edge",
        A_SECRET,
        "Only the values of companies[].apiKeys may be secret",
    ),
]
