"""From values of the published chart to a stack file that renders to the same workloads."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from ops.__main__ import main
from ops.chart_values import LEFT
from ops.errors import DONE, WRONG_CALL
from ops.stack_file import stack_of
from settings.companies import AGENT_RESOURCES
from tests.ops.importing import Import
from tests.recording import STATEFUL_SET, VOLUME_CLAIM, Recording, record_file

IMAGE = "registry.example.com/agency:1.10"
REGIONS = [
    {"name": "us-east-1", "storageClass": "efs"},
    {
        "name": "eu-west-1",
        "active": False,
        "nodeSelector": {"topology.kubernetes.io/region": "eu-west-1", "pool": "agents"},
    },
]
VALUES: dict[str, Any] = {
    "company": "Acme_Corp",
    "image": {"repository": "registry.example.com/agency", "tag": "1.10"},
    "multiRegion": {"enabled": True, "regions": REGIONS, "loadBalancing": {"geo": False}},
    "agent": {
        "replicas": 2,
        "resources": {"limits": {"cpu": 4, "memory": "8Gi"}},
        "persistence": {"size": "5Gi", "storageClass": "nfs"},
        "env": {"LOG_LEVEL": "debug"},
    },
    "brain": {"persistence": {"size": "50Gi", "storageClass": "nfs"}},
    "failoverController": {"interval": 10, "timeout": 5},
    "replicationSidecar": {"syncInterval": 30},
    "ingress": {"enabled": True, "className": "alb", "hosts": [{"host": "acme-corp.agency.test"}]},
    "dashboard": {"enabled": False},
}


def deployed(importing: Import) -> Recording:
    """What the stack file deploys, once what was missing is there."""
    found = yaml.safe_load(importing.file.read_text())
    found["config"]["digital-agency:hostedZoneId"] = "Z0123456789ABCDEFGHIJ"
    for region in found["config"]["digital-agency:regions"]:
        region["ingressFrom"] = ["10.0.0.0/24"]
    importing.file.write_text(yaml.safe_dump(found))
    return record_file(importing.file)


def test_workloads_regions_and_sizes_are_those_of_the_chart(importing: Import) -> None:
    code, said, config = importing.run(VALUES)

    assert code == DONE
    assert "problems" not in said
    assert "regions[].ingressFrom: the subnets of the load balancers" in said
    assert config["domain"] == "agency.test"
    assert config["loadBalancing"] == {"policy": "failover"}
    assert config["failover"] == {"intervalSeconds": 10, "timeoutSeconds": 5}
    assert config["replication"] == {"syncInterval": 30}
    run = deployed(importing)
    sets = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in run.of(STATEFUL_SET)}
    assert sets.keys() == {f"{kind}-{one['name']}" for kind in ("agent", "brain") for one in REGIONS}
    agent = sets["agent-us-east-1"]
    container = agent["template"]["spec"]["containers"][0]
    assert agent["replicas"] == 2
    assert container["image"] == IMAGE
    assert (
        container["resources"]["limits"] | {"cpu": "4", "memory": "8Gi"} == container["resources"]["limits"]
    )
    assert container["resources"]["requests"]["cpu"] == AGENT_RESOURCES.requests.cpu
    assert {"name": "LOG_LEVEL", "value": "debug"} in container["env"]
    assert any(mount["mountPath"].endswith(".agent/brain") for mount in container["volumeMounts"])
    assert sets["agent-eu-west-1"]["template"]["spec"]["nodeSelector"] == {"pool": "agents"}
    claims = {one.inputs["metadata"]["name"]: one.inputs["spec"] for one in run.of(VOLUME_CLAIM)}
    for region, name in (("us-east-1", "efs"), ("eu-west-1", "nfs")):
        assert claims[f"agent-{region}"]["resources"]["requests"]["storage"] == "5Gi"
        assert claims[f"brain-{region}"]["resources"]["requests"]["storage"] == "50Gi"
        assert claims[f"brain-{region}"]["accessModes"] == ["ReadWriteMany"]
        assert claims[f"brain-{region}"]["storageClassName"] == name


def test_regions_may_be_bare_names(importing: Import) -> None:
    regions = ["us-east-1", {"name": "eu-west-1"}]
    _, _, config = importing.run({"multiRegion": {"enabled": True, "regions": regions}})

    assert config["regions"] == [{"name": "us-east-1"}, {"name": "eu-west-1"}]


def test_what_is_missing_is_said_and_stands_in_the_file(importing: Import) -> None:
    code, said, config = importing.run(
        {"company": "acme", "image": {"repository": "agency", "tag": "latest"}}
    )

    assert code == DONE
    missing = said.partition("still missing:")[2]
    text = importing.file.read_text()
    for key in ("domain", "hostedZoneId", "images.agency", "regions"):
        assert f"digital-agency:{key}: " in missing
        assert f"# Missing: digital-agency:{key}: " in text
        assert key not in config
    assert "agency:latest, which is no fixed version" in missing


def test_domain_and_image_of_the_call_count(importing: Import) -> None:
    _, said, config = importing.run(VALUES, "--domain", "other.test", "--image", "other:2")

    assert (config["domain"], config["images"]) == ("other.test", {"agency": "other:2"})
    assert "digital-agency:domain" not in said


def test_a_version_with_a_trailing_zero_keeps_it(importing: Import) -> None:
    _, _, config = importing.run("image:\n  repository: agency\n  tag: 1.10\n")
    assert config["images"] == {"agency": "agency:1.10"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"agent": {"service": {"port": 8080}}}, "agent.service.port: 8080: the platform's port is 3000"),
        ({"brain": {"port": 3005}}, "brain.port: 3005: the platform's port is 3002"),
        ({"replicationSidecar": {"syncInterval": 1}}, "replicationSidecar.syncInterval: 1 s is too short"),
        (
            {"brain": {"persistence": {"enabled": False}}},
            "brain.persistence.enabled: every volume is persistent",
        ),
        ({"redis": {"enabled": True}}, f"redis: {LEFT['redis']}"),
        ({"multiRegion": {"regions": ["us-east-1"]}}, "multiRegion.enabled is false: the chart ignores them"),
        ({"extra": {"deep": 1}}, "extra.deep: the chart has no such key"),
        ({"agent": {"resources": {"limits": {"gpu": 1}}}}, "agent.resources.limits.gpu: only requests and"),
        ({}, "dashboard: not part of the platform (the chart runs a dashboard by default)"),
        (
            {"multiRegion": {"enabled": True, "regions": [{"name": "us-east-1", "zone": "a"}]}},
            "multiRegion.regions[].zone: the chart has no such key (us-east-1)",
        ),
    ],
)
def test_what_cannot_be_carried_over_is_reported_with_the_reason(
    importing: Import, values: Any, message: str
) -> None:
    _, said, _ = importing.run(values)
    assert message in said.partition("not carried over:")[2].partition("still missing:")[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPENAI_API_KEY", "abc"), ("DEEPSEEK_API_KEY", ""), ("HF_TOKEN", "abc"), ("LLM", f"sk-{'a1' * 20}")],
)
def test_a_secret_is_written_nowhere_and_the_command_that_sets_it_is_shown(
    importing: Import, name: str, value: str
) -> None:
    code, said, config = importing.run({"agent": {"env": {name: value, "LOG_LEVEL": "debug"}}})
    assert code == DONE
    assert config["environment"] == {"LOG_LEVEL": "debug"}
    assert "apiKeys" not in config["companies"][0]
    report = said.partition("not carried over:")[2].partition("still missing:")[0]
    stack = stack_of(importing.file)
    place = f"digital-agency:companies[0].apiKeys.{name}"
    assert f"agent.env.{name}: a secret, which is never written in plain text; set it yourself: " in report
    assert f"pulumi config set --secret --path '{place}' --stack {stack}\n" in report
    assert not value or value not in said + importing.file.read_text()


def test_variables_may_be_a_list_as_in_a_pod(importing: Import) -> None:
    env = [
        {"name": "LOG_LEVEL", "value": "debug"},
        {"name": "OPENAI_API_KEY", "value": "abc-hush"},
        {"name": "GOOGLE_API_KEY", "valueFrom": {"secretKeyRef": {"name": "llm", "key": "google"}}},
    ]
    code, said, config = importing.run({"agent": {"env": env}})
    assert (code, config["environment"]) == (DONE, {"LOG_LEVEL": "debug"})
    assert "agent.env.OPENAI_API_KEY: a secret" in said and "abc-hush" not in said
    assert "agent.env: GOOGLE_API_KEY: only variables with a value are carried over" in said


@pytest.mark.parametrize("branch", ["apiKeys", "agent.secrets", "brain.env", "env"])
def test_a_secret_under_a_key_that_the_chart_does_not_know_is_shown_the_same_way(
    importing: Import, branch: str
) -> None:
    values: dict[str, Any] = {"ANTHROPIC_API_KEY": "abc-hush"}
    for part in reversed(branch.split(".")):
        values = {part: values}
    _, said, _ = importing.run(values)
    assert f"{branch}.ANTHROPIC_API_KEY: a secret, which is never written in plain text" in said
    assert "abc-hush" not in said + importing.file.read_text()


def test_every_key_of_a_file_is_carried_or_reported(importing: Import) -> None:
    """Whatever one changes: nothing is dropped in silence."""
    for branch in LEFT:
        *above, last = branch.split(".")
        values: dict[str, Any] = {last: {"some": "thing"}}
        for name in reversed(above):
            values = {name: values}
        assert f"{branch}: " in importing.run(values)[1]


def test_what_the_settings_refuse_is_reported(importing: Import) -> None:
    _, said, _ = importing.run({"multiRegion": {"enabled": True, "regions": ["nowhere-1"]}})
    assert "nowhere-1" in said.partition("problems:")[2]


def test_a_file_that_is_there_is_kept(importing: Import) -> None:
    importing.run({})
    before = importing.file.read_text()
    code = main(["import-values", str(importing.values), "--out", str(importing.file), "--domain", "x.test"])
    assert (code, importing.file.read_text()) == (WRONG_CALL, before)


@pytest.mark.parametrize("text", ["- 1", "a: [", None])
def test_what_is_no_values_file_is_refused(importing: Import, text: str | None) -> None:
    if text is None:
        code = main(["import-values", "/nowhere/values.yaml", "--out", str(importing.file)])
    else:
        code, said, _ = importing.run(text)
        assert "values.yaml" in said
    assert code == WRONG_CALL
    assert not importing.file.exists()
