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

Registrations = dict[str, Registration]
REGION = "agency:region:Region"
COMPANIES_KEY = "digital-agency:companies"
"""A secret in the stack file: there are API keys in the list."""


def whole(*companies: str, dry_run: bool = False) -> Registrations:
    """A stack that keeps every promise: several regions and all or some companies, `data` is protected.

    With `dry_run` the stack is as a first preview knows it: with unknown values.
    """
    settings = many_companies()
    if companies:
        settings["companies"] = [one for one in settings["companies"] if one["name"] in companies]
    by_urn = dict(record(settings, secret_keys=[COMPANIES_KEY], dry_run=dry_run).by_urn)
    return copy.deepcopy(by_urn, {id(COMPUTED): COMPUTED})


def first(found: Registrations, type_: str, name: str = "") -> Registration:
    return next(one for one in found.values() if one.type == type_ and name in one.name)


def inputs(
    type_: str, change: Callable[[dict[str, Any]], Any], name: str = ""
) -> Callable[[Registrations], None]:
    """A change of the inputs of the first resource of a type."""

    def act(found: Registrations) -> None:
        change(first(found, type_, name).inputs)

    return act


def pod(change: Callable[[dict[str, Any]], Any]) -> Callable[[Registrations], None]:
    return inputs(STATEFUL_SET, lambda told: change(told["spec"]["template"]["spec"]), "brain")


def container(change: Callable[[dict[str, Any]], Any]) -> Callable[[Registrations], None]:
    return pod(lambda spec: change(spec["containers"][0]))


def context(**values: Any) -> Callable[[Registrations], None]:
    return container(lambda told: told["securityContext"].update(values))


def document(type_: str, key: str, **values: Any) -> Callable[[Registrations], None]:
    """A change of the first statement of an IAM document."""

    def change(told: dict[str, Any]) -> None:
        found = json.loads(told[key])
        found["Statement"][0].update(values)
        told[key] = json.dumps(found)

    return inputs(type_, change)


def without(*types: str) -> Callable[[Registrations], None]:
    def act(found: Registrations) -> None:
        for type_ in types:
            del found[first(found, type_).urn]

    return act


def opening(direction: str, rule: Mapping[str, Any]) -> Callable[[Registrations], None]:
    return inputs(NETWORK_POLICY, lambda told: told["spec"].setdefault(direction, []).append(rule), "brain")


def opened_by_default(found: Registrations) -> None:
    """The company's default policy lets its neighbours in."""
    one = next(
        one
        for one in found.values()
        if one.type == NETWORK_POLICY
        and one.inputs["metadata"] == {"name": "default-deny", "namespace": "acme"}
    )
    one.inputs["spec"]["ingress"] = [{"from": [{"podSelector": {}}]}]


def unprotect(found: Registrations) -> None:
    first_protected = next(one for one in found.values() if one.type == VOLUME_CLAIM and one.protect)
    first_protected.protect = False


def add_again(found: Registrations, one: Registration) -> None:
    """Add the resource once more, as `again`."""
    urn = f"{one.urn.rpartition('::')[0]}::again"
    found[urn] = replace(one, urn=urn, name="again")


def second_owner(found: Registrations) -> None:
    """Of a record whose name a first preview knows: that of a certificate's validation is AWS's to say."""
    add_again(found, first(found, RECORD, "-leaf@"))


def other_policy(found: Registrations) -> None:
    one = next(one for one in found.values() if one.type == RECORD and "latencyRoutingPolicies" in one.inputs)
    told = {key: value for key, value in one.inputs.items() if key != "latencyRoutingPolicies"}
    told |= {"setIdentifier": "other", "weightedRoutingPolicies": [{"weight": 1}]}
    add_again(found, replace(one, inputs=told))


def no_active(found: Registrations) -> None:
    for one in found.values():
        if one.type == REGION:
            one.outputs["active"] = False
