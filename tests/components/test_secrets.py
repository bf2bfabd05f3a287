"""Keys of model providers: each leaf is a secret, only the company's pods have it, none is in plain text."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from engine.values import Secret
from tests.components.stacks import US, stack, two_regions
from tests.recording import SECRET, STATEFUL_SET, Recording, record, texts

OPENAI, ANTHROPIC = "sk-openai-0123456789", "sk-anthropic-9876543210"
KEYS = {"OPENAI_API_KEY": OPENAI, "ANTHROPIC_API_KEY": ANTHROPIC}


def encoded(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def with_keys(keys: dict[str, Any], **more: Any) -> Recording:
    raw = two_regions(companies=[{"name": "acme", "apiKeys": keys}, "globex"])
    return record(raw, secret_keys=["digital-agency:companies"], **more)


@pytest.fixture(scope="module")
def run() -> Recording:
    return with_keys(KEYS)


def test_each_value_is_wrapped_by_itself(run: Recording) -> None:
    for resource in run.objects(SECRET, namespace="acme"):
        assert resource.inputs["type"] == "Opaque"
        assert resource.inputs["metadata"] == {"name": "api-keys", "namespace": "acme"}
        assert resource.inputs["data"] == {
            "OPENAI_API_KEY": Secret(encoded(OPENAI)),
            "ANTHROPIC_API_KEY": Secret(encoded(ANTHROPIC)),
        }
    assert len(list(run.objects(SECRET, namespace="acme"))) == 2, "one a cluster"


def plain(value: Any) -> Any:
    """A value without what is wrapped."""
    if isinstance(value, Secret):
        return None
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_value_is_nowhere_in_plain(dry_run: bool) -> None:
    run = with_keys(KEYS, dry_run=dry_run)
    seen = [
        text
        for resource in run
        for text in texts(plain({"inputs": resource.inputs, "outputs": resource.outputs}))
    ]
    seen += list(texts(plain(run.outputs))) + [text for _, text, _ in run.recorder.messages]
    assert len(seen) > 1000
    for value in (OPENAI, ANTHROPIC):
        assert not any(value in text or encoded(value) in text for text in seen)


def test_nothing_else_is_wrapped_though_the_whole_key_is_secret(run: Recording) -> None:
    def secrets(value: Any) -> int:
        if isinstance(value, Secret):
            return 1
        items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
        return sum(map(secrets, items))

    assert {resource.type for resource in run if secrets(resource.inputs)} == {SECRET}


def sources(run: Recording, company: str, kind: str) -> dict[str, Any]:
    """`envFrom` of the containers, by name."""
    spec = run.manifest(STATEFUL_SET, f"{kind}-{US}", namespace=company)["spec"]["template"]["spec"]
    return {
        each["name"]: each.get("envFrom") for each in (*spec["containers"], *spec.get("initContainers", []))
    }


def test_agent_and_brain_read_their_company_s_keys_and_nothing_else_does(run: Recording) -> None:
    keys = [{"secretRef": {"name": "api-keys"}}]
    none = dict.fromkeys(("rclone", "restore", "gate"))
    assert sources(run, "acme", "agent") == {"agent": keys, "health-monitor": None, "links": None} | none
    assert sources(run, "acme", "brain") == {"brain": keys} | none
    assert sources(run, "globex", "agent")["agent"] is sources(run, "globex", "brain")["brain"] is None


def test_an_existing_secret_is_used_and_none_is_created() -> None:
    run = with_keys({"secretName": "acme-llm-keys"})
    assert not list(run.objects(SECRET, namespace="acme"))
    assert sources(run, "acme", "agent")["agent"] == [{"secretRef": {"name": "acme-llm-keys"}}]
    assert marks(run, "acme") == {}


def marks(run: Recording, company: str) -> dict[str, str]:
    template = run.manifest(STATEFUL_SET, f"agent-{US}", namespace=company)["spec"]["template"]
    found: dict[str, str] = template["metadata"].get("annotations", {})
    return found


def test_rotated_keys_roll_the_pods_of_their_company_alone(run: Recording) -> None:
    rotated = with_keys({**KEYS, "OPENAI_API_KEY": "sk-openai-rotated"})
    same = with_keys(dict(reversed(KEYS.items())))
    assert marks(run, "acme") == marks(same, "acme") != marks(rotated, "acme")
    changed = {resource.name for resource in run if resource != rotated.by_urn[resource.urn]}
    assert {name.partition("-")[0] for name in changed} == {"acme"}
    assert {rotated.named(name).type for name in changed} == {SECRET, STATEFUL_SET}


def test_what_pods_carry_tells_nothing_of_the_keys(run: Recording) -> None:
    """The same keys of another company have another digest."""
    both = record(stack(companies=[{"name": name, "apiKeys": KEYS} for name in ("acme", "globex")]))
    digests = {company: marks(both, company)["agency.global/api-keys"] for company in ("acme", "globex")}
    assert digests["acme"] != digests["globex"]
    assert all(len(digest) == 8 for digest in digests.values())


def test_keys_come_before_the_pods_that_read_them(run: Recording) -> None:
    secrets = {resource.urn for resource in run.of(SECRET)}
    for resource in run.objects(STATEFUL_SET, namespace="acme"):
        assert resource.dependencies & secrets
