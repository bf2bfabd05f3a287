"""One stack that the real engine moves from state to state, on control planes and an AWS emulator."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
import yaml
from pulumi.automation import ConfigValue

from engine.values import changes
from local.aws.emulator import ensure_hosted_zone
from local.machine.files import LocalError
from local.pulumi import tools
from local.pulumi.display import Step
from local.pulumi.stack import Stack
from plan.names import bucket_name
from tests.day_two import account
from tests.day_two.clusters import Clusters
from tests.day_two.plans import Plan, others
from tests.recording import AWS_REGION, BUCKET, INGRESS, PROGRAM
from tests.strategies import Raw

NAME = "dev"
OIDC_PROVIDER = "arn:aws:iam::123456789012:oidc-provider/oidc.eks.us-east-1.amazonaws.com/id/ABCDEF"
SAVE_ONCE = {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true"}
"""No deployment is killed here: the engine saves the state at its end, not after each resource."""


class LocalStack(Stack):
    """Without the policy pack, which takes half of a preview's time, unless it is `judged`."""

    judged = False

    @property
    def policy_packs(self) -> list[str]:
        return super().policy_packs if self.judged else []


class Running:
    """The stack. Every question brings it to its `before` first, unless it is there already."""

    def __init__(self, state: Path, clusters: Clusters) -> None:
        self.clusters, self._state, self._previews = clusters, state, dict[str, Plan]()
        self._at: Raw | None = None
        with ThreadPoolExecutor(1) as pool:
            tools.provide(state, print, lambda question: False, pool).result()
        self.aws = account.start(state)
        services = self.aws.environment(AWS_REGION) | {"KUBECONFIG": "/nonexistent", **SAVE_ONCE}
        self._stack = LocalStack(state, NAME, PROGRAM, services, print)
        self._secrets = dict[str, str]()
        self._write({})

    def plan(self, before: Raw, after: Raw) -> Plan:
        """The engine's preview; made once for the same question."""
        key = json.dumps([before, after])
        if key not in self._previews:
            self.at(before)
            found = self.preview(after)
            assert isinstance(found, Plan), found
            self._previews[key] = found
        return self._previews[key]

    def preview(self, raw: Raw) -> Plan | str:
        """A preview from whatever the stack is at, or why the engine rejects the change."""
        self._prepare(raw)
        try:
            return Plan.of(self._stack.preview())
        except LocalError as error:
            return str(error)

    def drift(self, raw: Raw) -> list[Step]:
        """What a refresh finds otherwise than it was deployed, and what would then change; the policy pack
        has to accept it."""
        self.at(raw)
        self._prepare(raw)
        self._stack.judged = True
        try:
            found = self._stack.preview(refresh=True)
        finally:
            self._stack.judged = False
        return [*found.drift, *found.steps]

    def deploy(self, before: Raw, after: Raw) -> Plan:
        """What the engine does, in its order. The stack is then at `after`."""
        self.at(before)
        return self.up(after)

    def up(self, raw: Raw, *programs: str, refresh: bool = False) -> Plan:
        """Deploy from whatever the stack is at. `programs`: runtime programs that become others."""
        self._at = None
        self._prepare(raw)
        with others(programs):
            done = Plan.of(self._stack.up(refresh=refresh))
            if any(map(_is_stale, self.resources())):
                self._stack.up(refresh=True)
        self._at = None if programs else raw
        return done

    def refusal(self, before: Raw, after: Raw) -> str:
        """Why the engine rejects the change: in its preview, so nothing is changed."""
        self.at(before)
        found = self.preview(after)
        assert isinstance(found, str), f"nothing was refused:\n{found}"
        return found

    def at(self, raw: Raw) -> None:
        """Bring the stack to `raw`; buckets that were kept are imported."""
        if raw != self._at:
            self.up(self.adopting(raw))
            self._at = raw

    def adopting(self, raw: Raw) -> Raw:
        """The settings with `adopt` in each region whose bucket exists and is not the stack's."""
        client = boto3.client("s3", region_name=AWS_REGION, **self.aws.credentials())
        there = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        there -= {resource.get("id") for resource in self.resources() if resource["type"] == BUCKET}
        adopting = copy.deepcopy(raw)
        for one in adopting["regions"]:
            if bucket_name(raw["domain"], NAME, one["name"]) in there:
                one["adopt"] = True
        return adopting

    def resources(self) -> Sequence[dict[str, Any]]:
        return self._stack.resources()

    def stored(self) -> str:
        """All that the engine has written down: state, history and settings, with secrets encrypted."""
        folders = (self._state / name for name in ("backend", "project"))
        return "".join(one.read_text() for folder in folders for one in folder.rglob("*") if one.is_file())

    def _prepare(self, raw: Raw) -> None:
        """Have what the stack file names, and give the file to the engine."""
        ensure_hosted_zone(self.aws.url, raw["hostedZoneId"], raw["domain"])
        settings = copy.deepcopy(raw)
        found = {f"{one['name']}-{one['cluster']['eks']}": one["cluster"] for one in settings["regions"]}
        self.clusters.start(list(found))
        for name, cluster in found.items():
            given = {**self.clusters.address(name), "oidcProviderArn": OIDC_PROVIDER, **cluster}
            cluster.update(given)
        self._encrypt(settings)
        self._write(settings)

    def _write(self, settings: Raw) -> None:
        file = self._state / "stack-file.yaml"
        config = {"aws:region": AWS_REGION} | {f"digital-agency:{key}": settings[key] for key in settings}
        file.write_text(yaml.safe_dump({"config": config}))
        self._stack.prepare(file)

    def _encrypt(self, value: Any) -> None:
        """Replace each text under a key `secure` as `pulumi config set --secret` does."""
        if isinstance(value, list):
            for item in value:
                self._encrypt(item)
        if isinstance(value, dict):
            for key, item in value.items():
                if key == "secure":
                    value[key] = self._encrypted(item)
                self._encrypt(item)

    def _encrypted(self, text: str) -> str:
        if text not in self._secrets:
            self._stack._stack.set_config("secret", ConfigValue(text, secret=True))
            file = yaml.safe_load((self._state / "project" / f"Pulumi.{NAME}.yaml").read_text())
            self._secrets[text] = file["config"]["digital-agency:secret"]["secure"]
        return self._secrets[text]


def _is_stale(resource: Mapping[str, Any]) -> bool:
    """Whether the state has an Ingress as it was before its update.

    The provider waits for an Ingress in its cache, and records what is there, which can be older.
    """
    known, asked = resource.get("outputs", {}), resource.get("inputs", {})
    return resource["type"] == INGRESS and any(change.new is not None for change in changes(known, asked))
