"""What the embedded engine does to each resource, on the real API server and the emulator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as kubernetes
import pytest
from pulumi import Alias, ComponentResource, ResourceOptions

from local.embedded.state import State
from local.emulator import ensure_hosted_zone
from tests.engine.stage import (
    Program,
    Stage,
    actions,
    assorted,
    config_map,
    failure,
    health_check,
    stateful_set,
)


def in_namespace(stage: Stage, *maps: str, **options: Any) -> Program:
    """A program with the test's namespace and these ConfigMaps."""

    def program() -> None:
        space = kubernetes.core.v1.Namespace("space", metadata={"name": stage.name})
        for name in maps:
            config_map(name, stage.name, {"key": name}, ResourceOptions(depends_on=[space], **options))

    return program


def a_bucket(name: str, region: str = "us-east-1", **options: Any) -> Program:
    return lambda: (
        aws.s3.Bucket("bucket", bucket=name, region=region, opts=ResourceOptions(**options)) and None
    )


def zone_of(stage: Stage) -> str:
    zone = f"Z{stage.name.upper()}"
    ensure_hosted_zone(stage.emulator.url, zone, f"{stage.name}.example.com")
    return zone


def test_each_kind_of_resource_is_made_and_a_second_run_changes_nothing(stage: Stage) -> None:
    program, zone = assorted(stage.name, zone=zone_of(stage)), f"Z{stage.name.upper()}"
    first = stage.run(program)
    assert set(actions(first).values()) == {"create"}
    assert stage.live("ConfigMap", "settings", namespace=stage.name)["data"] == {"key": "value"}  # type: ignore[index]
    versioning = stage.aws("s3", "eu-west-1").get_bucket_versioning(Bucket=f"{stage.name}-bucket")
    assert versioning["Status"] == "Enabled"
    records = stage.aws("route53").list_resource_record_sets(HostedZoneId=zone)["ResourceRecordSets"]
    made = next(one for one in records if one.get("SetIdentifier") == "one")
    assert (made["Weight"], made["TTL"]) == (10, 20)
    assert made["HealthCheckId"] == stage.health_checks()[0]["Id"]
    second = stage.run(program)
    assert actions(second) == {}
    assert second.summary() == f"nothing changed: {len(first.steps)} resources are as the program has them"


def test_outputs_are_what_the_emulator_answered_and_stay_known(stage: Stage) -> None:
    def program() -> None:
        role = aws.iam.Role("role", name=f"{stage.name}-role", assume_role_policy="{}")
        pulumi.export("role", [role.arn, role.unique_id])

    first = stage.run(program)
    real = stage.aws("iam").get_role(RoleName=f"{stage.name}-role")["Role"]
    assert first.registrations[first.stack_urn].outputs == {"role": [real["Arn"], real["RoleId"]]}
    again = stage.plan(program)
    assert again.registrations[again.stack_urn].outputs == {"role": [real["Arn"], real["RoleId"]]}


def test_a_plan_changes_nothing_and_shows_each_property_that_will(stage: Stage) -> None:
    def program(value: str) -> Program:
        def run() -> None:
            kubernetes.core.v1.Namespace("space", metadata={"name": stage.name, "labels": {"value": value}})

        return run

    stage.run(program("one"))
    planned = stage.plan(program("two"))
    assert actions(planned) == {"space": "update"}
    assert 'metadata.labels.value: "one" → "two"' in stage.said[-1]
    assert stage.live("Namespace", stage.name)["metadata"]["labels"]["value"] == "one"  # type: ignore[index]
    assert actions(stage.run(program("two"))) == {"space": "update"}
    assert stage.live("Namespace", stage.name)["metadata"]["labels"]["value"] == "two"  # type: ignore[index]


def test_a_field_that_left_the_program_leaves_the_object(stage: Stage) -> None:
    def program(data: dict[str, str]) -> Program:
        return lambda: config_map(f"{stage.name}-map", "default", data) and None

    stage.run(program({"stays": "1", "goes": "2"}))
    stage.run(program({"stays": "1"}))
    assert stage.live("ConfigMap", f"{stage.name}-map", namespace="default")["data"] == {"stays": "1"}  # type: ignore[index]


def test_what_left_the_program_is_deleted_what_needs_another_first(stage: Stage) -> None:
    stage.run(in_namespace(stage, "one", "two"))
    assert actions(stage.run(in_namespace(stage, "one"))) == {"two": "delete"}
    gone = stage.run(lambda: None)
    assert [step.entry["name"] for step in gone.steps] == ["one", "space"]
    assert stage.live("Namespace", stage.name) is None
    assert stage.run(lambda: None).steps == []


def test_what_is_retained_is_left_alone_and_the_output_says_so(stage: Stage) -> None:
    stage.run(in_namespace(stage, "data", retain_on_delete=True))
    assert actions(stage.run(in_namespace(stage))) == {"data": "keep"}
    note = "(not deleted; nothing manages it from now on)"
    assert f"= keep     kubernetes:core/v1:ConfigMap  {stage.name}/data  {note}" in stage.said
    assert stage.live("ConfigMap", "data", namespace=stage.name)
    assert actions(stage.run(in_namespace(stage, "data"))) == {"data": "create"}


def test_the_removal_of_what_is_protected_is_refused_before_anything_is_done(stage: Stage) -> None:
    stage.run(in_namespace(stage, "data", protect=True))
    without = in_namespace(stage, "other")
    what = f"kubernetes:core/v1:ConfigMap  {stage.name}/data"
    refusal = f"{what} left the program and is protected: set protect: false first"
    assert stage.plan(without).refusals == [refusal]
    assert failure(lambda: stage.run(without)) == refusal
    assert stage.live("ConfigMap", "data", namespace=stage.name)
    stage.run(in_namespace(stage, "data"))
    assert actions(stage.run(in_namespace(stage)))["data"] == "delete"


def test_the_replacement_of_what_is_protected_is_refused(stage: Stage) -> None:
    def program(kind: str, *, protect: bool) -> Program:
        return lambda: (
            health_check(
                "check", f"{stage.name}.example.com", type=kind, opts=ResourceOptions(protect=protect)
            )
            and None
        )

    stage.run(program("HTTPS", protect=True))
    assert "is protected: set protect: false first" in stage.plan(program("HTTP", protect=True)).refusals[0]
    assert "is protected" in failure(lambda: stage.run(program("HTTP", protect=False)))
    stage.run(program("HTTPS", protect=False))
    assert actions(stage.run(program("HTTP", protect=False))) == {"check": "replace"}


def test_a_replacement_is_made_before_the_old_one_goes(stage: Stage) -> None:
    def program(host: str, kind: str) -> Program:
        def run() -> None:
            check = health_check("check", f"{host}.{stage.name}.example.com", type=kind)
            config_map(f"{stage.name}-uses", "default", {"check": check.id})

        return run

    stage.run(program("one", "HTTPS"))
    before = stage.health_checks()
    planned = stage.plan(program("two", "HTTP"))
    assert actions(planned) == {"check": "replace", f"{stage.name}-uses": "update"}
    assert "data.check: " in stage.said[-1]
    assert "<computed>" in stage.said[-1]
    stage.run(program("two", "HTTP"))
    after = stage.health_checks()
    assert len(before) == len(after) == 1
    assert before[0]["Id"] != after[0]["Id"]
    live = stage.live("ConfigMap", f"{stage.name}-uses", namespace="default")
    assert live and live["data"] == {"check": after[0]["Id"]}


def test_a_replacement_under_the_same_name_goes_before_it_is_made_anew(stage: Stage) -> None:
    def program(service: str) -> Program:
        def run() -> None:
            space = kubernetes.core.v1.Namespace("space", metadata={"name": stage.name})
            kubernetes.apps.v1.StatefulSet(
                "workload",
                **stateful_set(stage.name, serviceName=service),
                opts=ResourceOptions(depends_on=[space]),
            )

        return run

    stage.run(program("one"))
    before = stage.live("StatefulSet", "workload", version="apps/v1", namespace=stage.name)
    assert actions(stage.run(program("two"))) == {"workload": "replace"}
    after = stage.live("StatefulSet", "workload", version="apps/v1", namespace=stage.name)
    assert before and after
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert after["spec"]["serviceName"] == "two"


def test_what_is_kept_is_never_replaced_under_its_own_name(stage: Stage) -> None:
    def program(mode: str) -> Program:
        spec: Any = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}}

        def run() -> None:
            space = kubernetes.core.v1.Namespace("space", metadata={"name": stage.name})
            kubernetes.core.v1.PersistentVolumeClaim(
                "volume",
                metadata={"name": "volume", "namespace": stage.name},
                spec=spec,
                opts=ResourceOptions(depends_on=[space], retain_on_delete=True),
            )

        return run

    stage.run(program("ReadWriteOnce"))
    (refusal,) = stage.plan(program("ReadWriteMany")).refusals
    assert refusal.startswith(
        f"kubernetes:core/v1:PersistentVolumeClaim  {stage.name}/volume can't change in place"
    )
    assert 'spec.accessModes.0: "ReadWriteOnce" → "ReadWriteMany"' in refusal


def test_an_alias_renames_without_touching_what_is_there(stage: Stage) -> None:
    class Group(ComponentResource):
        def __init__(self, name: str, opts: ResourceOptions | None = None) -> None:
            super().__init__("agency:test:Group", name, None, opts)
            health_check(f"{name}-check", f"{stage.name}.example.com", opts=ResourceOptions(parent=self))
            self.register_outputs({})

    stage.run(lambda: Group("old") and None)
    before = stage.health_checks()
    renamed = lambda: Group("new", ResourceOptions(aliases=[Alias(name="old")])) and None  # noqa: E731
    assert actions(stage.run(renamed)) == {}
    assert stage.health_checks() == before
    assert actions(stage.run(renamed)) == {}
    assert actions(stage.run(lambda: Group("other") and None)) == {
        "other-check": "create",
        "new-check": "delete",
    }


def test_without_services_a_plan_calls_nobody_and_shows_what_is_not_known_yet(stage: Stage) -> None:
    planned = stage.run(assorted(stage.name, zone="Z1"), dry_run=True, connected=False)
    assert set(actions(planned).values()) == {"create"}
    assert not stage.state.exists()
    assert stage.health_checks() == []


def test_a_bucket_that_was_kept_is_taken_over_only_when_it_is_said(stage: Stage) -> None:
    name = f"{stage.name}-kept"
    stage.run(a_bucket(name, retain_on_delete=True))
    assert actions(stage.run(lambda: None)) == {"bucket": "keep"}
    message = failure(lambda: stage.run(a_bucket(name)))
    assert (
        f"bucket {name} was kept from before; add `adopt: true` to regions[name=us-east-1] in the stack file"
        in message
    )
    assert actions(stage.run(a_bucket(name, import_=name))) == {"bucket": "create"}
    assert actions(stage.run(a_bucket(name))) == {}


def test_a_bucket_that_is_not_there_cannot_be_adopted(stage: Stage) -> None:
    name = f"{stage.name}-missing"
    assert f"there is no bucket {name} to adopt" in failure(lambda: stage.run(a_bucket(name, import_=name)))


def test_the_first_error_stops_the_run_says_which_resource_and_keeps_what_was_done(stage: Stage) -> None:
    def program(name: str) -> Program:
        def run() -> None:
            space = kubernetes.core.v1.Namespace("space", metadata={"name": stage.name})
            broken = config_map(name, stage.name, {}, ResourceOptions(depends_on=[space]))
            config_map("after", stage.name, {}, ResourceOptions(depends_on=[broken]))

        return run

    message = failure(lambda: stage.run(program("Not_A_Name")))
    assert message.startswith('kubernetes:core/v1:ConfigMap Not_A_Name: ConfigMap "Not_A_Name" is invalid')
    assert stage.live("Namespace", stage.name)
    assert stage.live("ConfigMap", "after", namespace=stage.name) is None
    assert actions(stage.run(program("a-name"))) == {
        "a-name": "create",
        "after": "create",
        "Not_A_Name": "delete",
    }


def test_what_a_restarted_emulator_forgot_is_made_again_and_it_is_said(stage: Stage) -> None:
    def program() -> None:
        health_check("check", f"{stage.name}.example.com")
        config_map(f"{stage.name}-map", "default", {})

    stage.run(program)
    stage.emulator = replace(stage.emulator, instance="another")
    assert actions(stage.run(program)) == {"check": "create"}
    assert "the AWS emulator was started anew and is empty: what was in it is made again" in stage.said
    assert actions(stage.run(program)) == {}


def test_secrets_are_applied_in_plain_and_kept_only_as_a_hash(stage: Stage) -> None:
    def program(text: str) -> Program:
        return lambda: (
            config_map(f"{stage.name}-map", "default", {"key": pulumi.Output.secret(text)}) and None
        )

    stage.run(program("hush"))
    live = stage.live("ConfigMap", f"{stage.name}-map", namespace="default")
    assert live and live["data"] == {"key": "hush"}
    assert "hush" not in stage.state.read_text()
    assert actions(stage.run(program("hush"))) == {}
    stage.plan(program("tell"))
    assert "data.key: [secret] → [secret]" in stage.said[-1] or "data: [secret] → [secret]" in stage.said[-1]
    assert "tell" not in "".join(stage.said)


def test_a_provider_whose_settings_change_changes_nothing_else(stage: Stage) -> None:
    def program(kubeconfig: str) -> Program:
        def run() -> None:
            provider = kubernetes.Provider("cluster", kubeconfig=kubeconfig)
            config_map(f"{stage.name}-map", "default", {}, ResourceOptions(provider=provider))

        return run

    text = stage.kubeconfig.read_text()
    stage.run(program(text))
    assert actions(stage.run(program(f"{text}\n# rotated\n"))) == {"cluster": "update"}


@pytest.mark.parametrize("type_", ["aws:lambda/function:Function", "random:index/randomId:RandomId"])
def test_a_type_that_the_table_has_not_is_an_error_that_names_it(stage: Stage, type_: str) -> None:
    program = lambda: pulumi.CustomResource(type_, "unknown") and None  # noqa: E731
    assert f"the embedded engine does not know the type {type_}: use the pulumi CLI" in failure(
        lambda: stage.plan(program)
    )


def test_a_property_that_has_no_place_is_an_error_that_names_it(stage: Stage) -> None:
    program = lambda: health_check("check", f"{stage.name}.example.com", reference_name="x") and None  # noqa: E731
    assert "no place for referenceName" in failure(lambda: stage.run(program))
    assert State(stage.state).resources[next(iter(State(stage.state).resources))]["pending"] == "create"
