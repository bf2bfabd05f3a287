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

from ops.validation import prefixes
from ops.validation.checks import CHECKS
from ops.validation.pods import INSIDE
from ops.validation.run import Run
from ops.validation.session import Session
from ops.validation.sites import Limits
from ops.validation.verdicts import Failure, Outcome, Status
from plan.iam import replica_access
from tests.ops.copies import EU, US
from tests.s3 import ADMIN, S3Service
from tests.s3.faults import Fault
from tests.services import until
from tests.validation.box import LIMITS, Boxed

HASTY = replace(LIMITS, copy_slack=2.0, standby=1.0)
"""Where nothing will come, however long it is awaited."""


@pytest.fixture
def boxed(tmp_path: Path, s3: S3Service, rclone: Path) -> Iterator[Boxed]:
    made = Boxed(tmp_path, s3, rclone)
    try:
        yield made
    finally:
        made.close()


def checked(boxed: Boxed, *names: str, limits: Limits = LIMITS, destructive: bool = False) -> list[Outcome]:
    """All checks, or those of these names after those of the application."""
    chosen = [one for one in CHECKS if not names or one.area == "application" or one.name in names]
    run = Run(id="abc123", sites=boxed.sites, limits=limits)
    session = Session(run, cluster=True, destructive=destructive, checks=chosen)
    session.run()
    return session.outcomes


def failures(outcomes: Sequence[Outcome], check: str = "") -> list[str]:
    found = [one for one in outcomes if one.status is Status.FAILED and check in ("", one.check)]
    return [one.detail for one in found]


def test_a_platform_that_keeps_its_promises_passes_and_nothing_is_left(boxed: Boxed, s3: S3Service) -> None:
    boxed.start()
    own = boxed.pod(boxed.sites[0], "brain").gate.volume / "acme"
    own.mkdir()
    (own / "memories.json").write_text("[]")
    outcomes = checked(boxed)
    assert failures(outcomes) == []
    by_check = {one.check: one.status for one in outcomes}
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
        "copy in the bucket": "passed",
        "copy in the standby": "does not apply",
        "restart": "not tried",
        "node restart": "not tried",
        "volume lost": "not tried",
        "removed": "passed",
    }
    assert {one.detail for one in outcomes if one.status == "not tried"} == {"needs --destructive"}
    (tried,) = {one.detail for one in outcomes if one.check == "bucket prefix"}
    assert "with the pod's own credentials: all refused" in tried
    assert len(s3.refused) >= 4, "each company's prefix, and an object of it"
    for site, kept in zip(boxed.sites, (["acme"], []), strict=True):
        volume = boxed.pod(site, "brain").gate.volume
        assert [path.name for path in volume.iterdir() if not path.name.startswith(".")] == kept
        assert not any(boxed.pod(site, "agent").gate.volume.glob("companies/*/hr/proposals/*"))
        for component in ("brain", "agent"):
            gate = boxed.pod(site, component).gate
            assert gate.metric("agency_loss_guard") == 0 and "LossGuard" not in gate.reasons()


def test_without_destructive_nothing_that_runs_is_disturbed(boxed: Boxed, s3: S3Service) -> None:
    """Of every call to Kubernetes, every command in a pod and every call to S3 that a default run makes."""
    boxed.start()
    volumes = [pod.gate.volume for pod in boxed.box.pods.values()]
    own = [volume / "acme" / "own.json" for volume in volumes]
    for file in own:
        file.parent.mkdir()
        file.write_text("kept")
    empty = boxed.pod(boxed.sites[1], "brain").gate.volume / boxed.sites[1].company
    empty.mkdir()
    before = [(file.stat().st_ino, file.stat().st_mtime_ns) for file in own]
    processes, uids = running(boxed), [pod.uid for pod in boxed.box.pods.values()]

    outcomes = checked(boxed)

    assert failures(outcomes) == []
    assert boxed.box.calls == [], "Kubernetes is only read"
    assert running(boxed) == processes and [pod.uid for pod in boxed.box.pods.values()] == uids
    assert [(file.stat().st_ino, file.stat().st_mtime_ns) for file in own] == before and empty.is_dir()
    assert [argv for argv in boxed.box.commands if not is_harmless(argv)] == []
    written = {
        call.key for call in s3.calls if call.principal == ADMIN and call.method not in ("GET", "HEAD")
    }
    assert {key.rpartition("/")[2] for key in written} <= {"accept-shrink.json"}


def running(boxed: Boxed) -> list[int]:
    """The processes of all pods."""
    servers = [server for pod in boxed.box.pods.values() for server in pod.servers.values()]
    found = [one._process for one in (*servers, *(pod.gate for pod in boxed.box.pods.values()))]
    assert all(one is not None and one.poll() is None for one in found)
    return [one.pid for one in found if one is not None]


def is_harmless(argv: Sequence[str]) -> bool:
    """Whether a command only reads, or writes and removes what carries the run's mark."""
    if re.search(r"\b(kill\w*|pkill|signal|reboot|shutdown|halt|poweroff|truncate|mkfs)\b", " ".join(argv)):
        return False
    if argv[0] == "python3":
        asked = json.loads(argv[-1])
        return all(name.startswith("validation-abc123-") for name in asked.get("remove", ()))
    return "rm " not in argv[2] or all("validation-" in file for file in argv[5:])


def test_with_destructive_the_brain_s_pod_is_deleted_and_the_memory_stays(boxed: Boxed) -> None:
    boxed.start()
    outcomes = checked(boxed, "restart", destructive=True)
    assert failures(outcomes) == []
    assert {one.status for one in outcomes if one.check == "restart"} == {"passed"}
    names = [f"{site.namespace}/{site.pod_name('brain')}" for site in boxed.sites]
    assert boxed.box.calls == [("DELETE", name) for name in names]


def test_every_check_that_disturbs_says_that_it_does() -> None:
    assert {one.name for one in CHECKS if one.destructive} == {"restart", "node restart", "volume lost"}


def test_only_empty_folders_are_pruned(tmp_path: Path) -> None:
    (tmp_path / "asked" / "episodic" / "locks").mkdir(parents=True)
    (tmp_path / "used" / "empty").mkdir(parents=True)
    (tmp_path / "used" / "graph.json").write_text("{}")
    argv = [sys.executable, INSIDE / "volume.py", json.dumps({"prune": ["asked", "used", "unknown"]})]
    done = subprocess.run(argv, env={"GATE_VOLUME": str(tmp_path)}, capture_output=True, text=True)
    assert json.loads(done.stdout) == {"asked": 0, "used": 1, "unknown": 0}, done.stderr
    assert [path.name for path in sorted(tmp_path.rglob("*"))] == ["used", "empty", "graph.json"]


def test_a_gate_that_copies_nothing_is_found_by_what_the_bucket_lacks(
    tmp_path: Path, s3: S3Service, rclone: Path
) -> None:
    """It claims that all is well: its pages are those of one that copies."""
    boxed = Boxed(tmp_path, s3, rclone, companies=("acme",))
    try:
        boxed.start(idle=[f"{US}/brain"])
        (cause,) = failures(checked(boxed, "copy in the bucket", limits=HASTY))
    finally:
        boxed.close()
    assert cause.startswith(f"the gate copies nothing: what the brain of acme in {US} stored")
    assert f"s3://{s3.buckets[US]}/{US}/acme/brain" in cause and "its gate says: nothing is wrong" in cause


def test_a_role_that_opens_another_company_s_copies_is_found(boxed: Boxed, s3: S3Service) -> None:
    boxed.start(gates=False)
    site, other = boxed.sites
    wide = replica_access(region=US, buckets=s3.buckets, namespace=other.namespace)
    own = replica_access(region=US, buckets=s3.buckets, namespace=site.namespace)
    both = {**own, "Statement": [*own["Statement"], *wide["Statement"]]}
    s3.principal("wide", both)
    boxed.pod(site, "brain").gate.environment = s3.credentials("wide")
    run = Run(id="abc123", sites=boxed.sites, limits=LIMITS)
    with pytest.raises(Failure, match="a company reads another's copies: acme in us-east-1 may list s3://"):
        prefixes.judge(run, site)
    assert prefixes.judge(run, other).status is Status.PASSED


def test_credentials_that_open_nothing_are_no_proof(boxed: Boxed, s3: S3Service) -> None:
    boxed.start(gates=False)
    site, _ = boxed.sites
    boxed.pod(site, "brain").gate.environment = s3.credentials("nobody")
    with pytest.raises(Failure, match="cannot list its own prefix"):
        prefixes.judge(Run(id="abc123", sites=boxed.sites, limits=LIMITS), site)


def test_an_s3_that_fails_is_no_refusal(boxed: Boxed, s3: S3Service) -> None:
    boxed.start(gates=False)
    s3.fault = lambda call: (
        Fault(status=500)
        if call.principal != ADMIN and "globex-corp" in call.query.get("prefix", "")
        else None
    )
    with pytest.raises(Failure, match=r"may list s3://.*globex-corp/ cannot be judged"):
        prefixes.judge(Run(id="abc123", sites=boxed.sites, limits=LIMITS), boxed.sites[0])


def test_a_pod_that_is_not_ready_is_said_with_its_reason(boxed: Boxed) -> None:
    boxed.start(gates=False)
    pod = boxed.pod(boxed.sites[0], "agent")
    pod.ready, pod.problem = False, "containers with unready status: [agent]"
    outcomes = checked(boxed, "SOP execution")
    assert failures(outcomes, "answers") == [
        "acme/agent-us-east-1-0 is not Ready: containers with unready status: [agent]"
    ]
    told = {one.check: one.status for one in outcomes if one.company == "acme"}
    assert told["stores and finds"] == told["SOP execution"] == "not tried"


def test_a_memory_is_held_ready_by_the_region_that_follows_and_not_written_there(
    tmp_path: Path, s3: S3Service, rclone: Path
) -> None:
    boxed = Boxed(tmp_path, s3, rclone, regions=(US, EU), companies=("acme",), policy="failover")
    try:
        boxed.start()
        serving, standby = boxed.sites
        until(lambda: serving.standby() is None, "the first region serves")
        assert standby.standby() == f"standby: its memory follows {US}"
        outcomes = checked(boxed, "memory", "copy in the standby", "restart", destructive=True)
        assert failures(outcomes) == []
        told = {(one.check, one.region): one.status for one in outcomes}
        assert told["copy in the standby", US] == told["restart", US] == "passed"
        assert (
            told["copy in the standby", EU] == told["restart", EU] == told["memory", EU] == "does not apply"
        )
        assert told["memory", US] == "does not apply", "no other company was chosen"
        assert boxed.pod(standby, "brain").gate.metric("agency_alarm") == 0
    finally:
        boxed.close()


def test_a_standby_that_holds_nothing_fails(tmp_path: Path, s3: S3Service, rclone: Path) -> None:
    boxed = Boxed(tmp_path, s3, rclone, regions=(US, EU), companies=("acme",), policy="failover")
    try:
        boxed.start(idle=[f"{EU}/brain"])
        (cause,) = failures(checked(boxed, "copy in the standby", limits=HASTY))
        assert cause.startswith(f"the standby of acme in {EU} holds nothing of what {US} stored")
    finally:
        boxed.close()
