"""Creates, reads, updates and deletes the resources of the table in the AWS emulator."""

from __future__ import annotations

import hashlib
import threading
import time
from typing import Any, Final

import jmespath

from engine.values import COMPUTED, Change, changes
from local.aws.emulator import REGION
from local.aws.provider.api import ApiError, AwsApi, Client, Values
from local.aws.provider.buckets import BUCKET, BucketCreations
from local.aws.provider.checks import problems_of
from local.aws.provider.requests import KIND, TOKEN, TOKEN_TAG, keys_of, observed, parameters
from local.aws.provider.shapes import Problems, fit, normal, property_of, to_tags, unknown
from local.aws.provider.table import FUNCTIONS, Properties, Row, row_of
from local.machine.files import LocalError

WAIT_SECONDS: Final = 600.0
POLL_SECONDS: Final = 0.5


class Resources:
    """The resources of one emulator. `region` is the default region; `stopped` ends every wait."""

    def __init__(self, api: AwsApi) -> None:
        self.region, self.stopped = REGION, threading.Event()
        self.buckets = BucketCreations(api)
        self._api, self._tokens = api, dict[str, str]()
        self._created = set[tuple[str, str]]()

    def check(self, kind: str, urn: str, news: Values, olds: Values) -> tuple[Values, Problems]:
        """The inputs, with an idempotency token if the type needs one, and their problems.

        A repeated run has the same token, a replacement another one: for a replacement the engine checks
        twice, first with the old inputs, then without.
        """
        row = row_of(kind)
        if row.token:
            if TOKEN in olds:
                self._tokens[urn] = olds[TOKEN]
            text = f"{urn} {self._tokens.get(urn, '')}"
            news = news | {TOKEN: olds.get(TOKEN) or hashlib.sha256(text.encode()).hexdigest()[:32]}
        return news, problems_of(row, self._client(row, news), news)

    def diff(self, kind: str, olds: Values, news: Values) -> tuple[list[Change], list[Change], bool]:
        """All changes, the replacing changes, and whether the old resource must be deleted first."""
        row, home = row_of(kind), {"region": self.region, TOKEN: None}
        old, new = home | olds | {TOKEN: None}, home | news | {TOKEN: None}
        changed = list(changes(normal(old), normal(new)))
        replacing = [each for each in changed if each.path[0] in row.replacing or _cannot_be_unset(row, each)]
        same_id = row.identify(old) == row.identify(new) != ""
        return changed, replacing, bool(replacing and same_id)

    def preview(self, kind: str, inputs: Values, state: Values) -> Values:
        """The outputs that are known before a creation or, with the old `state`, before an update."""
        row = row_of(kind)
        computed = dict.fromkeys([*row.fixed, *row.outputs], COMPUTED)
        known = {name: state[name] for name in computed if name in state}
        return {"region": self.region, **computed, **known, **_public(inputs)}

    def create(self, kind: str, inputs: Values) -> tuple[str, Values]:
        """Id and outputs of a new resource, or of the resource that an interrupted run created."""
        row, values = row_of(kind), self._values(kind, inputs)
        client = self._client(row, inputs)
        identity = self._find(kind, client, values)
        existing = self.read(kind, identity, inputs, {}) if identity else None
        if existing:
            olds = {name: value for name, value in existing[0].items() if name in {*inputs, "tags"}}
            if not self.diff(kind, olds, inputs)[1]:
                self._created.add((kind, identity))
                return identity, self.update(kind, identity, olds, inputs)
            self.delete(kind, identity, olds)  # the program has changed since the interrupted run
        answer = client.send(row.main, parameters(row, client, row.main, values)) if row.writes else {}
        identity = str(jmespath.search(row.id, answer)) if row.id else row.identify(values)
        self._created.add((kind, identity))
        return identity, self._finish(kind, identity, {}, inputs)

    def update(self, kind: str, identity: str, olds: Values, news: Values) -> Values:
        """The outputs after an update from the inputs `olds`."""
        row = row_of(kind)
        off = {name: False for name, value in olds.items() if value is True and name not in news}
        values = self._values(kind, {**off, **news}, identity)
        client = self._client(row, news)
        for call in [row.put] if row.put else row.update:
            sent = parameters(row, client, call, values)
            if row.put or sent.keys() - row.key.keys():
                client.send(call, sent)
        return self._finish(kind, identity, olds, news)

    def read(self, kind: str, identity: str, inputs: Values, state: Values) -> tuple[Values, Values] | None:
        """Live inputs and outputs; None when the resource does not exist. Without `inputs`, the id has them:
        that of a bucket is `<name>@<region>` then.

        A property that the program does not set is an input only if it changed since `state`.
        """
        row = row_of(kind)
        name, _, region = identity.partition("@") if kind == BUCKET else (identity, "", "")
        desired = inputs or row.identified(name) | ({"region": region} if region else {})
        identity = name
        observation = self._observe(row, self._values(kind, desired, identity))
        if observation is None:
            if kind == BUCKET and not inputs:
                raise LocalError(f"there is no bucket {identity} to adopt: remove `adopt: true`")
            return None
        live, outputs = observation
        fixed = {"region", TOKEN, *row.key.values(), *row.local, *row.immutable}
        kept = {name: value for name, value in desired.items() if name in fixed}
        changed = {name: value for name, value in live.items() if name in desired or state.get(name) != value}
        baseline = {} if row.put else live
        return kept | changed, {"region": self.region, **baseline, **_public(kept | changed), **outputs}

    def delete(self, kind: str, identity: str, inputs: Values) -> None:
        """Delete the resource, unless it does not exist. A resource that this run created under the same id
        stays: the engine then deletes its predecessor, which was replaced or renamed.
        """
        row = row_of(kind)
        if (kind, identity) in self._created:
            return
        client, values = self._client(row, inputs), self._values(kind, inputs, identity)
        try:
            if row.limit:
                self._delete_record(row, client, values)
            elif row.delete:
                if row.stop:
                    stopped = keys_of(row, client, row.stop["call"], values) | row.stop["parameters"]
                    client.send(row.stop["call"], stopped)
                client.send(row.delete, keys_of(row, client, row.delete, values))
        except ApiError as error:
            if not error.not_found:
                raise

    def invoke(self, token: str, args: Values) -> Values:
        """The answer of a function of the provider."""
        if token not in FUNCTIONS:
            raise LocalError(
                f"{token}: the stack `local` does not support this function; only the real AWS provider does."
                f" The function must be one of {', '.join(sorted(FUNCTIONS))}"
            )
        function, region = FUNCTIONS[token], args.get("region") or self.region
        client = self._api.client(function["service"], region)
        shape, names = client.shape(function["call"]), function.get("names", {})
        properties = {name: value for name, value in args.items() if name != "region"}
        allowed = {property_of(member, names) for member in shape.members}
        problems = unknown(properties.keys() - allowed, allowed)
        sent = fit(properties, shape, names, problems)
        if problems:
            raise LocalError("; ".join(f"{token}: {path}: {problem}" for path, problem in problems.items()))
        return dict(jmespath.search(function["answer"], client.send(function["call"], sent)) or {})

    def _client(self, row: Row, inputs: Values) -> Client:
        region = inputs.get("region")
        return self._api.client(row.service, region if isinstance(region, str) else self.region)

    def _values(self, kind: str, inputs: Values, identity: str = "") -> Properties:
        home = {"region": self.region, KIND: kind.rpartition(":")[2].lower()}
        return Properties(home | inputs | ({"id": identity} if identity else {}))

    def _find(self, kind: str, client: Client, values: Properties) -> str:
        """The id of the resource that an interrupted run may have created; "" if there is none."""
        row = row_of(kind)
        if kind == BUCKET:
            bucket = str(values["bucket"])
            if self.buckets.interrupted(client, bucket):
                return bucket
            self.buckets.begin(bucket)
            return ""
        if not row.find:
            return row.identify(values) if row.create else ""
        lister = self._api.client(row.find.get("service", row.service), client.region)
        listed = lister.list(row.find["call"], keys_of(row, lister, row.find["call"], values))
        return str(jmespath.search(row.find["id"].format_map(values), listed) or "")

    def _finish(self, kind: str, identity: str, olds: Values, news: Values) -> Values:
        """Set the tags, wait until the resource is ready; returns the outputs."""
        row = row_of(kind)
        values = self._values(kind, news, identity)
        self._set_tags(row, values, olds.get("tags") or {}, news.get("tags") or {})
        if kind == BUCKET:
            self.buckets.created(news["bucket"])
        elif row.service == "s3":
            self.buckets.record(news["bucket"])
        outputs = {name: text.format_map(values) for name, text in row.fixed.items()}
        if row.put:
            return {"region": values["region"], **_public(news), **outputs}
        self._wait(row, values)
        live, outputs = self._observe(row, values) or ({}, outputs)
        return {"region": values["region"], **live, **_public(news), **outputs}

    def _delete_record(self, row: Row, client: Client, values: Properties) -> None:
        """Route53 deletes a record set only with exactly its current values."""
        keys = keys_of(row, client, row.read, values)
        answer = client.send(row.read, keys)
        if observed(row, client, answer, values) is not None:
            change = {"Action": "DELETE", "ResourceRecordSet": jmespath.search(row.live, answer)}
            zone = keys_of(row, client, row.delete, values)
            client.send(row.delete, {**zone, "ChangeBatch": {"Changes": [change]}})

    def _set_tags(self, row: Row, values: Properties, old: Values, new: Values) -> None:
        client = self._client(row, values)
        if added := {key: value for key, value in new.items() if old.get(key) != value}:
            call, member = row.tags["add"]
            client.send(call, {**keys_of(row, client, call, values), member: to_tags(added)})
        if removed := sorted(old.keys() - new.keys()):
            call, member = row.tags["remove"]
            by_name = client.shape(call).members[member].member.type_name == "string"
            keys: list[Any] = removed if by_name else [{"Key": key} for key in removed]
            client.send(call, {**keys_of(row, client, call, values), member: keys})

    def _wait(self, row: Row, values: Properties) -> None:
        client, deadline = self._client(row, values), time.monotonic() + WAIT_SECONDS
        while not jmespath.search(row.ready, client.send(row.read, keys_of(row, client, row.read, values))):
            if self.stopped.wait(POLL_SECONDS):
                raise LocalError(f"{row.read}: stopped while waiting until {row.ready} of {values['id']}")
            if time.monotonic() > deadline:
                raise LocalError(
                    f"{row.read}: timeout after {WAIT_SECONDS:.0f} s: {row.ready} of {values['id']}"
                )

    def _observe(self, row: Row, values: Properties) -> tuple[Values, Values] | None:
        """Live properties that can be inputs, and computed outputs; None when the resource does not exist."""
        client = self._client(row, values)
        try:
            answer = client.send(row.read, keys_of(row, client, row.read, values))
            live = observed(row, client, answer, values)
            if live is not None and row.tags:
                tags = client.send(row.tags["read"], keys_of(row, client, row.tags["read"], values))
                by_key = {tag["Key"]: tag["Value"] for tag in jmespath.search(row.tags["live"], tags) or []}
                by_key.pop(TOKEN_TAG, None)
                live |= {"tags": by_key} if by_key or "tags" in values else {}
        except ApiError as error:
            if error.not_found:
                return None
            raise
        if live is None:
            return None
        properties = Properties({**values, **live})
        outputs = {name: text.format_map(properties) for name, text in row.fixed.items()}
        outputs |= {name: jmespath.search(expression, answer) for name, expression in row.outputs.items()}
        return live, outputs


def _cannot_be_unset(row: Row, change: Change) -> bool:
    """Whether a property was removed that no update can remove. A put, tags and flags can."""
    removed = change.new is None and len(change.path) == 1
    return removed and not row.put and change.path[0] != "tags" and change.old is not True


def _public(inputs: Values) -> Values:
    return {name: value for name, value in inputs.items() if name != TOKEN}
