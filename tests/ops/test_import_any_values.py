"""Values of every shape are carried over as the chart's pods have them, or told; readers agree on files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from engine.stack_file import load_stack_file
from ops.chart_values import LEFT
from ops.errors import DONE
from tests.ops.importing import Import
from tests.ops.test_import_values import VALUES


def report(said: str) -> str:
    return said.partition("not carried over:")[2].partition("still missing:")[0]


def both_readers(file: Path) -> dict[str, Any]:
    """The configuration as YAML 1.1 reads it, which the CLI's rules must read alike."""
    config: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["config"]
    texts, _ = load_stack_file(file)
    for key, value in config.items():
        assert (texts[key] if isinstance(value, str) else json.loads(texts[key])) == value, key
    return config


TEXTS = [
    ("true", "true"), ("no", "false"), ("On", "true"), ("y", "true"), ("22:30", "22:30"), ("", ""),
    ("~", ""), ("2024-05-01T00:00:00Z", "2024-05-01T00:00:00Z"), ("2024-05-01", "2024-05-01"),
    ("0123", "83"), ("0x1f", "31"), ("1_000", "1000"), ("999999", "999999"), ("1.5", "1.5"),
    ("'1.10'", "1.10"), ("'0123456789'", "0123456789"), ("'1e3'", "1e3"), ("'0o17'", "0o17"),
    ("'yes'", "yes"), ("'22:30'", "22:30"), ("'2024-05-01'", "2024-05-01"), ('"~"', "~"), ("'.5'", ".5"),
    ("'+1'", "+1"), ("'<<'", "<<"), ("'='", "="), ("'a: b # c'", "a: b # c"), ('"a\\nb"', "a\nb"),
    ('"é\\t\\u0007"', "é\t\x07"), ("' a '", " a "), ("'null'", "null"), ("'- a'", "- a"), ("'1_0'", "1_0"),
    ("'0b1'", "0b1"), ("'.inf'", ".inf"), ("'1:30:45'", "1:30:45"),
]  # fmt: skip
"""A value of the chart, and the text that its pods have."""


@pytest.mark.parametrize(("value", "text"), TEXTS)
def test_variables_and_selectors_are_what_the_chart_s_pods_have(
    importing: Import, value: str, text: str
) -> None:
    importing.run(
        f"multiRegion: {{enabled: true, regions: [{{name: us-east-1, nodeSelector: {{pool: {value}}}}}]}}\n"
        f"agent:\n  env:\n    VALUE: {value}\n"
    )
    config = both_readers(importing.file)
    assert config["digital-agency:environment"] == {"VALUE": text}
    assert config["digital-agency:regions"][0]["nodeSelector"] == {"pool": text}


@pytest.mark.parametrize(
    "value", ["1000000", "123456789012", "1e6", "1e3", "1.10", ".5", ".inf", "[a]", "{a: b}"]
)
def test_a_text_that_depends_on_helm_s_version_is_reported(importing: Import, value: str) -> None:
    _, said, config = importing.run(f"agent: {{env: {{VALUE: {value}, LOG_LEVEL: debug}}}}")
    assert "agent.env.VALUE: " in said.partition("not carried over:")[2]
    assert config["environment"] == {"LOG_LEVEL": "debug"}


@pytest.mark.parametrize(
    ("value", "seconds"), [("60s", 60), ("1m30s", 90), ("1h", 3600), ("60", 60), ("'60'", 60), ("60.0", 60)]
)
def test_durations_are_seconds(importing: Import, value: str, seconds: int) -> None:
    _, _, config = importing.run(f"replicationSidecar: {{syncInterval: {value}}}")
    assert config["replication"] == {"syncInterval": seconds}


@pytest.mark.parametrize("hosts", ['["acme.agency.test"]', "[{host: acme.agency.test, paths: [{path: /}]}]"])
def test_hosts_may_be_plain_texts(importing: Import, hosts: str) -> None:
    _, said, config = importing.run(f"company: acme\ningress: {{enabled: true, hosts: {hosts}}}")
    assert config["domain"] == "agency.test"
    assert "no such key" not in said


def test_what_an_option_overrides_is_reported_and_no_unknown_key(importing: Import) -> None:
    _, said, _ = importing.run(VALUES, "--domain", "other.test", "--image", "other:2")
    assert "ingress.hosts: acme-corp.agency.test: a stack has one domain, here other.test" in said
    assert "image: registry.example.com/agency:1.10: the command's --image counts" in said
    assert "no such key" not in said


def test_anchors_and_keys_twice_are_read_as_helm_reads_them(importing: Import) -> None:
    _, said, config = importing.run(
        "base: &base {A: '1', B: '2'}\nagent:\n  env:\n    <<: *base\n    B: '3'\n    B: '4'\n"
    )
    assert config["environment"] == {"A": "1", "B": "4"}
    assert "B: twice, in lines 5 and 6; Helm takes the last" in said


@pytest.mark.parametrize("text", ["", "---\n", "# nothing\n", "~\n"])
def test_an_empty_file_has_the_chart_s_defaults(importing: Import, text: str) -> None:
    code, _, config = importing.run(text)
    assert (code, config["companies"][0]["name"]) == (DONE, "default-company")


def test_a_secret_in_a_list_that_the_chart_does_not_know_is_written_nowhere(importing: Import) -> None:
    values = {
        "extraEnv": [{"name": "OPENAI_API_KEY", "value": "abc-hush"}, "x"],
        "keys": {"A_TOKEN": "hush-2"},
    }
    _, said, _ = importing.run(values)
    assert "extraEnv.OPENAI_API_KEY: a secret" in said and "keys.A_TOKEN: a secret" in said
    assert "extraEnv: the chart has no such key" in said
    assert "hush" not in said + importing.file.read_text()


@pytest.mark.parametrize(
    ("values", "key", "variable"),
    [
        ({"agent": {"env": {"openai_api_key": "hush"}}}, "agent.env.openai_api_key", "OPENAI_API_KEY"),
        ({"llm": {"openaiApiKey": "hush"}}, "llm.openaiApiKey", "OPENAI_API_KEY"),
        ({"llm": {"deepseek-api_key": "hush"}}, "llm.deepseek-api_key", "DEEPSEEK_API_KEY"),
        ({"llm": [{"keys": {"token": "hush"}}]}, "llm.keys.token", "TOKEN"),
        ({"openai": f"sk-hush{'1' * 20}"}, "openai", "OPENAI"),
    ],
)
def test_a_secret_of_any_name_is_written_nowhere(
    importing: Import, values: Any, key: str, variable: str
) -> None:
    _, said, _ = importing.run(values)
    assert f"  {key}: a secret, which is never written in plain text" in said
    assert f"'digital-agency:companies[0].apiKeys.{variable}'" in said
    assert "hush" not in said + importing.file.read_text()


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"image": {"repository": "me:hush@registry.test/agency", "tag": "1"}}, "image.repository"),
        ({"ingress": {"enabled": True, "hosts": ["https://me:hush@acme.test"]}}, "ingress.hosts[0].host"),
        ({"ingress": {"className": f"sk-hush{'1' * 20}"}}, "ingress.className"),
    ],
)
def test_a_secret_where_none_is_meant_is_written_nowhere(importing: Import, values: Any, key: str) -> None:
    _, said, _ = importing.run(values)
    assert f"  {key}: a secret, which is never written in plain text" in said
    assert "hush" not in said + importing.file.read_text()


def test_a_secret_of_a_list_is_reported_once(importing: Import) -> None:
    _, said, _ = importing.run({"extraEnv": [{"name": "TOKEN", "value": f"ghp_{'a' * 36}"}]})
    assert said.count("a secret, which is never written") == 1


def test_a_branch_without_a_value_has_the_chart_s_default(importing: Import) -> None:
    _, said, _ = importing.run("agent:\nimage: ~\nmultiRegion: {failover: }\n")
    for key in ("agent", "image", "multiRegion.failover"):
        assert f"  {key}: has no value; the default counts" in said


def test_a_storage_class_without_a_region_is_reported_by_its_own_key(importing: Import) -> None:
    _, said, _ = importing.run({"agent": {"persistence": {"storageClass": "gp3"}}})
    assert "  agent.persistence.storageClass: gp3: set regions[].storageClass" in said


KNOWN = (
    "company", "image", "image.repository", "image.tag", "multiRegion", "multiRegion.enabled",
    "multiRegion.regions", "multiRegion.loadBalancing", "multiRegion.loadBalancing.geo",
    "multiRegion.failover", "multiRegion.failover.enabled", "failoverController",
    "failoverController.enabled", "failoverController.interval", "failoverController.timeout",
    "replicationSidecar", "replicationSidecar.enabled", "replicationSidecar.syncInterval", "agent",
    "agent.env", "agent.replicas", "agent.resources", "agent.resources.limits",
    "agent.resources.limits.cpu", "agent.persistence", "agent.persistence.size",
    "agent.persistence.storageClass", "agent.persistence.accessMode", "agent.persistence.enabled",
    "agent.service", "agent.service.port", "brain", "brain.port", "brain.service.port",
    "brain.persistence.size", "ingress", "ingress.enabled", "ingress.className", "ingress.hosts",
    "healthMonitor.port", *LEFT,
)  # fmt: skip
SHAPES: tuple[Any, ...] = (
    None, True, False, 0, -1, 7, 1.5, 1e30, "", "text", "60s", "http", "no", "0123", "\tx\ny", "9" * 400,
    [], {}, [None], ["a"], [1, [2]], [{"name": "A"}], [{"name": "A", "value": 1}], [{"name": 1}],
    [{"host": None}], {"a": "b"}, {"a": {"b": None}}, {"A": True}, {"name": "x"}, {"limits": "x"},
    {"enabled": "no"}, [{}],
)  # fmt: skip


@pytest.mark.parametrize("key", KNOWN)
def test_a_value_of_any_shape_is_carried_over_or_reported(importing: Import, key: str) -> None:
    branch, _, last = key.rpartition(".")
    _, nothing, defaults = importing.run({})
    for shape in SHAPES:
        values: Any = {last: shape}
        for name in reversed(branch.split(".") if branch else []):
            values = {name: values}
        code, said, config = importing.run(values)
        assert code == DONE
        both_readers(importing.file)
        told = report(said)
        same = config == defaults and said == nothing
        assert not same or shape in (True, False, "", {}, []), (key, shape)
        assert f" {key}: the chart has no such key" not in told, (key, shape)


@hypothesis.settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    values=st.dictionaries(
        st.sampled_from([key.partition(".")[0] for key in KNOWN] + ["x"]),
        st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=5)
            | st.sampled_from(SHAPES),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [part for key in KNOWN for part in key.split(".")[1:]] + ["name", "host", "env"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_no_values_file_ends_in_a_traceback(values: Any, importing: Import) -> None:
    code, _, _ = importing.run(values)
    assert code == DONE
    both_readers(importing.file)
