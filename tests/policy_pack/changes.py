"""A recorded stack that keeps every policy, and changes of its resources."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from engine.recorder import Registration
from engine.values import COMPUTED
from tests.components.stacks import many_companies
from tests.recording import (
    NETWORK_POLICY,
    RECORD,
    STATEFUL_SET,
    VOLUME_CLAIM,
    record,
)
from tests.strategies import Raw

Registrations = dict[str, Registration]
REGION = "agency:region:Region"
COMPANIES_KEY = "digital-agency:companies"
"""A secret in the stack file: there are API keys in the list."""


def several_companies() -> Raw:
    """Three of many companies, with what is special: a protected one, one with an API key, and acme."""
    raw = copy.deepcopy(many_companies())
    raw["companies"] = [each for each in raw["companies"] if each["name"] in ("data", "a", "acme")]
    return raw


def whole(*, dry_run: bool = False) -> Registrations:
    """A stack that keeps every policy: several regions and companies, `data` protected.

    With `dry_run` the stack has unknown values, as in a first preview.
    """
    return dict(record(several_companies(), secret_keys=[COMPANIES_KEY], dry_run=dry_run).by_urn)


def first(
    registrations: Registrations,
    type_: str,
    name: str = "",
    where: Callable[[Registration], bool] = lambda _: True,
) -> Registration:
    """A copy of the first such resource by URN, which takes its place: the recording itself never changes."""
    resource = next(
        resource
        for _, resource in sorted(registrations.items())
        if resource.type == type_ and name in resource.name and where(resource)
    )
    registrations[resource.urn] = copy.deepcopy(resource, {id(COMPUTED): COMPUTED})
    return registrations[resource.urn]


def inputs(
    type_: str, change: Callable[[dict[str, Any]], Any], name: str = ""
) -> Callable[[Registrations], None]:
    """A change of the inputs of the first resource of a type."""

    def act(registrations: Registrations) -> None:
        change(first(registrations, type_, name).inputs)

    return act


def pod(change: Callable[[dict[str, Any]], Any]) -> Callable[[Registrations], None]:
    return inputs(STATEFUL_SET, lambda props: change(props["spec"]["template"]["spec"]), "brain")


def container(change: Callable[[dict[str, Any]], Any]) -> Callable[[Registrations], None]:
    return pod(lambda spec: change(spec["containers"][0]))


def context(**values: Any) -> Callable[[Registrations], None]:
    return container(lambda props: props["securityContext"].update(values))


def document(type_: str, key: str, **values: Any) -> Callable[[Registrations], None]:
    """A change of the first statement of an IAM document."""

    def change(props: dict[str, Any]) -> None:
        content = json.loads(props[key])
        content["Statement"][0].update(values)
        props[key] = json.dumps(content)

    return inputs(type_, change)


def without(*types: str) -> Callable[[Registrations], None]:
    def act(registrations: Registrations) -> None:
        for type_ in types:
            del registrations[first(registrations, type_).urn]

    return act


def opening(direction: str, rule: Mapping[str, Any]) -> Callable[[Registrations], None]:
    return inputs(NETWORK_POLICY, lambda props: props["spec"].setdefault(direction, []).append(rule), "brain")


def opened_by_default(registrations: Registrations) -> None:
    """The company's default policy admits its neighbours."""
    metadata = {"name": "default-deny", "namespace": "acme"}
    resource = first(registrations, NETWORK_POLICY, where=lambda each: each.inputs["metadata"] == metadata)
    resource.inputs["spec"]["ingress"] = [{"from": [{"podSelector": {}}]}]


def unprotect(registrations: Registrations) -> None:
    first(registrations, VOLUME_CLAIM, where=lambda each: each.protect).protect = False


def add_again(registrations: Registrations, resource: Registration) -> None:
    """Add the resource once more, as `again`."""
    urn = f"{resource.urn.rpartition('::')[0]}::again"
    registrations[urn] = replace(resource, urn=urn, name="again")


def second_owner(registrations: Registrations) -> None:
    """A record whose name is known in a first preview, unlike that of a certificate's validation."""
    add_again(registrations, first(registrations, RECORD, "-leaf@"))


def other_policy(registrations: Registrations) -> None:
    resource = first(registrations, RECORD, where=lambda each: "latencyRoutingPolicies" in each.inputs)
    props = {key: value for key, value in resource.inputs.items() if key != "latencyRoutingPolicies"}
    props |= {"setIdentifier": "other", "weightedRoutingPolicies": [{"weight": 1}]}
    add_again(registrations, replace(resource, inputs=props))


def no_active(registrations: Registrations) -> None:
    for resource in list(registrations.values()):
        if resource.type == REGION:
            outputs = {**resource.outputs, "active": False}
            registrations[resource.urn] = replace(resource, outputs=outputs)
