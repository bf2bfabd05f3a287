"""The recorder sees the same as the real engine."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest
from pulumi import Alias, ComponentResource, ResourceOptions

from engine.placeholders import Placeholders
from engine.program import run_program
from engine.recorder import DuplicateUrnError, Recorder
from engine.values import COMPUTED, Secret
from tests.engine.programs import Program, config_map

STACK = "urn:pulumi:dev::digital-agency::"


class Outer(ComponentResource):
    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("agency:test:Outer", name, None, opts)
        self.inner = Inner(f"{name}-inner", ResourceOptions(parent=self))
        self.register_outputs({"inner": self.inner.map.metadata.name})


class Inner(ComponentResource):
    def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
        super().__init__("agency:test:Inner", name, None, opts)
        self.map = config_map(f"{name}-map", "space", {}, ResourceOptions(parent=self))
        self.register_outputs({})


def record(program: Program, **options: Any) -> tuple[Recorder, dict[str, Any]]:
    recorder = Placeholders()
    options = {"config": {}, **options}
    return recorder, run_program(program, monitor=recorder, stack="dev", **options)


def test_a_urn_carries_the_types_of_all_parents_and_not_the_stacks() -> None:
    recorder, _ = record(lambda: Outer("o") and None)
    types = "agency:test:Outer$agency:test:Inner$kubernetes:core/v1:ConfigMap"
    assert (
        recorder.registrations[f"{STACK}{types}::o-inner-map"].parent
        == f"{STACK}agency:test:Outer$agency:test:Inner::o-inner"
    )


def test_a_urn_that_is_registered_twice_is_an_error_that_names_it() -> None:
    def program() -> None:
        config_map("same", "space", {})
        config_map("same", "other", {})

    with pytest.raises(DuplicateUrnError, match=r"Duplicate resource URN 'urn:pulumi:dev.*::same'"):
        record(program)


def test_options_are_seen() -> None:
    def program() -> None:
        provider = kubernetes.Provider("cluster", context="x")
        first = config_map("first", "space", {})
        options = ResourceOptions(
            provider=provider,
            depends_on=[first],
            protect=True,
            retain_on_delete=True,
            import_="space/second",
            ignore_changes=["data"],
            delete_before_replace=True,
        )
        config_map("second", "space", {}, options)

    recorder, _ = record(program)
    first, second = (
        recorder.registrations[f"{STACK}kubernetes:core/v1:ConfigMap::{name}"] for name in ("first", "second")
    )
    assert second.dependencies == {first.urn}
    assert second.provider.startswith(f"{STACK}pulumi:providers:kubernetes::cluster::")
    assert (second.protect, second.retain_on_delete, second.delete_before_replace) == (True, True, True)
    assert (second.import_id, second.ignore_changes) == ("space/second", ("data",))
    assert first.provider == ""


def test_aliases_become_urns_and_children_inherit_their_parents() -> None:
    recorder, _ = record(lambda: Outer("new", ResourceOptions(aliases=[Alias(name="old")])) and None)
    child = next(each for each in recorder.registrations.values() if each.name == "new-inner-map")
    types = "agency:test:Outer$agency:test:Inner$kubernetes:core/v1:ConfigMap"
    assert child.aliases == (f"{STACK}{types}::old-inner-map",)


def test_a_property_depends_on_what_its_output_came_from() -> None:
    def program() -> None:
        bucket = aws.s3.Bucket("bucket", bucket="some-bucket")
        aws.s3.BucketPolicy("policy", bucket=bucket.id, policy=bucket.arn.apply(lambda arn: arn + "/*"))

    recorder, _ = record(program)
    bucket = f"{STACK}aws:s3/bucket:Bucket::bucket"
    policy = next(each for each in recorder.registrations.values() if each.name == "policy")
    assert policy.property_dependencies == {"bucket": (bucket,), "policy": (bucket,)}
    assert policy.inputs == {"bucket": "some-bucket", "policy": "arn:aws:s3:::some-bucket/*"}


def test_secrets_stay_recognizable_and_hide_in_texts() -> None:
    def program() -> None:
        key = pulumi.Config("digital-agency").require_secret("key")
        config_map("map", "space", {"key": key, "plain": "x"})
        pulumi.export("key", key)

    recorder, outputs = record(
        program, config={"digital-agency:key": "hush"}, secret_keys=["digital-agency:key"]
    )
    registered = next(each for each in recorder.registrations.values() if each.name == "map")
    assert registered.inputs["data"] == {"key": Secret("hush"), "plain": "x"}
    assert outputs == {"key": Secret("hush")}
    assert "hush" not in repr((registered, outputs))


def test_a_preview_knows_inputs_and_no_outputs() -> None:
    def program() -> None:
        role = aws.iam.Role("role", name="some-role", assume_role_policy="{}")
        config_map("map", "space", {"arn": role.arn, "name": role.name})
        pulumi.export("arn", role.arn)

    recorder, outputs = record(program, dry_run=True)
    registered = next(each for each in recorder.registrations.values() if each.name == "map")
    assert registered.inputs["data"] == {"arn": COMPUTED, "name": "some-role"}
    assert outputs == {"arn": COMPUTED}


def test_outputs_of_components_and_of_the_stack_are_kept() -> None:
    def program() -> None:
        pulumi.export("made", {"name": Outer("o").inner.map.metadata.name, "number": 3})

    recorder, outputs = record(program)
    assert recorder.registrations[f"{STACK}agency:test:Outer::o"].outputs == {"inner": "o-inner-map"}
    assert outputs == {"made": {"name": "o-inner-map", "number": 3}}


def test_an_invoke_is_seen_with_its_arguments_and_answered() -> None:
    def program() -> None:
        cluster = aws.eks.get_cluster_output(name="blue", region="eu-west-1")
        pulumi.export("endpoint", cluster.endpoint)
        pulumi.export("issuer", cluster.identities[0].oidcs[0].issuer)
        pulumi.export("account", aws.get_caller_identity_output().account_id)

    recorder, outputs = record(program)
    assert ("aws:eks/getCluster:getCluster", {"name": "blue", "region": "eu-west-1"}, "") in recorder.invokes
    assert outputs["endpoint"].startswith("https://")
    assert outputs["issuer"].startswith("https://oidc.eks.eu-west-1.amazonaws.com/id/")
    assert outputs["account"] == "123456789012"


def test_messages_are_kept_with_the_resource_that_they_are_about() -> None:
    def program() -> None:
        pulumi.warn("careful")
        pulumi.log.info("by the way", config_map("map", "space", {}))

    recorder, _ = record(program)
    assert ("warning", "careful", "") in recorder.messages
    assert ("info", "by the way", f"{STACK}kubernetes:core/v1:ConfigMap::map") in recorder.messages
