"""What can be wrong with companies, their names aside."""

from __future__ import annotations

from tests.settings.broken.base import A_SECRET, KEY_VALUE, NOTHING, REQUIRED, Broken
from tests.settings.edits import EU, US, WEST, both, drop, put

COMPANIES = [
    Broken("no companies", drop("companies"), "companies", NOTHING, REQUIRED),
    Broken("a company instead of a list", put("companies", "client-a"), "companies", '"client-a"', "a list"),
    Broken("a company that is a number", put("companies[1]", 42), "companies[1]", "42", "a company's name"),
    Broken("a company that is true", put("companies[1]", True), "companies[1]", "true", "in quotes"),
    Broken(
        "a company without a name", put("companies[1]", {"edge": 2}), "companies[1].name", NOTHING, REQUIRED
    ),
    Broken(
        "a company in an unknown region",
        put("companies[1].regions", [US, WEST]),
        "companies[1].regions",
        f'"{WEST}"',
        f"regions of this stack: {US}, {EU}",
    ),
    Broken(
        "a company in a region that AWS does not have",
        put("companies[1].regions", [US, "us-east-9"]),
        "companies[1].regions[1]",
        '"us-east-9"',
        "the name of an AWS region",
    ),
    Broken(
        "a company in a region twice",
        put("companies[1].regions", [US, US]),
        "companies[1].regions",
        f'"{US}"',
        "each region once",
    ),
    Broken("a company nowhere", put("companies[1].regions", []), "companies[1].regions", "[]", "at least 1"),
    Broken(
        "a company with none of its regions active",
        both(put("regions[1].active", False), put("companies[1].regions", [EU])),
        "companies[1].regions",
        f'["{EU}"]',
        f"at least one active region: {US}",
    ),
    Broken("an edge 0", put("companies[1].edge", 0), "companies[1].edge", "0", "a whole number from 1 to 99"),
    Broken(
        "several Agents on a volume for one",
        put("companies[1].agent.replicas", 2),
        "companies[1].agent.replicas",
        "2",
        "1, or agent.accessMode: ReadWriteMany",
    ),
    Broken(
        "several Brains on a volume for one",
        put("companies[1].brain", {"replicas": 3, "accessMode": "ReadWriteOnce"}),
        "companies[1].brain.replicas",
        "3",
        "1, or brain.accessMode: ReadWriteMany",
    ),
    Broken(
        "the Brain's volume in the Agent without ReadWriteMany",
        put("companies[1].agent", {"mountBrain": True, "accessMode": "ReadWriteMany"}),
        "companies[1].agent.mountBrain",
        "true",
        "false, or brain.accessMode: ReadWriteMany",
    ),
    Broken(
        "an access mode by its short name",
        put("companies[1].agent", {"accessMode": "RWX", "replicas": 2}),
        "companies[1].agent.accessMode",
        '"RWX"',
        "'ReadWriteOnce' or 'ReadWriteMany'",
    ),
    Broken(
        "storage without a unit",
        put("companies[1].brain.storage", "100"),
        "companies[1].brain.storage",
        '"100"',
        "1Mi or more",
    ),
    Broken(
        "storage in a unit that Kubernetes has not",
        put("companies[1].brain.storage", "100GB"),
        "companies[1].brain.storage",
        '"100GB"',
        "such as 512Mi or 4Gi",
    ),
    Broken(
        "memory in thousandths",
        put("companies[1].agent.resources", {"requests": {"memory": "512m"}}),
        "companies[1].agent.resources.requests.memory",
        '"512m"',
        "such as 512Mi",
    ),
    Broken(
        "CPU in bytes",
        put("companies[1].agent.resources", {"limits": {"cpu": "4Gi"}}),
        "companies[1].agent.resources.limits.cpu",
        '"4Gi"',
        "an amount of CPU in cores",
    ),
    Broken(
        "no CPU at all",
        put("companies[1].agent.resources", {"requests": {"cpu": 0}}),
        "companies[1].agent.resources.requests.cpu",
        "0",
        'such as "500m"',
    ),
    Broken(
        "requests over limits",
        put("companies[1].agent.resources", {"requests": {"cpu": "3"}, "limits": {"cpu": 2.5}}),
        "companies[1].agent.resources.requests.cpu",
        '"3"',
        "at most limits.cpu, 2.5",
    ),
    Broken(
        "requests over the default limits",
        put("companies[1].brain.resources", {"requests": {"memory": "4Gi"}}),
        "companies[1].brain.resources.requests.memory",
        '"4Gi"',
        "at most limits.memory, 2Gi (the default)",
    ),
    Broken(
        "limits under the default requests",
        put("companies[1].brain.resources", {"limits": {"cpu": "100m"}}),
        "companies[1].brain.resources.requests.cpu",
        '"500m"',
        "at most limits.cpu, 100m",
    ),
    Broken(
        "API keys as a Secret and as values",
        put("companies[1].apiKeys", {"secretName": "keys", "OPENAI_API_KEY": KEY_VALUE}),
        "companies[1].apiKeys",
        A_SECRET,
        "one of {secretName:",
    ),
    Broken(
        "API keys as a Secret and as values, in the long form",
        put("companies[1].apiKeys", {"secretName": "keys", "values": {"OPENAI_API_KEY": KEY_VALUE}}),
        "companies[1].apiKeys",
        A_SECRET,
        "one of {secretName:",
    ),
    Broken(
        "no API keys in apiKeys", put("companies[1].apiKeys", {}), "companies[1].apiKeys", A_SECRET, "one of"
    ),
    Broken(
        "an API key alone",
        put("companies[1].apiKeys", KEY_VALUE),
        "companies[1].apiKeys",
        A_SECRET,
        "{secretName:",
    ),
    Broken(
        "an API key that is a number",
        put("companies[1].apiKeys", {"OPENAI_API_KEY": 5550123}),
        "companies[1].apiKeys.OPENAI_API_KEY",
        A_SECRET,
        "text",
    ),
    Broken(
        "an empty API key",
        put("companies[1].apiKeys", {"OPENAI_API_KEY": ""}),
        "companies[1].apiKeys.OPENAI_API_KEY",
        A_SECRET,
        "at least 1",
    ),
    Broken(
        "an API key under no variable's name",
        put("companies[1].apiKeys", {"openai": KEY_VALUE}),
        "companies[1].apiKeys.openai",
        A_SECRET,
        "OPENAI_API_KEY",
    ),
    Broken(
        "an existing Secret that cannot exist",
        put("companies[1].apiKeys", {"secretName": "LLM Keys"}),
        "companies[1].apiKeys.secretName",
        '"LLM Keys"',
        "the name of a Kubernetes object",
    ),
]
