"""A question that fails, or that nobody could answer, is no proof."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients.http_client import HttpError
from ops.probing.failure import Failure
from ops.probing.pods import IN_POD, ComponentPod
from ops.probing.test_data import require_calm
from ops.validation.checks import hr_proposal, memory, sop_execution, stores_and_finds
from ops.validation.process_target import Commands, ProcessTarget
from ops.validation.results import Status, Verdict
from ops.validation.run import Run
from ops.validation.target import Target
from tests.ops.snapshots import EU, US
from tests.s3 import S3Service
from tests.validation.fake_cluster import FakeStack
from tests.validation.process_runs import LIMITS, application

Made = Callable[..., Run]


@pytest.fixture
def run_of(tmp_path: Path) -> Iterator[Made]:
    """A run of companies, each with a Brain that has the fault of its name."""
    targets = list[ProcessTarget]()

    def make(**faults: str) -> Run:
        for company, fault in faults.items():
            commands = Commands(
                brain=application("brain", *fault.split()), health_monitor=application("health-monitor")
            )
            targets.append(ProcessTarget(company, commands, tmp_path / "volumes", tmp_path / "logs", LIMITS))
            targets[-1].open()
        return Run(id="abc123", targets=targets, limits=LIMITS)

    yield make
    for target in targets:
        target.close()


@pytest.mark.parametrize(
    ("fault", "check"), [("deaf", memory.check), ("unlearning", sop_execution.check)], ids=["memory", "SOP"]
)
def test_a_brain_that_finds_nothing_at_all_proves_no_isolation(
    run_of: Made, fault: str, check: Callable[[Run, Target], Verdict]
) -> None:
    run = run_of(acme="", globex=fault)
    stores_and_finds.check(run, run.targets[0])
    verdict = check(run, run.targets[0])
    assert verdict.status is Status.NOT_TRIED
    assert "proves nothing: no other Brain (globex)" in verdict.detail


def test_one_brain_that_finds_its_own_proves_it_and_the_others_are_named(run_of: Made) -> None:
    run = run_of(acme="", globex="deaf", initech="")
    stores_and_finds.check(run, run.targets[0])
    verdict = memory.check(run, run.targets[0])
    assert verdict.status is Status.PASSED
    assert verdict.detail.endswith("this proves nothing about globex, where nothing can be stored now")


def test_a_brain_that_once_failed_to_recall_is_not_excused_by_another_s_check(run_of: Made) -> None:
    run = run_of(acme="", globex="unlearning")
    sop_execution.check(run, run.targets[0])
    with pytest.raises(Failure, match="the Brain of globex does not recall"):
        sop_execution.check(run, run.targets[1])


@pytest.fixture
def fake(tmp_path: Path, s3: S3Service, rclone: Path) -> Iterator[FakeStack]:
    fake_stack = FakeStack(tmp_path, s3, rclone, regions=(US, EU), policy="failover")
    fake_stack.start(gates=False)
    try:
        yield fake_stack
    finally:
        fake_stack.close()


@pytest.mark.parametrize("page", [(502, "no way there"), (200, "agency_other 1\n")], ids=["502", "no series"])
def test_a_gate_that_does_not_say_its_role_is_no_standby(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch, page: tuple[int, str]
) -> None:
    """Else every check of a memory would be reported as one that does not apply."""
    follower = fake.targets[-1]
    monkeypatch.setattr(ComponentPod, "page", lambda pod, path: page)
    with pytest.raises((Failure, HttpError), match=r"the metrics of its gate lack|status 502: no way"):
        follower.standby_reason()


@pytest.mark.parametrize("page", [(502, "no way there"), (200, "")], ids=["502", "no series"])
def test_a_loss_guard_that_nobody_knows_of_is_not_calm(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch, page: tuple[int, str]
) -> None:
    target = fake.targets[0]
    monkeypatch.setattr(ComponentPod, "page", lambda pod, path: page)
    with pytest.raises((Failure, HttpError), match=r"loss guard of acme/brain.* is not known|status 502"):
        require_calm(target.brain)


def test_a_search_for_proposals_that_does_not_find_the_own_one_is_no_proof(
    fake: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(id="abc123", targets=fake.targets, limits=LIMITS)
    assert hr_proposal.check(run, fake.targets[0]).status is Status.PASSED
    monkeypatch.setattr(hr_proposal, "_FIND", "true")
    with pytest.raises(Failure, match="cannot be judged: the search does not find it in the own Agent"):
        hr_proposal.check(run, fake.targets[0])


def test_a_volume_that_is_not_there_has_not_no_files(tmp_path: Path) -> None:
    argv = [sys.executable, IN_POD / "volume.py", '{"count": ["acme"]}']
    done = subprocess.run(argv, env={"GATE_VOLUME": f"{tmp_path}/none"}, capture_output=True, text=True)
    assert done.returncode == 1 and "is no folder" in done.stderr
