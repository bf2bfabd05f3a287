"""The suite's checks of a cluster, on pods that are processes of this machine, with real gates and rclone."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ops.probing.failure import Failure
from ops.probing.pods import IN_POD
from ops.validation.check_table import CHECKS
from ops.validation.checks import bucket_prefix
from ops.validation.results import Outcome, Status
from ops.validation.run import Run
from ops.validation.session import Session
from ops.validation.target import Limits
from plan.iam import gate_access
from tests.ops.snapshots import EU, US
from tests.s3 import ADMIN, S3Service
from tests.s3.faults import Fault
from tests.services import until
from tests.validation.fake_cluster import LIMITS, FakeStack

HASTY = replace(LIMITS, upload_slack=2.0, standby=1.0)
"""Where nothing will come, however long it is awaited."""


@pytest.fixture
def fake(tmp_path: Path, s3: S3Service, rclone: Path) -> Iterator[FakeStack]:
    fake_stack = FakeStack(tmp_path, s3, rclone)
    try:
        yield fake_stack
    finally:
        fake_stack.close()


def checked(
    fake: FakeStack,
    *names: str,
    limits: Limits = LIMITS,
    destructive: bool = False,
    read_only: bool = False,
) -> list[Outcome]:
    """All checks, or those of these names after those of the application."""
    chosen = [check for check in CHECKS if not names or check.area == "application" or check.name in names]
    run = Run(id="abc123", targets=fake.targets, limits=limits)
    session = Session(run, cluster=True, destructive=destructive, read_only=read_only, checks=chosen)
    session.run()
    return session.outcomes


def failures(outcomes: Sequence[Outcome], check: str = "") -> list[str]:
    found = [
        outcome for outcome in outcomes if outcome.status is Status.FAILED and check in ("", outcome.check)
    ]
    return [one.detail for one in found]


def test_a_platform_that_keeps_its_promises_passes_and_nothing_is_left(
    fake: FakeStack, s3: S3Service
) -> None:
    fake.start()
    own = fake.pod(fake.targets[0], "brain").gate.volume / "acme"
    own.mkdir()
    (own / "memories.json").write_text("[]")
    outcomes = checked(fake)
    assert failures(outcomes) == []
    by_check = {outcome.check: outcome.status for outcome in outcomes}
    assert by_check == {
        "answers": "passed",
        "stores and finds": "passed",
        "memory": "passed",
        "network": "not enforced here",
        "bucket prefix": "passed",
        "agent to health monitor": "passed",
        "health monitor to agent": "passed",
        "SOP execution": "passed",
        "HR proposal": "passed",
        "snapshot in the bucket": "passed",
        "staged in the standby": "does not apply",
        "restart": "not tried",
        "node restart": "not tried",
        "volume lost": "not tried",
        "removed": "passed",
    }
    assert {one.detail for one in outcomes if one.status == "not tried"} == {"needs --destructive"}
    (tried,) = {one.detail for one in outcomes if one.check == "bucket prefix"}
    assert "with the pod's own credentials: all refused" in tried
    assert len(s3.refused) >= 4, "each company's prefix, and an object of it"
    for target, kept in zip(fake.targets, (["acme"], []), strict=True):
        volume = fake.pod(target, "brain").gate.volume
        assert [path.name for path in volume.iterdir() if not path.name.startswith(".")] == kept
        assert not any(fake.pod(target, "agent").gate.volume.glob("companies/*/hr/proposals/*"))
        for component in ("brain", "agent"):
            gate = fake.pod(target, component).gate
            assert gate.metric("agency_loss_guard") == 0 and "LossGuard" not in gate.reasons()


def test_a_run_that_only_reads_leaves_every_file_as_it_is(fake: FakeStack) -> None:
    fake.start()
    volumes = [fake.pod(target, kind).gate.volume for target in fake.targets for kind in ("brain", "agent")]
    before = [company_files(volume) for volume in volumes]
    outcomes = checked(fake, read_only=True)
    assert failures(outcomes) == []
    tried = {outcome.check for outcome in outcomes if outcome.status is not Status.NOT_TRIED}
    assert tried == {"answers", "network", "bucket prefix", "removed"}
    assert {each.detail for each in outcomes if each.check == "removed"} == {"nothing was stored"}
    assert [company_files(volume) for volume in volumes] == before


def company_files(volume: Path) -> list[Path]:
    """Without the gate's own."""
    files = [path.relative_to(volume) for path in volume.rglob("*")]
    return sorted(path for path in files if not path.parts[0].startswith(".gate"))


def test_without_destructive_nothing_that_runs_is_disturbed(fake: FakeStack, s3: S3Service) -> None:
    """Of every call to Kubernetes, every command in a pod and every call to S3 that a default run makes."""
    fake.start()
    volumes = [pod.gate.volume for pod in fake.cluster.pods.values()]
    own = [volume / "acme" / "own.json" for volume in volumes]
    for file in own:
        file.parent.mkdir()
        file.write_text("kept")
    empty = fake.pod(fake.targets[1], "brain").gate.volume / fake.targets[1].company
    empty.mkdir()
    before = [(file.stat().st_ino, file.stat().st_mtime_ns) for file in own]
    processes, uids = running(fake), [pod.uid for pod in fake.cluster.pods.values()]

    outcomes = checked(fake)

    assert failures(outcomes) == []
    assert fake.cluster.calls == [], "Kubernetes is only read"
    assert running(fake) == processes and [pod.uid for pod in fake.cluster.pods.values()] == uids
    assert [(file.stat().st_ino, file.stat().st_mtime_ns) for file in own] == before and empty.is_dir()
    assert [argv for argv in fake.cluster.commands if not is_harmless(argv)] == []
    written = {
        call.key for call in s3.calls if call.principal == ADMIN and call.method not in ("GET", "HEAD")
    }
    assert {key.rpartition("/")[2] for key in written} <= {"accept-shrink.json"}


def running(fake: FakeStack) -> list[int]:
    """The processes of all pods."""
    servers = [server for pod in fake.cluster.pods.values() for server in pod.servers.values()]
    found = [one._process for one in (*servers, *(pod.gate for pod in fake.cluster.pods.values()))]
    assert all(one is not None and one.poll() is None for one in found)
    return [one.pid for one in found if one is not None]


def is_harmless(argv: Sequence[str]) -> bool:
    """Whether a command only reads, or writes and removes what carries the run's mark."""
    if re.search(r"\b(kill\w*|pkill|signal|reboot|shutdown|halt|poweroff|truncate|mkfs)\b", " ".join(argv)):
        return False
    if argv[0] == "python3":
        asked = json.loads(argv[-1])
        return all("validation-" in name for name in asked.get("remove", ()))
    return "rm " not in argv[2] or all("validation-" in file for file in argv[5:])


def test_with_destructive_the_brain_s_pod_is_deleted_and_the_memory_stays(fake: FakeStack) -> None:
    fake.start()
    outcomes = checked(fake, "restart", destructive=True)
    assert failures(outcomes) == []
    assert {one.status for one in outcomes if one.check == "restart"} == {"passed"}
    names = [f"{target.brain}" for target in fake.targets]
    assert fake.cluster.calls == [("DELETE", name) for name in names]


def test_only_empty_folders_are_pruned(tmp_path: Path) -> None:
    (tmp_path / "asked" / "episodic" / "locks").mkdir(parents=True)
    (tmp_path / "used" / "empty").mkdir(parents=True)
    (tmp_path / "used" / "graph.json").write_text("{}")
    argv = [sys.executable, IN_POD / "volume.py", json.dumps({"prune": ["asked", "used", "unknown"]})]
    done = subprocess.run(argv, env={"GATE_VOLUME": str(tmp_path)}, capture_output=True, text=True)
    assert json.loads(done.stdout)["files"] == {"asked": 0, "used": 1, "unknown": 0}, done.stderr
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["used", "empty", "graph.json"]


def test_a_gate_that_uploads_nothing_is_found_by_what_the_bucket_lacks(
    tmp_path: Path, s3: S3Service, rclone: Path
) -> None:
    """It claims that all is well: its pages are those of a gate that uploads."""
    fake = FakeStack(tmp_path, s3, rclone, companies=("acme",))
    try:
        fake.start(idle=[f"{US}/brain"])
        (cause,) = failures(checked(fake, "snapshot in the bucket", limits=HASTY))
    finally:
        fake.close()
    assert cause.startswith(f"the gate uploads nothing: what the brain of acme in {US} stored")
    assert f"s3://{s3.buckets[US]}/{US}/acme/brain" in cause and "its gate reports: no problem" in cause


def test_a_role_that_opens_another_company_s_snapshots_is_found(fake: FakeStack, s3: S3Service) -> None:
    fake.start(gates=False)
    target, other = fake.targets
    own, wide = (
        gate_access(region=US, component="brain", buckets=s3.buckets, keys={}, namespace=each.namespace)
        for each in (target, other)
    )
    both = {**own, "Statement": [*own["Statement"], *wide["Statement"]]}
    s3.principal("wide", both)
    fake.pod(target, "brain").gate.environment = s3.credentials("wide")
    run = Run(id="abc123", targets=fake.targets, limits=LIMITS)
    with pytest.raises(
        Failure, match="a company can read another's snapshots: acme in us-east-1 may list s3://"
    ):
        bucket_prefix.check(run, target)
    assert bucket_prefix.check(run, other).status is Status.PASSED


def test_credentials_that_open_nothing_are_no_proof(fake: FakeStack, s3: S3Service) -> None:
    fake.start(gates=False)
    target, _ = fake.targets
    fake.pod(target, "brain").gate.environment = s3.credentials("nobody")
    with pytest.raises(Failure, match="cannot list its own prefix"):
        bucket_prefix.check(Run(id="abc123", targets=fake.targets, limits=LIMITS), target)


def test_an_s3_that_fails_is_no_refusal(fake: FakeStack, s3: S3Service) -> None:
    fake.start(gates=False)
    s3.fault = lambda call: (
        Fault(status=500)
        if call.principal != ADMIN and "globex-corp" in call.query.get("prefix", "")
        else None
    )
    with pytest.raises(Failure, match=r"may list s3://.*globex-corp/ cannot be judged"):
        bucket_prefix.check(Run(id="abc123", targets=fake.targets, limits=LIMITS), fake.targets[0])


def test_a_pod_that_is_not_ready_is_said_with_its_reason(fake: FakeStack) -> None:
    fake.start(gates=False)
    pod = fake.pod(fake.targets[0], "agent")
    pod.ready, pod.problem = False, "containers with unready status: [agent]"
    outcomes = checked(fake, "SOP execution")
    assert failures(outcomes, "answers") == [
        "acme/agent-us-east-1-0 is not Ready: containers with unready status: [agent]"
    ]
    statuses = {outcome.check: outcome.status for outcome in outcomes if outcome.company == "acme"}
    assert statuses["stores and finds"] == statuses["SOP execution"] == "not tried"


def test_a_memory_is_held_ready_by_the_region_that_follows_and_not_written_there(
    tmp_path: Path, s3: S3Service, rclone: Path
) -> None:
    fake = FakeStack(tmp_path, s3, rclone, regions=(US, EU), companies=("acme",), policy="failover")
    try:
        fake.start()
        serving, standby = fake.targets
        until(lambda: serving.standby_reason() is None, "the first region serves")
        assert standby.standby_reason() == f"standby: its memory follows {US}"
        outcomes = checked(fake, "memory", "staged in the standby", "restart", destructive=True)
        assert failures(outcomes) == []
        statuses = {(outcome.check, outcome.region): outcome.status for outcome in outcomes}
        assert statuses["staged in the standby", US] == statuses["restart", US] == "passed"
        assert (
            statuses["staged in the standby", EU]
            == statuses["restart", EU]
            == statuses["memory", EU]
            == "does not apply"
        )
        assert statuses["memory", US] == "does not apply", "no other company was chosen"
        assert fake.pod(standby, "brain").gate.metric("agency_alarm") == 0
    finally:
        fake.close()


def test_a_standby_that_holds_nothing_fails(tmp_path: Path, s3: S3Service, rclone: Path) -> None:
    fake = FakeStack(tmp_path, s3, rclone, regions=(US, EU), companies=("acme",), policy="failover")
    try:
        fake.start(idle=[f"{EU}/brain"])
        (cause,) = failures(checked(fake, "staged in the standby", limits=HASTY))
        assert cause.startswith(f"the standby acme in {EU} has staged nothing of what {US} stored")
    finally:
        fake.close()
