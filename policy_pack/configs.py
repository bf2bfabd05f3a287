"""The configs of gates and failover controllers: each works on its own company, and with its own buckets."""

from __future__ import annotations

import base64
import bz2
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from pulumi_policy import PolicyResource, ResourceValidationArgs, Severity

from plan.names import COMPANY_LABEL, LOCAL, REGION_LABEL, SYSTEM_NAMESPACE, WORKLOAD_LABEL
from policy_pack.stack import REGION, STATEFUL_SET, Stack, content, place
from policy_pack.writing import Problems, each, labels, metadata, of_resources, of_the_stack, unlike
from runtime.flags import CONFIG_MAP as FLAGS
from runtime.flags import KEY

CONFIG_MAP, LEASE = "kubernetes:core/v1:ConfigMap", "kubernetes:coordination.k8s.io/v1:Lease"
CONFIG_FILE = "settings.json"
PROGRAMS, START = "programs", "start.py"
OF_UPLOADS = ("syncInterval", "bandwidthLimit", "transfers", "retention", "ranked")
OF_FAILOVER = ("intervalSeconds", "timeoutSeconds", "failureThreshold", "recoveryThreshold", "all", "peers")
"""Keys that are the same in all configs of a stack."""


def _configs(resources: Sequence[PolicyResource]) -> Problems:
    stack = Stack(resources)
    found: dict[str, list[tuple[PolicyResource, Mapping[str, Any]]]] = defaultdict(list)

    def problems(resource: PolicyResource) -> Problems:
        data = resource.props.get("data") or {}
        if CONFIG_FILE in data:
            config, namespace = content(data[CONFIG_FILE]), place(resource)[1]
            kind = str(labels(resource.props).get(WORKLOAD_LABEL))
            found[kind].append((resource, config))
            judge = _controller if namespace == SYSTEM_NAMESPACE else _gate
            yield from ((resource, problem) for problem in judge(config, resource, stack))
            if config.get("endpoint") and resource.urn.split("::")[0].rpartition(":")[2] != LOCAL:
                yield resource, f"its endpoint is {config['endpoint']}, not AWS's"

    yield from each(stack.of(CONFIG_MAP), problems)
    for kind, configs in found.items():
        keys = OF_UPLOADS if kind in ("agent", "brain") else OF_FAILOVER
        yield from each(keys, lambda key, configs=configs: _unlike(key, configs))  # type: ignore[misc]
    for kind in ("agent", "brain"):
        for namespace in stack.companies:
            own = [(one, config) for one, config in found[kind] if place(one)[1] == namespace]
            yield from _unlike("order", own)


def _unlike(key: str, configs: Sequence[tuple[PolicyResource, Mapping[str, Any]]]) -> Problems:
    return unlike(key, [(one, json.dumps(config.get(key), sort_keys=True)) for one, config in configs])


def _gate(config: Mapping[str, Any], resource: PolicyResource, stack: Stack) -> Iterator[str]:
    own, namespace = labels(resource.props), place(resource)[1]
    wanted = {"namespace": namespace, "region": own.get(REGION_LABEL), "component": own.get(WORKLOAD_LABEL)}
    for key, value in wanted.items():
        if config.get(key) != value:
            yield f"its gate works for {config.get(key)}"
    order, follows = config.get("order") or (), config.get("follows") or ()
    buckets = config.get("buckets") or {}
    for region, bucket in buckets.items():
        if stack.buckets.get(bucket) != region:
            yield f"{bucket} is no bucket of the stack in {region}"
    if stack.buckets and {*buckets} != {*order}:
        yield f"it has buckets in {', '.join(buckets) or 'no region'}, not in {', '.join(order)}"
    if not _follows(config, stack):
        yield f"it follows {', '.join(follows) or 'nobody'}"
    for region in buckets:
        if region in stack.keys and (config.get("kmsKeys") or {}).get(region) != stack.keys[region]:
            yield f"the key of the bucket in {region} is another one"
    # These imports take half of the pack's start.
    from settings.replication import Replication

    yield from _beyond(Replication, config, ("syncInterval", "bandwidthLimit", "transfers", "retention"))


def _follows(config: Mapping[str, Any], stack: Stack) -> bool:
    """All other regions where snapshots rank; else an active region follows nobody, a passive Brain an active
    one (`plan/handover.py`)."""
    follows, region = set(config.get("follows") or ()), config.get("region")
    if config.get("ranked"):
        return follows == {*(config.get("order") or ())} - {region}
    active = {resource.name for resource in stack.of(REGION) if resource.props.get("active")}
    if region in active or config.get("component") == "agent":
        return not follows
    return len(follows) == 1 and follows <= active


def _beyond(model: Any, config: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    """Values that the stack file could not have."""
    from pydantic import ValidationError

    try:
        model.model_validate({key: _whole(config[key]) for key in keys if key in config})
    except ValidationError as error:
        for problem in error.errors():
            yield f"its {'.'.join(map(str, problem['loc']))} is {problem['input']}"


def _whole(value: Any) -> Any:
    """As in the stack file, where retention's keys are in camelCase, too."""
    return dict(value) if isinstance(value, Mapping) else value


def _controller(config: Mapping[str, Any], resource: PolicyResource, stack: Stack) -> Iterator[str]:
    cluster = place(resource)[0]
    served: dict[str, set[str]] = defaultdict(set)
    here: set[str] = set()
    own_regions: set[str] = set()
    for workload in stack.of(STATEFUL_SET):
        own = labels(workload.props)
        served[str(own.get(COMPANY_LABEL))].add(str(own.get(REGION_LABEL)))
        if place(workload)[0] == cluster:
            here.add(str(own.get(COMPANY_LABEL)))
            own_regions.add(str(own.get(REGION_LABEL)))
    regions = {resource.name for resource in stack.of(REGION)}
    for url in (config.get("peers") or {}).values():
        if urlsplit(str(url)).scheme != "https":
            yield f"{url} is not encrypted"
    for region, url in (config.get("peers") or {}).items():
        if region not in regions or urlsplit(str(url)).path != f"/peer/{region}":
            yield f"its peer {region} is {url}"
    if {*config.get("all", ())} != regions or not own_regions <= {*config.get("regions", ())} <= regions:
        yield f"its regions are not those of its cluster, {', '.join(sorted(own_regions))}, and of the stack"
    companies = config.get("companies") or {}
    for name in sorted(companies.keys() - stack.companies):
        yield f"{name} is no company of the stack"
    for name in sorted(stack.staying):
        if name in here and {*(companies.get(name) or {}).get("regions", ())} != served[name]:
            yield f"the regions of {name} are not {', '.join(sorted(served[name]))}"
    from settings.models import Failover

    yield from _beyond(Failover, config, OF_FAILOVER[:4])


def _written(args: ResourceValidationArgs) -> Iterator[str]:
    """What controllers alone write, and programs that are not what their names say."""
    props = args.props
    if args.resource_type == LEASE:
        if props.get("spec"):
            yield "it has a holder"
        return
    found = {*(props.get("data") or ()), *(props.get("binaryData") or ())}
    if metadata(props).get("name") == FLAGS and KEY in found:
        yield "it flags regions: only the failover controller does"
    if PROGRAMS in (props.get("binaryData") or {}):
        digest = _digest(str(props["binaryData"][PROGRAMS]), str((props.get("data") or {}).get(START)))
        if not str(metadata(props)["name"]).endswith(f"-{digest}") or props.get("immutable") is not True:
            yield f"its name is not that of its programs, which have the digest {digest}, or it can change"


@cache
def _digest(packed: str, start: str) -> str:
    files = {**json.loads(bz2.decompress(base64.b64decode(packed))), START: start}
    digest = hashlib.sha256()
    for path, source in sorted(files.items()):
        digest.update(f"{path}\0{source}\0".encode())
    return digest.hexdigest()[:8]


POLICIES = (
    of_the_stack(
        "programs-keep-to-their-company",
        Severity.CRITICAL,
        "A gate works for its own company and the stack's buckets; controllers watch all companies by HTTPS.",
        "Keep what `components/gate.py` and `components/failover_controller.py` write.",
        _configs,
    ),
    of_resources(
        "programs-match-their-digest",
        Severity.CRITICAL,
        [CONFIG_MAP, LEASE],
        "ConfigMaps of programs are immutable and named by their digest; flags and Lease are left empty.",
        "Keep what `components/runtime_programs.py` and `components/failover_controller.py` make.",
        _written,
    ),
)
