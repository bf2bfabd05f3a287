"""From properties to the parameters of calls, and from answers to properties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import jmespath

from local.aws.emulator import REGION
from local.aws.provider.api import Client, Values
from local.aws.provider.shapes import Problems, fit, same, to_tags, unfit
from local.aws.provider.table import Row

TOKEN: Final = "__token"
"""The input that identifies the creation for AWS (idempotency token)."""
TOKEN_TAG: Final = "digital-agency:creation"
KIND: Final = "__kind"


def keys_of(row: Row, client: Client, call: str, values: Values) -> Values:
    """The members of a call that name the resource."""
    members = client.shape(call).members
    named = {member: values.get(name) for member, name in row.key.items() if member in members}
    sent = {member: value for member, value in named.items() if value not in (None, "")}
    return sent | ({row.limit: "1"} if row.limit in members else {})


def parameters(
    row: Row, client: Client, call: str, values: Values, problems: Problems | None = None
) -> Values:
    """The parameters of a call that creates or updates."""
    members, sent = client.shape(call).members, keys_of(row, client, call, values)
    properties = without(row, values, *(row.key[member] for member in sent if member in row.key))
    flat = present(jmespath.search(row.flatten, properties))
    fitted = fit(flat, properties_shape(row, client, call), row.names, {} if problems is None else problems)
    if row.token in members and (token := values.get(TOKEN)):
        sent[row.token] = to_tags({TOKEN_TAG: token}) if row.token == "Tags" else token
    if "ChangeBatch" in members:
        change = {"Action": "UPSERT", "ResourceRecordSet": fitted}
        return sent | {"ChangeBatch": {"Changes": [change]}}
    if call == "create_bucket" and values["region"] != REGION:
        sent["CreateBucketConfiguration"] = {"LocationConstraint": values["region"]}
    return sent | ({row.body: fitted} if row.body in members else fitted)


def properties_shape(row: Row, client: Client, call: str) -> Any:
    """The shape that holds the resource's properties in a call."""
    shape = client.shape(call)
    if "ChangeBatch" in shape.members:
        return shape.members["ChangeBatch"].members["Changes"].member.members["ResourceRecordSet"]
    return shape.members.get(row.body, shape)


def observed(row: Row, client: Client, answer: Values, values: Values) -> Values | None:
    """The live properties, in the form of `values` if they agree; None for another resource."""
    live = jmespath.search(row.live or row.body or "@", answer)
    if live is None or "BucketRegion" in live:
        return live and {"region": live["BucketRegion"]}
    if row.members is not None:
        live = {member: value for member, value in live.items() if member in row.members}
    desired = present(jmespath.search(row.flatten, without(row, values)))
    flat = unfit(live, properties_shape(row, client, row.main), row.names, desired)
    nested = present(jmespath.search(row.nest, flat))
    properties = {
        name: value for name, value in nested.items() if name in desired or row.defaults.get(name) != value
    }
    identity = set(row.key.values()) - set(row.local) if row.limit else set()
    is_resource = all(same(properties.get(name, ""), values.get(name, "")) for name in identity)
    return properties if is_resource else None


def without(row: Row, values: Values, *names: str) -> Values:
    """The properties that are parameters, except `names`."""
    left = {"id", "region", *names, *row.local, *(["tags"] if row.tags else [])}
    return {
        name: value
        for name, value in values.items()
        if name not in left and value is not None and not name.startswith("__")
    }


def present(values: Mapping[str, Any]) -> Values:
    return {name: value for name, value in values.items() if value is not None}
