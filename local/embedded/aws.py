"""AWS resources in the emulator, by the table in `aws.yaml`: type → calls, parameters and outputs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import jmespath
import yaml

from engine.values import Change, Values
from local.aws_api import ApiError, AwsApi, Client, fit
from local.embedded.driver import Creation, Driver
from local.embedded.state import Entry
from local.emulator import REGION
from local.files import LocalError

WAIT_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.5
NOT_SENT: Final = {"id", "region", "forceDestroy", "allowOverwrite", "validationRecordFqdns"}
BUCKET: Final = "aws:s3/bucket:Bucket"
TABLE: Final = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
ROWS: Final = {kind: SimpleNamespace(**TABLE["absent"] | row) for kind, row in TABLE["resources"].items()}


class Properties(Values):
    """Of a resource, with its id and region; what is absent is empty."""

    def __missing__(self, name: str) -> str:
        return ""


class Aws(Driver):
    """The emulator's account. Without an emulator (a preview) there is only the table."""

    def __init__(self, api: AwsApi, region: Callable[[Values], str], stopped: threading.Event) -> None:
        self._api, self._region, self._stopped = api, region, stopped

    def home(self) -> str:
        return self._api.instance

    def identity(self, kind: str, inputs: Values) -> str:
        return str(_row(kind).identity.format_map(Properties(inputs)).rstrip("_"))

    def replacing(self, kind: str, changed: list[Change]) -> list[Change]:
        fixed = {"region", *_row(kind).key.values(), *_row(kind).immutable}
        return [one for one in changed if one.path[0] in fixed]

    def put(self, kind: str, inputs: Values, old: Entry | None, creation: Creation) -> tuple[str, Values]:
        row = _row(kind)
        client = self._client(row.service, inputs)
        values = Properties({**inputs, "region": client.region})
        values["id"] = old["id"] if old else self._create(client, kind, values, creation)
        if old and row.create:
            for call in row.update or (row.create,):
                _call(client, row, call, values)
        if row.tag and inputs.get("tags"):
            tags = [{"Key": key, "Value": value} for key, value in inputs["tags"].items()]
            whose = {"ResourceType": kind.rpartition(":")[2].lower(), "ResourceId": values["id"]}
            client.send(row.tag, {**whose, "AddTags": tags})
        outputs = {name: text.format_map(values) for name, text in row.fixed.items()}
        return str(values["id"]), outputs | (self._read(client, row, values) if row.read else {})

    def delete(self, kind: str, entry: Entry) -> None:
        row, identity = _row(kind), entry["id"] or self.identity(kind, entry["inputs"])
        if not identity:  # a run that was killed may have made it: the same call again says under which id
            identity, _ = self.put(kind, entry["inputs"], None, Creation(entry["token"], resumed=True))
        try:
            if row.delete:
                client = self._client(row.service, entry["inputs"])
                _call(
                    client, row, row.delete, Properties({**entry["inputs"], "id": identity}), action="DELETE"
                )
        except ApiError as error:
            if not error.not_found:
                raise

    def _client(self, service: str, inputs: Values) -> Client:
        return self._api.client(service, self._region(inputs))

    def _create(self, client: Client, kind: str, values: Properties, creation: Creation) -> str:
        row, identity = _row(kind), self.identity(kind, values)
        if not row.create or (kind == BUCKET and _is_taken_over(client, values, creation)):
            return identity
        if creation.resumed and row.find:
            listing, expression = row.find
            if found := jmespath.search(expression.format(token=creation.token), client.list(listing)):
                return str(found)
        try:
            answer = _call(client, row, row.create, values, token=creation.token)
        except ApiError as error:
            if error.code != "EntityAlreadyExists":
                raise
            for call in row.update:
                _call(client, row, call, values)
        return str(jmespath.search(row.id, answer)) if row.id else identity

    def _read(self, client: Client, row: Any, values: Properties) -> Values:
        deadline = time.monotonic() + WAIT_SECONDS
        while not jmespath.search(row.ready, answer := _call(client, row, row.read, values)):
            if time.monotonic() > deadline or self._stopped.wait(POLL_SECONDS):
                raise LocalError(f"stopped waiting until {row.ready} of {values['id']}")
        return dict(jmespath.search(row.outputs, answer))


def _row(kind: str) -> Any:
    if kind not in ROWS:
        raise LocalError(f"the embedded engine does not know the type {kind}: use the pulumi CLI")
    return ROWS[kind]


def _is_taken_over(client: Client, values: Properties, creation: Creation) -> bool:
    """Whether the bucket is there. Raises LocalError when it must not be, or must be and is not."""
    bucket, key = values["bucket"], f"`adopt: true` to regions[name={values['region']}] in the stack file"
    try:
        client.send("head_bucket", {"Bucket": bucket})
    except ApiError as error:
        if not error.not_found:
            raise
        if creation.imported:
            raise LocalError(f"there is no bucket {bucket} to adopt: remove `adopt: true`") from None
        return False
    if not (creation.imported or creation.resumed):
        raise LocalError(f"bucket {bucket} was kept from before; add {key}")
    return True


def _call(
    client: Client, row: Any, call: str, values: Properties, *, token: str = "", action: str = "UPSERT"
) -> Values:
    """Send what the call takes of the properties; an update that has nothing to say is not sent."""
    shape = client.shape(call)
    members = shape.members
    sent = {member: values[name] for member, name in row.key.items() if member in members}
    given = {key: value for key, value in values.items() if key not in NOT_SENT and value is not None}
    beside = {*row.key.values(), *(("tags",) if row.tag else ())}
    if row.token in members:
        sent[row.token] = token
    if "ChangeBatch" in members:
        record = members["ChangeBatch"].members["Changes"].member.members["ResourceRecordSet"]
        lists = {key for key, value in given.items() if isinstance(value, list)}
        flat = {key: value for key, value in jmespath.search(row.flat, given).items() if value is not None}
        change = {"Action": action, "ResourceRecordSet": fit(flat, record, row.names, lists | {"zoneId"})}
        sent |= {"HostedZoneId": values["zoneId"], "ChangeBatch": {"Changes": [change]}}
    elif row.body in members:
        sent[row.body] = fit(given, members[row.body], row.names, beside)
    elif call not in (row.delete, row.read):
        sent |= fit(given, shape, row.names, beside if call == row.create else None)
    if call == "create_bucket" and values["region"] != REGION:
        sent["CreateBucketConfiguration"] = {"LocationConstraint": values["region"]}
    return {} if call in row.update and sent.keys() <= row.key.keys() else client.send(call, sent)
