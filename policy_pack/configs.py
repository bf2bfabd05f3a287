"""The configs of gates and failover controllers: each works on its own company, and with its own buckets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_policy import PolicyResource, Severity

from plan.names import LOCAL, SYSTEM_NAMESPACE
from policy_pack.stack import Stack, content, place
from policy_pack.writing import Problems, each, of_the_stack

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
CONFIG_FILE = "settings.json"


def _configs(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)

    def problems(resource: PolicyResource) -> Problems:
        data = resource.props.get("data") or {}
        if CONFIG_FILE in data:
            config, namespace = content(data[CONFIG_FILE]), place(resource)[1]
            judge = _controller if namespace == SYSTEM_NAMESPACE else _gate
            yield from ((resource, problem) for problem in judge(config, namespace, stack))
            if config.get("endpoint") and resource.urn.split("::")[0].rpartition(":")[2] != LOCAL:
                yield resource, f"its endpoint is {config['endpoint']}, not AWS's"

    yield from each(stack.of(CONFIG_MAP), problems)


def _gate(config: Mapping[str, Any], namespace: str, stack: Stack) -> list[str]:
    found = []
    if config.get("namespace") != namespace:
        found.append(f"its gate works for {config.get('namespace')}")
    for region, bucket in (config.get("buckets") or {}).items():
        if stack.buckets.get(bucket) != region:
            found.append(f"{bucket} is no bucket of the stack in {region}")
    keys = {region: stack.keys[region] for region in config.get("buckets") or {} if region in stack.keys}
    found += [
        f"the key of the bucket in {region} is another one"
        for region, key in keys.items()
        if (config.get("kmsKeys") or {}).get(region) != key
    ]
    return found


def _controller(config: Mapping[str, Any], _: str, stack: Stack) -> list[str]:
    found = [
        f"{url} is not encrypted"
        for url in (config.get("peers") or {}).values()
        if not str(url).startswith("https://")
    ]
    others = set(config.get("companies") or ()) - stack.companies
    return found + [f"{name} is no company of the stack" for name in sorted(others)]


POLICIES = (
    of_the_stack(
        "programs-keep-to-their-company",
        Severity.CRITICAL,
        "A gate works for its own company and the stack's buckets; controllers ask each other by HTTPS.",
        "Keep what `components/gate.py` and `components/failover_controller.py` write.",
        _configs,
    ),
)
