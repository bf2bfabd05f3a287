"""`python -m local up` on the real services: a first run, a second run, a changed file."""

from __future__ import annotations

import random
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from local.aws import emulator
from local.cluster import control_plane
from local.machine.processes import Processes
from plan.resolver import Client, resolve
from tests.local.commands import run, start
from tests.local.target import ACME, DOMAIN, EU, GLOBEX, US, Key, Target, live_names, names_of, same
from tests.services import until

SETTLED_SECONDS = 1.5
SYSTEM = "digital-agency-system"


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The stack, deployed once; a test that changes it puts it back."""
    folder = tmp_path_factory.mktemp("target")
    running = Target(folder / "state", folder / "Pulumi.own.yaml")
    running.write()
    try:
        running.up()
        yield running
    finally:
        Processes(running.state).stop_all()


@pytest.fixture(autouse=True)
def put_back(target: Target) -> Iterator[None]:
    yield
    target.write()


def bucket(region: str) -> str:
    return f"agency-localhost-test-local-{region}"


def named(target: Target, kind: str) -> set[tuple[str, str]]:
    return {(space, name) for each, space, name in target.objects() if each == kind}


def test_every_company_has_its_namespace_and_its_workloads_in_the_cluster(target: Target) -> None:
    assert named(target, "Namespace") == {("", ACME), ("", GLOBEX), ("", "digital-agency-system")}
    workloads = {
        (company, f"{kind}-{region}")
        for company in (ACME, GLOBEX)
        for kind in ("agent", "brain")
        for region in (US, EU)
    }
    for kind in ("StatefulSet", "PersistentVolumeClaim"):
        assert named(target, kind) == workloads
    controller = {(SYSTEM, "failover-controller")}
    for kind in ("ServiceAccount", "PodDisruptionBudget"):
        assert named(target, kind) == workloads | controller
    for kind in ("Deployment", "Lease", "Role"):
        assert named(target, kind) == controller
    assert named(target, "RoleBinding") == {(company, "failover") for company in (ACME, GLOBEX)} | controller
    assert named(target, "Ingress") == {each for each in workloads if each[1].startswith("agent")} | {
        ("digital-agency-system", f"edge-{region}") for region in (US, EU)
    }
    assert named(target, "Secret") == {(ACME, "api-keys"), *controller}


def test_every_region_has_its_bucket_and_copies_its_own_prefix_to_the_other(target: Target) -> None:
    names = target.aws("s3").list_buckets()["Buckets"]
    assert {each["Name"] for each in names} == {bucket(US), bucket(EU)}
    for region, other in ((US, EU), (EU, US)):
        s3 = target.aws("s3", region)
        assert s3.get_bucket_versioning(Bucket=bucket(region))["Status"] == "Enabled"
        block = s3.get_public_access_block(Bucket=bucket(region))["PublicAccessBlockConfiguration"]
        assert set(block.values()) == {True}
        [rule] = s3.get_bucket_replication(Bucket=bucket(region))["ReplicationConfiguration"]["Rules"]
        assert rule["Filter"] == {"Prefix": f"{region}/"}
        assert rule["Destination"]["Bucket"] == f"arn:aws:s3:::{bucket(other)}"


def test_the_rules_that_were_made_are_followed(target: Target) -> None:
    for region in (US, EU):
        for prefix in (US, EU):
            key = f"{prefix}/acme/brain/from-{region}"
            target.aws("s3", region).put_object(Bucket=bucket(region), Key=key, Body=b"x")

    def keys(region: str) -> set[str]:
        running = target.aws("s3", region).list_objects_v2(Bucket=bucket(region))["Contents"]
        return {each["Key"] for each in running if "/from-" in each["Key"]}

    own = {f"{region}/acme/brain/from-{region}" for region in (US, EU)}
    until(lambda: all(own <= keys(region) for region in (US, EU)), "both buckets have both own prefixes")
    for region, other in ((US, EU), (EU, US)):
        assert keys(region) - own == {f"{other}/acme/brain/from-{region}"}


def test_every_component_of_a_region_has_its_role_and_the_buckets_have_theirs(target: Target) -> None:
    iam = target.aws("iam")
    names = {each["RoleName"] for each in iam.list_roles()["Roles"]}
    of_components = {f"{kind}-{region}-" for kind in ("agent", "brain") for region in (US, EU)}
    assert {re.sub("[0-9a-f]{8}$", "", name) for name in names} == of_components | {
        bucket(US),
        bucket(EU),
        "agency-localhost-test-local-replication",
    }
    for name in names:
        assert iam.list_role_policies(RoleName=name)["PolicyNames"] == ["replication"]


@pytest.mark.parametrize(("company", "order"), [(ACME, [US, EU]), (GLOBEX, [EU, US])])
def test_a_company_s_name_leads_to_its_first_healthy_region(
    target: Target, company: str, order: list[str]
) -> None:
    records, checks = target.records(), target.checks()
    client = Client(country=None, continent=None, nearest=(US, EU))
    for size in range(len(order) + 1):
        for healthy in combinations(order, size):
            passing = {check for check, host in checks.items() if host.split(".")[0] in healthy}
            answer = resolve(records, f"{company}.{DOMAIN}", client, passing.__contains__)
            wanted = next((each for each in order if each in healthy), order[0])
            assert answer == {f"{wanted}.local.test": 1}, healthy


def test_a_second_run_changes_nothing_and_says_so(target: Target) -> None:
    before = settled(target)
    said = target.up()
    assert "nothing changed: " in said
    assert target.versions() == before
    assert target.preview() == []


def settled(target: Target) -> dict[Key, str]:
    """Versions of all objects, once the cluster's own controllers have done what they do to new ones."""
    seen = [target.versions()]

    def is_quiet() -> bool:
        time.sleep(SETTLED_SECONDS)
        seen.append(target.versions())
        return seen[-1] == seen[-2]

    until(is_quiet, "the cluster is quiet")
    return seen[-1]


def test_a_run_leaves_no_key_of_the_cluster_in_the_machine_s_temporary_folder(target: Target) -> None:
    def kubeconfigs() -> set[Path]:
        return set(Path(tempfile.gettempdir()).glob("kubeconfig*"))

    before = kubeconfigs()
    target.up()
    assert kubeconfigs() == before


def test_a_preview_of_an_edited_file_shows_exactly_that_difference(target: Target) -> None:
    target.write(lambda raw: raw["companies"][1].update(brain={"replicas": 2, "accessMode": "ReadWriteOnce"}))
    code, said, errors = run(target.state, "preview", "--config", str(target.file))
    assert (code, said) == (2, "")  # several replicas on a volume of one
    assert "companies" in errors

    before = target.versions()
    target.write(lambda raw: raw.update(environment={"LOG_LEVEL": "debug"}))
    changed = target.preview()
    assert [line.split()[:2] for line in changed] == [["~", "update"]] * 8
    assert all("StatefulSet" in line for line in changed)
    target.write(lambda raw: raw["companies"].append({"name": "initech"}))
    changed = target.preview()
    [updated] = [line for line in changed if not line.startswith("+ create")]
    assert updated.split()[:3] == ["~", "update", "kubernetes:core/v1:ConfigMap"]
    assert updated.endswith("-failover-settings")
    assert len(changed) > 1
    assert all("initech" in line for line in changed if line is not updated)
    assert target.versions().keys() == before.keys()


@pytest.mark.slow
def test_a_company_leaves_its_data_stays_and_it_finds_it_again(target: Target) -> None:
    before, records = target.objects(), names_of(target.records())
    kept = {key for key in before if GLOBEX in key and key[0] in ("Namespace", "PersistentVolumeClaim")}
    target.write(lambda raw: raw["companies"].pop(1))
    said = target.up()
    after = target.objects()
    assert {key for key in after if GLOBEX in key} == kept
    assert {key: each for key, each in after.items() if GLOBEX not in key}.keys() == {
        key for key in before if GLOBEX not in key
    }
    assert all(same(after[key], before[key]) for key in after)
    [alias] = [each for each in target.records() if each["Name"].startswith(f"{ACME}.")]
    tree = f"{alias['AliasTarget']['DNSName'].rstrip('.')}."
    left = {each for each in records if each[0] in (alias["Name"], tree)}
    assert names_of(target.records()) == left, "records of another company went with it"
    retained = [line for line in said.splitlines() if line.startswith("- delete") and "(retained: " in line]
    assert len(retained) == len(kept) == 5
    assert "5 of the deleted resources are retained" in said

    target.write()
    target.up()
    back = target.objects()
    assert back.keys() == before.keys()
    assert names_of(target.records()) == records
    for key in kept:
        assert back[key]["metadata"]["uid"] == before[key]["metadata"]["uid"]
    assert "nothing changed: " in target.up()


@pytest.mark.slow
def test_a_run_after_kills_and_interrupts_has_the_same_result(target: Target, tmp_path: Path) -> None:
    other = Target(tmp_path / "state", target.file)
    moments = random.Random(3)
    try:
        for number in (signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
            process = start(other.state, "up", "--config", str(other.file))
            assert process.stdout is not None
            for _ in range(moments.randrange(6, 60)):  # a line for each created resource
                process.stdout.readline()
            time.sleep(moments.random() / 10)
            process.send_signal(number)
            _, errors = process.communicate()
            if number == signal.SIGINT:
                assert (process.returncode, errors.partition(":")[0]) == (130, "interrupted")
                assert list(other.state.glob("backend/.pulumi/locks/**/*.json")) == []
        other.up()
        assert "nothing changed: " in other.up()
        assert {key: managers for key, managers in other.managers().items() if len(managers) > 1} == {}
        running, wanted = other.snapshot(), target.snapshot()
        for part in wanted:
            assert running[part] == wanted[part], part
        assert sorted(live_names(other.state)) == sorted([*control_plane.PROGRAMS, emulator.NAME])
        code, said, _ = run(other.state, "down")
        assert (code, said.splitlines()[-1]) == (0, f"removed {other.state}")
        assert live_names(other.state) == []
        assert not other.state.exists()
    finally:
        Processes(other.state).stop_all()


def test_an_invalid_file_changes_nothing_and_gives_a_line_for_each_problem(target: Target) -> None:
    before = target.versions()

    def broken(raw: Any) -> None:
        raw["regions"][0]["name"] = "mars-north-1"
        raw["companies"][0]["edge"] = -1
        raw["podUser"] = "root"

    target.write(broken)
    code, said, errors = run(target.state, "up", "--config", str(target.file))
    assert (code, said) == (2, "")
    for text in ("regions", "companies", "podUser", "mars-north-1"):
        assert text in errors
    assert target.versions().keys() == before.keys()


@pytest.mark.slow
def test_a_deleted_resource_is_reported_and_created_again(target: Target) -> None:
    target.api.call("DELETE", f"/api/v1/namespaces/{ACME}/services/brain-{US}")
    secret = ("Secret", SYSTEM, "failover-controller")
    key = target.objects()[secret]["data"]["key"]
    target.api.call("DELETE", f"/api/v1/namespaces/{SYSTEM}/secrets/failover-controller")
    route53 = target.aws("route53")
    [check] = [each for each, host in target.checks().items() if host.startswith(f"{EU}.")]
    route53.delete_health_check(HealthCheckId=check)
    said = target.up()
    drift = {line.split()[3] for line in said.splitlines() if line.startswith("! drift")}
    assert f"{ACME}-brain@{US}-service" in drift
    assert sum("deleted outside Pulumi" in line for line in said.splitlines()) == 3
    assert target.objects()[secret]["data"]["key"] != key
    assert ("Service", ACME, f"brain-{US}") in target.objects()
    assert any(host.startswith(f"{EU}.") for host in target.checks().values())
    assert "nothing changed: " in target.up()


def test_destroy_keeps_the_data_and_the_services(target: Target) -> None:
    """The last test of this module: the stack has to adopt its buckets afterwards."""
    retained = {key for key in target.objects() if key[0] == "PersistentVolumeClaim"}
    code, said, errors = run(target.state, "destroy", "--config", str(target.file))
    assert (code, errors) == (0, ""), said + errors
    assert {key for key in target.objects() if key[0] != "Namespace"} == retained
    assert run(target.state, "status")[1].endswith("nothing is deployed\n")
    assert target.records() == []
    assert {each["Name"] for each in target.aws("s3").list_buckets()["Buckets"]} == {bucket(US), bucket(EU)}
    code, _, errors = run(target.state, "up", "--config", str(target.file))
    assert code == 1
    assert "add `adopt: true` to regions[name=" in errors

    def adopt(raw: Any) -> None:
        for each in raw["regions"]:
            each["adopt"] = True

    target.write(adopt)
    target.up()
    assert {key for key in target.objects() if key[0] == "PersistentVolumeClaim"} == retained
